"""Convolutions over images on the CPU, each done the quickest way. Twin: ``kernels/cuda/convolution.py``.

    a filter of one pixel, step 1       a matrix product: pixels x channels times channels x outputs
    3x3 or 5x5, step 1, large enough    ``winograd.py``, F(4, 3) and F(4, 5): 4 or 6.3 times fewer multiplications
    all else                            ``direct.py``

A sweep over 1 to 64 images of 7 to 56 rows and 1 to 128 channels gave the limits of "large enough" below. Which
channels are summed over differs: x's in the forward, dy's in the gradient to the input; in that to the filter pixels
are, and the fewer of x's and dy's channels count. Six of them gain a sixth to a half for a 5x5 filter; four gain in
one shape what they lose in another. With F(2, r) in place of F(4, r) nothing was quicker. float64 always goes the
direct way, exact but for rounding, as checks of gradients need it. MICRODL_CONV=direct or winograd, read when a
process starts, forces one of the two.

Arrays are C-contiguous and of one float dtype: images (n, h, w, c), filters (kh, kw, c, o). ``strides``, ``dilations``
and ``padding`` (the zeros before the first row and before the first column) are pairs of ints, rows first. Outputs are
allocated by the caller and written completely.
"""

import os
import sys

import numpy as np

from . import direct, winograd
from .activation import relu as rectify
from .bias import bias_add
from .matmul import matmul, matmul_bias

FORCED = os.environ.get("MICRODL_CONV") or None  # "direct", "winograd", or None: the quicker one
if FORCED not in (None, "direct", "winograd"):
    raise ValueError(f"MICRODL_CONV must be direct or winograd (how convolutions are computed), got {FORCED!r}")
OUTPUTS = 4  # Winograd's m
LEAST_WORK = 1 << 23  # multiply-adds: below, the transforms and their launches take longer than the products save
LEAST_PIXELS = 512  # outputs in a channel: below, the filter's transform does
LONG_SUM = 1 << 15  # pixels in a filter's gradient, from which on it pays that the direct way cuts the sum into groups
LEAST_CHANNELS = {3: 16, 5: 6}  # that are summed over: below, the transforms of the pixels do


def conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, o].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, o), read. y: (n, h', w', o), written.
    Cost: 2 * y.size * kh*kw*c flops.
    """
    conv2d_bias(x, w, np.empty(0, w.dtype), False, strides, dilations, padding, y)


def conv2d_bias(x, w, bias, relu, strides, dilations, padding, y):
    """y = conv2d(x, w) + bias, or max(0, y) of that if ``relu`` (a bool). bias: (o,), or (0,) for none, read."""
    if _is_product(x, w.shape, strides, padding, y):
        matmul_bias(_matrix(x), _matrix(w), False, False, bias, int(relu), _matrix(y))
    elif _by_winograd(w.shape, x.dtype, strides, dilations, w.shape[2], _pixels(y)):
        winograd.conv2d(x, w, padding, y, OUTPUTS)
        if bias.size:
            bias_add(y.reshape(-1, bias.size), bias, y.reshape(-1, bias.size))
        if relu:
            rectify(y.ravel(), y.ravel())
    else:
        direct.conv2d(x, w, bias, relu, strides, dilations, padding, y)


def conv2d_bias_relu_pool(x, w, bias, strides, dilations, padding, y, winner):
    """y[n, h, w, o] = max over i, j < 2 of max(0, z[n, 2h + i, 2w + j, o]), z = conv2d(x, w) + bias.

    bias: (o,), read. y: (n, h' // 2, w' // 2, o), written. winner: uint8, as y, written: 2*i + j of the first
    maximum, 4 where none is above zero. NaN is passed over; if all four are NaN, so is y (winner 4). z is nowhere in
    memory. The way back is ``fused.bias_relu_pool_grad``.
    """
    if _by_winograd(w.shape, x.dtype, strides, dilations, w.shape[2], 4 * _pixels(y)):
        winograd.conv2d_bias_relu_pool(x, w, bias, padding, y, winner, OUTPUTS)
        return
    direct.conv2d_bias_relu_pool(x, w, bias, strides, dilations, padding, y, winner)


def conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, (h + padding - kh*dilation) / stride, ..., o] * w[kh, kw, c, o].

    dy: (n, h', w', o), read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. Cost: as the forward's.
    """
    if _is_product(dx, w.shape, strides, padding, dy):
        matmul(_matrix(dy), _matrix(w), False, True, _matrix(dx))
    elif _by_winograd(w.shape, dy.dtype, strides, dilations, w.shape[3], _pixels(dx)):
        winograd.conv2d_grad_input(dy, w, padding, dx, OUTPUTS)
    else:
        direct.conv2d_grad_input(dy, w, strides, dilations, padding, dx)


def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (kh, kw, c, o), written. Cost: as the forward's.
    """
    if _is_product(x, dw.shape, strides, padding, dy) and _pixels(dy) < LONG_SUM:
        matmul(_matrix(x), _matrix(dy), True, False, _matrix(dw))
    elif _by_winograd(dw.shape, x.dtype, strides, dilations, min(dw.shape[2:]), _pixels(dy)):
        winograd.conv2d_grad_filter(x, dy, padding, dw, OUTPUTS)
    else:
        direct.conv2d_grad_filter(x, dy, strides, dilations, padding, dw)


def _is_product(x, filter_shape, strides, padding, y):
    """Whether the convolution of x to y is a product of matrices."""
    return filter_shape[:2] == strides == (1, 1) and padding == (0, 0) and x.shape[:3] == y.shape[:3]


def _matrix(array):
    """(..., columns) -> (1, rows, columns), a view."""
    columns = array.shape[-1]
    return array.reshape(1, array.size // max(1, columns), columns)


def _pixels(images):
    return images.shape[0] * images.shape[1] * images.shape[2]


def _by_winograd(filter_shape, dtype, strides, dilations, summed, pixels):
    """Whether ``winograd.py`` takes a convolution that sums over ``summed`` channels, for so many ``pixels``."""
    rows, columns, channels, outputs = filter_shape
    possible = rows == columns and rows in LEAST_CHANNELS and strides == dilations == (1, 1)
    if FORCED == "direct" or not possible:
        if FORCED == "winograd":
            _say_impossible(f"a filter of {rows}x{columns}, strides {strides}, dilations {dilations}")
        return False
    return FORCED == "winograd" or (
        dtype == np.float32
        and summed >= LEAST_CHANNELS[rows]
        and pixels >= LEAST_PIXELS
        and pixels * rows * columns * channels * outputs >= LEAST_WORK
    )


_said = False


def _say_impossible(geometry):
    global _said
    if not _said and not os.environ.get("MICRODL_QUIET"):
        print(f"microdl: MICRODL_CONV=winograd does not apply to {geometry}: computed directly", file=sys.stderr)
    _said = True
