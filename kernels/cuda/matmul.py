"""Matrix products on a GPU. Twin: ``kernels/cpu/matmul.py``.

A block of threads has a tile of C and goes along the depth, slab by slab: it copies a slab of op(A) and one of op(B)
into shared memory, from where every thread takes what its own part of the tile needs.

                     DEPTH rows of op(B)  |  slab |
                                          |       |
        op(A):  TILE x DEPTH   | slab |   |  tile |   TILE x TILE numbers of C, 8 x 8 in each thread's registers

Two kernels do this. ``_small`` is the idea and nothing else: tiles of 16 x 16, a number a thread. ``_large`` has tiles
of 128 x 128: a thread reads 16 numbers for 64 multiply-adds; the next slab is on its way from memory while this one is
multiplied; two slabs in shared memory take turns, so that one barrier a slab is enough.

Where C has too few tiles to occupy the GPU, the depth is cut into parts, their sums go to scratch memory, and ``_join``
adds them up in order: the bits of a product depend on its shape alone.

Volkov and Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra", 2008.
"""

import numpy as np

from .elements import vectors
from .intrinsics import advance, fma, load4, load4_constant, store4
from .launch import THREADS, ceildiv, device as gpu, kernel
from .scalar import ZERO
from .target import cuda, device, float32, int32, int64, uint32

SIDE = 16  # of a small tile, and of the square that the threads of a large tile make
SMALL_SLAB = 256
TILE, DEPTH = 128, 8
PITCH = (
    132  # numbers from one row of a slab to the next: with 128, threads that store a column would wait for each other
)
SLAB = 1056  # DEPTH * PITCH
TWO_SLABS = 2112
ACROSS, BESIDE = 32, 2  # threads along the tile's side and along the depth that copy a slab, four numbers each
LARGE = 48  # rows and columns of C from which on large tiles pay
BLOCKS = 264  # wanted: two for each multiprocessor of an H100 or H200. A constant: bits must not depend on the GPU
LEAST_DEPTH = 256  # of a part
MOST_PARTS = 64
WIDE_A, WIDE_B, WIDE_C = 1, 2, 4  # which matrices may be accessed by 16 bytes

_ARGUMENTS = "float32* float32* float32* float32* int32 int32 int32 int32 int32 int32 int32 int32 int32 int32"


def matmul(a, b, transpose_a, transpose_b, c):
    """c[n] = op(a[n]) op(b[n]), where op transposes if the flag says so. Cost: 2 * batch * m * n * k flops.

    a: (batch or 1, m, k), with transpose_a (.., k, m), read. b: (batch or 1, k, n), with transpose_b (.., n, k), read.
    c: (batch, m, n), written. float32. A first axis of size 1 serves the whole batch.
    """
    matmul_bias(a, b, transpose_a, transpose_b, None, 0, c)


def matmul_bias(a, b, transpose_a, transpose_b, bias, activation, c):
    """c[n] = activation(op(a[n]) op(b[n]) + bias): ``matmul`` without a second pass over c.

    bias: (n,), or None or (0,) for none, read. activation: 0 for none, 1 for max(0, .), in which NaN stays NaN.
    """
    batch, m, n = c.shape
    depth = a.shape[1] if transpose_a else a.shape[2]
    bias = bias if bias is not None and bias.size else None
    large = min(m, n) >= LARGE
    side, step = (TILE, DEPTH) if large else (SIDE, SIDE)
    tiles = ceildiv(m, side) * ceildiv(n, side) * batch
    parts = max(1, min(ceildiv(BLOCKS, max(1, tiles)), depth // LEAST_DEPTH, MOST_PARTS))
    length = ceildiv(ceildiv(depth, parts), step) * step
    parts = max(1, ceildiv(depth, max(1, length)))
    target = c if parts == 1 else gpu().empty((parts, *c.shape), np.float32)
    strides = (0 if a.shape[0] == 1 else m * depth, 0 if b.shape[0] == 1 else depth * n)
    last = (None, 0) if parts > 1 else (bias, activation)  # what ``_join`` does otherwise
    wide = sum(flag * vectors(x) * (x.shape[-1] % 4 == 0) for flag, x in ((WIDE_A, a), (WIDE_B, b), (WIDE_C, target)))
    chosen = _LARGE[bool(transpose_a), bool(transpose_b)] if large else _SMALL[bool(transpose_a), bool(transpose_b)]
    grid = ceildiv(n, side), ceildiv(m, side), batch * parts
    chosen(grid, a, b, last[0], target, m, n, depth, length, batch, *strides, int(last[0] is not None), last[1], wide)
    if parts > 1:
        _join(ceildiv(c.size, THREADS), target, bias, c, parts, c.size, n, int(bias is not None), activation)


@device
def _finish(value, bias, column, has_bias, activation):
    if has_bias != int32(0):
        value = value + bias[column]
    if activation == int32(1) and value < ZERO:
        value = ZERO
    return value


@kernel("float32* float32* float32* int32 int32 int32 int32 int32")
def _join(parts, bias, c, count, size, n, has_bias, activation):
    """c = the sum of ``count`` parts in order, and what comes after a product."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(size):
        total = parts[i]
        for part in range(1, count):
            total = total + parts[int64(part) * int64(size) + int64(i)]
        c[i] = _finish(total, bias, uint32(i % uint32(n)), has_bias, activation)


# Where an element of op(x) lies. outer: its row in op(A), or its column in op(B); k: along the depth.


@device
def _along_depth(outer, outers, k, depth):
    return uint32(outer * depth + k)


@device
def _along_outer(outer, outers, k, depth):
    return uint32(k * outers + outer)


@device
def _entry(place, x, outer, outers, k, end, depth):
    """One element of op(x), or 0 outside of it."""
    if outer < outers and k < end:
        return x[place(outer, outers, k, depth)]
    return ZERO


@device
def _bounds(length, depth, batch):
    """(image, first k, k to end before) of a block."""
    z = uint32(cuda.blockIdx.z)
    part, image = uint32(z // uint32(batch)), uint32(z % uint32(batch))
    first = uint32(part * uint32(length))
    end = uint32(min(uint32(first + uint32(length)), uint32(depth)))
    return image, first, end


@device
def _small(place_a, place_b, a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation):
    left = cuda.shared.array(SMALL_SLAB, float32)
    right = cuda.shared.array(SMALL_SLAB, float32)
    x, y = uint32(uint32(cuda.threadIdx.x) % uint32(SIDE)), uint32(uint32(cuda.threadIdx.x) // uint32(SIDE))
    row = uint32(uint32(cuda.blockIdx.y) * uint32(SIDE) + y)
    column = uint32(uint32(cuda.blockIdx.x) * uint32(SIDE) + x)
    rows, columns, deep = uint32(m), uint32(n), uint32(depth)
    image, k, end = _bounds(length, depth, batch)
    a = advance(a, int64(image) * int64(next_a))
    b = advance(b, int64(image) * int64(next_b))
    mine, total = uint32(y * uint32(SIDE) + x), ZERO
    while k < end:
        left[mine] = _entry(place_a, a, row, rows, uint32(k + x), end, deep)
        right[mine] = _entry(place_b, b, column, columns, uint32(k + y), end, deep)
        cuda.syncthreads()  # both slabs are there
        for j in range(SIDE):
            total = fma(left[uint32(y * uint32(SIDE) + uint32(j))], right[uint32(uint32(j) * uint32(SIDE) + x)], total)
        cuda.syncthreads()  # and nobody needs them any more
        k = uint32(k + uint32(SIDE))
    if row < rows and column < columns:
        c = advance(c, int64(cuda.blockIdx.z) * int64(m) * int64(n))
        c[uint32(row * columns + column)] = _finish(total, bias, column, has_bias, activation)


# How the threads of a block copy a slab of op(x), TILE x DEPTH numbers: each reads four that lie side by side, along
# the depth or along the other axis, and stores them so that in shared memory they lie along the other axis.


@device
def _read_along_depth(x, first, outers, k, end, depth, wide):
    outer, k = _place_along_depth(first, k)
    if wide != int32(0) and outer < outers and uint32(k + uint32(4)) <= end:
        return load4_constant(x, uint32(outer * depth + k))
    return (
        _entry(_along_depth, x, outer, outers, k, end, depth),
        _entry(_along_depth, x, outer, outers, uint32(k + uint32(1)), end, depth),
        _entry(_along_depth, x, outer, outers, uint32(k + uint32(2)), end, depth),
        _entry(_along_depth, x, outer, outers, uint32(k + uint32(3)), end, depth),
    )


@device
def _place_along_depth(outer, k):
    t = uint32(cuda.threadIdx.x)
    return uint32(outer + t // uint32(BESIDE)), uint32(k + (t % uint32(BESIDE)) * uint32(4))


@device
def _store_along_depth(slab, start, four):
    outer, k = _place_along_depth(uint32(0), uint32(0))
    at = uint32(start + k * uint32(PITCH) + outer)
    slab[at] = four[0]
    slab[uint32(at + uint32(PITCH))] = four[1]
    slab[uint32(at + uint32(2 * PITCH))] = four[2]
    slab[uint32(at + uint32(3 * PITCH))] = four[3]


@device
def _read_along_outer(x, first, outers, k, end, depth, wide):
    outer, k = _place_along_outer(first, k)
    if wide != int32(0) and uint32(outer + uint32(4)) <= outers and k < end:
        return load4_constant(x, uint32(k * outers + outer))
    return (
        _entry(_along_outer, x, outer, outers, k, end, depth),
        _entry(_along_outer, x, uint32(outer + uint32(1)), outers, k, end, depth),
        _entry(_along_outer, x, uint32(outer + uint32(2)), outers, k, end, depth),
        _entry(_along_outer, x, uint32(outer + uint32(3)), outers, k, end, depth),
    )


@device
def _place_along_outer(outer, k):
    t = uint32(cuda.threadIdx.x)
    return uint32(outer + (t % uint32(ACROSS)) * uint32(4)), uint32(k + t // uint32(ACROSS))


@device
def _store_along_outer(slab, start, four):
    outer, k = _place_along_outer(uint32(0), uint32(0))
    store4(slab, uint32(start + k * uint32(PITCH) + outer), four)


@device
def _large(
    read_a, store_a, read_b, store_b, a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation,
    wide,
):  # fmt: skip
    left = cuda.shared.array(TWO_SLABS, float32, alignment=16)
    right = cuda.shared.array(TWO_SLABS, float32, alignment=16)
    sums = cuda.local.array(64, float32)
    p = cuda.local.array(8, float32)
    q = cuda.local.array(8, float32)
    x, y = uint32(uint32(cuda.threadIdx.x) % uint32(SIDE)), uint32(uint32(cuda.threadIdx.x) // uint32(SIDE))
    row, column = uint32(uint32(cuda.blockIdx.y) * uint32(TILE)), uint32(uint32(cuda.blockIdx.x) * uint32(TILE))
    rows, columns, deep = uint32(m), uint32(n), uint32(depth)
    wide_a, wide_b = int32(wide & int32(WIDE_A)), int32(wide & int32(WIDE_B))
    image, k, end = _bounds(length, depth, batch)
    a = advance(a, int64(image) * int64(next_a))
    b = advance(b, int64(image) * int64(next_b))
    for i in range(64):
        sums[i] = ZERO
    store_a(left, uint32(0), read_a(a, row, rows, k, end, deep, wide_a))
    store_b(right, uint32(0), read_b(b, column, columns, k, end, deep, wide_b))
    cuda.syncthreads()
    current = uint32(0)
    while k < end:
        k = uint32(k + uint32(DEPTH))
        next_left = read_a(a, row, rows, k, end, deep, wide_a)  # zeros behind the end, where nobody needs them
        next_right = read_b(b, column, columns, k, end, deep, wide_b)
        for j in range(DEPTH):
            at = uint32(current + uint32(j * PITCH))
            p0, p1, p2, p3 = load4(left, uint32(at + y * uint32(4)))
            p4, p5, p6, p7 = load4(left, uint32(at + y * uint32(4) + uint32(64)))
            q0, q1, q2, q3 = load4(right, uint32(at + x * uint32(4)))
            q4, q5, q6, q7 = load4(right, uint32(at + x * uint32(4) + uint32(64)))
            p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7] = p0, p1, p2, p3, p4, p5, p6, p7
            q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7] = q0, q1, q2, q3, q4, q5, q6, q7
            for r in range(8):
                for s in range(8):
                    sums[r * 8 + s] = fma(p[r], q[s], sums[r * 8 + s])
        current = uint32(uint32(SLAB) - current)
        store_a(left, current, next_left)
        store_b(right, current, next_right)
        cuda.syncthreads()
    c = advance(c, int64(cuda.blockIdx.z) * int64(m) * int64(n))
    row, column = uint32(row + y * uint32(4)), uint32(column + x * uint32(4))
    _store_rows(c, row, rows, column, columns, sums, 0, bias, has_bias, activation, wide)
    _store_rows(c, uint32(row + uint32(64)), rows, column, columns, sums, 4, bias, has_bias, activation, wide)


@device
def _store_rows(c, i, rows, j, columns, sums, r, bias, has_bias, activation, wide):
    """Rows r to r + 4 of a thread's part of the tile. Written out: sums in registers have no place to be counted to."""
    _store_row(c, i, rows, j, columns, sums, r, bias, has_bias, activation, wide)
    _store_row(c, uint32(i + uint32(1)), rows, j, columns, sums, r + 1, bias, has_bias, activation, wide)
    _store_row(c, uint32(i + uint32(2)), rows, j, columns, sums, r + 2, bias, has_bias, activation, wide)
    _store_row(c, uint32(i + uint32(3)), rows, j, columns, sums, r + 3, bias, has_bias, activation, wide)


@device
def _store_row(c, i, rows, j, columns, sums, r, bias, has_bias, activation, wide):
    s = r * 8
    _store4(
        c, i, rows, j, columns, sums[s], sums[s + 1], sums[s + 2], sums[s + 3], bias, has_bias, activation, wide
    )  # fmt: skip
    _store4(
        c, i, rows, uint32(j + uint32(64)), columns, sums[s + 4], sums[s + 5], sums[s + 6], sums[s + 7], bias, has_bias,
        activation, wide,
    )  # fmt: skip


@device
def _store4(c, i, rows, j, columns, s0, s1, s2, s3, bias, has_bias, activation, wide):
    """Four entries of C side by side, as far as they are in it."""
    if i < rows:
        at = uint32(i * columns + j)
        if int32(wide & int32(WIDE_C)) != int32(0) and j < columns:  # a multiple of 4, as columns is
            s0, s1 = _finish(s0, bias, j, has_bias, activation), _finish(s1, bias, j + 1, has_bias, activation)
            s2, s3 = _finish(s2, bias, j + 2, has_bias, activation), _finish(s3, bias, j + 3, has_bias, activation)
            store4(c, at, (s0, s1, s2, s3))
        else:
            if j < columns:
                c[at] = _finish(s0, bias, j, has_bias, activation)
            if uint32(j + uint32(1)) < columns:
                c[uint32(at + uint32(1))] = _finish(s1, bias, uint32(j + uint32(1)), has_bias, activation)
            if uint32(j + uint32(2)) < columns:
                c[uint32(at + uint32(2))] = _finish(s2, bias, uint32(j + uint32(2)), has_bias, activation)
            if uint32(j + uint32(3)) < columns:
                c[uint32(at + uint32(3))] = _finish(s3, bias, uint32(j + uint32(3)), has_bias, activation)


# One kernel for each pair of transpositions: which way a matrix is read is known to the compiler.


@kernel(_ARGUMENTS)
def _small_nn(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _small(
        _along_depth, _along_outer, a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation
    )  # fmt: skip


@kernel(_ARGUMENTS)
def _small_nt(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _small(
        _along_depth, _along_depth, a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation
    )  # fmt: skip


@kernel(_ARGUMENTS)
def _small_tn(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _small(
        _along_outer, _along_outer, a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation
    )  # fmt: skip


@kernel(_ARGUMENTS)
def _small_tt(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _small(
        _along_outer, _along_depth, a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _large_nn(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _large(
        _read_along_depth, _store_along_depth, _read_along_outer, _store_along_outer,
        a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _large_nt(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _large(
        _read_along_depth, _store_along_depth, _read_along_depth, _store_along_depth,
        a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _large_tn(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _large(
        _read_along_outer, _store_along_outer, _read_along_outer, _store_along_outer,
        a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide,
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _large_tt(a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide):
    _large(
        _read_along_outer, _store_along_outer, _read_along_depth, _store_along_depth,
        a, b, bias, c, m, n, depth, length, batch, next_a, next_b, has_bias, activation, wide,
    )  # fmt: skip


_SMALL = {
    (False, False): _small_nn, (False, True): _small_nt, (True, False): _small_tn, (True, True): _small_tt,
}  # fmt: skip
_LARGE = {
    (False, False): _large_nn, (False, True): _large_nt, (True, False): _large_tn, (True, True): _large_tt,
}  # fmt: skip
