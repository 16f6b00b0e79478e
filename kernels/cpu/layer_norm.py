"""Layer normalization, forward and backward. Twin: ``kernels/cuda/layer_norm.py``.

Matrices are (rows, size), C-contiguous; gamma and beta are (size,), mean and rstd (rows,), all of one float dtype. With
the mean and the variance of each row and rstd = 1 / sqrt(variance + epsilon), xhat = (x - mean) * rstd, the layer is
y = gamma * xhat + beta. Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450, equations 3 and 4.

A task is a block of rows. Sums over the rows are taken in each block first, and these are added in float64: the same
bits for any number of threads.
"""

import numpy as np

from ..jit import inner, kernel
from .simd import clear, run

BLOCK = 8192  # elements of a task, about


def _rows_of_task(size):
    return max(1, BLOCK // max(1, size))


def _tasks(x, *_):
    return -(-x.shape[0] // _rows_of_task(x.shape[1]))


def layer_norm(x, gamma, beta, epsilon, y, mean, rstd):
    """y = gamma * xhat + beta. x, gamma, beta: read. epsilon: in units of x squared. y: as x, mean, rstd: written."""
    _forward(x, _rows_of_task(x.shape[1]), gamma, beta, epsilon, y, mean, rstd)


@kernel(tasks=_tasks, work=lambda x, *_: 4 * x.size)
def _forward(block, x, count, gamma, beta, epsilon, y, mean, rstd):
    size, one = gamma.size, x.dtype.type(1)
    share = one / x.dtype.type(max(1, size))
    for r in range(block * count, min(x.shape[0], (block + 1) * count)):
        xs, ys = run(x, r * size, size), run(y, r * size, size)
        total = x.dtype.type(0)
        for i in range(size):
            total += xs[i]
        center = total * share
        squares = x.dtype.type(0)
        for i in range(size):
            squares += (xs[i] - center) * (xs[i] - center)
        root = one / np.sqrt(squares * share + epsilon)
        for i in range(size):
            ys[i] = (xs[i] - center) * root * gamma[i] + beta[i]
        mean[r], rstd[r] = center, root


def layer_norm_grad(dy, x, gamma, mean, rstd, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = gamma * dy.

    The sums go over the rows, the means along them. dy, x, gamma, mean, rstd: read. dx: as x, dgamma, dbeta: written.
    """
    sums = np.empty((2, _tasks(x), x.shape[1]), x.dtype)
    _backward(x, _rows_of_task(x.shape[1]), dy, gamma, mean, rstd, dx, sums[0], sums[1])
    _add_up(sums[0], dgamma)
    _add_up(sums[1], dbeta)


@kernel
def _add_up(parts, y):
    """y[i] = sum of parts[b, i] over b, in float64."""
    for i in range(y.size):
        total = 0.0
        for b in range(parts.shape[0]):
            total += parts[b, i]
        y[i] = total


@kernel(tasks=_tasks, work=lambda x, *_: 8 * x.size)
def _backward(block, x, count, dy, gamma, mean, rstd, dx, products, sums):
    size = gamma.size
    share = x.dtype.type(1) / x.dtype.type(max(1, size))
    weighted, total = run(products, block * size, size), run(sums, block * size, size)
    clear(weighted, 0, size)
    clear(total, 0, size)
    for r in range(block * count, min(x.shape[0], (block + 1) * count)):
        xs, dys, dxs = run(x, r * size, size), run(dy, r * size, size), run(dx, r * size, size)
        _row_backward(xs, dys, gamma, mean[r], rstd[r], share, dxs, weighted, total)


@inner
def _row_backward(x, dy, gamma, mean, rstd, share, dx, weighted, total):
    """dx of one row; its dy * xhat and dy are added to ``weighted`` and ``total``."""
    along, across = x.dtype.type(0), x.dtype.type(0)
    for i in range(x.size):
        g, xhat = gamma[i] * dy[i], (x[i] - mean) * rstd
        along += g
        across += g * xhat
        weighted[i] += dy[i] * xhat
        total[i] += dy[i]
    along, across = along * share, across * share
    for i in range(x.size):
        dx[i] = rstd * (gamma[i] * dy[i] - along - (x[i] - mean) * rstd * across)
