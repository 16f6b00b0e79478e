"""Batch normalization over the last axis, forward and backward. Twin: ``kernels/cuda/normalization.py``.

Matrices are (rows, channels), C-contiguous; gamma, beta, mean, variance and their gradients are (channels,), all of one
float dtype. With rstd = 1 / sqrt(variance + epsilon) and xhat = (x - mean) * rstd the layer is y = gamma * xhat + beta.
Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167, algorithm 1 and section 3.

Sums over the rows are taken over fixed blocks of rows first, and the variance in a second pass, round the mean: the
same bits for any number of threads, and no cancellation where the mean is large.
"""

import numpy as np
from numba import prange

from ..jit import exact, inner, kernel
from .bias import add_up, row_blocks, rows_of


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


@inner
def _divide(sums, rows):
    """sums /= rows."""
    for c in range(sums.size):
        sums[c] /= sums.dtype.type(rows)


@inner
def _normalize(x, scale, mean, beta, y):
    """y[r, c] = scale[c] * (x[r, c] - mean[c]) + beta[c]."""
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[r, c] = scale[c] * (x[r, c] - mean[c]) + beta[c]


@kernel(parallel=True, work=lambda x, *_: x.size)
def batch_norm(x, gamma, beta, epsilon, y, mean, variance):
    """mean, variance = those of x's columns (variance = mean of squared deviations); y = gamma * xhat + beta.

    x, gamma, beta: read. y: as x, written. mean, variance: written. At least one row.
    """
    partials = np.zeros((row_blocks(x), x.shape[1]), x.dtype)
    for block in prange(row_blocks(x)):
        rows, sums = rows_of(x, block), partials[block]
        for r in range(rows.shape[0]):
            for c in range(sums.size):
                sums[c] += rows[r, c]
    add_up(partials, mean)
    _divide(mean, x.shape[0])
    for block in prange(row_blocks(x)):
        rows, sums = rows_of(x, block), partials[block]
        for c in range(sums.size):
            sums[c] = 0
        for r in range(rows.shape[0]):
            for c in range(sums.size):
                sums[c] += (rows[r, c] - mean[c]) * (rows[r, c] - mean[c])
    add_up(partials, variance)
    _divide(variance, x.shape[0])
    scale = _scales(gamma, variance, epsilon)
    for block in prange(row_blocks(x)):
        _normalize(rows_of(x, block), scale, mean, beta, rows_of(y, block))


@kernel(parallel=True)
def batch_norm_inference(x, gamma, beta, mean, variance, epsilon, y):
    """y = gamma * xhat + beta with the mean and the variance given. All are read but y, which is written."""
    scale = _scales(gamma, variance, epsilon)
    for block in prange(row_blocks(x)):
        _normalize(rows_of(x, block), scale, mean, beta, rows_of(y, block))


@kernel(parallel=True, work=lambda dy, *_: dy.size)
def batch_norm_grad(dy, x, gamma, mean, variance, epsilon, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = gamma * rstd * (dy - (dbeta + xhat * dgamma) / rows).

    dy, x: read. gamma: read. mean, variance: read, those of x's columns. dx: as x, dgamma, dbeta: written.
    """
    partials = np.zeros((2, row_blocks(x), x.shape[1]), x.dtype)
    for block in prange(row_blocks(x)):
        dys, xs, sums, products = rows_of(dy, block), rows_of(x, block), partials[0, block], partials[1, block]
        for r in range(xs.shape[0]):
            for c in range(sums.size):
                sums[c] += dys[r, c]
                products[c] += dys[r, c] * (xs[r, c] - mean[c])
    add_up(partials[0], dbeta)
    add_up(partials[1], dgamma)
    # With both sums divided by rows: dx = gamma * rstd * (dy - offset - slope * (x - mean)).
    scale, offset, slope = _scales(gamma, variance, epsilon), np.empty_like(gamma), np.empty_like(gamma)
    _reciprocal_root(variance, epsilon, slope)
    for c in range(gamma.size):
        dgamma[c] *= slope[c]
        offset[c] = dbeta[c] / gamma.dtype.type(x.shape[0])
        slope[c] *= dgamma[c] / gamma.dtype.type(x.shape[0])
    for block in prange(row_blocks(x)):
        dys, xs, out = rows_of(dy, block), rows_of(x, block), rows_of(dx, block)
        for r in range(xs.shape[0]):
            for c in range(scale.size):
                out[r, c] = scale[c] * (dys[r, c] - offset[c] - slope[c] * (xs[r, c] - mean[c]))
