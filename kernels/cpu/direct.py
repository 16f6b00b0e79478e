"""Direct convolution on register tiles: for any stride, dilation and padding, without a copy of every window.

One loop nest serves the convolution and its gradient to the input. Both sum over the taps k of the filter

    target[t] += source[(t * step + k * dilation - padding) / divisor] * filter[k]        wherever that divides evenly

(in rows and columns alike): the convolution has step = stride and divisor = 1; the gradient to the input has step = 1
and divisor = stride, with the filter turned round. Targets t with the same remainder modulo the divisor meet the same
taps: each remainder ("phase") is a dense convolution of its own. Dumoulin and Visin, arXiv:1603.07285, chapter 4.
Where its pixels lie depends on shapes only: ``geometry.py`` works it out once, as tables for the tiles.

Arrays are C-contiguous and of one float dtype: images (n, h, w, c), filters (kh, kw, c, o). ``strides``, ``dilations``
and ``padding`` (the zeros before the first row and before the first column) are pairs of ints, rows first. Outputs are
allocated by the caller and written completely.
"""

import itertools

import numpy as np

from ..jit import inner, kernel
from .epilogue import add_row, columns_of, load_tile, rectify, rows_of, store_pooled, store_tile, tile_of
from .geometry import PADDING, filter_rows, phase
from .simd import VECTOR_BYTES, clear, copy
from .tiles import outer, own_registers, store

SERIAL_BELOW = 1 << 18  # multiply-adds
NO_WINNERS = np.empty((0, 0, 0, 0), np.uint8)
ADD_ROWS = 64  # rows of a filter whose sums are added up by one task


def conv2d(x, w, bias, relu, strides, dilations, padding, y):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, o] + bias[o].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, o), read. bias: (o,), or (0,) for none, read. relu: bool: what
    is below zero becomes zero. y: (n, h', w', o), written. Cost: 2 * y.size * kh*kw*c flops.
    """
    _correlate(x, w, False, bias, relu, strides, (1, 1), dilations, padding, y)


def conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, (h + padding - kh*dilation) / stride, ..., o] * w[kh, kw, c, o].

    dy: (n, h', w', o), read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. Cost: as the forward's.
    """
    reach = [(size - 1) * dilation for size, dilation in zip(w.shape, dilations, strict=False)]
    turned_padding = (reach[0] - padding[0], reach[1] - padding[1])
    _correlate(dy, w, True, np.empty(0, w.dtype), False, (1, 1), strides, dilations, turned_padding, dx)


def conv2d_bias_relu_pool(x, w, bias, strides, dilations, padding, y, winner):
    """y[n, h, w, o] = max(0, z[n, 2h, 2w, o], z[n, 2h, 2w+1, o], z[n, 2h+1, 2w, o], z[n, 2h+1, 2w+1, o]).

    z = ``conv2d`` of x, w and bias, which is nowhere in memory. winner: uint8, as y, written: 2*i + j of the first
    maximum z[2h+i, 2w+j], 4 where no maximum is above zero. A NaN is passed over; four of them give NaN (winner 4).
    """
    if y.size:
        places = x.shape, w.shape[:2], (0, 0), strides, (1, 1), dilations, padding, y.shape
        taps, *tables = phase(*places, w.itemsize, (2, 2))
        _sums(x, _packed(w, False, taps, tables[-1]), bias, True, *tables, y, winner)


def _correlate(x, w, turned, bias, relu, step, divisor, dilation, padding, y):
    """The sum at the top of this file. x: source, read. w: filter, ``turned`` round or as it is, read. y: target."""
    for corner in itertools.product(range(divisor[0]), range(divisor[1])):
        if y.size and corner[0] < y.shape[1] and corner[1] < y.shape[2]:
            places = x.shape, w.shape[:2], corner, step, divisor, dilation, padding, y.shape
            taps, *tables = phase(*places, w.itemsize, (1, 1))
            _sums(x, _packed(w, turned, taps, tables[-1]), bias, relu, *tables, y, NO_WINNERS)


def _packed(w, turned, taps, shape):
    """The filter's rows (taps, c) in panels of outputs, as wide as a tile: (panels, rows, width), zeros at the end."""
    height, width, channels, outputs = w.shape
    inputs, targets = (outputs, channels) if turned else (channels, outputs)
    columns = len(shape[1]) * VECTOR_BYTES // w.itemsize
    packed = np.empty((-(-targets // columns), taps.size * inputs, columns), w.dtype)
    if packed.size:
        _pack_filter(w.reshape(height * width, channels, outputs), turned, taps, packed)
    return packed


@kernel(tasks=lambda w, turned, taps, packed: taps.size)
def _pack_filter(task, w, turned, taps, packed):
    """``_packed`` for one tap. w: (kh*kw, c, o), read. ``turned``: taps reversed, inputs and outputs exchanged."""
    panels, _, columns = packed.shape
    inputs, outputs = (w.shape[2], w.shape[1]) if turned else (w.shape[1], w.shape[2])
    tap = w.shape[0] - 1 - taps[task] if turned else taps[task]
    for panel in range(panels):
        first = panel * columns
        count = min(columns, outputs - first)
        for i in range(inputs):
            row = packed[panel, task * inputs + i]
            if turned:
                for j in range(count):
                    row[j] = w[tap, first + j, i]
            else:
                values = w[tap, i, first : first + count]
                for j in range(count):
                    row[j] = values[j]
            for j in range(count, columns):
                row[j] = 0


def _bands(x, filters, bias, relu, rows, goals, steps, spans, inside, window, lines, band, *rest):
    return x.shape[0] * -(-(rows.size - PADDING) // band)


def _multiply_adds(x, filters, bias, relu, rows, *rest):
    return x.shape[0] * rows.size * filters.size


@kernel(tasks=_bands, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _sums(
    task, x, filters, bias, relu, rows, goals, steps, spans, inside, window, lines, band, shape, y, winner
):  # fmt: skip
    """One band of the targets of one phase and image, for all outputs. filters: ``_packed``. The tables: ``phase``."""
    pixels, bands = rows.size - PADDING, -(-(rows.size - PADDING) // band)
    image, first = task // bands, task % bands * band
    last = min(first + band, pixels)
    patch, origin = _patch(x, image, first, last, inside, window, lines)
    place = image * y.shape[1] * y.shape[2] * y.shape[3]
    for panel in range(filters.shape[0]):
        _tile_sums(
            tile_of(x, shape), patch, origin, rows, first, last, steps, spans, filters[panel].ravel(),
            bias, relu, y.ravel(), winner.ravel(), goals, place, panel * filters.shape[2], y.shape[3],
        )  # fmt: skip


@inner
def _tile_sums(
    zero, x, origin, rows, first, last, steps, spans, filters, bias, relu, y, winner, goals, place, column, outputs
):  # fmt: skip
    """y[goals[p] + o] = bias[o] + sum over steps s of x[rows[p] + steps[s]] * filters[s, o] for targets p, by tiles."""
    own_registers()
    columns, width = outputs - column, columns_of(zero)
    for at in range(first, last, rows_of(zero)):
        tile, span = zero, spans[at // rows_of(zero)]
        for s in range(span[0], span[1]):
            tile = outer(tile, x, rows, at, origin + steps[s], filters, s * width)
        if bias.size:
            tile = add_row(tile, bias, column, columns)
        if relu:
            tile = rectify(tile)
        if winner.size:
            store_pooled(tile, y, winner, goals, at, place + column, columns)
        else:
            store(tile, y, goals, at, place + column, columns)


@inner
def _patch(x, image, first, last, inside, window, lines):
    """(patch, origin): what targets first to last of an image read, and where line 0 of the targets begins in it."""
    _, height, width, channels = x.shape
    top, left, columns = window
    places, step, reach = lines
    if inside:
        return x.ravel(), ((image * height + top) * width + left) * channels
    line, last_line = first // places, (last - 1) // places
    patch = np.empty(((last_line - line) * step + reach) * columns * channels, x.dtype)
    _copy_patch(x, image, top + line * step, left, columns, patch)
    return patch, -line * step * columns * channels


@inner
def _copy_patch(x, image, top, left, columns, patch):
    """patch: rows of ``columns`` pixels of ``image`` from (top, left) on, with zeros outside of the image."""
    _, height, width, channels = x.shape
    size, source = columns * channels, x.ravel()
    for row in range(patch.size // max(1, size)):
        line, within = row * size, 0 <= top + row < height
        begin = min(max(0, -left) * channels, size) if within else size
        end = max(begin, min(columns, width - left) * channels) if within else size
        first = ((image * height + top + row) * width + left) * channels
        clear(patch, line, begin)
        copy(source, first + begin, patch, line + begin, end - begin)
        clear(patch, line + end, size - end)


def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (kh, kw, c, o), written. Cost: as the forward's.
    """
    if dy.size == 0 or dw.size == 0:
        dw.fill(0)
        return
    *tables, sums_shape, split, shape = filter_rows(
        x.shape, dy.shape, dw.shape, strides, dilations, padding, x.itemsize
    )
    sums = np.empty(sums_shape, dw.dtype)
    _pixel_sums(x, dy, *tables, strides[0], split, shape, sums)
    _add_up(sums, dw.reshape(dw.size // dw.shape[3], dw.shape[3]))


def _pixel_tasks(*args):
    _, groups, blocks, panels = args[-3]
    return groups * blocks * panels


def _pixel_work(x, dy, rows, *rest):
    return dy.size * rows.size


@kernel(tasks=_pixel_tasks, work=_pixel_work, serial_below=SERIAL_BELOW)
def _pixel_sums(task, x, dy, rows, steps, spans, inside, window, stride, split, shape, sums):
    """sums[group, panel, row, o] = sum over a group's pixels of x[row of the filter at the pixel] * dy[pixel, o].

    A task has a group of bands of lines, a block of tiles of the filter's rows, and a panel of outputs. The tables:
    ``filter_rows``.
    """
    bands, groups, blocks, panels = split
    group, block, panel = task // (blocks * panels), task // panels % blocks, task % panels
    _, height, width, channels = x.shape
    images, all_lines, places, outputs = dy.shape
    top, left, columns, reach = window
    panel_width = len(shape[1]) * VECTOR_BYTES // x.itemsize
    column, band = panel * panel_width, steps.size // places
    packed = np.empty(0 if outputs == panel_width else steps.size * panel_width, x.dtype)
    patch = np.empty(0 if inside else ((band - 1) * stride + reach) * columns * channels, x.dtype)
    start = group * images * bands // groups
    for unit in range(start, (group + 1) * images * bands // groups):
        image, line = unit // bands, unit % bands * band
        lines, pixel = min(band, all_lines - line), (image * all_lines + line) * places
        if packed.size:
            _pack_pixels(dy, pixel, lines * places, column, panel_width, packed)
        pixels, place = (packed, 0) if packed.size else (dy.ravel(), pixel * outputs)
        if not inside:
            size = ((lines - 1) * stride + reach) * columns * channels
            _copy_patch(x, image, top + line * stride, left, columns, patch[:size])
        source, origin = (x.ravel(), (image * height + line * stride) * width * channels) if inside else (patch, 0)
        _tile_gradients(
            tile_of(x, shape), source, origin, rows, block * spans.shape[0] // blocks,
            (block + 1) * spans.shape[0] // blocks, steps, spans, line, lines, places, pixels, place,
            unit > start, sums[group, panel].ravel(),
        )  # fmt: skip


@inner
def _tile_gradients(
    zero, x, origin, rows, first, last, steps, spans, line, lines, places, dy, place, accumulate, sums
):  # fmt: skip
    """sums[r, o] (+)= sum over pixels s of x[rows[r] + steps[s]] * dy[s, o], for rows r, by tiles."""
    own_registers()
    width = columns_of(zero)
    for tile_number in range(first, last):
        at = tile_number * rows_of(zero)
        tile = load_tile(zero, sums, at * width) if accumulate else zero
        begin = max(0, min(spans[tile_number, 0] - line, lines)) * places
        end = max(0, min(spans[tile_number, 1] - line, lines)) * places
        for s in range(begin, end):
            tile = outer(tile, x, rows, at, origin + steps[s], dy, place + s * width)
        store_tile(tile, sums, at * width)


@inner
def _pack_pixels(dy, first, count, column, width, packed):
    """packed: ``width`` outputs from ``column`` on (zeros beyond the last) of ``count`` pixels from ``first`` on."""
    source, outputs = dy.ravel(), dy.shape[3]
    columns = min(width, outputs - column)
    for pixel in range(count):
        copy(source, (first + pixel) * outputs + column, packed, pixel * width, columns)
        clear(packed, pixel * width + columns, width - columns)


@kernel(tasks=lambda sums, dw: -(-dw.shape[0] // ADD_ROWS), work=lambda sums, dw: sums.size)
def _add_up(block, sums, dw):
    """dw[row, o] = sum over groups, in order, of the sums that ``_pixel_sums`` made of them."""
    groups, panels, _, width = sums.shape
    outputs = dw.shape[1]
    for row in range(block * ADD_ROWS, min((block + 1) * ADD_ROWS, dw.shape[0])):
        for panel in range(panels):
            total = dw[row, panel * width : min((panel + 1) * width, outputs)]
            for o in range(total.size):
                total[o] = sums[0, panel, row, o]
            for group in range(1, groups):
                addends = sums[group, panel, row]
                for o in range(total.size):
                    total[o] += addends[o]
