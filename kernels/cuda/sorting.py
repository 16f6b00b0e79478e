"""Numbers in rising order, on a GPU: runs are sorted in shared memory, then merged two by two.

What is sorted are pairs (key, place) as one uint64, the key in the high half: so no two are equal, and what has equal
keys stays in order. How a row is cut depends on its length alone.
"""

import numpy as np

from .launch import THREADS, ceildiv, device as gpu, kernel
from .target import cuda, device, uint32, uint64

RUN = 1024  # pairs that a block sorts
LAST = 2**64 - 1  # greater than any pair


@device
def pair(key, place):
    """A key, uint32, and the place that it comes from, as one number."""
    return (uint64(key) << uint64(32)) | uint64(uint32(place))


@device
def key_of(pairs):
    return uint32(pairs >> uint64(32))


@device
def place_of(pairs):
    return uint32(pairs & uint64(0xFFFFFFFF))


@device
def below(pairs, start, stop, limit):
    """The first place in [start, stop) of rising pairs where one is not < ``limit``, or stop."""
    while start < stop:
        middle = uint32(start + uint32(uint32(stop - start) >> uint32(1)))
        if pairs[middle] < limit:
            start = uint32(middle + uint32(1))
        else:
            stop = middle
    return start


@device
def _seat(at):
    """Where pair ``at`` of a run is held, so that half a warp's 16 pairs come from different banks of shared memory.

    What is compared differs in one bit, which the half warp's numbers share, whichever it is. Of the five low bits the
    seat's bank has four: they are the same for two numbers whose five are opposite, and so share none.
    """
    return uint32(at ^ (uint32(uint32(at >> uint32(4)) & uint32(1)) * uint32(15)))


@kernel("uint64* int32 int32")
def _sort_runs(pairs, n, runs):
    """Sorts one run by Batcher's bitonic network (K. E. Batcher, "Sorting networks and their applications", 1968)."""
    held = cuda.shared.array(RUN, uint64)
    block, t = uint32(cuda.blockIdx.x), uint32(cuda.threadIdx.x)
    row, first = uint32(block // uint32(runs)), uint32(block % uint32(runs) * uint32(RUN))
    start, count = uint32(row * uint32(n) + first), uint32(min(uint32(uint32(n) - first), uint32(RUN)))
    for k in range(0, RUN, THREADS):
        at = uint32(t + uint32(k))
        held[_seat(at)] = pairs[uint32(start + at)] if at < count else uint64(LAST)
    cuda.syncthreads()
    size = uint32(2)
    while size <= uint32(RUN):
        distance = uint32(size >> uint32(1))
        while distance > uint32(0):
            for k in range(0, RUN // 2, THREADS):
                number = uint32(t + uint32(k))
                low = uint32(number % distance)
                at = uint32(uint32(number - low) * uint32(2) + low)
                rising = uint32(at & size) == uint32(0)
                at, other = _seat(at), _seat(uint32(at + distance))
                a, b = held[at], held[other]
                if (a > b) == rising:
                    held[at], held[other] = b, a
            cuda.syncthreads()
            distance = uint32(distance >> uint32(1))
        size = uint32(size << uint32(1))
    for k in range(0, RUN, THREADS):
        at = uint32(t + uint32(k))
        if at < count:
            pairs[uint32(start + at)] = held[_seat(at)]


@kernel("uint64* uint64* int32 int32 int32")
def _merge(pairs, merged, n, run, size):
    """Puts each pair where it belongs in its run and the neighbouring one, both of length ``run``, taken together."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(size):
        at = uint32(i % uint32(n))
        row, own = uint32(i - at), uint32(at // uint32(run))
        inside = uint32(at - own * uint32(run))
        other = uint32((own ^ uint32(1)) * uint32(run))
        start = uint32(min(other, uint32(n)))
        stop = uint32(min(uint32(other + uint32(run)), uint32(n)))
        found = below(pairs, uint32(row + start), uint32(row + stop), pairs[i])
        base = uint32((own & uint32(0xFFFFFFFE)) * uint32(run))
        merged[uint32(row + base + inside + uint32(found - row - start))] = pairs[i]


@kernel("uint64* uint64* int32 int32 int32 int32")
def _heads(pairs, heads, n, k, runs, size):
    """The first k of each run of a row, one run after the other; where a run is shorter, ``LAST``."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(size):
        line, at = uint32(i // uint32(k)), uint32(i % uint32(k))
        row = uint32(line // uint32(runs))
        at = uint32(line % uint32(runs) * uint32(RUN) + at)
        heads[i] = pairs[uint32(row * uint32(n) + at)] if at < uint32(n) else uint64(LAST)


def least_of_rows(pairs, k):
    """The smallest k of each row of ``pairs``, and perhaps others behind, in rising order; ``pairs`` are overwritten.

    Where k is small, only the first k of each sorted run go on, and so on.
    """
    rows, n = pairs.shape
    runs = ceildiv(n, RUN)
    while k and runs > 1 and 2 * k <= RUN:
        _sort_runs(rows * runs, pairs, n, runs)
        heads = gpu().empty((rows, runs * k), np.uint64)
        _heads(ceildiv(heads.size, THREADS), pairs, heads, n, k, runs, heads.size)
        pairs, n = heads, runs * k
        runs = ceildiv(n, RUN)
    return sort_rows(pairs)


def sort_rows(pairs):
    """``pairs`` (rows, n), uint64, with each row in rising order: the same array, or another one. It is overwritten."""
    n = pairs.shape[1]
    runs = ceildiv(n, RUN)
    _sort_runs(pairs.shape[0] * runs, pairs, n, runs)
    if runs < 2:
        return pairs
    run, spare = RUN, gpu().empty(pairs.shape, np.uint64)
    while run < n:
        _merge(ceildiv(pairs.size, THREADS), pairs, spare, n, run, pairs.size)
        pairs, spare, run = spare, pairs, 2 * run
    return pairs
