"""Batch normalization over the last axis on a GPU, forward and backward. Twin: ``kernels/cpu/normalization.py``.

Matrices are (rows, channels), C-contiguous; gamma, beta, mean, variance and their gradients are (channels,), float32.
With rstd = 1 / sqrt(variance + epsilon) and xhat = (x - mean) * rstd the layer is y = gamma * xhat + beta.

The threads of a block stand in rows, as many side by side as there are channels, at most 32:

                      channels
        part     | t0 t1 t2 ... |    a thread has one channel, whose numbers it keeps in registers,
        of the   | .. .. ..     |    and every 256 / 32-th row of the block's part of the rows
        rows     | t0 t1 t2 ... |

It reads four of them before it uses one: a thread that waits for one number at a time leaves memory idle. A sum over
the rows is made of sums of parts, which a second kernel adds up: how many parts depends on the shape alone, and so do
the bits. The variance comes from squared deviations from the first number that a thread reads, which stand for those
from its mean, so that x is read once, and no digits are lost where the mean is large.
"""

from math import sqrt

import numpy as np

from .launch import THREADS, ceildiv, device as gpu, kernel
from .rows import four, four_left, put_four
from .scalar import ONE, ZERO
from .target import cuda, device, float32, int64, uint32

ACROSS = 32  # most threads side by side
LEAST_ROWS = 16  # of a thread, where there are so many
MOST_PARTS = 512
JOINED = 8  # threads side by side where parts are added up: many share a channel, for these sums wait for memory


def split(rows, channels):
    """(threads side by side, a power of two; parts; rows of a part)."""
    across = min(ACROSS, 1 << (max(1, channels) - 1).bit_length())
    parts = max(1, min(MOST_PARTS, ceildiv(rows * across, LEAST_ROWS * THREADS)))
    length = max(1, ceildiv(rows, parts))
    return across, max(1, ceildiv(rows, length)), length


def blocks_of(parts, channels, across):
    """Blocks of threads for so many parts of the rows. They are counted along x, where there is room for 2**31."""
    return parts * ceildiv(channels, across)


@device
def place(rows, channels, across, length):
    """(part, channel, first row, rows to this thread's next one, end of the rows), the end 0 without a channel."""
    t, block = uint32(cuda.threadIdx.x), uint32(cuda.blockIdx.x)
    columns = uint32(uint32(uint32(channels) + uint32(across) - uint32(1)) // uint32(across))
    part = uint32(block // columns)
    channel = uint32(uint32(block - part * columns) * uint32(across) + t % uint32(across))
    first = uint32(part * uint32(length) + t // uint32(across))
    end = uint32(min(uint32((part + uint32(1)) * uint32(length)), uint32(rows)))
    if channel >= uint32(channels):
        end = uint32(0)
    return part, channel, first, uint32(uint32(THREADS) // uint32(across)), end


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
    part, channel, r, step, end = place(rows, channels, across, length)
    apart, at = int64(step) * int64(channels), _at(r, channels, channel)
    origin, count, total, square = ZERO, ZERO, ZERO, ZERO  # total, square: of deviations from ``origin``
    if r < end:
        origin, count = x[at], float32(int64(uint32(uint32(end - r + step - uint32(1)) // step)))
    while four_left(r, step, end):
        a, b, c, d = four(x, at, apart)
        a, b, c, d = a - origin, b - origin, c - origin, d - origin
        total, square = total + ((a + b) + (c + d)), square + ((a * a + b * b) + (c * c + d * d))
        r, at = uint32(r + uint32(4) * step), at + 4 * apart
    while r < end:
        a = x[at] - origin
        total, square = total + a, square + a * a
        r, at = uint32(r + step), at + apart
    share, away = ZERO, ZERO
    if count > ZERO:
        share, away = total / count, origin - x[channel]
    whole = of_channel(total + count * away, across)
    start = uint32(part * uint32(length))
    deviation = (share + away) - whole / float32(int64(uint32(end - start)))
    if count > ZERO:
        square = (square - total * share) + count * deviation * deviation
    square = of_channel(square, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        at = _at(part, channels, channel)
        sums[at] = whole
        squares[at] = square


@kernel("float32* float32* float32* float32* float32* int32 int32 int32 int32 int32")
def _join_statistics(x, sums, squares, mean, variance, parts, channels, across, length, rows):
    """The whole's from those of the parts, of ``length`` rows each, the last of what is left."""
    _, channel, first, step, end = place(parts, channels, across, parts)
    apart, count = int64(step) * int64(channels), float32(rows)
    p, at, total = first, _at(first, channels, channel), ZERO
    while four_left(p, step, end):
        a, b, c, d = four(sums, at, apart)
        total = total + ((a + b) + (c + d))
        p, at = uint32(p + uint32(4) * step), at + 4 * apart
    while p < end:
        total = total + sums[at]
        p, at = uint32(p + step), at + apart
    center = of_channel(total, across) / count
    p, at, square = first, _at(first, channels, channel), ZERO
    while p < end:
        some = float32(int64(min(uint32(length), uint32(uint32(rows) - p * uint32(length)))))
        deviation = sums[at] / some - center
        square = square + (squares[at] + some * deviation * deviation)
        p, at = uint32(p + step), at + apart
    square = of_channel(square, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        mean[channel] = center + x[channel]
        variance[channel] = square / count


def batch_statistics(x, mean, variance):
    """mean[c], variance[c] = those of the column x[:, c]; the variance is the mean of squared deviations.

    x: read, at least one row. mean, variance: written. Of n_t rows of a thread, with the sums s_t of deviations from
    its first number and q_t of their squares, the squared deviations from their mean are q_t - s_t^2 / n_t. However far
    the first number lies from the mean m_t, that loses little: as it is one of the n_t, q_t is at most n_t + 1 times as
    large as the difference. With the sums s_b and the squared deviations q_b of each part's n_b rows, the whole's are
    m = sum(s_b) / n and sum(q_b + n_b (s_b / n_b - m)^2) / n, and those of a part come from its threads' likewise.
    Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979,
    equation 2.1. Sums are counted from the first row, near which the others lie if their mean is large.
    """
    rows, channels = x.shape
    across, parts, length = split(rows, channels)
    sums, squares = (gpu().empty((parts, channels), np.float32) for _ in range(2))
    _statistics(blocks_of(parts, channels, across), x, sums, squares, rows, channels, across, length)
    joining = blocks_of(1, channels, JOINED)
    _join_statistics(joining, x, sums, squares, mean, variance, parts, channels, JOINED, length, rows)


@device
def _reciprocal_root(variance, epsilon):
    return ONE / float32(sqrt(variance + epsilon))


@kernel("float32* float32* float32* float32* float32* float32 float32* int32 int32 int32 int32")
def _normalize(x, gamma, beta, mean, variance, epsilon, y, rows, channels, across, length):
    _, channel, r, step, end = place(rows, channels, across, length)
    if r < end:
        apart, at = int64(step) * int64(channels), _at(r, channels, channel)
        scale = gamma[channel] * _reciprocal_root(variance[channel], epsilon)
        center, offset = mean[channel], beta[channel]
        while four_left(r, step, end):
            a, b, c, d = four(x, at, apart)
            a, b = scale * (a - center) + offset, scale * (b - center) + offset
            c, d = scale * (c - center) + offset, scale * (d - center) + offset
            put_four(y, at, apart, a, b, c, d)
            r, at = uint32(r + uint32(4) * step), at + 4 * apart
        while r < end:
            y[at] = scale * (x[at] - center) + offset
            r, at = uint32(r + step), at + apart


def _grid(rows, channels):
    """(blocks, threads side by side, rows of a block) where there is nothing to add up."""
    across, _, _ = split(rows, channels)
    length = LEAST_ROWS * THREADS // across
    return blocks_of(ceildiv(rows, length), channels, across), across, length


def batch_norm(x, gamma, beta, mean, variance, epsilon, y):
    """y = gamma * xhat + beta. x, gamma, beta, mean, variance: read. y: as x, written."""
    blocks, across, length = _grid(*x.shape)
    _normalize(blocks, x, gamma, beta, mean, variance, epsilon, y, *x.shape, across, length)


@kernel("float32* float32* float32* float32* float32* int32 int32 int32 int32")
def _sums(dy, x, mean, sums, products, rows, channels, across, length):
    """sums[part, c] = sum of dy[r, c]; products[part, c] = sum of dy[r, c] * (x[r, c] - mean[c])."""
    part, channel, r, step, end = place(rows, channels, across, length)
    apart, at = int64(step) * int64(channels), _at(r, channels, channel)
    center = mean[channel] if channel < uint32(channels) else ZERO
    total, product = ZERO, ZERO
    while four_left(r, step, end):
        a, b, c, d = four(dy, at, apart)
        e, f, g, h = four(x, at, apart)
        total = total + ((a + b) + (c + d))
        product = product + ((a * (e - center) + b * (f - center)) + (c * (g - center) + d * (h - center)))
        r, at = uint32(r + uint32(4) * step), at + 4 * apart
    while r < end:
        total, product = total + dy[at], product + dy[at] * (x[at] - center)
        r, at = uint32(r + step), at + apart
    total, product = two_of_channel(total, product, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        at = _at(part, channels, channel)
        sums[at] = total
        products[at] = product


@device
def join_two(sums, products, parts, channels, across):
    """(channel, its sums over all parts) of a thread."""
    _, channel, p, step, end = place(parts, channels, across, parts)
    apart, at = int64(step) * int64(channels), _at(p, channels, channel)
    total, product = ZERO, ZERO
    while four_left(p, step, end):
        a, b, c, d = four(sums, at, apart)
        e, f, g, h = four(products, at, apart)
        total, product = total + ((a + b) + (c + d)), product + ((e + f) + (g + h))
        p, at = uint32(p + uint32(4) * step), at + 4 * apart
    while p < end:
        total, product = total + sums[at], product + products[at]
        p, at = uint32(p + step), at + apart
    total, product = two_of_channel(total, product, across)
    return channel, total, product


@kernel("float32* float32* float32* float32 float32* float32* int32 int32 int32")
def _join_sums(sums, products, variance, epsilon, dgamma, dbeta, parts, channels, across):
    channel, total, product = join_two(sums, products, parts, channels, across)
    if uint32(cuda.threadIdx.x) < uint32(across) and channel < uint32(channels):
        dbeta[channel] = total
        dgamma[channel] = product * _reciprocal_root(variance[channel], epsilon)


@kernel("float32* float32* float32* float32* float32* float32 float32* float32* float32* int32 int32 int32 int32")
def _input_grad(dy, x, gamma, mean, variance, epsilon, dgamma, dbeta, dx, rows, channels, across, length):
    _, channel, r, step, end = place(rows, channels, across, length)
    if r < end:
        apart, at = int64(step) * int64(channels), _at(r, channels, channel)
        rstd, share = _reciprocal_root(variance[channel], epsilon), ONE / float32(rows)
        scale, center = gamma[channel] * rstd, mean[channel]
        offset, slope = dbeta[channel] * share, dgamma[channel] * rstd * share
        while four_left(r, step, end):
            a, b, c, d = four(dy, at, apart)
            e, f, g, h = four(x, at, apart)
            a, b = scale * (a - offset - slope * (e - center)), scale * (b - offset - slope * (f - center))
            c, d = scale * (c - offset - slope * (g - center)), scale * (d - offset - slope * (h - center))
            put_four(dx, at, apart, a, b, c, d)
            r, at = uint32(r + uint32(4) * step), at + 4 * apart
        while r < end:
            dx[at] = scale * (dy[at] - offset - slope * (x[at] - center))
            r, at = uint32(r + step), at + apart


def batch_norm_grad(dy, x, gamma, mean, variance, epsilon, dx, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy * xhat, dx = gamma * rstd * (dy - (dbeta + xhat * dgamma) / rows).

    dy, x, gamma: read. mean, variance: read, those of x's columns. dx: as x, dgamma, dbeta: written.
    """
    rows, channels = x.shape
    across, parts, length = split(rows, channels)
    sums, products = (gpu().empty((parts, channels), np.float32) for _ in range(2))
    _sums(blocks_of(parts, channels, across), dy, x, mean, sums, products, rows, channels, across, length)
    joining = blocks_of(1, channels, JOINED)
    _join_sums(joining, sums, products, variance, epsilon, dgamma, dbeta, parts, channels, JOINED)
    blocks, across, length = _grid(rows, channels)
    _input_grad(blocks, dy, x, gamma, mean, variance, epsilon, dgamma, dbeta, dx, rows, channels, across, length)
