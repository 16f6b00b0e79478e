"""Operators of two arrays with NumPy's broadcasting on the CPU. Twin: ``kernels/cuda/elementwise.py``.

Shapes reach a kernel as one table, so that it is compiled once per dtype, not once per shape or number of axes. Arrays
are flat; ``layout`` is int64, of shape (1 + operands, axes): row 0 holds the sizes of the output's axes, row k the
steps, in elements, from one entry of operand k to the next along each axis (0 where it is stretched). The caller drops
axes of size 1 and merges axes that lie in memory as one; equal shapes become one axis, the last axis has steps 1 or 0:

    (64, 10) + (10,)    layout [[64, 10], [10, 1], [0, 1]]          (64, 10) + (64, 10)    layout [[640], [1], [1]]

A task is one block of ``BLOCK`` elements of the output. Of an operand that is stretched, a block's elements are first
laid out in scratch that fits the L1 cache; so every operator is one plain loop over arrays of equal length.
"""

import numpy as np

from ..jit import inner, kernel

BLOCK = 4096  # elements: 16 KiB of float32
A, B, C = np.int64(1), np.int64(2), np.int64(3)  # first, second, third operand; literals would be compiled one by one


def output_blocks(*args):
    """Number of blocks that the last argument makes, which is the output: the tasks of a kernel."""
    return -(-args[-1].size // BLOCK)


@inner
def blocks(size):
    """Number of blocks that ``size`` elements make."""
    return (size + BLOCK - 1) // BLOCK


@inner
def part(x, block):
    """The elements of one block. Loops over such a slice vectorise; with ``x[block * BLOCK + i]`` they would not."""
    return x[block * BLOCK : (block + 1) * BLOCK]


@inner
def operand(k, a, layout, size, block):
    """The elements of ``a``, operand k (from 1: A, B, C) of an operator with ``size`` outputs, that one block needs."""
    if a.size == size:
        return part(a, block)
    start = block * BLOCK
    scratch = np.empty(min(BLOCK, size - start), a.dtype)
    last = layout.shape[1] - 1
    width, step = layout[0, last], layout[k, last]
    done = 0
    while done < scratch.size:  # one run along the last axis after another
        row, column = (start + done) // width, (start + done) % width
        offset = column * step
        for axis in range(last - 1, -1, -1):
            offset += row % layout[0, axis] * layout[k, axis]
            row //= layout[0, axis]
        run = scratch[done : done + width - column]
        if step == 0:
            entry = a[offset]
            for i in range(run.size):
                run[i] = entry
        else:
            entries = a[offset : offset + run.size]
            for i in range(run.size):
                run[i] = entries[i]
        done += run.size
    return scratch


# Arithmetic. Integers wrap around; float32 stays float32.


@kernel(tasks=output_blocks)
def add(block, a, b, layout, y):
    """y = a + b. a, b: flat, one dtype, read; layout: see above; y: flat, written. So for all kernels of this file."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] + right[i]


@kernel(tasks=output_blocks)
def subtract(block, a, b, layout, y):
    """y = a - b."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] - right[i]


@kernel(tasks=output_blocks)
def multiply(block, a, b, layout, y):
    """y = a * b."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] * right[i]


@kernel(tasks=output_blocks)
def multiply_no_nan(block, a, b, layout, y):
    """y = a * b, but 0 where b is 0, whatever a is there."""
    zero = y.dtype.type(0)
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = zero if right[i] == zero else left[i] * right[i]


@kernel(tasks=output_blocks)
def divide(block, a, b, layout, y):
    """y = a / b, floats; infinite or NaN where b is 0, as IEEE 754 says."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] / right[i]


@kernel(tasks=output_blocks)
def floordiv(block, a, b, layout, y):
    """y = floor(a / b), integers, no b may be 0."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] // right[i]


@kernel(tasks=output_blocks)
def floordiv_real(block, a, b, layout, y):
    """y = floor(a / b), floats; infinite or NaN where b is 0."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = np.floor(left[i] / right[i])


@kernel(tasks=output_blocks)
def floormod(block, a, b, layout, y):
    """y = a - b * floor(a / b), which has b's sign. Integers: no b may be 0. Floats: NaN where b is 0."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] % right[i]


@kernel(tasks=output_blocks)
def pow(block, a, b, layout, y):
    """y = a ** b. Integers: no b may be negative."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] * left[i] if right[i] == 2 else left[i] ** right[i]


@kernel(tasks=output_blocks)
def maximum(block, a, b, layout, y):
    """y = the greater of a and b; NaN if one of them is."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = np.maximum(left[i], right[i])


@kernel(tasks=output_blocks)
def minimum(block, a, b, layout, y):
    """y = the smaller of a and b; NaN if one of them is."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = np.minimum(left[i], right[i])


@kernel(tasks=output_blocks)
def squared_difference(block, a, b, layout, y):
    """y = (a - b)**2."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = (left[i] - right[i]) * (left[i] - right[i])


# Comparisons and logic: y is bool.


@kernel(tasks=output_blocks)
def equal(block, a, b, layout, y):
    """y = (a == b)."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] == right[i]


@kernel(tasks=output_blocks)
def not_equal(block, a, b, layout, y):
    """y = (a != b); true where one of them is NaN."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] != right[i]


@kernel(tasks=output_blocks)
def less(block, a, b, layout, y):
    """y = (a < b). ``a > b`` is ``less(b, a)``."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] < right[i]


@kernel(tasks=output_blocks)
def less_equal(block, a, b, layout, y):
    """y = (a <= b). ``a >= b`` is ``less_equal(b, a)``."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] <= right[i]


@kernel(tasks=output_blocks)
def logical_and(block, a, b, layout, y):
    """y = a and b, all bool."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] & right[i]


@kernel(tasks=output_blocks)
def logical_or(block, a, b, layout, y):
    """y = a or b, all bool."""
    left, right, out = operand(A, a, layout, y.size, block), operand(B, b, layout, y.size, block), part(y, block)
    for i in range(out.size):
        out[i] = left[i] | right[i]


@kernel(tasks=output_blocks)
def select(block, condition, a, b, layout, y):
    """y = a where condition holds, else b. condition: flat, bool; a, b: flat, one dtype; layout: three operands."""
    chosen, out = operand(A, condition, layout, y.size, block), part(y, block)
    left, right = operand(B, a, layout, y.size, block), operand(C, b, layout, y.size, block)
    for i in range(out.size):
        yes, no = left[i], right[i]  # read both: a loop whose reads depend on data would not vectorise
        out[i] = yes if chosen[i] else no
