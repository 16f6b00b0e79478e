"""Special functions of one element on a GPU. Twin: in ``kernels/cpu/special.py``.

Series, asymptotic series, continued fractions
and Newton's method are those of the CPU, from Olver et al., "NIST Handbook of Mathematical Functions", 2010 (DLMF);
but where the CPU computes with float64, all is float32 here, and so exact to some 1e-6, or 1e-5 where logarithms of
large gamma functions cancel.
"""

import numpy as np

from .scalar import HALF, INFINITY, NAN, ONE, TWO, ZERO, erf_of, exp_of, log1p_of, log_of
from .target import device, float32, libdevice

FOUR, TEN = np.float32(4), np.float32(10)
LARGEST_SQUARE = np.float32(88)  # beyond, its exponential is infinite
TINY, EPSILON = np.float32(1e-30), np.float32(2.0**-24)
MOST_TERMS = 2000
WINITZKI = np.float32(0.147), np.float32(2 / (np.pi * 0.147))
PI = np.float32(np.pi)
ROOT_2, ROOT_2_PI, HALF_ROOT_PI = (np.float32(np.sqrt(v)) for v in (2.0, 2 * np.pi, np.pi / 4))
# B2k / (2k)!, the coefficients of Euler and Maclaurin's formula, and B2k / 2k, those of the digamma function's.
EULER_MACLAURIN = tuple(map(np.float32, (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600)))
BERNOULLI = tuple(map(np.float32, (1 / 12, -1 / 120, 1 / 252, -1 / 240)))


@device
def _whole(x):
    return x == libdevice.floorf(x)


@device
def _digamma_of_positive(x):
    """Recurrence (5.5.2) up to 6, then the asymptotic series 5.11.2."""
    total = ZERO
    while x < float32(6):
        total -= ONE / x
        x += ONE
    z = ONE / (x * x)
    series = z * (BERNOULLI[0] + z * (BERNOULLI[1] + z * (BERNOULLI[2] + z * BERNOULLI[3])))
    return total + (log_of(x) - HALF / x - series)


@device
def digamma_of(x):
    """The derivative of log gamma; below 0 by reflection (5.5.4)."""
    if x <= ZERO:
        if _whole(x):
            return NAN
        return _digamma_of_positive(ONE - x) - PI * libdevice.cospif(x) / libdevice.sinpif(x)
    return _digamma_of_positive(x)


@device
def zeta_of(x, q):
    """Hurwitz's zeta, the sum of (q + k)^-x over all k >= 0: some terms, then Euler and Maclaurin's formula 25.11.5."""
    if not x > ONE or q != q:
        return INFINITY if x == ONE and q == q else NAN
    if q <= ZERO:
        if _whole(q):
            return INFINITY
        if not _whole(x):
            return NAN
    total, at = ZERO, q
    while at < TEN:
        total += libdevice.powf(at, -x)
        at += ONE
    power = libdevice.powf(at, -x)
    total += at * power / (x - ONE) + HALF * power
    factor, z = x, ONE / (at * at)
    power = power / at
    total += EULER_MACLAURIN[0] * factor * power
    factor, power = factor * (x + ONE) * (x + TWO), power * z
    total += EULER_MACLAURIN[1] * factor * power
    factor, power = factor * (x + float32(3)) * (x + FOUR), power * z
    total += EULER_MACLAURIN[2] * factor * power
    factor, power = factor * (x + float32(5)) * (x + float32(6)), power * z
    return total + EULER_MACLAURIN[3] * factor * power


@device
def polygamma_of(n, x):
    """The derivative number n of digamma: (-1)^(n + 1) n! zeta(n + 1, x), 25.11.12."""
    if n == ZERO:
        return digamma_of(x)
    if n < ZERO or not _whole(n):
        return NAN
    value = libdevice.tgammaf(n + ONE) * zeta_of(n + ONE, x)
    return -value if _whole(n * HALF) else value


@device
def _incomplete_gamma(a, x, upper):
    """P(a, x), or if ``upper`` Q = 1 - P: the series 8.11.4 for small x, else the continued fraction 8.9.2."""
    if a != a or x != x or x < ZERO or a <= ZERO:
        return NAN
    if not ZERO < x < INFINITY:
        return ONE if (x == ZERO) == upper else ZERO
    factor = exp_of(a * log_of(x) - x - libdevice.lgammaf(a))
    if x <= max(a, ONE):
        term, total, n = ONE / a, ONE / a, a
        for _ in range(MOST_TERMS):
            n += ONE
            term *= x / n
            total += term
            if not term > total * EPSILON:
                break
        return ONE - factor * total if upper else factor * total
    b = x + ONE - a  # Lentz's way to evaluate a continued fraction from the front
    c, d = ONE / TINY, ONE / b
    value, i = d, ONE
    for _ in range(MOST_TERMS):
        numerator = -i * (i - a)
        b += TWO
        d = ONE / (numerator * d + b)
        c = b + numerator / c
        value *= c * d
        i += ONE
        if abs(c * d - ONE) < EPSILON:
            break
    return factor * value if upper else ONE - factor * value


@device
def lower_gamma(a, x):
    return _incomplete_gamma(a, x, False)


@device
def upper_gamma(a, x):
    return _incomplete_gamma(a, x, True)


@device
def incomplete_gamma_slope(a, x):
    """dP(a, x) / da: the series 8.11.4, term by term."""
    if not (a > ZERO and x > ZERO):
        return ZERO if x == ZERO else NAN
    if x == INFINITY or x - a > float32(20) * libdevice.sqrtf(x):  # so far out that P is 1
        return ZERO
    n, logarithm, harmonic, total = a, log_of(x), _digamma_of_positive(a + ONE), ZERO
    weight = exp_of(a * logarithm - x - libdevice.lgammaf(a + ONE))
    for _ in range(MOST_TERMS):
        if not (n < x or weight > EPSILON * EPSILON):
            break
        total += weight * (logarithm - harmonic)
        n += ONE
        weight *= x / n
        harmonic += ONE / n
    return total


@device
def _not_tiny(x):
    return x if abs(x) > TINY else TINY


@device
def _beta_fraction(a, b, x):
    """The continued fraction 8.17.22, by Lentz's method."""
    c, d = ONE, ONE / _not_tiny(ONE - (a + b) * x / (a + ONE))
    value, m = d, ONE
    for _ in range(MOST_TERMS):
        before, even = value, a + TWO * m
        numerator = m * (b - m) * x / ((even - ONE) * even)
        d, c = ONE / _not_tiny(ONE + numerator * d), _not_tiny(ONE + numerator / c)
        value *= c * d
        numerator = -(a + m) * (a + b + m) * x / (even * (even + ONE))
        d, c = ONE / _not_tiny(ONE + numerator * d), _not_tiny(ONE + numerator / c)
        value *= c * d
        m += ONE
        if not abs(value - before) > EPSILON * abs(value):
            break
    return value


@device
def incomplete_beta(a, b, x):
    """The regularized incomplete beta integral I_x(a, b)."""
    if not (a > ZERO and b > ZERO and x >= ZERO and x <= ONE):
        return NAN
    if not ZERO < x < ONE:
        return x
    logarithm = libdevice.lgammaf(a + b) - libdevice.lgammaf(a) - libdevice.lgammaf(b)
    front = exp_of(logarithm + a * log_of(x) + b * log1p_of(-x))
    if x < (a + ONE) / (a + b + TWO):
        return front * _beta_fraction(a, b, x) / a
    return ONE - front * _beta_fraction(b, a, ONE - x) / b


@device
def _inverse_of_erf(x, rest):
    """y >= 0 with erf(y) = x, and erfc(y) = rest = 1 - x. Winitzki's estimate, then Halley's method on the smaller."""
    if rest == ZERO:
        return INFINITY
    half = HALF * log_of(rest * (TWO - rest))
    middle = WINITZKI[1] + half
    y = libdevice.sqrtf(max(libdevice.sqrtf(middle * middle - TWO * half / WINITZKI[0]) - middle, ZERO))
    for _ in range(2):
        miss = x - erf_of(y) if rest > HALF else libdevice.erfcf(y) - rest
        step = miss * HALF_ROOT_PI * exp_of(min(y * y, LARGEST_SQUARE))
        y += step / (ONE - step * y)
    return y


@device
def erfinv_of(x):
    """y with erf(y) = x."""
    if not abs(x) <= ONE:
        return NAN
    return libdevice.copysignf(_inverse_of_erf(abs(x), ONE - abs(x)), x)


@device
def ndtri_of(p):
    """y such that a standard normal number is below y with probability p."""
    if not (p >= ZERO and p <= ONE):
        return NAN
    if p > float32(0.25) and p < float32(0.75):
        return ROOT_2 * erfinv_of(TWO * p - ONE)
    rest = TWO * min(p, ONE - p)
    return libdevice.copysignf(ROOT_2 * _inverse_of_erf(ONE - rest, rest), p - HALF)


@device
def _bessel_of(order, x):
    """exp(-|x|) I_order(|x|), order 0 or 1: the series 10.25.2, beyond 30 the asymptotic one 10.40.1."""
    x = abs(x)
    if x <= float32(30):
        term = ONE if order == ZERO else HALF * x
        total, k, z = term, ZERO, float32(0.25) * x * x
        while term > total * EPSILON:
            k += ONE
            term *= z / (k * (k + order))
            total += term
        return total * exp_of(-x)
    term, total, k = ONE, ONE, ONE
    for _ in range(8):
        odd = TWO * k - ONE
        term *= (odd * odd - FOUR * order) / (float32(8) * x * k)
        total += term
        k += ONE
    return total / libdevice.sqrtf(x) / ROOT_2_PI if x == x else x


@device
def bessel_0(x):
    return _bessel_of(ZERO, x)


@device
def bessel_1(x):
    return libdevice.copysignf(_bessel_of(ONE, x), x)


@device
def lgamma_of(x):
    return INFINITY if x <= ZERO and _whole(x) else libdevice.lgammaf(x)
