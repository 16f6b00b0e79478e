"""Depthwise convolution on the CPU, forward and backward: each channel by itself. Twin: ``kernels/cuda/depthwise.py``.

Images (n, h, w, c), filters (kh, kw, c, m), outputs (n, h', w', c*m), whose channel c*m + q is input c with filter q:
as if every input channel came m times, and so the public functions hand it on. C-contiguous, one float dtype.
``strides``, ``dilations``, ``padding``: as in ``convolution.py``. The tables and the nest of loops are those of
``direct.py``, but for the innermost step: nothing is summed over channels, so a tile multiplies vectors by vectors.
"""

import itertools

import numpy as np

from ..jit import inner, kernel
from .direct import image_patch
from .epilogue import add_products, columns_of, rows_of, tile_of
from .geometry import PADDING, phase
from .reduction import reduce_sum
from .simd import apart, clear, run
from .tiles import own_registers, store
from .vectors import broadcast, fma, lanes, load_some, store_some

GROUPS = 16  # most partial sums of a filter's gradient, each over a fixed run of lines
SERIAL_BELOW = 16384  # elements of the result


def depthwise_conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, c*m + q] = sum over kh, kw of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, q].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, m), read. y: (n, h', w', c*m), written.
    """
    _correlate(_repeated(x, w), w, strides, (1, 1), dilations, padding, y)


def depthwise_conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, q of dy[n, (h + padding - kh*dilation) / stride, ..., c*m + q] * w[.., c, q].

    dy: (n, h', w', c*m), read. w: (kh, kw, c, m), read. dx: (n, h, w, c), written.
    """
    multiplier = w.shape[3]
    repeated = dx if multiplier == 1 else np.empty((*dx.shape[:3], dy.shape[3]), dx.dtype)
    reach = [(size - 1) * dilation for size, dilation in zip(w.shape, dilations, strict=False)]
    turned_padding = (reach[0] - padding[0], reach[1] - padding[1])
    _correlate(dy, w[::-1, ::-1], (1, 1), strides, dilations, turned_padding, repeated)
    if multiplier != 1:
        np.sum(repeated.reshape(*dx.shape, multiplier), axis=-1, out=dx)


def _correlate(x, w, step, divisor, dilation, padding, y):
    """The sum at the top of ``direct.py``, of each channel by itself."""
    taps_of_w = np.ascontiguousarray(w).reshape(w.shape[0] * w.shape[1], y.shape[3])
    for corner in itertools.product(range(divisor[0]), range(divisor[1])):
        if y.size and corner[0] < y.shape[1] and corner[1] < y.shape[2]:
            places = x.shape, w.shape[:2], corner, step, divisor, dilation, padding, y.shape
            taps, rows, goals, steps, spans, *tables = phase(*places, w.itemsize, (1, 1))
            _sums(x.ravel(), taps_of_w[taps].ravel(), rows, goals, steps, spans, *tables, y.ravel())


def _bands(x, w, rows, goals, steps, spans, window, lines, band, sizes, *rest):
    return sizes[0] * -(-(rows.size - PADDING) // band)


@kernel(tasks=_bands, serial_below=SERIAL_BELOW)
def _sums(task, x, w, rows, goals, steps, spans, window, lines, band, sizes, shape, y):
    """One band of the targets of one phase and image. w: (taps of the phase, channels). The tables: ``phase``."""
    pixels, bands = rows.size - PADDING, -(-(rows.size - PADDING) // band)
    image, first = task // bands, task % bands * band
    last = min(first + band, pixels)
    _, image_size, channels = sizes
    step, reach = lines[1:]
    line = first // lines[0]
    patch, origin = image_patch(x, image, line * step, ((last - 1) // lines[0] - line) * step + reach, window)
    origin -= line * step * window[3]
    tile = tile_of(x, shape)
    for c in range(0, channels, columns_of(tile)):
        _tile_sums(
            tile, patch, origin + c, rows, first, last, steps, spans, w, c, goals, image * image_size + c, channels, y
        )


@inner
def _tile_sums(zero, x, origin, rows, first, last, steps, spans, w, c, goals, place, channels, y):
    """y[goals[p]] = sum over taps t of x[rows[p] + steps of t] * w[t], for targets p, by tiles."""
    own_registers()
    for at in range(first, last, rows_of(zero)):
        tile, span = zero, at // rows_of(zero)
        # The table has a step for each tap and channel: here are the taps' first ones.
        if channels - c >= columns_of(zero):
            for s in range(spans[span, 0], spans[span, 1], channels):
                tile = add_products(tile, x, rows, at, origin + steps[s], w, s + c, None)
        else:  # masks make loads slow
            for s in range(spans[span, 0], spans[span, 1], channels):
                tile = add_products(tile, x, rows, at, origin + steps[s], w, s + c, channels - c)
        store(tile, y, goals, at, place, channels - c)


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
    _grad_filter(_repeated(x, dw).ravel(), dy.ravel(), sizes, groups, sums.ravel())
    reduce_sum(sums, dw.reshape(1, dw.size))


def _repeated(x, w):
    """x with every channel as often as there are filters for it."""
    return x if w.shape[3] == 1 else np.repeat(x, w.shape[3], axis=3)


def _sizes(x, w, y, strides, dilations, padding):
    """What the kernels know of a geometry: numbers of x's, w's and y's shapes, and the arguments."""
    return (*x.shape[1:3], *w.shape[:2], *y.shape[1:], *strides, *dilations, *padding)


@inner
def _inside(at, dilation, count, size):
    """[first, last) of the taps k < ``count`` for which at + k * dilation lies within [0, size)."""
    return max(0, -(at // dilation)), min(count, -((at - size) // dilation))


@kernel(tasks=lambda x, dy, sizes, groups, sums: groups, work=lambda x, dy, *_: dy.size, serial_below=SERIAL_BELOW)
def _grad_filter(group, x, dy, sizes, groups, sums):
    """sums[group, kh, kw, c]: over a run of lines, one after the other; three taps of a filter's row at once."""
    height, width, rows, columns, lines, places, channels, down, right, kh_step, kw_step, above, left = sizes
    size, pitch = rows * columns * channels, right * channels
    total = run(sums, group * size, size)
    clear(total, 0, size)
    all_lines = dy.size // (places * channels)
    for task in range(group * all_lines // groups, (group + 1) * all_lines // groups):
        image, top = task // lines * height, task % lines * down - above
        kh_first, kh_last = _inside(top, kh_step, rows, height)
        for kh in range(kh_first, kh_last):
            line, kw = ((image + top + kh * kh_step) * width - left) * channels, 0
            while kw < columns:
                # Of three taps the first is the last to meet pixels, the third the first to leave them.
                first, end = _inside(kw * kw_step - left, right, places, width)
                last = _inside((kw + 2) * kw_step - left, right, places, width)[1]
                i, j, tap = line + kw * kw_step * channels, task * places * channels, (kh * columns + kw) * channels
                if kw + 3 > columns or first >= last:
                    _add_one(x, i, pitch, dy, j, channels, first, end, total, tap)
                    kw += 1
                    continue
                _add_three(x, i, pitch, kw_step * channels, dy, j, channels, first, last, total, tap)
                for _ in range(3):  # the places that not all three have met
                    begin, end = _inside(kw * kw_step - left, right, places, width)
                    _add_one(x, i, pitch, dy, j, channels, begin, first, total, tap)
                    _add_one(x, i, pitch, dy, j, channels, last, end, total, tap)
                    i, tap, kw = i + kw_step * channels, tap + channels, kw + 1


@inner
def _add_one(x, i, x_step, dy, j, channels, first, last, total, at):
    """total[at + c] += sum over places first <= p < last of x[i + p * x_step + c] * dy[j + p * channels + c]."""
    apart()
    if first >= last:
        return
    for c in range(0, channels, lanes(x)):
        count, added = channels - c, broadcast(x.dtype.type(0), x)
        for p in range(first, last):
            right = load_some(dy, j + p * channels + c, count)
            added = fma(load_some(x, i + p * x_step + c, count), right, added)
        store_some(load_some(total, at + c, count) + added, total, at + c, count)


@inner
def _add_three(x, i, x_step, tap, dy, j, channels, first, last, total, at):
    """``_add_one`` for i, i + tap and i + 2 * tap; sums of even and odd places, so that six are under way at once."""
    apart()
    i, j, length = i + first * x_step, j + first * channels, last - first
    for c in range(0, channels, lanes(x)):
        count, zero = channels - c, broadcast(x.dtype.type(0), x)
        even_0, even_1, even_2, odd_0, odd_1, odd_2 = zero, zero, zero, zero, zero, zero
        a, b = i + c, j + c
        for _ in range(length // 2):
            even, odd = load_some(dy, b, count), load_some(dy, b + channels, count)
            even_0 = fma(load_some(x, a, count), even, even_0)
            even_1 = fma(load_some(x, a + tap, count), even, even_1)
            even_2 = fma(load_some(x, a + 2 * tap, count), even, even_2)
            a += x_step
            odd_0 = fma(load_some(x, a, count), odd, odd_0)
            odd_1 = fma(load_some(x, a + tap, count), odd, odd_1)
            odd_2 = fma(load_some(x, a + 2 * tap, count), odd, odd_2)
            a += x_step
            b += 2 * channels
        if length % 2:
            even = load_some(dy, b, count)
            even_0 = fma(load_some(x, a, count), even, even_0)
            even_1 = fma(load_some(x, a + tap, count), even, even_1)
            even_2 = fma(load_some(x, a + 2 * tap, count), even, even_2)
        place = at + c
        store_some(load_some(total, place, count) + (even_0 + odd_0), total, place, count)
        place += channels
        store_some(load_some(total, place, count) + (even_1 + odd_1), total, place, count)
        place += channels
        store_some(load_some(total, place, count) + (even_2 + odd_2), total, place, count)
