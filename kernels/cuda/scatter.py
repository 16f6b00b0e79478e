"""Rows that go to places which indices name, and rows in order of size, on a GPU. Twin: ``kernels/cpu/scatter.py``.

x, updates: (n, inner) rows, read. places: int32 or int64 (n,), read; rows whose place is outside go nowhere. y: (rows,
inner), written. What goes to one place is combined in order, by the thread that owns an element (``gathering.py``).
"""

import numpy as np

from .casts import cast
from .elements import EACH, blocks
from .gathering import FOLD, PART, SUM, fold, folded, part, sorted_places
from .intrinsics import bits_of
from .launch import device as gpu, kernel, within_reach
from .reduction import larger, multiply, smaller
from .running import running_logarithm, running_product
from .scalar import ZERO
from .sorting import least_of_rows, pair, place_of, sort_rows
from .strides import AXES, WALK, element
from .target import device, int32, int64, uint32, uint64
from .typed import INDICES, NUMBERS, typed, words

GREATEST, INFINITY_BITS = np.int64(2**63 - 1), np.int64(0x7FF << 52)  # of an int64; of a float64


@device
def _entry(sizes, axis):
    """sizes[axis], without a table in memory."""
    low = (sizes[0] if axis == 0 else sizes[1]) if axis < 2 else (sizes[2] if axis == 2 else sizes[3])
    return low if axis < 4 else (sizes[4] if axis == 4 else sizes[5])


@typed(f"T* int32 {WALK} int64* int32", *INDICES)
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


@typed(PART, *NUMBERS)
def _part_product(x, pairs, parts, count, rows, inner, n):
    part(multiply, x, pairs, parts, count, rows, inner, n)


@typed(FOLD, *NUMBERS)
def _fold_product(start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n):
    fold(multiply, start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n)


@typed(PART, *NUMBERS)
def _part_max(x, pairs, parts, count, rows, inner, n):
    part(larger, x, pairs, parts, count, rows, inner, n)


@typed(FOLD, *NUMBERS)
def _fold_max(start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n):
    fold(larger, start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n)


@typed(PART, *NUMBERS)
def _part_min(x, pairs, parts, count, rows, inner, n):
    part(smaller, x, pairs, parts, count, rows, inner, n)


@typed(FOLD, *NUMBERS)
def _fold_min(start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n):
    fold(smaller, start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n)


PRODUCT, MAX, MIN = (_part_product, _fold_product), (_part_max, _fold_max), (_part_min, _fold_min)


def _fold(chosen, start, kept, x, places, y):
    folded(chosen, start, kept, x.reshape(1, *x.shape), places, y.reshape(1, *y.shape))


@words("T* uint64* uint32* T* int32 int32")
def _update(updates, pairs, starts, y, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            row, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
            after = starts[uint32(row + uint32(1))]
            if starts[row] < after:
                last = place_of(pairs[uint32(after - uint32(1))])
                y[i] = updates[uint32(last * uint32(inner) + column)]


def update(updates, places, y):
    """y[places[i]] = updates[i]; the last of several wins. Other rows stay."""
    within_reach(updates)
    pairs, starts, _ = sorted_places(places, y.shape[0])
    _update.of_size(y.dtype.itemsize)(blocks(y), updates, pairs, starts, y, y.shape[1], y.size)


def minimum(updates, places, y):
    """y[places[i]] = min(y[places[i]], updates[i])."""
    _fold(MIN, 0, 1, updates, places, y)


def maximum(updates, places, y):
    """y[places[i]] = max(y[places[i]], updates[i])."""
    _fold(MAX, 0, 1, updates, places, y)


def segment_sum(x, places, y):
    """y[s] = sum of x[i] with places[i] = s; 0 without any."""
    _fold(SUM, 0, 0, x, places, y)


def segment_prod(x, places, y):
    """y[s] = product of x[i] with places[i] = s; 1 without any."""
    _fold(PRODUCT, 1, 0, x, places, y)


def segment_max(x, places, lowest, y):
    """y[s] = max of x[i] with places[i] = s; ``lowest`` without any."""
    _fold(MAX, lowest, 0, x, places, y)


def segment_min(x, places, greatest, y):
    """y[s] = min of x[i] with places[i] = s; ``greatest`` without any."""
    _fold(MIN, greatest, 0, x, places, y)


@kernel("float32* uint64* int32 int32")
def _pair_falling_reals(x, pairs, columns, n):
    """The key of the greatest number is the smallest; NaN counts as less than any, -0 as 0."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            bits = uint32(bits_of(x[i] + ZERO) if x[i] == x[i] else 0xFFFFFFFF)
            rising = uint32(~bits) if bits >> uint32(31) else uint32(bits | uint32(0x80000000))
            pairs[i] = pair(uint32(~rising), uint32(i % uint32(columns)))


@typed("T* uint64* int32 int32", "int32", "uint8", "int8", "uint16", "int16")
def _pair_falling_integers(x, pairs, columns, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            rising = uint32(uint32(int32(x[i])) ^ uint32(0x80000000))
            pairs[i] = pair(uint32(~rising), uint32(i % uint32(columns)))


@kernel("int64* int64* int32")
def _keys_of_doubles(bits, keys, n):
    """Integers in the order of the float64s of such bits; NaN counts as less than any, -0 as 0."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            size = bits[i] & GREATEST
            key = size if bits[i] >= 0 else -size
            keys[i] = key if size <= INFINITY_BITS else -GREATEST


def _keys(x):
    """x, or for what has no kernels below an int64 array in the same order."""
    if x.dtype.name not in ("float64", "uint32"):
        return x
    keys = gpu().empty(x.shape, np.int64)
    if x.dtype.kind == "u":
        cast(x, keys)
    else:
        _keys_of_doubles(blocks(x), x.view(np.int64), keys, x.size)
    return keys


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


def _falling(x, k):
    """Pairs of each row of x, at least k, in falling order of its numbers; their places are columns of x."""
    pairs, sizes = gpu().empty(x.shape, np.uint64), (x.shape[1], x.size)
    if x.dtype.name == "int64":
        _pair_falling_low_halves(blocks(x), x, pairs, *sizes)
        ordered, pairs = sort_rows(pairs), gpu().empty(x.shape, np.uint64)
        _pair_falling_high_halves(blocks(x), x, ordered, pairs, *sizes)
        pairs = sort_rows(pairs)
        _through(blocks(x), ordered, pairs, *sizes)
        return pairs
    chosen = _pair_falling_reals if x.dtype.name == "float32" else _pair_falling_integers.of(x)
    chosen(blocks(x), x, pairs, *sizes)
    return least_of_rows(pairs, k)


@words("T* uint64* T* int32* int32 int32 int32 int32")
def _first_places(x, pairs, values, indices, columns, ordered, k, n):
    """ordered: how many pairs there are of each row."""
    for each in range(EACH):
        i = element(each)
        if i < uint32(n):
            row = uint32(i // uint32(k))
            place = place_of(pairs[uint32(row * uint32(ordered) + i % uint32(k))])
            values[i] = x[uint32(row * uint32(columns) + place)]
            indices[i] = place


def top_k(x, values, indices):
    """The greatest k of each row in falling order, and where they were; of equal ones the first comes first, NaN last.

    x: float32, float64 or integers but uint64 (rows, n), read. values: (rows, k), of x's dtype, written. indices: int32
    (rows, k), written.
    """
    pairs = _falling(_keys(x), values.shape[1])
    sizes = x.shape[1], pairs.shape[1], values.shape[1], values.size
    _first_places.of_size(x.dtype.itemsize)(blocks(values), x, pairs, values, indices, *sizes)


_BOUNDS = [(kind, index) for kind in NUMBERS for index in INDICES]


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
