"""Convolutions over images on the CPU, forward and backward, on register tiles. Twin: ``kernels/cuda/convolution.py``.

One loop nest serves the convolution and its gradient to the input. Both sum over the taps k of the filter

    target[t] += source[(t * step + k * dilation - padding) / divisor] * filter[k]        wherever that divides evenly

(in rows and columns alike): the convolution has step = stride and divisor = 1; the gradient to the input has step = 1
and divisor = stride, with the filter turned round. Targets t with the same remainder modulo the divisor meet the same
taps: each remainder ("phase") is a dense convolution of its own. Dumoulin and Visin, arXiv:1603.07285, chapter 4.
Where its pixels lie depends on shapes only: ``_phase`` and ``_filter_rows`` work it out once, as tables for the tiles.

Arrays are C-contiguous and of one float dtype: images (n, h, w, c), filters (kh, kw, c, o). ``strides``, ``dilations``
and ``padding`` (the zeros before the first row and before the first column) are pairs of ints, rows first. Outputs are
allocated by the caller and written completely.
"""

import itertools

import numpy as np
from numba import prange

from ..jit import inner, kernel
from .simd import VECTOR_BYTES, clear, copy
from .tables import remembered
from .tiles import ROWS, multiply_panel, panel_width

BAND = 170 * ROWS  # pixels that one task computes: what they read should stay in the L2 cache
GROUPS = 16  # most partial sums of a filter's gradient, each over a fixed run of images
PARTIAL_SIZE = 1 << 22  # most elements in all partial sums together
SERIAL_BELOW = 1 << 18  # multiply-adds
TABLE_BYTES = 1 << 25  # kept for later calls


def conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, o].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, o), read. y: (n, h', w', o), written.
    Cost: 2 * y.size * kh*kw*c flops.
    """
    _correlate(x, w, False, strides, (1, 1), dilations, padding, y)


def conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, (h + padding - kh*dilation) / stride, ..., o] * w[kh, kw, c, o].

    dy: (n, h', w', o), read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. Cost: as the forward's.
    """
    reach = [(size - 1) * dilation for size, dilation in zip(w.shape, dilations, strict=False)]
    _correlate(dy, w, True, (1, 1), strides, dilations, (reach[0] - padding[0], reach[1] - padding[1]), dx)


def _correlate(x, w, turned, step, divisor, dilation, padding, y):
    """The sum at the top of this file. x: source, read. w: filter, ``turned`` round or as it is, read. y: target."""
    if y.size == 0:
        return
    outputs = y.shape[3]
    wide = 2 * VECTOR_BYTES // w.itemsize
    filters = np.empty(w.size // max(1, outputs) * (-(-outputs // wide) * wide), w.dtype)
    _pack_filter(w.reshape(w.shape[0] * w.shape[1], *w.shape[2:]), turned, filters)
    for corner in itertools.product(range(divisor[0]), range(divisor[1])):
        if corner[0] < y.shape[1] and corner[1] < y.shape[2]:
            tables = _phase(x.shape, w.shape[:2], corner, step, divisor, dilation, padding, y.shape)
            _phase_sums(x, filters, *tables, y)


@remembered(TABLE_BYTES)
def _phase(source, filter_size, corner, step, divisor, dilation, padding, target):
    """Where the targets (corner + divisor * q) of one phase, and what they read, lie: the tables for ``_phase_sums``.

    rows: int64 (q...), offset of each target's first pixel in the patch of its image: the part of the image that the
        phase reads, with zeros outside of the image. A patch that is ``inside`` of it is read where it lies.
    targets: int64 (q...), offset of each target in its image of y. Both tables go on for ROWS unused rows (-1).
    runs: int64 (run, 2), the taps: offset in the patch, first filter row. A run goes over ``length`` taps and channels.
    window: top, left and columns of the patch.
    lines: (targets in one line, patch rows from one line to the next, patch rows of the taps of a line).
    """
    _, height, width, channels = source
    count = [-(-(size - first) // d) for size, first, d in zip(target[1:3], corner, divisor, strict=True)]
    taps = [_taps(*axis) for axis in zip(filter_size, corner, divisor, dilation, padding, strict=True)]
    low = [min((at for _, at in axis), default=0) for axis in taps]
    reach = [max((at for _, at in axis), default=0) - first + 1 for axis, first in zip(taps, low, strict=True)]
    rows, columns = [(n - 1) * s + r for n, s, r in zip(count, step, reach, strict=True)]
    inside = low[0] >= 0 and low[1] >= 0 and low[0] + rows <= height and low[1] + columns <= width
    pitch = width if inside else columns
    # Taps that follow each other in a filter row do so in the patch too, if no pixel lies between them: one run.
    joined = filter_size[1] if dilation[1] * divisor[1] == 1 else 1
    runs = [
        (((down - low[0]) * pitch + right - low[1]) * channels, (kh * filter_size[1] + kw) * channels)
        for (kh, down), (kw, right) in itertools.product(taps[0], taps[1][::joined])
    ]
    targets = _pixels(count, divisor, target[2], corner[0] * target[2] + corner[1]) * target[3]
    return (
        np.pad(_pixels(count, step, pitch, 0) * channels, (0, ROWS), "edge"),
        np.pad(targets, (0, ROWS), constant_values=-1),
        np.array(runs, np.int64).reshape(-1, 2),
        joined * channels,
        inside,
        (*low, columns),
        (count[1], step[0], reach[0]),
    )


def _taps(size, phase, divisor, dilation, padding):
    """(k, distance in the source) of the taps that a phase meets along one axis."""
    shifts = [(k, phase + k * dilation - padding) for k in range(size)]
    return [(k, shift // divisor) for k, shift in shifts if shift % divisor == 0]


def _pixels(count, step, pitch, first):
    """Numbers of count[0] x count[1] pixels, ``step`` apart, in an image that begins with pixel ``first``."""
    return (first + np.arange(count[0])[:, None] * (step[0] * pitch) + np.arange(count[1]) * step[1]).ravel()


@kernel
def _pack_filter(w, turned, packed):
    """packed: filter rows (kh*kw*c) in panels of some outputs (``panel_width``), filled up with zeros.

    w: (kh*kw, c, o), read. ``turned``: the taps in reverse order, inputs and outputs exchanged.
    """
    taps = w.shape[0]
    inputs, outputs = (w.shape[2], w.shape[1]) if turned else (w.shape[1], w.shape[2])
    wide = 2 * VECTOR_BYTES // w.itemsize
    place = 0
    for column in range(0, outputs, wide):
        width = panel_width(outputs - column, wide)
        for tap in range(taps):
            for i in range(inputs):
                for j in range(column, column + width):
                    if j >= outputs:
                        packed[place] = 0
                    elif turned:
                        packed[place] = w[taps - 1 - tap, j, i]
                    else:
                        packed[place] = w[tap, i, j]
                    place += 1


def _multiply_adds(x, filters, rows, *rest):
    return x.shape[0] * rows.size * filters.size


@kernel(parallel=True, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _phase_sums(x, filters, rows, targets, runs, length, inside, window, lines, y):
    """The targets of one phase: y[...] = sum over taps and channels of x * filter. Tables and tuples: ``_phase``."""
    source, target = x.ravel(), y.ravel()
    images, height, width, channels = x.shape
    outputs, image_size = y.shape[3], y.shape[1] * y.shape[2] * y.shape[3]
    top, left, columns = window
    places, line_step, reach = lines
    pixels = rows.size - ROWS
    wide = 2 * VECTOR_BYTES // x.itemsize
    panel_size = filters.size // -(-outputs // wide)
    bands = -(-pixels // BAND)
    step, accumulate = np.int64(1), np.bool_(False)  # literals would make Numba compile the tiles once more
    for task in prange(images * bands):
        image, first = task // bands, task % bands * BAND
        last = min(first + BAND, pixels)
        if inside:
            patch, origin = source, ((image * height + top) * width + left) * channels
        else:
            line, last_line = first // places, (last - 1) // places
            patch_rows = (last_line - line) * line_step + reach
            patch, origin = np.empty(patch_rows * columns * channels, x.dtype), -line * line_step * columns * channels
            _copy_patch(source, x.shape, image, top + line * line_step, left, patch_rows, columns, patch)
        for column in range(0, outputs, wide):
            multiply_panel(
                patch, rows, first, last, origin, runs, length, step, filters, column // wide * panel_size,
                accumulate, target, targets, image * image_size + column, outputs - column,
            )  # fmt: skip


def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (kh, kw, c, o), written. Cost: as the forward's.
    """
    if dy.size == 0 or dw.size == 0:
        dw.fill(0)
        return
    _pixel_sums(x, dy, *_filter_rows(x.shape, dy.shape, dw.shape, strides, dilations, padding), strides, dw)


@remembered(TABLE_BYTES)
def _filter_rows(source, target, filter_shape, strides, dilations, padding):
    """Where the rows (kh, kw, c) of a filter lie in an image's patch and in the filter: tables for ``_pixel_sums``."""
    height, width, channels, outputs = filter_shape
    reach = [(size - 1) * dilation + 1 for size, dilation in zip((height, width), dilations, strict=True)]
    rows, columns = [(n - 1) * s + r for n, s, r in zip(target[1:3], strides, reach, strict=True)]
    inside = min(padding) >= 0 == max(padding) and rows <= source[1] and columns <= source[2]
    pitch = source[2] if inside else columns
    first = _pixels((height, width), dilations, pitch, 0)[:, None] * channels + np.arange(channels)
    targets = np.arange(height * width * channels) * outputs
    band = np.arange(max(1, min(target[1], BAND // max(1, target[2]))))  # lines of pixels; each is a run
    return (
        np.pad(first.ravel(), (0, ROWS), "edge"),
        np.pad(targets, (0, ROWS), constant_values=-1),
        np.stack([band * strides[0] * pitch * channels, band * target[2]], axis=1),
        inside,
        (-padding[0], -padding[1], columns, reach[0]),
    )


@kernel(parallel=True, work=lambda x, dy, rows, *rest: dy.size * rows.size, serial_below=SERIAL_BELOW)
def _pixel_sums(x, dy, rows, targets, runs, inside, window, strides, dw):
    """dw[row, o] = sum over pixels of x[row of the filter at the pixel] * dy[pixel, o]. Tables: ``_filter_rows``.

    A task has a group of images and one panel of outputs; the groups' sums are added up in the end, in a fixed order.
    """
    source, total = x.ravel(), dw.ravel()
    images, height, width, channels = x.shape
    _, lines, places, outputs = dy.shape
    top, left, columns, reach = window
    wide = 2 * VECTOR_BYTES // x.itemsize
    panels = -(-outputs // wide)
    groups = max(1, min(images, GROUPS, PARTIAL_SIZE // max(1, total.size)))
    band = runs.shape[0]
    partial = np.empty(groups * total.size, x.dtype)
    step, zero = strides[1] * channels, np.int64(0)  # no literal: as above
    for task in prange(groups * panels):
        group, column = task // panels, task % panels * wide
        panel = panel_width(outputs - column, wide)
        packed = np.empty(band * places * panel, x.dtype)
        patch, origin = source, 0
        if not inside:
            patch = np.empty(((band - 1) * strides[0] + reach) * columns * channels, x.dtype)
        first = group * images // groups
        for image in range(first, (group + 1) * images // groups):
            for line in range(0, lines, band):
                size = min(band, lines - line)
                _pack_pixels(dy, image, line * places, size * places, column, panel, packed)
                if inside:
                    origin = (image * height + line * strides[0]) * width * channels
                else:
                    patch_rows = (size - 1) * strides[0] + reach
                    _copy_patch(source, x.shape, image, top + line * strides[0], left, patch_rows, columns, patch)
                multiply_panel(
                    patch, rows, zero, rows.size - ROWS, origin, runs[:size], places, step, packed, zero,
                    image > first or line > 0, partial, targets, group * total.size + column, outputs - column,
                )  # fmt: skip
    for i in range(total.size):
        total[i] = partial[i]
    for group in range(1, groups):
        for i in range(total.size):
            total[i] += partial[group * total.size + i]


@inner
def _pack_pixels(dy, image, first, count, column, panel, packed):
    """packed: ``panel`` outputs from ``column`` on (zeros beyond the last) of ``count`` pixels from ``first`` on."""
    source, outputs = dy.ravel(), dy.shape[3]
    start = (image * dy.shape[1] * dy.shape[2] + first) * outputs + column
    columns, wide = min(panel, outputs - column), 2 * VECTOR_BYTES // dy.itemsize
    for pixel in range(count):
        if columns == wide:  # the constant lets the compiler move registers
            copy(source, start + pixel * outputs, packed, pixel * wide, wide)
        else:
            copy(source, start + pixel * outputs, packed, pixel * panel, columns)
            clear(packed, pixel * panel + columns, panel - columns)


@inner
def _copy_patch(source, shape, image, top, left, rows, columns, patch):
    """patch: ``rows`` x ``columns`` pixels of ``image`` from (top, left) on, with zeros outside of the image."""
    _, height, width, channels = shape
    size = columns * channels
    for row in range(rows):
        line, within = row * size, 0 <= top + row < height
        begin = min(max(0, -left) * channels, size) if within else size
        end = max(begin, min(columns, width - left) * channels) if within else size
        first = ((image * height + top + row) * width + left) * channels
        clear(patch, line, begin)
        copy(source, first + begin, patch, line + begin, end - begin)
        clear(patch, line + end, size - end)
