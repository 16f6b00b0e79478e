"""Rows that indices name, on a GPU: read, and written by all that name them. Twin: in ``kernels/cpu/array.py``.

Where several rows go to one place, they are combined in their order, by the one thread that owns an element of the
result: indices are sorted first, so that it finds those that name its row side by side. So there are no atomics, and
the bits are the same in every run, and those of the CPU. One place may be named by most rows (words that fill up
sentences), and one thread would take long: where ``RUN`` indices in a row are the same, other threads have put together
theirs before, and the last bits of a float may differ from the CPU's.
"""

from typing import Any, NamedTuple

import numpy as np

from .casts import cast
from .elements import EACH, blocks, vectors
from .intrinsics import load4, store4
from .launch import THREADS, ceildiv, device as gpu, kernel, within_reach
from .reduction import add
from .sorting import below, key_of, pair, place_of, sort_rows
from .strides import element
from .target import cuda, device, int64, uint32
from .typed import INDICES, NUMBERS, UNSIGNED, typed

_WORDS = [(word, index) for word in UNSIGNED.values() for index in INDICES]
RUN = 128  # pairs that are put together beforehand where all name one place


@typed("T* U* T* int32 int32 int32 int32", *_WORDS)
def _gather(params, indices, y, rows, count, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            line = uint32(i // uint32(inner))
            index = int64(indices[uint32(line % uint32(count))])
            if 0 <= index < rows:
                row = uint32(line // uint32(count) * uint32(rows) + uint32(index))
                y[i] = params[uint32(row * uint32(inner) + i % uint32(inner))]
            else:
                y[i] = 0


@typed("T* U* T* int32 int32 int32 int32", *((word, index) for word, index in _WORDS if word == "uint32"))
def _gather_fours(params, indices, y, rows, count, inner, n):
    """``_gather`` of runs of four numbers; inner and n count runs."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(n):
        line = uint32(i // uint32(inner))
        index = int64(indices[uint32(line % uint32(count))])
        if 0 <= index < rows:
            row = uint32(line // uint32(count) * uint32(rows) + uint32(index))
            at = uint32(row * uint32(inner) + i % uint32(inner))
            store4(y, uint32(i * uint32(EACH)), load4(params, uint32(at * uint32(EACH))))
        else:
            store4(y, uint32(i * uint32(EACH)), (0, 0, 0, 0))


def as_indices(places):
    """Integers of any type as int32 or int64."""
    if places.dtype.name in INDICES:
        return places
    wide = gpu().empty(places.shape, np.int32 if places.dtype.itemsize < 4 else np.int64)
    cast(places, wide)
    return wide


def gather(params, indices, y):
    """y[o, j, i] = params[o, indices[j], i], or 0 where indices[j] is outside of [0, params.shape[1]).

    params: (outer, rows, inner), read. indices: flat int32 or int64, read. y: (outer, indices, inner), written.
    """
    within_reach(params)
    indices = as_indices(indices)
    word, index, inner = UNSIGNED[y.dtype.itemsize], indices.dtype.name, y.shape[2]
    sizes = params.shape[1], indices.size
    if word == "uint32" and inner % EACH == 0 and vectors(params, y):
        chosen, n = _gather_fours.named(word, index), y.size // EACH
        chosen(ceildiv(n, THREADS), params, indices, y, *sizes, inner // EACH, n)
    else:
        _gather.named(word, index)(blocks(y), params, indices, y, *sizes, inner, y.size)


class Places(NamedTuple):
    """Places that indices name, in order.

    pairs: uint64 (1, count), a place and the number of the index that names it, rising; what is outside of [0, rows)
    has the place ``rows``. starts: uint32 (rows + 1,), the first pair of each place.
    """

    pairs: Any
    starts: Any
    count: int


@typed("T* uint64* int32 int32", *INDICES)
def _pair_places(places, pairs, rows, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            place = int64(places[i])
            pairs[i] = pair(uint32(place) if 0 <= place < rows else uint32(rows), i)


@kernel("uint64* uint32* int32 int32")
def _starts(pairs, starts, count, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            starts[i] = below(pairs, uint32(0), uint32(count), pair(i, uint32(0)))


def sorted_places(places, rows):
    """The Places of flat indices, integers, in an array of so many rows."""
    places = as_indices(places)
    pairs, starts = gpu().empty((1, places.size), np.uint64), gpu().empty((rows + 1,), np.uint32)
    _pair_places.of(places)(blocks(places), places, pairs, rows, places.size)
    pairs = sort_rows(pairs)
    _starts(blocks(starts), pairs, starts, places.size, starts.size)
    return Places(pairs, starts, places.size)


PART = "T* uint64* T* int32 int32 int32 int32"
FOLD = "T int32 T* T* uint64* uint32* T* int32 int32 int32 int32 int32"


@device
def part(function, x, pairs, parts, count, rows, inner, n):
    """parts[o, p, i] = ``function`` of all x[o, j, i] of pairs p * RUN to (p + 1) * RUN, if they name one place."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            line, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
            whole = uint32(uint32(count) // uint32(RUN))
            o, at = uint32(line // whole * uint32(count)), uint32(line % whole * uint32(RUN))
            place = key_of(pairs[at])
            if place == key_of(pairs[uint32(at + uint32(RUN - 1))]) and place < uint32(rows):
                value = x[uint32((o + place_of(pairs[at])) * uint32(inner) + column)]
                for j in range(1, RUN):
                    other = place_of(pairs[uint32(at + uint32(j))])
                    value = function(value, x[uint32((o + other) * uint32(inner) + column)])
                parts[i] = value


@device
def fold(function, start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n):
    """Each element of y becomes ``function`` of itself, if it is kept, or else of ``start``, and of all that comes.

    x: (outer, count, inner), parts: (outer, whole, inner), read. y: (outer, rows, inner), written.
    """
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            line, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
            o, row = uint32(line // uint32(rows)), uint32(line % uint32(rows))
            at, stop = starts[row], starts[uint32(row + uint32(1))]
            value = y[i] if kept else start
            while at < stop:
                if at % uint32(RUN) == uint32(0) and uint32(at + uint32(RUN)) <= stop:
                    place = uint32(o * uint32(whole) + at // uint32(RUN))
                    value = function(value, parts[uint32(place * uint32(inner) + column)])
                    at = uint32(at + uint32(RUN))
                else:
                    place = uint32(o * uint32(count) + place_of(pairs[at]))
                    value = function(value, x[uint32(place * uint32(inner) + column)])
                    at = uint32(at + uint32(1))
            y[i] = value


@typed(PART, *NUMBERS)
def _part_sum(x, pairs, parts, count, rows, inner, n):
    part(add, x, pairs, parts, count, rows, inner, n)


@typed(FOLD, *NUMBERS)
def _fold_sum(start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n):
    fold(add, start, kept, x, parts, pairs, starts, y, count, rows, inner, whole, n)


SUM = _part_sum, _fold_sum


def folded(chosen, start, kept, x, places, y):
    """y (outer, rows, inner) = what ``fold`` makes of x (outer, places, inner). chosen: two kernels, such as SUM."""
    within_reach(x, y)
    (outer, rows, inner), whole = y.shape, places.size // RUN
    sorted_, parts = sorted_places(places, rows), x
    if whole:
        parts = gpu().empty((outer, whole, inner), x.dtype)
        chosen[0].of(x)(blocks(parts), x, sorted_.pairs, parts, places.size, rows, inner, parts.size)
    sizes = places.size, rows, inner, whole, y.size
    chosen[1].of(y)(blocks(y), y.dtype.type(start), kept, x, parts, sorted_.pairs, sorted_.starts, y, *sizes)


def gather_grad(dy, indices, dparams):
    """dparams[o, indices[j], i] += dy[o, j, i] over all j, in an order that is the same in every run.

    dy: (outer, indices, inner), read; indices: flat int32 or int64, read; dparams: (outer, rows, inner), written.
    """
    folded(SUM, 0, 0, dy, indices, dparams)
