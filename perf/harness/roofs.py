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

from .machine import caches

CHAINS = 12  # independent sums: more than the multiply-adds in flight (latency x units), fewer than the registers
WIDTHS = (16, 32, 64)  # bytes of a vector; the fastest counts
SECONDS = 0.15  # for one figure
APART = 64  # elements between what two threads write
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
            sums[thread * APART] = chains(x, steps)

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


@numba.njit(parallel=True)
def copy(x, y, threads, times):
    """Each thread copies its part of x to y, ``times`` times."""
    share = x.size // threads
    for thread in prange(threads):
        xs, ys = x[thread * share : (thread + 1) * share], y[thread * share : (thread + 1) * share]
        for _ in range(times):
            for i in range(share):
                ys[i] = xs[i]


@numba.njit(parallel=True, fastmath=True)
def read(x, y, threads, times):
    """Each thread adds up its part of x, ``times`` times; the sums go to y."""
    share = x.size // threads
    for thread in prange(threads):
        xs, total = x[thread * share : (thread + 1) * share], x.dtype.type(0)
        for time_ in range(times):
            for i in range(share):
                total += xs[i]
            xs[0] = total  # what is read next differs: no pass can be left out
        y[thread * APART] = total


def measure(threads):
    """{"flops": {dtype: FLOP/s}, "levels": [[name, bytes it holds, copy bytes/s, read bytes/s], ...]}."""
    numba.set_num_threads(threads)
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
    total = size // 2 if size else 8 * max(size for size, _ in caches().values())
    elements = total // 2 // 4
    x, y = np.ones(2 * elements, np.float32), np.ones(max(elements, APART * threads), np.float32)
    times = max(1, (256 << 20) // total)
    copy = 8 * elements * times / _best(lambda: copy(x[:elements], y, threads, times))
    read = 8 * elements * times / _best(lambda: read(x, y, threads, times))
    return copy, read


def _best(call):
    """Seconds of the fastest call of those that SECONDS allow."""
    call()
    best, end = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
