"""Products of a matrix and a vector on a GPU: ``matmul.py`` calls them where one side is a single row or column.
Twin: ``kernels/cpu/matvec.py``.

Every number of the matrix is used once, so what counts is to read it where it lies, neighbours by neighbours. Where the
depth goes along its rows, a warp walks along one; where it goes down, 32 columns stand side by side, which eight
threads each share. Long depths are cut into parts.
"""

import numpy as np

from .elements import vectors
from .intrinsics import advance, fma
from .launch import ceildiv, device as gpu, kernel
from .partition import countable
from .parts import join
from .reduction import ALL_LANES, WARP, WARPS
from .scalar import ZERO
from .target import cuda, device, float32, int32, int64, uint32
from .tiles import load_some

DEEP = 8  # threads that share a column
SUMS = 256  # WARP * DEEP
WANTED = 2112  # warps: sixteen for each multiprocessor of an H100 or H200
LEAST_DEPTH = 512  # of a part
MOST_PARTS = 64

_ARGUMENTS = "float32* float32* float32* float32* int32[10]"
WIDE, BIAS, RELU = 1, 2, 4  # flags


def matvec(matrix, vector, down, bias, activation, y):
    """y[n, i] = activation(sum over k of op(matrix[n])[i, k] * vector[n, k] + bias[i]).

    matrix: (batch or 1, i, k), or if ``down``, where op transposes, (.., k, i), read. vector: (batch or 1, k) with one
    axis of size 1 more, read. bias: (i,), (1,) for all i, or None, read. activation: 0 for none, 1 for max(0, .).
    y: (batch, i) with one axis of size 1 more, written. float32. Cost: 2 * y.size * k flops.
    """
    batch = y.shape[0]
    outputs, depth = max(y.shape[1:]) if y.size else 0, vector.shape[1] * vector.shape[2]
    countable(outputs, 1, depth)
    warps = ceildiv(outputs, WARP) * DEEP if down else outputs
    parts = max(1, min(WANTED // max(1, batch * warps), depth // LEAST_DEPTH, MOST_PARTS))
    length = ceildiv(max(1, depth), 4 * parts) * 4
    parts = max(1, ceildiv(depth, length))
    target = y if parts == 1 else gpu().empty((parts, batch, outputs), np.float32)
    flags = WIDE * (vectors(matrix, vector) * (depth % 4 == 0))
    if parts == 1:  # else ``join`` does it
        flags += BIAS * (bias is not None) + RELU * (activation == 1)
    own = int(matrix.shape[0] > 1), int(vector.shape[0] > 1)  # whether each image has one of its own
    columns = ceildiv(outputs, WARP if down else WARPS)
    sizes = batch, outputs, depth, length, columns, *own, flags, 0 if bias is None or bias.size == 1 else 1, parts
    (_down if down else _along)(batch * parts * columns, matrix, vector, bias, target, sizes)
    if parts > 1:
        join(target, bias, activation == 1, y)


@device
def _place(matrix, vector, y, sizes):
    """(group of outputs, first k, k to end before; matrix, vector and y of the image) of a block."""
    batch, outputs, depth, length, columns, own_matrix, own_vector, _, _, _ = sizes
    block = uint32(cuda.blockIdx.x)
    group, block = uint32(block % uint32(columns)), uint32(block // uint32(columns))
    image, part = uint32(block % uint32(batch)), uint32(block // uint32(batch))
    first = uint32(part * uint32(length))
    end = uint32(min(uint32(first + uint32(length)), uint32(depth)))
    matrix = advance(matrix, int64(uint32(image * uint32(own_matrix))) * int64(uint32(outputs) * uint32(depth)))
    vector = advance(vector, int64(uint32(image * uint32(own_vector))) * int64(depth))
    return group, first, end, matrix, vector, advance(y, int64(block) * int64(outputs))


@device
def _store(y, i, total, bias, sizes):
    flags, step = sizes[7], sizes[8]
    if int32(flags & int32(BIAS)) != int32(0):
        total = total + bias[uint32(i * uint32(step))]
    if int32(flags & int32(RELU)) != int32(0) and total < ZERO:
        total = ZERO
    y[i] = total


@kernel(_ARGUMENTS)
def _along(matrix, vector, bias, y, sizes):
    """A warp has a row, and goes along it."""
    t = uint32(cuda.threadIdx.x)
    group, k, end, matrix, vector, y = _place(matrix, vector, y, sizes)
    i, lane = uint32(group * uint32(WARPS) + t // uint32(WARP)), uint32(t % uint32(WARP))
    if i < uint32(sizes[1]):
        start, total = uint32(i * uint32(sizes[2])), ZERO
        wide = int32(sizes[7] & int32(WIDE)) != int32(0)  # or not: the order of the sum is the same
        k = uint32(k + lane * uint32(4))
        while k < end:
            a, b, c, d = load_some(matrix, uint32(start + k), k, end, wide)
            e, f, g, h = load_some(vector, k, k, end, wide)
            total = fma(d, h, fma(c, g, fma(b, f, fma(a, e, total))))
            k = uint32(k + uint32(4 * WARP))
        total = total + cuda.shfl_xor_sync(ALL_LANES, total, 16)
        total = total + cuda.shfl_xor_sync(ALL_LANES, total, 8)
        total = total + cuda.shfl_xor_sync(ALL_LANES, total, 4)
        total = total + cuda.shfl_xor_sync(ALL_LANES, total, 2)
        total = total + cuda.shfl_xor_sync(ALL_LANES, total, 1)
        if lane == uint32(0):
            _store(y, i, total, bias, sizes)


@kernel(_ARGUMENTS)
def _down(matrix, vector, bias, y, sizes):
    """A thread has a column, of which it takes every DEEP-th number."""
    sums = cuda.shared.array(SUMS, float32)
    t, outputs = uint32(cuda.threadIdx.x), uint32(sizes[1])
    group, k, end, matrix, vector, y = _place(matrix, vector, y, sizes)
    i, share = uint32(group * uint32(WARP) + t % uint32(WARP)), uint32(t // uint32(WARP))
    total, k = ZERO, uint32(k + share)
    if i < outputs:
        while k < end:
            total = fma(matrix[uint32(k * outputs + i)], vector[k], total)
            k = uint32(k + uint32(DEEP))
    sums[t] = total
    cuda.syncthreads()
    if share == uint32(0) and i < outputs:
        for s in range(1, DEEP):
            total = total + sums[uint32(t + uint32(s * WARP))]
        _store(y, i, total, bias, sizes)
