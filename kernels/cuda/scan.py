"""Kernels that walk along one axis keeping what they have met so far, on a GPU. Twin: ``kernels/cpu/scan.py``.

Arrays have the form (outer, reduced, inner), results that lose the axis (outer, inner). A long axis is cut into parts,
as the shape alone says: of each part something is found at once, then put together, and what comes before a part is
where its own walk begins.
"""

import numpy as np

from .casts import cast
from .elements import EACH, blocks
from .launch import THREADS, ceildiv, device as gpu, kernel
from .reduction import ALL_LANES, WARP, WARPS, cut, greatest, least, reduce_max, reduce_sum
from .running import running_product, running_sum
from .scalar import ZERO, exp_of, log_of
from .strides import element
from .target import cuda, device, int32, int64, uint32
from .typed import INDICES, NO_UINT64, typed

_PAIRS = [(kind, index) for kind in NO_UINT64 if kind != "uint32" for index in INDICES]


@device
def _beats(most, value, place, best, where):
    """Whether an element is the better extreme: of equal ones the first; a NaN never is."""
    if most != int32(0):
        return value > best or (value == best and place < where)
    return value < best or (value == best and place < where)


@typed("T* U* T* int32 T int32 int32 int32 int32", *_PAIRS)
def _position_rows(x, y, extremes, most, start, rows, reduced, parts, length):
    """One part of one row, by a warp. extremes: what lies there, written if there are several parts."""
    t = uint32(cuda.threadIdx.x)
    line = uint32(uint32(cuda.blockIdx.x) * uint32(WARPS) + t // uint32(WARP))
    if line < uint32(rows):
        part = uint32(line % uint32(parts))
        end = uint32(min(uint32((part + uint32(1)) * uint32(length)), uint32(reduced)))
        r = uint32(part * uint32(length) + t % uint32(WARP))
        row = int64(line // uint32(parts)) * int64(reduced)
        best, where = start, int32(0)
        while r < end:
            value = x[row + int64(r)]
            if _beats(most, value, int32(r), best, where):
                best, where = value, int32(r)
            r = uint32(r + uint32(WARP))
        step = WARP // 2
        while step > 0:
            value, place = cuda.shfl_xor_sync(ALL_LANES, best, step), cuda.shfl_xor_sync(ALL_LANES, where, step)
            if _beats(most, value, place, best, where):
                best, where = value, place
            step = step // 2
        if t % uint32(WARP) == uint32(0):
            y[line] = where
            if parts > int32(1):
                extremes[line] = best


@typed("T* U* T* int32 T int32 int32 int32 int32 int32", *_PAIRS)
def _position_columns(x, y, extremes, most, start, lines, reduced, inner, parts, length):
    """One part of one column, by a thread. extremes: as in ``_position_rows``."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(lines):
        line, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
        r = int32(line % uint32(parts)) * length
        end = min(r + length, reduced)
        at = (int64(line // uint32(parts)) * int64(reduced) + int64(r)) * int64(inner) + int64(column)
        best, where = start, int32(0)
        while r < end:
            if _beats(most, x[at], r, best, where):
                best, where = x[at], int32(r)
            at += int64(inner)
            r = int32(r + 1)
        y[i] = where
        if parts > int32(1):
            extremes[i] = best


@typed("U* T* U* int32 T int32 int32 int32", *_PAIRS)
def _position_of_parts(places, extremes, y, most, start, inner, parts, n):
    """The best of the parts' positions, by a thread."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(n):
        o, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
        best, where = start, int64(0)
        for part in range(parts):
            at = uint32((o * uint32(parts) + uint32(part)) * uint32(inner) + column)
            if _beats(most, extremes[at], int64(places[at]), best, where):
                best, where = extremes[at], int64(places[at])
        y[i] = where


def _position(x, most, start, y):
    """The first position of the extreme along axis 1; ``start`` is worse than anything."""
    if x.dtype.name == "uint32":
        short, x = x, gpu().empty(x.shape, np.int64)
        cast(short, x)
    outer, reduced, inner = x.shape
    parts, length = cut(outer, reduced, inner)
    places, extremes = y, None
    if parts > 1:
        places, extremes = (gpu().empty((outer, parts, inner), dtype) for dtype in (y.dtype, x.dtype))
    chosen, lines = (_position_rows if inner == 1 else _position_columns).of(x, y), outer * parts * inner
    if inner == 1:
        chosen(ceildiv(lines, WARPS), x, places, extremes, most, start, lines, reduced, parts, length)
    else:
        chosen(ceildiv(lines, THREADS), x, places, extremes, most, start, lines, reduced, inner, parts, length)
    if parts > 1:
        sizes = inner, parts, y.size
        _position_of_parts.of(x, y)(ceildiv(y.size, THREADS), places, extremes, y, most, start, *sizes)


def argmax(x, y):
    """y[o, i] = the first r with the greatest x[o, r, i]; NaNs are passed over. y: int32 or int64."""
    _position(x, 1, least(x.dtype), y)


def argmin(x, y):
    """y[o, i] = the first r with the smallest x[o, r, i]; NaNs are passed over. y: int32 or int64."""
    _position(x, 0, greatest(x.dtype), y)


def cumsum(x, exclusive, reverse, y):
    """y[o, r, i] = sum of x[o, q, i] over q <= r; exclusive (bool): q < r; reverse (bool): q >= r, q > r."""
    running_sum(x, exclusive, reverse, y)


@device
def _finite(x):
    """x, or 0 for an infinity or NaN, from which inf - inf would make NaN."""
    return x if x - x == ZERO else ZERO


@kernel("float32* float32* float32* int32 int32 int32")
def _powers(x, top, y, reduced, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            o = uint32(i // (uint32(reduced) * uint32(inner)))
            y[i] = exp_of(x[i] - _finite(top[uint32(o * uint32(inner) + i % uint32(inner))]))


@kernel("float32* float32* float32* int32")
def _log_of_total(top, total, y, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            y[i] = _finite(top[i]) + log_of(total[i])


def logsumexp(x, y):
    """y[o, i] = log(sum over r of exp(x[o, r, i])), with the greatest x taken out first so that exp cannot overflow."""
    top, total, powers = (gpu().empty(shape, x.dtype) for shape in (y.shape, y.shape, x.shape))
    reduce_max(x, top)
    _powers(blocks(x), x, top, powers, *x.shape[1:], x.size)
    reduce_sum(powers, total)
    _log_of_total(blocks(y), top, total, y, y.size)


@kernel("float32* float32* float32* int32 int32 int32")
def _equals(x, y, ties, reduced, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            o = uint32(i // (uint32(reduced) * uint32(inner)))
            ties[i] = x[i] == y[uint32(o * uint32(inner) + i % uint32(inner))]


@kernel("float32* float32* float32* int32 int32 int32")
def _shared_out(dy, ties, dx, reduced, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            line = uint32(i // (uint32(reduced) * uint32(inner)) * uint32(inner) + i % uint32(inner))
            dx[i] = dx[i] * (dy[line] / ties[line])


def extremum_grad(x, y, dy, dx):
    """dx[o, r, i] = dy[o, i] / ties * (1 where x[o, r, i] equals y[o, i], else 0): the gradient of max and min.

    ties: how many x[o, :, i] equal y[o, i]; they share the gradient, as in TensorFlow. Where y is NaN nothing equals
    it, and the whole line becomes NaN (0 / 0). dx: as x, written.
    """
    ties = gpu().empty(y.shape, x.dtype)
    _equals(blocks(x), x, y, dx, *x.shape[1:], x.size)
    reduce_sum(dx, ties)
    _shared_out(blocks(dx), dy, ties, dx, *dx.shape[1:], dx.size)


@kernel("float32* float32* float32* int32 int32 int32")
def _times_others(dy, after, dx, reduced, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            o = uint32(i // (uint32(reduced) * uint32(inner)))
            dx[i] = dy[uint32(o * uint32(inner) + i % uint32(inner))] * dx[i] * after[i]


def prod_grad(x, dy, dx):
    """dx[o, r, i] = dy[o, i] * product over q != r of x[o, q, i]: the gradient of prod, right with any number of zeros.

    The product of what lies before an element and that of what follows it are running products.
    """
    after = gpu().empty(x.shape, x.dtype)
    running_product(x, True, False, dx)
    running_product(x, True, True, after)
    _times_others(blocks(dx), dy, after, dx, *dx.shape[1:], dx.size)
