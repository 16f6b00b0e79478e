"""Threads that own channels of pixels: what pools and depthwise convolutions have around their formulas.

A result (n, h, w, c) is shared out by groups of four channels of one pixel, which are read and written by one access
each; where channels do not come by fours, or arrays do not begin where four numbers may, by single ones.
"""

from .geometry import countable
from .intrinsics import load4_constant, store4
from .launch import THREADS, address, ceildiv
from .scalar import ZERO
from .target import cuda, device, int32, uint32, uint64

GRID = "int32[11]"  # what ``grid`` returns, in a kernel's signature


def grid(result, *others, single=False):
    """(threads, channels of a group, then with their dividers: groups of a pixel, columns, rows).

    others: the other arrays that are read or written by fours. single: groups are of one channel whatever comes.
    """
    countable(result, *others)
    whole = all(address(array) % (4 * array.dtype.itemsize) == 0 for array in (result, *others))
    each = 4 if result.shape[3] % 4 == 0 and whole and not single else 1
    sizes = (max(1, size) for size in (result.shape[3] // each, result.shape[2], result.shape[1]))
    return result.size // each, each, *(number for size in sizes for number in (size, *divider(size)))


def blocks(of_grid):
    """Blocks of threads for a ``grid``."""
    return ceildiv(of_grid[0], THREADS)


@device
def own_index():
    """Number of this thread's group; there are as many groups as a grid has threads."""
    return uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))


@device
def own_pixel(i, of_grid):
    """(image, line, column, first channel) of group i."""
    _, each, groups, by, places, columns, by_columns, column_places, rows, by_rows, row_places = of_grid
    pixel, group = split(i, groups, by, places)
    line, column = split(pixel, columns, by_columns, column_places)
    image, line = split(line, rows, by_rows, row_places)
    return image, line, column, uint32(group * uint32(each))


@device
def load_group(x, at, each):
    """x[at : at + 4] where groups are of four, else x[at] and three zeros. float32."""
    if each == int32(4):
        return load4_constant(x, at)
    return x[at], ZERO, ZERO, ZERO


@device
def store_group(y, at, each, a, b, c, d):
    """y[at : at + each] = the first of four."""
    if each == int32(4):
        store4(y, at, (a, b, c, d))
    else:
        y[at] = a


# Quotients by numbers that a launch knows: a product and a shift are several times quicker than a division.


def divider(d):
    """(multiplier, shift) for ``quotient`` by d, 0 < d < 2**31. The multiplier is below 0, as its highest bit is set.

    With 2**(l - 1) < d <= 2**l and m = ceil(2**(31 + l) / d), floor(n m / 2**(31 + l)) = floor(n / d) for n < 2**31:
    Granlund and Montgomery, "Division by Invariant Integers using Multiplication", 1994, theorem 4.2.
    """
    shift = 31 + (d - 1).bit_length()
    return ceildiv(1 << shift, d) - (1 << 32), shift


@device
def quotient(n, multiplier, shift):
    """n / d, rounded down, with the ``divider`` of d. n: uint32, below 2**31."""
    return uint32((uint64(n) * uint64(uint32(multiplier))) >> uint64(shift))


@device
def split(n, d, multiplier, shift):
    """(quotient, remainder) of n by d, with the ``divider`` of d."""
    whole = quotient(n, multiplier, shift)
    return whole, uint32(n - whole * uint32(d))
