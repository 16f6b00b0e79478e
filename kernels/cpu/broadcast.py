"""One block of an operator of two or three arrays with NumPy's broadcasting.

Shapes reach a kernel as one table, so that it is compiled once per dtype, not once per shape or number of axes. Arrays
are flat; ``layout`` is int64, of shape (1 + operands, axes): row 0 holds the sizes of the output's axes, row k the
steps, in elements, from one entry of operand k to the next along each axis (0 where it is stretched). The caller drops
axes of size 1 and merges axes that lie in memory as one; equal shapes become one axis, the last axis has steps 1 or 0:

    (64, 10) + (10,)    layout [[64, 10], [10, 1], [0, 1]]          (64, 10) + (64, 10)    layout [[640], [1], [1]]

An operator of two whose operands have the output's size or one element needs no table: it takes None, and is compiled
without all that walks over axes, in a third of the time.

Along the last axis an operand is a run of elements or a single one, so that loops are plain. Where the last axis is
short, the loops would be too: then a block's elements are first laid out in scratch that fits the L1 cache.
"""

import numpy as np

from ..jit import inner
from .simd import apart, copy, into_caller, run
from .vectors import broadcast, lanes, store

BLOCK = 16384  # elements: 64 KiB of float32
SHORT = 128  # elements; a shorter last axis is laid out in scratch,
PIECE = 4096  # elements at a time: 16 KiB of float32
A, B, C = np.int64(1), np.int64(2), np.int64(3)  # first, second, third operand; literals would be compiled one by one


def output_blocks(*args):
    """Number of blocks that the last argument makes, which is the output: the tasks of a kernel."""
    return -(-args[-1].size // BLOCK)


@inner
def part(x, block):
    """The elements of one block. Loops over such a slice vectorise; with ``x[block * BLOCK + i]`` they would not."""
    first = block * BLOCK
    return run(x, first, min(BLOCK, x.size - first))


@inner
def pairwise(function, block, a, b, layout, y):
    """One block of y = function(a, b), for a function of two numbers. ``layout`` None is compiled by itself."""
    into_caller()
    if layout is None:
        combine(function, part_or_one(a, block, y), part_or_one(b, block, y), part(y, block))
    else:
        start, stop = block * BLOCK, min((block + 1) * BLOCK, y.size)
        width = layout[0, layout.shape[1] - 1]
        while start < stop:
            row, column = start // width, start % width
            count = min(stop - start, PIECE if width < SHORT else width - column)
            left = entries(A, a, layout, row, column, count, start, y.size)
            right = entries(B, b, layout, row, column, count, start, y.size)
            combine(function, left, right, run(y, start, count))
            start += count


@inner
def part_or_one(x, block, y):
    """What an operand gives to one block of y: a block of its own, or the one element that it has."""
    return part(x, block) if x.size == y.size else run(x, 0, 1)


@inner
def combine(function, left, right, out):
    """out = function(left, right); each operand has an element for each output, or one for all."""
    into_caller()
    if right.size < out.size:
        one = right[0]
        for i in range(out.size):
            out[i] = function(left[i], one)
    elif left.size < out.size:
        one = left[0]
        for i in range(out.size):
            out[i] = function(one, right[i])
    else:
        for i in range(out.size):
            out[i] = function(left[i], right[i])


@inner
def entries(k, a, layout, row, column, count, start, size):
    """What operand k (A, B or C), ``a``, gives to ``count`` of ``size`` outputs: as many elements, or one for all.

    The first of these outputs is number ``start``, which stands in ``row`` (all axes but the last taken as one) and
    ``column``.
    """
    if a.size == size:
        return run(a, start, count)
    last = layout.shape[1] - 1
    width, step = layout[0, last], layout[k, last]
    if column + count > width:
        return laid_out(k, a, layout, row, column, count)
    return run(a, row_start(k, layout, row) + column * step, count if step == 1 else 1)


@inner
def whole(k, a, layout, y, block):
    """What operand k, ``a``, gives to one block of ``y``, element by element."""
    if a.size == y.size:
        return part(a, block)
    start, width = block * BLOCK, layout[0, layout.shape[1] - 1]
    return laid_out(k, a, layout, start // width, start % width, min(BLOCK, y.size - start))


@inner
def laid_out(k, a, layout, row, column, count):
    """The ``count`` elements that operand k, ``a``, gives to the outputs from ``row`` and ``column`` on."""
    apart()
    last = layout.shape[1] - 1
    width, step = layout[0, last], layout[k, last]
    scratch = np.empty(count + lanes(a), a.dtype)
    if step == 1 and a.size == width:
        repeat(a, column, count, scratch)
        return scratch[:count]
    done, origin, wide = 0, row_start(k, layout, row), lanes(a)
    while done < count:  # one run along the last axis after another
        first, size = origin + column * step, min(width - column, count - done)
        if step == 1:
            copy(a, first, scratch, done, size)
        else:
            vector = broadcast(a[first], a)
            for i in range(done, done + size, wide):
                store(vector, scratch, i)  # may go on behind the run, where the next one will be written
        done, row, column = done + size, row + 1, 0
        origin = origin + layout[k, 0] if last == 1 else row_start(k, layout, row)
    return scratch[:count]


@inner
def row_start(k, layout, row):
    """Where ``row``, a number that counts all axes but the last, begins in operand k."""
    offset = 0
    for axis in range(layout.shape[1] - 2, 0, -1):
        offset += row % layout[0, axis] * layout[k, axis]
        row //= layout[0, axis]
    return offset + row * layout[k, 0] if layout.shape[1] > 1 else offset


@inner
def repeat(a, column, count, scratch):
    """scratch = a again and again, from its element ``column`` on; in copies that grow with what is there already."""
    rest = min(a.size - column, count)
    copy(a, column, scratch, 0, rest)
    copy(a, 0, scratch, rest, min(column, count - rest))
    done = min(a.size, count)
    while done < count:
        more = min(done, count - done)
        copy(scratch, 0, scratch, done, more)
        done += more
