"""Convolutions over images on the CPU, forward and backward. Twin: ``kernels/cuda/convolution.py``.

Arrays are C-contiguous and of one float dtype: images (n, h, w, c), filters (kh, kw, c, o). ``strides``, ``dilations``
and ``padding`` (the zeros before the first row and before the first column) are pairs of ints, rows first. Outputs are
allocated by the caller and written completely.
"""

import numpy as np

from . import direct


def conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, o].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, o), read. y: (n, h', w', o), written.
    Cost: 2 * y.size * kh*kw*c flops.
    """
    direct.conv2d(x, w, np.empty(0, w.dtype), False, strides, dilations, padding, y)


def conv2d_bias(x, w, bias, relu, strides, dilations, padding, y):
    """y = conv2d(x, w) + bias, of which only what is above zero is kept if ``relu``. bias: (o,), read."""
    direct.conv2d(x, w, bias, relu, strides, dilations, padding, y)


def conv2d_bias_relu_pool(x, w, bias, strides, dilations, padding, y, winner):
    """y = 2 x 2 max pool (step 2, no padding) of max(0, conv2d(x, w) + bias), without these arrays."""
    direct.conv2d_bias_relu_pool(x, w, bias, strides, dilations, padding, y, winner)


def conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, (h + padding - kh*dilation) / stride, ..., o] * w[kh, kw, c, o].

    dy: (n, h', w', o), read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. Cost: as the forward's.
    """
    direct.conv2d_grad_input(dy, w, strides, dilations, padding, dx)


def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (kh, kw, c, o), written. Cost: as the forward's.
    """
    direct.conv2d_grad_filter(x, dy, strides, dilations, padding, dw)
