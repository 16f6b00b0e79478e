"""Batch normalization over the last axis on a GPU, forward and backward. Twin: ``kernels/cpu/normalization.py``.

Matrices are (rows, channels), C-contiguous; gamma, beta, mean, variance and their gradients are (channels,), float32.
With rstd = 1 / sqrt(variance + epsilon) and xhat = (x - mean) * rstd the layer is y = gamma * xhat + beta.

The threads of a block stand in rows, as many side by side as there are channels, at most 32:

                      channels
        part     | t0 t1 t2 ... |    a thread has one channel, whose numbers it keeps in registers,
        of the   | .. .. ..     |    and every 256 / 32-th row of the block's part of the rows
        rows     | t0 t1 t2 ... |

A sum over the rows is made of sums of parts, which a second kernel adds up: how many parts depends on the shape alone,
and so do the bits. The variance comes from squared deviations from each part's own mean, so no digits are lost where
the mean is large.
"""

from math import sqrt

import numpy as np

from .launch import THREADS, ceildiv, device as gpu, kernel
from .scalar import ONE, ZERO
from .target import cuda, device, float32, int64, uint32

ACROSS = 32  # most threads side by side
LEAST_ROWS = 16  # of a thread, where there are so many
MOST_PARTS = 512


def split(rows, channels):
    """(threads side by side, a power of two; parts; rows of a part)."""
    across = min(ACROSS, 1 << (max(1, channels) - 1).bit_length())
    parts = max(1, min(MOST_PARTS, ceildiv(rows * across, LEAST_ROWS * THREADS)))
    length = max(1, ceildiv(rows, parts))
    return across, max(1, ceildiv(rows, length)), length


@device
def place(rows, channels, across, length):
    """(channel, first row, rows to this thread's next one, end of the rows), the last two 0 without a channel."""
    t, part = uint32(cuda.threadIdx.x), uint32(cuda.blockIdx.x)
    channel = uint32(uint32(cuda.blockIdx.y) * uint32(across) + t % uint32(across))
    first = uint32(part * uint32(length) + t // uint32(across))
    end = uint32(min(uint32((part + uint32(1)) * uint32(length)), uint32(rows)))
    if channel >= uint32(channels):
        end = uint32(0)
    return channel, first, uint32(uint32(THREADS) // uint32(across)), end


@device
def of_channel(value, across):
    """The sum of what a block's threads have of one channel: the same for all of them."""
    values = cuda.shared.array(THREADS, float32)
    t, half = uint32(cuda.threadIdx.x), uint32(THREADS // 2)
    cuda.syncthreads()  # nobody reads the last sum any more
    values[t] = value
    cuda.syncthreads()
    while half >= uint32(across):
        if t < half:
            values[t] = values[t] + values[uint32(t + half)]
        cuda.syncthreads()
        half = uint32(half // uint32(2))
    return values[uint32(t % uint32(across))]


@device
def two_of_channel(a, b, across):
    """``of_channel`` of two values at once, with half of the barriers."""
    left = cuda.shared.array(THREADS, float32)
    right = cuda.shared.array(THREADS, float32)
    t, half = uint32(cuda.threadIdx.x), uint32(THREADS // 2)
    left[t] = a
    right[t] = b
    cuda.syncthreads()
    while half >= uint32(across):
        if t < half:
            left[t] = left[t] + left[uint32(t + half)]
            right[t] = right[t] + right[uint32(t + half)]
        cuda.syncthreads()
        half = uint32(half // uint32(2))
    return left[uint32(t % uint32(across))], right[uint32(t % uint32(across))]


@device
def _at(row, channels, channel):
    return int64(row) * int64(channels) + int64(channel)


@kernel("float32* float32* float32* int32 int32 int32 int32")
def _statistics(x, sums, squares, rows, channels, across, length):
    """sums[part, c] = sum of x[r, c] - x[0, c]; squares[part, c] = squared deviations from the part's mean."""
    channel, first, step, end = place(rows, channels, across, length)
    origin = x[channel] if channel < uint32(channels) else ZERO
    r, total = first, ZERO
    while r < end:
        total = total + (x[_at(r, channels, channel)] - origin)
        r = uint32(r + step)
    total = of_channel(total, across)
    start = uint32(uint32(cuda.blockIdx.x) * uint32(length))
    mean = origin + total / float32(int64(uint32(end - start)))
    r, square = first, ZERO
    while r < end:
        deviation = x[_at(r, channels, channel)] - mean
        square = square + deviation * deviation
        r = uint32(r + step)
    square = of_channel(square, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        at = _at(cuda.blockIdx.x, channels, channel)
        sums[at] = total
        squares[at] = square


@kernel("float32* float32* float32* float32* float32* int32 int32 int32 int32 int32")
def _join_statistics(x, sums, squares, mean, variance, parts, channels, across, length, rows):
    """The whole's from those of the parts, of ``length`` rows each, the last of what is left."""
    channel, first, step, end = place(parts, channels, across, parts)
    count = float32(rows)
    p, total = first, ZERO
    while p < end:
        total = total + sums[_at(p, channels, channel)]
        p = uint32(p + step)
    center = of_channel(total, across) / count
    p, square = first, ZERO
    while p < end:
        at = _at(p, channels, channel)
        some = float32(int64(min(uint32(length), uint32(uint32(rows) - p * uint32(length)))))
        deviation = sums[at] / some - center
        square = square + (squares[at] + some * deviation * deviation)
        p = uint32(p + step)
    square = of_channel(square, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        mean[channel] = center + x[channel]
        variance[channel] = square / count


def batch_statistics(x, mean, variance):
    """mean[c], variance[c] = those of the column x[:, c]; the variance is the mean of squared deviations.

    x: read, at least one row. mean, variance: written. With the sums s_b and the squared deviations q_b of each part's
    n_b rows, the whole's are m = sum(s_b) / n and sum(q_b + n_b (s_b / n_b - m)^2) / n. Chan, Golub and LeVeque,
    "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979, equation 2.1.
    All is counted from the first row, near which the others lie if their mean is large.
    """
    rows, channels = x.shape
    across, parts, length = split(rows, channels)
    sums, squares = (gpu().empty((parts, channels), np.float32) for _ in range(2))
    columns = ceildiv(channels, across)
    _statistics((parts, columns), x, sums, squares, rows, channels, across, length)
    _join_statistics((1, columns), x, sums, squares, mean, variance, parts, channels, across, length, rows)


@device
def _reciprocal_root(variance, epsilon):
    return ONE / float32(sqrt(variance + epsilon))


@kernel("float32* float32* float32* float32* float32* float32 float32* int32 int32 int32 int32")
def _normalize(x, gamma, beta, mean, variance, epsilon, y, rows, channels, across, length):
    channel, r, step, end = place(rows, channels, across, length)
    if r < end:
        scale = gamma[channel] * _reciprocal_root(variance[channel], epsilon)
        center, offset = mean[channel], beta[channel]
        while r < end:
            at = _at(r, channels, channel)
            y[at] = scale * (x[at] - center) + offset
            r = uint32(r + step)


def _grid(rows, channels):
    """(blocks, threads side by side, rows of a block) where there is nothing to add up."""
    across, _, _ = split(rows, channels)
    length = LEAST_ROWS * THREADS // across
    return (ceildiv(rows, length), ceildiv(channels, across)), across, length


def batch_norm(x, gamma, beta, mean, variance, epsilon, y):
    """y = gamma * xhat + beta. x, gamma, beta, mean, variance: read. y: as x, written."""
    blocks, across, length = _grid(*x.shape)
    _normalize(blocks, x, gamma, beta, mean, variance, epsilon, y, *x.shape, across, length)


@kernel("float32* float32* float32* float32* float32* int32 int32 int32 int32")
def _sums(dy, x, mean, sums, products, rows, channels, across, length):
    """sums[part, c] = sum of dy[r, c]; products[part, c] = sum of dy[r, c] * (x[r, c] - mean[c])."""
    channel, r, step, end = place(rows, channels, across, length)
    center = mean[channel] if channel < uint32(channels) else ZERO
    total, product = ZERO, ZERO
    while r < end:
        at = _at(r, channels, channel)
        total = total + dy[at]
        product = product + dy[at] * (x[at] - center)
        r = uint32(r + step)
    total, product = two_of_channel(total, product, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        at = _at(cuda.blockIdx.x, channels, channel)
        sums[at] = total
        products[at] = product


@kernel("float32* float32* float32* float32 float32* float32* int32 int32 int32")
def _join_sums(sums, products, variance, epsilon, dgamma, dbeta, parts, channels, across):
    channel, p, step, end = place(parts, channels, across, parts)
    total, product = ZERO, ZERO
    while p < end:
        at = _at(p, channels, channel)
        total = total + sums[at]
        product = product + products[at]
        p = uint32(p + step)
    total, product = two_of_channel(total, product, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        dbeta[channel] = total
        dgamma[channel] = product * _reciprocal_root(variance[channel], epsilon)


@kernel("float32* float32* float32* float32* float32* float32 float32* float32* float32* int32 int32 int32 int32")
def _input_grad(dy, x, gamma, mean, variance, epsilon, dgamma, dbeta, dx, rows, channels, across, length):
    channel, r, step, end = place(rows, channels, across, length)
    if r < end:
        rstd, share = _reciprocal_root(variance[channel], epsilon), ONE / float32(rows)
        scale, center = gamma[channel] * rstd, mean[channel]
        offset, slope = dbeta[channel] * share, dgamma[channel] * rstd * share
        while r < end:
            at = _at(r, channels, channel)
            dx[at] = scale * (dy[at] - offset - slope * (x[at] - center))
            r = uint32(r + step)


def batch_norm_grad(dy, x, gamma, mean, variance, epsilon, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = gamma * rstd * (dy - (dbeta + xhat * dgamma) / rows).

    dy, x, gamma: read. mean, variance: read, those of x's columns. dx: as x, dgamma, dbeta: written.
    """
    rows, channels = x.shape
    across, parts, length = split(rows, channels)
    sums, products = (gpu().empty((parts, channels), np.float32) for _ in range(2))
    columns = ceildiv(channels, across)
    _sums((parts, columns), dy, x, mean, sums, products, rows, channels, across, length)
    _join_sums((1, columns), sums, products, variance, epsilon, dgamma, dbeta, parts, channels, across)
    blocks, across, length = _grid(rows, channels)
    _input_grad(blocks, dy, x, gamma, mean, variance, epsilon, dgamma, dbeta, dx, rows, channels, across, length)
