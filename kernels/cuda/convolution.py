"""Convolutions over images on a GPU, each done the quickest way. Twin: ``kernels/cpu/convolution.py``.

    a filter of one pixel, step 1       a product of matrices: ``matmul.py``
    forward, gradient to the input      ``correlation.py``: a product whose left side is gathered from the images
    gradient to the filter              ``filters.py``: likewise, turned, and summed over all pixels

Arrays are C-contiguous and float32: images (n, h, w, c), filters (kh, kw, c, o), none with 2**31 elements.
``strides``, ``dilations`` and ``padding`` (the zeros before the first row and before the first column) are pairs of
ints, rows first. Outputs are allocated by the caller and written completely. How sums are cut into parts, and so their
bits, depends on shapes, and on whether arrays begin where 16 bytes can be read at once, as all but views do.

How much a GPU has to compute for each byte that it moves: a layer 14x14x32, 5x5, 64 with 64 images takes 1.28 Gflop and
moves 5.0 MB, 256 flops a byte: arithmetic is the limit. 28x28x1, 5x5, 32 takes 80 Mflop and moves 6.6 MB, most of it y:
12 flops a byte, and memory is.
"""

from math import prod

import numpy as np

from . import filters, parts
from .correlation import BACKWARD, FORWARD, SCALARS
from .elements import vectors
from .epilogue import BIAS, POOL, RELU, WIDE_FILTER, WIDE_OUT, WINDOWS
from .geometry import axes, countable
from .launch import address, ceildiv, device as gpu
from .matmul import matmul, matmul_bias
from .tiles import TILE, parts_of, width_for

LEAST_DEPTH = 64  # taps * channels of a part
MOST_PARTS = 32


def conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, o].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, o), read. y: (n, h', w', o), written.
    Cost: 2 * y.size * kh*kw*c flops.
    """
    conv2d_bias(x, w, None, False, strides, dilations, padding, y)


def conv2d_bias(x, w, bias, relu, strides, dilations, padding, y):
    """y = conv2d(x, w) + bias, or max(0, y) of that if ``relu`` (a bool). bias: (o,), or None or (0,): none; read."""
    bias = bias if bias is not None and bias.size else None
    if _is_product(x, w.shape, strides, padding, y):
        matmul_bias(_matrix(x), _matrix(w), False, False, bias, int(relu), _matrix(y))
        return
    along = axes(strides, _negative(padding), dilations, (1, 1), w.shape[:2])
    _correlate(FORWARD, x, w, along, y, y.shape[1:3], w.shape[2:], bias, RELU * relu)


def conv2d_bias_relu_pool(x, w, bias, strides, dilations, padding, y, winner):
    """y[n, h, w, o] = max over i, j < 2 of max(0, z[n, 2h + i, 2w + j, o]), z = conv2d(x, w) + bias.

    bias: (o,), read. y: (n, h' // 2, w' // 2, o), written. winner: uint8, as y, written: 2*i + j of the first
    maximum, 4 where none is above zero. NaN is passed over; if all four are NaN, so is y (winner 4). z is nowhere in
    memory. The way back is ``fused.bias_relu_pool_grad``.
    """
    along = axes(strides, _negative(padding), dilations, (1, 1), w.shape[:2])
    _correlate(FORWARD, x, w, along, y, y.shape[1:3], w.shape[2:], bias, WINDOWS | POOL, winner)


def conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, (h + padding - kh*dilation) / stride, ..., o] * w[kh, kw, c, o].

    dy: (n, h', w', o), read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. Cost: as the forward's.
    """
    if _is_product(dx, w.shape, strides, padding, dy):
        matmul(_matrix(dy), _matrix(w), False, True, _matrix(dx))
        return
    along = axes((1, 1), padding, _negative(dilations), strides, w.shape[:2])
    _correlate(BACKWARD, dy, w, along, dx, dx.shape[1:3], w.shape[3:1:-1], None, 0)


def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (kh, kw, c, o), written. Cost: as the forward's.
    """
    if _is_product(x, dw.shape, strides, padding, dy):
        matmul(_matrix(x), _matrix(dy), True, False, dw.reshape(1, *dw.shape[2:]))
        return
    filters.grad_filter(x, dy, strides, dilations, padding, dw)


def _correlate(family, x, w, along, y, size, channels, bias, flags, winner=None):
    """Launches a kernel of ``correlation.py``, and one for the sums of its parts if it has several.

    along: ``axes``. size: rows and columns of y. channels: (of x, of y). flags: RELU, or WINDOWS | POOL with a winner.
    """
    if y.size == 0:
        return
    countable(x, y, w)
    depth, columns = channels
    kernels = family if depth % 4 == 0 and vectors(x, w) else SCALARS
    width = width_for(columns, kernels)
    divisors, most_taps = (along[0][4], along[1][4]), prod(ceildiv(axis[7], axis[5]) for axis in along)
    phases, pixels = prod(divisors), 4 if flags & WINDOWS else 1
    targets = x.shape[0] * ceildiv(size[0], divisors[0]) * ceildiv(size[1], divisors[1]) * pixels
    tiles_right = ceildiv(columns, width)
    tiles = ceildiv(targets, TILE) * tiles_right
    count, length = parts_of(most_taps * depth, tiles * phases, LEAST_DEPTH, MOST_PARTS)
    length = length if depth else 0
    out = y if count == 1 else gpu().empty((count, pixels * y.size // columns, columns), np.float32)
    wide = WIDE_FILTER * (columns % 4 == 0) | WIDE_OUT * (columns % 4 == 0 and _by_fours(out, winner))
    asked = flags | BIAS * (bias is not None) if count == 1 else flags & WINDOWS
    sizes = (*x.shape[:3], max(1, depth), *size, columns, w.shape[1], tiles_right, length, wide | asked)
    extra = (int(family is BACKWARD),) if kernels is SCALARS else ()
    kernels[width]((tiles, 1, count * phases), x, w, bias, out, winner, sizes, *along, *extra)
    if count > 1 and flags & POOL:
        parts.join_windows(out, bias, y, winner)
    elif count > 1:
        parts.join(out, bias, bool(flags & RELU), y)


def _by_fours(y, winner):
    """Whether four elements may be written at once."""
    return vectors(y) and (winner is None or address(winner) % 4 == 0)


def _is_product(x, filter_shape, strides, padding, y):
    """Whether the convolution of x to y is a product of matrices."""
    return filter_shape[:2] == strides == (1, 1) and padding == (0, 0) and x.shape[:3] == y.shape[:3]


def _matrix(array):
    """(..., columns) -> (1, rows, columns), a view."""
    columns = array.shape[-1]
    return array.reshape(1, array.size // max(1, columns), columns)


def _negative(pair):
    return -pair[0], -pair[1]
