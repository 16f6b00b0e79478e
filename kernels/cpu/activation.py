"""Activation functions on the CPU, forward and backward. Twin: ``kernels/cuda/activation.py``.

Arrays are flat, of one size and one float dtype. Forward kernels read x and write y; backward kernels read dy and, of x
and y, whichever is cheaper, and write dx. Other arguments are scalars of that dtype, dimensionless. NaN stays NaN, but
not in the gradients of piecewise linear functions. A task is one block of elements.
"""

from ..jit import inner, kernel
from .broadcast import output_blocks, part
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
)
from .scalar import sigmoid_of, tanh_of
from .streams import past_caches, stream
from .vectors import broadcast, select

SERIAL_BELOW = 8192  # elements; exponentials take long enough for a second thread to pay early


@kernel(tasks=output_blocks)
def relu(block, x, y):
    """y = max(x, 0). Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010."""
    zero = x.dtype.type(0)
    xs, ys = part(x, block), part(y, block)
    if past_caches(y):
        stream(_positive, broadcast(zero, x), xs, xs, ys)
    else:
        for i in range(xs.size):
            ys[i] = zero if xs[i] < zero else xs[i]


@inner
def _positive(x, _, zero):
    return select(x < zero, zero, x)


@kernel(tasks=output_blocks)
def relu_grad(block, dy, y, dx):
    """dx = dy where y > 0, else 0."""
    zero = y.dtype.type(0)
    dys, ys, dxs = part(dy, block), part(y, block), part(dx, block)
    if past_caches(dx):
        stream(_where_positive, broadcast(zero, dx), dys, ys, dxs)
    else:
        for i in range(ys.size):
            dxs[i] = dys[i] if ys[i] > zero else zero


@inner
def _where_positive(dy, y, zero):
    return select(y > zero, dy, zero)


@kernel(tasks=output_blocks)
def relu6(block, x, y):
    """y = min(max(x, 0), 6). Krizhevsky, "Convolutional Deep Belief Networks on CIFAR-10", 2010."""
    zero, six = x.dtype.type(0), x.dtype.type(6)
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = zero if xs[i] < zero else (six if xs[i] > six else xs[i])


@kernel(tasks=output_blocks)
def relu6_grad(block, dy, y, dx):
    """dx = dy where 0 < y < 6, else 0."""
    zero, six = y.dtype.type(0), y.dtype.type(6)
    dys, ys, dxs = part(dy, block), part(y, block), part(dx, block)
    for i in range(ys.size):
        dxs[i] = dys[i] if (ys[i] > zero) & (ys[i] < six) else zero


@kernel(tasks=output_blocks)
def leaky_relu(block, x, alpha, y):
    """y = x where x > 0, else alpha * x.

    Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
    """
    zero = x.dtype.type(0)
    xs, ys = part(x, block), part(y, block)
    if past_caches(y):
        stream(_leaky, (broadcast(zero, x), broadcast(alpha, x)), xs, xs, ys)
    else:
        for i in range(xs.size):
            ys[i] = xs[i] if xs[i] > zero else alpha * xs[i]


@kernel(tasks=output_blocks)
def leaky_relu_grad(block, dy, x, alpha, dx):
    """dx = dy where x > 0, else alpha * dy."""
    zero = x.dtype.type(0)
    dys, xs, dxs = part(dy, block), part(x, block), part(dx, block)
    if past_caches(dx):
        stream(_leaky, (broadcast(zero, x), broadcast(alpha, x)), dys, xs, dxs)
    else:
        for i in range(xs.size):
            dxs[i] = dys[i] if xs[i] > zero else alpha * dys[i]


@inner
def _leaky(value, x, constants):
    zero, alpha = constants
    return select(x > zero, value, alpha * value)


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def elu(block, x, alpha, scale, y):
    """y = scale * x where x > 0, else scale * alpha * (exp(x) - 1).

    ELU has scale 1: Clevert, Unterthiner and Hochreiter, arXiv:1511.07289, equation 15. SELU has the alpha and scale
    that keep mean 0 and variance 1 from layer to layer: Klambauer et al., arXiv:1706.02515, equations 2 and 14.
    """
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = elu_of(xs[i], alpha, scale)


@kernel(tasks=output_blocks)
def elu_grad(block, dy, y, alpha, scale, dx):
    """dx = scale * dy where y >= 0, else (y + scale * alpha) * dy."""
    dys, ys, dxs = part(dy, block), part(y, block), part(dx, block)
    for i in range(ys.size):
        dxs[i] = elu_grad_of(dys[i], ys[i], alpha, scale)


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def sigmoid(block, x, y):
    """y = 1 / (1 + exp(-x))."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = sigmoid_of(xs[i])


@kernel(tasks=output_blocks)
def sigmoid_grad(block, dy, y, dx):
    """dx = dy * y * (1 - y)."""
    dys, ys, dxs = part(dy, block), part(y, block), part(dx, block)
    for i in range(ys.size):
        dxs[i] = sigmoid_grad_of(dys[i], ys[i])


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def tanh(block, x, y):
    """y = tanh(x)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = tanh_of(xs[i])


@kernel(tasks=output_blocks)
def tanh_grad(block, dy, y, dx):
    """dx = dy * (1 - y**2)."""
    dys, ys, dxs = part(dy, block), part(y, block), part(dx, block)
    for i in range(ys.size):
        dxs[i] = tanh_grad_of(dys[i], ys[i])


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def softplus(block, x, y):
    """y = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-abs(x)))."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = softplus_of(xs[i])


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def softplus_grad(block, dy, x, dx):
    """dx = dy * sigmoid(x)."""
    dys, xs, dxs = part(dy, block), part(x, block), part(dx, block)
    for i in range(xs.size):
        dxs[i] = softplus_grad_of(dys[i], xs[i])


@kernel(tasks=output_blocks)
def softsign(block, x, y):
    """y = x / (1 + abs(x))."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = softsign_of(xs[i])


@kernel(tasks=output_blocks)
def softsign_grad(block, dy, x, dx):
    """dx = dy / (1 + abs(x))**2."""
    dys, xs, dxs = part(dy, block), part(x, block), part(dx, block)
    for i in range(xs.size):
        dxs[i] = softsign_grad_of(dys[i], xs[i])


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def silu(block, x, beta, y):
    """y = x * sigmoid(beta * x). Ramachandran, Zoph and Le, arXiv:1710.05941 (also called swish)."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = silu_of(xs[i], beta)


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def silu_grad(block, dy, x, beta, dx):
    """dx = dy * (s + beta * x * s * (1 - s)), s = sigmoid(beta * x)."""
    dys, xs, dxs = part(dy, block), part(x, block), part(dx, block)
    for i in range(xs.size):
        dxs[i] = silu_grad_of(dys[i], xs[i], beta)


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def gelu(block, x, y):
    """y = x * P(N(0, 1) <= x) = x * erfc(-x / sqrt(2)) / 2. Hendrycks and Gimpel, arXiv:1606.08415."""
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = gelu_of(xs[i])


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def gelu_grad(block, dy, x, dx):
    """dx = dy * (P(N(0, 1) <= x) + x * exp(-x**2 / 2) / sqrt(2 * pi))."""
    dys, xs, dxs = part(dy, block), part(x, block), part(dx, block)
    for i in range(xs.size):
        dxs[i] = gelu_grad_of(dys[i], xs[i])


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def gelu_tanh(block, x, y):
    """y = x * (1 + tanh(u)) / 2 = x * sigmoid(2 * u), u = sqrt(2 / pi) * (x + 0.044715 * x**3).

    The approximation of gelu in arXiv:1606.08415, section 2.
    """
    xs, ys = part(x, block), part(y, block)
    for i in range(xs.size):
        ys[i] = gelu_tanh_of(xs[i])


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def gelu_tanh_grad(block, dy, x, dx):
    """dx = dy * (s + x * s * (1 - s) * 2 * du/dx), s = sigmoid(2 * u), u as in gelu_tanh."""
    dys, xs, dxs = part(dy, block), part(x, block), part(dx, block)
    for i in range(xs.size):
        dxs[i] = gelu_tanh_grad_of(dys[i], xs[i])
