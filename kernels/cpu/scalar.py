"""Functions of one float, for use inside loops: without branches, so that a loop which calls one is vectorised.

In float32 they are polynomials; the docstrings give the largest error over all float32 numbers in units in the last
place (ulp), and tests hold it. In float64, which is for checks, the C library computes them, one number at a time.
Overflow gives infinity or 0, subnormal numbers keep their digits, NaN stays NaN.

The scheme is that of Cody and Waite, "Software Manual for the Elementary Functions", 1980: reduce x to an interval,
approximate there by a polynomial, undo the reduction. Coefficients are those of the smallest largest relative error
(Remez' exchange), rounded to float32.
"""

import math

import numpy as np
from llvmlite import ir
from numba.core import types

from ..jit import exact, inner
from .simd import compiled_as
from .vectors import fma, select

single = np.float32
ZERO, HALF, ONE, TWO = single(0), single(0.5), single(1), single(2)
SMALLEST_NORMAL, INFINITY, NAN = single(2.0**-126), single(math.inf), single(math.nan)
LAST_SQUARE, LAST_HALF_SQUARE = single(9.375), single(13.25)  # squares of 87.9 and 2 times 87.8
LOG2_E = single(1 / math.log(2))
LN2_HIGH = single(0.693359375)  # ln(2) to 9 bits: its product with an exponent is exact
LN2_LOW = single(math.log(2) - 0.693359375)
ROUND = single(1.5 * 2**23)  # a sum with it has no bits for fractions: its last bits are the nearest whole number
ROUND_BITS, SQRT_HALF_BITS = int(ROUND.view(np.int32)), int(single(math.sqrt(0.5)).view(np.int32))
SQRT_HALF = math.sqrt(0.5)


def float64_by(library):
    """The decorated function computes float32; ``library``, a function that Numba knows, takes float64."""

    def decorate(function):
        def definition(typing, x):
            chosen = typing.resolve_value_type(function if x == types.float32 else library)
            signature = chosen.get_call_type(typing, (x,), {})

            def emit(context, builder, _, args):
                compiled = context.get_function(chosen, signature)
                context.add_linking_libs(getattr(compiled, "libs", ()))
                return compiled(builder, args)

            return signature, emit

        @compiled_as(definition)
        def computed(x):
            return function(x) if type(x) is np.float32 else library(x)

        return computed

    return decorate


def _to_bits(typing, x):
    return types.int32(x), lambda context, builder, _, args: builder.bitcast(args[0], ir.IntType(32))


def _to_float(typing, bits):
    def emit(context, builder, _, args):
        return builder.bitcast(context.cast(builder, args[0], bits, types.int32), ir.FloatType())

    return types.float32(bits), emit


@compiled_as(_to_bits)
def _bits(x):
    """The bits of a float32 as an int32."""
    return single(x).view(np.int32)


@compiled_as(_to_float)
def _float(bits):
    """The float32 of such bits."""
    return np.int32(bits).view(np.float32)


@exact
def _power_of_two(n):
    """2**n for -127 < n < 128, by its exponent bits; 0 for n = -127."""
    return _float((n + 127) << 23)


# Exponentials.


@exact
def _reduced(x):
    """n and r with x = n ln(2) + r, n whole and abs(r) <= ln(2) / 2, for small whole n."""
    shifted = fma(x, LOG2_E, ROUND)
    n = shifted - ROUND
    return _bits(shifted) - ROUND_BITS, fma(n, -LN2_LOW, fma(n, -LN2_HIGH, x))


@exact
def _expm1_reduced(r):
    """exp(r) - 1 = r + r**2 Q(r) for abs(r) <= ln(2) / 2 or a little more."""
    q = fma(fma(single(0.00138144346), r, single(0.00836879667)), r, single(0.0416683964))
    q = fma(fma(q, r, single(0.166665196)), r, single(0.49999994))
    return fma(r * r, q, r)


@exact
def _exp_reduced(r):
    """exp(r) = 1 + r (1 + r Q(r)) for abs(r) <= ln(2) / 2."""
    q = fma(fma(single(0.00138144346), r, single(0.00836879667)), r, single(0.0416683964))
    q = fma(fma(q, r, single(0.166665196)), r, single(0.49999994))
    return fma(fma(q, r, ONE), r, ONE)


@float64_by(np.exp)
@exact
def exp_of(x):
    """exp(x); 1.1 ulp."""
    x = select(x < single(-104), single(-104), select(x > single(89), single(89), x))
    n, r = _reduced(x)
    half = n >> 1  # in two steps, as 2**n may be too large or too small for a float32
    return _exp_reduced(r) * _power_of_two(half) * _power_of_two(n - half)


@float64_by(np.expm1)
@exact
def expm1_of(x):
    """exp(x) - 1, exact also where x is near 0; 1.5 ulp."""
    x = select(x < single(-18), single(-18), select(x > single(89), single(89), x))
    n, r = _reduced(x)
    half = _power_of_two(n - 1)  # 2**n may overflow where the result does not
    return TWO * fma(half, _expm1_reduced(r), half - HALF)


@float64_by(np.tanh)
@exact
def tanh_of(x):
    """tanh(x) = e / (e + 2) with e = exp(2 x) - 1; 2.6 ulp."""
    size = np.abs(x)
    e = expm1_of(TWO * select(size > single(10), single(10), size))
    y = e / (e + TWO)
    return select(x < ZERO, -y, y)


@float64_by(np.exp)
@exact
def exp_below_zero_of(x):
    """exp(x) for x <= 0 in fewer steps, but 0 below 0.7 times the smallest normal number; 1 ulp."""
    n, r = _reduced(select(x < single(-88), single(-88), x))  # there n is -127, which makes a power of 0
    return _exp_reduced(r) * _power_of_two(n)


@inner
def sigmoid_of(x):
    """1 / (1 + exp(-x)), by an exponential of numbers <= 0; 3 ulp, and 0 for results below the normal numbers."""
    one, zero = type(x)(1), type(x)(0)
    e = exp_below_zero_of(-np.abs(x))
    return select(x < zero, e, one) / (one + e)


# Logarithms.


@exact
def _log_reduced(f, e):
    """e ln(2) + log(1 + f) = e ln(2) + f + f**2 P(f) for sqrt(1/2) <= 1 + f < sqrt(2)."""
    p = fma(fma(single(-0.076344952), f, single(0.12761575)), f, single(-0.131601825))
    p = fma(fma(fma(p, f, single(0.142017588)), f, single(-0.166233569)), f, single(0.200012267))
    p = fma(fma(fma(p, f, single(-0.250008196)), f, single(0.333333313)), f, -HALF)
    return fma(e, LN2_HIGH, f + fma(f * f, p, e * LN2_LOW))


@float64_by(np.log)
@exact
def log_of(x):
    """log(x), -inf at 0 and NaN below; 0.9 ulp."""
    tiny = x < SMALLEST_NORMAL
    bits = _bits(select(tiny, x * single(2**23), x))
    e = (bits - SQRT_HALF_BITS) >> 23  # x = 2**e (1 + f)
    y = _log_reduced(_float(bits - (e << 23)) - ONE, single(e) - select(tiny, single(23), ZERO))
    y = select(x < INFINITY, y, x)  # infinity or NaN
    return select(x > ZERO, y, select(x == ZERO, -INFINITY, NAN))


@float64_by(np.log1p)
@exact
def log1p_of(x):
    """log(1 + x), exact also where x is near 0; -inf at -1 and NaN below; 1.5 ulp."""
    u = ONE + x
    bits = _bits(u)
    e = (bits - SQRT_HALF_BITS) >> 23  # u = 2**e (1 + f)
    lost = (x - (u - ONE)) * _power_of_two(select(e < 127, -e, -126))  # when u was rounded, in units of 2**e
    y = _log_reduced(_float(bits - (e << 23)) - ONE + lost, single(e))
    y = select(x < INFINITY, y, x)
    return select(x > -ONE, y, select(x == -ONE, -INFINITY, NAN))


# The normal distribution.


@exact
def _exp_of_square(x, factor, last):
    """exp(-factor x**2), factor 1 or 1/2, but 0 where that is less than about the smallest normal number.

    x**2 is an exact sum, for its error would grow with x**2: what its first part leaves goes to the reduced argument.
    last: from there on n is -127, which makes a power of 0. A number of few bits.
    """
    x = select(x > last, last, x)
    high = _float(_bits(x) & -4096)  # 12 bits, so that its square is exact
    n, r = _reduced(-factor * high * high)
    rest = -factor * (x - high) * (x + high)  # >= -0.08 where the result is not 0
    return _exp_reduced(r + rest) * _power_of_two(n)


@exact
def _scaled_tail(x):
    """exp(x**2) erfc(x) = t P(t) with t = 1 / (1 + x / 2), for 0 <= x <= 10.1; beyond, something finite."""
    t = ONE / fma(HALF, x, ONE)
    s = t - single(0.625)  # the middle of the interval: there the coefficients are small
    p = fma(fma(single(-0.05909767), s, single(-0.0107729612)), s, single(0.111757591))
    p = fma(fma(fma(p, s, single(-0.0221112911)), s, single(-0.211607262)), s, single(0.0477487519))
    return t * fma(fma(fma(p, s, single(0.595841467)), s, single(0.832277477)), s, single(0.605659842))


@float64_by(math.erf)
@exact
def erf_of(x):
    """erf(x); 1.1 ulp."""
    size, square = np.abs(x), x * x
    p = fma(fma(single(7.85386073e-05), square, single(-0.000801019371)), square, single(0.00518832775))
    p = fma(fma(p, square, single(-0.026853811)), square, single(0.112835854))
    near = fma(x, fma(fma(p, square, single(-0.37612626)), square, single(0.128379166)), x)
    far = ONE - _exp_of_square(size, ONE, LAST_SQUARE) * _scaled_tail(size)
    return select(size < ONE, near, select(x < ZERO, -far, far))


@inner
def _library_normal_below(x):
    return 0.5 * math.erfc(-SQRT_HALF * x)


@float64_by(_library_normal_below)
@exact
def normal_below_of(x):
    """P(N(0, 1) <= x) = erfc(-x / sqrt(2)) / 2, with all digits far below 0 too, but 0 below 4e-40; 5.5 ulp."""
    size = np.abs(x)
    tail = HALF * _exp_of_square(size, HALF, LAST_HALF_SQUARE) * _scaled_tail(size * single(SQRT_HALF))
    return select(x > ZERO, ONE - tail, tail)


@inner
def _library_gauss(x):
    return math.exp(-0.5 * x * x)


@float64_by(_library_gauss)
@exact
def gauss_of(x):
    """exp(-x**2 / 2), but 0 below 1.3e-38; 1.5 ulp. Beside ``normal_below_of`` it costs nothing more."""
    return _exp_of_square(np.abs(x), HALF, LAST_HALF_SQUARE)
