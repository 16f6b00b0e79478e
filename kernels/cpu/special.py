"""Special functions, element by element, on the CPU. Twin: ``kernels/cuda/special.py``.

Arrays are flat, of one size and one float dtype: inputs are read, y is written. A task is one block of elements. Values
are computed in float64: series, asymptotic series, continued fractions and Newton's method, by the formulas of
Olver et al., "NIST Handbook of Mathematical Functions", 2010 (DLMF), whose numbers the functions name.
"""

import math

import numpy as np

from ..jit import exact, kernel
from .broadcast import output_blocks, part

TINY, EPSILON = 1e-300, 2.0**-53
NAN, INFINITY = math.nan, math.inf
# B2k / (2k)!, the coefficients of Euler and Maclaurin's formula, and B2k / 2k, those of the digamma function's.
EULER_MACLAURIN = np.array(
    [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600]
)
BERNOULLI = np.array([1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12])


@exact
def digamma_of(x):
    """The derivative of log gamma: recurrence (5.5.2) up to 10, then the asymptotic series 5.11.2."""
    if x <= 0.0:
        if x == math.floor(x):
            return NAN
        return digamma_of_positive(1.0 - x) - math.pi / math.tan(math.pi * x)
    return digamma_of_positive(x)


@exact
def digamma_of_positive(x):
    total = 0.0
    while x < 10.0:
        total -= 1.0 / x
        x += 1.0
    power, square = 1.0, 1.0 / (x * x)
    total += math.log(x) - 0.5 / x
    for k in range(BERNOULLI.size):
        power *= square
        total -= BERNOULLI[k] * power
    return total


@exact
def zeta_of(x, q):
    """Hurwitz's zeta, the sum of (q + k)^-x over all k >= 0: some terms, then Euler and Maclaurin's formula 25.11.5."""
    if math.isnan(x) or math.isnan(q) or x < 1.0:
        return NAN
    if x == 1.0:
        return INFINITY
    if q <= 0.0:
        if q == math.floor(q):
            return INFINITY
        if x != math.floor(x):
            return NAN
    total, at = 0.0, q
    for _ in range(int(max(10.0, 10.0 - math.floor(q)))):
        total += at**-x
        at += 1.0
    total += at ** (1.0 - x) / (x - 1.0) + 0.5 * at**-x
    factor, power = x, at ** (-x - 1.0)
    for k in range(EULER_MACLAURIN.size):
        total += EULER_MACLAURIN[k] * factor * power
        factor *= (x + 2 * k + 1) * (x + 2 * k + 2)
        power /= at * at
    return total


@exact
def polygamma_of(n, x):
    """The derivative number n of digamma: (-1)^(n + 1) n! zeta(n + 1, x), 25.11.12."""
    if n == 0.0:
        return digamma_of(x)
    if n < 0.0 or n != math.floor(n):
        return NAN
    sign = 1.0 if n % 2.0 == 1.0 else -1.0
    return sign * math.gamma(n + 1.0) * zeta_of(n + 1.0, x)


@exact
def incomplete_gamma(a, x, upper):
    """P(a, x), or if ``upper`` Q = 1 - P: the series 8.11.4 for small x, else the continued fraction 8.9.2."""
    if math.isnan(a) or math.isnan(x) or x < 0.0 or a <= 0.0:
        return NAN
    if x == 0.0:
        return 1.0 if upper else 0.0
    if math.isinf(x):
        return 0.0 if upper else 1.0
    factor = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x <= max(a, 1.0):
        term, total, n = 1.0 / a, 1.0 / a, a
        while term > total * EPSILON:
            n += 1.0
            term *= x / n
            total += term
        return 1.0 - factor * total if upper else factor * total
    b = x + 1.0 - a  # Lentz's way to evaluate a continued fraction from the front
    c, d = 1.0 / TINY, 1.0 / b
    value = d
    for i in range(1, 10000):
        numerator = -i * (i - a)
        b += 2.0
        d = 1.0 / (numerator * d + b)
        c = b + numerator / c
        value *= c * d
        if abs(c * d - 1.0) < EPSILON:
            break
    return factor * value if upper else 1.0 - factor * value


@exact
def incomplete_gamma_slope(a, x):
    """dP(a, x) / da: the series 8.11.4, term by term."""
    if not (a > 0.0 and x > 0.0):
        return 0.0 if x == 0.0 else NAN
    if math.isinf(x) or x - a > 40.0 * math.sqrt(x):  # so far out that P is 1; there would be x - a terms
        return 0.0
    n, logarithm, harmonic, total = a, math.log(x), digamma_of_positive(a + 1.0), 0.0
    weight = math.exp(a * logarithm - x - math.lgamma(a + 1.0))
    while n < x or weight > EPSILON * 1e-3:
        total += weight * (logarithm - harmonic)
        n += 1.0
        weight *= x / n
        harmonic += 1.0 / n
    return total


@exact
def beta_fraction(a, b, x):
    """The continued fraction 8.17.22, by Lentz's method."""
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > TINY else TINY)
    value = d
    for m in range(1, 10000):
        before = value
        for odd in range(2):
            if odd:
                numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            else:
                numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1.0 + numerator * d
            d = 1.0 / (d if abs(d) > TINY else TINY)
            c = 1.0 + numerator / c
            c = c if abs(c) > TINY else TINY
            value *= c * d
        if abs(value - before) <= EPSILON * abs(value):
            break
    return value


@exact
def incomplete_beta(a, b, x):
    """The regularized incomplete beta integral I_x(a, b)."""
    if not (a > 0.0 and b > 0.0 and 0.0 <= x <= 1.0):
        return NAN
    if x == 0.0 or x == 1.0:
        return x
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(logarithm) * beta_fraction(a, b, x) / a
    return 1.0 - math.exp(logarithm) * beta_fraction(b, a, 1.0 - x) / b


@exact
def inverse_of_erf(x, rest):
    """y >= 0 with erf(y) = x, and erfc(y) = rest = 1 - x. Winitzki's estimate, then Halley's method on the smaller."""
    if rest == 0.0:
        return INFINITY
    half = 0.5 * math.log(rest * (2.0 - rest))
    middle = 2.0 / (math.pi * 0.147) + half
    y = math.sqrt(max(math.sqrt(middle * middle - 2.0 * half / 0.147) - middle, 0.0))
    for _ in range(3):
        miss = x - math.erf(y) if rest > 0.5 else math.erfc(y) - rest
        step = miss * 0.5 * math.sqrt(math.pi) * math.exp(y * y)
        y += step / (1.0 - step * y)
    return y


@exact
def erfinv_of(x):
    """y with erf(y) = x."""
    if not abs(x) <= 1.0:
        return NAN
    return math.copysign(inverse_of_erf(abs(x), 1.0 - abs(x)), x)


@exact
def ndtri_of(p):
    """y such that a standard normal number is below y with probability p."""
    if not 0.0 <= p <= 1.0:
        return NAN
    if 0.25 < p < 0.75:
        return math.sqrt(2.0) * erfinv_of(2.0 * p - 1.0)
    rest = 2.0 * min(p, 1.0 - p)
    return math.copysign(math.sqrt(2.0) * inverse_of_erf(1.0 - rest, rest), p - 0.5)


@exact
def bessel_of(order, x):
    """exp(-|x|) I_order(|x|), order 0 or 1: the series 10.25.2, beyond 30 the asymptotic one 10.40.1."""
    x = abs(x)
    if x <= 30.0:
        term = 1.0 if order == 0 else 0.5 * x
        total, k = term, 0
        while term > total * EPSILON:
            k += 1
            term *= 0.25 * x * x / (k * (k + order))
            total += term
        return total * math.exp(-x)
    term, total = 1.0, 1.0
    for k in range(1, 30):
        term *= -(4.0 * order * order - (2 * k - 1) ** 2) / (8.0 * x * k)
        total += term
    return total / math.sqrt(2.0 * math.pi * x)


@kernel(tasks=output_blocks)
def acosh(block, x, y):
    """cosh(y) = x; NaN below 1."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.arccosh(xs[i])


@kernel(tasks=output_blocks)
def asinh(block, x, y):
    """sinh(y) = x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.arcsinh(xs[i])


@kernel(tasks=output_blocks)
def atanh(block, x, y):
    """tanh(y) = x; infinite at -1 and 1, NaN beyond."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.arctanh(xs[i])


@kernel(tasks=output_blocks)
def erfc(block, x, y):
    """y = 1 - erf(x), exact also where that is small."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = math.erfc(xs[i])


@kernel(tasks=output_blocks)
def erfinv(block, x, y):
    """erf(y) = x; infinite at -1 and 1, NaN beyond."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = erfinv_of(np.float64(xs[i]))


@kernel(tasks=output_blocks)
def ndtri(block, x, y):
    """The quantile y of the standard normal distribution at probability x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = ndtri_of(np.float64(xs[i]))


@kernel(tasks=output_blocks)
def lgamma(block, x, y):
    """y = log |gamma(x)|."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        at = np.float64(xs[i])
        ys[i] = INFINITY if at <= 0.0 and at == math.floor(at) else math.lgamma(at)


@kernel(tasks=output_blocks)
def digamma(block, x, y):
    """y = the derivative of log gamma at x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = digamma_of(np.float64(xs[i]))


@kernel(tasks=output_blocks)
def bessel_i0e(block, x, y):
    """y = exp(-|x|) I0(x)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = bessel_of(0, np.float64(xs[i]))


@kernel(tasks=output_blocks)
def bessel_i1e(block, x, y):
    """y = exp(-|x|) I1(x)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = math.copysign(bessel_of(1, np.float64(xs[i])), xs[i])


@kernel(tasks=output_blocks)
def atan2(block, a, b, y):
    """y = the angle of the point (b, a), in (-pi, pi]."""
    left, right, out = part(a, block), part(b, block), part(y, block)
    for i in range(out.size):
        out[i] = math.atan2(left[i], right[i])


@kernel(tasks=output_blocks)
def nextafter(block, a, b, y):
    """y = the float that comes after a on the way to b."""
    left, right, out = part(a, block), part(b, block), part(y, block)
    for i in range(out.size):
        out[i] = np.nextafter(left[i], right[i])


@kernel(tasks=output_blocks)
def polygamma(block, a, b, y):
    """y = the derivative number a of digamma at b."""
    left, right, out = part(a, block), part(b, block), part(y, block)
    for i in range(out.size):
        out[i] = polygamma_of(np.float64(left[i]), np.float64(right[i]))


@kernel(tasks=output_blocks)
def zeta(block, a, b, y):
    """y = sum of (b + k)^-a over k = 0, 1..."""
    left, right, out = part(a, block), part(b, block), part(y, block)
    for i in range(out.size):
        out[i] = zeta_of(np.float64(left[i]), np.float64(right[i]))


@kernel(tasks=output_blocks)
def igamma(block, a, b, y):
    """y = P(a, b), the regularized lower incomplete gamma integral."""
    left, right, out = part(a, block), part(b, block), part(y, block)
    for i in range(out.size):
        out[i] = incomplete_gamma(np.float64(left[i]), np.float64(right[i]), False)


@kernel(tasks=output_blocks)
def igammac(block, a, b, y):
    """y = Q(a, b) = 1 - P(a, b)."""
    left, right, out = part(a, block), part(b, block), part(y, block)
    for i in range(out.size):
        out[i] = incomplete_gamma(np.float64(left[i]), np.float64(right[i]), True)


@kernel(tasks=output_blocks)
def igamma_grad_a(block, a, b, y):
    """y = dP(a, b) / da."""
    left, right, out = part(a, block), part(b, block), part(y, block)
    for i in range(out.size):
        out[i] = incomplete_gamma_slope(np.float64(left[i]), np.float64(right[i]))


@kernel(tasks=output_blocks)
def betainc(block, a, b, x, y):
    """y = I_x(a, b), the regularized incomplete beta integral."""
    left, right, at, out = part(a, block), part(b, block), part(x, block), part(y, block)
    for i in range(out.size):
        out[i] = incomplete_beta(np.float64(left[i]), np.float64(right[i]), np.float64(at[i]))
