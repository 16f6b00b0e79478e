"""Bias over the last axis, forward and backward. Twin: ``kernels/cuda/bias.py``.

Matrices are (rows, channels), C-contiguous; the bias is (channels,), of the same dtype.
"""

import numpy as np
from numba import prange

from ..jit import inner, kernel

ROWS = 128  # of one task


@inner
def row_blocks(x):
    """Number of tasks that the rows of ``x`` make."""
    return (x.shape[0] + ROWS - 1) // ROWS


@inner
def rows_of(x, block):
    """The rows of ``x`` that belong to one task."""
    return x[block * ROWS : (block + 1) * ROWS]


@inner
def add_up(partials, total):
    """total[c] = sum of partials[:, c], by halves, which keeps the rounding error small. partials: overwritten."""
    count = partials.shape[0]
    while count > 1:
        half = (count + 1) // 2
        for block in range(count - half):
            for c in range(total.size):
                partials[block, c] += partials[half + block, c]
        count = half
    for c in range(total.size):
        total[c] = partials[0, c] if count else 0


@kernel(tasks=lambda x, bias, y: -(-x.shape[0] // ROWS))
def bias_add(block, x, bias, y):
    """y[r, c] = x[r, c] + bias[c]. x, bias: read. y: as x, written."""
    xs, ys = rows_of(x, block), rows_of(y, block)
    for r in range(xs.shape[0]):
        for c in range(bias.size):
            ys[r, c] = xs[r, c] + bias[c]


@inner
def sum_rows(x, sums):
    """sums[c] = sum of x[:, c], added in order."""
    for c in range(sums.size):
        sums[c] = 0
    for r in range(x.shape[0]):
        for c in range(sums.size):
            sums[c] += x[r, c]


@kernel(parallel=True, work=lambda dy, _: dy.size)
def bias_add_grad(dy, dbias):
    """dbias[c] = sum of dy[r, c] over r: first over ROWS rows each, then over these sums. dy: read. dbias: written."""
    partials = np.empty((row_blocks(dy), dbias.size), dy.dtype)  # np.zeros would become a second parallel region
    for block in prange(row_blocks(dy)):
        sum_rows(rows_of(dy, block), partials[block])
    add_up(partials, dbias)
