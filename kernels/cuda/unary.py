"""Functions of one array, element by element, on a GPU. Twin: ``kernels/cpu/unary.py``.

Arrays are flat, of one size and, unless said otherwise, of one dtype, which is float32 where nothing else is said, or
float64 for signs, roots, ``floor``, ``ceil``, ``reciprocal`` and tests: x is read, y is written. Roots, exponentials
and logarithms have the bits of the CPU.
"""

import math

from .activation import ONE_ARRAY, TWO_ARRAYS
from .angles import cos_of, sin_of, tan_of
from .elements import blocks, of_one, of_two, vectors
from .launch import kernel
from .pointwise import abs_of, reciprocal_grad_of, rsqrt_grad_of, sign_of, sqrt_grad_of
from .reduction import larger, smaller
from .scalar import INFINITY, ZERO, erf_of, exp_of, expm1_of, log1p_of, log_of
from .target import device, libdevice
from .typed import NUMBERS, REALS, typed

# Signs and rounding.


@device
def _minus(x):
    return -x


@typed("T* T* int32 int32", *NUMBERS)
def _negative(x, y, n, wide):
    of_one(_minus, (), x, y, n, wide)


def negative(x, y):
    """y = -x. Integers too."""
    _negative.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@typed("T* T* int32 int32", *NUMBERS)
def _abs(x, y, n, wide):
    of_one(abs_of, (), x, y, n, wide)


def abs(x, y):
    """y = abs(x); the smallest signed integer stays as it is. Integers too."""
    _abs.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@typed("T* T* int32 int32", *NUMBERS)
def _sign(x, y, n, wide):
    of_one(sign_of, (), x, y, n, wide)


def sign(x, y):
    """y = -1, 0 or 1 by the sign of x; NaN where x is NaN. Integers too."""
    _sign.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@typed("T* T* int32 int32", *REALS)
def _floor(x, y, n, wide):
    of_one(math.floor, (), x, y, n, wide)


def floor(x, y):
    """y = the greatest whole number <= x."""
    _floor.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@typed("T* T* int32 int32", *REALS)
def _ceil(x, y, n, wide):
    of_one(math.ceil, (), x, y, n, wide)


def ceil(x, y):
    """y = the smallest whole number >= x."""
    _ceil.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _round(x, y, n, wide):
    of_one(libdevice.rintf, (), x, y, n, wide)


def round(x, y):
    """y = x rounded to a whole number, halves to the even one (IEEE 754)."""
    _round(blocks(y), x, y, y.size, vectors(x, y))


# Powers, exponentials and logarithms.


@device
def _square_of(x):
    return x * x


@typed("T* T* int32 int32", *NUMBERS)
def _square(x, y, n, wide):
    of_one(_square_of, (), x, y, n, wide)


def square(x, y):
    """y = x**2. Integers too."""
    _square.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@typed("T* T* int32 int32", *REALS)
def _sqrt(x, y, n, wide):
    of_one(math.sqrt, (), x, y, n, wide)


def sqrt(x, y):
    """y = sqrt(x); NaN where x < 0."""
    _sqrt.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@device
def _rsqrt_of(x):
    return type(x)(1) / math.sqrt(x)


@typed("T* T* int32 int32", *REALS)
def _rsqrt(x, y, n, wide):
    of_one(_rsqrt_of, (), x, y, n, wide)


def rsqrt(x, y):
    """y = 1 / sqrt(x)."""
    _rsqrt.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@device
def _reciprocal_of(x):
    return type(x)(1) / x


@typed("T* T* int32 int32", *REALS)
def _reciprocal(x, y, n, wide):
    of_one(_reciprocal_of, (), x, y, n, wide)


def reciprocal(x, y):
    """y = 1 / x."""
    _reciprocal.of(y)(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _exp(x, y, n, wide):
    of_one(exp_of, (), x, y, n, wide)


def exp(x, y):
    """y = e**x."""
    _exp(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _expm1(x, y, n, wide):
    of_one(expm1_of, (), x, y, n, wide)


def expm1(x, y):
    """y = e**x - 1, exact also where x is near 0."""
    _expm1(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _log(x, y, n, wide):
    of_one(log_of, (), x, y, n, wide)


def log(x, y):
    """y = natural logarithm of x; -inf at 0, NaN below."""
    _log(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _log1p(x, y, n, wide):
    of_one(log1p_of, (), x, y, n, wide)


def log1p(x, y):
    """y = log(1 + x), exact also where x is near 0."""
    _log1p(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _erf(x, y, n, wide):
    of_one(erf_of, (), x, y, n, wide)


def erf(x, y):
    """y = 2 / sqrt(pi) * integral of exp(-t**2) for t from 0 to x."""
    _erf(blocks(y), x, y, y.size, vectors(x, y))


# Trigonometric and hyperbolic functions; angles are radians. They may differ from the CPU's in the last bits.


@kernel(ONE_ARRAY)
def _sin(x, y, n, wide):
    of_one(sin_of, (), x, y, n, wide)


def sin(x, y):
    """y = sin(x)."""
    _sin(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _cos(x, y, n, wide):
    of_one(cos_of, (), x, y, n, wide)


def cos(x, y):
    """y = cos(x)."""
    _cos(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _tan(x, y, n, wide):
    of_one(tan_of, (), x, y, n, wide)


def tan(x, y):
    """y = tan(x)."""
    _tan(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _asin(x, y, n, wide):
    of_one(libdevice.asinf, (), x, y, n, wide)


def asin(x, y):
    """y = the angle in [-pi/2, pi/2] whose sine is x; NaN outside [-1, 1]."""
    _asin(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _acos(x, y, n, wide):
    of_one(libdevice.acosf, (), x, y, n, wide)


def acos(x, y):
    """y = the angle in [0, pi] whose cosine is x; NaN outside [-1, 1]."""
    _acos(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _atan(x, y, n, wide):
    of_one(libdevice.atanf, (), x, y, n, wide)


def atan(x, y):
    """y = the angle in (-pi/2, pi/2) whose tangent is x."""
    _atan(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _sinh(x, y, n, wide):
    of_one(libdevice.sinhf, (), x, y, n, wide)


def sinh(x, y):
    """y = (e**x - e**-x) / 2."""
    _sinh(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _cosh(x, y, n, wide):
    of_one(libdevice.coshf, (), x, y, n, wide)


def cosh(x, y):
    """y = (e**x + e**-x) / 2."""
    _cosh(blocks(y), x, y, y.size, vectors(x, y))


# Tests: y is bool.


@device
def _not(x):
    return x == 0


@kernel("uint8* uint8* int32 int32")
def _logical_not(x, y, n, wide):
    of_one(_not, (), x, y, n, wide)


def logical_not(x, y):
    """y = not x; x is bool too."""
    _logical_not(blocks(y), x, y, y.size, vectors(x, y))


@device
def _differs_from_itself(x):
    return x != x


@typed("T* uint8* int32 int32", *REALS)
def _is_nan(x, y, n, wide):
    of_one(_differs_from_itself, (), x, y, n, wide)


def is_nan(x, y):
    """y = whether x is NaN."""
    _is_nan.of(x)(blocks(y), x, y, y.size, vectors(x, y))


@device
def _infinite(x):
    return abs_of(x) == INFINITY


@typed("T* uint8* int32 int32", *REALS)
def _is_inf(x, y, n, wide):
    of_one(_infinite, (), x, y, n, wide)


def is_inf(x, y):
    """y = whether x is an infinity."""
    _is_inf.of(x)(blocks(y), x, y, y.size, vectors(x, y))


@device
def _finite(x):
    return x - x == ZERO


@typed("T* uint8* int32 int32", *REALS)
def _is_finite(x, y, n, wide):
    of_one(_finite, (), x, y, n, wide)


def is_finite(x, y):
    """y = whether x is neither NaN nor infinite."""
    _is_finite.of(x)(blocks(y), x, y, y.size, vectors(x, y))


@device
def _clipped(x, low, high):
    return larger(smaller(x, high), low)


@typed("T* T T T* int32 int32", *NUMBERS)
def _clip(x, low, high, y, n, wide):
    of_one(_clipped, (low, high), x, y, n, wide)


def clip(x, low, high, y):
    """y = max(min(x, high), low); NaN stays NaN. low, high: scalars of x's dtype. Integers too."""
    _clip.of(y)(blocks(y), x, low, high, y, y.size, vectors(x, y))


# Backward kernels that save passes over memory; y is the forward kernel's output, dy and dx are as it.


@kernel(TWO_ARRAYS)
def _sqrt_grad(y, dy, dx, n, wide):
    of_two(sqrt_grad_of, (), y, dy, dx, n, wide)


def sqrt_grad(y, dy, dx):
    """dx = dy / (2 y), the gradient of y = sqrt(x)."""
    _sqrt_grad(blocks(dx), y, dy, dx, dx.size, vectors(y, dy, dx))


@kernel(TWO_ARRAYS)
def _rsqrt_grad(y, dy, dx, n, wide):
    of_two(rsqrt_grad_of, (), y, dy, dx, n, wide)


def rsqrt_grad(y, dy, dx):
    """dx = -dy y**3 / 2, the gradient of y = x**(-1/2)."""
    _rsqrt_grad(blocks(dx), y, dy, dx, dx.size, vectors(y, dy, dx))


@kernel(TWO_ARRAYS)
def _reciprocal_grad(y, dy, dx, n, wide):
    of_two(reciprocal_grad_of, (), y, dy, dx, n, wide)


def reciprocal_grad(y, dy, dx):
    """dx = -dy y**2, the gradient of y = 1 / x."""
    _reciprocal_grad(blocks(dx), y, dy, dx, dx.size, vectors(y, dy, dx))
