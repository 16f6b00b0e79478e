"""What this machine can do at most, measured: multiply-adds on registers, and moving bytes in each level of memory.

``measure`` runs in the process of a side that has Numba, with the threads that the kernels have.
"""

import functools
import time

import numba
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from .machine import caches, last_level_cache
from .roofline import passes

CHAINS = 12  # independent sums: more than the multiply-adds in flight (latency x units), fewer than the registers
WIDTHS = (16, 32, 64)  # bytes of a vector; the fastest counts
SECONDS = 0.15  # for one figure
APART = 64  # elements between what two threads write
CHUNK = 512  # elements, 4 KiB
DTYPES = ("float32", "float64")


def _multiply_adds(width):
    """A function that runs CHAINS multiply-adds on vectors of ``width`` bytes, ``steps`` times, on each thread."""

    @intrinsic
    def chains(typing_context, x, steps):
        """total = total * x + x for CHAINS totals, ``steps`` times; returns one number of their sum."""
        return x(x, types.int64), functools.partial(_write_chains, width, x)

    @numba.njit(parallel=True)
    def run(x, steps, threads, sums):
        for thread in prange(threads):
            sums[thread * APART] = chains(x, steps)  # pyright: ignore[reportCallIssue]

    return run


def _write_chains(width, x, context, builder, _, arguments):
    """The instructions of ``chains``: a loop whose totals are all in registers."""
    start, count = arguments
    lanes, number = width * 8 // x.bitwidth, ir.IntType(32)
    vector = ir.VectorType(context.get_value_type(x), lanes)
    signature, name = ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{lanes}f{x.bitwidth}"
    multiply_add = cgutils.get_or_insert_function(builder.module, signature, name)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), start, number(0))
    factor = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(number, lanes), [0] * lanes))
    before, body, after = builder.block, builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.branch(body)
    builder.position_at_end(body)
    step = builder.phi(count.type)
    totals = [builder.phi(vector) for _ in range(CHAINS)]
    next_step = builder.add(step, count.type(1))
    next_totals = [builder.call(multiply_add, [total, factor, factor]) for total in totals]
    step.add_incoming(count.type(0), before)
    step.add_incoming(next_step, body)
    for total, next_total in zip(totals, next_totals, strict=True):
        total.add_incoming(factor, before)
        total.add_incoming(next_total, body)
    builder.cbranch(builder.icmp_signed("<", next_step, count), body, after)
    builder.position_at_end(after)
    return builder.extract_element(functools.reduce(builder.fadd, next_totals), number(0))


@intrinsic
def _copy_past_caches(typing_context, x, i, y, j):
    """y[j : j + 8] = x[i : i + 8] by one store that goes to memory without reading it into the caches first.

    x, y: uint64. The address of y[j] is a multiple of 64.
    """

    def generate(context, builder, signature, arguments):
        eight = ir.VectorType(ir.IntType(64), 8).as_pointer()
        places = []
        for array_type, array, at in ((x, arguments[0], arguments[1]), (y, arguments[2], arguments[3])):
            data = context.make_array(array_type)(context, builder, array).data
            places.append(builder.bitcast(builder.gep(data, [at]), eight))
        store = builder.store(builder.load(places[0], align=8), places[1], align=64)
        store.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.none(x, types.int64, y, types.int64), generate


@numba.njit(parallel=True)
def move(x, y, z, past_caches, threads, times):
    """Reads x, writes y and updates z, ``times`` times over: the same share of each before going on. uint64, flat.

    past_caches: whether y is written by stores that leave the caches out.
    """
    for thread in prange(threads):
        xs, ys, zs = _share(x, thread, threads), _share(y, thread, threads), _share(z, thread, threads)
        steps = max(1, max(xs.size, ys.size, zs.size) // CHUNK)
        total = np.uint64(0)
        for time_ in range(times):
            for step in range(steps):
                source, target, changed = _share(xs, step, steps), _share(ys, step, steps), _share(zs, step, steps)
                common = min(source.size, target.size)
                if past_caches:
                    for i in range(0, common, 8):
                        _copy_past_caches(source, i, target, i)  # pyright: ignore[reportCallIssue]
                else:
                    for i in range(common):
                        target[i] = source[i]
                rest, unread = target[common:], source[common:]
                for i in range(rest.size):
                    rest[i] = total
                for i in range(unread.size):
                    total ^= unread[i]
                for i in range(changed.size):
                    changed[i] ^= np.uint64(1)
            if xs.size:
                xs[time_ % xs.size] = total  # what the next round reads is new, so none can be left out


@numba.njit
def _share(array, part, parts):
    """The ``part``-th of ``parts`` pieces of an array; pieces begin at multiples of 8 elements."""
    eights = array.size // 8
    return array[part * eights // parts * 8 : (part + 1) * eights // parts * 8]


def numbers(size):
    """uint64 array of about ``size`` bytes that begins at a multiple of 64 bytes, its memory really there."""
    array = np.ones(size // 64 * 8 + 8, np.uint64)
    return array[-array.ctypes.data % 64 // 8 :][: size // 64 * 8]


def measure(threads):
    """{"flops": {dtype: FLOP/s}, "levels": [[name, bytes it holds, copy bytes/s, read bytes/s], ...]}."""
    flops = {dtype: max(_flops(width, dtype, threads) for width in WIDTHS) for dtype in DTYPES}
    return {"flops": flops, "levels": [[*level, *_bandwidths(level[1], threads)] for level in levels(threads)]}


def levels(threads):
    """(name, bytes that it holds for all threads together), the last without limit."""
    found = [(f"L{level}", size * max(1, threads // sharing)) for level, (size, sharing) in sorted(caches().items())]
    return [*found, ("memory", 0)]


def _flops(width, dtype, threads):
    x, sums = np.dtype(dtype).type(0.5), np.zeros(APART * threads, dtype)
    run, steps = _multiply_adds(width), 100_000
    per_step = 2 * CHAINS * width // x.itemsize * threads
    return steps * per_step / _best(lambda: run(x, steps, threads, sums))


def _bandwidths(size, threads):
    """Bytes/s of copying (reads and writes counted) and of reading, for arrays that half fill a level of memory."""
    total = size // 2 if size else 8 * last_level_cache()
    times = passes(total)
    x, y, none = numbers(total), numbers(total // 2), numbers(0)
    half = x[: y.size]
    ways = (False,) if size else (False, True)
    copying = min(_best(lambda way=way: move(half, y, none, way, threads, times)) for way in ways)
    reading = _best(lambda: move(x, none, none, False, threads, times))
    return [x.nbytes * times / seconds for seconds in (copying, reading)]


def _best(call):
    """Seconds of the fastest call of those that SECONDS allow."""
    call()
    best, end = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
