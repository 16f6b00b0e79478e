"""Batch normalization over the last axis, forward and backward. Twin: ``kernels/cuda/normalization.py``.

Matrices are (rows, channels), C-contiguous; gamma, beta, mean, variance and their gradients are (channels,), all of one
float dtype. With rstd = 1 / sqrt(variance + epsilon) and xhat = (x - mean) * rstd the layer is y = gamma * xhat + beta.
Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167, algorithm 1 and section 3.

Sums over the rows are taken over fixed blocks of rows first (one task each), and these are added in float64: the same
bits for any number of threads. The variance is made of squared deviations from each block's own mean, so no digits are
lost where the mean is large.
"""

import numpy as np

from ..jit import inner, kernel
from .bias import pattern, row_tasks, task_size
from .simd import clear, run
from .streams import past_caches, stream_rows, wrapped
from .vectors import fma, load


def _partial_sums(x):
    """Two arrays for sums over the rows of each task: (tasks, channels)."""
    channels = x.shape[1]
    return np.empty((2, -(-x.size // task_size(channels)), channels), x.dtype)


def _size_of(x):
    return x.dtype.type(x.shape[0])


@np.errstate(all="ignore")
def batch_statistics(x, mean, variance):
    """mean[c], variance[c] = those of the column x[:, c]; the variance is the mean of squared deviations.

    x: read, at least one row. mean, variance: written. With the mean m_b and the sum of squared deviations s_b of each
    block's n_b rows, the whole's are sum(n_b m_b) / n and sum(s_b + n_b (m_b - mean)^2). Chan, Golub and LeVeque,
    "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979, equation 2.1.
    All is counted from the first row, near which the others lie if their mean is large.
    """
    rows, channels = x.shape
    sums, squares = _partial_sums(x)
    _block_statistics(x.ravel(), task_size(channels), x[0], sums.ravel(), squares.ravel())
    counts = np.full((len(sums), 1), task_size(channels) // max(1, channels), np.float64)
    counts[-1:] -= counts.sum() - rows
    center = sums.sum(0, np.float64) / rows
    squares = squares + counts * (sums / counts - center) ** 2
    mean[...] = center + x[0]
    variance[...] = squares.sum(0) / rows


@kernel(tasks=row_tasks, work=lambda x, *_: x.size)
def _block_statistics(block, x, size, origin, sums, squares):
    """sums[block] = sum of a block's rows - origin; squares[block] = their squared deviations from the block's mean."""
    channels = origin.size
    xs = run(x, block * size, min(size, x.size - block * size))
    center = pattern(origin)
    totals = np.empty(center.size, x.dtype)
    clear(totals, 0, totals.size)
    for start in range(0, xs.size, totals.size):
        rows = run(xs, start, min(totals.size, xs.size - start))
        for i in range(rows.size):
            totals[i] += rows[i] - center[i]
    total = run(sums, block * channels, channels)
    _fold(totals, total)
    mean = np.empty(channels, x.dtype)
    for c in range(channels):
        mean[c] = origin[c] + total[c] / origin.dtype.type(xs.size // channels)
    center = pattern(mean)
    clear(totals, 0, totals.size)
    for start in range(0, xs.size, totals.size):
        rows = run(xs, start, min(totals.size, xs.size - start))
        for i in range(rows.size):
            deviation = rows[i] - center[i]
            totals[i] += deviation * deviation
    _fold(totals, run(squares, block * channels, channels))


@inner
def _fold(totals, sums):
    """sums = the sum of the rows that stand side by side in ``totals``."""
    for c in range(sums.size):
        sums[c] = totals[c]
    for start in range(sums.size, totals.size, sums.size):
        for c in range(sums.size):
            sums[c] += totals[start + c]


def _reciprocal_root(variance, epsilon):
    return variance.dtype.type(1) / np.sqrt(variance + epsilon)


@np.errstate(all="ignore")
def batch_norm(x, gamma, beta, mean, variance, epsilon, y):
    """y = gamma * xhat + beta. x, gamma, beta, mean, variance: read. y: as x, written."""
    scale = gamma * _reciprocal_root(variance, epsilon)
    _normalize(x.ravel(), task_size(beta.size), scale, mean, beta, y.ravel())


@kernel(tasks=row_tasks)
def _normalize(block, x, size, scale, mean, beta, y):
    """y[r, c] = scale[c] * (x[r, c] - mean[c]) + beta[c]."""
    factor, center, offset = pattern(scale), pattern(mean), pattern(beta)
    end = min(x.size, (block + 1) * size)
    if past_caches(y):
        xs, ys = run(x, block * size, end - block * size), run(y, block * size, end - block * size)
        stream_rows(_normal, (wrapped(factor), wrapped(center), wrapped(offset)), factor.size, xs, ys)
        return
    for start in range(block * size, end, factor.size):
        count = min(factor.size, end - start)
        xs, ys = run(x, start, count), run(y, start, count)
        for i in range(count):
            ys[i] = fma(factor[i], xs[i] - center[i], offset[i])


@inner
def _normal(x, tables, at):
    scale, mean, beta = tables
    return fma(load(scale, at), x - load(mean, at), load(beta, at))


@np.errstate(all="ignore")
def batch_norm_grad(dy, x, gamma, mean, variance, epsilon, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = gamma * rstd * (dy - (dbeta + xhat * dgamma) / rows).

    dy, x, gamma: read. mean, variance: read, those of x's columns. dx: as x, dgamma, dbeta: written.
    """
    channels = x.shape[1]
    sums, products = _partial_sums(x)
    _block_sums(dy.ravel(), task_size(channels), x.ravel(), mean, sums.ravel(), products.ravel())
    rstd = _reciprocal_root(variance, epsilon)
    dbeta[...] = sums.sum(0, np.float64)
    dgamma[...] = products.sum(0, np.float64) * rstd
    if x.size:  # dx = scale * (dy - offset - slope * (x - mean))
        offset, slope = dbeta / _size_of(x), dgamma * rstd / _size_of(x)
        _input_grad(dy.ravel(), task_size(channels), x.ravel(), gamma * rstd, offset, slope, mean, dx.ravel())


@kernel(tasks=row_tasks, work=lambda dy, *_: dy.size)
def _block_sums(block, dy, size, x, mean, sums, products):
    """sums[block] = sum of a block's rows of dy; products[block] = sum of dy[:, c] * (x[:, c] - mean[c])."""
    center = pattern(mean)
    totals, weighted = np.empty(center.size, x.dtype), np.empty(center.size, x.dtype)
    clear(totals, 0, totals.size)
    clear(weighted, 0, weighted.size)
    end = min(x.size, (block + 1) * size)
    for start in range(block * size, end, center.size):
        count = min(center.size, end - start)
        dys, xs = run(dy, start, count), run(x, start, count)
        for i in range(count):
            totals[i] += dys[i]
            weighted[i] += dys[i] * (xs[i] - center[i])
    _fold(totals, run(sums, block * mean.size, mean.size))
    _fold(weighted, run(products, block * mean.size, mean.size))


@kernel(tasks=row_tasks)
def _input_grad(block, dy, size, x, scale, offset, slope, mean, dx):
    """dx[r, c] = scale[c] * (dy[r, c] - offset[c] - slope[c] * (x[r, c] - mean[c]))."""
    factor, less, tilt, center = pattern(scale), pattern(offset), pattern(slope), pattern(mean)
    end = min(x.size, (block + 1) * size)
    for start in range(block * size, end, factor.size):
        count = min(factor.size, end - start)
        dys, xs, dxs = run(dy, start, count), run(x, start, count), run(dx, start, count)
        for i in range(count):
            dxs[i] = factor[i] * (dys[i] - less[i] - tilt[i] * (xs[i] - center[i]))
