"""What Winograd's convolutions do to blocks of tiles: gathering their pixels, and products of their planes.

Tiles are numbered along the rows of an image, row by row, image by image. A plane holds the same element of all tiles
of a block, after a transform. Products run on register tiles three vectors wide, and two where that fits better.
"""

import numpy as np

from ..jit import inner
from .simd import VECTOR_BYTES, VECTOR_REGISTERS, clear, copy, run
from .tiles import add, outer, own_registers, store, wide_zeros, zeros

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
