"""Threads along the rows of a matrix: a warp has a row, or a block where rows are long.

Neighbouring threads have neighbouring elements. Loops over a row take four steps at a time: all four numbers are read
before one is used or a result is written, for a thread that waits for one number at a time leaves memory idle.
"""

from .launch import THREADS, ceildiv
from .reduction import WARP, WARPS, of_group, of_warp
from .target import cuda, device, uint32

LONG = 1024  # elements of a row from which on a block has it


def along_rows(short, long, x, *args):
    """Launches a kernel for the rows of x, the one for short or the one for long rows, with x's shape behind args."""
    rows, size = x.shape
    if size < LONG:
        short(ceildiv(rows, WARPS), x, *args, rows, size)
    else:
        long(rows, x, *args, rows, size)


@device
def row_of_warp():
    """(row, this thread's first element, elements to its next one)."""
    t = uint32(cuda.threadIdx.x)
    row = uint32(uint32(cuda.blockIdx.x) * uint32(WARPS) + t // uint32(WARP))
    return row, uint32(t % uint32(WARP)), uint32(WARP)


@device
def row_of_block():
    return uint32(cuda.blockIdx.x), uint32(cuda.threadIdx.x), uint32(THREADS)


@device
def of_row_of_warp(function, value, numbers):
    """What ``function``, of two numbers, makes of the values of all threads of a row: the same for all of them."""
    return of_warp(function, value)


@device
def of_row_of_block(function, value, numbers):
    """The same where a block has the row. numbers: WARPS of them, shared memory.

    It is the kernel's: Numba cannot link a function that has shared memory of its own where two others call it.
    """
    t = uint32(cuda.threadIdx.x)
    value = of_warp(function, value)
    cuda.syncthreads()  # nobody reads the last numbers any more
    if t % uint32(WARP) == uint32(0):
        numbers[uint32(t // uint32(WARP))] = value
    cuda.syncthreads()
    return of_group(function, numbers[uint32(t % uint32(WARPS))])  # each group makes the same of it


@device
def four_left(i, step, end):
    """Whether a thread that is at i has four steps more before the end."""
    return uint32(i + uint32(3) * step) < end


@device
def four(x, at, step):
    """Numbers ``step`` apart, from x[at] on. at, step: int64."""
    return x[at], x[at + step], x[at + 2 * step], x[at + 3 * step]


@device
def put_four(y, at, step, a, b, c, d):
    y[at] = a
    y[at + step] = b
    y[at + 2 * step] = c
    y[at + 3 * step] = d
