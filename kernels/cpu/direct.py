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
from .epilogue import add_row, rectify, rows_of, store_pooled, tile_of
from .geometry import PADDING, filter_rows, phase
from .simd import VECTOR_BYTES, clear, copy
from .tiles import add, outer, own_registers, store

SERIAL_BELOW = 1 << 18  # multiply-adds
NO_POOL = (1, 1)
POOL = (2, 2)
ADD_BLOCK = 2048  # elements of dw whose partial sums are added up by one task


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
        tables = phase(x.shape, w.shape[:2], (0, 0), strides, (1, 1), dilations, padding, y.shape, w.itemsize, POOL)
        _pooled_sums(x, _packed(w, False, tables[-1]), bias, *tables, y, winner)


def _correlate(x, w, turned, bias, relu, step, divisor, dilation, padding, y):
    """The sum at the top of this file. x: source, read. w: filter, ``turned`` round or as it is, read. y: target."""
    filters = None
    for corner in itertools.product(range(divisor[0]), range(divisor[1])):
        if y.size and corner[0] < y.shape[1] and corner[1] < y.shape[2]:
            places = (x.shape, w.shape[:2], corner, step, divisor, dilation, padding, y.shape)
            tables = phase(*places, w.itemsize, NO_POOL)
            filters = _packed(w, turned, tables[-1]) if filters is None else filters
            _sums(x, filters, bias, *tables, relu, y)


def _packed(w, turned, shape):
    """Filter rows kh*kw*c in panels of outputs, as wide as a tile: (panels * rows, width), filled up with zeros."""
    height, width, channels, outputs = w.shape
    inputs, targets = (outputs, channels) if turned else (channels, outputs)
    columns = len(shape[1]) * VECTOR_BYTES // w.itemsize
    packed = np.empty((-(-targets // columns) * height * width * inputs, columns), w.dtype)
    if packed.size:
        _pack_filter(w.reshape(height * width, channels, outputs), turned, packed)
    return packed


@kernel(tasks=lambda w, turned, packed: w.shape[0])
def _pack_filter(tap, w, turned, packed):
    """``_packed`` for one tap. w: (kh*kw, c, o), read. ``turned``: taps reversed, inputs and outputs exchanged."""
    taps, columns = w.shape[0], packed.shape[1]
    inputs, outputs = (w.shape[2], w.shape[1]) if turned else (w.shape[1], w.shape[2])
    for panel in range(packed.shape[0] // (taps * inputs)):
        first = panel * columns
        count = min(columns, outputs - first)
        for i in range(inputs):
            row = packed[(panel * taps + tap) * inputs + i]
            if turned:
                for j in range(count):
                    row[j] = w[taps - 1 - tap, first + j, i]
            else:
                values = w[tap, i, first : first + count]
                for j in range(count):
                    row[j] = values[j]
            for j in range(count, columns):
                row[j] = 0


def _tasks(x, filters, bias, rows, targets, runs, length, inside, window, lines, band, *rest):
    return x.shape[0] * -(-(rows.size - PADDING) // band)


def _multiply_adds(x, filters, bias, rows, *rest):
    return x.shape[0] * rows.size * filters.size


@kernel(tasks=_tasks, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _sums(task, x, filters, bias, rows, targets, runs, length, inside, window, lines, band, shape, relu, y):
    """One band of the targets of one phase and image, all outputs. filters: ``_packed``. The tables: ``phase``."""
    bands = -(-(rows.size - PADDING) // band)
    image, first = task // bands, task % bands * band
    last = min(first + band, rows.size - PADDING)
    patch, origin = _patch(x, image, first, last, inside, window, lines)
    width, depth = filters.shape[1], filters.shape[0] // -(-y.shape[3] // filters.shape[1])
    for column in range(0, y.shape[3], width):
        _tile_sums(
            tile_of(x, shape), patch, rows, first, last, origin, runs, length, filters.ravel(), column * depth, width,
            bias, relu, y.ravel(), targets, image * y.shape[1] * y.shape[2] * y.shape[3], column, y.shape[3],
        )  # fmt: skip


@inner
def _tile_sums(
    zero, x, rows, first, last, origin, runs, length, filters, panel, width, bias, relu, y, targets, place, column, outputs
):  # fmt: skip
    """``_sums`` for the outputs of one panel of the filters, tile by tile."""
    own_registers()
    tile_rows = rows_of(zero)
    for at in range(first, last, tile_rows):
        tile = zero
        for run in range(runs.shape[0]):
            k, j = origin + runs[run, 0], panel + runs[run, 1] * width
            for _ in range(length):
                tile = outer(tile, x, rows, at, k, filters, j)
                k += 1
                j += width
        if bias.size:
            tile = add_row(tile, bias, column, outputs - column)
        if relu:
            tile = rectify(tile)
        store(tile, y, targets, at, place + column, outputs - column)


@inner
def _patch(x, image, first, last, inside, window, lines):
    """(patch, origin): what targets first to last of an image read; offset of its top left pixel less that of line 0."""
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


@kernel(tasks=_tasks, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _pooled_sums(task, x, filters, bias, rows, targets, runs, length, inside, window, lines, band, shape, y, winner):
    """``_sums`` of whole windows, of which the maximum is kept."""
    bands = -(-(rows.size - PADDING) // band)
    image, first = task // bands, task % bands * band
    last = min(first + band, rows.size - PADDING)
    patch, origin = _patch(x, image, first, last, inside, window, lines)
    width, depth = filters.shape[1], filters.shape[0] // -(-y.shape[3] // filters.shape[1])
    for column in range(0, y.shape[3], width):
        _pooled_tile_sums(
            tile_of(x, shape), patch, rows, first, last, origin, runs, length, filters.ravel(), column * depth, width,
            bias, y.ravel(), winner.ravel(), targets, image * y.shape[1] * y.shape[2] * y.shape[3], column, y.shape[3],
        )  # fmt: skip


@inner
def _pooled_tile_sums(
    zero, x, rows, first, last, origin, runs, length, filters, panel, width,
    bias, y, winner, targets, place, column, outputs,
):  # fmt: skip
    """``_pooled_sums`` for the outputs of one panel of the filters, tile by tile."""
    own_registers()
    tile_rows = rows_of(zero)
    for at in range(first, last, tile_rows):
        tile = zero
        for run in range(runs.shape[0]):
            k, j = origin + runs[run, 0], panel + runs[run, 1] * width
            for _ in range(length):
                tile = outer(tile, x, rows, at, k, filters, j)
                k += 1
                j += width
        tile = add_row(tile, bias, column, outputs - column)
        store_pooled(tile, y, winner, targets, at, place + column, outputs - column)


def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (kh, kw, c, o), written. Cost: as the forward's.
    """
    if dy.size == 0 or dw.size == 0:
        dw.fill(0)
        return
    *tables, split, shape = filter_rows(x.shape, dy.shape, dw.shape, strides, dilations, padding, x.itemsize)
    partial = np.empty((split[1], dw.size), dw.dtype) if split[1] > 1 else dw.reshape(1, dw.size)
    _pixel_sums(x, dy, *tables, strides, split, shape, partial)
    if split[1] > 1:
        _add_up(partial, dw.reshape(dw.size))


@kernel(
    tasks=lambda *args: args[-3][1] * args[-3][2] * args[-3][3],
    work=lambda x, dy, rows, *rest: dy.size * rows.size,
    serial_below=SERIAL_BELOW,
)
def _pixel_sums(task, x, dy, rows, targets, runs, inside, window, strides, split, shape, partial):
    """partial[group, row, o] = sum over a group's pixels of x[row of the filter at the pixel] * dy[pixel, o].

    A task has a group of bands of lines, a block of the filter's rows and a panel of outputs. The tables:
    ``filter_rows``.
    """
    bands, groups, blocks, panels = split
    group, block, panel = task // (blocks * panels), task // panels % blocks, task % panels
    _, height, width, channels = x.shape
    images, all_lines, places, outputs = dy.shape
    top, left, columns, reach = window
    tile_rows, panel_width = len(shape[0]), len(shape[1]) * VECTOR_BYTES // x.itemsize
    tiles = -(-(rows.size - PADDING) // tile_rows)
    first, last = block * tiles // blocks * tile_rows, (block + 1) * tiles // blocks * tile_rows
    column, band = panel * panel_width, runs.shape[0]
    packed = np.empty(0 if outputs == panel_width else band * places * panel_width, x.dtype)
    patch = np.empty(0 if inside else ((band - 1) * strides[0] + reach) * columns * channels, x.dtype)
    start = group * images * bands // groups
    for unit in range(start, (group + 1) * images * bands // groups):
        image, line = unit // bands, unit % bands * band
        lines = min(band, all_lines - line)
        pixel = (image * all_lines + line) * places
        if packed.size:
            _pack_pixels(dy, pixel, lines * places, column, panel_width, packed)
        pixels, place = (packed, 0) if packed.size else (dy.ravel(), pixel * outputs)
        if not inside:
            size = ((lines - 1) * strides[0] + reach) * columns * channels
            _copy_patch(x, image, top + line * strides[0], left, columns, patch[:size])
        source, origin = (x.ravel(), (image * height + line * strides[0]) * width * channels) if inside else (patch, 0)
        _tile_gradients(
            tile_of(x, shape), source, rows, first, last, origin, runs[:lines], places, strides[1] * channels,
            pixels, place, panel_width, unit > start, partial[group], targets, column, outputs - column,
        )  # fmt: skip


@inner
def _tile_gradients(
    zero, x, rows, first, last, origin, runs, length, step, dy, place, width, accumulate, dw, targets, column, columns
):  # fmt: skip
    """``_pixel_sums`` of one band, tile by tile."""
    own_registers()
    tile_rows = rows_of(zero)
    for at in range(first, last, tile_rows):
        tile = zero
        for run in range(runs.shape[0]):
            k, j = origin + runs[run, 0], place + runs[run, 1] * width
            for _ in range(length):
                tile = outer(tile, x, rows, at, k, dy, j)
                k += step
                j += width
        if accumulate:
            add(tile, dw, targets, at, column, columns)
        else:
            store(tile, dw, targets, at, column, columns)


@inner
def _pack_pixels(dy, first, count, column, width, packed):
    """packed: ``width`` outputs from ``column`` on (zeros beyond the last) of ``count`` pixels from ``first`` on."""
    source, outputs = dy.ravel(), dy.shape[3]
    columns = min(width, outputs - column)
    for pixel in range(count):
        copy(source, (first + pixel) * outputs + column, packed, pixel * width, columns)
        clear(packed, pixel * width + columns, width - columns)


@kernel(tasks=lambda partial, dw: -(-dw.size // ADD_BLOCK), work=lambda partial, dw: partial.size)
def _add_up(block, partial, dw):
    """dw[i] = sum over groups of partial[group, i], in order."""
    first, last = block * ADD_BLOCK, min((block + 1) * ADD_BLOCK, dw.size)
    total = dw[first:last]
    for i in range(total.size):
        total[i] = partial[0, first + i]
    for group in range(1, partial.shape[0]):
        addends = partial[group, first:last]
        for i in range(total.size):
            total[i] += addends[i]
