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
from ..recording import call
from .epilogue import add_row, columns_of, load_tile, rectify, rows_of, store_pooled, store_tile, tile_of
from .geometry import PADDING, filter_rows, phase
from .reduction import reduce_sum
from .simd import VECTOR_BYTES, clear, copy
from .tiles import outer, own_registers, store

SERIAL_BELOW = 1 << 18  # multiply-adds
NO_WINNERS = np.empty((0, 0, 0, 0), np.uint8)


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
        _sums(x.ravel(), _packed(w, False, taps, tables[-1]), bias, True, *tables, winner.ravel(), y.ravel())


def _correlate(x, w, turned, bias, relu, step, divisor, dilation, padding, y):
    """The sum at the top of this file. x: source, read. w: filter, ``turned`` round or as it is, read. y: target."""
    for corner in itertools.product(range(divisor[0]), range(divisor[1])):
        if y.size and corner[0] < y.shape[1] and corner[1] < y.shape[2]:
            places = x.shape, w.shape[:2], corner, step, divisor, dilation, padding, y.shape
            taps, *tables = phase(*places, w.itemsize, (1, 1))
            _sums(x.ravel(), _packed(w, turned, taps, tables[-1]), bias, relu, *tables, NO_WINNERS, y.ravel())


def _packed(w, turned, taps, shape):
    """The filter's rows (taps, c) in panels of outputs, as wide as a tile: (panels, rows, width), zeros at the end.

    ``turned``: the taps are those of the filter turned round, and its inputs and outputs change places.
    """
    filters = w.reshape(w.shape[0] * w.shape[1], *w.shape[2:])
    filters = filters[::-1].transpose(0, 2, 1) if turned else filters
    chosen = np.empty((taps.size, *filters.shape[1:]), w.dtype)
    call(_take, filters, taps, chosen)
    columns = len(shape[1]) * VECTOR_BYTES // w.itemsize
    return _panels(chosen.reshape(-1, filters.shape[2]), columns)


def _take(rows, positions, out):
    np.take(rows, positions, axis=0, out=out, mode="clip")  # the mode that writes to ``out`` without a buffer


def _panels(rows, columns):
    """(rows, outputs) -> (panels, rows, columns) of that many outputs each, with zeros at the end, as a flat array."""
    outputs = rows.shape[1]
    panels = -(-outputs // columns)
    if panels * columns != outputs:
        padded = np.zeros((rows.shape[0], panels * columns), rows.dtype)
        call(np.copyto, padded[:, :outputs], rows)
        rows = padded
    result = np.empty((panels, rows.shape[0], columns), rows.dtype)
    call(np.copyto, result, rows.reshape(-1, panels, columns).transpose(1, 0, 2))
    return result.ravel()


def _bands(x, filters, bias, relu, rows, goals, steps, spans, window, lines, band, sizes, shape, winner, y):
    return sizes[0] * -(-(rows.size - PADDING) // band)


def _multiply_adds(x, filters, bias, relu, rows, goals, steps, spans, window, lines, band, sizes, *rest):
    return sizes[0] * rows.size * filters.size


@kernel(tasks=_bands, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _sums(
    task, x, filters, bias, relu, rows, goals, steps, spans, window, lines, band, sizes, shape, winner, y
):  # fmt: skip
    """One band of the targets of one phase and image, for all outputs. filters: ``_packed``. The tables: ``phase``."""
    pixels, bands = rows.size - PADDING, -(-(rows.size - PADDING) // band)
    image, first = task // bands, task % bands * band
    last = min(first + band, pixels)
    _, image_size, outputs = sizes
    step, reach = lines[1:]
    line = first // lines[0]
    patch, origin = image_patch(x, image, line * step, ((last - 1) // lines[0] - line) * step + reach, window)
    tile = tile_of(x, shape)
    for column in range(0, outputs, columns_of(tile)):
        _tile_sums(
            tile, patch, origin - line * step * window[3], rows, first, last, steps, spans, filters,
            column * steps.size, bias, relu, winner, goals, image * image_size + column, column, outputs - column, y,
        )  # fmt: skip


@inner
def _tile_sums(
    zero, x, origin, rows, first, last, steps, spans, filters, panel,
    bias, relu, winner, goals, place, column, columns, y,
):  # fmt: skip
    """y[goals[p] + o] = bias[o] + sum over steps s of x[rows[p] + steps[s]] * filters[s, o] for targets p, by tiles."""
    own_registers()
    for at in range(first, last, rows_of(zero)):
        tile, span = zero, at // rows_of(zero)
        for s in range(spans[span, 0], spans[span, 1]):
            tile = outer(tile, x, rows, at, origin + steps[s], filters, panel + s * columns_of(zero))
        if bias.size:
            tile = add_row(tile, bias, column, columns)
        if relu:
            tile = rectify(tile)
        if winner.size:
            store_pooled(tile, y, winner, goals, at, place, columns)
        else:
            store(tile, y, goals, at, place, columns)


@inner
def image_patch(x, image, first, count, window):
    """(patch, where it begins in it): ``count`` rows from row ``first`` on of what is read of an image."""
    inside, top, left, pitch, channels, height, width = window
    if inside:
        return x, ((image * height + top + first) * width + left) * channels
    patch = np.empty(count * pitch, x.dtype)
    for row in range(count):
        place, line = row * pitch, top + first + row
        within = 0 <= line < height
        begin = min(max(0, -left * channels), pitch) if within else pitch
        end = max(begin, min(pitch, (width - left) * channels)) if within else pitch
        clear(patch, place, begin)
        copy(x, ((image * height + line) * width + left) * channels + begin, patch, place + begin, end - begin)
        clear(patch, place + end, pitch - end)
    return patch, 0


def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (kh, kw, c, o), written. Cost: as the forward's.
    """
    if dy.size == 0 or dw.size == 0:
        dw.fill(0)
        return
    *tables, sums_size, split, shape = filter_rows(x.shape, dy.shape, dw.shape, strides, dilations, padding, x.itemsize)
    sums = np.empty(sums_size, dw.dtype)
    _pixel_sums(x.ravel(), dy.ravel(), *tables, split, shape, sums)
    rows, columns = dw.size // dw.shape[3], len(shape[1]) * VECTOR_BYTES // dw.itemsize
    panels = np.empty((split[3], sums_size // (split[1] * split[3] * columns), columns), dw.dtype)
    reduce_sum(sums.reshape(1, split[1], -1), panels.reshape(1, -1))
    call(_unpack, panels, rows, dw)


def _unpack(panels, rows, dw):
    dw[...] = panels[:, :rows].transpose(1, 0, 2).reshape(rows, -1)[:, : dw.shape[3]].reshape(dw.shape)


def _pixel_tasks(x, dy, rows, steps, spans, window, lines, split, shape, sums):
    _, groups, blocks, panels = split
    return groups * blocks * panels


def _pixel_work(x, dy, rows, *rest):
    return dy.size * rows.size


@kernel(tasks=_pixel_tasks, work=_pixel_work, serial_below=SERIAL_BELOW)
def _pixel_sums(task, x, dy, rows, steps, spans, window, lines, split, shape, sums):
    """sums[group, panel, row, o] = sum over a group's pixels of x[row of the filter at the pixel] * dy[pixel, o].

    A task has a group of bands of lines, a block of tiles of the filter's rows, and a panel of outputs. The tables:
    ``filter_rows``.
    """
    bands, groups, blocks, panels = split
    images, all_lines, places, outputs, stride, reach = lines
    group, block, panel = task // (blocks * panels), task // panels % blocks, task % panels
    tile, tiles = tile_of(x, shape), spans.shape[0]
    width, band = columns_of(tile), steps.size // places
    packed = np.empty(0 if outputs == width else steps.size * width, x.dtype)
    first_unit = group * images * bands // groups
    for unit in range(first_unit, (group + 1) * images * bands // groups):
        image, line = unit // bands, unit % bands * band
        count = min(band, all_lines - line)
        pixels, place = dy, (image * all_lines + line) * places * outputs
        if packed.size:
            _pack_pixels(dy, place + panel * width, outputs, count * places, width, outputs - panel * width, packed)
            pixels, place = packed, np.int64(0)
        patch, origin = image_patch(x, image, line * stride, (count - 1) * stride + reach, window)
        _tile_gradients(
            tile, patch, origin, rows, block * tiles // blocks, (block + 1) * tiles // blocks, steps, spans,
            line, count, places, pixels, place, unit > first_unit, sums, (group * panels + panel) * tiles,
        )  # fmt: skip


@inner
def _tile_gradients(
    zero, x, origin, rows, first, last, steps, spans, line, count, places, dy, place, accumulate, sums, tile_sums
):  # fmt: skip
    """sums[r, o] (+)= sum over pixels s of x[rows[r] + steps[s]] * dy[s, o], for rows r, by tiles."""
    own_registers()
    height, width = rows_of(zero), columns_of(zero)
    for number in range(first, last):
        goal = (tile_sums + number) * height * width
        tile = load_tile(zero, sums, goal) if accumulate else zero
        begin = max(0, min(spans[number, 0] - line, count)) * places
        end = max(0, min(spans[number, 1] - line, count)) * places
        for s in range(begin, end):
            tile = outer(tile, x, rows, number * height, origin + steps[s], dy, place + s * width)
        store_tile(tile, sums, goal)


@inner
def _pack_pixels(dy, first, outputs, count, width, columns, packed):
    """packed: ``width`` outputs (zeros beyond ``columns``) of ``count`` pixels, the first of which are at dy[first]."""
    for pixel in range(count):
        copy(dy, first + pixel * outputs, packed, pixel * width, min(width, columns))
        if columns < width:
            clear(packed, pixel * width + columns, width - columns)
