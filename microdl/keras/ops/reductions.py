"""Functions that take one number from many."""

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.ops import array, linalg, math


@reads_sizes
def sum(x, axis=None, keepdims=False):
    """The sum over an axis, several or all (None)."""
    return math.reduce_sum(_counted(x), axis=axis, keepdims=keepdims)


@reads_sizes
def prod(x, axis=None, keepdims=False, dtype=None):
    """The product."""
    x = _counted(x) if dtype is None else array.cast(x, dtype)
    return math.reduce_prod(x, axis=axis, keepdims=keepdims)


@reads_sizes
def mean(x, axis=None, keepdims=False):
    """The mean; of whole numbers as float32."""
    return math.reduce_mean(_floating(x), axis=axis, keepdims=keepdims)


@reads_sizes
def std(x, axis=None, keepdims=False):
    """The standard deviation, of all there is: no degree of freedom is taken away."""
    return math.reduce_std(_floating(x), axis=axis, keepdims=keepdims)


@reads_sizes
def var(x, axis=None, keepdims=False):
    """The variance, likewise."""
    return math.reduce_variance(_floating(x), axis=axis, keepdims=keepdims)


@reads_sizes
def max(x, axis=None, keepdims=False):
    """The largest."""
    return math.reduce_max(x, axis=axis, keepdims=keepdims)


@reads_sizes
def min(x, axis=None, keepdims=False):
    """The smallest."""
    return math.reduce_min(x, axis=axis, keepdims=keepdims)


amax, amin = max, min


@reads_sizes
def any(x, axis=None, keepdims=False):
    """Whether one is true."""
    return math.reduce_any(array.cast(x, "bool"), axis=axis, keepdims=keepdims)


@reads_sizes
def all(x, axis=None, keepdims=False):
    """Whether all are true."""
    return math.reduce_all(array.cast(x, "bool"), axis=axis, keepdims=keepdims)


@reads_sizes
def average(x, axis=None, weights=None):
    """The mean, weighted by numbers of the shape of ``x``."""
    if weights is None:
        return mean(x, axis)
    x, weights = _floating(x), _floating(weights)
    if weights.ndim == 1 and x.ndim > 1 and axis is not None:
        weights = array.reshape(weights, [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    weights = weights + array.zeros_like(x)
    return math.reduce_sum(x * weights, axis=axis) / math.reduce_sum(weights, axis=axis)


@reads_sizes
def count_nonzero(x, axis=None):
    """How many are not zero, int32."""
    return math.reduce_sum(array.cast(array.cast(x, dtypes.bool), dtypes.int32), axis=axis)


@reads_sizes
def argmax(x, axis=None, keepdims=False):
    """Where the largest is, int32; without an axis in all of ``x``, row after row."""
    return _place(math.argmax, x, axis, keepdims)


@reads_sizes
def argmin(x, axis=None, keepdims=False):
    """Where the smallest is."""
    return _place(math.argmin, x, axis, keepdims)


def _place(function, x, axis, keepdims):
    x = convert(x)
    found = function(array.reshape(x, (-1,)), axis=0) if axis is None else function(x, axis=axis)
    found = array.cast(found, dtypes.int32)
    if not keepdims:
        return found
    return array.reshape(found, (1,) * x.ndim) if axis is None else array.expand_dims(found, axis)


@reads_sizes
def cumsum(x, axis=None, dtype=None):
    """The sum of all up to each; without an axis of all of ``x``, row after row."""
    x = convert(x) if dtype is None else array.cast(x, dtype)
    return math.cumsum(array.reshape(x, (-1,)) if axis is None else x, axis=axis or 0)


@reads_sizes
def logsumexp(x, axis=None, keepdims=False):
    """log(sum(exp(x))), without overflow."""
    return math.reduce_logsumexp(x, axis=axis, keepdims=keepdims)


@reads_sizes
def norm(x, ord=None, axis=None, keepdims=False):
    """The square root of the sum of squares, or what ``ord`` says (see ``tf.norm``)."""
    return linalg.norm(_floating(x), ord="euclidean" if ord is None else ord, axis=axis, keepdims=keepdims)


@reads_sizes
def normalize(x, axis=-1, order=2, epsilon=None):
    """``x`` divided by its norm along an axis, which counts as ``epsilon`` (1e-12) at least."""
    x = _floating(x)
    least = 1e-12 if epsilon is None else epsilon
    return x / math.maximum(linalg.norm(x, ord=order, axis=axis, keepdims=True), least)


@reads_sizes
def moments(x, axes, keepdims=False, synchronized=False):
    """Mean and variance. synchronized: accepted for Keras's sake."""
    x, axes = _floating(x), list(axes) if isinstance(axes, (list, tuple)) else axes
    return mean(x, axes, keepdims), var(x, axes, keepdims)


def _floating(x):
    x = convert(x)
    return x if x.dtype.is_floating else array.cast(x, dtypes.float32)


def _counted(x):
    x = convert(x)
    return array.cast(x, dtypes.int32) if x.dtype is dtypes.bool else x
