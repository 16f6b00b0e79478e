"""Assertions about values: at once, or whenever a traced function runs. ``tf.debugging``, ``tf.Assert``."""

from typing import Any

import numpy as np

from microdl.core import dtypes, nest
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import register_op
from microdl.core.shapes import TensorShape
from microdl.core.tensor import Operand, apply, convert
from microdl.core.variable import Variable
from microdl.ops.checks import require_bool, require_floating


@register_op("Assert")
class _Assert:
    """Raises InvalidArgumentError with ``message`` and the values of ``data`` unless the condition holds everywhere."""

    inputs = ("condition", "data*")
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(condition, *data, message, summarize):
        require_bool("Assert", condition)
        return ()

    @staticmethod
    def run(kernels, condition, *data, message, summarize):
        if not condition.all():
            shown = [np.array2string(x, threshold=summarize or 6, edgeitems=3) for x in data]
            raise InvalidArgumentError("\n".join([message, *shown]))


@register_op("CheckNumerics")
class _CheckNumerics:
    inputs = ("tensor",)
    stateful = True
    host = True

    @staticmethod
    def infer(tensor, message):
        require_floating("CheckNumerics", tensor)
        return tensor

    @staticmethod
    def run(kernels, tensor, y, message):
        found = [("NaN", np.isnan(tensor).any()), ("Inf", np.isinf(tensor).any())]
        kinds = " and ".join(kind for kind, there in found if there)
        if kinds:
            raise InvalidArgumentError(f"{message} : Tensor had {kinds} values")
        np.copyto(y, tensor)

    @staticmethod
    def gradient(node, dy):
        return apply("CheckNumerics", dy, message=f"{node.attrs['message']} (gradient)")


def Assert(condition, data, summarize=None, name=None):
    """Raises InvalidArgumentError, with the values in ``data``, unless ``condition`` (bool) holds everywhere."""
    tensors = [x for x in nest.flatten(data) if not isinstance(x, str)]
    texts = [x for x in nest.flatten(data) if isinstance(x, str)]
    condition = convert(condition)
    apply("Assert", condition, *tensors, message=" ".join(["assertion failed:", *texts]), summarize=summarize)


def _compare(op, sign, x, y, message, summarize):
    x, y = convert(x, hint=getattr(y, "dtype", None)), convert(y, hint=getattr(x, "dtype", None))
    text = "\n".join([*([message] if message else []), f"Condition x {sign} y did not hold.", "x and y:"])
    apply("Assert", apply(op, x, y), x, y, message=text, summarize=summarize)


def assert_equal(x, y, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x == y, elementwise, broadcast."""
    _compare("Equal", "==", x, y, message, summarize)


def assert_none_equal(x, y, summarize=None, message=None, name=None):
    """Raises InvalidArgumentError unless x != y in all elements."""
    _compare("NotEqual", "!=", x, y, message, summarize)


def assert_less(x, y, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x < y in all elements."""
    _compare("Less", "<", x, y, message, summarize)


def assert_less_equal(x, y, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x <= y in all elements."""
    _compare("LessEqual", "<=", x, y, message, summarize)


def assert_greater(x, y, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x > y in all elements."""
    _compare("Greater", ">", x, y, message, summarize)


def assert_greater_equal(x, y, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x >= y in all elements."""
    _compare("GreaterEqual", ">=", x, y, message, summarize)


def _sign(op, sign, x, message, summarize):
    x = convert(x)
    text = "\n".join([*([message] if message else []), f"Condition x {sign} 0 did not hold element-wise:", "x ="])
    apply("Assert", apply(op, x, 0), x, message=text, summarize=summarize)


def assert_positive(x, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x > 0 in all elements."""
    _sign("Greater", ">", x, message, summarize)


def assert_non_negative(x, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x >= 0 in all elements."""
    _sign("GreaterEqual", ">=", x, message, summarize)


def assert_negative(x, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x < 0 in all elements."""
    _sign("Less", "<", x, message, summarize)


def assert_non_positive(x, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless x <= 0 in all elements."""
    _sign("LessEqual", "<=", x, message, summarize)


def assert_near(x, y, rtol=None, atol=None, message=None, summarize=None, name=None):
    """Raises InvalidArgumentError unless abs(x - y) <= atol + rtol * abs(y). Tolerances: 10 times the dtype's eps."""
    x = convert(x, hint=getattr(y, "dtype", None))
    y = convert(y, hint=x.dtype)
    require_floating("assert_near", x.spec, y.spec)
    dtype: Any = x.dtype.as_numpy_dtype
    eps = 10 * float(np.finfo(dtype).eps)
    rtol, atol = eps if rtol is None else rtol, eps if atol is None else atol
    close = abs(x - y) <= atol + rtol * abs(y)
    text = f"x and y not equal to tolerance rtol = {rtol}, atol = {atol}"
    apply("Assert", close, x, y, message="\n".join(filter(None, [message, text])), summarize=summarize)


def assert_all_finite(x, message, name=None):
    """x itself. Raises InvalidArgumentError if an element is NaN or infinite."""
    return check_numerics(x, message)


def check_numerics(tensor, message, name=None):
    """``tensor`` itself. Raises InvalidArgumentError if an element is NaN or infinite."""
    return apply("CheckNumerics", tensor, message=message)


# What is known without values: checked while tracing


def _static(error, holds, message, text):
    if not holds:
        raise error(f"{message}. {text}" if message else text)


def assert_rank(x, rank, message=None, name=None):
    """Raises ValueError unless x has ``rank`` axes."""
    found = convert(x)
    _static(
        ValueError,
        found.ndim == int(rank),
        message,
        f"Tensor must have rank {int(rank)}. Received rank {found.ndim}, shape {found.shape}",
    )


def assert_rank_at_least(x, rank, message=None, name=None):
    """Raises ValueError unless x has ``rank`` axes or more."""
    found = convert(x)
    text = f"Tensor must have rank at least {int(rank)}. Received rank {found.ndim}, shape {found.shape}"
    _static(ValueError, found.ndim >= int(rank), message, text)


def assert_rank_in(x, ranks, message=None, name=None):
    """Raises ValueError unless the number of x's axes is one of ``ranks``."""
    found, ranks = convert(x), tuple(int(rank) for rank in ranks)
    text = f"Tensor must have rank in {ranks}. Received rank {found.ndim}, shape {found.shape}"
    _static(ValueError, found.ndim in ranks, message, text)


def assert_scalar(tensor, message=None, name=None):
    """Raises ValueError unless the shape of ``tensor`` is ()."""
    found = convert(tensor)
    _static(ValueError, not found.ndim, message, f"Expected a scalar, got a tensor of shape {found.shape}")


def assert_type(tensor, tf_type, message=None, name=None):
    """Raises TypeError unless the tensor's dtype is ``tf_type``."""
    found, wanted = convert(tensor).dtype, dtypes.as_dtype(tf_type)
    _static(TypeError, found is wanted, message, f"tensor must be of type {wanted!r}; got {found!r}")


def assert_integer(x, message=None, name=None):
    """Raises TypeError unless x holds integers."""
    found = convert(x).dtype
    _static(TypeError, found.is_integer, message, f'Expected "x" to be integer type. Found: {found!r}')


def assert_same_float_dtype(tensors=None, dtype=None):
    """The dtype, a floating one, that all ``tensors`` share (float32 if there are none). Raises ValueError."""
    found = {convert(x).dtype for x in tensors or () if x is not None}
    found |= {dtypes.as_dtype(dtype)} if dtype is not None else set()
    text = f"Expected tensors of one floating dtype, got {sorted(kind.name for kind in found)}"
    _static(ValueError, len(found) < 2 and all(kind.is_floating for kind in found), None, text)
    return found.pop() if found else dtypes.float32


def assert_proper_iterable(values):
    """Raises TypeError if ``values`` is a tensor, array, string or nothing that can be iterated over."""
    refused = isinstance(values, (Operand, np.ndarray, bytes, str)) or not hasattr(values, "__iter__")
    text = f'Expected argument "values" to be a "proper" iterable. Found: {type(values)}'
    _static(TypeError, not refused, None, text)


def assert_shapes(shapes, data=None, summarize=None, message=None, name=None):
    """Raises ValueError unless tensors have shapes in which equal names stand for equal sizes.

    Args:
        shapes: dict or list of pairs: a tensor and its shape, a sequence of ints, names and None for any size; "..." or
            ``*`` at either end stands for any number of axes.

    >>> assert_shapes([(ones((4, 3)), ("N", "D")), (ones((3,)), ("D",))])
    """
    sizes = {}
    for x, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        found, wanted = tuple(convert(x).shape), tuple(wanted) if hasattr(wanted, "__iter__") else (wanted,)
        wanted, axes = _without_ellipsis(found, wanted, message)
        for symbol, axis in zip(wanted, axes, strict=True):
            size = found[axis]
            expected = sizes.setdefault(symbol, size) if isinstance(symbol, str) else symbol
            text = f"Tensor dimension {axis} must have size {expected}. Received size {size}, shape {found}"
            _static(ValueError, symbol in (None, ".") or expected == size, message, text)


def _without_ellipsis(found, wanted, message):
    """The entries of a wanted shape that stand for one axis each, and these axes."""
    any_number, text = (Ellipsis, "...", "*"), f"Tensor of shape {found} does not have the rank of {wanted}"
    first, last = (wanted[:1] and wanted[0] in any_number), (wanted[-1:] and wanted[-1] in any_number)
    entries = wanted[bool(first) : len(wanted) - bool(last and len(wanted) > 1)]
    fits = len(entries) <= len(found) if first or last else len(entries) == len(found)
    _static(ValueError, fits, message, text)
    start = len(found) - len(entries) if first else 0
    return entries, range(start, start + len(entries))


def is_numeric_tensor(tensor):
    """Whether ``tensor`` is a Tensor or Variable of numbers."""
    return isinstance(tensor, Operand) and not tensor.dtype.is_bool


def ensure_shape(x, shape, name=None):
    """x itself. Raises ValueError if its shape does not fit ``shape``, in which None stands for any size."""
    x = x.read() if isinstance(x, Variable) else convert(x)
    wanted = TensorShape(shape)
    if not wanted.is_compatible_with(x.shape):
        raise InvalidArgumentError(
            f"ensure_shape: the tensor's shape {x.shape} is not compatible with the expected shape {wanted}"
        )
    return x
