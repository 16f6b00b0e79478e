"""Bias over the last axis, forward and backward. Twin: ``kernels/cuda/bias.py``.

Matrices are (rows, channels), C-contiguous; the bias is (channels,), of the same dtype. Kernels see them flat: where
channels are few they stand in a pattern, many times side by side, and one loop goes over many rows at once.
"""

import numpy as np

from ..jit import inner, kernel
from .reduction import SUM, reduce_flat
from .simd import run
from .streams import is_large, stream_rows, wrapped
from .vectors import load

BLOCK = 16384  # elements of a task, about
WIDTH = 256  # elements of a pattern, about


def task_size(channels):
    """Elements that one task looks after: whole rows."""
    return -(-BLOCK // channels) * channels if channels else 1


def row_tasks(*args):
    """Number of tasks of a kernel whose first argument is a flat matrix and whose second is the ``task_size``."""
    return -(-args[0].size // args[1])


@inner
def pattern(row):
    """``row``, if it is short as often as it fits into WIDTH elements."""
    if 2 * row.size > WIDTH:
        return row
    repeated = np.empty(WIDTH // row.size * row.size, row.dtype)
    for start in range(0, repeated.size, row.size):
        for c in range(row.size):
            repeated[start + c] = row[c]
    return repeated


def bias_add(x, bias, y):
    """y[r, c] = x[r, c] + bias[c]. x, bias: read. y: as x, written."""
    add = _bias_add_past_caches if is_large(y) else _bias_add
    add(x.ravel(), task_size(bias.size), bias, y.ravel())


@kernel(tasks=row_tasks)
def _bias_add(block, x, size, bias, y):
    addend = pattern(bias)
    end = min(x.size, (block + 1) * size)
    for start in range(block * size, end, addend.size):
        count = min(addend.size, end - start)
        xs, ys = run(x, start, count), run(y, start, count)
        for i in range(count):
            ys[i] = xs[i] + addend[i]


@kernel(tasks=row_tasks)
def _bias_add_past_caches(block, x, size, bias, y):
    addend, count = pattern(bias), min(size, x.size - block * size)
    stream_rows(_sum, wrapped(addend), addend.size, run(x, block * size, count), run(y, block * size, count))


@inner
def _sum(x, addend, at):
    return x + load(addend, at)


def bias_add_grad(dy, dbias):
    """dbias[c] = sum of dy[r, c] over r. dy: read. dbias: written."""
    if dy.size:
        reduce_flat(SUM, dy.ravel(), (1, *dy.shape), dbias)
    else:
        dbias[...] = 0
