"""Reductions along one axis on a GPU. Twin: ``kernels/cpu/reduction.py``.

Arrays have the form (outer, reduced, inner), results (outer, inner), float32. Where inner is 1, the 256 threads of a
block walk along a row together, and add up what they have by shuffles, in which lanes of a warp read each other's
registers. Else a thread has a column: its neighbours' elements lie next to its own. Long axes are cut into parts, whose
results the same kernel reduces; how depends on the shape alone, and so do the bits.
"""

import numpy as np

from .elements import blocks, of_one, vectors
from .launch import THREADS, ceildiv, device as gpu, kernel
from .scalar import INFINITY, ZERO
from .target import cuda, device, float32, int64, uint32

WARP, WARPS = 32, THREADS // 32
ALL_LANES = 0xFFFFFFFF
PART = 4096  # elements of an axis that one block or one thread reduces, at most; of more, parts are made
COLUMN_PART = 256
_ARGUMENTS = "float32* float32* int32 int32 int32 int32"


@device
def _add(a, b):
    return a + b


@device
def larger(a, b):
    """The greater of a and b; NaN if one of them is."""
    return a if a > b or a != a else b


@device
def smaller(a, b):
    """The smaller of a and b; NaN if one of them is."""
    return a if a < b or a != a else b


@device
def of_warp(function, value):
    """What ``function``, of two numbers, makes of the values of all lanes of a warp: the same in every lane."""
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 16))
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 8))
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 4))
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 2))
    return function(value, cuda.shfl_xor_sync(ALL_LANES, value, 1))


@device
def of_block(function, value):
    """The same for all threads of a block of THREADS."""
    of_warps = cuda.shared.array(WARPS, float32)
    t = uint32(cuda.threadIdx.x)
    value = of_warp(function, value)
    if t % uint32(WARP) == uint32(0):
        of_warps[uint32(t // uint32(WARP))] = value
    cuda.syncthreads()
    value = of_warps[uint32(t % uint32(WARPS))]  # groups of WARPS lanes: each makes the same of it
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 4))
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 2))
    return function(value, cuda.shfl_xor_sync(ALL_LANES, value, 1))


@device
def _row(function, empty, x, y, reduced, inner, parts, length):
    """One part of one row, by a block."""
    t, part = uint32(cuda.threadIdx.x), uint32(cuda.blockIdx.x)
    start = int64(cuda.blockIdx.y) * int64(reduced)
    end = uint32(min(uint32((part + uint32(1)) * uint32(length)), uint32(reduced)))
    i = uint32(part * uint32(length) + t)
    value = empty
    while i < end:
        value = function(value, x[start + int64(i)])
        i = uint32(i + uint32(THREADS))
    value = of_block(function, value)
    if t == uint32(0):
        y[int64(cuda.blockIdx.y) * int64(parts) + int64(part)] = value


@device
def _column(function, empty, x, y, reduced, inner, parts, length):
    """One part of one column, by a thread."""
    column = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    part = uint32(cuda.blockIdx.z)
    if column < uint32(inner):
        first = uint32(part * uint32(length))
        end = uint32(min(uint32(first + uint32(length)), uint32(reduced)))
        at = (int64(cuda.blockIdx.y) * int64(reduced) + int64(first)) * int64(inner) + int64(column)
        value = empty
        while first < end:
            value = function(value, x[at])
            at += int64(inner)
            first = uint32(first + uint32(1))
        y[(int64(cuda.blockIdx.y) * int64(parts) + int64(part)) * int64(inner) + int64(column)] = value


@kernel(_ARGUMENTS)
def _sum_rows(x, y, reduced, inner, parts, length):
    _row(_add, ZERO, x, y, reduced, inner, parts, length)


@kernel(_ARGUMENTS)
def _sum_columns(x, y, reduced, inner, parts, length):
    _column(_add, ZERO, x, y, reduced, inner, parts, length)


@kernel(_ARGUMENTS)
def _max_rows(x, y, reduced, inner, parts, length):
    _row(larger, -INFINITY, x, y, reduced, inner, parts, length)


@kernel(_ARGUMENTS)
def _max_columns(x, y, reduced, inner, parts, length):
    _column(larger, -INFINITY, x, y, reduced, inner, parts, length)


@kernel(_ARGUMENTS)
def _min_rows(x, y, reduced, inner, parts, length):
    _row(smaller, INFINITY, x, y, reduced, inner, parts, length)


@kernel(_ARGUMENTS)
def _min_columns(x, y, reduced, inner, parts, length):
    _column(smaller, INFINITY, x, y, reduced, inner, parts, length)


@device
def _over(x, count):
    return x / count


@kernel("float32* float32 float32* int32 int32")
def _divide(x, count, y, n, wide):
    of_one(_over, (count,), x, y, n, wide)


def _reduce(rows, columns, x, y):
    """y = x reduced by two kernels, one for rows and one for columns."""
    outer, reduced, inner = x.shape
    longest = PART if inner == 1 else COLUMN_PART
    parts = max(1, ceildiv(reduced, longest))
    length = max(1, ceildiv(reduced, parts))
    target = y if parts == 1 else gpu().empty((outer, parts, inner), np.float32)
    if inner == 1:
        rows((parts, outer), x, target, reduced, inner, parts, length)
    else:
        columns((ceildiv(inner, THREADS), outer, parts), x, target, reduced, inner, parts, length)
    if parts > 1:
        _reduce(rows, columns, target, y)


def reduce_sum(x, y):
    """y[o, i] = sum over r of x[o, r, i]; 0 if there are none."""
    _reduce(_sum_rows, _sum_columns, x, y)


def reduce_max(x, y):
    """y[o, i] = the greatest x[o, r, i], NaN if one is; -infinity if there are none."""
    _reduce(_max_rows, _max_columns, x, y)


def reduce_min(x, y):
    """y[o, i] = the smallest x[o, r, i], NaN if one is; infinity if there are none."""
    _reduce(_min_rows, _min_columns, x, y)


def reduce_mean(x, y):
    """y[o, i] = sum over r of x[o, r, i] / reduced; NaN if there are none."""
    reduce_sum(x, y)
    _divide(blocks(y), y, x.shape[1], y, y.size, vectors(y))
