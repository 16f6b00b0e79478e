"""Depthwise convolution on the CPU, forward and backward: each channel by itself. Twin: ``kernels/cuda/depthwise.py``.

Nothing is summed over channels, so there is no number that a register tile could share: these are products of whole
pixels, vectors over the channels. Images (n, h, w, c), filters (kh, kw, c, m), outputs (n, h', w', c*m), whose channel
c*m + q is input c with filter q: as if every input channel came m times, and so the public functions hand it on.
C-contiguous, one float dtype. ``strides``, ``dilations``, ``padding``: as in ``convolution.py``.
"""

import numpy as np
from numba import prange

from ..jit import inner, kernel

GROUPS = 16  # most partial sums of a filter's gradient, each over a fixed run of images


def depthwise_conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, c*m + q] = sum over kh, kw of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, q].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, m), read. y: (n, h', w', c*m), written.
    """
    _forward(_repeated(x, w), _flat(w), strides, dilations, padding, y)


def depthwise_conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, q of dy[n, (h + padding - kh*dilation) / stride, ..., c*m + q] * w[.., c, q].

    dy: (n, h', w', c*m), read. w: (kh, kw, c, m), read. dx: (n, h, w, c), written.
    """
    multiplier = w.shape[3]
    repeated = dx if multiplier == 1 else np.empty((*dx.shape[:3], dy.shape[3]), dx.dtype)
    _grad_input(dy, _flat(w), strides, dilations, padding, repeated)
    if multiplier != 1:
        np.sum(repeated.reshape(*dx.shape, multiplier), axis=-1, out=dx)


def depthwise_conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, q] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, c*m + q].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', c*m), read. dw: (kh, kw, c, m), written.
    """
    _grad_filter(_repeated(x, dw), dy, strides, dilations, padding, _flat(dw))


def _repeated(x, w):
    """x with every channel as often as there are filters for it."""
    return x if w.shape[3] == 1 else np.repeat(x, w.shape[3], axis=3)


def _flat(w):
    """(kh, kw, c, m) -> (kh, kw, c*m), a view."""
    return w.reshape(*w.shape[:2], w.shape[2] * w.shape[3])


@kernel(parallel=True)
def _forward(x, w, strides, dilations, padding, y):
    images, lines, places, _ = y.shape
    for task in prange(images * lines):
        n, h = task // lines, task % lines
        for p in range(places):
            _clear(y[n, h, p])
            for kh in range(w.shape[0]):
                for kw in range(w.shape[1]):
                    row = h * strides[0] + kh * dilations[0] - padding[0]
                    column = p * strides[1] + kw * dilations[1] - padding[1]
                    if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                        _add_product(x[n, row, column], w[kh, kw], y[n, h, p])


@kernel(parallel=True)
def _grad_input(dy, w, strides, dilations, padding, dx):
    images, lines, places, _ = dx.shape
    for task in prange(images * lines):
        n, h = task // lines, task % lines
        for p in range(places):
            _clear(dx[n, h, p])
            for kh in range(w.shape[0]):
                for kw in range(w.shape[1]):
                    down, right = h + padding[0] - kh * dilations[0], p + padding[1] - kw * dilations[1]
                    row, column = down // strides[0], right // strides[1]
                    inside = 0 <= row < dy.shape[1] and 0 <= column < dy.shape[2]
                    if inside and row * strides[0] == down and column * strides[1] == right:
                        _add_product(dy[n, row, column], w[kh, kw], dx[n, h, p])


@kernel(parallel=True, work=lambda x, dy, *rest: dy.size)
def _grad_filter(x, dy, strides, dilations, padding, dw):
    """Groups of images are summed by themselves, then added up, always in the same order."""
    images, lines, places, channels = dy.shape
    height, width, _ = dw.shape
    groups = max(1, min(images, GROUPS))
    partial = np.empty((groups, height, width, channels), x.dtype)
    for group in prange(groups):
        for tap in range(height * width):
            kh, kw = tap // width, tap % width
            tap_sum = partial[group, kh, kw]
            _clear(tap_sum)
            for line in range(group * images // groups * lines, (group + 1) * images // groups * lines):
                n, h = line // lines, line % lines
                row = h * strides[0] + kh * dilations[0] - padding[0]
                if 0 <= row < x.shape[1]:
                    for p in range(places):
                        column = p * strides[1] + kw * dilations[1] - padding[1]
                        if 0 <= column < x.shape[2]:
                            _add_product(x[n, row, column], dy[n, h, p], tap_sum)
    sums, total = partial.ravel(), dw.ravel()
    for i in range(total.size):
        total[i] = sums[i]
    for group in range(1, groups):
        for i in range(total.size):
            total[i] += sums[group * total.size + i]


@inner
def _clear(y):
    for c in range(y.size):
        y[c] = 0


@inner
def _add_product(a, b, y):
    """y[c] += a[c] * b[c], for the channels of one pixel."""
    for c in range(y.size):
        y[c] += a[c] * b[c]
