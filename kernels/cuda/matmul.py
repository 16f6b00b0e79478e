"""Matrix products on a GPU. Twin: ``kernels/cpu/matmul.py``.

A block of threads has a tile of C and goes along the depth, slab by slab: it copies a slab of op(A) and one of op(B)
into shared memory, from where every thread takes what its own part of the tile needs.

                     DEPTH rows of op(B)  |  slab |
                                          |       |
        op(A):  TILE x DEPTH   | slab |   |  tile |   TILE x TILE numbers of C, 8 x 8 in each thread's registers

``_small`` is the idea and nothing else: tiles of 16 x 16, a number a thread. The others have larger tiles
(``tiles.py``), of which a thread has up to 8 x 8 numbers; what is a row or a column goes to ``matvec.py``.

Where C has too few tiles to occupy the GPU, the depth is cut into parts, their sums go to scratch memory, and ``join``
adds them up in order. Which tiles, and how many parts, ``partition.py`` chooses by the shapes alone, and so the bits of
a product depend on its shape alone; unless tensor cores are allowed (``tensor_cores.py``), which know fewer digits.

Volkov and Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra", 2008.
"""

import numpy as np

from . import plain, tensor_cores, tiles
from .elements import vectors
from .epilogue import BIAS, RELU, finish, has
from .intrinsics import fma, load1
from .launch import ceildiv, device as gpu, kernel
from .matvec import matvec
from .partition import KINDS, WIDE_A, WIDE_B, WIDE_C, place, plan
from .parts import join
from .scalar import ZERO
from .target import cuda, device, float32, int32, int64, uint32
from .tiles import load_some, store_some

SIDE = 16  # of a small tile
TURNED = (
    18  # numbers from one row of a small slab to the next where threads store columns: in 16 they would wait in turn
)
SMALL_SLAB = 288  # SIDE * TURNED
SHAPE_64x64 = 64, 4, 4, 16, 1  # beside those of ``tiles.py``

_ARGUMENTS = "float32* float32* float32* float32* int32[11]"


def matmul(a, b, transpose_a, transpose_b, c):
    """c[n] = op(a[n]) op(b[n]), where op transposes if the flag says so. Cost: 2 * batch * m * n * k flops.

    a: (batch or 1, m, k), with transpose_a (.., k, m), read. b: (batch or 1, k, n), with transpose_b (.., n, k), read.
    c: (batch, m, n), written. float32, or float64, which is slower than it could be. A first axis of size 1 serves the
    whole batch.
    """
    if c.dtype == np.float64:
        plain.matmul(a, b, transpose_a, transpose_b, c)
        return
    matmul_bias(a, b, transpose_a, transpose_b, None, 0, c)


def matmul_bias(a, b, transpose_a, transpose_b, bias, activation, c):
    """c[n] = activation(op(a[n]) op(b[n]) + bias): ``matmul`` without a second pass over c.

    bias: (n,), or None or (0,) for none, read. activation: 0 for none, 1 for max(0, .), in which NaN stays NaN.
    """
    batch, m, n = c.shape
    depth = a.shape[1] if transpose_a else a.shape[2]
    bias = bias if bias is not None and bias.size else None
    if m == 1:
        matvec(b, a, not transpose_b, bias, activation, c)
    elif n == 1:
        matvec(a, b, transpose_a, bias, activation, c)
    else:
        _products(a, b, bool(transpose_a), bool(transpose_b), bias, activation, batch, m, n, depth, c)


def _products(a, b, transpose_a, transpose_b, bias, activation, batch, m, n, depth, c):
    tile, parts = plan(batch, m, n, depth, tensor_cores.allowed())
    step = KINDS[tile][0]
    length = max(1, ceildiv(depth, parts * step)) * step
    parts = max(1, ceildiv(depth, length))
    target = c if parts == 1 else gpu().empty((parts, *c.shape), np.float32)
    flags = sum(flag * vectors(x) * (x.shape[-1] % 4 == 0) for flag, x in ((WIDE_A, a), (WIDE_B, b), (WIDE_C, target)))
    if parts == 1:  # else ``join`` does it
        flags += BIAS * (bias is not None) + RELU * (activation == 1)
    down, right = ceildiv(m, tile[0]), ceildiv(n, tile[1])
    own = int(a.shape[0] > 1), int(b.shape[0] > 1)  # whether each image has a matrix of its own
    sizes = m, n, depth, length, batch, parts, down, right, *own, flags
    _KERNELS[tile][transpose_a, transpose_b](batch * parts * down * right, a, b, bias, target, sizes)
    if parts > 1:
        join(target, bias, activation == 1, c)


# Where an element of op(x) lies. outer: its row in op(A), or its column in op(B); k: along the depth.


@device
def _along_depth(outer, outers, k, depth):
    return uint32(outer * depth + k)


@device
def _along_outer(outer, outers, k, depth):
    return uint32(k * outers + outer)


# Which element of a small slab a thread copies: threads side by side in a warp those that lie side by side in memory.


@device
def _steps_first(x, y):
    """(outer, step) of thread x in line y."""
    return y, x


@device
def _outers_first(x, y):
    return x, y


@device
def _entry(at, x, outer, outers, k, end, depth):
    """One element of op(x), or 0 outside of it."""
    if outer < outers and k < end:
        return x[at(outer, outers, k, depth)]
    return ZERO


@device
def _small(at_a, of_a, pitch_a, at_b, of_b, pitch_b, a, b, bias, c, sizes):
    """For each side: where an element lies, which one a thread copies, numbers from a slab's row to the next."""
    left = cuda.shared.array(SMALL_SLAB, float32)
    right = cuda.shared.array(SMALL_SLAB, float32)
    x, y = uint32(uint32(cuda.threadIdx.x) % uint32(SIDE)), uint32(uint32(cuda.threadIdx.x) // uint32(SIDE))
    rows, columns, deep = uint32(sizes[0]), uint32(sizes[1]), uint32(sizes[2])
    row, column, k, end, a, b, c = place(a, b, c, sizes, SIDE, SIDE)
    (row_a, step_a), (column_b, step_b) = of_a(x, y), of_b(x, y)
    to_left, to_right = uint32(row_a * uint32(pitch_a) + step_a), uint32(step_b * uint32(pitch_b) + column_b)
    row_a, column_b, total = uint32(row + row_a), uint32(column + column_b), ZERO
    row, column = uint32(row + y), uint32(column + x)
    while k < end:
        left[to_left] = _entry(at_a, a, row_a, rows, uint32(k + step_a), end, deep)
        right[to_right] = _entry(at_b, b, column_b, columns, uint32(k + step_b), end, deep)
        cuda.syncthreads()  # both slabs are there
        for j in range(SIDE):
            total = fma(load1(left, int64(y) * pitch_a + j), load1(right, int64(x) + j * pitch_b), total)
        cuda.syncthreads()  # and nobody needs them any more
        k = uint32(k + uint32(SIDE))
    if row < rows and column < columns:
        if has(sizes[10], BIAS):
            total = total + bias[column]
        if has(sizes[10], RELU) and total < ZERO:
            total = ZERO
        c[uint32(row * columns + column)] = total


# How a side's slab is copied: ``tiles.py`` does it for matrices whose rows are steps of the depth. Of the others, in
# whose rows the depth goes on, a thread reads four steps of one row, and two threads all eight.


@device
def by_steps(matrix, first, outers, wide, depth, side):
    """A side as ``tiles.read_rows`` wants it."""
    return matrix, first, outers, wide, uint32(side // 4)


@device
def _by_rows(matrix, first, outers, wide, depth, side):
    return matrix, first, outers, wide, depth, uint32(side)


@device
def _own_four():
    """(row, first step) of what this thread copies of a slab."""
    t = uint32(cuda.threadIdx.x)
    return uint32(t // uint32(2)), uint32((t % uint32(2)) * uint32(4))


@device
def _read_depth(x, state, k, end):
    matrix, first, outers, wide, depth, side = x
    row, step = _own_four()
    if row < side:
        outer, k = uint32(first + row), uint32(k + step)
        if outer < outers:
            return load_some(matrix, uint32(outer * depth + k), k, end, wide)
    return ZERO, ZERO, ZERO, ZERO


@device
def _store_128(slab, start, four):
    row, step = _own_four()
    at = uint32(start + step * uint32(tiles.PITCH) + row)
    slab[at] = four[0]
    slab[uint32(at + uint32(tiles.PITCH))] = four[1]
    slab[uint32(at + uint32(2 * tiles.PITCH))] = four[2]
    slab[uint32(at + uint32(3 * tiles.PITCH))] = four[3]


@device
def _store_64(slab, start, four):
    if _own_four()[0] < uint32(64):
        _store_128(slab, start, four)


@device
def _stay(state, moves):
    """What is read follows from k alone."""
    return state


@device
def _put(out, row, column, end, sums, r, s):
    """Four rows and columns of C before ``end``, from sums[8 r + s] on."""
    _, bias, _, columns, flags = out
    more = ZERO, ZERO, ZERO, ZERO
    if has(flags, BIAS):
        more = load_some(bias, column, column, columns, False)
    i = tiles.ROW * r + s
    _put_row(out, row, column, finish(sums[i], sums[i + 1], sums[i + 2], sums[i + 3], more, flags))
    i += tiles.ROW
    _put_row(out, uint32(row + uint32(1)), column, finish(sums[i], sums[i + 1], sums[i + 2], sums[i + 3], more, flags))
    i += tiles.ROW
    _put_row(out, uint32(row + uint32(2)), column, finish(sums[i], sums[i + 1], sums[i + 2], sums[i + 3], more, flags))
    i += tiles.ROW
    _put_row(out, uint32(row + uint32(3)), column, finish(sums[i], sums[i + 1], sums[i + 2], sums[i + 3], more, flags))


@device
def _put_row(out, row, column, four):
    c, _, rows, columns, flags = out
    if row < rows:
        store_some(c, uint32(row * columns + column), column, columns, four, has(flags, WIDE_C))


@device
def _tile(tall, shape, a_of, read_a, store_a, b_of, read_b, store_b, a, b, bias, c, sizes):
    sums = cuda.local.array(64, float32)
    m, n, deep, flags, wide = uint32(sizes[0]), uint32(sizes[1]), uint32(sizes[2]), sizes[10], shape[0]
    row, column, k, end, a, b, c = place(a, b, c, sizes, tall, wide)
    own = tiles.own_place(shape)
    left = a_of(a, row, m, has(flags, WIDE_A), deep, tall)
    right = b_of(b, column, n, has(flags, WIDE_B), deep, wide)
    tiles.multiply(
        sums, shape, own, read_a, store_a, read_b, store_b, _stay, left, right, int32(0), int32(0), k, end
    )  # fmt: skip
    tiles.store_tile(_put, (c, bias, m, n, flags), n, shape, row, column, own, sums)


# One kernel for each tile and each pair of transpositions: how a matrix is read is known to the compiler.


@kernel(_ARGUMENTS)
def _small_nn(a, b, bias, c, sizes):
    _small(_along_depth, _steps_first, SIDE, _along_outer, _outers_first, SIDE, a, b, bias, c, sizes)


@kernel(_ARGUMENTS)
def _small_nt(a, b, bias, c, sizes):
    _small(_along_depth, _steps_first, SIDE, _along_depth, _steps_first, TURNED, a, b, bias, c, sizes)


@kernel(_ARGUMENTS)
def _small_tn(a, b, bias, c, sizes):
    _small(_along_outer, _outers_first, TURNED, _along_outer, _outers_first, SIDE, a, b, bias, c, sizes)


@kernel(_ARGUMENTS)
def _small_tt(a, b, bias, c, sizes):
    _small(_along_outer, _outers_first, TURNED, _along_depth, _steps_first, TURNED, a, b, bias, c, sizes)


@kernel(_ARGUMENTS, blocks_at_once=4)
def _64x64_nn(a, b, bias, c, sizes):
    _tile(
        64, SHAPE_64x64, _by_rows, _read_depth, _store_64, by_steps, tiles.read_rows, tiles.store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=4)
def _64x64_nt(a, b, bias, c, sizes):
    _tile(
        64, SHAPE_64x64, _by_rows, _read_depth, _store_64, _by_rows, _read_depth, _store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=4)
def _64x64_tn(a, b, bias, c, sizes):
    _tile(
        64, SHAPE_64x64, by_steps, tiles.read_rows, tiles.store_64, by_steps, tiles.read_rows, tiles.store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=4)
def _64x64_tt(a, b, bias, c, sizes):
    _tile(
        64, SHAPE_64x64, by_steps, tiles.read_rows, tiles.store_64, _by_rows, _read_depth, _store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=3)
def _128x64_nn(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_64, _by_rows, _read_depth, _store_128, by_steps, tiles.read_rows, tiles.store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=3)
def _128x64_nt(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_64, _by_rows, _read_depth, _store_128, _by_rows, _read_depth, _store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=3)
def _128x64_tn(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_64, by_steps, tiles.read_rows, tiles.store_128, by_steps, tiles.read_rows, tiles.store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=3)
def _128x64_tt(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_64, by_steps, tiles.read_rows, tiles.store_128, _by_rows, _read_depth, _store_64,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _128x128_nn(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_128, _by_rows, _read_depth, _store_128, by_steps, tiles.read_rows, tiles.store_128,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _128x128_nt(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_128, _by_rows, _read_depth, _store_128, _by_rows, _read_depth, _store_128,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _128x128_tn(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_128, by_steps, tiles.read_rows, tiles.store_128, by_steps, tiles.read_rows, tiles.store_128,
        a, b, bias, c, sizes,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _128x128_tt(a, b, bias, c, sizes):
    _tile(
        128, tiles.SHAPE_128, by_steps, tiles.read_rows, tiles.store_128, _by_rows, _read_depth, _store_128,
        a, b, bias, c, sizes,
    )  # fmt: skip


_KERNELS = {
    (16, 16): {
        (False, False): _small_nn, (False, True): _small_nt, (True, False): _small_tn, (True, True): _small_tt,
    },
    (64, 64): {
        (False, False): _64x64_nn, (False, True): _64x64_nt, (True, False): _64x64_tn, (True, True): _64x64_tt,
    },
    (128, 64): {
        (False, False): _128x64_nn, (False, True): _128x64_nt, (True, False): _128x64_tn, (True, True): _128x64_tt,
    },
    (128, 128): {
        (False, False): _128x128_nn, (False, True): _128x128_nt, (True, False): _128x128_tn, (True, True): _128x128_tt,
    },
    (128, 128, "tf32"): tensor_cores.KERNELS,
}  # fmt: skip
