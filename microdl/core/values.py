"""Python values on their way in and out: numbers as arrays by TensorFlow's rules, indices as keys, arrays as text."""

import numpy as np

from microdl.core import dtypes


def as_array(value, dtype=None):
    """A fresh C-contiguous array holding ``value``, of ``dtype`` or of the dtype that TensorFlow would choose.

    Raises:
        TypeError: if the value's kind does not fit ``dtype`` (a float for an int32, a bool for a float32).
        ValueError: if it is no rectangular arrangement of numbers.
    """
    if dtype is not None and (
        (type(value) is float and dtype.is_floating) or (type(value) is int and (dtype.is_integer or dtype.is_floating))
    ):
        return _checked_range(value, dtype)  # a factor written in a formula: by far the most frequent case
    array = np.asarray(value) if _is_numpy(value) else _from_python(value, dtype)
    if dtype is None:
        dtype = dtypes.as_dtype(array.dtype)
    elif not _fits(array.dtype, dtype) and array.size:
        name = dtypes.as_dtype(array.dtype).name
        raise TypeError(f"cannot convert {_brief(value)} of dtype {name} to dtype {dtype.name}; use tf.cast")
    elif array.dtype.kind in "iu" and dtype.is_integer and array.size:
        _check_limits(array, dtype)
    return np.array(array, dtype=dtype.as_numpy_dtype, order="C", copy=True)


def _is_numpy(value):
    return isinstance(value, (np.ndarray, np.generic)) or (hasattr(value, "__array__") and not np.isscalar(value))


def _from_python(value, dtype):
    """The array of a Python number or nested sequence, with TensorFlow's default dtype for its kind."""
    if value is None:
        raise ValueError("None cannot be converted to a tensor")
    try:
        array = np.array(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{_brief(value)} is not rectangular or too large to be converted to a tensor: {error}"
        ) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{_brief(value)} (a {type(value).__name__}) cannot be converted to a tensor of numbers")
    if dtype is None and not _holds_numpy(value):
        if array.dtype.kind == "f" or not array.size:
            return array.astype(np.float32)
        if array.dtype == np.int64 and np.all(np.abs(array) < 2**31):
            return array.astype(np.int32)
    return array


def _holds_numpy(value):
    """Whether the first leaf of a nested sequence is a NumPy array: then NumPy's dtype counts."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, np.ndarray)


def _fits(given, dtype):
    if given == dtype.as_numpy_dtype:
        return True
    if dtype.is_floating:
        return given.kind in "fiu"
    return dtype.is_integer and given.kind in "iu"


def _checked_range(value, dtype):
    try:
        return np.array(value, dtype=dtype.as_numpy_dtype)
    except OverflowError:
        raise TypeError(f"{value} does not fit into dtype {dtype.name} [{dtype.min}, {dtype.max}]") from None


def _check_limits(array, dtype):
    low, high = array.min(), array.max()
    if int(low) < dtype.min or int(high) > dtype.max:
        value = low if int(low) < dtype.min else high
        raise TypeError(f"{value} does not fit into dtype {dtype.name} [{dtype.min}, {dtype.max}]; use tf.cast")


def _brief(value, length=60):
    text = repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."


def hashable_index(index):
    """An index as a tuple of ints, (start, stop, step) tuples, None (a new axis) and Ellipsis."""
    entries = index if isinstance(index, tuple) else (index,)
    result = []
    for entry in entries:
        if entry is None or entry is Ellipsis:
            result.append(entry)
        elif isinstance(entry, slice):
            ends = (entry.start, entry.stop, entry.step)
            result.append(tuple(None if end is None else end.__index__() for end in ends))
        elif hasattr(entry, "__index__") and not isinstance(entry, bool) and not getattr(entry, "shape", ()):
            result.append(entry.__index__())
        else:
            raise TypeError(
                f"tensors are indexed with integers, slices, tf.newaxis and ..., got {entry!r}; "
                "for a list of positions use tf.gather, for a mask tf.boolean_mask"
            )
    return tuple(result)


def type_text(x):
    """``shape=(2, 2), dtype=float32``"""
    return f"shape={x.shape}, dtype={x.dtype.name}"


def describe(x):
    """What TensorFlow's repr of a tensor says."""
    return f"{type_text(x)}, numpy={value_text(x.known_array())}"


def value_text(array):
    """The repr of an array, of several lines on lines of its own."""
    return own_lines(repr(array if array.ndim else array.item()))


def own_lines(text):
    return "\n" + text if "\n" in text else text
