"""Activation functions by Keras's names, and ``get`` for layers that are given a name."""

import difflib
from collections.abc import Callable

from microdl.core.deferred import reads_sizes
from microdl.core.missing import missing as _missing
from microdl.core.tensor import convert
from microdl.keras.persistence.registry import get_registered_object as _registered
from microdl.keras.persistence.serialization import deserialize_keras_object as _deserialize
from microdl.ops import activation as ops, array
from microdl.ops.arithmetic import maximum, minimum
from microdl.ops.array import where
from microdl.ops.functions import clip_by_value, exp, sqrt, square
from microdl.ops.math import abs, greater, greater_equal, reduce_sum
from microdl.ops.softmax import log_softmax as _log_softmax, softmax as _softmax


def linear(x):
    """``x`` itself."""
    return x


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """``min(x, max_value)`` where ``x >= threshold``, else ``negative_slope * (x - threshold)``."""
    x = convert(x)
    if threshold != 0:
        below = negative_slope * (x - threshold) if negative_slope != 0 else 0.0
        y = where(x > threshold, x, below)
    elif negative_slope != 0:
        y = ops.leaky_relu(x, negative_slope)
    else:
        y = ops.relu(x) if x.dtype.is_floating else maximum(x, 0)
    return y if max_value is None else minimum(y, max_value)


def leaky_relu(x, negative_slope=0.2):
    """``x`` where ``x > 0``, else ``negative_slope * x``."""
    return ops.leaky_relu(x, negative_slope)


def relu6(x):
    """``min(max(x, 0), 6)``"""
    return ops.relu6(x)


def elu(x, alpha=1.0):
    """``x`` where ``x > 0``, else ``alpha * (exp(x) - 1)``."""
    y = ops.elu(x)
    return y if alpha == 1 else where(convert(x) > 0, y, alpha * y)


def selu(x):
    """``1.0507 * elu(x, 1.6733)``, whose outputs keep mean 0 and variance 1. Klambauer et al., arXiv:1706.02515."""
    return ops.selu(x)


def gelu(x, approximate=False):
    """``x * P(X <= x)`` for a standard normal X; ``approximate`` takes the formula with tanh. arXiv:1606.08415."""
    return ops.gelu(x, approximate)


def sigmoid(x):
    """``1 / (1 + exp(-x))``"""
    return ops.sigmoid(x)


def hard_sigmoid(x):
    """``min(max(x / 6 + 1/2, 0), 1)``"""
    return ops.relu6(convert(x) + 3.0) / 6.0


def tanh(x):
    """``(exp(x) - exp(-x)) / (exp(x) + exp(-x))``"""
    return ops.tanh(x)


def softplus(x):
    """``log(1 + exp(x))``"""
    return ops.softplus(x)


def softsign(x):
    """``x / (1 + |x|)``"""
    return ops.softsign(x)


def silu(x):
    """``x * sigmoid(x)``"""
    return ops.silu(x)


def hard_silu(x):
    """``x * hard_sigmoid(x)``"""
    x = convert(x)
    return x * hard_sigmoid(x)


def mish(x):
    """``x * tanh(softplus(x))``. Misra, arXiv:1908.08681."""
    return convert(x) * ops.tanh(ops.softplus(x))


def exponential(x):
    """``exp(x)``"""
    return exp(x)


def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along ``axis``."""
    return _softmax(x, axis)


def log_softmax(x, axis=-1):
    """``log(softmax(x))``, computed without the logarithm of small numbers."""
    return _log_softmax(x, axis)


def celu(x, alpha=1.0):
    """``max(x, 0) + min(alpha (exp(x / alpha) - 1), 0)``. Barron, arXiv:1704.07483."""
    x = convert(x)
    return maximum(x, 0.0) + minimum(alpha * (exp(x / alpha) - 1.0), 0.0)


@reads_sizes
def glu(x, axis=-1):
    """``a * sigmoid(b)``, a and b the halves of x along ``axis``. Dauphin et al., arXiv:1612.08083, eq. 1."""
    a, b = array.split(x, 2, axis=axis)
    return a * ops.sigmoid(b)


def hard_shrink(x, threshold=0.5):
    """x where ``|x| > threshold``, else 0."""
    x = convert(x)
    return where(greater(abs(x), threshold), x, array.zeros_like(x))


def hard_tanh(x):
    """x kept in [-1, 1]."""
    return clip_by_value(x, -1.0, 1.0)


def log_sigmoid(x):
    """``log(sigmoid(x)) = -softplus(-x)``"""
    return -ops.softplus(-convert(x))


def soft_shrink(x, threshold=0.5):
    """x brought nearer to 0 by ``threshold``, 0 within it."""
    x = convert(x)
    return maximum(x - threshold, 0.0) + minimum(x + threshold, 0.0)


def sparse_plus(x):
    """0 up to -1, ``(x + 1)^2 / 4`` up to 1, then x."""
    x = convert(x)
    middle = 0.25 * square(x + 1.0)
    return where(greater(x, 1.0), x, where(greater(x, -1.0), middle, array.zeros_like(x)))


def sparse_sigmoid(x):
    """``(x + 1) / 2`` kept in [0, 1]."""
    return clip_by_value(0.5 * (convert(x) + 1.0), 0.0, 1.0)


@reads_sizes
def sparsemax(x, axis=-1):
    """The point of the probability simplex that is nearest to x: like softmax, with zeros. ``axis``: the last one.

    x - tau, kept above 0; tau is such that the sum is 1. Martins and Astudillo, arXiv:1602.02068, algorithm 1.
    """
    x = convert(x)
    if axis not in (-1, x.ndim - 1):
        raise ValueError(f"sparsemax: axis must be the last one, got {axis} for a tensor of shape {x.shape}")
    other = array.expand_dims(x, -2)
    above = array.cast(greater_equal(other, array.expand_dims(x, -1)), x.dtype)  # (..., C, C): of each, who is above
    kept = array.cast(greater(1.0 + reduce_sum(above, -1) * x, reduce_sum(above * other, -1)), x.dtype)
    tau = (reduce_sum(kept * x, -1, True) - 1.0) / reduce_sum(kept, -1, True)
    return maximum(x - tau, 0.0)


def squareplus(x, b=4):
    """``(x + sqrt(x^2 + b)) / 2``. Barron, arXiv:2112.11687."""
    x = convert(x)
    return 0.5 * (x + sqrt(square(x) + float(b)))


def tanh_shrink(x):
    """``x - tanh(x)``"""
    return convert(x) - ops.tanh(x)


def threshold(x, threshold, default_value):
    """x where ``x > threshold``, else ``default_value``."""
    x = convert(x)
    return where(greater(x, threshold), x, array.cast(default_value, x.dtype) * array.ones_like(x))


_FUNCTIONS = (
    linear, relu, leaky_relu, relu6, elu, selu, gelu, sigmoid, hard_sigmoid, tanh, softplus, softsign, silu, hard_silu,
    mish, exponential, softmax, log_softmax, celu, glu, hard_shrink, hard_tanh, log_sigmoid, soft_shrink, sparse_plus,
    sparse_sigmoid, sparsemax, squareplus, tanh_shrink, threshold,
)  # fmt: skip
_BY_NAME = {f.__name__: f for f in _FUNCTIONS}
swish, hard_swish = silu, hard_silu
_BY_NAME |= {"swish": silu, "hard_swish": hard_silu}


def get(identifier) -> Callable:
    """The function for a name; functions come back as they are, and None is ``linear``.

    Raises: ValueError for unknown names. TypeError for what is neither name nor function.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str):
        found = _registered(identifier, None, _BY_NAME)
        if found is None:
            close = difflib.get_close_matches(identifier, _BY_NAME, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ValueError(f"unknown activation {identifier!r}; {hint}there are: {', '.join(sorted(_BY_NAME))}")
        return found
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise TypeError(f"an activation is a name, a function or None, got {identifier!r}")


def serialize(activation):
    """The name of one of this module's functions; any other function itself, of which files keep the name."""
    return activation.__name__ if activation in _FUNCTIONS else activation


def deserialize(config, custom_objects=None):
    """The activation that ``serialize`` described. custom_objects: dict from names to the user's own."""
    if isinstance(config, str):
        return (custom_objects or {}).get(config) or get(config)
    return _deserialize(config, custom_objects, module_objects=_BY_NAME)


__getattr__ = _missing(__name__, globals())
