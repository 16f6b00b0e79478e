"""Depthwise convolution on the CPU, forward and backward: each channel by itself. Twin: ``kernels/cuda/depthwise.py``.

Nothing is summed over channels, so there is no number that a register tile could share: these are products of whole
pixels, vectors over the channels, with sums in registers. Images (n, h, w, c), filters (kh, kw, c, m), outputs (n, h',
w', c*m), whose channel c*m + q is input c with filter q: as if every input channel came m times, and so the public
functions hand it on. C-contiguous, one float dtype. ``strides``, ``dilations``, ``padding``: as in ``convolution.py``.

Kernels see flat arrays beside the ``_sizes``; a task is a line of the result.
"""

import numpy as np

from ..jit import inner, kernel
from .reduction import reduce_sum
from .vectors import broadcast, fma, lanes, load_some, store_some

GROUPS = 16  # most partial sums of a filter's gradient, each over a fixed run of lines
SERIAL_BELOW = 16384  # elements of the result


def depthwise_conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, c*m + q] = sum over kh, kw of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, q].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, m), read. y: (n, h', w', c*m), written.
    """
    if y.size:
        _forward(_repeated(x, w), w.ravel(), _sizes(x, w, y, strides, dilations, padding), y.ravel())


def depthwise_conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, q of dy[n, (h + padding - kh*dilation) / stride, ..., c*m + q] * w[.., c, q].

    dy: (n, h', w', c*m), read. w: (kh, kw, c, m), read. dx: (n, h, w, c), written.
    """
    if dx.size == 0 or dy.size == 0:
        dx.fill(0)
        return
    multiplier = w.shape[3]
    repeated = dx if multiplier == 1 else np.empty((*dx.shape[:3], dy.shape[3]), dx.dtype)
    if strides == (1, 1):  # a convolution with the filter turned round
        reach = [(size - 1) * dilation for size, dilation in zip(w.shape, dilations, strict=False)]
        turned, around = w[::-1, ::-1], (reach[0] - padding[0], reach[1] - padding[1])
        _forward(dy.ravel(), turned.ravel(), _sizes(dy, w, repeated, strides, dilations, around), repeated.ravel())
    else:
        _grad_input(dy.ravel(), w.ravel(), _sizes(dx, w, dy, strides, dilations, padding), repeated.ravel())
    if multiplier != 1:
        np.sum(repeated.reshape(*dx.shape, multiplier), axis=-1, out=dx)


def depthwise_conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, q] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, c*m + q].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', c*m), read. dw: (kh, kw, c, m), written.
    """
    if dw.size == 0 or dy.size == 0:
        dw.fill(0)
        return
    groups = min(GROUPS, dy.shape[0] * dy.shape[1])
    sums = np.empty((1, groups, dw.size), dw.dtype)
    sizes = _sizes(x, dw, dy, strides, dilations, padding)
    _grad_filter(_repeated(x, dw), dy.ravel(), sizes, groups, sums.ravel())
    reduce_sum(sums, dw.reshape(1, dw.size))


def _repeated(x, w):
    """x, flat, with every channel as often as there are filters for it."""
    return (x if w.shape[3] == 1 else np.repeat(x, w.shape[3], axis=3)).ravel()


def _sizes(x, w, y, strides, dilations, padding):
    """What the kernels know of a geometry: numbers of x's, w's and y's shapes, and the arguments."""
    return (*x.shape[1:3], *w.shape[:2], *y.shape[1:], *strides, *dilations, *padding)


@inner
def _inside(at, dilation, count, size):
    """[first, last) of the taps k < ``count`` for which at + k * dilation lies within [0, size)."""
    return max(0, -(at // dilation)), min(count, -((at - size) // dilation))


@kernel(tasks=lambda x, w, sizes, y: y.size // (sizes[5] * sizes[6]), serial_below=SERIAL_BELOW)
def _forward(task, x, w, sizes, y):
    """A line of y: four places at once, if their windows do not reach over the image's sides; others one by one."""
    height, width, rows, columns, lines, places, channels, down, right, kh_step, kw_step, above, left = sizes
    top, out = task % lines * down - above, task * places * channels
    kh_first, kh_last = _inside(top, kh_step, rows, height)
    line, pitch, step = (task // lines * height + top) * width, kh_step * width * channels, kw_step * channels
    begin, end = _inside(-left, right, places, max(0, width - (columns - 1) * kw_step))
    for c in range(0, channels, lanes(y)):
        p, count = 0, channels - c
        while p < places:
            at, goal = (line + p * right - left) * channels + c, out + p * channels + c
            if begin <= p and p + 4 <= end:
                _four_places(
                    x, at, pitch, step, right * channels, w, c, kh_first, kh_last, columns, channels, count, y, goal
                )
                p += 4
                continue
            kw_first, kw_last = _inside(p * right - left, kw_step, columns, width)
            total = broadcast(y.dtype.type(0), y)
            for kh in range(kh_first, kh_last):
                for kw in range(kw_first, kw_last):
                    tap = load_some(w, (kh * columns + kw) * channels + c, count)
                    total = fma(load_some(x, at + kh * pitch + kw * step, count), tap, total)
            store_some(total, y, goal, count)
            p += 1


@inner
def _four_places(x, at, pitch, step, next_place, w, c, kh_first, kh_last, columns, channels, count, y, goal):
    zero = broadcast(y.dtype.type(0), y)
    one, two, three, four = zero, zero, zero, zero
    for kh in range(kh_first, kh_last):
        i, j = at + kh * pitch, kh * columns * channels + c
        for _ in range(columns):
            tap = load_some(w, j, count)
            one = fma(load_some(x, i, count), tap, one)
            two = fma(load_some(x, i + next_place, count), tap, two)
            three = fma(load_some(x, i + 2 * next_place, count), tap, three)
            four = fma(load_some(x, i + 3 * next_place, count), tap, four)
            i += step
            j += channels
    store_some(one, y, goal, count)
    store_some(two, y, goal + channels, count)
    store_some(three, y, goal + 2 * channels, count)
    store_some(four, y, goal + 3 * channels, count)


@kernel(tasks=lambda dy, w, sizes, dx: dx.size // (sizes[1] * sizes[6]), serial_below=SERIAL_BELOW)
def _grad_input(task, dy, w, sizes, dx):
    height, width, rows, columns, lines, places, channels, down, right, kh_step, kw_step, above, left = sizes
    image, bottom = task // height * lines, task % height + above
    for p in range(width):
        for c in range(0, channels, lanes(dx)):
            total, count = broadcast(dx.dtype.type(0), dx), channels - c
            for kh in range(rows):
                line, odd = divmod(bottom - kh * kh_step, down)
                if odd == 0 and 0 <= line < lines:
                    for kw in range(columns):
                        place, odd = divmod(p + left - kw * kw_step, right)
                        if odd == 0 and 0 <= place < places:
                            pixel = load_some(dy, ((image + line) * places + place) * channels + c, count)
                            total = fma(pixel, load_some(w, (kh * columns + kw) * channels + c, count), total)
            store_some(total, dx, (task * width + p) * channels + c, count)


@kernel(tasks=lambda x, dy, sizes, groups, sums: groups, work=lambda x, dy, *_: dy.size, serial_below=SERIAL_BELOW)
def _grad_filter(group, x, dy, sizes, groups, sums):
    """sums[group, kh, kw, c]: over a run of lines, one after the other; of a line, four sums are taken at once."""
    height, width, rows, columns, lines, places, channels, down, right, kh_step, kw_step, above, left = sizes
    size = rows * columns * channels
    total = sums[group * size : (group + 1) * size]
    total[:] = 0
    all_lines = dy.size // (places * channels)
    for task in range(group * all_lines // groups, (group + 1) * all_lines // groups):
        image, top = task // lines * height, task % lines * down - above
        kh_first, kh_last = _inside(top, kh_step, rows, height)
        for kh in range(kh_first, kh_last):
            line = (image + top + kh * kh_step) * width
            for kw in range(columns):
                shift, tap = kw * kw_step - left, (kh * columns + kw) * channels
                first, last = _inside(shift, right, places, width)  # of the places
                for c in range(0, channels, lanes(x)):
                    i, j = (line + first * right + shift) * channels + c, (task * places + first) * channels + c
                    old = load_some(total, tap + c, channels - c)
                    added = _dot(x, i, right * channels, dy, j, channels, last - first, channels - c)
                    store_some(old + added, total, tap + c, channels - c)


@inner
def _dot(x, i, x_step, dy, j, dy_step, length, count):
    """Sum over p < ``length`` of x[i + p * x_step + lane] * dy[j + p * dy_step + lane], a vector of ``count`` lanes."""
    zero = broadcast(x.dtype.type(0), x)
    one, two, three, four = zero, zero, zero, zero
    for _ in range(length // 4):
        one = fma(load_some(x, i, count), load_some(dy, j, count), one)
        two = fma(load_some(x, i + x_step, count), load_some(dy, j + dy_step, count), two)
        three = fma(load_some(x, i + 2 * x_step, count), load_some(dy, j + 2 * dy_step, count), three)
        four = fma(load_some(x, i + 3 * x_step, count), load_some(dy, j + 3 * dy_step, count), four)
        i += 4 * x_step
        j += 4 * dy_step
    for _ in range(length % 4):
        one = fma(load_some(x, i, count), load_some(dy, j, count), one)
        i += x_step
        j += dy_step
    return (one + two) + (three + four)
