"""Functions of one array, element by element, on the CPU. Twin: ``kernels/cuda/unary.py``.

Arrays are flat, of one size and, unless said otherwise, of one dtype: x is read, y is written. The work is cut into
blocks of fixed size, so that no element's bits depend on the number of threads.
"""

import math

import numpy as np
from numba import prange

from ..jit import exact, kernel
from .elementwise import blocks, part


@exact  # fastmath would reassociate 1 / sqrt(x) into an estimate
def _inverse(one, x):
    return one / x


# Signs and rounding.


@kernel(parallel=True)
def negative(x, y):
    """y = -x."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = -xs[i]


@kernel(parallel=True)
def abs(x, y):
    """y = abs(x); the smallest signed integer stays as it is."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.abs(xs[i])


@kernel(parallel=True)
def sign(x, y):
    """y = -1, 0 or 1 by the sign of x; NaN where x is NaN."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.sign(xs[i])


@kernel(parallel=True)
def floor(x, y):
    """y = the greatest whole number <= x, floats."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.floor(xs[i])


@kernel(parallel=True)
def ceil(x, y):
    """y = the smallest whole number >= x, floats."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.ceil(xs[i])


@kernel(parallel=True)
def round(x, y):
    """y = x rounded to a whole number, halves to the even one (IEEE 754), floats."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.rint(xs[i])


# Powers, exponentials and logarithms.


@kernel(parallel=True)
def square(x, y):
    """y = x**2."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = xs[i] * xs[i]


@kernel(parallel=True)
def sqrt(x, y):
    """y = sqrt(x); NaN where x < 0."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.sqrt(xs[i])


@kernel(parallel=True)
def rsqrt(x, y):
    """y = 1 / sqrt(x)."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = _inverse(x.dtype.type(1), np.sqrt(xs[i]))


@kernel(parallel=True)
def reciprocal(x, y):
    """y = 1 / x."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = _inverse(x.dtype.type(1), xs[i])


@kernel(parallel=True)
def exp(x, y):
    """y = e**x."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.exp(xs[i])


@kernel(parallel=True)
def expm1(x, y):
    """y = e**x - 1, exact also where x is near 0."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.expm1(xs[i])


@kernel(parallel=True)
def log(x, y):
    """y = natural logarithm of x; -inf at 0, NaN below."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.log(xs[i])


@kernel(parallel=True)
def log1p(x, y):
    """y = log(1 + x), exact also where x is near 0."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.log1p(xs[i])


@kernel(parallel=True)
def erf(x, y):
    """y = 2 / sqrt(pi) * integral of exp(-t**2) for t from 0 to x."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = math.erf(xs[i])


# Trigonometric and hyperbolic functions; angles are radians.


@kernel(parallel=True)
def sin(x, y):
    """y = sin(x)."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.sin(xs[i])


@kernel(parallel=True)
def cos(x, y):
    """y = cos(x)."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.cos(xs[i])


@kernel(parallel=True)
def tan(x, y):
    """y = tan(x)."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.tan(xs[i])


@kernel(parallel=True)
def asin(x, y):
    """y = the angle in [-pi/2, pi/2] whose sine is x; NaN outside [-1, 1]."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.arcsin(xs[i])


@kernel(parallel=True)
def acos(x, y):
    """y = the angle in [0, pi] whose cosine is x; NaN outside [-1, 1]."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.arccos(xs[i])


@kernel(parallel=True)
def atan(x, y):
    """y = the angle in (-pi/2, pi/2) whose tangent is x."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.arctan(xs[i])


@kernel(parallel=True)
def sinh(x, y):
    """y = (e**x - e**-x) / 2."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.sinh(xs[i])


@kernel(parallel=True)
def cosh(x, y):
    """y = (e**x + e**-x) / 2."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.cosh(xs[i])


# Tests: y is bool.


@kernel(parallel=True)
def logical_not(x, y):
    """y = not x; x is bool too."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = not xs[i]


@kernel(parallel=True)
def is_nan(x, y):
    """y = whether x is NaN."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.isnan(xs[i])


@kernel(parallel=True)
def is_inf(x, y):
    """y = whether x is an infinity."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.isinf(xs[i])


@kernel(parallel=True)
def is_finite(x, y):
    """y = whether x is neither NaN nor infinite."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.isfinite(xs[i])


@kernel(parallel=True)
def clip(x, low, high, y):
    """y = max(min(x, high), low); NaN stays NaN. low, high: scalars of x's dtype."""
    for block in prange(blocks(x.size)):
        xs, ys = part(x, block), part(y, block)
        for i in range(xs.size):
            ys[i] = np.maximum(np.minimum(xs[i], high), low)


# Backward kernels that save passes over memory; y is the forward kernel's output, dy and dx are as it.


@kernel(parallel=True)
def sqrt_grad(y, dy, dx):
    """dx = dy / (2 y), the gradient of y = sqrt(x)."""
    for block in prange(blocks(y.size)):
        ys, dys, dxs = part(y, block), part(dy, block), part(dx, block)
        for i in range(ys.size):
            dxs[i] = y.dtype.type(0.5) * dys[i] / ys[i]


@kernel(parallel=True)
def rsqrt_grad(y, dy, dx):
    """dx = -dy y**3 / 2, the gradient of y = x**(-1/2)."""
    for block in prange(blocks(y.size)):
        ys, dys, dxs = part(y, block), part(dy, block), part(dx, block)
        for i in range(ys.size):
            dxs[i] = y.dtype.type(-0.5) * dys[i] * ys[i] * ys[i] * ys[i]


@kernel(parallel=True)
def reciprocal_grad(y, dy, dx):
    """dx = -dy y**2, the gradient of y = 1 / x."""
    for block in prange(blocks(y.size)):
        ys, dys, dxs = part(y, block), part(dy, block), part(dx, block)
        for i in range(ys.size):
            dxs[i] = -dys[i] * ys[i] * ys[i]
