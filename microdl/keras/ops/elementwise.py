"""Functions of each element, and of pairs of them."""

import math as _numbers

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.ops import array, math
from microdl.ops.math import (
    abs as abs,
    add as add,
    ceil as ceil,
    cos as cos,
    cosh as cosh,
    divide_no_nan as divide_no_nan,
    equal as equal,
    erf as erf,
    exp as exp,
    expm1 as expm1,
    floor as floor,
    greater as greater,
    greater_equal as greater_equal,
    less as less,
    less_equal as less_equal,
    log as log,
    log1p as log1p,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    negative as negative,
    not_equal as not_equal,
    reciprocal as reciprocal,
    rsqrt as rsqrt,
    sign as sign,
    sin as sin,
    sinh as sinh,
    sqrt as sqrt,
    square as square,
    subtract as subtract,
    tan as tan,
)

absolute, power = abs, math.pow
arccos, arcsin, arctan = math.acos, math.asin, math.atan
floor_divide, mod = math.floordiv, math.floormod
isfinite, isinf, isnan = math.is_finite, math.is_inf, math.is_nan


@reads_sizes
def divide(x1, x2):
    """x1 / x2; of integers float32."""
    if not any(convert(x).dtype.is_floating for x in (x1, x2)):
        x1, x2 = array.cast(x1, "float32"), array.cast(x2, "float32")
    return math.divide(x1, x2)


true_divide = divide


@reads_sizes
def clip(x, x_min, x_max):
    """``x`` kept between two bounds."""
    return math.clip_by_value(x, x_min, x_max)


@reads_sizes
def exp2(x):
    """2^x."""
    return math.exp(convert(x) * _numbers.log(2.0))


@reads_sizes
def log2(x):
    """The logarithm to the base 2."""
    return math.log(x) / _numbers.log(2.0)


@reads_sizes
def log10(x):
    """The logarithm to the base 10."""
    return math.log(x) / _numbers.log(10.0)


@reads_sizes
def logaddexp(x1, x2):
    """log(exp(x1) + exp(x2)), without overflow."""
    top = array.stop_gradient(math.maximum(x1, x2))
    return top + math.log(math.exp(convert(x1) - top) + math.exp(convert(x2) - top))


@reads_sizes
def round(x, decimals=0):
    """The nearest number with so many decimals; halves go to the even one."""
    scale = 10.0**decimals
    return math.round(convert(x) * scale) / scale if decimals else math.round(x)


@reads_sizes
def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """|x1 - x2| <= atol + rtol * |x2|."""
    x1, x2 = convert(x1), convert(x2)
    close = math.logical_or(math.equal(x1, x2), math.less_equal(math.abs(x1 - x2), atol + rtol * math.abs(x2)))
    return math.logical_or(close, math.logical_and(math.is_nan(x1), math.is_nan(x2))) if equal_nan else close


@reads_sizes
def where(condition, x1=None, x2=None):
    """``x1`` where the condition holds, else ``x2``; without them the positions where it holds."""
    return array.where(condition, x1, x2)
