"""Formulas of one element, of more than one operation: what activation kernels and generated ones compute.

Every operation is rounded as written (``exact``; ``fma`` where one is wanted), so that a formula gives the same bits
wherever it is compiled into: in a kernel of its own, or in one that does the ops around it too (``formula.py``).
Arguments are numbers of one float dtype. NaN stays NaN, but not in the gradients of piecewise linear functions.
"""

import numpy as np

from ..jit import exact
from .scalar import exp_below_zero_of, expm1_of, gauss_of, log1p_of, normal_below_of, sigmoid_of
from .vectors import fma, select

SQRT_2_OVER_PI = 0.7978845608028654  # gelu_tanh, and 2 times the normal density at 0
CUBIC = 0.044715  # gelu_tanh


@exact
def elu_of(x, alpha, scale):
    """scale * x where x > 0, else scale * alpha * (exp(x) - 1)."""
    zero = type(x)(0)
    below = alpha * expm1_of(select(x > zero, zero, x))
    return scale * select(x > zero, x, below)


@exact
def elu_grad_of(dy, y, alpha, scale):
    """scale * dy where y >= 0, else (y + scale * alpha) * dy."""
    return dy * select(y >= type(y)(0), scale, y + scale * alpha)


@exact
def sigmoid_grad_of(dy, y):
    """dy * y * (1 - y)."""
    return dy * y * (type(y)(1) - y)


@exact
def tanh_grad_of(dy, y):
    """dy * (1 - y**2)."""
    return dy * fma(-y, y, type(y)(1))


@exact
def softplus_of(x):
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-abs(x)))."""
    zero = type(x)(0)
    return select(x > zero, x, zero) + log1p_of(exp_below_zero_of(-np.abs(x)))


@exact
def softplus_grad_of(dy, x):
    """dy * sigmoid(x)."""
    return dy * sigmoid_of(x)


@exact
def softsign_of(x):
    """x / (1 + abs(x))."""
    return x / (type(x)(1) + np.abs(x))


@exact
def softsign_grad_of(dy, x):
    """dy / (1 + abs(x))**2."""
    scale = type(x)(1) + np.abs(x)
    return dy / (scale * scale)


@exact
def silu_of(x, beta):
    """x * sigmoid(beta * x)."""
    return x * sigmoid_of(beta * x)


@exact
def silu_grad_of(dy, x, beta):
    """dy * (s + beta * x * s * (1 - s)), s = sigmoid(beta * x)."""
    s = sigmoid_of(beta * x)
    return dy * fma(beta * x * s, type(x)(1) - s, s)


@exact
def gelu_of(x):
    """x * P(N(0, 1) <= x)."""
    return x * normal_below_of(x)


@exact
def gelu_grad_of(dy, x):
    """dy * (P(N(0, 1) <= x) + x * exp(-x**2 / 2) / sqrt(2 * pi))."""
    density = type(x)(SQRT_2_OVER_PI / 2)
    return dy * fma(x * density, gauss_of(x), normal_below_of(x))


@exact
def gelu_tanh_of(x):
    """x * sigmoid(2 * u), u = sqrt(2 / pi) * (x + 0.044715 * x**3)."""
    real = type(x)
    return x * sigmoid_of(real(2 * SQRT_2_OVER_PI) * fma(real(CUBIC) * x * x, x, x))


@exact
def gelu_tanh_grad_of(dy, x):
    """dy * (s + x * s * (1 - s) * 2 * du/dx), s = sigmoid(2 * u), u as in ``gelu_tanh_of``."""
    real = type(x)
    one, slope, square = real(1), real(2 * SQRT_2_OVER_PI), x * x
    s = sigmoid_of(slope * fma(real(CUBIC) * square, x, x))
    return dy * fma(x * s * (one - s) * slope, fma(real(3 * CUBIC), square, one), s)


@exact
def sqrt_grad_of(y, dy):
    """dy / (2 y), and 0 where dy is 0: what nobody asks for must not become NaN at y = 0."""
    return type(y)(0.5) * dy / y if dy != 0 else type(y)(0)


@exact
def rsqrt_grad_of(y, dy):
    """-dy y**3 / 2, and 0 where dy is 0, even if y is infinite."""
    return type(y)(-0.5) * dy * y * y * y if dy != 0 else type(y)(0)


@exact
def reciprocal_grad_of(y, dy):
    """-dy y**2, and 0 where dy is 0, even if y is infinite."""
    return -dy * y * y if dy != 0 else type(y)(0)
