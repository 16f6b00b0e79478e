"""Formulas of one element on a GPU. Twin: ``kernels/cpu/pointwise.py``, with the same steps, and so the same bits.

Numbers are float32; products and sums are rounded as written.
"""

import numpy as np

from ..cpu import pointwise
from .scalar import (
    HALF,
    ONE,
    ZERO,
    exp_below_zero_of,
    expm1_of,
    fma,
    gauss_of,
    log1p_of,
    normal_below_of,
    select,
    sigmoid_of,
)  # fmt: skip
from .target import device

SLOPE = np.float32(2 * pointwise.SQRT_2_OVER_PI)
DENSITY = np.float32(pointwise.SQRT_2_OVER_PI / 2)
CUBIC, THRICE_CUBIC = np.float32(pointwise.CUBIC), np.float32(3 * pointwise.CUBIC)


@device
def elu_of(x, alpha, scale):
    """scale * x where x > 0, else scale * alpha * (exp(x) - 1)."""
    below = alpha * expm1_of(select(x > ZERO, ZERO, x))
    return scale * select(x > ZERO, x, below)


@device
def elu_grad_of(dy, y, alpha, scale):
    """scale * dy where y >= 0, else (y + scale * alpha) * dy."""
    return dy * select(y >= ZERO, scale, y + scale * alpha)


@device
def sigmoid_grad_of(dy, y):
    """dy * y * (1 - y)."""
    return dy * y * (ONE - y)


@device
def tanh_grad_of(dy, y):
    """dy * (1 - y**2)."""
    return dy * fma(-y, y, ONE)


@device
def softplus_of(x):
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-abs(x)))."""
    return select(x > ZERO, x, ZERO) + log1p_of(exp_below_zero_of(-abs(x)))


@device
def softplus_grad_of(dy, x):
    """dy * sigmoid(x)."""
    return dy * sigmoid_of(x)


@device
def softsign_of(x):
    """x / (1 + abs(x))."""
    return x / (ONE + abs(x))


@device
def softsign_grad_of(dy, x):
    """dy / (1 + abs(x))**2."""
    scale = ONE + abs(x)
    return dy / (scale * scale)


@device
def silu_of(x, beta):
    """x * sigmoid(beta * x)."""
    return x * sigmoid_of(beta * x)


@device
def silu_grad_of(dy, x, beta):
    """dy * (s + beta * x * s * (1 - s)), s = sigmoid(beta * x)."""
    s = sigmoid_of(beta * x)
    return dy * fma(beta * x * s, ONE - s, s)


@device
def gelu_of(x):
    """x * P(N(0, 1) <= x)."""
    return x * normal_below_of(x)


@device
def gelu_grad_of(dy, x):
    """dy * (P(N(0, 1) <= x) + x * exp(-x**2 / 2) / sqrt(2 * pi))."""
    return dy * fma(x * DENSITY, gauss_of(x), normal_below_of(x))


@device
def gelu_tanh_of(x):
    """x * sigmoid(2 * u), u = sqrt(2 / pi) * (x + 0.044715 * x**3)."""
    return x * sigmoid_of(SLOPE * fma(CUBIC * x * x, x, x))


@device
def gelu_tanh_grad_of(dy, x):
    """dy * (s + x * s * (1 - s) * 2 * du/dx), s = sigmoid(2 * u), u as in ``gelu_tanh_of``."""
    square = x * x
    s = sigmoid_of(SLOPE * fma(CUBIC * square, x, x))
    return dy * fma(x * s * (ONE - s) * SLOPE, fma(THRICE_CUBIC, square, ONE), s)


@device
def sqrt_grad_of(y, dy):
    """dy / (2 y), and 0 where dy is 0: what nobody asks for must not become NaN at y = 0."""
    return HALF * dy / y if dy != ZERO else ZERO


@device
def rsqrt_grad_of(y, dy):
    """-dy y**3 / 2, and 0 where dy is 0, even if y is infinite."""
    return -HALF * dy * y * y * y if dy != ZERO else ZERO


@device
def reciprocal_grad_of(y, dy):
    """-dy y**2, and 0 where dy is 0, even if y is infinite."""
    return -dy * y * y if dy != ZERO else ZERO


@device
def sign_of(x):
    """-1, 0 or 1 by the sign of x, NaN for NaN. Integers too."""
    return type(x)((x > 0) - (x < 0)) if x == x else x


@device
def abs_of(x):
    """The absolute value. Integers too."""
    return abs(x)
