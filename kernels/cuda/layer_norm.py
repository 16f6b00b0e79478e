"""Layer normalization on a GPU, forward and backward. Twin: ``kernels/cpu/layer_norm.py``.

Matrices are (rows, size), C-contiguous; gamma and beta are (size,), mean and rstd (rows,), float32. With the mean and
the variance of each row and rstd = 1 / sqrt(variance + epsilon), xhat = (x - mean) * rstd, the layer is
y = gamma * xhat + beta.

Along a row walks a warp, or, where rows are long, a block (``rows.py``). Sums over the rows are made as in
``normalization.py``.
"""

from math import sqrt

import numpy as np

from .launch import device as gpu, kernel
from .normalization import JOINED, blocks_of, join_two, place, split, two_of_channel
from .reduction import WARPS, add
from .rows import along_rows, four, four_left, of_row_of_block, of_row_of_warp, put_four, row_of_block, row_of_warp
from .scalar import ONE, ZERO
from .target import cuda, device, float32, int64, uint32

_FORWARD = "float32* float32* float32* float32 float32* float32* float32* int32 int32"
_BACKWARD = "float32* float32* float32* float32* float32* float32* int32 int32"


@device
def _forward(own_row, of_row, numbers, x, gamma, beta, epsilon, y, mean, rstd, rows, size):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, apart, share = int64(row) * int64(size), int64(step), ONE / float32(max(size, 1))
        i, total = lane, ZERO
        while i < uint32(size):
            total = total + x[start + int64(i)]
            i = uint32(i + step)
        center = of_row(add, total, numbers) * share
        i, squares = lane, ZERO
        while i < uint32(size):
            deviation = x[start + int64(i)] - center
            squares = squares + deviation * deviation
            i = uint32(i + step)
        root = ONE / float32(sqrt(of_row(add, squares, numbers) * share + epsilon))
        i = lane
        while four_left(i, step, uint32(size)):
            p, q, r, s = four(x, start + int64(i), apart)
            a, b, c, d = four(gamma, int64(i), apart)
            e, f, g, h = four(beta, int64(i), apart)
            p, q = (p - center) * root * a + e, (q - center) * root * b + f
            r, s = (r - center) * root * c + g, (s - center) * root * d + h
            put_four(y, start + int64(i), apart, p, q, r, s)
            i = uint32(i + uint32(4) * step)
        while i < uint32(size):
            y[start + int64(i)] = (x[start + int64(i)] - center) * root * gamma[i] + beta[i]
            i = uint32(i + step)
        if lane == uint32(0):
            mean[row] = center
            rstd[row] = root


@kernel(_FORWARD)
def _forward_short(x, gamma, beta, epsilon, y, mean, rstd, rows, size):
    _forward(row_of_warp, of_row_of_warp, None, x, gamma, beta, epsilon, y, mean, rstd, rows, size)


@kernel(_FORWARD)
def _forward_long(x, gamma, beta, epsilon, y, mean, rstd, rows, size):
    numbers = cuda.shared.array(WARPS, float32)
    _forward(row_of_block, of_row_of_block, numbers, x, gamma, beta, epsilon, y, mean, rstd, rows, size)


def layer_norm(x, gamma, beta, epsilon, y, mean, rstd):
    """y = gamma * xhat + beta. x, gamma, beta: read. epsilon: in units of x squared. y: as x, mean, rstd: written."""
    along_rows(_forward_short, _forward_long, x, gamma, beta, epsilon, y, mean, rstd)


@device
def _backward(own_row, of_row, numbers, x, dy, gamma, mean, rstd, dx, rows, size):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, apart, share = int64(row) * int64(size), int64(step), ONE / float32(max(size, 1))
        center, root = mean[row], rstd[row]
        i, along, across = lane, ZERO, ZERO
        while i < uint32(size):
            g = gamma[i] * dy[start + int64(i)]
            along = along + g
            across = across + g * ((x[start + int64(i)] - center) * root)
            i = uint32(i + step)
        along, across = of_row(add, along, numbers) * share, of_row(add, across, numbers) * share
        i = lane
        while four_left(i, step, uint32(size)):
            a, b, c, d = four(gamma, int64(i), apart)
            p, q, r, s = four(dy, start + int64(i), apart)
            e, f, g, h = four(x, start + int64(i), apart)
            a, b, c, d = a * p - along, b * q - along, c * r - along, d * s - along
            e, f, g, h = (e - center) * root, (f - center) * root, (g - center) * root, (h - center) * root
            a, b, c, d = a - e * across, b - f * across, c - g * across, d - h * across
            put_four(dx, start + int64(i), apart, root * a, root * b, root * c, root * d)
            i = uint32(i + uint32(4) * step)
        while i < uint32(size):
            at = start + int64(i)
            dx[at] = root * (gamma[i] * dy[at] - along - (x[at] - center) * root * across)
            i = uint32(i + step)


@kernel(_BACKWARD)
def _backward_short(x, dy, gamma, mean, rstd, dx, rows, size):
    _backward(row_of_warp, of_row_of_warp, None, x, dy, gamma, mean, rstd, dx, rows, size)


@kernel(_BACKWARD)
def _backward_long(x, dy, gamma, mean, rstd, dx, rows, size):
    numbers = cuda.shared.array(WARPS, float32)
    _backward(row_of_block, of_row_of_block, numbers, x, dy, gamma, mean, rstd, dx, rows, size)


@kernel("float32* float32* float32* float32* float32* float32* int32 int32 int32 int32")
def _sums(dy, x, mean, rstd, sums, products, rows, size, across, length):
    """sums[part, i] = sum of dy[r, i]; products[part, i] = sum of dy[r, i] * xhat[r, i]."""
    part, i, r, step, end = place(rows, size, across, length)
    apart, at = int64(step) * int64(size), int64(r) * int64(size) + int64(i)
    total, product = ZERO, ZERO
    while four_left(r, step, end):
        a, b, c, d = four(dy, at, apart)
        e, f, g, h = four(x, at, apart)
        j, k, m, n = four(mean, int64(r), int64(step))
        s, t, u, v = four(rstd, int64(r), int64(step))
        total = total + ((a + b) + (c + d))
        product = product + ((a * ((e - j) * s) + b * ((f - k) * t)) + (c * ((g - m) * u) + d * ((h - n) * v)))
        r, at = uint32(r + uint32(4) * step), at + 4 * apart
    while r < end:
        total, product = total + dy[at], product + dy[at] * ((x[at] - mean[r]) * rstd[r])
        r, at = uint32(r + step), at + apart
    total, product = two_of_channel(total, product, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and i < uint32(size):
        at = int64(part) * int64(size) + int64(i)
        sums[at] = total
        products[at] = product


@kernel("float32* float32* float32* float32* int32 int32 int32")
def _join_sums(sums, products, dgamma, dbeta, parts, size, across):
    i, total, product = join_two(sums, products, parts, size, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and i < uint32(size):
        dbeta[i] = total
        dgamma[i] = product


def layer_norm_grad(dy, x, gamma, mean, rstd, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), g = gamma * dy.

    The sums go over the rows, the means along them. dy, x, gamma, mean, rstd: read. dx: as x, dgamma, dbeta: written.
    """
    rows, size = x.shape
    along_rows(_backward_short, _backward_long, x, dy, gamma, mean, rstd, dx)
    across, parts, length = split(rows, size)
    sums, products = (gpu().empty((parts, size), np.float32) for _ in range(2))
    _sums(blocks_of(parts, size, across), dy, x, mean, rstd, sums, products, rows, size, across, length)
    _join_sums(blocks_of(1, size, JOINED), sums, products, dgamma, dbeta, parts, size, JOINED)
