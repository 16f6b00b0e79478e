"""Outputs that no cache holds: stores that go to memory past the caches ("non-temporal").

An ordinary store first reads into the cache the line of memory that it changes: three bytes move, not two. For an
output that is larger than the last cache, and so gone from it before anyone reads it, that is in vain. Stores that
avoid it must fill whole lines in a row, from registers to aligned addresses; on outputs that fit into the cache they
lose, as whoever reads the output next fetches it from memory. So a kernel has two loops, which give the same bits:

    if past_caches(y):
        stream(_positive, broadcast(zero, x), xs, xs, ys)       # vectors
    else: ...                                                   # a plain loop

On x86 these stores are not ordered with later ones until a fence or a locked instruction. A thread that has done its
tasks asks for more by an atomic addition (``launch.py``), which is locked: whoever waits for the thread sees them all.
On aarch64 they are ordered as all others are, by the barrier at which the threading layer waits for its threads.
"""

import numpy as np
from llvmlite import ir
from numba.core import types

from ..jit import inner
from .simd import LAST_LEVEL_BYTES, VECTOR_BYTES, address_of, compiled_as, copy, into_caller
from .vectors import lanes, load, load_some, select, store_some


def _store_past_caches(typing, v, x, i):
    def emit(context, builder, _, args):
        value, array, offset = args
        address = address_of(context, builder, x, array, offset)
        store = builder.store(value, builder.bitcast(address, value.type.as_pointer()), align=VECTOR_BYTES)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(v, x, types.intp), emit


@compiled_as(_store_past_caches)
def store_past_caches(v, x, i):
    """x[i : i + lanes(x)] = v, where x[i] lies at a multiple of VECTOR_BYTES."""
    x[i : i + v.size] = v


@inner
def past_caches(y):
    """Whether output ``y`` should be written past the caches. Arrays off their dtype's own alignment cannot be."""
    return y.nbytes > LAST_LEVEL_BYTES and y.ctypes.data % y.itemsize == 0


def is_large(y):
    """The same as ``past_caches``, asked in Python: to choose a kernel that few programs need and so should compile."""
    return y.nbytes > LAST_LEVEL_BYTES and y.flags.aligned


@inner
def unaligned(y):
    """Number of elements before the first of ``y`` that lies at a multiple of VECTOR_BYTES, at most y.size."""
    return min(y.size, -y.ctypes.data % VECTOR_BYTES // y.itemsize)


@inner
def stream(function, constants, a, b, y):
    """y[i] = function(a[i], b[i], constants), past the caches.

    function: of two vectors and ``constants``, whatever these are, which gives a vector. a, b: arrays of y's size.
    """
    into_caller()
    first, wide = unaligned(y), lanes(y)
    last = first + (y.size - first) // wide * wide
    for i in range(first, last, wide):
        store_past_caches(function(load(a, i), load(b, i), constants), y, i)
    for i, count in ((0, first), (last, y.size - last)):  # what is left on both sides: less than a vector
        store_some(function(load_some(a, i, count), load_some(b, i, count), constants), y, i, count)


@inner
def wrapped(row):
    """``row`` (a vector or more) and then its start again: from each of its elements on, there is a vector to load."""
    longer = np.empty(row.size + lanes(row), row.dtype)
    copy(row, 0, longer, 0, row.size)
    copy(row, 0, longer, row.size, lanes(row))
    return longer


@inner
def stream_rows(function, tables, period, x, y):
    """y[i] = function(x[i], tables, i % period), past the caches.

    function: of a vector, ``tables``, and where its entries begin in each table; gives a vector. x: of y's size.
    tables: rows of ``period`` elements, at least a vector's, ``wrapped``.
    """
    into_caller()
    first, wide = unaligned(y), lanes(y)
    last = first + (y.size - first) // wide * wide
    at = first % period
    for i in range(first, last, wide):
        store_past_caches(function(load(x, i), tables, at), y, i)
        at = select(at + wide < period, at + wide, at + wide - period)
    for i, count in ((0, first), (last, y.size - last)):
        some = function(load_some(x, i, count), tables, i % period)
        store_some(some, y, i, count)
