"""Depthwise convolution on the CPU, forward and backward: each channel by itself. Twin: ``kernels/cuda/depthwise.py``.

There is no sum over channels that a register tile could share, so these are plain loops, vectors over the channels.
Images (n, h, w, c), filters (kh, kw, c, m), outputs (n, h', w', c * m) with channel c * m + q of input c and filter q;
C-contiguous, one float dtype. ``strides``, ``dilations``, ``padding``: as in ``convolution.py``.
"""

import numpy as np
from numba import prange

from ..jit import inner, kernel

GROUPS = 16  # most partial sums of a filter's gradient, each over a fixed run of images


@kernel(parallel=True)
def depthwise_conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, c*m + q] = sum over kh, kw of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, q].

    x: (n, h, w, c), read. w: (kh, kw, c, m), read. y: (n, h', w', c*m), written.
    """
    filter_height, filter_width, channels, multiplier = w.shape
    images, lines, places, _ = y.shape
    for task in prange(images * lines):
        n, h = task // lines, task % lines
        for p in range(places):
            y[n, h, p, :] = 0
            for kh in range(filter_height):
                row = h * strides[0] + kh * dilations[0] - padding[0]
                for kw in range(filter_width):
                    column = p * strides[1] + kw * dilations[1] - padding[1]
                    if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                        for q in range(multiplier):
                            for c in range(channels):
                                y[n, h, p, c * multiplier + q] += x[n, row, column, c] * w[kh, kw, c, q]


@kernel(parallel=True)
def depthwise_conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, q of dy[n, (h + padding - kh*dilation) / stride, ..., c*m + q] * w[.., c, q].

    dy: (n, h', w', c*m), read. w: (kh, kw, c, m), read. dx: (n, h, w, c), written.
    """
    filter_height, filter_width, channels, multiplier = w.shape
    images, lines, places, _ = dx.shape
    for task in prange(images * lines):
        n, h = task // lines, task % lines
        for p in range(places):
            dx[n, h, p, :] = 0
            for kh in range(filter_height):
                row = h + padding[0] - kh * dilations[0]
                for kw in range(filter_width):
                    column = p + padding[1] - kw * dilations[1]
                    if row % strides[0] == 0 and column % strides[1] == 0:
                        above, left = row // strides[0], column // strides[1]
                        if 0 <= above < dy.shape[1] and 0 <= left < dy.shape[2]:
                            for q in range(multiplier):
                                for c in range(channels):
                                    dx[n, h, p, c] += dy[n, above, left, c * multiplier + q] * w[kh, kw, c, q]


@kernel(parallel=True, work=lambda x, dy, *rest: dy.size)
def depthwise_conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, q] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, c*m + q].

    x: (n, h, w, c), read. dy: (n, h', w', c*m), read. dw: (kh, kw, c, m), written. Runs of images are summed by
    themselves, then added up, always in the same order.
    """
    images = x.shape[0]
    groups = max(1, min(images, GROUPS))
    height, width, channels, multiplier = dw.shape
    partial = np.zeros((groups, height, width, channels, multiplier), x.dtype)
    for group in prange(groups):
        for n in range(group * images // groups, (group + 1) * images // groups):
            _add_image(x[n], dy[n], strides, dilations, padding, partial[group])
    dw[:] = partial[0]
    for group in range(1, groups):
        dw += partial[group]


@inner
def _add_image(x, dy, strides, dilations, padding, dw):
    """dw += what one image gives. x: (h, w, c), read. dy: (h', w', c*m), read. dw: (kh, kw, c, m), added to."""
    filter_height, filter_width, channels, multiplier = dw.shape
    for h in range(dy.shape[0]):
        for kh in range(filter_height):
            row = h * strides[0] + kh * dilations[0] - padding[0]
            if 0 <= row < x.shape[0]:
                for p in range(dy.shape[1]):
                    for kw in range(filter_width):
                        column = p * strides[1] + kw * dilations[1] - padding[1]
                        if 0 <= column < x.shape[1]:
                            for q in range(multiplier):
                                for c in range(channels):
                                    dw[kh, kw, c, q] += x[row, column, c] * dy[h, p, c * multiplier + q]
