"""Layer normalization on a GPU, forward and backward. Twin: ``kernels/cpu/layer_norm.py``.

Matrices are (rows, size), C-contiguous; gamma and beta are (size,), mean and rstd (rows,), float32. With the mean and
the variance of each row and rstd = 1 / sqrt(variance + epsilon), xhat = (x - mean) * rstd, the layer is
y = gamma * xhat + beta.

Along a row walks a warp, or, where rows are long, a block. Sums over the rows are made as in ``normalization.py``.
"""

from math import sqrt

import numpy as np

from .launch import THREADS, ceildiv, device as gpu, kernel
from .normalization import place, split, two_of_channel
from .reduction import WARP, WARPS, of_block, of_warp
from .scalar import ONE, ZERO
from .target import cuda, device, float32, int64, uint32

LONG = 1024  # elements of a row from which on a block has it

_FORWARD = "float32* float32* float32* float32 float32* float32* float32* int32 int32"
_BACKWARD = "float32* float32* float32* float32* float32* float32* int32 int32"


def _rows_of(short, long, x, *args):
    """Launches the kernel for short rows, or the one for long rows."""
    rows, size = x.shape
    if size < LONG:
        short(ceildiv(rows, WARPS), x, *args, rows, size)
    else:
        long(rows, x, *args, rows, size)


@device
def _warps_row():
    """(row, this thread's first element, elements to the next one)."""
    t = uint32(cuda.threadIdx.x)
    row = uint32(uint32(cuda.blockIdx.x) * uint32(WARPS) + t // uint32(WARP))
    return row, uint32(t % uint32(WARP)), uint32(WARP)


@device
def _blocks_row():
    return uint32(cuda.blockIdx.x), uint32(cuda.threadIdx.x), uint32(THREADS)


@device
def _add(a, b):
    return a + b


@device
def _of_warp(value):
    return of_warp(_add, value)


@device
def _of_block(value):
    cuda.syncthreads()  # nobody reads the last sum any more
    return of_block(_add, value)


@device
def _forward(own_row, of_row, x, gamma, beta, epsilon, y, mean, rstd, rows, size):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, share = int64(row) * int64(size), ONE / float32(max(size, 1))
        i, total = lane, ZERO
        while i < uint32(size):
            total = total + x[start + int64(i)]
            i = uint32(i + step)
        center = of_row(total) * share
        i, squares = lane, ZERO
        while i < uint32(size):
            deviation = x[start + int64(i)] - center
            squares = squares + deviation * deviation
            i = uint32(i + step)
        root = ONE / float32(sqrt(of_row(squares) * share + epsilon))
        i = lane
        while i < uint32(size):
            y[start + int64(i)] = (x[start + int64(i)] - center) * root * gamma[i] + beta[i]
            i = uint32(i + step)
        if lane == uint32(0):
            mean[row] = center
            rstd[row] = root


@kernel(_FORWARD)
def _forward_short(x, gamma, beta, epsilon, y, mean, rstd, rows, size):
    _forward(_warps_row, _of_warp, x, gamma, beta, epsilon, y, mean, rstd, rows, size)


@kernel(_FORWARD)
def _forward_long(x, gamma, beta, epsilon, y, mean, rstd, rows, size):
    _forward(_blocks_row, _of_block, x, gamma, beta, epsilon, y, mean, rstd, rows, size)


def layer_norm(x, gamma, beta, epsilon, y, mean, rstd):
    """y = gamma * xhat + beta. x, gamma, beta: read. epsilon: in units of x squared. y: as x, mean, rstd: written."""
    _rows_of(_forward_short, _forward_long, x, gamma, beta, epsilon, y, mean, rstd)


@device
def _backward(own_row, of_row, x, dy, gamma, mean, rstd, dx, rows, size):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, share = int64(row) * int64(size), ONE / float32(max(size, 1))
        center, root = mean[row], rstd[row]
        i, along, across = lane, ZERO, ZERO
        while i < uint32(size):
            g = gamma[i] * dy[start + int64(i)]
            along = along + g
            across = across + g * ((x[start + int64(i)] - center) * root)
            i = uint32(i + step)
        along, across = of_row(along) * share, of_row(across) * share
        i = lane
        while i < uint32(size):
            at = start + int64(i)
            dx[at] = root * (gamma[i] * dy[at] - along - (x[at] - center) * root * across)
            i = uint32(i + step)


@kernel(_BACKWARD)
def _backward_short(x, dy, gamma, mean, rstd, dx, rows, size):
    _backward(_warps_row, _of_warp, x, dy, gamma, mean, rstd, dx, rows, size)


@kernel(_BACKWARD)
def _backward_long(x, dy, gamma, mean, rstd, dx, rows, size):
    _backward(_blocks_row, _of_block, x, dy, gamma, mean, rstd, dx, rows, size)


@kernel("float32* float32* float32* float32* float32* float32* int32 int32 int32 int32")
def _sums(dy, x, mean, rstd, sums, products, rows, size, across, length):
    """sums[part, i] = sum of dy[r, i]; products[part, i] = sum of dy[r, i] * xhat[r, i]."""
    i, r, step, end = place(rows, size, across, length)
    total, product = ZERO, ZERO
    while r < end:
        at = int64(r) * int64(size) + int64(i)
        total = total + dy[at]
        product = product + dy[at] * ((x[at] - mean[r]) * rstd[r])
        r = uint32(r + step)
    total, product = two_of_channel(total, product, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and i < uint32(size):
        at = int64(cuda.blockIdx.x) * int64(size) + int64(i)
        sums[at] = total
        products[at] = product


@kernel("float32* float32* float32* float32* int32 int32 int32")
def _join_sums(sums, products, dgamma, dbeta, parts, size, across):
    i, p, step, end = place(parts, size, across, parts)
    total, product = ZERO, ZERO
    while p < end:
        at = int64(p) * int64(size) + int64(i)
        total = total + sums[at]
        product = product + products[at]
        p = uint32(p + step)
    total, product = two_of_channel(total, product, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and i < uint32(size):
        dbeta[i] = total
        dgamma[i] = product


def layer_norm_grad(dy, x, gamma, mean, rstd, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = gamma * dy.

    The sums go over the rows, the means along them. dy, x, gamma, mean, rstd: read. dx: as x, dgamma, dbeta: written.
    """
    rows, size = x.shape
    _rows_of(_backward_short, _backward_long, x, dy, gamma, mean, rstd, dx)
    across, parts, length = split(rows, size)
    sums, products = (gpu().empty((parts, size), np.float32) for _ in range(2))
    columns = ceildiv(size, across)
    _sums((parts, columns), dy, x, mean, rstd, sums, products, rows, size, across, length)
    _join_sums((1, columns), sums, products, dgamma, dbeta, parts, size, across)
