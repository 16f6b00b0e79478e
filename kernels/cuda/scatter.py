"""Rows that go to places which indices name, and rows in order of size, on a GPU. Twin: ``kernels/cpu/scatter.py``.

x, updates: (n, inner) rows, read. places: int32 or int64 (n,), read; rows whose place is outside go nowhere. y: (rows,
inner), written. What goes to one place is combined in order, by the thread that owns an element (``gathering.py``).
"""

import numpy as np

from .elements import EACH, blocks
from .gathering import fold, sorted_places
from .intrinsics import bits_of
from .launch import device as gpu, kernel
from .reduction import add, larger, multiply, smaller
from .running import running_logarithm, running_product
from .scalar import ZERO
from .sorting import below, key_of, pair, place_of, sort_rows
from .strides import AXES, WALK, element
from .target import device, int32, int64, uint32, uint64
from .typed import INTEGERS, NUMBERS, typed, words


@device
def _entry(sizes, axis):
    """sizes[axis], without a table in memory."""
    low = (sizes[0] if axis == 0 else sizes[1]) if axis < 2 else (sizes[2] if axis == 2 else sizes[3])
    return low if axis < 4 else (sizes[4] if axis == 4 else sizes[5])


@typed(f"T* int32 {WALK} int64* int32", *INTEGERS)
def _flat_places(rows, axes, sizes, y, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            place, inside = int64(0), True
            for axis in range(axes):
                index, size = int64(rows[uint32(i * uint32(axes) + uint32(axis))]), int64(_entry(sizes, axis))
                inside = inside and 0 <= index < size
                place = place * size + index
            y[i] = place if inside else int64(-1)


def flat_places(rows, shape, y):
    """y[i] = the place in an array of ``shape``, in C order, that row i names; -1 if there is no such place.

    rows: int32 or int64 (n, axes), read. y: int64, written.
    """
    if len(shape) > AXES:
        raise NotImplementedError(f"scatter.flat_places of {len(shape)} axes")
    sizes = tuple(shape) + (1,) * (AXES - len(shape))
    _flat_places.of(rows)(blocks(y), rows, len(shape), sizes, y, y.size)


_FOLD = "T int32 T* uint64* T* int32 int32 int32"


@device
def _folded(function, start, kept, x, pairs, y, count, inner, n):
    """Each element of y becomes ``function`` of itself, if it is kept, or else of ``start``, and of all that comes."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            row, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
            value = y[i] if kept else start
            y[i] = fold(function, value, x, pairs, count, row, 0, inner, column)


@typed(_FOLD, *NUMBERS)
def _fold_sum(start, kept, x, pairs, y, count, inner, n):
    _folded(add, start, kept, x, pairs, y, count, inner, n)


@typed(_FOLD, *NUMBERS)
def _fold_product(start, kept, x, pairs, y, count, inner, n):
    _folded(multiply, start, kept, x, pairs, y, count, inner, n)


@typed(_FOLD, *NUMBERS)
def _fold_max(start, kept, x, pairs, y, count, inner, n):
    _folded(larger, start, kept, x, pairs, y, count, inner, n)


@typed(_FOLD, *NUMBERS)
def _fold_min(start, kept, x, pairs, y, count, inner, n):
    _folded(smaller, start, kept, x, pairs, y, count, inner, n)


def _fold(chosen, start, kept, x, places, y):
    pairs = sorted_places(places, y.shape[0])
    chosen.of(y)(blocks(y), y.dtype.type(start), kept, x, pairs, y, places.size, y.shape[1], y.size)


@words("T* uint64* T* int32 int32 int32")
def _update(updates, pairs, y, count, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            row, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
            after = below(pairs, uint32(0), uint32(count), pair(uint32(row + uint32(1)), uint32(0)))
            last = uint32(after - uint32(1))
            if after > uint32(0) and key_of(pairs[last]) == row:
                y[i] = updates[uint32(place_of(pairs[last]) * uint32(inner) + column)]


def update(updates, places, y):
    """y[places[i]] = updates[i]; the last of several wins. Other rows stay."""
    pairs = sorted_places(places, y.shape[0])
    _update.of_size(y.dtype.itemsize)(blocks(y), updates, pairs, y, places.size, y.shape[1], y.size)


def minimum(updates, places, y):
    """y[places[i]] = min(y[places[i]], updates[i])."""
    _fold(_fold_min, 0, 1, updates, places, y)


def maximum(updates, places, y):
    """y[places[i]] = max(y[places[i]], updates[i])."""
    _fold(_fold_max, 0, 1, updates, places, y)


def segment_sum(x, places, y):
    """y[s] = sum of x[i] with places[i] = s; 0 without any."""
    _fold(_fold_sum, 0, 0, x, places, y)


def segment_prod(x, places, y):
    """y[s] = product of x[i] with places[i] = s; 1 without any."""
    _fold(_fold_product, 1, 0, x, places, y)


def segment_max(x, places, lowest, y):
    """y[s] = max of x[i] with places[i] = s; ``lowest`` without any."""
    _fold(_fold_max, lowest, 0, x, places, y)


def segment_min(x, places, greatest, y):
    """y[s] = min of x[i] with places[i] = s; ``greatest`` without any."""
    _fold(_fold_min, greatest, 0, x, places, y)


@kernel("float32* uint64* int32 int32")
def _pair_falling_reals(x, pairs, columns, n):
    """The key of the greatest number is the smallest; NaN counts as less than any, -0 as 0."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            bits = uint32(bits_of(x[i] + ZERO) if x[i] == x[i] else 0xFFFFFFFF)
            rising = uint32(~bits) if bits >> uint32(31) else uint32(bits | uint32(0x80000000))
            pairs[i] = pair(uint32(~rising), uint32(i % uint32(columns)))


@kernel("int32* uint64* int32 int32")
def _pair_falling_integers(x, pairs, columns, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            rising = uint32(uint32(x[i]) ^ uint32(0x80000000))
            pairs[i] = pair(uint32(~rising), uint32(i % uint32(columns)))


@kernel("int64* uint64* int32 int32")
def _pair_falling_low_halves(x, pairs, columns, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            pairs[i] = pair(uint32(~uint32(x[i] & 0xFFFFFFFF)), uint32(i % uint32(columns)))


@kernel("int64* uint64* uint64* int32 int32")
def _pair_falling_high_halves(x, ordered, pairs, columns, n):
    """``ordered``: pairs in the order of the low halves, which stays where high halves are equal."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            column = uint32(i % uint32(columns))
            value = x[uint32(i - column + place_of(ordered[i]))]
            pairs[i] = pair(uint32(~uint32(uint32(value >> 32) ^ uint32(0x80000000))), column)


@kernel("uint64* uint64* int32 int32")
def _through(ordered, pairs, columns, n):
    """The places that pairs name in ``ordered`` become the places that those name."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            row = uint32(i - i % uint32(columns))
            pairs[i] = uint64(place_of(ordered[uint32(row + place_of(pairs[i]))]))


def _falling(x):
    """Pairs of each row of x in falling order of its numbers; their places are columns of x."""
    pairs, sizes = gpu().empty(x.shape, np.uint64), (x.shape[1], x.size)
    if x.dtype.name == "int64":
        _pair_falling_low_halves(blocks(x), x, pairs, *sizes)
        ordered, pairs = sort_rows(pairs), gpu().empty(x.shape, np.uint64)
        _pair_falling_high_halves(blocks(x), x, ordered, pairs, *sizes)
        pairs = sort_rows(pairs)
        _through(blocks(x), ordered, pairs, *sizes)
        return pairs
    chosen = _pair_falling_reals if x.dtype.kind == "f" else _pair_falling_integers
    chosen(blocks(x), x, pairs, *sizes)
    return sort_rows(pairs)


@words("T* uint64* T* int32* int32 int32 int32", 4, 8)
def _first_places(x, pairs, values, indices, columns, k, n):
    for each in range(EACH):
        i = element(each)
        if i < uint32(n):
            row = uint32(i // uint32(k))
            place = place_of(pairs[uint32(row * uint32(columns) + i % uint32(k))])
            values[i] = x[uint32(row * uint32(columns) + place)]
            indices[i] = place


def top_k(x, values, indices):
    """The greatest k of each row in falling order, and where they were; of equal ones the first comes first, NaN last.

    x: float32, int32 or int64 (rows, n), read. values: (rows, k), of x's dtype, written. indices: int32 (rows, k),
    written.
    """
    if x.dtype.name not in NUMBERS:
        raise NotImplementedError(f"scatter.top_k of {x.dtype.name}")
    pairs, sizes = _falling(x), (x.shape[1], values.shape[1], values.size)
    _first_places.of_size(x.dtype.itemsize)(blocks(values), x, pairs, values, indices, *sizes)


_BOUNDS = [(kind, index) for kind in NUMBERS for index in INTEGERS]


@device
def _comes_before(a, b):
    """a < b, where NaN is greater than any number."""
    return a < b or (b != b and a == a)


@typed("T* T* U* int32 int32 int32 int32", *_BOUNDS)
def _bound(ordered, values, y, upper, columns, count, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            row, value = uint32(i // uint32(count) * uint32(columns)), values[i]
            start, stop = uint32(0), uint32(columns)
            while start < stop:
                middle = uint32(start + uint32(uint32(stop - start) >> uint32(1)))
                found = ordered[uint32(row + middle)]
                if (not _comes_before(value, found)) if upper else _comes_before(found, value):
                    start = uint32(middle + uint32(1))
                else:
                    stop = middle
            y[i] = start


def lower_bound(ordered, values, y):
    """y[r, i] = how many of the rising ordered[r] are < values[r, i]. y: int32 or int64, written."""
    _bound.of(values, y)(blocks(y), ordered, values, y, 0, ordered.shape[1], y.shape[1], y.size)


def upper_bound(ordered, values, y):
    """y[r, i] = how many of the rising ordered[r] are <= values[r, i]. y: int32 or int64, written."""
    _bound.of(values, y)(blocks(y), ordered, values, y, 1, ordered.shape[1], y.shape[1], y.size)


def cumprod(x, exclusive, reverse, y):
    """y[o, r, i] = product of x[o, q, i] over q <= r; exclusive: q < r; reverse: q >= r, q > r."""
    running_product(x, exclusive, reverse, y)


def cumulative_logsumexp(x, exclusive, reverse, y):
    """y[o, r, i] = log of the sum of exp(x[o, q, i]) over the q of ``cumprod``; -inf for none."""
    running_logarithm(x, exclusive, reverse, y)


@typed("T* T* int64* int32[7] int32[6] int32", *NUMBERS)
def _max_pool_with_argmax(x, y, argmax, shapes, window, n):
    h, w, c, p_size, q_size, above, left = shapes
    kh, kw, down, right, _, _ = window
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            channel, place = int32(i % uint32(c)), uint32(i // uint32(c))
            q, line = int32(place % uint32(q_size)), uint32(place // uint32(q_size))
            p, image = int32(line % uint32(p_size)), int64(line // uint32(p_size))
            best, found = x[0], int64(-1)
            for a in range(kh):
                for b in range(kw):
                    row, column = p * down - above + a, q * right - left + b
                    if 0 <= row < h and 0 <= column < w:
                        at = ((image * int64(h) + int64(row)) * int64(w) + int64(column)) * int64(c) + int64(channel)
                        if found < 0 or x[at] > best:
                            best, found = x[at], at
            y[i], argmax[i] = best, found


def max_pool_with_argmax(x, ksize, strides, pad, y, argmax):
    """y[n, p, q, c] = the greatest of a window of image n, and its place in the flat x; of equal ones the first.

    x: (n, h, w, c), read. ksize, strides: (height, width). pad: rows above and columns to the left. argmax: int64. Each
    window has a pixel.
    """
    shapes = *x.shape[1:], *y.shape[1:3], *pad
    _max_pool_with_argmax.of(x)(blocks(y), x, y, argmax, shapes, (*ksize, *strides, 0, 0), y.size)
