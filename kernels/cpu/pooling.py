"""Max and average pooling over height and width, forward and backward. Twin: ``kernels/cuda/pooling.py``.

Arrays are NHWC: x, dx (N, H, W, C); y, dy (N, OH, OW, C), of one dtype. ``window``, ``stride`` and ``pad`` are pairs
(height, width) of integers; ``pad`` counts the rows above and the columns left of the image, and what lies below and to
the right follows from y's shape. Output (oh, ow) sees the rows and columns that its window shares with the image,

    rows(oh) = [oh * stride - pad, oh * stride - pad + window) within [0, H),    cols(ow) likewise,

so padding never takes part. Every window shares at least one row and one column with the image (the op sees to that).
The innermost loops run over channels, which lie side by side in memory; they touch three arrays, and vectorise. (Code
of its own for 2x2 windows gained 6 to 15 % and took twice as long to compile.)
"""

import numpy as np
from numba import prange

from ..jit import inner, kernel


@inner
def _split(task, count):
    """(task // count, task % count). prange counts in uint64, which would turn sums with an int64 into float64."""
    task = np.int64(task)
    return task // count, task % count


@inner
def _span(o, stride, pad, window, size):
    """[first, last) of window ``o`` along an axis of ``size`` elements, clipped to the image."""
    first = o * stride - pad
    return max(first, 0), min(first + window, size)


@inner
def _windows(first, last, stride, pad, window, count):
    """[from, to) of the windows, ``count`` in all, that reach into [first, last) along one axis."""
    return max((first + pad - window) // stride + 1, 0), min((last - 1 + pad) // stride + 1, count)


@kernel(parallel=True, work=lambda x, *_: x.size)
def max_pool2d(x, window, stride, pad, y, winner):
    """y[n, oh, ow, c] = max of x[n, h, w, c] over h in rows(oh), w in cols(ow); winner tells where it was found first.

    x: read. y: written. winner: int32, as y, written: kh * window width + kw of the maximum's place in its window.
    As in TensorFlow on CPUs a NaN is passed over; a window of nothing but NaN gives NaN.
    """
    for row in prange(y.shape[0] * y.shape[1]):
        n, oh = _split(row, y.shape[1])
        top, bottom = _span(oh, stride[0], pad[0], window[0], x.shape[1])
        for ow in range(y.shape[2]):
            first, last = _span(ow, stride[1], pad[1], window[1], x.shape[2])
            tap = winner.dtype.type(_tap(oh, ow, top, first, window, stride, pad))
            for c in range(y.shape[3]):
                y[n, oh, ow, c] = x[n, top, first, c]
                winner[n, oh, ow, c] = tap
            for h in range(top, bottom):
                for w in range(first, last):
                    tap = winner.dtype.type(_tap(oh, ow, h, w, window, stride, pad))
                    for c in range(y.shape[3]):
                        better = _beats(x[n, h, w, c], y[n, oh, ow, c])
                        y[n, oh, ow, c] = x[n, h, w, c] if better else y[n, oh, ow, c]
                        winner[n, oh, ow, c] = tap if better else winner[n, oh, ow, c]


@inner
def _beats(b, a):
    """Whether b is a better maximum than a: larger, or a number where a is NaN."""
    return (b > a) | (np.isnan(a) & ~np.isnan(b))


@inner
def _tap(oh, ow, h, w, window, stride, pad):
    """kh * window width + kw of element (h, w) in window (oh, ow)."""
    return (h - oh * stride[0] + pad[0]) * window[1] + w - ow * stride[1] + pad[1]


@kernel(parallel=True)
def max_pool2d_grad(dy, winner, window, stride, pad, dx):
    """dx[n, h, w, c] = sum of dy[n, oh, ow, c] over the windows (oh, ow) whose maximum lies at (h, w).

    dy, winner: (N, OH, OW, C), read. dx: (N, H, W, C), written; a task owns one of its rows.
    """
    zero = dx.dtype.type(0)
    for row in prange(dx.shape[0] * dx.shape[1]):
        n, h = _split(row, dx.shape[1])
        for w in range(dx.shape[2]):
            for c in range(dx.shape[3]):
                dx[n, h, w, c] = zero
        begin, end = _windows(h, h + 1, stride[0], pad[0], window[0], dy.shape[1])
        for oh in range(begin, end):
            for ow in range(dy.shape[2]):
                first, last = _span(ow, stride[1], pad[1], window[1], dx.shape[2])
                for w in range(first, last):
                    tap = winner.dtype.type(_tap(oh, ow, h, w, window, stride, pad))
                    for c in range(dx.shape[3]):
                        dx[n, h, w, c] += dy[n, oh, ow, c] if winner[n, oh, ow, c] == tap else zero


@kernel(parallel=True, work=lambda ddx, *_: ddx.size)
def max_pool2d_grad_grad(ddx, winner, window, stride, pad, ddy):
    """ddy[n, oh, ow, c] = ddx[n, h, w, c] at the maximum (h, w) of window (oh, ow): the transpose of max_pool2d_grad.

    ddx: (N, H, W, C), read. winner: (N, OH, OW, C), read. ddy: as winner, written.
    """
    for row in prange(ddy.shape[0] * ddy.shape[1]):
        n, oh = _split(row, ddy.shape[1])
        for ow in range(ddy.shape[2]):
            for c in range(ddy.shape[3]):
                kh, kw = divmod(np.int64(winner[n, oh, ow, c]), window[1])
                ddy[n, oh, ow, c] = ddx[n, oh * stride[0] - pad[0] + kh, ow * stride[1] - pad[1] + kw, c]


@kernel(parallel=True, work=lambda x, *_: x.size)
def avg_pool2d(x, window, stride, pad, y):
    """y[n, oh, ow, c] = mean of x[n, h, w, c] over h in rows(oh), w in cols(ow). x: read. y: written."""
    zero = y.dtype.type(0)
    for row in prange(y.shape[0] * y.shape[1]):
        n, oh = _split(row, y.shape[1])
        top, bottom = _span(oh, stride[0], pad[0], window[0], x.shape[1])
        for ow in range(y.shape[2]):
            first, last = _span(ow, stride[1], pad[1], window[1], x.shape[2])
            count = y.dtype.type((bottom - top) * (last - first))
            for c in range(y.shape[3]):
                y[n, oh, ow, c] = zero
            for h in range(top, bottom):
                for w in range(first, last):
                    for c in range(y.shape[3]):
                        y[n, oh, ow, c] += x[n, h, w, c]
            for c in range(y.shape[3]):
                y[n, oh, ow, c] /= count


@kernel(parallel=True)
def avg_pool2d_grad(dy, window, stride, pad, dx):
    """dx[n, h, w, c] = sum of dy[n, oh, ow, c] / count(oh, ow) over the windows (oh, ow) that hold (h, w).

    dy: read. dx: written. count: elements that the window shares with the image. The transpose of avg_pool2d.
    """
    for row in prange(dx.shape[0] * dx.shape[1]):
        n, h = _split(row, dx.shape[1])
        dx[n, h] = dx.dtype.type(0)
        begin, end = _windows(h, h + 1, stride[0], pad[0], window[0], dy.shape[1])
        for oh in range(begin, end):
            top, bottom = _span(oh, stride[0], pad[0], window[0], dx.shape[1])
            for ow in range(dy.shape[2]):
                first, last = _span(ow, stride[1], pad[1], window[1], dx.shape[2])
                share = dx.dtype.type(1) / dx.dtype.type((bottom - top) * (last - first))
                for w in range(first, last):
                    for c in range(dx.shape[3]):
                        dx[n, h, w, c] += dy[n, oh, ow, c] * share
