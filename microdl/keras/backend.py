"""State that belongs to no layer, and the names of Keras's old backend, ``K.sum`` and so on: functions of tensors."""

import numpy as _np

from microdl.core import dtypes as _dtypes
from microdl.core.missing import missing as _missing
from microdl.core.tensor import convert as _convert
from microdl.core.variable import Variable as _Variable
from microdl.keras import losses as _losses
from microdl.keras.losses import EPSILON as _EPSILON
from microdl.keras.naming import reset_names as _reset_names
from microdl.ops import activation as _activation, array as _array, math as _math, random as _random
from microdl.ops.activation import relu as relu, sigmoid as sigmoid, softplus as softplus, softsign as softsign
from microdl.ops.array import (
    cast as cast,
    expand_dims as expand_dims,
    gather as gather,
    one_hot as _one_hot,
    ones_like as ones_like,
    reshape as reshape,
    reverse as reverse,
    shape as shape,
    squeeze as squeeze,
    stack as stack,
    stop_gradient as stop_gradient,
    tile as tile,
    transpose as transpose,
    zeros_like as zeros_like,
)
from microdl.ops.control import cond as _cond
from microdl.ops.linalg import matmul as _matmul
from microdl.ops.math import (
    abs as abs,
    cos as cos,
    equal as equal,
    exp as exp,
    greater as greater,
    greater_equal as greater_equal,
    less as less,
    less_equal as less_equal,
    log as log,
    maximum as maximum,
    minimum as minimum,
    not_equal as not_equal,
    pow as pow,
    round as round,
    sign as sign,
    sin as sin,
    sqrt as sqrt,
    square as square,
)
from microdl.ops.softmax import softmax as _softmax

_all, _any, _max, _min, _sum = (getattr(_math, f"reduce_{name}") for name in ("all", "any", "max", "min", "sum"))


_uids: dict = {}


def clear_session(free_memory=True):
    """Names of layers, optimizers and metrics count from the start again: the next Dense is ``dense``.

    Args:
        free_memory: not used; what is no longer referenced is freed at once.
    """
    _reset_names()


def backend():
    """Whose functions these are."""
    return "tensorflow"


def epsilon():
    """The small number that keeps logarithms and quotients finite: 1e-7."""
    return _EPSILON


def set_epsilon(value):
    """Accepts 1e-7, the only value here. Raises ValueError for others."""
    _only("set_epsilon", value, _EPSILON)


def floatx():
    """Name of the dtype of weights where none is given."""
    return "float32"


def set_floatx(value):
    """Accepts "float32", the only value here. Raises ValueError for others."""
    _only("set_floatx", value, "float32")


def image_data_format():
    """Where images have their channels: last, (batch, height, width, channels)."""
    return "channels_last"


def set_image_data_format(data_format):
    """Accepts "channels_last", the only value here. Raises ValueError for others."""
    _only("set_image_data_format", data_format, "channels_last")


def _only(function, value, only):
    if value != only:
        raise ValueError(f"{function}: {only!r} is the only value in microdl, got {value!r}")


def get_uid(prefix=""):
    """A number that this prefix did not have yet: 1, 2, ..."""
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


# Tensors.


def constant(value, dtype=None, shape=None, name=None):
    """A Tensor, float32 by default."""
    tensor = _convert(value, _dtypes.as_dtype(dtype or "float32"))
    return tensor if shape is None else _array.broadcast_to(tensor, shape)


def variable(value, dtype=None, name=None, constraint=None):
    """A Variable, float32 by default."""
    made = _Variable(_array.cast(value, dtype or "float32"), name=name)
    made.constraint = constraint
    return made


def zeros(shape, dtype=None, name=None):
    """A Variable of zeros."""
    return _Variable(_array.zeros(shape, _dtypes.as_dtype(dtype or "float32")), name=name)


def ones(shape, dtype=None, name=None):
    """A Variable of ones."""
    return _Variable(_array.ones(shape, _dtypes.as_dtype(dtype or "float32")), name=name)


def dtype(x):
    """The name of a tensor's dtype."""
    return x.dtype.name


def ndim(x):
    """How many axes a tensor has."""
    return _convert(x).ndim


def int_shape(x):
    """A tensor's shape as a tuple, None where a size is unknown."""
    return tuple(x.shape)


def cast_to_floatx(x):
    """An array or tensor as float32."""
    return _np.asarray(x, "float32") if isinstance(x, (_np.ndarray, list, tuple)) else _array.cast(x, "float32")


def get_value(x):
    """A tensor's or variable's value as an array."""
    return _convert(x).numpy()


def set_value(x, value):
    """Assigns to a Variable."""
    x.assign(_np.asarray(value, x.dtype.as_numpy_dtype))


def update(x, new_x):
    """Assigns to a Variable."""
    return x.assign(new_x)


def update_add(x, increment):
    """Adds to a Variable."""
    return x.assign_add(increment)


def update_sub(x, decrement):
    """Subtracts from a Variable."""
    return x.assign_sub(decrement)


# Mathematics.


def sum(x, axis=None, keepdims=False):
    """The sum over ``axis`` (None: all)."""
    return _sum(x, axis, keepdims)


def mean(x, axis=None, keepdims=False):
    """The mean over ``axis`` (None: all); of whole numbers and bools as float32."""
    x = _convert(x)
    return _math.reduce_mean(x if x.dtype.is_floating else _array.cast(x, "float32"), axis, keepdims)


def prod(x, axis=None, keepdims=False):
    """The product over ``axis`` (None: all)."""
    return _math.reduce_prod(x, axis, keepdims)


def max(x, axis=None, keepdims=False):
    """The largest element over ``axis`` (None: all)."""
    return _max(x, axis, keepdims)


def min(x, axis=None, keepdims=False):
    """The smallest element over ``axis`` (None: all)."""
    return _min(x, axis, keepdims)


def var(x, axis=None, keepdims=False):
    """The variance over ``axis`` (None: all)."""
    return mean(_math.square(_convert(x) - mean(x, axis, True)), axis, keepdims)


def std(x, axis=None, keepdims=False):
    """The standard deviation over ``axis`` (None: all)."""
    return _math.sqrt(var(x, axis, keepdims))


def any(x, axis=None, keepdims=False):
    """Whether an element over ``axis`` (None: all) is not 0."""
    return _any(_array.cast(x, "bool"), axis, keepdims)


def all(x, axis=None, keepdims=False):
    """Whether no element over ``axis`` (None: all) is 0."""
    return _all(_array.cast(x, "bool"), axis, keepdims)


def argmax(x, axis=-1):
    """The place of the largest element along ``axis``."""
    return _math.argmax(x, axis)


def argmin(x, axis=-1):
    """The place of the smallest element along ``axis``."""
    return _math.argmin(x, axis)


def clip(x, min_value, max_value):
    """x kept in [min_value, max_value]; None: no limit."""
    x = x if min_value is None else _math.maximum(_convert(x), min_value)
    return x if max_value is None else _math.minimum(_convert(x), max_value)


def dot(x, y):
    """The product of matrices; of more axes, over the last of x and the last but one of y."""
    x, y = _convert(x), _convert(y)
    if x.ndim <= 2 and y.ndim <= 2:
        return _matmul(x, y)
    inner = y.ndim - 2
    axes = [inner, *(i for i in range(y.ndim) if i != inner)]
    rows = _array.reshape(x, (-1, x.shape[-1]))
    columns = _array.reshape(_array.transpose(y, axes), (y.shape[inner], -1))
    rest = [n for i, n in enumerate(y.shape) if i != inner]
    return _array.reshape(_matmul(rows, columns), (*x.shape[:-1], *rest))


def concatenate(tensors, axis=-1):
    """Tensors put together along ``axis``."""
    return _array.concat(tensors, axis)


def flatten(x):
    """All elements in one axis."""
    return _array.reshape(x, (-1,))


def batch_flatten(x):
    """All axes but the first as one."""
    x = _convert(x)
    return _array.reshape(x, (_array.shape(x)[0], -1))


def permute_dimensions(x, pattern):
    """The axes in another order."""
    return _array.transpose(x, pattern)


def one_hot(indices, num_classes):
    """Rows with 1 at the place of the index."""
    return _one_hot(indices, num_classes)


def switch(condition, then_expression, else_expression):
    """One of two, functions without arguments or tensors; a condition of several elements chooses for each."""
    condition = _array.cast(condition, "bool")
    if not condition.ndim:
        then, other = (f if callable(f) else (lambda value=f: value) for f in (then_expression, else_expression))
        return _cond(condition, then, other)
    then, other = (f() if callable(f) else f for f in (then_expression, else_expression))
    return _array.where(condition, then, other)


def tanh(x):
    """The hyperbolic tangent."""
    return _activation.tanh(x)


def softmax(x, axis=-1):
    """``exp(x) / sum(exp(x))`` along ``axis``."""
    return _softmax(x, axis)


def elu(x, alpha=1.0):
    """x where x > 0, else ``alpha (exp(x) - 1)``."""
    return _activation.elu(x) if alpha == 1 else _array.where(_math.greater(x, 0.0), x, alpha * _activation.elu(x))


def binary_crossentropy(target, output, from_logits=False):
    """-t log(p) - (1 - t) log(1 - p) of each element."""
    target, output = (_array.expand_dims(x, -1) for x in (target, output))
    return _losses.binary_crossentropy(target, output, from_logits)


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum t log(p) along ``axis``."""
    return _losses.categorical_crossentropy(target, output, from_logits, axis=axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(p[t]), t class numbers."""
    return _losses.sparse_categorical_crossentropy(target, output, from_logits, axis=axis)


def random_normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    """Normally distributed numbers."""
    return _random.normal(shape, mean, stddev, _dtypes.as_dtype(dtype or "float32"), seed)


def random_uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    """Numbers distributed evenly over [minval, maxval)."""
    return _random.uniform(shape, minval, maxval, _dtypes.as_dtype(dtype or "float32"), seed)


__getattr__ = _missing(__name__, globals())
