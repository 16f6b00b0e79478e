"""What Winograd's convolutions do to blocks of tiles: gathering their pixels, and products of their planes.

Tiles are numbered along the rows of an image, row by row, image by image. A plane holds the same element of all tiles
of a block, after a transform. Products run on register tiles three vectors wide, and two where that fits better.
"""

import functools

import numpy as np

from ..jit import inner
from .simd import VECTOR_BYTES, VECTOR_REGISTERS, clear, copy, run
from .tiles import add, outer, own_registers, store, wide_zeros, zeros
from .vectors import broadcast, holds, load, load_some

HEIGHT_2 = 8 if VECTOR_REGISTERS >= 32 else 6  # rows of register tiles two vectors wide
HEIGHT_3 = 8 if VECTOR_REGISTERS >= 32 else 4  # and three


@inner
def panel(columns, lanes):
    """Columns of the panel of o in front of the last ``columns`` (two vectors or more): three vectors, or two."""
    return 2 * lanes if columns == 2 * lanes or columns == 4 * lanes else 3 * lanes


@inner
def multiply(planes, a, a_plane, rows, count, depth, b, b_first, step, c, c_first, c_plane, targets, width):
    """c[plane, tile, :width] = sum over k of a[plane, tile, k] * b[plane, k, :width], for ``count`` tiles."""
    if width == 2 * VECTOR_BYTES // a.itemsize:
        _products(
            wide_zeros(a, HEIGHT_2, 2), HEIGHT_2, planes, a, a_plane, rows, count, depth,
            b, b_first, step, c, c_first, c_plane, targets, width,
        )  # fmt: skip
    else:
        _products(
            zeros(a, HEIGHT_3, 3), HEIGHT_3, planes, a, a_plane, rows, count, depth,
            b, b_first, step, c, c_first, c_plane, targets, width,
        )  # fmt: skip


@inner
def _products(
    zero, height, planes, a, a_plane, rows, count, depth, b, b_first, step, c, c_first, c_plane, targets, width
):
    own_registers()
    for plane in range(planes):
        for at in range(0, count, height):
            tile, j = zero, b_first + plane * depth * step
            for k in range(plane * a_plane, plane * a_plane + depth):
                tile = outer(tile, a, rows, at, k, b, j)
                j += step
            store(tile, c, targets, at, c_first + plane * c_plane, width)


@inner
def accumulate(planes, a, a_plane, rows, count, depth, a_step, b, b_plane, b_first, step, c, c_first, targets, width):
    """c[plane, row, :width] += sum over k of a[plane, k, row] * b[plane, k, :width], for ``count`` rows."""
    if width == 2 * VECTOR_BYTES // a.itemsize:
        _added(
            wide_zeros(a, HEIGHT_2, 2), HEIGHT_2, planes, a, a_plane, rows, count, depth, a_step,
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
def line_size(count, across, step, size, channels):
    """Most elements in a line of pixels of ``count`` tiles, ``step`` pixels apart and ``size`` pixels wide."""
    return (count * step + ((count - 1) // across + 2) * (size - step)) * channels


@inner
def corner(number, grid, m):
    """Image, row and column of the first pixel of a tile."""
    row, column = number // grid[1], number % grid[1]
    return row // grid[0], row % grid[0] * m, column * m


@inner
def gather(x, first, count, grid, padding, m, window, patch, pitch, starts):
    """patch[:, ...]: the pixels that ``count`` tiles read, each a ``window``; starts[tile]: where a tile's begin.

    Tiles that follow each other in a row of an image share the pixels that both read. Returns the length of
    the lines, and a vector less one element: the reach of a vector that begins at a line's last element.
    """
    height, width = window
    channels, source = x.shape[3], run(x, 0, x.size)
    tile = place = np.int64(0)
    while tile < count:
        image, top, left = corner(first + tile, grid, m)
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


@functools.cache
def places(m, taps):
    """int64 (pixels of a tile, 3): row, column and mask of the results that read it, see ``empty_results``.

    Those that most results read come first.
    """
    size = m + taps - 1
    reads = [[sum(1 << i * step for i in range(m) if 0 <= k - i < taps) for k in range(size)] for step in (m, 1)]
    found = [(i, j, reads[0][i] * reads[1][j]) for i in range(size) for j in range(size)]
    return np.array(sorted(found, key=lambda place: -place[2].bit_count()), np.int64)


@inner
def empty_results(patch, at, pitch, channels, valid, across, m, order):
    """Which results of a tile read zeros alone: bit i * m + j for that in row i < valid and column j < across.

    Direct sums give exactly 0 there; a tile's transforms leave the rounding of its other pixels, of either sign, and
    where nothing is added (a bias of 0) the gradient of relu asks for the sign. In the second layer of a CNN on MNIST
    12 (5x5) and 17 (3x3) of 100 results are such; left as rounding, they put the bias's first gradient off by 0.14 and
    0.39 of its largest entry. To look for them takes 1 to 2 % of a training step there.

    patch: ``gather``; the tile's pixels begin at ``at``. order: ``places``; none if nobody asks.
    """
    found = 0
    for i in range(valid if order.shape[0] else 0):
        found |= ((1 << across) - 1) << (i * m)
    k = 0
    while found and k < order.shape[0]:
        if k == 1 and _are_empty(patch, at, pitch, order[-1, 0] + 1, (order[-1, 1] + 1) * channels):
            return 0  # as all of the tile's results are without more ado
        reading = order[k, 2] & found
        if reading and _is_some(patch, at + order[k, 0] * pitch + order[k, 1] * channels, channels):
            found ^= reading
        k += 1
    return found


@inner
def _are_empty(patch, at, pitch, height, length):
    """Whether all pixels of a tile are 0."""
    for i in range(height):  # noqa: SIM110 - a kernel has no generators
        if _is_some(patch, at + i * pitch, length):
            return False
    return True


@inner
def _is_some(patch, at, length):
    """Whether one of ``length`` numbers is not 0."""
    lanes, zero = VECTOR_BYTES // patch.itemsize, broadcast(patch.dtype.type(0), patch)
    end = length - length % lanes
    for c in range(0, end, lanes):
        if holds(load(patch, at + c) != zero):
            return True
    return end < length and holds(load_some(patch, at + end, length - end) != zero)
