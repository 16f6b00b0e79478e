"""Functions of one array, element by element, on the CPU. Twin: ``kernels/cuda/unary.py``.

Arrays are flat, of one size and, unless said otherwise, of one dtype: x is read, y is written. A task is one
block of elements.
"""

import numpy as np

from ..jit import exact, kernel
from .broadcast import output_blocks, part
from .pointwise import reciprocal_grad_of, rsqrt_grad_of, sqrt_grad_of
from .scalar import erf_of, exp_of, expm1_of, log1p_of, log_of


@exact  # fastmath would reassociate 1 / sqrt(x) into an estimate
def _inverse(one, x):
    return one / x


# Signs and rounding.


@kernel(tasks=output_blocks)
def negative(block, x, y):
    """y = -x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = -xs[i]


@kernel(tasks=output_blocks)
def abs(block, x, y):
    """y = abs(x); the smallest signed integer stays as it is."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.abs(xs[i])


@kernel(tasks=output_blocks)
def sign(block, x, y):
    """y = -1, 0 or 1 by the sign of x; NaN where x is NaN."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = x.dtype.type(1) if xs[i] > x.dtype.type(0) else np.sign(xs[i])  # which takes unsigned ones for signed


@kernel(tasks=output_blocks)
def floor(block, x, y):
    """y = the greatest whole number <= x, floats."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.floor(xs[i])


@kernel(tasks=output_blocks)
def ceil(block, x, y):
    """y = the smallest whole number >= x, floats."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.ceil(xs[i])


@kernel(tasks=output_blocks)
def round(block, x, y):
    """y = x rounded to a whole number, halves to the even one (IEEE 754), floats."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.rint(xs[i])


# Powers, exponentials and logarithms.


@kernel(tasks=output_blocks)
def square(block, x, y):
    """y = x**2."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = xs[i] * xs[i]


@kernel(tasks=output_blocks)
def sqrt(block, x, y):
    """y = sqrt(x); NaN where x < 0."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.sqrt(xs[i])


@kernel(tasks=output_blocks)
def rsqrt(block, x, y):
    """y = 1 / sqrt(x)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = _inverse(x.dtype.type(1), np.sqrt(xs[i]))


@kernel(tasks=output_blocks)
def reciprocal(block, x, y):
    """y = 1 / x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = _inverse(x.dtype.type(1), xs[i])


@kernel(tasks=output_blocks)
def exp(block, x, y):
    """y = e**x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = exp_of(xs[i])


@kernel(tasks=output_blocks)
def expm1(block, x, y):
    """y = e**x - 1, exact also where x is near 0."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = expm1_of(xs[i])


@kernel(tasks=output_blocks)
def log(block, x, y):
    """y = natural logarithm of x; -inf at 0, NaN below."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = log_of(xs[i])


@kernel(tasks=output_blocks)
def log1p(block, x, y):
    """y = log(1 + x), exact also where x is near 0."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = log1p_of(xs[i])


@kernel(tasks=output_blocks)
def erf(block, x, y):
    """y = 2 / sqrt(pi) * integral of exp(-t**2) for t from 0 to x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = erf_of(xs[i])


# Trigonometric and hyperbolic functions; angles are radians.


@kernel(tasks=output_blocks)
def sin(block, x, y):
    """y = sin(x)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.sin(xs[i])


@kernel(tasks=output_blocks)
def cos(block, x, y):
    """y = cos(x)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.cos(xs[i])


@kernel(tasks=output_blocks)
def tan(block, x, y):
    """y = tan(x)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.tan(xs[i])


@kernel(tasks=output_blocks)
def asin(block, x, y):
    """y = the angle in [-pi/2, pi/2] whose sine is x; NaN outside [-1, 1]."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.arcsin(xs[i])


@kernel(tasks=output_blocks)
def acos(block, x, y):
    """y = the angle in [0, pi] whose cosine is x; NaN outside [-1, 1]."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.arccos(xs[i])


@kernel(tasks=output_blocks)
def atan(block, x, y):
    """y = the angle in (-pi/2, pi/2) whose tangent is x."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.arctan(xs[i])


@kernel(tasks=output_blocks)
def sinh(block, x, y):
    """y = (e**x - e**-x) / 2."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.sinh(xs[i])


@kernel(tasks=output_blocks)
def cosh(block, x, y):
    """y = (e**x + e**-x) / 2."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.cosh(xs[i])


# Tests: y is bool.


@kernel(tasks=output_blocks)
def logical_not(block, x, y):
    """y = not x; x is bool too."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = not xs[i]


@kernel(tasks=output_blocks)
def is_nan(block, x, y):
    """y = whether x is NaN."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.isnan(xs[i])


@kernel(tasks=output_blocks)
def is_inf(block, x, y):
    """y = whether x is an infinity."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.isinf(xs[i])


@kernel(tasks=output_blocks)
def is_finite(block, x, y):
    """y = whether x is neither NaN nor infinite."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.isfinite(xs[i])


@kernel(tasks=output_blocks)
def clip(block, x, low, high, y):
    """y = max(min(x, high), low); NaN stays NaN. low, high: scalars of x's dtype."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = np.maximum(np.minimum(xs[i], high), low)


# Backward kernels that save passes over memory; y is the forward kernel's output, dy and dx are as it.


@kernel(tasks=output_blocks)
def sqrt_grad(block, y, dy, dx):
    """dx = dy / (2 y), the gradient of y = sqrt(x)."""
    ys, dys, dxs = part(y, block), part(dy, block), part(dx, block)
    for i in range(ys.size):
        dxs[i] = sqrt_grad_of(ys[i], dys[i])


@kernel(tasks=output_blocks)
def rsqrt_grad(block, y, dy, dx):
    """dx = -dy y**3 / 2, the gradient of y = x**(-1/2)."""
    ys, dys, dxs = part(y, block), part(dy, block), part(dx, block)
    for i in range(ys.size):
        dxs[i] = rsqrt_grad_of(ys[i], dys[i])


@kernel(tasks=output_blocks)
def reciprocal_grad(block, y, dy, dx):
    """dx = -dy y**2, the gradient of y = 1 / x."""
    ys, dys, dxs = part(y, block), part(dy, block), part(dx, block)
    for i in range(ys.size):
        dxs[i] = reciprocal_grad_of(ys[i], dys[i])
