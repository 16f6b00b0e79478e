"""Convolutions over images on the CPU, forward and backward, on register tiles. Twin: ``kernels/cuda/convolution.py``.

One loop nest serves the convolution and its gradient to the input. Both sum over the taps k of the filter

    target[t] += source[(t * step + k * dilation - padding) / divisor] * filter[k]        wherever that divides evenly

(in rows and columns alike): the convolution has step = stride and divisor = 1; the gradient to the input has step = 1 and
divisor = stride, with the filter turned round. Targets t with the same remainder modulo the divisor meet the same taps,
so that each remainder ("phase") is a dense convolution of its own. Dumoulin and Visin, arXiv:1603.07285, chapter 4.

Arrays are C-contiguous and of one float dtype: images (n, h, w, c), filters (kh, kw, c, o). ``strides``, ``dilations`` and
``padding`` (the zeros before the first row and before the first column) are pairs of ints, rows first. Outputs are
allocated by the caller and written completely.
"""

import numpy as np
from numba import prange

from ..jit import inner, kernel
from .simd import ROWS, VECTOR_BYTES, add, outer, store, zeros

POSITIONS = 1024  # pixels of one band (some whole rows of the target): the unit of parallel work, sized for the L2 cache
GROUPS = 16  # most partial sums of a filter's gradient, each over a fixed run of images
PARTIAL_SIZE = 1 << 22  # most elements in all partial sums together
FILTER_ROWS = 1200  # rows (kh, kw, c) of a filter's gradient that one task holds
SERIAL_BELOW = 1 << 18  # multiply-adds


def conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, o], x zero outside.

    x: (n, h, w, c), read. w: (kh, kw, c, o), read. y: (n, h', w', o), written. Cost: 2 * y.size * kh*kw*c flops.
    """
    _correlate(x, w, False, strides, (1, 1), dilations, padding, y)


def conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, (h + padding - kh*dilation) / stride, ..., o] * w[kh, kw, c, o].

    dy: (n, h', w', o), read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. Cost as the forward's.
    """
    turned = (
        (w.shape[0] - 1) * dilations[0] - padding[0],
        (w.shape[1] - 1) * dilations[1] - padding[1],
    )
    _correlate(dy, w, True, (1, 1), strides, dilations, turned, dx)


def _multiply_adds(source, w, *rest):
    target = rest[-1]
    return target.size * w.size // max(1, target.shape[3])


@kernel(parallel=True, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _correlate(x, w, turned, step, divisor, dilation, padding, y):
    """The sum at the top of this file. x: source, read. w: filter, read, ``turned`` round or as it is. y: target, written."""
    source, target, filters = x.ravel(), y.ravel(), _pack_filter(w, turned)
    images, height, width, _ = y.shape
    phase_height, phase_width = -(-height // divisor[0]), -(-width // divisor[1])  # of the first phase, the largest
    band = max(1, min(phase_height, POSITIONS // max(1, phase_width)))  # target rows of a phase that a task computes
    bands = -(-phase_height // band)
    for task in prange(images * bands):
        image, first = task // bands, task % bands * band
        for phase in range(divisor[0] * divisor[1]):
            down, right = phase // divisor[1], phase % divisor[1]
            lines = min(band, -(-(height - down) // divisor[0]) - first)
            places = -(-(width - right) // divisor[1])
            if lines > 0 and places > 0:
                down_taps = _taps(w.shape[0], down, divisor[0], dilation[0], padding[0])
                right_taps = _taps(w.shape[1], right, divisor[1], dilation[1], padding[1])
                patch, origin, pitch = _patch(
                    source, x.shape, image, first * step[0] + down_taps[0, 1], right_taps[0, 1],
                    (lines - 1) * step[0] + down_taps[-1, 1] - down_taps[0, 1] + 1,
                    (places - 1) * step[1] + right_taps[-1, 1] - right_taps[0, 1] + 1,
                )  # fmt: skip
                runs, length = _runs(down_taps, right_taps, w.shape[1], x.shape[3], pitch, dilation[1] * divisor[1] == 1)
                rows = _offsets(lines, step[0] * pitch, places, step[1], origin, x.shape[3], 0)
                place = (image * height + down + first * divisor[0]) * width + right
                targets = _offsets(lines, divisor[0] * width, places, divisor[1], place, y.shape[3], -1)
                _multiply(patch, rows, runs, length, filters, target, targets, y.shape[3])


@inner
def _taps(size, phase, divisor, dilation, padding):
    """(k, source offset) of the taps that a phase meets, in ascending order; one that is no tap, (-1, 0), if it meets none."""
    taps = np.empty((size, 2), np.int64)
    count = 0
    for k in range(size):
        if (phase + k * dilation - padding) % divisor == 0:
            taps[count, 0], taps[count, 1] = k, (phase + k * dilation - padding) // divisor
            count += 1
    if count == 0:
        taps[0, 0], taps[0, 1], count = -1, 0, 1
    return taps[:count]


@inner
def _patch(source, shape, image, top, left, rows, columns):
    """(array, first pixel, pitch): where the ``rows`` x ``columns`` pixels from (top, left) lie, with zeros outside of the image.

    A patch inside of the image is read where it is; any other is copied. pitch: pixels from one row to the next.
    """
    _, height, width, channels = shape
    first = (image * height + top) * width + left
    if top >= 0 and left >= 0 and top + rows <= height and left + columns <= width:
        return source, first, width
    patch = np.empty(rows * columns * channels, source.dtype)
    zero = source.dtype.type(0)
    begin, end = min(columns, max(0, -left)) * channels, max(0, min(columns, width - left)) * channels
    for row in range(rows):
        line = patch[row * columns * channels : (row + 1) * columns * channels]
        if 0 <= top + row < height and begin < end:
            line[:begin] = zero
            for i in range(begin, end):
                line[i] = source[(first + row * width) * channels + i]
            line[end:] = zero
        else:
            line[:] = zero
    return patch, 0, columns


@inner
def _runs(down_taps, right_taps, filter_width, channels, pitch, dense):
    """((patch offset, filter row) of each run, its length): stretches of taps and channels that lie in one piece in both."""
    joined = len(right_taps) if dense else 1  # all taps of a filter row are one stretch if no pixel lies between them
    runs = np.empty((len(down_taps) * len(right_taps) // joined, 2), np.int64)
    count = 0
    for i in range(len(down_taps)):
        for j in range(0, len(right_taps), joined):
            if down_taps[i, 0] >= 0 and right_taps[j, 0] >= 0:
                down, right = down_taps[i, 1] - down_taps[0, 1], right_taps[j, 1] - right_taps[0, 1]
                runs[count, 0] = (down * pitch + right) * channels
                runs[count, 1] = (down_taps[i, 0] * filter_width + right_taps[j, 0]) * channels
                count += 1
    return runs[:count], joined * channels


@inner
def _offsets(lines, line_step, places, place_step, first, size, after):
    """Offset of each pixel, in elements, ``size`` to a pixel; then ROWS times ``after``, for the last tile's empty rows."""
    offsets = np.empty(lines * places + ROWS, np.int64)
    for line in range(lines):
        for place in range(places):
            offsets[line * places + place] = (first + line * line_step + place * place_step) * size
    offsets[lines * places :] = after
    return offsets


@inner
def _pack_filter(w, turned):
    """Filter rows (kh, kw, c) in panels of two vectors' width over the outputs, the last of one or two, filled up with zeros.

    ``turned``: rows and columns in reverse order, inputs and outputs exchanged.
    """
    wide = 2 * VECTOR_BYTES // w.itemsize
    height, width = w.shape[:2]
    inputs, outputs = (w.shape[3], w.shape[2]) if turned else (w.shape[2], w.shape[3])
    size = height * width * inputs
    packed = np.zeros(size * -(-outputs // wide) * wide, w.dtype)
    for column in range(0, outputs, wide):
        panel = _panel_width(outputs - column, wide)
        for row in range(size):
            tap, i = row // inputs, row % inputs
            kh, kw = tap // width, tap % width
            first = size * column + row * panel
            for j in range(min(panel, outputs - column)):
                if turned:
                    packed[first + j] = w[height - 1 - kh, width - 1 - kw, column + j, i]
                else:
                    packed[first + j] = w[kh, kw, i, column + j]
    return packed


@inner
def _panel_width(columns, wide):
    """Columns of the panel that begins ``columns`` before the last: two vectors, or one where one is enough."""
    return wide if 2 * columns > wide else wide // 2


@inner
def _multiply(patch, rows, runs, length, filters, target, targets, outputs):
    """target[targets[p] + o] = sum over runs of patch[rows[p] + ...] * filters[..., o], for every pixel p and output o."""
    wide = 2 * VECTOR_BYTES // patch.itemsize
    size = filters.size // (-(-outputs // wide) * wide)
    for column in range(0, outputs, wide):
        columns = outputs - column
        for at in range(0, len(rows) - ROWS, ROWS):
            if _panel_width(columns, wide) == wide:
                tile = _sum(zeros(patch, ROWS, 2), patch, rows, at, runs, length, filters, size * column, wide)
                store(tile, target, targets, at, column, columns)
            else:
                half = _sum(zeros(patch, ROWS, 1), patch, rows, at, runs, length, filters, size * column, wide // 2)
                store(half, target, targets, at, column, columns)


@inner
def _sum(tile, patch, rows, at, runs, length, filters, panel, width):
    """The tile of pixels ``rows[at:]`` and the outputs of the panel that begins at filters[panel]."""
    for run in range(len(runs)):
        start, place = runs[run, 0], panel + runs[run, 1] * width
        for k in range(start, start + length):
            tile = outer(tile, patch, rows, at, k, filters, place)
            place += width
    return tile
