"""Optimizer updates in place on a GPU. Twin: ``kernels/cpu/optimizer.py``, with the same table and formulas.

One launch updates many variables: ``table_of`` lists them with the addresses of their gradients and slots, each block
of threads finds by bisection which part of which variable is its own. float32. Scalars are numbers, dimensionless where
nothing else is said.
"""

from math import sqrt

import numpy as np

from .intrinsics import numbers_at
from .launch import THREADS, address, ceildiv, device as gpu, kernel
from .target import cuda, device, int64, uint32

BLOCK = 1024  # elements of a variable that a block of threads updates
BLOCKS, END, ADDRESSES = range(3)  # columns of a table


def table_of(*lists):
    """int64 on the GPU, a row for each variable: blocks and elements up to its last, then the addresses of its arrays.

    Good for as long as these arrays live and stay where they are.
    """
    cells, blocks, end = [], 0, 0
    for arrays in zip(*lists, strict=True):
        blocks += ceildiv(arrays[0].size, BLOCK)
        end += arrays[0].size
        cells += (blocks, end, *map(address, arrays))
    return gpu().array(np.array(cells, np.int64).reshape(-1, ADDRESSES + len(lists)))


def _blocks(table):
    return int(table[-1, BLOCKS])


@device
def _place(table, rows, columns):
    """(variable, this thread's first element, the end of the block's): the first variable that ends after the block."""
    block, row, last = int64(cuda.blockIdx.x), uint32(0), uint32(uint32(rows) - uint32(1))
    while row < last:
        middle = uint32((row + last) // uint32(2))
        if table[uint32(middle * uint32(columns))] > block:
            last = middle
        else:
            row = uint32(middle + uint32(1))
    blocks, elements = int64(0), int64(0)
    if row > uint32(0):
        before = uint32((row - uint32(1)) * uint32(columns))
        blocks, elements = table[before], table[uint32(before + uint32(END))]
    start = uint32((block - blocks) * int64(BLOCK))
    size = uint32(table[uint32(row * uint32(columns) + uint32(END))] - elements)
    stop = uint32(min(uint32(start + uint32(BLOCK)), size))
    return row, uint32(start + uint32(cuda.threadIdx.x)), stop


@device
def _array(table, columns, row, k):
    """Address of the variable's array in list k."""
    return numbers_at(table[uint32(row * uint32(columns) + uint32(ADDRESSES + k))])


@kernel("int64* int32 int32 float32")
def _sgd(table, rows, columns, learning_rate):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    while i < stop:
        w[i] = w[i] - learning_rate * g[i]
        i = uint32(i + uint32(THREADS))


def sgd(table, learning_rate):
    """w -= learning_rate g."""
    _sgd(_blocks(table), table, *table.shape, learning_rate)


@kernel("int64* int32 int32 float32 float32 float32 float32")
def _sgd_momentum(table, rows, columns, learning_rate, momentum, by_speed, by_step):
    row, i, stop = _place(table, rows, columns)
    g, w, m = _array(table, columns, row, 0), _array(table, columns, row, 1), _array(table, columns, row, 2)
    while i < stop:
        step = learning_rate * g[i]
        speed = momentum * m[i] - step
        w[i] = w[i] + (by_speed * speed - by_step * step)
        m[i] = speed
        i = uint32(i + uint32(THREADS))


def sgd_momentum(table, learning_rate, momentum, by_speed, by_step):
    """m = momentum m - learning_rate g; w += by_speed m - by_step learning_rate g.

    by_speed, by_step: 1 and 0, or momentum and 1 for Nesterov's look ahead.
    """
    _sgd_momentum(_blocks(table), table, *table.shape, learning_rate, momentum, by_speed, by_step)


@kernel("int64* int32 int32 float32 float32 float32 float32")
def _adam(table, rows, columns, alpha, rate_1, rate_2, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    m, v = _array(table, columns, row, 2), _array(table, columns, row, 3)
    while i < stop:
        average = m[i] + rate_1 * (g[i] - m[i])
        square = v[i] + rate_2 * (g[i] * g[i] - v[i])
        w[i] = w[i] - alpha * average / (sqrt(square) + epsilon)
        m[i] = average
        v[i] = square
        i = uint32(i + uint32(THREADS))


def adam(table, alpha, rate_1, rate_2, epsilon):
    """m += rate_1 (g - m); v += rate_2 (g^2 - v); w -= alpha m / (sqrt(v) + epsilon).

    alpha: learning rate times sqrt(1 - beta_2^t) / (1 - beta_1^t). rate_1, rate_2: 1 - beta_1 and 1 - beta_2.
    """
    _adam(_blocks(table), table, *table.shape, alpha, rate_1, rate_2, epsilon)


@kernel("int64* int32 int32 float32")
def _weight_decay(table, rows, columns, rate):
    row, i, stop = _place(table, rows, columns)
    w = _array(table, columns, row, 0)
    while i < stop:
        w[i] = w[i] - rate * w[i]
        i = uint32(i + uint32(THREADS))


def weight_decay(table, rate):
    """w -= rate w. rate: learning rate times decay."""
    _weight_decay(_blocks(table), table, *table.shape, rate)
