"""Register tiles for products whose left side is gathered from images. Twin: ``kernels/cpu/tiles.py``.

As in ``matmul.py`` a block of 256 threads has a tile of the result, and goes along the depth slab by slab; two slabs
of each side in shared memory take turns, and the next one is on its way from memory while one is multiplied.

    tile         threads     of each thread    multiply-adds, loads of a step    registers at most, blocks at once
    128 x 128    16 x 16     8 x 8             64, 4                             128, 2
    128 x 64     16 x 16     8 x 4             32, 3                             105, 2 or 80, 3
    128 x 48     32 x 8      4 x 6             24, 3                             105, 2
    128 x 32     32 x 8      4 x 4             16, 2                             80, 3 or 64, 4
    128 x 16     2, 32 x 4   4 x 4             16, 2                             80, 3 or 64, 4

For the last one, half of the threads do a slab's first steps, the others its last ones, and their sums are put together
at the end. For sm_90 ptxas needs 690, 425, ... instructions for a slab (SLAB_COSTS), of which 512, 256, ... are
multiply-adds. In a slab a tile of 128 x 128 takes 8 KiB from memory or caches for 262144 flops: 32 for each byte.

A thread has 4 rows side by side, and in large tiles another 4 that begin 64 further; columns likewise, but that a tile
of 128 x 48 has pairs at its end. What a thread copies of a slab is up to functions that come as arguments, which are
compiled into each kernel; so do the numbers of its rows and columns.
"""

from .intrinsics import fma, load4, load4_constant, store4
from .launch import THREADS, ceildiv
from .scalar import ZERO
from .target import cuda, device, float32, int64, uint32, uint64

TILE, DEPTH = 128, 8  # rows of a tile, steps of a slab
PITCH = 132  # numbers from one step of a slab to the next: with 128, threads that store a column would wait in turn
SLAB = 1056  # DEPTH * PITCH
TWO_SLABS = 2112
HALF = 64  # from a thread's first rows or columns to its second ones
BLOCKS = 264  # wanted: two for each multiprocessor of an H100 or H200. A constant: bits must not depend on the GPU
ROW = 8  # numbers of ``sums`` from one row to the next
SLAB_COSTS = {128: 690, 64: 425, 48: 310, 32: 235, 16: 165}  # instructions of a thread, as ptxas writes them for sm_90
# (columns of a tile, rows and columns of a thread, threads side by side, parts of the block that share a slab's steps)
SHAPE_128, SHAPE_64, SHAPE_48 = (128, 8, 8, 16, 1), (64, 8, 4, 16, 1), (48, 4, 6, 8, 1)
SHAPE_32, SHAPE_16 = (32, 4, 4, 8, 1), (16, 4, 4, 4, 2)


def width_for(columns, widths):
    """Columns of the tiles for a product: the narrowest ones that hold all, else those of the fewest instructions.

    Tiles below 64 are for few columns only: several of them, side by side, would gather the left side as often.
    """
    enough = [width for width in widths if width >= columns and width <= HALF]
    wide = [width for width in widths if width >= HALF]
    return min(enough or wide, key=lambda width: ceildiv(columns, width) * SLAB_COSTS[width])


def parts_of(depth, tiles, least, most, step=DEPTH):
    """(parts, length): how a depth is cut so that each multiprocessor has two blocks, in whole slabs of ``step``.

    Tiles of which more than a third of BLOCKS come by themselves stay whole: halves would share a multiprocessor.
    """
    wanted = BLOCKS // max(1, tiles)
    parts = max(1, min(wanted if wanted > 2 else 1, depth // least, most))
    length = max(1, ceildiv(depth, parts * step)) * step
    return max(1, ceildiv(depth, length)), length


@device
def own_place(shape):
    """First row and column of this thread in a tile."""
    _, _, _, across, parts = shape
    t = uint32(uint32(cuda.threadIdx.x) % uint32(THREADS // parts))
    return uint32(uint32(t // uint32(across)) * uint32(4)), uint32(uint32(t % uint32(across)) * uint32(4))


@device
def _second(column, columns):
    """Where this thread's columns from the fifth on begin."""
    return column + HALF if columns == 8 else column // 2 + 32


@device
def multiply(
    sums, shape, own, read_left, store_left, read_right, store_right, advance, a, b, state, moves, k, end
):  # fmt: skip
    """sums[8 r + s] = sum over k <= i < end of op(a)[row r, i] * op(b)[i, column s].

    read_left, read_right: (a or b, state, k, end) -> four numbers that this thread copies of the slab from step k on.
    store_left, store_right: (slab, where it begins, four numbers), to shared memory, turned so that rows or columns
    lie side by side. state: where this thread reads; advance(state, moves) goes one slab further.
    own: this thread's place in the tile. Of the parts that share a slab's steps, the first has the sums.
    """
    left = cuda.shared.array(TWO_SLABS, float32, alignment=16)
    right = cuda.shared.array(TWO_SLABS, float32, alignment=16)
    _, rows, columns, _, parts = shape
    for i in range(64):
        sums[i] = ZERO
    store_left(left, uint32(0), read_left(a, state, k, end))
    store_right(right, uint32(0), read_right(b, state, k, end))
    cuda.syncthreads()
    current, row, column = uint32(0), int64(own[0]), int64(own[1])
    second = _second(column, columns)
    while k < end:
        k = uint32(k + uint32(DEPTH))
        state = advance(state, moves)
        next_left = read_left(a, state, k, end)  # zeros behind the end, where nobody needs them
        next_right = read_right(b, state, k, end)
        at = int64(current)
        if parts == 2 and uint32(cuda.threadIdx.x) >= uint32(THREADS // 2):
            at += SLAB // 2
        stop = at + SLAB // parts
        while at < stop:  # two steps at a time: the second's numbers are loaded while the first's are multiplied
            _add_products(sums, rows, columns, left, right, at + row, at + column, at + second)
            next_step = at + PITCH
            _add_products(sums, rows, columns, left, right, next_step + row, next_step + column, next_step + second)
            at += 2 * PITCH
        current = uint32(uint32(SLAB) - current)
        store_left(left, current, next_left)
        store_right(right, current, next_right)
        cuda.syncthreads()
    if parts == 2:
        _add_halves(sums, left)


@device
def _add_products(sums, rows, columns, left, right, at_left, at_right, second):
    """One step: sums[8 r + s] += left[row r] * right[column s]."""
    p = cuda.local.array(8, float32)
    q = cuda.local.array(8, float32)
    p[0], p[1], p[2], p[3] = load4(left, at_left)
    if rows == 8:
        p[4], p[5], p[6], p[7] = load4(left, at_left + HALF)
    q[0], q[1], q[2], q[3] = load4(right, at_right)
    if columns == 8:
        q[4], q[5], q[6], q[7] = load4(right, second)
    if columns == 6:
        q[4], q[5] = right[uint64(second)], right[uint64(second) + uint64(1)]
    for r in range(rows):
        for s in range(columns):
            sums[r * ROW + s] = fma(p[r], q[s], sums[r * ROW + s])


@device
def _add_halves(sums, memory):
    """Adds the sums of the block's last threads, 4 x 4 each, to those of the first."""
    t = uint32(cuda.threadIdx.x)
    at = uint32(uint32(t % uint32(THREADS // 2)) * uint32(4))
    if t >= uint32(THREADS // 2):
        _lend_row(sums, memory, at, 0)
        _lend_row(sums, memory, at, 1)
        _lend_row(sums, memory, at, 2)
        _lend_row(sums, memory, at, 3)
    cuda.syncthreads()
    if t < uint32(THREADS // 2):
        _add_row(sums, memory, at, 0)
        _add_row(sums, memory, at, 1)
        _add_row(sums, memory, at, 2)
        _add_row(sums, memory, at, 3)


@device
def _lend_row(sums, memory, at, r):
    i = r * ROW
    store4(memory, uint32(at + uint32(r * 2 * THREADS)), (sums[i], sums[i + 1], sums[i + 2], sums[i + 3]))


@device
def _add_row(sums, memory, at, r):
    a, b, c, d = load4(memory, uint32(at + uint32(r * 2 * THREADS)))
    i = r * ROW
    sums[i], sums[i + 1], sums[i + 2], sums[i + 3] = sums[i] + a, sums[i + 1] + b, sums[i + 2] + c, sums[i + 3] + d


@device
def store_tile(put, out, limit, shape, first_row, first_column, own, sums):
    """put(out, row, column, end, sums, r, s) for each of a thread's blocks of 4 x 4, sums[8 r + s] and on.

    first_row, first_column: of the tile. own: this thread's place in it. limit: columns of the product; end: that, or
    where a block ends that has two columns.
    """
    _, rows, columns, _, parts = shape
    row, column = uint32(first_row + own[0]), uint32(first_column + own[1])
    if uint32(cuda.threadIdx.x) < uint32(THREADS // parts):
        put(out, row, column, limit, sums, 0, 0)
        if rows == 8:
            put(out, uint32(row + uint32(HALF)), column, limit, sums, 4, 0)
        if columns > 4:
            column = uint32(first_column + uint32(_second(int64(own[1]), columns)))
            end = limit if columns == 8 else uint32(min(limit, uint32(column + uint32(2))))
            put(out, row, column, end, sums, 0, 4)
            if rows == 8:
                put(out, uint32(row + uint32(HALF)), column, end, sums, 4, 4)


@device
def store_some(y, at, column, columns, four, wide):
    """y[at : at + 4] = four, as far as there are columns from ``column`` on; by one access if ``wide``."""
    if wide and uint32(column + uint32(3)) < columns:
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
def store_48(slab, start, four):
    """What ``read_rows`` read of a slab of 48 columns: by 96 threads."""
    _store_rows(slab, start, four, 12)


@device
def store_32(slab, start, four):
    """What ``read_rows`` read of a slab of 32 columns: by a quarter of the threads."""
    _store_rows(slab, start, four, 8)
