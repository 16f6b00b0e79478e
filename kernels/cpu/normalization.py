"""Batch normalization over the last axis, forward and backward. Twin: ``kernels/cuda/normalization.py``.

Matrices are (rows, channels), C-contiguous; gamma, beta, mean, variance and their gradients are (channels,), all of one
float dtype. With rstd = 1 / sqrt(variance + epsilon) and xhat = (x - mean) * rstd the layer is y = gamma * xhat + beta.
Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167, algorithm 1 and section 3.

Sums over the rows are taken over fixed blocks of rows first: the same bits for any number of threads. The variance is
made of squared deviations from each block's own mean, so no digits are lost where the mean is large.
"""

import numpy as np
from numba import prange

from ..jit import exact, inner, kernel
from .bias import ROWS, add_up, row_blocks, rows_of


@exact  # with fastmath the root would be an estimate
def _reciprocal_root(variance, epsilon, rstd):
    """rstd = 1 / sqrt(variance + epsilon)."""
    for c in range(variance.size):
        rstd[c] = rstd.dtype.type(1) / np.sqrt(variance[c] + epsilon)


@inner
def _scales(gamma, variance, epsilon):
    """gamma / sqrt(variance + epsilon): (channels,)."""
    scale = np.empty_like(gamma)
    _reciprocal_root(variance, epsilon, scale)
    for c in range(gamma.size):
        scale[c] *= gamma[c]
    return scale


@kernel(parallel=True, work=lambda x, *_: x.size)
def batch_statistics(x, mean, variance):
    """mean[c], variance[c] = those of the column x[:, c]; the variance is the mean of squared deviations.

    x: read, at least one row. mean, variance: written. With the mean m_b and the sum of squared deviations s_b of each
    block's n_b rows, the whole's are sum(n_b m_b) / n and sum(s_b + n_b (m_b - mean)^2). Chan, Golub and LeVeque,
    "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979, equation 2.1.
    All is counted from the first row, near which the others lie if their mean is large.
    """
    sums = np.empty((row_blocks(x), x.shape[1]), x.dtype)
    squares = np.empty((row_blocks(x), x.shape[1]), x.dtype)
    for block in prange(row_blocks(x)):
        _block_statistics(rows_of(x, block), x[0], sums[block], squares[block])
    weighted = sums.copy()
    add_up(weighted, mean)
    for c in range(mean.size):
        mean[c] /= x.dtype.type(x.shape[0])
    for block in range(row_blocks(x)):
        rows = x.dtype.type(min(ROWS, x.shape[0] - block * ROWS))
        for c in range(mean.size):
            deviation = sums[block, c] / rows - mean[c]
            squares[block, c] += rows * deviation * deviation
    add_up(squares, variance)
    for c in range(mean.size):
        mean[c] += x[0, c]
        variance[c] /= x.dtype.type(x.shape[0])


@inner
def _block_statistics(x, origin, sums, squares):
    """sums[c] = sum of x[:, c] - origin[c]; squares[c] = sum of squared deviations from the mean of x[:, c]."""
    for c in range(sums.size):
        sums[c] = squares[c] = 0
    for r in range(x.shape[0]):
        for c in range(sums.size):
            sums[c] += x[r, c] - origin[c]
    mean = np.empty_like(sums)
    for c in range(sums.size):
        mean[c] = sums[c] / sums.dtype.type(x.shape[0])
    for r in range(x.shape[0]):
        for c in range(sums.size):
            deviation = x[r, c] - origin[c] - mean[c]
            squares[c] += deviation * deviation


@kernel(parallel=True)
def batch_norm(x, gamma, beta, mean, variance, epsilon, y):
    """y = gamma * xhat + beta. x, gamma, beta, mean, variance: read. y: as x, written."""
    scale = _scales(gamma, variance, epsilon)
    for block in prange(row_blocks(x)):
        _normalize(rows_of(x, block), scale, mean, beta, rows_of(y, block))


@inner
def _normalize(x, scale, mean, beta, y):
    """y[r, c] = scale[c] * (x[r, c] - mean[c]) + beta[c]."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[r, c] = scale[c] * (x[r, c] - mean[c]) + beta[c]


@kernel(parallel=True, work=lambda dy, *_: dy.size)
def batch_norm_grad(dy, x, gamma, mean, variance, epsilon, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = gamma * rstd * (dy - (dbeta + xhat * dgamma) / rows).

    dy, x, gamma: read. mean, variance: read, those of x's columns. dx: as x, dgamma, dbeta: written.
    """
    sums = np.empty((row_blocks(x), x.shape[1]), x.dtype)
    products = np.empty((row_blocks(x), x.shape[1]), x.dtype)
    for block in prange(row_blocks(x)):
        _block_sums(rows_of(dy, block), rows_of(x, block), mean, sums[block], products[block])
    add_up(sums, dbeta)
    add_up(products, dgamma)
    # With both sums divided by rows: dx = gamma * rstd * (dy - offset - slope * (x - mean)).
    scale, offset, slope = _scales(gamma, variance, epsilon), np.empty_like(gamma), np.empty_like(gamma)
    _reciprocal_root(variance, epsilon, slope)
    for c in range(gamma.size):
        dgamma[c] *= slope[c]
        offset[c] = dbeta[c] / gamma.dtype.type(x.shape[0])
        slope[c] *= dgamma[c] / gamma.dtype.type(x.shape[0])
    for block in prange(row_blocks(x)):
        _block_grad(rows_of(dy, block), rows_of(x, block), scale, offset, slope, mean, rows_of(dx, block))


@inner
def _block_sums(dy, x, mean, sums, products):
    """sums[c] = sum of dy[:, c]; products[c] = sum of dy[:, c] * (x[:, c] - mean[c])."""
    for c in range(sums.size):
        sums[c] = products[c] = 0
    for r in range(x.shape[0]):
        for c in range(sums.size):
            sums[c] += dy[r, c]
            products[c] += dy[r, c] * (x[r, c] - mean[c])


@inner
def _block_grad(dy, x, scale, offset, slope, mean, dx):
    """dx[r, c] = scale[c] * (dy[r, c] - offset[c] - slope[c] * (x[r, c] - mean[c]))."""
    for r in range(x.shape[0]):
        for c in range(scale.size):
            dx[r, c] = scale[c] * (dy[r, c] - offset[c] - slope[c] * (x[r, c] - mean[c]))
