"""Operators of two arrays with NumPy's broadcasting on the CPU. Twin: ``kernels/cuda/elementwise.py``.

a, b: flat, one dtype, read. layout: int64, the table that says which of their elements meet (``broadcast.py``);
or, in operators of two, None: a and b have y's size or one element. y: flat, written; of the operands' dtype, or bool
for comparisons and logic. A task is one block of y.
"""

import operator

import numpy as np

from ..jit import exact, inner, kernel
from .broadcast import A, B, C, output_blocks, pairwise, part, whole


def _numpy(function):
    """``single`` of an operator's kernel: NumPy's ``function``, which warns of nothing here."""

    @np.errstate(all="ignore")
    def single(a, b, layout, y):
        function(a, b, out=y)

    return single


def _select_one(condition, a, b, layout, y):
    y[0] = a[0] if condition[0] else b[0]


# Arithmetic. Integers wrap around; float32 stays float32.


@kernel(tasks=output_blocks, single=_numpy(np.add))
def add(block, a, b, layout, y):
    """y = a + b."""
    pairwise(operator.add, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_numpy(np.subtract))
def subtract(block, a, b, layout, y):
    """y = a - b."""
    pairwise(operator.sub, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_numpy(np.multiply))
def multiply(block, a, b, layout, y):
    """y = a * b."""
    pairwise(operator.mul, block, a, b, layout, y)


@inner
def _product_or_zero(a, b):
    return b if b == 0 else a * b


@kernel(tasks=output_blocks)
def multiply_no_nan(block, a, b, layout, y):
    """y = a * b, but 0 where b is 0, whatever a is there."""
    pairwise(_product_or_zero, block, a, b, layout, y)


@exact  # with fastmath a / 49 would become a * (1 / 49), and 49 / 49 less than 1
def _quotient(a, b):
    return a / b


@kernel(tasks=output_blocks, single=_numpy(np.divide))
def divide(block, a, b, layout, y):
    """y = a / b, floats; infinite or NaN where b is 0, as IEEE 754 says."""
    pairwise(_quotient, block, a, b, layout, y)


@kernel(tasks=output_blocks)
def floordiv(block, a, b, layout, y):
    """y = floor(a / b), integers, no b may be 0."""
    pairwise(operator.floordiv, block, a, b, layout, y)


@exact
def _floor_of_quotient(a, b):
    return np.floor(a / b)


@kernel(tasks=output_blocks)
def floordiv_real(block, a, b, layout, y):
    """y = floor(a / b), floats; infinite or NaN where b is 0."""
    pairwise(_floor_of_quotient, block, a, b, layout, y)


@kernel(tasks=output_blocks)
def floormod(block, a, b, layout, y):
    """y = a - b * floor(a / b), which has b's sign. Integers: no b may be 0. Floats: NaN where b is 0."""
    pairwise(operator.mod, block, a, b, layout, y)


@inner
def _power(a, b):
    return a * a if b == 2 else a**b


@kernel(tasks=output_blocks)
def pow(block, a, b, layout, y):
    """y = a ** b. Integers: no b may be negative."""
    pairwise(_power, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_numpy(np.maximum))
def maximum(block, a, b, layout, y):
    """y = the greater of a and b; NaN if one of them is."""
    pairwise(np.maximum, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_numpy(np.minimum))
def minimum(block, a, b, layout, y):
    """y = the smaller of a and b; NaN if one of them is."""
    pairwise(np.minimum, block, a, b, layout, y)


@inner
def _squared_difference(a, b):
    return (a - b) * (a - b)


@kernel(tasks=output_blocks)
def squared_difference(block, a, b, layout, y):
    """y = (a - b)**2."""
    pairwise(_squared_difference, block, a, b, layout, y)


# Comparisons and logic: y is bool.


@kernel(tasks=output_blocks, single=_numpy(np.equal))
def equal(block, a, b, layout, y):
    """y = (a == b)."""
    pairwise(operator.eq, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_numpy(np.not_equal))
def not_equal(block, a, b, layout, y):
    """y = (a != b); true where one of them is NaN."""
    pairwise(operator.ne, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_numpy(np.less))
def less(block, a, b, layout, y):
    """y = (a < b). ``a > b`` is ``less(b, a)``."""
    pairwise(operator.lt, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_numpy(np.less_equal))
def less_equal(block, a, b, layout, y):
    """y = (a <= b). ``a >= b`` is ``less_equal(b, a)``."""
    pairwise(operator.le, block, a, b, layout, y)


@kernel(tasks=output_blocks)
def logical_and(block, a, b, layout, y):
    """y = a and b, all bool."""
    pairwise(operator.and_, block, a, b, layout, y)


@kernel(tasks=output_blocks)
def logical_or(block, a, b, layout, y):
    """y = a or b, all bool."""
    pairwise(operator.or_, block, a, b, layout, y)


@kernel(tasks=output_blocks, single=_select_one)
def select(block, condition, a, b, layout, y):
    """y = a where condition holds, else b. condition: flat, bool; layout: of three operands."""
    out = part(y, block)
    chosen = whole(A, condition, layout, y, block)
    left, right = whole(B, a, layout, y, block), whole(C, b, layout, y, block)
    for i in range(out.size):
        yes, no = left[i], right[i]  # read both: a loop whose reads depend on data would not vectorise
        out[i] = yes if chosen[i] else no
