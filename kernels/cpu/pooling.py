"""Max and average pooling over height and width, forward and backward. Twin: ``kernels/cuda/pooling.py``.

Arrays are NHWC: x, dx (N, H, W, C); y, dy (N, OH, OW, C), of one dtype. ``window``, ``stride`` and ``pad`` are pairs
(height, width) of integers; ``pad`` counts the rows above and the columns left of the image, and what lies below and to
the right follows from y's shape. Output (oh, ow) sees the rows and columns that its window shares with the image,

    rows(oh) = [oh * stride - pad, oh * stride - pad + window) within [0, H),    cols(ow) likewise,

so padding never takes part. Every window shares at least one row and one column with the image (the op sees to that).

A task is one row of the output. Kernels see flat arrays beside the ``_sizes``, which compiles in half of the time, and
work on vectors of channels, which lie side by side in memory: a window's maximum stays in registers.
"""

import numpy as np

from ..jit import inner, kernel
from .simd import clear
from .vectors import broadcast, lanes, load_as, load_some, select, store_as, store_some

SERIAL_BELOW = 16384  # elements of the image


def _sizes(x, window, stride, pad, y):
    """What the kernels know of a geometry: numbers of x's shape, of y's, and the arguments."""
    return (*x.shape[1:], *y.shape[1:3], *window, *stride, *pad)


def _output_rows(x, sizes, y, *_):
    return y.size // max(1, sizes[4] * sizes[2])


def _image_rows(*args):
    sizes, dx = args[-2:]
    return dx.size // max(1, sizes[1] * sizes[2])


@inner
def _span(o, stride, pad, window, size):
    """[first, last) of window ``o`` along an axis of ``size`` elements, clipped to the image."""
    first = o * stride - pad
    return max(first, 0), min(first + window, size)


@inner
def _windows(at, stride, pad, window, count):
    """[from, to) of the windows, ``count`` in all, that hold element ``at`` along one axis."""
    return max((at + pad - window) // stride + 1, 0), min((at + pad) // stride + 1, count)


def max_pool2d(x, window, stride, pad, y, winner):
    """y[n, oh, ow, c] = max of x[n, h, w, c] over h in rows(oh), w in cols(ow); winner tells where it was found first.

    x: read. y: written. winner: uint8 (or more bits, if the window has more than 256 elements), as y, written:
    kh * window width + kw of the maximum's place in its window.
    As in TensorFlow on CPUs a NaN is passed over; a window of nothing but NaN gives NaN.
    """
    _max_pool2d(x.ravel(), _sizes(x, window, stride, pad, y), y.ravel(), winner.ravel())


@kernel(tasks=_output_rows, work=lambda x, *_: x.size, serial_below=SERIAL_BELOW)
def _max_pool2d(row, x, sizes, y, winner):
    height, width, channels, rows, columns, kh, kw, down, right, above, left = sizes
    image, oh = row // rows * height, row % rows
    top, bottom = _span(oh, down, above, kh, height)
    for ow in range(columns):
        first, last = _span(ow, right, left, kw, width)
        tap = (top - oh * down + above) * kw + first - ow * right + left  # of the first element
        start, out = ((image + top) * width + first) * channels, (row * columns + ow) * channels
        for c in range(0, channels, lanes(y)):
            count = channels - c
            if bottom - top == 2 and last - first == 2:
                best, found = _best_of_four(x, start + c, width * channels, channels, count, tap, kw)
            else:
                best, found = load_some(x, start + c, count), broadcast(y.dtype.type(tap), y)
                for h in range(bottom - top):
                    for w in range(last - first):
                        other = load_some(x, start + (h * width + w) * channels + c, count)
                        best, found = _better(best, found, other, broadcast(y.dtype.type(tap + h * kw + w), y))
            store_some(best, y, out + c, count)
            store_as(found, winner, out + c, count)


@inner
def _best_of_four(x, i, next_row, next_column, count, tap, kw):
    """The best of 2x2 vectors from x[i] on, and its tap: a tournament, which has no long chain of comparisons."""
    real = x.dtype.type
    one, one_tap = load_some(x, i, count), broadcast(real(tap), x)
    two, two_tap = load_some(x, i + next_column, count), broadcast(real(tap + 1), x)
    three, three_tap = load_some(x, i + next_row, count), broadcast(real(tap + kw), x)
    four, four_tap = load_some(x, i + next_row + next_column, count), broadcast(real(tap + kw + 1), x)
    upper, upper_tap = _better(one, one_tap, two, two_tap)
    lower, lower_tap = _better(three, three_tap, four, four_tap)
    return _better(upper, upper_tap, lower, lower_tap)


@inner
def _better(best, found, other, tap):
    """``other`` and its tap where it is larger than ``best``, or a number where best is NaN; else best and its tap."""
    is_better = (other > best) | ((best != best) & (other == other))
    return select(is_better, other, best), select(is_better, tap, found)


def max_pool2d_grad(dy, winner, window, stride, pad, dx):
    """dx[n, h, w, c] = sum of dy[n, oh, ow, c] over the windows (oh, ow) whose maximum lies at (h, w).

    dy, winner: (N, OH, OW, C), read. dx: (N, H, W, C), written; a task owns one of its rows.
    """
    _max_pool2d_grad(dy.ravel(), winner.ravel(), _sizes(dx, window, stride, pad, dy), dx.ravel())


@kernel(tasks=_image_rows, serial_below=SERIAL_BELOW)
def _max_pool2d_grad(row, dy, winner, sizes, dx):
    height, width, channels, rows, columns, kh, kw, down, right, above, left = sizes
    image, h = row // height * rows, row % height
    begin, end = _windows(h, down, above, kh, rows)
    written = 0  # columns that hold a sum already
    for oh in range(begin, end):
        at = (image + oh) * columns * channels
        for ow in range(columns):
            first, last = _span(ow, right, left, kw, width)
            tap, out = (h - oh * down + above) * kw + first - ow * right + left, (row * width + first) * channels
            if written < first:
                clear(dx, (row * width + written) * channels, (first - written) * channels)
            for c in range(0, channels, lanes(dx)):
                count = channels - c
                share, found = load_some(dy, at + c, count), load_as(winner, at + c, count, dx)
                if last - first == 2 and written <= first:  # what most pools need: nothing overlaps
                    store_some(_where(found, tap, share, dx), dx, out + c, count)
                    store_some(_where(found, tap + 1, share, dx), dx, out + channels + c, count)
                    continue
                for w in range(last - first):
                    place = out + w * channels + c
                    total = _where(found, tap + w, share, dx)
                    if first + w < written:
                        total += load_some(dx, place, count)
                    store_some(total, dx, place, count)
            written = max(written, last)
            at += channels
        clear(dx, (row * width + written) * channels, (width - written) * channels)
        written = width
    if begin >= end:
        clear(dx, row * width * channels, width * channels)


@inner
def _where(found, tap, share, like):
    """``share`` in the lanes that found their maximum at ``tap``, else 0."""
    real = like.dtype.type
    return select(found == broadcast(real(tap), like), share, broadcast(real(0), like))


def max_pool2d_grad_grad(ddx, winner, window, stride, pad, ddy):
    """ddy[n, oh, ow, c] = ddx[n, h, w, c] at the maximum (h, w) of window (oh, ow): the transpose of max_pool2d_grad.

    ddx: (N, H, W, C), read. winner: (N, OH, OW, C), read. ddy: as winner, written.
    """
    _max_pool2d_grad_grad(ddx.ravel(), winner.ravel(), _sizes(ddx, window, stride, pad, ddy), ddy.ravel())


@kernel(tasks=lambda ddx, winner, sizes, ddy: _output_rows(ddx, sizes, ddy), serial_below=SERIAL_BELOW)
def _max_pool2d_grad_grad(row, ddx, winner, sizes, ddy):
    height, width, channels, rows, columns, _, kw, down, right, above, left = sizes
    image, oh = row // rows * height, row % rows
    for i in range(row * columns * channels, (row + 1) * columns * channels):
        h, w = divmod(np.int64(winner[i]), kw)
        h, w = h + oh * down - above, w + i // channels % columns * right - left
        ddy[i] = ddx[((image + h) * width + w) * channels + i % channels]


def avg_pool2d(x, window, stride, pad, y):
    """y[n, oh, ow, c] = mean of x[n, h, w, c] over h in rows(oh), w in cols(ow). x: read. y: written."""
    _avg_pool2d(x.ravel(), _sizes(x, window, stride, pad, y), y.ravel())


@kernel(tasks=_output_rows, work=lambda x, *_: x.size, serial_below=SERIAL_BELOW)
def _avg_pool2d(row, x, sizes, y):
    height, width, channels, rows, columns, kh, kw, down, right, above, left = sizes
    image, oh = row // rows * height, row % rows
    top, bottom = _span(oh, down, above, kh, height)
    for ow in range(columns):
        first, last = _span(ow, right, left, kw, width)
        elements = broadcast(y.dtype.type((bottom - top) * (last - first)), y)
        for c in range(0, channels, lanes(y)):
            total = broadcast(y.dtype.type(0), y)
            for h in range(image + top, image + bottom):
                for w in range(first, last):
                    total += load_some(x, (h * width + w) * channels + c, channels - c)
            store_some(total / elements, y, (row * columns + ow) * channels + c, channels - c)


def avg_pool2d_grad(dy, window, stride, pad, dx):
    """dx[n, h, w, c] = sum of dy[n, oh, ow, c] / count(oh, ow) over the windows (oh, ow) that hold (h, w).

    dy: read. dx: written. count: elements that the window shares with the image. The transpose of avg_pool2d.
    """
    _avg_pool2d_grad(dy.ravel(), _sizes(dx, window, stride, pad, dy), dx.ravel())


@kernel(tasks=_image_rows, serial_below=SERIAL_BELOW)
def _avg_pool2d_grad(row, dy, sizes, dx):
    height, width, channels, rows, columns, kh, kw, down, right, above, left = sizes
    image, h = row // height * rows, row % height
    begin, end = _windows(h, down, above, kh, rows)
    written = 0  # columns that hold a sum already
    for oh in range(begin, end):
        top, bottom = _span(oh, down, above, kh, height)
        for ow in range(columns):
            first, last = _span(ow, right, left, kw, width)
            if written < first:
                clear(dx, (row * width + written) * channels, (first - written) * channels)
            elements = broadcast(dx.dtype.type((bottom - top) * (last - first)), dx)
            for c in range(0, channels, lanes(dx)):
                count = channels - c
                share = load_some(dy, ((image + oh) * columns + ow) * channels + c, count) / elements
                for w in range(first, last):
                    out = (row * width + w) * channels + c
                    store_some(share + load_some(dx, out, count if w < written else 0), dx, out, count)
            written = max(written, last)
        clear(dx, (row * width + written) * channels, (width - written) * channels)
        written = width
    if begin >= end:
        clear(dx, row * width * channels, width * channels)
