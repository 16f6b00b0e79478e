"""``tf.constant`` and ``tf.convert_to_tensor``."""

import numpy as np

from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.op import Spec
from microdl.core.placement import device_of
from microdl.core.shapes import as_shape
from microdl.core.tensor import Operand, Tensor, apply, convert


def on_device(tensor):
    """A Tensor with values, on the device that ``with tf.device`` names."""
    if context.device is None or context.graph is not None or tensor.symbolic:
        return tensor
    return tensor if device_of(tensor.known_array()) is context.device else apply("Identity", tensor)


def constant(value, dtype=None, shape=None, name=None):
    """A Tensor holding ``value``: a number, nested lists of numbers, or an array.

    Args:
        dtype: None takes an array's own; Python floats become float32, ints int32.
        shape: None keeps the value's; a single number fills any shape, else the sizes must agree.

    Raises:
        TypeError: if the value does not fit ``dtype`` or its size does not fit ``shape``. ValueError: if it is ragged.
    """
    dtype = dtypes.as_dtype(dtype) if dtype is not None else None
    if isinstance(value, Tensor) and dtype is not None and dtype is not value.dtype:
        return apply("Cast", value, dtype=dtype)
    value = on_device(convert(value, dtype))
    if shape is None:
        return value
    shape = as_shape(shape)
    if value.spec.size == 1 and value.spec.shape != shape:
        array = np.full(shape, value.host_array().reshape(()), value.dtype.as_numpy_dtype)
        return on_device(Tensor(Spec(shape, value.dtype), array))
    if value.spec.size != Spec(shape, value.dtype).size:
        raise TypeError(
            f"constant: a value of shape {value.shape} has {value.spec.size} elements, which do not fill shape {shape}"
        )
    return apply("Reshape", value, shape=shape)


def convert_to_tensor(value, dtype=None, dtype_hint=None, name=None):
    """``value`` as a Tensor: itself, a Variable's value, or a constant of numbers, nested lists, arrays, tensors.

    Args: dtype: that the result must have. dtype_hint: what it has if the value can be such numbers.
    Raises: TypeError if a number does not fit the dtype. ValueError if a tensor has another one, or lists are ragged.
    """
    dtype = None if dtype is None else dtypes.as_dtype(dtype)
    if dtype is None and dtype_hint is not None:
        try:
            return _converted(value, dtypes.as_dtype(dtype_hint))
        except (TypeError, ValueError):
            pass
    return _converted(value, dtype)


def _converted(value, dtype):
    """What is a Tensor or Variable already stays where it is."""
    return convert(value, dtype) if isinstance(value, Operand) else on_device(convert(value, dtype))
