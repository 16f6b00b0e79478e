"""Sums over pixels, for each channel: how a block of threads shares them.

    channels ->   0 1 2 ... across - 1
    pixel k       . . .     .           neighbouring threads have neighbouring channels, whose numbers lie side by side
    pixel k + 1   . . .     .
    ...           . . .     .           ``deep`` pixels at a time, as many as 256 threads can have

More than ACROSS channels are shared out evenly by several blocks: with as many side by side as threads, the last block
could have a single one, and nothing to do for 255 threads.

Every thread adds up its channel of every ``deep``-th pixel of a part; then the threads of a channel put theirs
together, in order. Parts are added by ``parts.join``: no atomics, and the bits depend on shapes alone.
"""

from .launch import THREADS, ceildiv
from .scalar import ZERO
from .target import cuda, device, uint32
from .tiles import parts_of

CUT = "int32[6]"  # what ``cut`` returns, in a kernel's signature
ACROSS = 64  # most threads side by side
LEAST_PIXELS = 4  # of a thread
MOST_PARTS = 264


def cut(pixels, channels, groups=1):
    """(across, deep, tiles of channels, channels, pixels, pixels of a part), and the number of parts.

    groups: blocks that there are for each tile and part.
    """
    tiles = max(1, ceildiv(channels, ACROSS))
    across = max(1, ceildiv(channels, tiles))
    deep = THREADS // across
    count, length = parts_of(pixels, tiles * groups, LEAST_PIXELS * deep, MOST_PARTS, deep)
    return (across, deep, tiles, channels, pixels, length), count


@device
def own(of_cut, tile, part):
    """(channel, first pixel, end, how many apart) of this thread; without pixels if it has no channel."""
    across, deep, _, channels, pixels, length = of_cut
    t = uint32(cuda.threadIdx.x)
    channel = uint32(uint32(tile) * uint32(across) + t % uint32(across))
    first, line = uint32(uint32(part) * uint32(length)), uint32(t // uint32(across))
    end = uint32(min(uint32(first + uint32(length)), uint32(pixels)))
    if channel >= uint32(channels) or line >= uint32(deep):
        end = uint32(0)
    return channel, uint32(first + line), end, uint32(deep)


@device
def total(of_cut, sums, value):
    """The sum of the values of all threads of a channel, right for those that own one. sums: THREADS, shared memory."""
    across, deep = uint32(of_cut[0]), uint32(of_cut[1])
    t = uint32(cuda.threadIdx.x)
    sums[t] = value
    cuda.syncthreads()
    if t < across:
        value, k = ZERO, uint32(0)
        while k < deep:
            value = value + sums[uint32(k * across + t)]
            k = uint32(k + uint32(1))
    cuda.syncthreads()  # before somebody writes there again
    return value


@device
def owns(of_cut, channel):
    """Whether this thread writes its channel's sum."""
    return uint32(cuda.threadIdx.x) < uint32(of_cut[0]) and channel < uint32(of_cut[3])
