"""Gradients of convolutions to the filter, summed over the pixels of all images: kernels of ``convolution.py``.

    dw[tap, channel, o] = sum over pixels of y of x[pixel that it meets with the tap, channel] * dy[pixel, o]

is a product of a matrix (taps * channels, pixels), which is nowhere in memory, with dy. It has few rows and columns
and a long depth, which is cut into parts: ``parts.join`` adds them up.

    ``_wide_*``    channels by fours: tiles of 128 rows (``tiles.py``), where a thread copies four channels, 16 bytes
    ``_narrow``    any number of channels, few above all: tiles of 32 x 32. The eight warps of a block share the
                   pixels of a slab, each has all sums of the tile, and at last they add them up in order
"""

import numpy as np

from . import parts, tiles
from .elements import vectors
from .geometry import NOWHERE, countable, first_pixel, next_pixel, pixel_moves
from .intrinsics import advance, fma, load4, load4_constant, store4
from .launch import ceildiv, device as gpu, kernel
from .scalar import ZERO
from .target import cuda, device, float32, int32, int64, uint32
from .tiles import DEPTH, TILE, load_some, own_place, parts_of, store_some, width_for

NARROW, PIXELS = 32, 32  # rows and columns of a narrow tile, pixels of its slab
WARP_PIXELS = 4  # of those, for each of eight warps
NARROW_PITCH = 36  # numbers from one pixel to the next: a quarter of a warp stores 16 bytes each to all 32 banks
NARROW_SLAB, TWO_NARROW_SLABS, NARROW_SUMS = 1152, 2304, 1024
MOST_NARROW_ROWS = 64  # of channels by fours: with more, half of a wide tile is in use at least
LEAST_PIXELS = 128  # of a part
MOST_PARTS = 264

# x, dy, dw; sizes: rows, columns and channels of x; rows and columns of y; columns of the filter; steps, dilations and
# padding, two each; rows, columns and depth of the product; tiles along the columns, depth of a part, 16 bytes at once.
_ARGUMENTS = "float32* float32* float32* int32[18]"


def grad_filter(x, dy, strides, dilations, padding, dw):
    """dw = the gradient to the filter: ``convolution.conv2d_grad_filter``."""
    if dw.size == 0:
        return
    countable(x, dy, dw)
    channels, columns = dw.shape[2:]
    rows, pixels = dw.size // columns, dy.size // columns
    width = width_for(columns, _WIDE)
    wide = channels % 4 == 0 and vectors(x) and rows > MOST_NARROW_ROWS
    height, width, step = (TILE, width, DEPTH) if wide else (NARROW, NARROW, PIXELS)
    tiles_right = ceildiv(columns, width)
    count = ceildiv(rows, height) * tiles_right
    number, length = parts_of(pixels, count, LEAST_PIXELS, MOST_PARTS, step)
    out = dw if number == 1 else gpu().empty((number, *dw.shape), np.float32)
    by_fours = int(columns % 4 == 0 and vectors(dy, out))
    shapes = *x.shape[1:], *dy.shape[1:3], dw.shape[1], *strides, *dilations, *padding
    sizes = *shapes, rows, columns, pixels, tiles_right, length, by_fours
    (_WIDE[width] if wide else _narrow)((count, 1, number), x, dy, out, sizes)
    if number > 1:
        parts.join(out, None, False, dw)


@device
def _block(sizes, height, width):
    """(first row, first column, first pixel, pixel to end before) of this block."""
    tiles_right, length, tile = uint32(sizes[15]), uint32(sizes[16]), uint32(cuda.blockIdx.x)
    first = uint32(uint32(cuda.blockIdx.z) * length)
    end = uint32(min(uint32(first + length), uint32(sizes[14])))
    return (
        uint32(uint32(tile // tiles_right) * uint32(height)),
        uint32((tile % tiles_right) * uint32(width)),
        first,
        end,
    )


@device
def _tap(row, sizes):
    """(line and column from a pixel's first one to the tap's, channel) of a row of the product."""
    _, _, channels, _, _, filter_columns, _, _, down, right, above, left, rows, _, _, _, _, _ = sizes
    line, column, channel = uint32(NOWHERE), uint32(0), uint32(0)
    if row < uint32(rows):
        tap, channel = uint32(row // uint32(channels)), uint32(row % uint32(channels))
        line = uint32(uint32(tap // uint32(filter_columns)) * uint32(down) - uint32(above))
        column = uint32(uint32(tap % uint32(filter_columns)) * uint32(right) - uint32(left))
    return line, column, channel


@device
def _met(tap, state, sizes):
    """(whether it is in the image, where it begins) of the pixel of x that a pixel of y meets with a tap."""
    image, line, column = state
    height, width, channels, _, _, _, step_down, step_right = sizes[:8]
    line, column = uint32(line * uint32(step_down) + tap[0]), uint32(column * uint32(step_right) + tap[1])
    inside = line < uint32(height) and column < uint32(width)
    return inside, uint32(((image * uint32(height) + line) * uint32(width) + column) * uint32(channels) + tap[2])


# Channels by fours.


@device
def _read_taps(a, state, k, end):
    x, tap, sizes = a
    inside, at = _met(tap, state, sizes)
    if inside and uint32(k + uint32(cuda.threadIdx.x) // uint32(32)) < end:
        return load4_constant(x, at)
    return ZERO, ZERO, ZERO, ZERO


@device
def _wide(store_dy, shape, x, dy, dw, sizes):
    width = shape[0]
    sums = cuda.local.array(64, float32)
    first_row, first_column, k, end = _block(sizes, TILE, width)
    t, columns, by_fours = uint32(cuda.threadIdx.x), uint32(sizes[13]), int32(sizes[17]) != int32(0)
    a = x, _tap(uint32(first_row + (t % uint32(32)) * uint32(4)), sizes), sizes
    b = dy, first_column, columns, by_fours, width // 4
    state = first_pixel(uint32(k + t // uint32(32)), sizes[3], sizes[4])
    own = own_place(shape)
    tiles.multiply(
        sums, shape, own, _read_taps, tiles.store_128, tiles.read_rows, store_dy,
        next_pixel, a, b, state, pixel_moves(DEPTH, sizes[3], sizes[4]), k, end,
    )  # fmt: skip
    dw = advance(dw, int64(cuda.blockIdx.z) * int64(sizes[12]) * int64(sizes[13]))
    out = dw, uint32(sizes[12]), columns, by_fours
    tiles.store_tile(_put, out, columns, shape, first_row, first_column, own, sums)


@device
def _put(out, row, column, end, sums, r, s):
    i = 8 * r + s
    _put_row(out, row, column, end, sums[i], sums[i + 1], sums[i + 2], sums[i + 3])
    _put_row(out, uint32(row + uint32(1)), column, end, sums[i + 8], sums[i + 9], sums[i + 10], sums[i + 11])
    _put_row(out, uint32(row + uint32(2)), column, end, sums[i + 16], sums[i + 17], sums[i + 18], sums[i + 19])
    _put_row(out, uint32(row + uint32(3)), column, end, sums[i + 24], sums[i + 25], sums[i + 26], sums[i + 27])


@device
def _put_row(out, row, column, end, a, b, c, d):
    dw, rows, columns, by_fours = out
    if row < rows:
        store_some(dw, uint32(row * columns + column), column, end, (a, b, c, d), by_fours)


@kernel(_ARGUMENTS, blocks_at_once=2)
def _wide_128(x, dy, dw, sizes):
    _wide(tiles.store_128, tiles.SHAPE_128, x, dy, dw, sizes)


@kernel(_ARGUMENTS, blocks_at_once=3)
def _wide_64(x, dy, dw, sizes):
    _wide(tiles.store_64, tiles.SHAPE_64, x, dy, dw, sizes)


@kernel(_ARGUMENTS, blocks_at_once=2)
def _wide_48(x, dy, dw, sizes):
    _wide(tiles.store_48, tiles.SHAPE_48, x, dy, dw, sizes)


@kernel(_ARGUMENTS, blocks_at_once=3)
def _wide_32(x, dy, dw, sizes):
    _wide(tiles.store_32, tiles.SHAPE_32, x, dy, dw, sizes)


_WIDE = {128: _wide_128, 64: _wide_64, 48: _wide_48, 32: _wide_32}


# Any number of channels. A lane copies four rows of one pixel of x, and four columns of one pixel of dy.


@device
def _read_row(x, tap, state, sizes, alive):
    inside, at = _met(tap, state, sizes)
    if inside and alive:
        return x[at]
    return ZERO


@device
def _read_four(a, state, k, end):
    x, one, two, three, four, sizes = a
    alive = uint32(k + uint32(cuda.threadIdx.x) % uint32(PIXELS)) < end
    p, q = _read_row(x, one, state, sizes, alive), _read_row(x, two, state, sizes, alive)
    return p, q, _read_row(x, three, state, sizes, alive), _read_row(x, four, state, sizes, alive)


@device
def _store_four(slab, start, four):
    t = uint32(cuda.threadIdx.x)
    pixel, row = uint32(t % uint32(PIXELS)), uint32(uint32(t // uint32(PIXELS)) * uint32(4))
    store4(slab, uint32(start + pixel * uint32(NARROW_PITCH) + row), four)


@device
def _read_dy(b, k, end):
    dy, first, columns, by_fours = b
    t = uint32(cuda.threadIdx.x)
    pixel, column = uint32(k + t // uint32(8)), uint32(first + (t % uint32(8)) * uint32(4))
    if pixel < end:
        return load_some(dy, uint32(pixel * columns + column), column, columns, by_fours)
    return ZERO, ZERO, ZERO, ZERO


@device
def _store_dy(slab, start, four):
    t = uint32(cuda.threadIdx.x)
    pixel, column = uint32(t // uint32(8)), uint32((t % uint32(8)) * uint32(4))
    store4(slab, uint32(start + pixel * uint32(NARROW_PITCH) + column), four)


@device
def _add_pixel(sums, left, right, at_left, at_right):
    """sums[4 r + s] += left[row r] * right[column s] of a pixel."""
    p = cuda.local.array(8, float32)
    q = cuda.local.array(4, float32)
    p[0], p[1], p[2], p[3] = load4(left, at_left)
    p[4], p[5], p[6], p[7] = load4(left, at_left + 4)
    q[0], q[1], q[2], q[3] = load4(right, at_right)
    for r in range(8):
        for s in range(4):
            sums[r * 4 + s] = fma(p[r], q[s], sums[r * 4 + s])


@kernel(_ARGUMENTS, blocks_at_once=2)
def _narrow(x, dy, dw, sizes):
    left = cuda.shared.array(TWO_NARROW_SLABS, float32, alignment=16)
    right = cuda.shared.array(TWO_NARROW_SLABS, float32, alignment=16)
    total = cuda.shared.array(NARROW_SUMS, float32, alignment=16)
    sums = cuda.local.array(32, float32)
    first_row, first_column, k, end = _block(sizes, NARROW, NARROW)
    t, columns, by_fours = uint32(cuda.threadIdx.x), uint32(sizes[13]), int32(sizes[17]) != int32(0)
    lane, warp = uint32(t % uint32(32)), uint32(t // uint32(32))
    own_row = uint32(first_row + warp * uint32(4))
    one, two = _tap(own_row, sizes), _tap(uint32(own_row + uint32(1)), sizes)
    a = x, one, two, _tap(uint32(own_row + uint32(2)), sizes), _tap(uint32(own_row + uint32(3)), sizes), sizes
    b = dy, first_column, columns, by_fours
    state, moves = first_pixel(uint32(k + lane), sizes[3], sizes[4]), pixel_moves(PIXELS, sizes[3], sizes[4])
    row, column = uint32(uint32(lane // uint32(8)) * uint32(8)), uint32((lane % uint32(8)) * uint32(4))
    for i in range(32):
        sums[i] = ZERO
    _store_four(left, uint32(0), _read_four(a, state, k, end))
    _store_dy(right, uint32(0), _read_dy(b, k, end))
    cuda.syncthreads()
    current = uint32(0)
    while k < end:
        k, state = uint32(k + uint32(PIXELS)), next_pixel(state, moves)
        next_left, next_right = _read_four(a, state, k, end), _read_dy(b, k, end)
        at = int64(current) + int64(warp) * (WARP_PIXELS * NARROW_PITCH)
        for j in range(WARP_PIXELS):
            here = at + j * NARROW_PITCH
            _add_pixel(sums, left, right, here + int64(row), here + int64(column))
        current = uint32(uint32(NARROW_SLAB) - current)
        _store_four(left, current, next_left)
        _store_dy(right, current, next_right)
        cuda.syncthreads()
    place = uint32(row * uint32(NARROW) + column)
    for turn in range(8):  # one warp after the other
        if warp == uint32(turn):
            for r in range(8):
                _add_row(total, uint32(place + uint32(r * NARROW)), sums, 4 * r, turn > 0)
        cuda.syncthreads()
    dw = advance(dw, int64(cuda.blockIdx.z) * int64(sizes[12]) * int64(columns))
    row, column = uint32(t // uint32(8)), uint32((t % uint32(8)) * uint32(4))
    four = load4(total, uint32(row * uint32(NARROW) + column))
    row, column = uint32(first_row + row), uint32(first_column + column)
    if row < uint32(sizes[12]):
        store_some(dw, uint32(row * columns + column), column, columns, four, by_fours)


@device
def _add_row(total, at, sums, i, more):
    """total[at : at + 4] (+)= sums[i : i + 4]."""
    a, b, c, d = sums[i], sums[i + 1], sums[i + 2], sums[i + 3]
    if more:
        before = load4(total, at)
        a, b, c, d = before[0] + a, before[1] + b, before[2] + c, before[3] + d
    store4(total, at, (a, b, c, d))
