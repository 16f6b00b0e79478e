"""Reductions along one axis on a GPU. Twin: ``kernels/cpu/reduction.py``.

Arrays have the form (outer, reduced, inner), results (outer, inner), of one dtype: float32, float64 or integers, but no
uint64 where order counts. Where inner is 1, the 32 lanes of a warp walk along a row together, and add up what they have
by shuffles, in which they read each other's registers. Else a thread has a column: its neighbours' elements lie next to
its own. Long axes are cut into parts, whose results the same kernel reduces; how depends on the shape alone, and so do
the bits.
"""

import numpy as np

from .casts import cast
from .elements import EACH, blocks, of_one, vectors
from .launch import THREADS, ceildiv, device as gpu
from .strides import element
from .target import cuda, device, float32, int64, uint32
from .typed import INTEGERS, NO_UINT64, REALS, signed, typed

WARP, WARPS = 32, THREADS // 32
ALL_LANES = 0xFFFFFFFF
PARTS = 4096, 1024  # elements of a row that a warp reduces, at most; of more, parts are made
COLUMN_PARTS = 256, 32  # of a column that a thread reduces
WORKERS = 1 << 11, 1 << 16  # warps, or threads, from which on a GPU is busy, so that they may have the longer parts
_ROWS = "T T* T* int32 int32 int32 int32"
_COLUMNS = _ROWS + " int32"
_WHOLE = tuple(kind for kind in INTEGERS if kind in NO_UINT64)  # integers that an int64 can hold


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
    return of_group(function, function(value, cuda.shfl_xor_sync(ALL_LANES, value, 8)))


@device
def of_group(function, value):
    """The same for each group of WARPS lanes."""
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
    return of_group(function, of_warps[uint32(t % uint32(WARPS))])  # each group makes the same of it


@device
def row_part(function, empty, x, y, reduced, lines, parts, length):
    """One part of one row, by a warp. lines: how many parts of rows there are."""
    t = uint32(cuda.threadIdx.x)
    line = uint32(uint32(cuda.blockIdx.x) * uint32(WARPS) + t // uint32(WARP))
    if line < uint32(lines):
        part, start = uint32(line % uint32(parts)), int64(line // uint32(parts)) * int64(reduced)
        end = uint32(min(uint32((part + uint32(1)) * uint32(length)), uint32(reduced)))
        i, value = uint32(part * uint32(length) + t % uint32(WARP)), empty
        while i < end:
            value = function(value, x[start + int64(i)])
            i = uint32(i + uint32(WARP))
        value = of_warp(function, value)
        if t % uint32(WARP) == uint32(0):
            y[line] = value


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


@typed(_ROWS, *REALS)
def _sum_rows(empty, x, y, reduced, lines, parts, length):
    row_part(add, empty, x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *REALS)
def _sum_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(add, empty, x, y, reduced, inner, parts, length, n)


@typed(_ROWS, *_WHOLE)
def _integer_sum_rows(empty, x, y, reduced, lines, parts, length):
    row_part(add, int64(empty), x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *_WHOLE)
def _integer_sum_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(add, int64(empty), x, y, reduced, inner, parts, length, n)


@typed(_ROWS, *REALS)
def _prod_rows(empty, x, y, reduced, lines, parts, length):
    row_part(multiply, empty, x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *REALS)
def _prod_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(multiply, empty, x, y, reduced, inner, parts, length, n)


@typed(_ROWS, *_WHOLE)
def _integer_prod_rows(empty, x, y, reduced, lines, parts, length):
    row_part(multiply, int64(empty), x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *_WHOLE)
def _integer_prod_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(multiply, int64(empty), x, y, reduced, inner, parts, length, n)


@typed(_ROWS, *REALS)
def _max_rows(empty, x, y, reduced, lines, parts, length):
    row_part(larger, empty, x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *REALS)
def _max_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(larger, empty, x, y, reduced, inner, parts, length, n)


@typed(_ROWS, *_WHOLE)
def _integer_max_rows(empty, x, y, reduced, lines, parts, length):
    row_part(larger, int64(empty), x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *_WHOLE)
def _integer_max_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(larger, int64(empty), x, y, reduced, inner, parts, length, n)


@typed(_ROWS, *REALS)
def _min_rows(empty, x, y, reduced, lines, parts, length):
    row_part(smaller, empty, x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *REALS)
def _min_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(smaller, empty, x, y, reduced, inner, parts, length, n)


@typed(_ROWS, *_WHOLE)
def _integer_min_rows(empty, x, y, reduced, lines, parts, length):
    row_part(smaller, int64(empty), x, y, reduced, lines, parts, length)


@typed(_COLUMNS, *_WHOLE)
def _integer_min_columns(empty, x, y, reduced, inner, parts, length, n):
    column_part(smaller, int64(empty), x, y, reduced, inner, parts, length, n)


def cut(outer, reduced, inner):
    """(parts that an axis is cut into, elements of one)."""
    row = inner == 1
    long, short = PARTS if row else COLUMN_PARTS
    most = long if outer * inner * ceildiv(reduced, long) >= WORKERS[0 if row else 1] else short
    parts = max(1, ceildiv(reduced, most))
    return parts, max(1, ceildiv(reduced, parts))


def _reduce(reals, integers, empty, x, y):
    """y = x reduced by two kernels, one for rows and one for columns. empty: the result of nothing."""
    outer, reduced, inner = x.shape
    rows, columns = (each.of(y) for each in (reals if y.dtype.kind == "f" else integers))
    parts, length = cut(outer, reduced, inner)
    target, n = y if parts == 1 else gpu().empty((outer, parts, inner), y.dtype), outer * parts * inner
    if inner == 1:
        rows(ceildiv(n, WARPS), empty, x, target, reduced, n, parts, length)
    else:
        columns(ceildiv(n, THREADS), empty, x, target, reduced, inner, parts, length, n)
    if parts > 1:
        _reduce(reals, integers, empty, target, y)


def reduce_sum(x, y):
    """y[o, i] = sum over r of x[o, r, i]; 0 if there are none. Integers wrap around in y's dtype."""
    if x.dtype != y.dtype:
        x, narrow = gpu().empty(x.shape, y.dtype), x
        cast(narrow, x)
    x, y = signed(x, y)
    _reduce((_sum_rows, _sum_columns), (_integer_sum_rows, _integer_sum_columns), y.dtype.type(0), x, y)


def reduce_prod(x, y):
    """y[o, i] = product over r of x[o, r, i]; 1 if there are none."""
    x, y = signed(x, y)
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


@typed("T* T T* int32 int32", *REALS)
def _divide(x, count, y, n, wide):
    of_one(_over, (count,), x, y, n, wide)


@device
def _quotient(total, count):
    """total / count, rounded towards zero; 0 of nothing."""
    if count == 0:
        return int64(0)
    return -(-total // count) if total < 0 else total // count


@typed("int64* int64 T* int32 int32", *_WHOLE)
def _divide_integers(total, count, y, n, wide):
    of_one(_quotient, (count,), total, y, n, wide)


def reduce_mean(x, y):
    """y[o, i] = sum over r of x[o, r, i] / reduced. Integers: rounded towards zero. Of none: NaN, for integers 0."""
    if y.dtype.kind == "f":
        reduce_sum(x, y)
        _divide.of(y)(blocks(y), y, x.shape[1], y, y.size, vectors(y))
    else:
        total = gpu().empty(y.shape, np.int64)
        reduce_sum(x, total)
        _divide_integers.of(y)(blocks(y), total, x.shape[1], y, y.size, vectors(total, y))


@typed("T* T T* int32 int32 int32", *REALS)
def _mean_grad(dy, count, dx, reduced, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            o = uint32(i // (uint32(reduced) * uint32(inner)))
            dx[i] = dy[uint32(o * uint32(inner) + i % uint32(inner))] / count


def mean_grad(dy, count, dx):
    """dx[o, r, i] = dy[o, i] / count: the gradient of the mean. dx: (outer, reduced, inner), written."""
    _mean_grad.of(dx)(blocks(dx), dy, count, dx, *dx.shape[1:], dx.size)


def least(dtype):
    """The smallest value of a NumPy dtype, minus infinity for floats."""
    return dtype.type(-np.inf) if dtype.kind == "f" else int(np.iinfo(dtype).min)


def greatest(dtype):
    """The greatest value of a NumPy dtype, infinity for floats."""
    return dtype.type(np.inf) if dtype.kind == "f" else int(np.iinfo(dtype).max)
