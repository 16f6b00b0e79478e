"""Optimizer updates in place on a GPU, and the norm for clipping gradients. Twin: ``kernels/cpu/optimizer.py``.

One launch updates many variables: ``table_of`` lists them with the addresses of their gradients and slots, each block
of threads finds by bisection which part of which variable is its own. Formulas and their sources stand in the twin.
float32. Scalars are dimensionless where nothing else is said; those that change from step to step kernels read from
the GPU's memory, where ``rates.py`` puts them.
"""

from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from .intrinsics import numbers_at
from .launch import THREADS, address, ceildiv, device as gpu, kernel
from .reduction import of_block
from .scalar import HALF, ONE, ZERO
from .target import cuda, device, float32, int64, uint32

BLOCK = 1024  # elements of a variable that a block of threads updates
BLOCKS, END, ADDRESSES = range(3)  # columns of a table
SQUARES = 8192  # elements whose squares a block of threads adds up


class Table(NamedTuple):
    """int64 cells on the GPU, a row for each variable: blocks and elements up to its last, addresses of its arrays."""

    cells: Any
    rows: int
    columns: int
    blocks: int
    arrays: tuple  # which must live as long as the table: it has their addresses


def table_of(*lists):
    """The Table of variables: lists of arrays, one array for each variable in each.

    Raises: NotImplementedError unless all are float32: kernels see addresses, not what lies there.
    """
    cells, blocks, end = [], 0, 0
    for arrays in zip(*lists, strict=True):
        if other := [array.dtype for array in arrays if array.dtype != np.float32]:
            raise NotImplementedError(f"updates of {other[0]}")
        blocks += ceildiv(arrays[0].size, BLOCK)
        end += arrays[0].size
        cells.append((blocks, end, *map(address, arrays)))
    columns = ADDRESSES + len(lists)
    values = np.array(cells, np.int64).reshape(-1, columns)
    return Table(gpu().table(values), len(cells), columns, blocks, tuple(map(tuple, lists)))


def _update(kernel, table, *scalars):
    kernel(table.blocks, table.cells, table.rows, table.columns, *scalars)


def _in_memory(number):
    """Where the GPU finds a number: an array of one, as ``rates.py`` gives it, stays what it is."""
    return gpu().table(np.array([number], np.float32)) if isinstance(number, (np.generic, float, int)) else number


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


@kernel("int64* int32 int32 float32*")
def _sgd(table, rows, columns, learning_rate):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    while i < stop:
        w[i] = w[i] - learning_rate[0] * g[i]
        i = uint32(i + uint32(THREADS))


def sgd(table, learning_rate):
    """w -= learning_rate g."""
    _update(_sgd, table, _in_memory(learning_rate))


@kernel("int64* int32 int32 float32* float32 float32 float32")
def _sgd_momentum(table, rows, columns, learning_rate, momentum, by_speed, by_step):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    m = _array(table, columns, row, 2)
    while i < stop:
        step = learning_rate[0] * g[i]
        speed = momentum * m[i] - step
        w[i] = w[i] + (by_speed * speed - by_step * step)
        m[i] = speed
        i = uint32(i + uint32(THREADS))


def sgd_momentum(table, learning_rate, momentum, by_speed, by_step):
    """m = momentum m - learning_rate g; w += by_speed m - by_step learning_rate g.

    by_speed, by_step: 1 and 0, or momentum and 1 for Nesterov's look ahead.
    """
    _update(_sgd_momentum, table, _in_memory(learning_rate), momentum, by_speed, by_step)


@kernel("int64* int32 int32 float32* float32 float32")
def _rmsprop(table, rows, columns, learning_rate, rate, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    v = _array(table, columns, row, 2)
    while i < stop:
        square = v[i] + rate * (g[i] * g[i] - v[i])
        w[i] = w[i] - learning_rate[0] * g[i] / float32(sqrt(square + epsilon))
        v[i] = square
        i = uint32(i + uint32(THREADS))


def rmsprop(table, learning_rate, rate, epsilon):
    """v += rate (g^2 - v); w -= learning_rate g / sqrt(v + epsilon). rate: 1 - rho. epsilon: in units of g^2."""
    _update(_rmsprop, table, _in_memory(learning_rate), rate, epsilon)


@kernel("int64* int32 int32 float32* float32 float32 float32")
def _rmsprop_momentum(table, rows, columns, learning_rate, rate, epsilon, momentum):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    v, m = _array(table, columns, row, 2), _array(table, columns, row, 3)
    while i < stop:
        square = v[i] + rate * (g[i] * g[i] - v[i])
        speed = momentum * m[i] + learning_rate[0] * g[i] / float32(sqrt(square + epsilon))
        w[i] = w[i] - speed
        v[i] = square
        m[i] = speed
        i = uint32(i + uint32(THREADS))


def rmsprop_momentum(table, learning_rate, rate, epsilon, momentum):
    """As ``rmsprop``, by way of m = momentum m + learning_rate g / sqrt(v + epsilon); w -= m."""
    _update(_rmsprop_momentum, table, _in_memory(learning_rate), rate, epsilon, momentum)


@kernel("int64* int32 int32 float32* float32 float32 float32")
def _rmsprop_centered(table, rows, columns, learning_rate, rate, epsilon, momentum):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    v, m = _array(table, columns, row, 2), _array(table, columns, row, 3)
    mean = _array(table, columns, row, 4)
    while i < stop:
        square = v[i] + rate * (g[i] * g[i] - v[i])
        average = mean[i] + rate * (g[i] - mean[i])
        root = float32(sqrt(square - average * average + epsilon))
        speed = momentum * m[i] + learning_rate[0] * g[i] / root
        w[i] = w[i] - speed
        v[i] = square
        m[i] = speed
        mean[i] = average
        i = uint32(i + uint32(THREADS))


def rmsprop_centered(table, learning_rate, rate, epsilon, momentum):
    """As ``rmsprop_momentum``, with the variance v - mean^2 in place of v, where mean += rate (g - mean)."""
    _update(_rmsprop_centered, table, _in_memory(learning_rate), rate, epsilon, momentum)


@kernel("int64* int32 int32 float32* float32 float32 float32")
def _adam(table, rows, columns, alpha, rate_1, rate_2, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    m, v = _array(table, columns, row, 2), _array(table, columns, row, 3)
    while i < stop:
        average = m[i] + rate_1 * (g[i] - m[i])
        square = v[i] + rate_2 * (g[i] * g[i] - v[i])
        w[i] = w[i] - alpha[0] * average / (float32(sqrt(square)) + epsilon)
        m[i] = average
        v[i] = square
        i = uint32(i + uint32(THREADS))


def adam(table, alpha, rate_1, rate_2, epsilon):
    """m += rate_1 (g - m); v += rate_2 (g^2 - v); w -= alpha m / (sqrt(v) + epsilon).

    alpha: learning rate times sqrt(1 - beta_2^t) / (1 - beta_1^t). rate_1, rate_2: 1 - beta_1 and 1 - beta_2.
    """
    _update(_adam, table, _in_memory(alpha), rate_1, rate_2, epsilon)


@kernel("int64* int32 int32 float32* float32 float32 float32")
def _adam_amsgrad(table, rows, columns, alpha, rate_1, rate_2, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    m, v = _array(table, columns, row, 2), _array(table, columns, row, 3)
    top = _array(table, columns, row, 4)
    while i < stop:
        average = m[i] + rate_1 * (g[i] - m[i])
        square = v[i] + rate_2 * (g[i] * g[i] - v[i])
        largest = max(top[i], square)
        w[i] = w[i] - alpha[0] * average / (float32(sqrt(largest)) + epsilon)
        m[i] = average
        v[i] = square
        top[i] = largest
        i = uint32(i + uint32(THREADS))


def adam_amsgrad(table, alpha, rate_1, rate_2, epsilon):
    """As ``adam``, with the largest v so far, v_max, in place of v."""
    _update(_adam_amsgrad, table, _in_memory(alpha), rate_1, rate_2, epsilon)


@kernel("int64* int32 int32 float32* float32 float32 float32")
def _adamax(table, rows, columns, alpha, rate, beta, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    m, u = _array(table, columns, row, 2), _array(table, columns, row, 3)
    while i < stop:
        average = m[i] + rate * (g[i] - m[i])
        norm = max(beta * u[i], abs(g[i]))
        w[i] = w[i] - alpha[0] * average / (norm + epsilon)
        m[i] = average
        u[i] = norm
        i = uint32(i + uint32(THREADS))


def adamax(table, alpha, rate, beta, epsilon):
    """m += rate (g - m); u = max(beta u, |g|); w -= alpha m / (u + epsilon).

    alpha: learning rate / (1 - beta_1^t). rate: 1 - beta_1. beta: beta_2.
    """
    _update(_adamax, table, _in_memory(alpha), rate, beta, epsilon)


@kernel("int64* int32 int32 float32* float32* float32 float32 float32* float32")
def _nadam(table, rows, columns, by_average, by_gradient, rate_1, rate_2, growth, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    m, v = _array(table, columns, row, 2), _array(table, columns, row, 3)
    while i < stop:
        average = m[i] + rate_1 * (g[i] - m[i])
        square = v[i] + rate_2 * (g[i] * g[i] - v[i])
        step = by_average[0] * average + by_gradient[0] * g[i]
        w[i] = w[i] - step / (float32(sqrt(growth[0] * square)) + epsilon)
        m[i] = average
        v[i] = square
        i = uint32(i + uint32(THREADS))


def nadam(table, by_average, by_gradient, rate_1, rate_2, growth, epsilon):
    """m, v as in ``adam``; w -= (by_average m + by_gradient g) / (sqrt(growth v) + epsilon).

    by_average, by_gradient: the learning rate times Nesterov's look ahead. growth: 1 / (1 - beta_2^t).
    """
    _update(_nadam, table, _in_memory(by_average), _in_memory(by_gradient), rate_1, rate_2, _in_memory(growth), epsilon)


@kernel("int64* int32 int32 float32* float32")
def _adagrad(table, rows, columns, learning_rate, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    a = _array(table, columns, row, 2)
    while i < stop:
        total = a[i] + g[i] * g[i]
        w[i] = w[i] - learning_rate[0] * g[i] / float32(sqrt(total + epsilon))
        a[i] = total
        i = uint32(i + uint32(THREADS))


def adagrad(table, learning_rate, epsilon):
    """a += g^2; w -= learning_rate g / sqrt(a + epsilon)."""
    _update(_adagrad, table, _in_memory(learning_rate), epsilon)


@kernel("int64* int32 int32 float32* float32 float32")
def _adadelta(table, rows, columns, learning_rate, rate, epsilon):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    a, d = _array(table, columns, row, 2), _array(table, columns, row, 3)
    while i < stop:
        square = a[i] + rate * (g[i] * g[i] - a[i])
        step = float32(sqrt(d[i] + epsilon)) / float32(sqrt(square + epsilon)) * g[i]
        w[i] = w[i] - learning_rate[0] * step
        a[i] = square
        d[i] = d[i] + rate * (step * step - d[i])
        i = uint32(i + uint32(THREADS))


def adadelta(table, learning_rate, rate, epsilon):
    """a += rate (g^2 - a); s = sqrt((d + epsilon) / (a + epsilon)) g; d += rate (s^2 - d); w -= learning_rate s.

    rate: 1 - rho.
    """
    _update(_adadelta, table, _in_memory(learning_rate), rate, epsilon)


@kernel("int64* int32 int32 float32* float32 float32 float32* float32")
def _ftrl(table, rows, columns, learning_rate, power, l1, l2, shrinkage):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    a, z = _array(table, columns, row, 2), _array(table, columns, row, 3)
    while i < stop:
        total = a[i] + g[i] * g[i]
        grown = total**power
        linear = z[i] + g[i] + shrinkage * w[i] - (grown - a[i] ** power) / learning_rate[0] * w[i]
        w[i] = (min(max(linear, -l1), l1) - linear) / (grown / learning_rate[0] + l2[0])
        a[i] = total
        z[i] = linear
        i = uint32(i + uint32(THREADS))


def ftrl(table, learning_rate, power, l1, l2, shrinkage):
    """z += g + shrinkage w - ((a + g^2)^power - a^power) / learning_rate w; a += g^2;
    w = (clip(z, -l1, l1) - z) / (a^power / learning_rate + l2).

    power: minus the learning rate's. l2, shrinkage: twice the penalties.
    """
    _update(_ftrl, table, _in_memory(learning_rate), power, l1, _in_memory(l2), shrinkage)


@device
def _sign(x):
    """1, -1, or x where x is zero or NaN."""
    if x > ZERO:
        return ONE
    return -ONE if x < ZERO else x


@kernel("int64* int32 int32 float32* float32 float32")
def _lion(table, rows, columns, learning_rate, beta_1, beta_2):
    row, i, stop = _place(table, rows, columns)
    g, w = _array(table, columns, row, 0), _array(table, columns, row, 1)
    m = _array(table, columns, row, 2)
    while i < stop:
        w[i] = w[i] - learning_rate[0] * _sign(beta_1 * m[i] + (ONE - beta_1) * g[i])
        m[i] = beta_2 * m[i] + (ONE - beta_2) * g[i]
        i = uint32(i + uint32(THREADS))


def lion(table, learning_rate, beta_1, beta_2):
    """w -= learning_rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g."""
    _update(_lion, table, _in_memory(learning_rate), beta_1, beta_2)


@kernel("int64* int32 int32 float32*")
def _weight_decay(table, rows, columns, rate):
    row, i, stop = _place(table, rows, columns)
    w = _array(table, columns, row, 0)
    while i < stop:
        w[i] = w[i] - rate[0] * w[i]
        i = uint32(i + uint32(THREADS))


def weight_decay(table, rate):
    """w -= rate w. rate: learning rate times decay."""
    _update(_weight_decay, table, _in_memory(rate))


@device
def _add(a, b):
    return a + b


@kernel("float32* float32* int32")
def _sums_of_squares(x, partials, n):
    """partials[block] = sum(x^2) of a block's elements."""
    start = uint32(uint32(cuda.blockIdx.x) * uint32(SQUARES))
    i, stop = uint32(start + uint32(cuda.threadIdx.x)), uint32(min(uint32(start + uint32(SQUARES)), uint32(n)))
    total = ZERO
    while i < stop:
        total = total + x[i] * x[i]
        i = uint32(i + uint32(THREADS))
    total = of_block(_add, total)
    if cuda.threadIdx.x == 0:
        partials[cuda.blockIdx.x] = total


@kernel("float32* float32* int32")
def _half_of_sum(partials, y, n):
    i, total = uint32(cuda.threadIdx.x), ZERO
    while i < uint32(n):
        total = total + partials[i]
        i = uint32(i + uint32(THREADS))
    total = of_block(_add, total)
    if cuda.threadIdx.x == 0:
        y[0] = HALF * total


def l2_loss(x, y):
    """y[0] = sum(x^2) / 2. x: float32 (n,), read. y: (1,), written."""
    parts = ceildiv(x.size, SQUARES)
    partials = gpu().empty((max(1, parts),), np.float32)
    _sums_of_squares(parts, x, partials, x.size)
    _half_of_sum(1, partials, y, parts)
