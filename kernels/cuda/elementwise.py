"""Operators of two arrays with NumPy's broadcasting on a GPU. Twin: ``kernels/cpu/elementwise.py``.

a, b: flat, one dtype, read. layout: the CPU's table that says which of their elements meet, from
``kernels/cpu/broadcast.py``, or None: a and b have y's size or one element. y: flat, of their dtype, written.
Numbers of any type but float16, where nothing else is said. Integers wrap around.
"""

import math

from .comparison import (
    equal as equal,
    less as less,
    less_equal as less_equal,
    logical_and as logical_and,
    logical_or as logical_or,
    not_equal as not_equal,
    select as select,
)
from .operands import PAIR, launch, pairs
from .reduction import larger, smaller
from .target import device, int64
from .typed import INTEGERS, NUMBERS, REALS, typed


@device
def _sum(a, b):
    return a + b


@typed(PAIR, *NUMBERS)
def _add(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_sum, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def add(a, b, layout, y):
    """y = a + b."""
    launch(_add, a, b, layout, y)


@device
def _difference(a, b):
    return a - b


@typed(PAIR, *NUMBERS)
def _subtract(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_difference, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def subtract(a, b, layout, y):
    """y = a - b."""
    launch(_subtract, a, b, layout, y)


@device
def _product(a, b):
    return a * b


@typed(PAIR, *NUMBERS)
def _multiply(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_product, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def multiply(a, b, layout, y):
    """y = a * b."""
    launch(_multiply, a, b, layout, y)


@device
def _product_or_zero(a, b):
    return b if b == 0 else a * b


@typed(PAIR, *REALS)
def _multiply_no_nan(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_product_or_zero, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def multiply_no_nan(a, b, layout, y):
    """y = a * b, but 0 where b is 0, whatever a is there."""
    launch(_multiply_no_nan, a, b, layout, y)


@device
def _quotient(a, b):
    return a / b


@typed(PAIR, *REALS)
def _divide(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_quotient, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def divide(a, b, layout, y):
    """y = a / b; infinite or NaN where b is 0, as IEEE 754 says."""
    launch(_divide, a, b, layout, y)


@device
def _floor_of_quotient(a, b):
    return a // b if b != 0 else a - a  # nobody may ask; but a GPU must not stop


@typed(PAIR, *INTEGERS)
def _floordiv(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_floor_of_quotient, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def floordiv(a, b, layout, y):
    """y = floor(a / b), integers, no b may be 0."""
    launch(_floordiv, a, b, layout, y)


@device
def _floor_of_real_quotient(a, b):
    return math.floor(a / b)


@typed(PAIR, *REALS)
def _floordiv_real(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_floor_of_real_quotient, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def floordiv_real(a, b, layout, y):
    """y = floor(a / b), floats; infinite or NaN where b is 0."""
    launch(_floordiv_real, a, b, layout, y)


@device
def _remainder(a, b):
    return a % b if b != 0 else a - a


@device
def _real_remainder(a, b):
    rest = math.fmod(a, b)
    if rest == 0:
        return math.copysign(rest, b)
    return rest + b if (rest < 0) != (b < 0) else rest


@typed(PAIR, *INTEGERS)
def _floormod(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_remainder, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


@typed(PAIR, *REALS)
def _floormod_real(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_real_remainder, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def floormod(a, b, layout, y):
    """y = a - b * floor(a / b), which has b's sign. Integers: no b may be 0. Floats: NaN where b is 0."""
    launch(_floormod_real if a.dtype.kind == "f" else _floormod, a, b, layout, y)


@device
def _integer_power(a, b):
    power, factor, rest = int64(1), int64(a), int64(b)
    while rest > 0:
        if rest & 1:
            power = int64(power * factor)
        factor, rest = int64(factor * factor), int64(rest >> 1)
    return power


@device
def _power(a, b):
    return a * a if b == 2 else math.pow(a, b)


@typed(PAIR, *INTEGERS)
def _integer_pow(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_integer_power, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


@typed(PAIR, *REALS)
def _pow(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_power, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def pow(a, b, layout, y):
    """y = a ** b. Integers: no b may be negative."""
    launch(_pow if a.dtype.kind == "f" else _integer_pow, a, b, layout, y)


@typed(PAIR, *NUMBERS)
def _maximum(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(larger, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def maximum(a, b, layout, y):
    """y = the greater of a and b; NaN if one of them is."""
    launch(_maximum, a, b, layout, y)


@typed(PAIR, *NUMBERS)
def _minimum(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(smaller, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def minimum(a, b, layout, y):
    """y = the smaller of a and b; NaN if one of them is."""
    launch(_minimum, a, b, layout, y)


@device
def _square_of_difference(a, b):
    return (a - b) * (a - b)


@typed(PAIR, *NUMBERS)
def _squared_difference(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_square_of_difference, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def squared_difference(a, b, layout, y):
    """y = (a - b)**2."""
    launch(_squared_difference, a, b, layout, y)
