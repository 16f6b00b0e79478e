"""Convolutions of 3x3 and 5x5 filters, stride 1, by Winograd's minimal filtering. Twin: ``kernels/cuda/winograd.py``.

A square of m x m results (a "tile"; m is called ``outputs``) reads n x n pixels d of each channel, n = m + r - 1 for a
filter g of r x r taps. With the matrices of ``winograd_transforms``,

    y = OUTPUT (sum over channels of (FILTER g FILTER^T) * (DATA d DATA^T)) OUTPUT^T        * element by element

so that a tile costs n * n multiplications for each pair of channels instead of m * m * r * r: 2.8 times fewer for
F(m, r) = F(2, 5), 6.3 for F(4, 5), 2.3 for F(2, 3), 4 for F(4, 3). Over many tiles the sum is a matrix product for
each of the n * n places of an element, the "planes". The gradient to the input is the same with the filter turned
round. The gradient to the filter is the transpose:

    dg = FILTER^T (sum over tiles of (DATA d DATA^T) * (OUTPUT^T dy OUTPUT)) FILTER

Work per task: ``block`` tiles, which need not lie in one image. What it keeps fits the L2 cache, as do the filters:

    x -> patch (zeros around) -> DATA down the columns -> for each row i of planes:        (in the L1 cache:)
                                     DATA along the rows -> n products on register tiles -> OUTPUT along the rows
                                 -> OUTPUT down the columns -> y

Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015, arXiv:1509.09308.
"""

import numpy as np

from ..jit import inner, kernel
from .matmul import matmul
from .simd import VECTOR_BYTES, VECTOR_REGISTERS, clear, copy
from .tiles import add, outer, own_registers, store, zeros
from .winograd_transforms import filter_matrix, transform, transform_part

HEIGHT_2 = 6  # rows of register tiles two vectors wide
HEIGHT_3 = 8 if VECTOR_REGISTERS >= 32 else 4  # and three
BLOCK = 24  # tiles of one task: a multiple of both, with which a row of planes stays in the L1 cache
FEW = 8  # tiles of one task where there are not many
GRADIENT_BLOCK = 48  # tiles between two updates of a filter's gradient
GROUPS = 8  # most partial sums of a filter's gradient
SERIAL_BELOW = 1 << 18  # multiply-adds


def conv2d(x, w, padding, y, outputs):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h + kh - padding, ...] * w[kh, kw, c, o].

    x: (n, h, w, c), zero outside, read. w: (r, r, c, o), r = 3 or 5, read. padding: zeros before the first row and the
    first column. y: (n, h', w', o), written. outputs: m, 2 or 4.
    """
    _convolve_with(x, w, padding, y, outputs)


def conv2d_grad_input(dy, w, padding, dx, outputs):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, h + padding - kh, ...] * w[kh, kw, c, o]. As ``conv2d``."""
    last = w.shape[0] - 1
    turned = w[::-1, ::-1].transpose(0, 1, 3, 2)
    _convolve_with(dy, turned, (last - padding[0], last - padding[1]), dx, outputs)


def _convolve_with(x, w, padding, y, outputs):
    if y.size == 0 or x.size == 0:
        y.fill(0)
        return
    taps, channels = w.shape[0], x.shape[3]
    grid = _grid(y, outputs)
    block = BLOCK if y.shape[0] * grid[0] * grid[1] >= 4 * BLOCK else FEW
    rows = np.arange(BLOCK) * _whole_vectors(channels, x.itemsize)
    filters = _transformed_filter(w, outputs)
    _tile_blocks(x, filters, padding, grid, block, rows, tuple(range(outputs)), tuple(range(taps)), y)


def _grid(y, outputs):
    """Tiles in a column and in a row of an image of y."""
    return -(-y.shape[1] // outputs), -(-y.shape[2] // outputs)


def _whole_vectors(size, itemsize, least=1):
    """``size`` elements, rounded up to vectors."""
    lanes = VECTOR_BYTES // itemsize
    return max(least, -(-size // lanes)) * lanes


def _transformed_filter(w, outputs):
    """FILTER w FILTER^T: (planes, c, columns), columns: o, filled up with zeros."""
    taps, _, channels, features = w.shape
    planes = (outputs + taps - 1) ** 2
    columns = _whole_vectors(features, w.itemsize, least=2)
    padded = np.zeros((1, taps * taps, channels, columns), w.dtype)
    padded.reshape(taps, taps, channels, columns)[..., :features] = w
    filters = np.empty((1, planes, channels * columns), w.dtype)
    matmul(filter_matrix(outputs, taps, w.dtype.str), padded.reshape(1, taps * taps, -1), False, False, filters)
    return filters.reshape(planes, channels, columns)


def _blocks(x, filters, padding, grid, block, rows, outputs, taps, y):
    return -(-y.shape[0] * grid[0] * grid[1] // block)


def _multiply_adds(x, filters, padding, grid, block, rows, outputs, taps, y):
    return y.shape[0] * grid[0] * grid[1] * filters.size


@kernel(tasks=_blocks, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _tile_blocks(task, x, filters, padding, grid, block, rows, outputs, taps, y):
    """y for the tiles task * block, task * block + 1, ...

    x: (n, h, w, c), read. filters: (planes, c, columns), read. grid: ``_grid``. rows: int64 (BLOCK), where the tiles of
    a plane begin. outputs, taps: tuples of that length. y: (n, h', w', o), written.
    """
    channels, columns, features = x.shape[3], filters.shape[2], y.shape[3]
    # No literals here and below: Numba would compile inner functions for each.
    m, size = np.int64(len(outputs)), np.int64(len(outputs) + len(taps) - 1)
    lanes, depth, zero = VECTOR_BYTES // x.itemsize, rows[1], np.int64(0)
    first = task * block
    count = min(block, y.shape[0] * grid[0] * grid[1] - first)
    weights, out = filters.ravel(), y.ravel()

    starts, targets = np.empty(block, np.int64), np.empty(BLOCK, np.int64)
    pitch = _line_size(count, grid[1], m, size, channels) + 2 * lanes
    patch, data = np.empty(size * pitch, x.dtype), np.empty(size * pitch, x.dtype)
    length = _gather(x, first, count, grid, padding, m, (size, size), patch, pitch, starts)
    for c in range(0, length, lanes):
        transform("data", outputs, taps, patch, c, pitch, data, c, pitch)

    left = np.empty((size * block + BLOCK) * depth, x.dtype)  # planes (i, 0), (i, 1), ...: (plane, tile, c)
    products = np.empty(size * block * 3 * lanes, x.dtype)  # (plane, tile, a panel of o)
    sums = np.empty(size * m * block * columns, x.dtype)  # (panel, i, column of the tile, tile, o in panel)
    clear(left, 0, left.size)  # all of it is multiplied
    for i in range(size):
        for tile in range(count):
            for c in range(0, channels, lanes):
                at = i * pitch + starts[tile] + c
                transform("data", outputs, taps, data, at, channels, left, tile * depth + c, block * depth)
        column = zero
        while column < columns:
            width = _panel(columns - column, lanes)
            for tile in range(BLOCK):
                targets[tile] = tile * width if tile < count else -1
            plane = block * width
            _multiply(
                size, left, block * depth, rows, count, channels,
                weights, i * size * channels * columns + column, columns, products, plane, targets, width,
            )  # fmt: skip
            target = size * m * block * column + i * m * plane
            for c in range(0, count * width, lanes):
                transform("output", outputs, taps, products, c, plane, sums, target + c, plane)
            column += width

    for tile in range(count):
        image, top, start = _corner(first + tile, grid, m)
        valid = min(m, y.shape[1] - top)
        column = zero
        while column < columns:
            width = _panel(columns - column, lanes)
            for j in range(min(m, y.shape[2] - start)):
                source = size * m * block * column + (j * block + tile) * width
                target = ((image * y.shape[1] + top) * y.shape[2] + start + j) * features + column
                for c in range(0, min(width, features - column), lanes):
                    transform_part(
                        "output", outputs, taps, sums, source + c, m * block * width,
                        out, target + c, y.shape[2] * features, valid, features - column - c,
                    )  # fmt: skip
            column += width


def conv2d_grad_filter(x, dy, padding, dw, outputs):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h + kh - padding, ...] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (r, r, c, o), written.
    """
    if dy.size == 0 or x.size == 0:
        dw.fill(0)
        return
    taps, _, channels, features = dw.shape
    grid, planes = _grid(dy, outputs), (outputs + taps - 1) ** 2
    columns = _whole_vectors(features, x.itemsize, least=2)
    blocks = -(-dy.shape[0] * grid[0] * grid[1] // GRADIENT_BLOCK)
    groups = min(blocks, GROUPS)
    rows = np.arange(channels + HEIGHT_3 + HEIGHT_2)
    targets = np.where(rows < channels, rows * columns, -1)
    sums = np.zeros((groups, planes, channels, columns), x.dtype)
    _tile_sums(x, dy, padding, grid, rows, targets, tuple(range(outputs)), tuple(range(taps)), sums)
    total = np.empty((1, taps * taps, channels * columns), x.dtype)
    matmul(filter_matrix(outputs, taps, x.dtype.str), sums.sum(0).reshape(1, planes, -1), True, False, total)
    dw[...] = total.reshape(taps, taps, channels, columns)[..., :features]


@kernel(
    tasks=lambda x, dy, padding, grid, rows, targets, outputs, taps, sums: sums.shape[0],
    work=lambda x, dy, *rest: dy.size * x.shape[3],
    serial_below=SERIAL_BELOW,
)
def _tile_sums(task, x, dy, padding, grid, rows, targets, outputs, taps, sums):
    """sums[group] += sum over the group's tiles of (DATA d DATA^T)[plane, c] * (OUTPUT^T dy OUTPUT)[plane, o]."""
    channels, features, columns = x.shape[3], dy.shape[3], sums.shape[3]
    m, size = np.int64(len(outputs)), np.int64(len(outputs) + len(taps) - 1)
    lanes, block, zero = VECTOR_BYTES // x.itemsize, np.int64(GRADIENT_BLOCK), np.int64(0)
    depth = -(-channels // lanes) * lanes
    tiles = dy.shape[0] * grid[0] * grid[1]
    blocks = -(-tiles // block)
    out = sums.ravel()

    starts, ends = np.empty(block, np.int64), np.empty(block, np.int64)
    x_pitch = _line_size(block, grid[1], m, size, channels) + 2 * lanes
    dy_pitch = _line_size(block, grid[1], m, m, features) + 2 * lanes
    patch, data = np.empty(size * max(x_pitch, dy_pitch), x.dtype), np.empty(size * x_pitch, x.dtype)
    spread = np.empty(size * dy_pitch, x.dtype)
    left = np.empty(size * block * depth + HEIGHT_3 + HEIGHT_2, x.dtype)
    right = np.empty(size * block * columns, x.dtype)
    clear(left, 0, left.size)  # all of both is multiplied
    clear(right, 0, right.size)
    for number in range(task * blocks // sums.shape[0], (task + 1) * blocks // sums.shape[0]):
        first = number * block
        count = min(block, tiles - first)
        length = _gather(x, first, count, grid, padding, m, (size, size), patch, x_pitch, starts)
        for c in range(0, length, lanes):
            transform("data", outputs, taps, patch, c, x_pitch, data, c, x_pitch)
        length = _gather(dy, first, count, grid, (zero, zero), m, (m, m), patch, dy_pitch, ends)
        for c in range(0, length, lanes):
            transform("spread", outputs, taps, patch, c, dy_pitch, spread, c, dy_pitch)
        for i in range(size):
            for tile in range(count):
                for c in range(0, channels, lanes):
                    at = i * x_pitch + starts[tile] + c
                    transform("data", outputs, taps, data, at, channels, left, tile * depth + c, block * depth)
                for c in range(0, features, lanes):
                    at = i * dy_pitch + ends[tile] + c
                    transform("spread", outputs, taps, spread, at, features, right, tile * columns + c, block * columns)
            column = zero
            while column < columns:
                width = _panel(columns - column, lanes)
                _accumulate(
                    size, left, block * depth, rows, channels, count, depth, right, block * columns, column, columns,
                    out, (task * size + i) * size * channels * columns + column, targets, width,
                )  # fmt: skip
                column += width


@inner
def _panel(columns, lanes):
    """Columns of the panel of o in front of the last ``columns`` (two vectors or more): three vectors, or two."""
    return 2 * lanes if columns == 2 * lanes or columns == 4 * lanes else 3 * lanes


@inner
def _multiply(planes, a, a_plane, rows, count, depth, b, b_first, step, c, c_plane, targets, width):
    """c[plane, tile, :width] = sum over k of a[plane, tile, k] * b[plane, k, :width], for ``count`` tiles."""
    if width == 2 * VECTOR_BYTES // a.itemsize:
        tile = zeros(a, HEIGHT_2, 2)
        _products(tile, HEIGHT_2, planes, a, a_plane, rows, count, depth, b, b_first, step, c, c_plane, targets, width)
    else:
        tile = zeros(a, HEIGHT_3, 3)
        _products(tile, HEIGHT_3, planes, a, a_plane, rows, count, depth, b, b_first, step, c, c_plane, targets, width)


@inner
def _products(zero, height, planes, a, a_plane, rows, count, depth, b, b_first, step, c, c_plane, targets, width):
    own_registers()
    for plane in range(planes):
        for at in range(0, count, height):
            tile, j = zero, b_first + plane * depth * step
            for k in range(plane * a_plane, plane * a_plane + depth):
                tile = outer(tile, a, rows, at, k, b, j)
                j += step
            store(tile, c, targets, at, plane * c_plane, width)


@inner
def _accumulate(planes, a, a_plane, rows, count, depth, a_step, b, b_plane, b_first, step, c, c_first, targets, width):
    """c[plane, row, :width] += sum over k of a[plane, k, row] * b[plane, k, :width], for ``count`` rows."""
    if width == 2 * VECTOR_BYTES // a.itemsize:
        _added(
            zeros(a, HEIGHT_2, 2), HEIGHT_2, planes, a, a_plane, rows, count, depth, a_step,
            b, b_plane, b_first, step, c, c_first, targets, width,
        )  # fmt: skip
    else:
        _added(
            zeros(a, HEIGHT_3, 3), HEIGHT_3, planes, a, a_plane, rows, count, depth, a_step,
            b, b_plane, b_first, step, c, c_first, targets, width,
        )  # fmt: skip


@inner
def _added(
    zero, height, planes, a, a_plane, rows, count, depth, a_step, b, b_plane, b_first, step, c, c_first, targets, width
):
    own_registers()
    for plane in range(planes):
        for at in range(0, count, height):
            tile, k, j = zero, plane * a_plane, b_first + plane * b_plane
            for _ in range(depth):
                tile = outer(tile, a, rows, at, k, b, j)
                k += a_step
                j += step
            add(tile, c, targets, at, c_first + plane * count * step, width)


@inner
def _line_size(count, across, step, size, channels):
    """Most elements in a line of pixels of ``count`` tiles, ``step`` pixels apart and ``size`` pixels wide."""
    return (count * step + ((count - 1) // across + 2) * (size - step)) * channels


@inner
def _corner(number, grid, m):
    """Image, row and column of the first pixel of a tile."""
    row, column = number // grid[1], number % grid[1]
    return row // grid[0], row % grid[0] * m, column * m


@inner
def _gather(x, first, count, grid, padding, m, window, patch, pitch, starts):
    """patch[:, ...]: the pixels that ``count`` tiles read, each a ``window``; starts[tile]: where a tile's begin.

    Tiles that follow each other in a row of an image share the pixels that both read. Returns the length of
    the lines, and a vector less one element: the reach of a vector that begins at a line's last element.
    """
    height, width = window
    channels, source = x.shape[3], x.ravel()
    tile = place = np.int64(0)
    while tile < count:
        image, top, left = _corner(first + tile, grid, m)
        top, left = top - padding[0], left - padding[1]
        together = min(count - tile, grid[1] - (first + tile) % grid[1])
        for t in range(together):
            starts[tile + t] = place + t * m * channels
        length = ((together - 1) * m + width) * channels
        before = min(max(0, -left) * channels, length)
        after = max(before, min(length, (x.shape[2] - left) * channels))
        for row in range(height):
            line, inside = row * pitch + place, 0 <= top + row < x.shape[1]
            begin, end = (before, after) if inside else (length, length)
            clear(patch, line, begin)
            copy(
                source,
                ((image * x.shape[1] + top + row) * x.shape[2] + left) * channels + begin,
                patch,
                line + begin,
                end - begin,
            )
            clear(patch, line + end, length - end)
        tile += together
        place += length
    for row in range(height):
        clear(patch, row * pitch + place, pitch - place)
    return place + VECTOR_BYTES // x.itemsize - 1
