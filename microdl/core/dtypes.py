"""Data types: the elements of tensors, by TensorFlow's names."""

from typing import Any

import numpy as np


class DType:
    """An element type. Equal to its name and to NumPy's type of that name; each exists once, so ``is`` works too."""

    __slots__ = ("as_numpy_dtype", "is_bool", "is_floating", "is_integer", "is_string", "is_unsigned", "name", "size")

    def __init__(self, name):
        numpy_dtype = np.dtype(object if name in ("string", "variant") else name)
        self.name = name
        self.as_numpy_dtype = numpy_dtype.type
        self.size = 0 if name == "variant" else numpy_dtype.itemsize  # bytes per element
        self.is_floating = numpy_dtype.kind == "f"
        self.is_integer = numpy_dtype.kind in "iu"
        self.is_unsigned = numpy_dtype.kind == "u"
        self.is_bool = numpy_dtype.kind == "b"
        self.is_string = name == "string"  # arrays of Python's bytes, as TensorFlow gives them

    @property
    def base_dtype(self):
        return self

    @property
    def min(self):
        """The smallest value (for floats the most negative finite one)."""
        return self._limits().min

    @property
    def max(self):
        """The largest finite value."""
        return self._limits().max

    def _limits(self):
        if self.is_bool or self.is_string:
            raise TypeError(f"{self.name} has no smallest and largest value")
        numpy_dtype: Any = self.as_numpy_dtype
        return np.finfo(numpy_dtype) if self.is_floating else np.iinfo(numpy_dtype)

    def __repr__(self):
        return f"tf.{self.name}"

    def __str__(self):
        return f"<dtype: {self.name!r}>"

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        if other is self:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return as_dtype(other) is self
        except TypeError:
            return False

    def __reduce__(self):  # pickles and copies as itself
        return as_dtype, (self.name,)


float16, float32, float64 = DType("float16"), DType("float32"), DType("float64")
int8, int16, int32, int64 = DType("int8"), DType("int16"), DType("int32"), DType("int64")
uint8, uint16, uint32, uint64 = DType("uint8"), DType("uint16"), DType("uint32"), DType("uint64")
bool, string = DType("bool"), DType("string")
half, double = float16, float64
variant = DType("variant")  # what is no array: a data set, an iterator

_BY_NAME = {
    dtype.name: dtype
    for dtype in (float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool, string)
}
_BY_NUMPY = {np.dtype(dtype.as_numpy_dtype): dtype for dtype in _BY_NAME.values()}
_ALIASES = {float: float32, int: int32, "half": float16, "float": float32, "double": float64, "string": string}
_ALIASES |= dict.fromkeys((str, bytes, object, np.str_, np.bytes_, np.object_), string)


def as_dtype(value):
    """The DType for a DType, a name, a NumPy dtype or scalar type, or Python's ``float``, ``int``, ``bool``, ``str``.

    Raises:
        TypeError: for anything else, and for NumPy types that tensors do not have.
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, np.dtype) and value in _BY_NUMPY:  # of every array that becomes a tensor: kept quick
        return _BY_NUMPY[value]
    try:
        if value is None:  # NumPy's default would be float64
            raise TypeError
        if value in _ALIASES:  # Python's float means float32 here, as in TensorFlow, not NumPy's float64
            return _ALIASES[value]
        if isinstance(value, np.dtype) and value.kind in "SU":  # of every length
            return string
        return _BY_NAME[np.dtype(value).name]
    except (TypeError, KeyError, ValueError):
        known = ", ".join(_BY_NAME)
        raise TypeError(f"cannot interpret {value!r} as a dtype; there are: {known}") from None
