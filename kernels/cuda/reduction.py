"""Reductions along one axis on a GPU. Twin: ``kernels/cpu/reduction.py``.

Arrays have the form (outer, reduced, inner), results (outer, inner), of one dtype: float32, int32, int64. Where inner
is 1, the 256 threads of a block walk along a row together, or the 32 of a warp if it is short, and add up what they
have by shuffles, in which lanes of a warp read each other's registers. Else a thread has a column: its neighbours'
elements lie next to its own. Long axes are cut into parts, whose results the same kernel reduces; how depends on the
shape alone, and so do the bits.
"""

import numpy as np

from .casts import cast
from .elements import EACH, blocks, of_one, vectors
from .launch import THREADS, ceildiv, device as gpu, kernel
from .strides import element
from .target import cuda, device, float32, int32, int64, uint32
from .typed import INTEGERS, typed

WARP, WARPS = 32, THREADS // 32
ALL_LANES = 0xFFFFFFFF
PART = 4096  # elements of an axis that one block or one thread reduces, at most; of more, parts are made
COLUMN_PART = 256
SHORT = 512  # elements of a row that a warp reduces, where a block would have too little to do
_REAL, _INTEGER = ("float32 float32* float32* int32 int32 int32 int32", "T T* T* int32 int32 int32 int32")


@device
def add(a, b):
    return a + b


@device
def multiply(a, b):
    return a * b


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
def _of_block_of_integers(function, value):
    """``of_block`` for int64."""
    of_warps = cuda.shared.array(WARPS, int64)
    t = uint32(cuda.threadIdx.x)
    value = of_warp(function, value)
    if t % uint32(WARP) == uint32(0):
        of_warps[uint32(t // uint32(WARP))] = value
    cuda.syncthreads()
    value = of_warps[uint32(t % uint32(WARPS))]
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 4))
    value = function(value, cuda.shfl_xor_sync(ALL_LANES, value, 2))
    return function(value, cuda.shfl_xor_sync(ALL_LANES, value, 1))


@device
def _row(function, together, empty, x, y, reduced, lines, parts, length):
    """One part of one row, by a block, whose threads' values ``together`` puts together; or a short row by a warp.

    lines: how many short rows there are, or 0.
    """
    t, block = uint32(cuda.threadIdx.x), uint32(cuda.blockIdx.x)
    value = empty
    if lines != int32(0):
        line, i = uint32(block * uint32(WARPS) + t // uint32(WARP)), uint32(t % uint32(WARP))
        if line < uint32(lines):
            start = int64(line) * int64(reduced)
            while i < uint32(reduced):
                value = function(value, x[start + int64(i)])
                i = uint32(i + uint32(WARP))
            value = of_warp(function, value)
            if t % uint32(WARP) == uint32(0):
                y[line] = value
    else:
        part = uint32(block % uint32(parts))
        start = int64(block // uint32(parts)) * int64(reduced)
        end = uint32(min(uint32((part + uint32(1)) * uint32(length)), uint32(reduced)))
        i = uint32(part * uint32(length) + t)
        while i < end:
            value = function(value, x[start + int64(i)])
            i = uint32(i + uint32(THREADS))
        value = together(function, value)
        if t == uint32(0):
            y[block] = value


@device
def column_part(function, empty, x, y, reduced, inner, parts, length, n):
    """One part of one column, by a thread. n: how many parts of columns there are."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(n):
        line, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
        first = uint32(line % uint32(parts) * uint32(length))
        end = uint32(min(uint32(first + uint32(length)), uint32(reduced)))
        at = (int64(line // uint32(parts)) * int64(reduced) + int64(first)) * int64(inner) + int64(column)
        value = empty
        while first < end:
            value = function(value, x[at])
            at += int64(inner)
            first = uint32(first + uint32(1))
        y[i] = value


@kernel(_REAL)
def _sum_rows(empty, x, y, reduced, lines, parts, length):
    _row(add, of_block, empty, x, y, reduced, lines, parts, length)


@kernel(_REAL + " int32")
def _sum_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(add, empty, x, y, reduced, inner, parts, length, n)


@typed(_INTEGER, *INTEGERS)
def _integer_sum_rows(empty, x, y, reduced, lines, parts, length):
    _row(add, _of_block_of_integers, int64(empty), x, y, reduced, lines, parts, length)


@typed(_INTEGER + " int32", *INTEGERS)
def _integer_sum_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(add, int64(empty), x, y, reduced, inner, parts, length, n)


@kernel(_REAL)
def _prod_rows(empty, x, y, reduced, lines, parts, length):
    _row(multiply, of_block, empty, x, y, reduced, lines, parts, length)


@kernel(_REAL + " int32")
def _prod_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(multiply, empty, x, y, reduced, inner, parts, length, n)


@typed(_INTEGER, *INTEGERS)
def _integer_prod_rows(empty, x, y, reduced, lines, parts, length):
    _row(multiply, _of_block_of_integers, int64(empty), x, y, reduced, lines, parts, length)


@typed(_INTEGER + " int32", *INTEGERS)
def _integer_prod_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(multiply, int64(empty), x, y, reduced, inner, parts, length, n)


@kernel(_REAL)
def _max_rows(empty, x, y, reduced, lines, parts, length):
    _row(larger, of_block, empty, x, y, reduced, lines, parts, length)


@kernel(_REAL + " int32")
def _max_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(larger, empty, x, y, reduced, inner, parts, length, n)


@typed(_INTEGER, *INTEGERS, "uint8")
def _integer_max_rows(empty, x, y, reduced, lines, parts, length):
    _row(larger, _of_block_of_integers, int64(empty), x, y, reduced, lines, parts, length)


@typed(_INTEGER + " int32", *INTEGERS, "uint8")
def _integer_max_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(larger, int64(empty), x, y, reduced, inner, parts, length, n)


@kernel(_REAL)
def _min_rows(empty, x, y, reduced, lines, parts, length):
    _row(smaller, of_block, empty, x, y, reduced, lines, parts, length)


@kernel(_REAL + " int32")
def _min_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(smaller, empty, x, y, reduced, inner, parts, length, n)


@typed(_INTEGER, *INTEGERS, "uint8")
def _integer_min_rows(empty, x, y, reduced, lines, parts, length):
    _row(smaller, _of_block_of_integers, int64(empty), x, y, reduced, lines, parts, length)


@typed(_INTEGER + " int32", *INTEGERS, "uint8")
def _integer_min_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(smaller, int64(empty), x, y, reduced, inner, parts, length, n)


def _reduce(reals, integers, empty, x, y):
    """y = x reduced by two kernels, one for rows and one for columns. empty: the result of nothing."""
    outer, reduced, inner = x.shape
    rows, columns = reals if y.dtype.name == "float32" else (each.of(y) for each in integers)
    parts = max(1, ceildiv(reduced, PART if inner == 1 else COLUMN_PART))
    length = max(1, ceildiv(reduced, parts))
    target = y if parts == 1 else gpu().empty((outer, parts, inner), y.dtype)
    if inner == 1 and reduced <= SHORT:
        rows(ceildiv(outer, WARPS), empty, x, y, reduced, outer, 1, reduced)
    elif inner == 1:
        rows(parts * outer, empty, x, target, reduced, 0, parts, length)
    else:
        n = outer * parts * inner
        columns(ceildiv(n, THREADS), empty, x, target, reduced, inner, parts, length, n)
    if parts > 1:
        _reduce(reals, integers, empty, target, y)


def reduce_sum(x, y):
    """y[o, i] = sum over r of x[o, r, i]; 0 if there are none. Integers wrap around in y's dtype."""
    if x.dtype != y.dtype:
        x, narrow = gpu().empty(x.shape, y.dtype), x
        cast(narrow, x)
    _reduce((_sum_rows, _sum_columns), (_integer_sum_rows, _integer_sum_columns), y.dtype.type(0), x, y)


def reduce_prod(x, y):
    """y[o, i] = product over r of x[o, r, i]; 1 if there are none."""
    _reduce((_prod_rows, _prod_columns), (_integer_prod_rows, _integer_prod_columns), y.dtype.type(1), x, y)


def reduce_max(x, y):
    """y[o, i] = the greatest x[o, r, i], NaN if one is; the least value of the dtype if there are none."""
    _reduce((_max_rows, _max_columns), (_integer_max_rows, _integer_max_columns), least(x.dtype), x, y)


def reduce_min(x, y):
    """y[o, i] = the smallest x[o, r, i], NaN if one is; the greatest value of the dtype if there are none."""
    _reduce((_min_rows, _min_columns), (_integer_min_rows, _integer_min_columns), greatest(x.dtype), x, y)


def reduce_any(x, y):
    """y[o, i] = whether one of x[o, r, i] holds. x, y: bool."""
    _reduce((), (_integer_max_rows, _integer_max_columns), 0, x, y)


def reduce_all(x, y):
    """y[o, i] = whether every x[o, r, i] holds. x, y: bool."""
    _reduce((), (_integer_min_rows, _integer_min_columns), 1, x, y)


@device
def _over(x, count):
    return x / count


@kernel("float32* float32 float32* int32 int32")
def _divide(x, count, y, n, wide):
    of_one(_over, (count,), x, y, n, wide)


@device
def _quotient(total, count):
    """total / count, rounded towards zero; 0 of nothing."""
    if count == 0:
        return int64(0)
    return -(-total // count) if total < 0 else total // count


@typed("int64* int64 T* int32 int32", *INTEGERS)
def _divide_integers(total, count, y, n, wide):
    of_one(_quotient, (count,), total, y, n, wide)


def reduce_mean(x, y):
    """y[o, i] = sum over r of x[o, r, i] / reduced. Integers: rounded towards zero. Of none: NaN, for integers 0."""
    if y.dtype.kind == "f":
        reduce_sum(x, y)
        _divide(blocks(y), y, x.shape[1], y, y.size, vectors(y))
    else:
        total = gpu().empty(y.shape, np.int64)
        reduce_sum(x, total)
        _divide_integers.of(y)(blocks(y), total, x.shape[1], y, y.size, vectors(total, y))


@kernel("float32* float32 float32* int32 int32 int32")
def _mean_grad(dy, count, dx, reduced, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            o = uint32(i // (uint32(reduced) * uint32(inner)))
            dx[i] = dy[uint32(o * uint32(inner) + i % uint32(inner))] / count


def mean_grad(dy, count, dx):
    """dx[o, r, i] = dy[o, i] / count: the gradient of the mean. dx: (outer, reduced, inner), written."""
    _mean_grad(blocks(dx), dy, count, dx, *dx.shape[1:], dx.size)


def least(dtype):
    """The smallest value of a NumPy dtype, minus infinity for floats."""
    return dtype.type(-np.inf) if dtype.kind == "f" else int(np.iinfo(dtype).min)


def greatest(dtype):
    """The greatest value of a NumPy dtype, infinity for floats."""
    return dtype.type(np.inf) if dtype.kind == "f" else int(np.iinfo(dtype).max)
