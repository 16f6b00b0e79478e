"""Rows that indices name, on a GPU: read, and written by all that name them. Twin: in ``kernels/cpu/array.py``.

Where several rows go to one place, they are combined in their order, by the one thread that owns an element of the
result: indices are sorted first, so that it finds those that name its row side by side. So there are no atomics, and
the bits are the same in every run, and those of the CPU.
"""

import numpy as np

from .elements import EACH, blocks, vectors
from .intrinsics import load4, store4
from .launch import THREADS, ceildiv, device as gpu
from .sorting import below, key_of, pair, place_of, sort_rows
from .strides import element
from .target import cuda, device, int64, uint32
from .typed import INTEGERS, NUMBERS, UNSIGNED, typed

_WORDS = [(word, index) for word in UNSIGNED.values() for index in INTEGERS]


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


def gather(params, indices, y):
    """y[o, j, i] = params[o, indices[j], i], or 0 where indices[j] is outside of [0, params.shape[1]).

    params: (outer, rows, inner), read. indices: flat int32 or int64, read. y: (outer, indices, inner), written.
    """
    word, index, inner = UNSIGNED[y.dtype.itemsize], indices.dtype.name, y.shape[2]
    sizes = params.shape[1], indices.size
    if word == "uint32" and inner % EACH == 0 and vectors(params, y):
        chosen, n = _gather_fours.named(word, index), y.size // EACH
        chosen(ceildiv(n, THREADS), params, indices, y, *sizes, inner // EACH, n)
    else:
        _gather.named(word, index)(blocks(y), params, indices, y, *sizes, inner, y.size)


@typed("T* uint64* int32 int32", *INTEGERS)
def _pair_places(places, pairs, rows, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            place = int64(places[i])
            pairs[i] = pair(uint32(place) if 0 <= place < rows else uint32(rows), i)


def sorted_places(places, rows):
    """uint64 (1, n): the pairs of all places, in rising order; those outside of [0, rows) have the key ``rows``."""
    pairs = gpu().empty((1, places.size), np.uint64)
    _pair_places.of(places)(blocks(places), places, pairs, rows, places.size)
    return sort_rows(pairs)


@device
def fold(function, value, x, pairs, n, row, first, inner, column):
    """``function`` of ``value`` and x[first + j, column] for all j whose place is ``row``, in their order."""
    at = below(pairs, uint32(0), uint32(n), pair(row, uint32(0)))
    while at < uint32(n) and key_of(pairs[at]) == row:
        value = function(value, x[uint32((uint32(first) + place_of(pairs[at])) * uint32(inner) + column)])
        at = uint32(at + uint32(1))
    return value


@device
def _sum(a, b):
    return a + b


@typed("T T* uint64* T* int32 int32 int32 int32", *NUMBERS)
def _gather_grad(none, dy, pairs, dparams, count, rows, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            line = uint32(i // uint32(inner))
            o, row = uint32(line // uint32(rows)), uint32(line % uint32(rows))
            first = uint32(o * uint32(count))
            dparams[i] = fold(_sum, none, dy, pairs, count, row, first, inner, uint32(i % uint32(inner)))


def gather_grad(dy, indices, dparams):
    """dparams[o, indices[j], i] += dy[o, j, i] over all j, in their order, so that every run gives the same bits.

    dy: (outer, indices, inner), read; indices: flat int32 or int64, read; dparams: (outer, rows, inner), written.
    """
    _, rows, inner = dparams.shape
    pairs = sorted_places(indices, rows)
    _gather_grad.of(dy)(blocks(dparams), dy.dtype.type(0), dy, pairs, dparams, indices.size, rows, inner, dparams.size)
