"""Activation functions on a GPU, forward and backward. Twin: ``kernels/cpu/activation.py``.

Arrays are flat, of one size, float32. Forward kernels read x and write y; backward kernels read dy and, of x and y,
whichever is cheaper, and write dx. Other arguments are numbers, dimensionless. Where the formulas come from stands in
the twin; results have the same bits as there.
"""

import numpy as np

from .elements import blocks, of_one, of_two, vectors
from .launch import kernel
from .pointwise import (
    elu_grad_of,
    elu_of,
    gelu_grad_of,
    gelu_of,
    gelu_tanh_grad_of,
    gelu_tanh_of,
    sigmoid_grad_of,
    silu_grad_of,
    silu_of,
    softplus_grad_of,
    softplus_of,
    softsign_grad_of,
    softsign_of,
    tanh_grad_of,
)  # fmt: skip
from .scalar import ZERO, select, sigmoid_of, tanh_of
from .target import device

SIX = np.float32(6)
ONE_ARRAY, TWO_ARRAYS = "float32* float32* int32 int32", "float32* float32* float32* int32 int32"


@device
def _relu_of(x):
    return select(x < ZERO, ZERO, x)


@device
def _relu_grad_of(dy, y):
    return select(y > ZERO, dy, ZERO)


@device
def _relu6_of(x):
    return select(x < ZERO, ZERO, select(x > SIX, SIX, x))


@device
def _relu6_grad_of(dy, y):
    return select(ZERO < y < SIX, dy, ZERO)


@device
def _leaky_relu_of(x, alpha):
    return select(x > ZERO, x, alpha * x)


@device
def _leaky_relu_grad_of(dy, x, alpha):
    return select(x > ZERO, dy, alpha * dy)


@kernel(ONE_ARRAY)
def _relu(x, y, n, wide):
    of_one(_relu_of, (), x, y, n, wide)


def relu(x, y):
    """y = max(x, 0)."""
    _relu(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _relu_grad(dy, y, dx, n, wide):
    of_two(_relu_grad_of, (), dy, y, dx, n, wide)


def relu_grad(dy, y, dx):
    """dx = dy where y > 0, else 0."""
    _relu_grad(blocks(dx), dy, y, dx, dx.size, vectors(dy, y, dx))


@kernel(ONE_ARRAY)
def _relu6(x, y, n, wide):
    of_one(_relu6_of, (), x, y, n, wide)


def relu6(x, y):
    """y = min(max(x, 0), 6)."""
    _relu6(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _relu6_grad(dy, y, dx, n, wide):
    of_two(_relu6_grad_of, (), dy, y, dx, n, wide)


def relu6_grad(dy, y, dx):
    """dx = dy where 0 < y < 6, else 0."""
    _relu6_grad(blocks(dx), dy, y, dx, dx.size, vectors(dy, y, dx))


@kernel("float32* float32 float32* int32 int32")
def _leaky_relu(x, alpha, y, n, wide):
    of_one(_leaky_relu_of, (alpha,), x, y, n, wide)


def leaky_relu(x, alpha, y):
    """y = x where x > 0, else alpha * x."""
    _leaky_relu(blocks(y), x, alpha, y, y.size, vectors(x, y))


@kernel("float32* float32* float32 float32* int32 int32")
def _leaky_relu_grad(dy, x, alpha, dx, n, wide):
    of_two(_leaky_relu_grad_of, (alpha,), dy, x, dx, n, wide)


def leaky_relu_grad(dy, x, alpha, dx):
    """dx = dy where x > 0, else alpha * dy."""
    _leaky_relu_grad(blocks(dx), dy, x, alpha, dx, dx.size, vectors(dy, x, dx))


@kernel("float32* float32 float32 float32* int32 int32")
def _elu(x, alpha, scale, y, n, wide):
    of_one(elu_of, (alpha, scale), x, y, n, wide)


def elu(x, alpha, scale, y):
    """y = scale * x where x > 0, else scale * alpha * (exp(x) - 1). SELU has its own alpha and scale."""
    _elu(blocks(y), x, alpha, scale, y, y.size, vectors(x, y))


@kernel("float32* float32* float32 float32 float32* int32 int32")
def _elu_grad(dy, y, alpha, scale, dx, n, wide):
    of_two(elu_grad_of, (alpha, scale), dy, y, dx, n, wide)


def elu_grad(dy, y, alpha, scale, dx):
    """dx = scale * dy where y >= 0, else (y + scale * alpha) * dy."""
    _elu_grad(blocks(dx), dy, y, alpha, scale, dx, dx.size, vectors(dy, y, dx))


@kernel(ONE_ARRAY)
def _sigmoid(x, y, n, wide):
    of_one(sigmoid_of, (), x, y, n, wide)


def sigmoid(x, y):
    """y = 1 / (1 + exp(-x))."""
    _sigmoid(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _sigmoid_grad(dy, y, dx, n, wide):
    of_two(sigmoid_grad_of, (), dy, y, dx, n, wide)


def sigmoid_grad(dy, y, dx):
    """dx = dy * y * (1 - y)."""
    _sigmoid_grad(blocks(dx), dy, y, dx, dx.size, vectors(dy, y, dx))


@kernel(ONE_ARRAY)
def _tanh(x, y, n, wide):
    of_one(tanh_of, (), x, y, n, wide)


def tanh(x, y):
    """y = tanh(x)."""
    _tanh(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _tanh_grad(dy, y, dx, n, wide):
    of_two(tanh_grad_of, (), dy, y, dx, n, wide)


def tanh_grad(dy, y, dx):
    """dx = dy * (1 - y**2)."""
    _tanh_grad(blocks(dx), dy, y, dx, dx.size, vectors(dy, y, dx))


@kernel(ONE_ARRAY)
def _softplus(x, y, n, wide):
    of_one(softplus_of, (), x, y, n, wide)


def softplus(x, y):
    """y = log(1 + exp(x))."""
    _softplus(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _softplus_grad(dy, x, dx, n, wide):
    of_two(softplus_grad_of, (), dy, x, dx, n, wide)


def softplus_grad(dy, x, dx):
    """dx = dy * sigmoid(x)."""
    _softplus_grad(blocks(dx), dy, x, dx, dx.size, vectors(dy, x, dx))


@kernel(ONE_ARRAY)
def _softsign(x, y, n, wide):
    of_one(softsign_of, (), x, y, n, wide)


def softsign(x, y):
    """y = x / (1 + abs(x))."""
    _softsign(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _softsign_grad(dy, x, dx, n, wide):
    of_two(softsign_grad_of, (), dy, x, dx, n, wide)


def softsign_grad(dy, x, dx):
    """dx = dy / (1 + abs(x))**2."""
    _softsign_grad(blocks(dx), dy, x, dx, dx.size, vectors(dy, x, dx))


@kernel("float32* float32 float32* int32 int32")
def _silu(x, beta, y, n, wide):
    of_one(silu_of, (beta,), x, y, n, wide)


def silu(x, beta, y):
    """y = x * sigmoid(beta * x)."""
    _silu(blocks(y), x, beta, y, y.size, vectors(x, y))


@kernel("float32* float32* float32 float32* int32 int32")
def _silu_grad(dy, x, beta, dx, n, wide):
    of_two(silu_grad_of, (beta,), dy, x, dx, n, wide)


def silu_grad(dy, x, beta, dx):
    """dx = dy * (s + beta * x * s * (1 - s)), s = sigmoid(beta * x)."""
    _silu_grad(blocks(dx), dy, x, beta, dx, dx.size, vectors(dy, x, dx))


@kernel(ONE_ARRAY)
def _gelu(x, y, n, wide):
    of_one(gelu_of, (), x, y, n, wide)


def gelu(x, y):
    """y = x * P(N(0, 1) <= x)."""
    _gelu(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _gelu_grad(dy, x, dx, n, wide):
    of_two(gelu_grad_of, (), dy, x, dx, n, wide)


def gelu_grad(dy, x, dx):
    """dx = dy * (P(N(0, 1) <= x) + x * exp(-x**2 / 2) / sqrt(2 * pi))."""
    _gelu_grad(blocks(dx), dy, x, dx, dx.size, vectors(dy, x, dx))


@kernel(ONE_ARRAY)
def _gelu_tanh(x, y, n, wide):
    of_one(gelu_tanh_of, (), x, y, n, wide)


def gelu_tanh(x, y):
    """y = x * sigmoid(2 * u), u = sqrt(2 / pi) * (x + 0.044715 * x**3)."""
    _gelu_tanh(blocks(y), x, y, y.size, vectors(x, y))


@kernel(TWO_ARRAYS)
def _gelu_tanh_grad(dy, x, dx, n, wide):
    of_two(gelu_tanh_grad_of, (), dy, x, dx, n, wide)


def gelu_tanh_grad(dy, x, dx):
    """dx = dy * (s + x * s * (1 - s) * 2 * du/dx), s = sigmoid(2 * u)."""
    _gelu_tanh_grad(blocks(dx), dy, x, dx, dx.size, vectors(dy, x, dx))
