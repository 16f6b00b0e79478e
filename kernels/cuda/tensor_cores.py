"""Matrix products by tensor cores: what ``matmul.py`` launches where numbers rounded to tf32 are allowed.

Of tf32 a number has ten bits after the point, three decimal digits; products of such numbers are exact, and are added
up in float32. A block of 256 threads has a tile of 128 x 128, each of its eight warps 64 x 32 of it: 4 x 4 tiles of
16 x 8, the size that one instruction adds a product to. Slabs of 16 steps are copied to shared memory while others are
multiplied: ``copy16`` begins a copy, ``wait_for_copies`` waits for older ones, and three slabs take turns.

                    | 8 | 8 | 8 | 8 |         a lane has, of each 16 x 8, two rows of two neighbours
        16 rows     |   |   |   |   |
        16 rows     |   |   |   |   |   x 4   in four registers
"""

from .epilogue import BIAS, RELU, has
from .intrinsics import (
    commit_copies,
    copy16_or_zeros,
    load1,
    load2,
    multiply_tiles,
    store2,
    store4,
    to_tf32,
    wait_for_copies,
)  # fmt: skip
from .launch import kernel
from .partition import WIDE_A, WIDE_B, WIDE_C, place
from .scalar import ZERO
from .target import cuda, device, float32, int32, int64, uint32
from .tiles import load_some

TILE, DEPTH = 128, 16
ROW, STEP = 24, 132  # numbers from one row, or step, to the next: the lanes of a warp then use all banks at once
SIDE = 3072  # numbers of one side's slab: TILE * ROW, more than DEPTH * STEP
SLAB = 6144
SLABS = 3
ALL = 18432  # SLABS * SLAB
BYTES = 4 * ALL
CAPABILITY = 8, 0  # compute capability from which on GPUs have this

_ARGUMENTS = "float32* float32* float32* float32* int32[11]"
_state = {"allowed": False}


def allow(allowed):
    """Whether products of float32 may be made by tensor cores, as ``enable_tensor_float_32_execution`` wants it.

    The GPU's compute capability must be CAPABILITY at least.
    """
    _state["allowed"] = bool(allowed)


def allowed():
    return _state["allowed"]


# A side's slab lies in shared memory as in the matrix: rows of 16 steps, or steps of 128 rows. Which number is which
# step's makes no difference as long as both sides agree. An instruction takes steps k and k + 4 from a lane; it gets
# those at 2 k and 2 k + 1, which are neighbours in a row.


@device
def _pair_in_row(slabs, at):
    return load2(slabs, at)


@device
def _pair_in_steps(slabs, at):
    return load1(slabs, at), load1(slabs, at + STEP)


@device
def _copy_rows(slabs, start, matrix, first, outers, k, end, depth, wide):
    """Begins to copy a slab of op(x), whose rows go along the depth: two times four numbers a thread."""
    for i in range(2):
        chunk = uint32(uint32(cuda.threadIdx.x) + uint32(i * 256))
        row, step = uint32(chunk // uint32(4)), uint32((chunk % uint32(4)) * uint32(4))
        outer, at = uint32(first + row), uint32(k + step)
        to = uint32(start + row * uint32(ROW) + step)
        _copy(slabs, to, matrix, uint32(outer * depth + at), outer < outers, at, end, wide)


@device
def _copy_steps(slabs, start, matrix, first, outers, k, end, depth, wide):
    """The same for a matrix whose rows are steps of the depth."""
    for i in range(2):
        chunk = uint32(uint32(cuda.threadIdx.x) + uint32(i * 256))
        step, row = uint32(chunk // uint32(32)), uint32((chunk % uint32(32)) * uint32(4))
        outer, at = uint32(first + row), uint32(k + step)
        to = uint32(start + step * uint32(STEP) + row)
        _copy(slabs, to, matrix, uint32(at * outers + outer), at < end, outer, outers, wide)


@device
def _copy(slabs, to, matrix, at, inside, column, columns, wide):
    """slabs[to : to + 4] = matrix[at : at + 4], zeros outside of it."""
    if wide:
        copy16_or_zeros(slabs, to, matrix, at, int32(16) if inside and column < columns else int32(0))
    elif inside:
        store4(slabs, to, load_some(matrix, at, column, columns, False))
    else:
        store4(slabs, to, (ZERO, ZERO, ZERO, ZERO))


@device
def _multiply(sums, side_a, side_b, slabs, start, row, column):
    """Adds the product of a slab to a warp's tile, whose first row and column in the block's these are.

    side_a, side_b: how a side lies: (numbers from row to row, from step to step, the function for a lane's pair).
    """
    row_a, step_a, pair_a = side_a
    row_b, step_b, pair_b = side_b
    left = cuda.local.array(16, uint32)
    right = cuda.local.array(8, uint32)
    lane = uint32(uint32(cuda.threadIdx.x) % uint32(32))
    row, column = uint32(row + lane // uint32(4)), uint32(column + lane // uint32(4))
    k = int64((lane % uint32(4)) * uint32(2))
    at_a, at_b = (
        int64(start) + int64(row) * row_a + k * step_a,
        int64(start) + SIDE + int64(column) * row_b + k * step_b,
    )
    for step in range(0, DEPTH, 8):
        for i in range(4):
            near = pair_a(slabs, at_a + (16 * i * row_a + step * step_a))
            below = pair_a(slabs, at_a + ((16 * i + 8) * row_a + step * step_a))
            left[4 * i], left[4 * i + 1] = to_tf32(near[0]), to_tf32(below[0])
            left[4 * i + 2], left[4 * i + 3] = to_tf32(near[1]), to_tf32(below[1])
        for j in range(4):
            pair = pair_b(slabs, at_b + (8 * j * row_b + step * step_b))
            right[2 * j], right[2 * j + 1] = to_tf32(pair[0]), to_tf32(pair[1])
        for i in range(4):
            for j in range(4):
                s = 16 * i + 4 * j
                a, b, c, d = multiply_tiles(
                    (left[4 * i], left[4 * i + 1], left[4 * i + 2], left[4 * i + 3]),
                    (right[2 * j], right[2 * j + 1]),
                    (sums[s], sums[s + 1], sums[s + 2], sums[s + 3]),
                )
                sums[s], sums[s + 1], sums[s + 2], sums[s + 3] = a, b, c, d


@device
def _put_tiles(out, row, column, sums, s):
    """Four tiles of 16 x 8 side by side, sums[s : s + 16]."""
    _put_tile(out, row, column, sums[s], sums[s + 1], sums[s + 2], sums[s + 3])
    _put_tile(out, row, uint32(column + uint32(8)), sums[s + 4], sums[s + 5], sums[s + 6], sums[s + 7])
    _put_tile(out, row, uint32(column + uint32(16)), sums[s + 8], sums[s + 9], sums[s + 10], sums[s + 11])
    _put_tile(out, row, uint32(column + uint32(24)), sums[s + 12], sums[s + 13], sums[s + 14], sums[s + 15])


@device
def _put_tile(out, row, column, first, second, third, fourth):
    """What a lane has of a tile: two numbers side by side, and two of eight rows below."""
    _put(out, row, column, first, second)
    _put(out, uint32(row + uint32(8)), column, third, fourth)


@device
def _put(out, row, column, first, second):
    c, bias, rows, columns, flags = out
    if row < rows:
        at = uint32(row * columns + column)
        if has(flags, WIDE_C) and column < columns:  # then there are two; four lanes write a sector
            after = _finish(second, bias, uint32(column + uint32(1)), flags)
            store2(c, at, _finish(first, bias, column, flags), after)
            return
        if column < columns:
            c[at] = _finish(first, bias, column, flags)
        if uint32(column + uint32(1)) < columns:
            c[uint32(at + uint32(1))] = _finish(second, bias, uint32(column + uint32(1)), flags)


@device
def _finish(value, bias, column, flags):
    if has(flags, BIAS):
        value = value + bias[column]
    if has(flags, RELU) and value < ZERO:
        value = ZERO
    return value


@device
def _tile(copy_a, side_a, copy_b, side_b, a, b, bias, c, sizes):
    slabs = cuda.shared.array(0, float32, alignment=16)
    sums = cuda.local.array(64, float32)
    for i in range(64):
        sums[i] = ZERO
    rows, columns, depth, flags = uint32(sizes[0]), uint32(sizes[1]), uint32(sizes[2]), sizes[10]
    wide_a, wide_b = has(flags, WIDE_A), has(flags, WIDE_B)
    first_row, first_column, k, end, a, b, c = place(a, b, c, sizes, TILE, TILE)
    warp = uint32(uint32(cuda.threadIdx.x) // uint32(32))
    row, column = uint32((warp % uint32(2)) * uint32(64)), uint32((warp // uint32(2)) * uint32(32))
    ahead = uint32(0)
    for _ in range(SLABS - 1):  # beyond the end zeros are copied, which nobody needs
        copy_a(slabs, ahead, a, first_row, rows, k, end, depth, wide_a)
        copy_b(slabs, uint32(ahead + uint32(SIDE)), b, first_column, columns, k, end, depth, wide_b)
        commit_copies()
        k, ahead = uint32(k + uint32(DEPTH)), uint32(ahead + uint32(SLAB))
    start = uint32(0)
    while k < uint32(end + uint32((SLABS - 1) * DEPTH)):
        wait_for_copies(1)  # this slab's are done, the next one's may not be
        cuda.syncthreads()  # all threads' are, and all have multiplied the slab that the next copy overwrites
        copy_a(slabs, ahead, a, first_row, rows, k, end, depth, wide_a)
        copy_b(slabs, uint32(ahead + uint32(SIDE)), b, first_column, columns, k, end, depth, wide_b)
        commit_copies()
        _multiply(sums, side_a, side_b, slabs, start, row, column)
        k, ahead, start = uint32(k + uint32(DEPTH)), _next(ahead), _next(start)
    lane = uint32(uint32(cuda.threadIdx.x) % uint32(32))
    row = uint32(first_row + row + lane // uint32(4))
    column = uint32(first_column + column + (lane % uint32(4)) * uint32(2))
    out = c, bias, rows, columns, flags
    _put_tiles(out, row, column, sums, 0)  # written out: sums in registers have no place to be counted to
    _put_tiles(out, uint32(row + uint32(16)), column, sums, 16)
    _put_tiles(out, uint32(row + uint32(32)), column, sums, 32)
    _put_tiles(out, uint32(row + uint32(48)), column, sums, 48)


@device
def _next(start):
    """Where the next slab begins."""
    start = uint32(start + uint32(SLAB))
    return start if start < uint32(ALL) else uint32(0)


@kernel(_ARGUMENTS, blocks_at_once=2, shared=BYTES, capability=CAPABILITY)
def _tf32_nn(a, b, bias, c, sizes):
    _tile(_copy_rows, (ROW, 1, _pair_in_row), _copy_steps, (1, STEP, _pair_in_steps), a, b, bias, c, sizes)


@kernel(_ARGUMENTS, blocks_at_once=2, shared=BYTES, capability=CAPABILITY)
def _tf32_nt(a, b, bias, c, sizes):
    _tile(_copy_rows, (ROW, 1, _pair_in_row), _copy_rows, (ROW, 1, _pair_in_row), a, b, bias, c, sizes)


@kernel(_ARGUMENTS, blocks_at_once=2, shared=BYTES, capability=CAPABILITY)
def _tf32_tn(a, b, bias, c, sizes):
    _tile(_copy_steps, (1, STEP, _pair_in_steps), _copy_steps, (1, STEP, _pair_in_steps), a, b, bias, c, sizes)


@kernel(_ARGUMENTS, blocks_at_once=2, shared=BYTES, capability=CAPABILITY)
def _tf32_tt(a, b, bias, c, sizes):
    _tile(_copy_steps, (1, STEP, _pair_in_steps), _copy_rows, (ROW, 1, _pair_in_row), a, b, bias, c, sizes)


KERNELS = {
    (False, False): _tf32_nn, (False, True): _tf32_nt, (True, False): _tf32_tn, (True, True): _tf32_tt,
}  # fmt: skip
