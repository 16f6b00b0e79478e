"""Kernels of special functions on a GPU; their formulas: ``special_of.py``. Twin: ``kernels/cpu/special.py``.

Arrays are flat, of one size, float32: inputs are read, y is written.
"""

from .activation import ONE_ARRAY, TWO_ARRAYS
from .elements import EACH, blocks, of_one, of_two, vectors
from .launch import kernel
from .special_of import (
    bessel_0,
    bessel_1,
    digamma_of,
    erfinv_of,
    incomplete_beta,
    incomplete_gamma_slope,
    lgamma_of,
    lower_gamma,
    ndtri_of,
    polygamma_of,
    upper_gamma,
    zeta_of,
)
from .strides import element
from .target import libdevice, uint32


@kernel(ONE_ARRAY)
def _acosh(x, y, n, wide):
    of_one(libdevice.acoshf, (), x, y, n, wide)


def acosh(x, y):
    """cosh(y) = x; NaN below 1."""
    _acosh(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _asinh(x, y, n, wide):
    of_one(libdevice.asinhf, (), x, y, n, wide)


def asinh(x, y):
    """sinh(y) = x."""
    _asinh(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _atanh(x, y, n, wide):
    of_one(libdevice.atanhf, (), x, y, n, wide)


def atanh(x, y):
    """tanh(y) = x; infinite at -1 and 1, NaN beyond."""
    _atanh(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _erfc(x, y, n, wide):
    of_one(libdevice.erfcf, (), x, y, n, wide)


def erfc(x, y):
    """y = 1 - erf(x), exact also where that is small."""
    _erfc(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _erfinv(x, y, n, wide):
    of_one(erfinv_of, (), x, y, n, wide)


def erfinv(x, y):
    """erf(y) = x; infinite at -1 and 1, NaN beyond."""
    _erfinv(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _ndtri(x, y, n, wide):
    of_one(ndtri_of, (), x, y, n, wide)


def ndtri(x, y):
    """The quantile y of the standard normal distribution at probability x."""
    _ndtri(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _lgamma(x, y, n, wide):
    of_one(lgamma_of, (), x, y, n, wide)


def lgamma(x, y):
    """y = log |gamma(x)|."""
    _lgamma(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _digamma(x, y, n, wide):
    of_one(digamma_of, (), x, y, n, wide)


def digamma(x, y):
    """y = the derivative of log gamma at x."""
    _digamma(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _bessel_i0e(x, y, n, wide):
    of_one(bessel_0, (), x, y, n, wide)


def bessel_i0e(x, y):
    """y = exp(-|x|) I0(x)."""
    _bessel_i0e(blocks(y), x, y, y.size, vectors(x, y))


@kernel(ONE_ARRAY)
def _bessel_i1e(x, y, n, wide):
    of_one(bessel_1, (), x, y, n, wide)


def bessel_i1e(x, y):
    """y = exp(-|x|) I1(x)."""
    _bessel_i1e(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _atan2(a, b, y, n, wide):
    of_two(libdevice.atan2f, (), a, b, y, n, wide)


def atan2(a, b, y):
    """y = the angle of the point (b, a), in (-pi, pi]."""
    _atan2(blocks(y), a, b, y, y.size, vectors(a, b, y))


@kernel(TWO_ARRAYS)
def _nextafter(a, b, y, n, wide):
    of_two(libdevice.nextafterf, (), a, b, y, n, wide)


def nextafter(a, b, y):
    """y = the float that comes after a on the way to b."""
    _nextafter(blocks(y), a, b, y, y.size, vectors(a, b, y))


@kernel(TWO_ARRAYS)
def _polygamma(a, b, y, n, wide):
    of_two(polygamma_of, (), a, b, y, n, wide)


def polygamma(a, b, y):
    """y = the derivative number a of digamma at b."""
    _polygamma(blocks(y), a, b, y, y.size, vectors(a, b, y))


@kernel(TWO_ARRAYS)
def _zeta(a, b, y, n, wide):
    of_two(zeta_of, (), a, b, y, n, wide)


def zeta(a, b, y):
    """y = sum of (b + k)^-a over k = 0, 1..."""
    _zeta(blocks(y), a, b, y, y.size, vectors(a, b, y))


@kernel(TWO_ARRAYS)
def _igamma(a, b, y, n, wide):
    of_two(lower_gamma, (), a, b, y, n, wide)


def igamma(a, b, y):
    """y = P(a, b), the regularized lower incomplete gamma integral."""
    _igamma(blocks(y), a, b, y, y.size, vectors(a, b, y))


@kernel(TWO_ARRAYS)
def _igammac(a, b, y, n, wide):
    of_two(upper_gamma, (), a, b, y, n, wide)


def igammac(a, b, y):
    """y = Q(a, b) = 1 - P(a, b)."""
    _igammac(blocks(y), a, b, y, y.size, vectors(a, b, y))


@kernel(TWO_ARRAYS)
def _igamma_grad_a(a, b, y, n, wide):
    of_two(incomplete_gamma_slope, (), a, b, y, n, wide)


def igamma_grad_a(a, b, y):
    """y = dP(a, b) / da."""
    _igamma_grad_a(blocks(y), a, b, y, y.size, vectors(a, b, y))


@kernel("float32* float32* float32* float32* int32")
def _betainc(a, b, x, y, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            y[i] = incomplete_beta(a[i], b[i], x[i])


def betainc(a, b, x, y):
    """y = I_x(a, b), the regularized incomplete beta integral."""
    _betainc(blocks(y), a, b, x, y, y.size)
