"""Loops over flat arrays: what every kernel of one element at a time has around its formula.

A thread has four elements that lie next to each other, which it reads and writes by one access each: that, and many
threads, is what keeps a GPU's memory busy. Where an array does not begin at a multiple of 16 bytes (a view of another
one), and at the end of every array, elements go one by one.

A function of one element comes as an argument, and is compiled into the kernel; ``scalars`` is a tuple of numbers that
it takes after the elements.
"""

from .intrinsics import load4, store4
from .launch import THREADS, address, ceildiv
from .target import cuda, device, int32, uint32

EACH = 4  # elements of a thread


def blocks(y):
    """Blocks of threads for an array."""
    return ceildiv(y.size, EACH * THREADS)


def vectors(*arrays):
    """1 if all arrays begin at multiples of 16 bytes, else 0."""
    return int(all(address(array) % 16 == 0 for array in arrays))


@device
def first_element():
    """The first of this thread's elements."""
    return uint32((uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x)) * uint32(EACH))


@device
def of_one(function, scalars, x, y, n, wide):
    """y = function(x, *scalars)."""
    first, size = first_element(), uint32(n)
    if wide != int32(0) and uint32(first + uint32(EACH)) <= size:
        a, b, c, d = load4(x, first)
        store4(y, first, (function(a, *scalars), function(b, *scalars), function(c, *scalars), function(d, *scalars)))
    else:
        for i in range(EACH):
            j = uint32(first + uint32(i))
            if j < size:
                y[j] = function(x[j], *scalars)


@device
def of_two(function, scalars, x, z, y, n, wide):
    """y = function(x, z, *scalars)."""
    first, size = first_element(), uint32(n)
    if wide != int32(0) and uint32(first + uint32(EACH)) <= size:
        a, b, c, d = load4(x, first)
        e, f, g, h = load4(z, first)
        p, q = function(a, e, *scalars), function(b, f, *scalars)
        r, s = function(c, g, *scalars), function(d, h, *scalars)
        store4(y, first, (p, q, r, s))
    else:
        for i in range(EACH):
            j = uint32(first + uint32(i))
            if j < size:
                y[j] = function(x[j], z[j], *scalars)
