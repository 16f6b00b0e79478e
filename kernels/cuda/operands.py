"""Loops over operands that broadcast, on a GPU: what every operator of two arrays has around its formula.

Where each operand has the output's size or one element, a thread reads and writes four elements by one access each.
Else it finds an element's places from the CPU's table of the shapes (``kernels/cpu/broadcast.py``), which a kernel
takes as numbers: how many axes there are, their sizes, each operand's steps (``strides.py``).
"""

from .elements import EACH, blocks, first_element, vectors
from .intrinsics import load4, store4
from .strides import AXES, WALK, arguments, element, stretched, two_places
from .target import device, int32, uint32

PAIR = f"T* T* int32 {WALK} {WALK} {WALK} T* int32 int32"


@device
def four(x, first, step):
    """Four elements of an operand from ``first`` on, or, if step is 0, four times the one that it has."""
    if step != int32(0):
        return load4(x, first)
    one = x[0]
    return one, one, one, one


@device
def pairs(function, a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    """y = function(a, b)."""
    if wide != int32(0):
        first = first_element()
        if uint32(first + uint32(EACH)) <= uint32(n):
            left, right = four(a, first, steps_a[5]), four(b, first, steps_b[5])
            p, q = function(left[0], right[0]), function(left[1], right[1])
            r, s = function(left[2], right[2]), function(left[3], right[3])
            store4(y, first, (p, q, r, s))
        else:
            for k in range(EACH):
                i = uint32(first + uint32(k))
                if i < uint32(n):
                    y[i] = function(a[uint32(i * uint32(steps_a[5]))], b[uint32(i * uint32(steps_b[5]))])
    else:
        for k in range(EACH):
            i = element(k)
            if i < uint32(n):
                p, q = two_places(i, axes, sizes, steps_a, steps_b)
                y[i] = function(a[p], b[q])


def columns_of(operands, layout, y):
    """A table of shapes as columns: an axis's size, and each operand's step along it."""
    if layout is None:
        return ((y.size, *(int(x.size == y.size) for x in operands)),)
    return tuple(zip(*layout.tolist(), strict=True))


def prepared(operands, columns, y):
    """(operands, what a kernel takes of their shapes, whether it may go by fours)."""
    if len(columns) > AXES:
        sizes, *steps = zip(*columns, strict=True)
        operands = [stretched(x, sizes, each) for x, each in zip(operands, steps, strict=True)]
        columns = ((y.size, *(1 for _ in operands)),)
    read = [x for x, step in zip(operands, columns[0][1:], strict=True) if step]
    wide = vectors(*read, y) if len(columns) == 1 else 0
    return operands, arguments(columns), wide


def launch(chosen, a, b, layout, y):
    """y = a kernel of ``pairs``, one of ``chosen``, a Typed, for the dtype of a."""
    (a, b), walk, wide = prepared((a, b), columns_of((a, b), layout, y), y)
    chosen.of(a)(blocks(y), a, b, *walk, y, y.size, wide)
