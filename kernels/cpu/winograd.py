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

The error: ``winograd_transforms``; where a result reads zeros alone there is none (``empty_results``). The method:
Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015, arXiv:1509.09308.
"""

import numpy as np

from ..jit import inner, kernel
from ..recording import call
from .epilogue import NO_WINNER
from .matmul import matmul
from .reduction import reduce_sum
from .simd import VECTOR_BYTES, clear, run
from .vectors import broadcast, load, load_some, select, store_as, store_some
from .winograd_blocks import (
    HEIGHT_2,
    HEIGHT_3,
    accumulate,
    corner,
    empty_results,
    gather,
    line_size,
    multiply,
    panel,
    places,
)
from .winograd_transforms import filter_matrix, transform, transform_part

BLOCK = 24  # tiles of one task: a multiple of both heights, with which a row of planes stays in the L1 cache
FEW = 8  # tiles of one task where there are not many
GRADIENT_BLOCK = 48  # tiles between two updates of a filter's gradient
GROUPS = 8  # most partial sums of a filter's gradient
SERIAL_BELOW = 1 << 18  # multiply-adds


def conv2d(x, w, padding, y, outputs, exact_zeros=True):
    """y[n, h, w, o] = sum over kh, kw, c of x[n, h + kh - padding, ...] * w[kh, kw, c, o].

    x: (n, h, w, c), zero outside, read. w: (r, r, c, o), r = 3 or 5, read. padding: zeros before the first row and the
    first column. y: (n, h', w', o), written. outputs: m, 2 or 4. exact_zeros: whether results that read zeros alone
    are 0, and not about 0.
    """
    if y.size == 0 or x.size == 0:
        y.fill(0)
        return
    grid = _grid(y.shape, outputs)
    _tile_blocks(x, _transformed_filter(w, outputs), padding, grid, *_layout(x, w, grid, outputs, exact_zeros), y)


def conv2d_grad_input(dy, w, padding, dx, outputs):
    """dx[n, h, w, c] = sum over kh, kw, o of dy[n, h + padding - kh, ...] * w[kh, kw, c, o]. As ``conv2d``."""
    last = w.shape[0] - 1
    turned = w[::-1, ::-1].transpose(0, 1, 3, 2)
    conv2d(dy, turned, (last - padding[0], last - padding[1]), dx, outputs, exact_zeros=False)


def conv2d_bias_relu_pool(x, w, bias, padding, y, winner, outputs):
    """y = maximum over windows of 2 x 2 of max(``conv2d`` + bias, 0); winner: where in its window it is.

    bias: (o,), read. y: (n, h' // 2, w' // 2, o), written. winner: uint8, as y: 2 * row + column of the first maximum,
    or NO_WINNER where nothing is above zero, written. NaN is passed over, if not all four are. Others: ``conv2d``.
    """
    if y.size == 0:
        return
    grid = _grid((y.shape[0], 2 * y.shape[1], 2 * y.shape[2]), outputs)
    _pooled_blocks(x, _transformed_filter(w, outputs), bias, padding, grid, *_layout(x, w, grid, outputs), winner, y)


def _grid(shape, outputs):
    """Tiles in a column and in a row of an image of results."""
    return -(-shape[1] // outputs), -(-shape[2] // outputs)


def _layout(x, w, grid, outputs, exact_zeros=True):
    """block, rows, order, outputs and taps as the kernels want them: tuples are sizes that the code is made for."""
    block = BLOCK if x.shape[0] * grid[0] * grid[1] >= 4 * BLOCK else FEW
    rows = np.arange(BLOCK) * _whole_vectors(x.shape[3], x.itemsize)
    order = places(outputs, w.shape[0])[: None if exact_zeros else 0]
    return block, rows, order, tuple(range(outputs)), tuple(range(w.shape[0]))


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
    call(np.copyto, padded.reshape(taps, taps, channels, columns)[..., :features], w)
    filters = np.empty((1, planes, channels * columns), w.dtype)
    matmul(filter_matrix(outputs, taps, w.dtype.str), padded.reshape(1, taps * taps, -1), False, False, filters)
    return filters.reshape(planes, channels, columns)


@kernel(
    tasks=lambda x, filters, padding, grid, block, *rest: -(-x.shape[0] * grid[0] * grid[1] // block),
    work=lambda x, filters, padding, grid, *rest: x.shape[0] * grid[0] * grid[1] * filters.size,
    serial_below=SERIAL_BELOW,
)
def _tile_blocks(task, x, filters, padding, grid, block, rows, order, outputs, taps, y):
    """y for the tiles task * block, task * block + 1, ...

    x: (n, h, w, c), read. filters: (planes, c, columns), read. grid: ``_grid``. rows: int64 (BLOCK), where the tiles of
    a plane begin. order: ``places``, or none of them. outputs, taps: tuples of that length. y: (n, h', w', o), written.
    """
    columns, features, out = filters.shape[2], y.shape[3], run(y, 0, y.size)
    m, lanes = np.int64(len(outputs)), VECTOR_BYTES // x.itemsize
    first = task * block
    count = min(block, x.shape[0] * grid[0] * grid[1] - first)
    empty, ends = np.empty(block, np.int64), (y.shape[1], y.shape[2])
    sums = _sums_along_rows(x, filters, padding, grid, first, count, block, rows, order, outputs, taps, ends, empty)
    for tile in range(count):
        image, top, start = corner(first + tile, grid, m)
        valid = min(m, y.shape[1] - top)
        for j in range(min(m, y.shape[2] - start)):
            target = ((image * y.shape[1] + top) * y.shape[2] + start + j) * features
            for c in range(0, features, lanes):
                transform_part(
                    "output", outputs, taps, sums, (j * block + tile) * columns + c, m * block * columns,
                    out, target + c, y.shape[2] * features, valid, features - c,
                )  # fmt: skip
        if empty[tile]:
            for i in range(valid):
                for j in range(min(m, y.shape[2] - start)):
                    if empty[tile] >> (i * m + j) & 1:
                        target = ((image * y.shape[1] + top + i) * y.shape[2] + start + j) * features
                        clear(out, target, features)


@kernel(
    tasks=lambda x, filters, bias, padding, grid, block, *rest: -(-x.shape[0] * grid[0] * grid[1] // block),
    work=lambda x, filters, bias, padding, grid, *rest: x.shape[0] * grid[0] * grid[1] * filters.size,
    serial_below=SERIAL_BELOW,
)
def _pooled_blocks(task, x, filters, bias, padding, grid, block, rows, order, outputs, taps, winner, y):
    """``conv2d_bias_relu_pool`` for the tiles task * block, ...; arguments as there and in ``_tile_blocks``."""
    columns, features = filters.shape[2], y.shape[3]
    out, places = run(y, 0, y.size), run(winner, 0, winner.size)
    m, lanes = np.int64(len(outputs)), VECTOR_BYTES // x.itemsize
    first = task * block
    count = min(block, x.shape[0] * grid[0] * grid[1] - first)
    empty, ends = np.empty(block, np.int64), (2 * y.shape[1], 2 * y.shape[2])
    sums = _sums_along_rows(x, filters, padding, grid, first, count, block, rows, order, outputs, taps, ends, empty)
    results = np.empty(m * m * lanes, x.dtype)  # of one tile: (row, column, o)
    for tile in range(count):
        image, top, start = corner(first + tile, grid, m)
        for c in range(0, features, lanes):
            for j in range(m):
                source = (j * block + tile) * columns + c
                transform("output", outputs, taps, sums, source, m * block * columns, results, j * lanes, m * lanes)
            if empty[tile]:
                for k in range(m * m):
                    if empty[tile] >> k & 1:
                        clear(results, k * lanes, lanes)
            for i in range(0, min(m, 2 * y.shape[1] - top), 2):
                for j in range(0, min(m, 2 * y.shape[2] - start), 2):
                    target = ((image * y.shape[1] + (top + i) // 2) * y.shape[2] + (start + j) // 2) * features + c
                    highest, place = _first_maximum(results, (i * m + j) * lanes, m * lanes, bias, c, features - c)
                    store_some(highest, out, target, features - c)
                    store_as(place, places, target, features - c)


@inner
def _first_maximum(results, at, line, bias, c, count):
    """max(0, maximum of a window of 2 x 2 + bias), and which it is."""
    addend, lanes = load_some(bias, c, count), VECTOR_BYTES // bias.itemsize
    zero, one = broadcast(bias.dtype.type(0), bias), broadcast(bias.dtype.type(1), bias)
    highest, place, number = load(results, at) + addend, zero, zero
    for tap in range(1, 4):
        number = number + one
        value = load(results, at + tap // 2 * line + tap % 2 * lanes) + addend
        higher = ((highest < value) | (highest != highest)) & (value == value)
        highest, place = select(higher, value, highest), select(higher, number, place)
    place = select(highest > zero, place, broadcast(bias.dtype.type(NO_WINNER), bias))
    return select(highest < zero, zero, highest), place


@inner
def _sums_along_rows(x, filters, padding, grid, first, count, block, rows, order, outputs, taps, ends, empty):
    """(sum over c of (FILTER g FILTER^T) * (DATA d DATA^T)) OUTPUT^T: (row, column, tile, o).

    Of ``count`` tiles from ``first`` on; there is room for ``block``. ends: rows and columns of an image of results.
    order: for ``empty_results``. empty: these, for each tile, written.
    """
    channels, columns, weights = x.shape[3], filters.shape[2], run(filters, 0, filters.size)
    # No literals here and below: Numba would compile inner functions for each.
    m, size = np.int64(len(outputs)), np.int64(len(outputs) + len(taps) - 1)
    lanes, depth, zero = VECTOR_BYTES // x.itemsize, rows[1], np.int64(0)

    starts, targets = np.empty(block, np.int64), np.empty(BLOCK, np.int64)
    pitch = line_size(count, grid[1], m, size, channels) + 2 * lanes
    patch, data = np.empty(size * pitch, x.dtype), np.empty(size * pitch, x.dtype)
    length = gather(x, first, count, grid, padding, m, (size, size), patch, pitch, starts)
    for tile in range(count):
        _, top, start = corner(first + tile, grid, m)
        valid, across = min(m, ends[0] - top), min(m, ends[1] - start)
        empty[tile] = empty_results(patch, starts[tile], pitch, channels, valid, across, m, order)
    for c in range(0, length, lanes):
        transform("data", outputs, taps, patch, c, pitch, data, c, pitch)

    left = np.empty((size * block + BLOCK) * depth, x.dtype)  # planes (i, 0), (i, 1), ...: (plane, tile, c)
    products = np.empty(size * block * columns, x.dtype)  # (plane, tile, o)
    sums = np.empty(size * m * block * columns, x.dtype)
    clear(left, 0, left.size)  # all of it is multiplied
    for tile in range(BLOCK):
        targets[tile] = tile * columns if tile < count else -1
    for i in range(size):
        for tile in range(count):
            for c in range(0, channels, lanes):
                at = i * pitch + starts[tile] + c
                transform("data", outputs, taps, data, at, channels, left, tile * depth + c, block * depth)
        column = zero
        while column < columns:
            width = panel(columns - column, lanes)
            multiply(
                size, left, block * depth, rows, count, channels,
                weights, i * size * channels * columns + column, columns,
                products, column, block * columns, targets, width,
            )  # fmt: skip
            column += width
        for c in range(0, count * columns, lanes):
            at = i * m * block * columns + c
            transform("output", outputs, taps, products, c, block * columns, sums, at, block * columns)
    return sums


def conv2d_grad_filter(x, dy, padding, dw, outputs):
    """dw[kh, kw, c, o] = sum over n, h, w of x[n, h + kh - padding, ...] * dy[n, h, w, o].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. dw: (r, r, c, o), written.
    """
    if dy.size == 0 or x.size == 0:
        dw.fill(0)
        return
    taps, _, channels, features = dw.shape
    grid, planes = _grid(dy.shape, outputs), (outputs + taps - 1) ** 2
    columns = _whole_vectors(features, x.itemsize, least=2)
    blocks = -(-dy.shape[0] * grid[0] * grid[1] // GRADIENT_BLOCK)
    groups = min(blocks, GROUPS)
    rows = np.arange(channels + HEIGHT_3 + HEIGHT_2)
    targets = np.where(rows < channels, rows * columns, -1)
    sums = np.empty((groups, planes, channels, columns), x.dtype)
    call(sums.fill, 0)
    _tile_sums(x, dy, padding, grid, rows, targets, tuple(range(outputs)), tuple(range(taps)), sums)
    together = np.empty((1, planes, channels * columns), x.dtype)
    reduce_sum(sums.reshape(1, groups, -1), together.reshape(1, -1))
    total = np.empty((1, taps * taps, channels * columns), x.dtype)
    matmul(filter_matrix(outputs, taps, x.dtype.str), together, True, False, total)
    call(np.copyto, dw, total.reshape(taps, taps, channels, columns)[..., :features])


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
    out = run(sums, 0, sums.size)

    starts, ends = np.empty(block, np.int64), np.empty(block, np.int64)
    x_pitch = line_size(block, grid[1], m, size, channels) + 2 * lanes
    dy_pitch = line_size(block, grid[1], m, m, features) + 2 * lanes
    patch, data = np.empty(size * max(x_pitch, dy_pitch), x.dtype), np.empty(size * x_pitch, x.dtype)
    spread = np.empty(size * dy_pitch, x.dtype)
    left = np.empty(size * block * depth + HEIGHT_3 + HEIGHT_2, x.dtype)
    right = np.empty(size * block * columns, x.dtype)
    clear(left, 0, left.size)  # all of both is multiplied
    clear(right, 0, right.size)
    for number in range(task * blocks // sums.shape[0], (task + 1) * blocks // sums.shape[0]):
        first = number * block
        count = min(block, tiles - first)
        length = gather(x, first, count, grid, padding, m, (size, size), patch, x_pitch, starts)
        for c in range(0, length, lanes):
            transform("data", outputs, taps, patch, c, x_pitch, data, c, x_pitch)
        length = gather(dy, first, count, grid, (zero, zero), m, (m, m), patch, dy_pitch, ends)
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
                width = panel(columns - column, lanes)
                accumulate(
                    size, left, block * depth, rows, channels, count, depth, right, block * columns, column, columns,
                    out, (task * size + i) * size * channels * columns + column, targets, width,
                )  # fmt: skip
                column += width
