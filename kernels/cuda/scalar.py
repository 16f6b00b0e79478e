"""Functions of one float32 on a GPU. Twin: ``kernels/cpu/scalar.py``, with the same steps, and so the same bits.

Kernels are compiled without contraction: products and sums are rounded as written, and ``fma`` is written where one
rounding is wanted. A GPU's own exponential would take fewer instructions; but these functions are used where memory is
what limits, and a result that does not depend on the device is worth more.
"""

from ..cpu.scalar import (
    HALF,
    INFINITY,
    LAST_HALF_SQUARE,
    LAST_SQUARE,
    LN2_HIGH,
    LN2_LOW,
    LOG2_E,
    NAN,
    ONE,
    ROUND,
    ROUND_BITS,
    SMALLEST_NORMAL,
    SQRT_HALF,
    SQRT_HALF_BITS,
    TWO,
    ZERO,
)  # fmt: skip
from .intrinsics import bits_of, float_of, fma
from .target import device, float32, int32


@device
def select(condition, a, b):
    """a where the condition holds, else b."""
    return a if condition else b


@device
def _power_of_two(n):
    """2**n for -127 < n < 128, by its exponent bits; 0 for n = -127."""
    return float_of(int32((n + 127) << 23))


# Exponentials.


@device
def _reduced(x):
    """n and r with x = n ln(2) + r, n whole and abs(r) <= ln(2) / 2, for small whole n."""
    shifted = fma(x, LOG2_E, ROUND)
    n = shifted - ROUND
    return int32(bits_of(shifted) - ROUND_BITS), fma(n, -LN2_LOW, fma(n, -LN2_HIGH, x))


@device
def _expm1_reduced(r):
    """exp(r) - 1 = r + r**2 Q(r) for abs(r) <= ln(2) / 2 or a little more."""
    q = fma(fma(float32(0.00138144346), r, float32(0.00836879667)), r, float32(0.0416683964))
    q = fma(fma(q, r, float32(0.166665196)), r, float32(0.49999994))
    return fma(r * r, q, r)


@device
def _exp_reduced(r):
    """exp(r) = 1 + r (1 + r Q(r)) for abs(r) <= ln(2) / 2."""
    q = fma(fma(float32(0.00138144346), r, float32(0.00836879667)), r, float32(0.0416683964))
    q = fma(fma(q, r, float32(0.166665196)), r, float32(0.49999994))
    return fma(fma(q, r, ONE), r, ONE)


@device
def exp_of(x):
    """exp(x); 1.1 ulp."""
    x = select(x < float32(-104), float32(-104), select(x > float32(89), float32(89), x))
    n, r = _reduced(x)
    half = int32(n >> 1)  # in two steps, as 2**n may be too large or too small for a float32
    return _exp_reduced(r) * _power_of_two(half) * _power_of_two(int32(n - half))


@device
def expm1_of(x):
    """exp(x) - 1, exact also where x is near 0; 1.5 ulp."""
    x = select(x < float32(-18), float32(-18), select(x > float32(89), float32(89), x))
    n, r = _reduced(x)
    half = _power_of_two(int32(n - 1))  # 2**n may overflow where the result does not
    return TWO * fma(half, _expm1_reduced(r), half - HALF)


@device
def tanh_of(x):
    """tanh(x) = e / (e + 2) with e = exp(2 x) - 1; 2.6 ulp."""
    size = abs(x)
    e = expm1_of(TWO * select(size > float32(10), float32(10), size))
    y = e / (e + TWO)
    return select(x < ZERO, -y, y)


@device
def exp_below_zero_of(x):
    """exp(x) for x <= 0 in fewer steps, but 0 below 0.7 times the smallest normal number; 1 ulp."""
    n, r = _reduced(select(x < float32(-88), float32(-88), x))  # there n is -127, which makes a power of 0
    return _exp_reduced(r) * _power_of_two(n)


@device
def sigmoid_of(x):
    """1 / (1 + exp(-x)), by an exponential of numbers <= 0; 3 ulp, and 0 for results below the normal numbers."""
    e = exp_below_zero_of(-abs(x))
    return select(x < ZERO, e, ONE) / (ONE + e)


# Logarithms.


@device
def _log_reduced(f, e):
    """e ln(2) + log(1 + f) = e ln(2) + f + f**2 P(f) for sqrt(1/2) <= 1 + f < sqrt(2)."""
    p = fma(fma(float32(-0.076344952), f, float32(0.12761575)), f, float32(-0.131601825))
    p = fma(fma(fma(p, f, float32(0.142017588)), f, float32(-0.166233569)), f, float32(0.200012267))
    p = fma(fma(fma(p, f, float32(-0.250008196)), f, float32(0.333333313)), f, -HALF)
    return fma(e, LN2_HIGH, f + fma(f * f, p, e * LN2_LOW))


@device
def log_of(x):
    """log(x), -inf at 0 and NaN below; 0.9 ulp."""
    tiny = x < SMALLEST_NORMAL
    bits = bits_of(select(tiny, x * float32(8388608), x))
    e = int32((bits - SQRT_HALF_BITS) >> 23)  # x = 2**e (1 + f)
    y = _log_reduced(float_of(int32(bits - (e << 23))) - ONE, float32(e) - select(tiny, float32(23), ZERO))
    y = select(x < INFINITY, y, x)  # infinity or NaN
    return select(x > ZERO, y, select(x == ZERO, -INFINITY, NAN))


@device
def log1p_of(x):
    """log(1 + x), exact also where x is near 0; -inf at -1 and NaN below; 1.5 ulp."""
    u = ONE + x
    bits = bits_of(u)
    e = int32((bits - SQRT_HALF_BITS) >> 23)  # u = 2**e (1 + f)
    least = select(e < 127, int32(-e), int32(-126))
    lost = (x - (u - ONE)) * _power_of_two(least)  # when u was rounded, in units of 2**e
    y = _log_reduced(float_of(int32(bits - (e << 23))) - ONE + lost, float32(e))
    y = select(x < INFINITY, y, x)
    return select(x > -ONE, y, select(x == -ONE, -INFINITY, NAN))


# The normal distribution.


@device
def _exp_of_square(x, factor, last):
    """exp(-factor x**2), factor 1 or 1/2, but 0 where that is less than about the smallest normal number.

    x**2 is an exact sum, for its error would grow with x**2: what its first part leaves goes to the reduced argument.
    last: from there on n is -127, which makes a power of 0. A number of few bits.
    """
    x = select(x > last, last, x)
    high = float_of(int32(bits_of(x) & -4096))  # 12 bits, so that its square is exact
    n, r = _reduced(-factor * high * high)
    rest = -factor * (x - high) * (x + high)  # >= -0.08 where the result is not 0
    return _exp_reduced(r + rest) * _power_of_two(n)


@device
def _scaled_tail(x):
    """exp(x**2) erfc(x) = t P(t) with t = 1 / (1 + x / 2), for 0 <= x <= 10.1; beyond, something finite."""
    t = ONE / fma(HALF, x, ONE)
    s = t - float32(0.625)  # the middle of the interval: there the coefficients are small
    p = fma(fma(float32(-0.05909767), s, float32(-0.0107729612)), s, float32(0.111757591))
    p = fma(fma(fma(p, s, float32(-0.0221112911)), s, float32(-0.211607262)), s, float32(0.0477487519))
    return t * fma(fma(fma(p, s, float32(0.595841467)), s, float32(0.832277477)), s, float32(0.605659842))


@device
def erf_of(x):
    """erf(x); 1.1 ulp."""
    size, square = abs(x), x * x
    p = fma(fma(float32(7.85386073e-05), square, float32(-0.000801019371)), square, float32(0.00518832775))
    p = fma(fma(p, square, float32(-0.026853811)), square, float32(0.112835854))
    near = fma(x, fma(fma(p, square, float32(-0.37612626)), square, float32(0.128379166)), x)
    far = ONE - _exp_of_square(size, ONE, LAST_SQUARE) * _scaled_tail(size)
    return select(size < ONE, near, select(x < ZERO, -far, far))


@device
def normal_below_of(x):
    """P(N(0, 1) <= x) = erfc(-x / sqrt(2)) / 2, with all digits far below 0 too, but 0 below 4e-40; 5.5 ulp."""
    size = abs(x)
    tail = HALF * _exp_of_square(size, HALF, LAST_HALF_SQUARE) * _scaled_tail(size * float32(SQRT_HALF))
    return select(x > ZERO, ONE - tail, tail)


@device
def gauss_of(x):
    """exp(-x**2 / 2), but 0 below 1.3e-38; 1.5 ulp. Beside ``normal_below_of`` it costs nothing more."""
    return _exp_of_square(abs(x), HALF, LAST_HALF_SQUARE)
