"""Register tiles for products whose left side is gathered from images. Twin: ``kernels/cpu/tiles.py``.

As in ``matmul.py`` a block of 256 threads has a tile of the result, and goes along the depth slab by slab; two slabs
of each side in shared memory take turns, and the next one is on its way from memory while one is multiplied.

    tile         threads    of each thread    multiply-adds, 16-byte loads of a step    registers    blocks at once
    128 x 128    16 x 16    8 x 8             64, 4                                     128          2
    128 x 64     16 x 16    8 x 4             32, 3                                     80           3
    128 x 32     32 x 8     4 x 4             16, 2                                     64           4

For sm_90 ptxas needs 690, 425 and 235 instructions for a slab, of which 512, 256 and 128 are multiply-adds. In a slab
the tile of 128 x 128 takes 8 KiB from memory, by way of the caches, for 262144 flops: 32 a byte.

A thread's numbers are blocks of 4 x 4, of which the second along an axis begins 64 further. What a thread copies of
a slab is up to functions that come as arguments, which are compiled into each kernel; so do the numbers of blocks.
"""

from .intrinsics import fma, load4, load4_constant, store4
from .launch import ceildiv
from .scalar import ZERO
from .target import cuda, device, float32, int64, uint32

TILE, DEPTH = 128, 8  # rows of a tile, steps of a slab
PITCH = 132  # numbers from one step of a slab to the next: with 128, threads that store a column would wait in turn
SLAB = 1056  # DEPTH * PITCH
TWO_SLABS = 2112
HALF = 64  # from a thread's first rows or columns to its second ones
BLOCKS = 264  # wanted: two for each multiprocessor of an H100 or H200. A constant: bits must not depend on the GPU
ROW = 8  # numbers of ``sums`` from one row to the next
SLAB_COSTS = {128: 690, 64: 425, 32: 235}  # instructions of a thread for a slab, as ptxas writes them for sm_90


def width_for(columns):
    """Columns of the tiles for a product: the narrowest ones that hold all, else those of the fewest instructions.

    Tiles of 32 are for few columns only: several of them, side by side, would gather the left side as often.
    """
    if columns <= HALF:
        return 32 if columns <= 32 else 64
    return min(64, 128, key=lambda width: ceildiv(columns, width) * SLAB_COSTS[width])


def parts_of(depth, tiles, least, most, step=DEPTH):
    """(parts, length): how a depth is cut so that each multiprocessor has blocks, in whole slabs of ``step``."""
    parts = max(1, min(BLOCKS // max(1, tiles), depth // least, most))
    length = max(1, ceildiv(depth, parts * step)) * step
    return max(1, ceildiv(depth, length)), length


@device
def own_place(across):
    """First row and column of this thread in a tile, where ``across`` threads lie side by side."""
    t = uint32(cuda.threadIdx.x)
    return uint32(uint32(t // uint32(across)) * uint32(4)), uint32(uint32(t % uint32(across)) * uint32(4))


@device
def multiply(
    sums, blocks_down, blocks_right, row, column, read_left, store_left, read_right, store_right, advance, a, b, state,
    moves, k, end,
):  # fmt: skip
    """sums[8 r + s] = sum over k <= i < end of op(a)[row r, i] * op(b)[i, column s].

    read_left, read_right: (a or b, state, k, end) -> four numbers that this thread copies of the slab from step k on.
    store_left, store_right: (slab, where it begins, four numbers), to shared memory, turned so that rows or columns
    lie side by side. state: where this thread reads; advance(state, moves) goes one slab further.
    """
    left = cuda.shared.array(TWO_SLABS, float32, alignment=16)
    right = cuda.shared.array(TWO_SLABS, float32, alignment=16)
    for i in range(64):
        sums[i] = ZERO
    store_left(left, uint32(0), read_left(a, state, k, end))
    store_right(right, uint32(0), read_right(b, state, k, end))
    cuda.syncthreads()
    current, row, column = uint32(0), int64(row), int64(column)
    while k < end:
        k = uint32(k + uint32(DEPTH))
        state = advance(state, moves)
        next_left = read_left(a, state, k, end)  # zeros behind the end, where nobody needs them
        next_right = read_right(b, state, k, end)
        at = int64(current)
        stop = at + SLAB
        while at < stop:  # two steps at a time: the second's numbers are loaded while the first's are multiplied
            _add_products(sums, blocks_down, blocks_right, left, right, at + row, at + column)
            _add_products(sums, blocks_down, blocks_right, left, right, at + PITCH + row, at + PITCH + column)
            at += 2 * PITCH
        current = uint32(uint32(SLAB) - current)
        store_left(left, current, next_left)
        store_right(right, current, next_right)
        cuda.syncthreads()


@device
def _add_products(sums, blocks_down, blocks_right, left, right, at_left, at_right):
    """One step: sums[8 r + s] += left[row r] * right[column s]."""
    p = cuda.local.array(8, float32)
    q = cuda.local.array(8, float32)
    p[0], p[1], p[2], p[3] = load4(left, at_left)
    if blocks_down == 2:
        p[4], p[5], p[6], p[7] = load4(left, at_left + HALF)
    q[0], q[1], q[2], q[3] = load4(right, at_right)
    if blocks_right == 2:
        q[4], q[5], q[6], q[7] = load4(right, at_right + HALF)
    for r in range(4 * blocks_down):
        for s in range(4 * blocks_right):
            sums[r * ROW + s] = fma(p[r], q[s], sums[r * ROW + s])


@device
def store_tile(put, out, blocks_down, blocks_right, row, column, sums):
    """put(out, row, column, sums, r, s) for each of a thread's blocks of 4 x 4, sums[8 r + s] and on."""
    put(out, row, column, sums, 0, 0)
    if blocks_right == 2:
        put(out, row, uint32(column + uint32(HALF)), sums, 0, 4)
    if blocks_down == 2:
        put(out, uint32(row + uint32(HALF)), column, sums, 4, 0)
        if blocks_right == 2:
            put(out, uint32(row + uint32(HALF)), uint32(column + uint32(HALF)), sums, 4, 4)


@device
def store_some(y, at, column, columns, four, wide):
    """y[at : at + 4] = four, as far as there are columns from ``column`` on; by one access if ``wide``."""
    if wide and column < columns:  # a multiple of 4, as columns is
        store4(y, at, four)
    else:
        if column < columns:
            y[at] = four[0]
        if uint32(column + uint32(1)) < columns:
            y[uint32(at + uint32(1))] = four[1]
        if uint32(column + uint32(2)) < columns:
            y[uint32(at + uint32(2))] = four[2]
        if uint32(column + uint32(3)) < columns:
            y[uint32(at + uint32(3))] = four[3]


@device
def load_some(x, at, column, columns, wide):
    """x[at : at + 4], 0 where there is no column."""
    a, b, c, d = ZERO, ZERO, ZERO, ZERO
    if wide and column < columns:
        a, b, c, d = load4_constant(x, at)
    else:
        if column < columns:
            a = x[at]
        if uint32(column + uint32(1)) < columns:
            b = x[uint32(at + uint32(1))]
        if uint32(column + uint32(2)) < columns:
            c = x[uint32(at + uint32(2))]
        if uint32(column + uint32(3)) < columns:
            d = x[uint32(at + uint32(3))]
    return a, b, c, d


# The right side as it lies in memory, (depth, columns): threads side by side copy four columns each.


@device
def _place_right(across):
    t = uint32(cuda.threadIdx.x)
    return uint32(t // uint32(across)), uint32(uint32(t % uint32(across)) * uint32(4))


@device
def read_rows(b, state, k, end):
    """Four of b: (matrix, first column of the tile, columns, whether 16 bytes at once, threads across the tile)."""
    matrix, first, columns, wide, across = b
    step, column = _place_right(across)
    k, column = uint32(k + step), uint32(first + column)
    if step < uint32(DEPTH) and k < end:
        return load_some(matrix, uint32(k * columns + column), column, columns, wide)
    return ZERO, ZERO, ZERO, ZERO


@device
def _store_rows(slab, start, four, across):
    step, column = _place_right(across)
    if step < uint32(DEPTH):
        store4(slab, uint32(start + step * uint32(PITCH) + column), four)


@device
def store_128(slab, start, four):
    """What ``read_rows`` read of a slab of 128 columns."""
    _store_rows(slab, start, four, 32)


@device
def store_64(slab, start, four):
    """What ``read_rows`` read of a slab of 64 columns: by half of the threads."""
    _store_rows(slab, start, four, 16)


@device
def store_32(slab, start, four):
    """What ``read_rows`` read of a slab of 32 columns: by a quarter of the threads."""
    _store_rows(slab, start, four, 8)
