"""Python values on their way in and out: numbers and strings as arrays by TensorFlow's rules, indices as keys, arrays
as text."""

from typing import Any

import numpy as np

from microdl.core import dtypes, texts
from microdl.core.context import context


def as_array(value, dtype=None):
    """A fresh C-contiguous array holding ``value``, of ``dtype`` or of the dtype that TensorFlow would choose.

    Raises:
        TypeError: if the value's kind does not fit ``dtype`` (a float for an int32, a bool for a float32).
        ValueError: if it is no rectangular arrangement of numbers.
    """
    kind = type(value)
    if kind is float and (abs(value) < 1e38 if dtype is None else dtype.is_floating):
        return _checked_range(value, dtype or dtypes.float32)  # a factor in a formula: by far the most frequent case
    if kind is int and dtype is not None and (dtype.is_integer or dtype.is_floating):
        return _checked_range(value, dtype)
    array = np.asarray(value) if _is_numpy(value) else _from_python(value, dtype)
    if array.dtype.kind in "OSU":
        array = texts.as_bytes(array, value)
    if dtype is None:
        dtype = dtypes.as_dtype(array.dtype)
    elif not _fits(array.dtype, dtype) and array.size:
        given = dtypes.as_dtype(array.dtype)
        instead = "tf.cast"
        if given.is_string or dtype.is_string:
            instead = "tf.strings.to_number" if given.is_string else "tf.strings.as_string"
        raise TypeError(f"cannot convert {_brief(value)} of dtype {given.name} to dtype {dtype.name}; use {instead}")
    elif array.dtype.kind in "iu" and dtype.is_integer and array.size:
        _check_limits(array, dtype)
    if array.dtype == dtype.as_numpy_dtype:
        return np.array(array, dtype=dtype.as_numpy_dtype, order="C", copy=True)
    with np.errstate(over="ignore"):  # beyond the largest float lies inf
        return np.array(array, dtype=dtype.as_numpy_dtype, order="C", copy=True)


def shared_number(value, dtype):
    """``as_array`` of a Python number. Factors in formulas come again in every step: their arrays are shared."""
    key = value, type(value), dtype.name
    array = _numbers.get(key)
    if array is None:
        array = as_array(value, dtype)
        if len(_numbers) >= 512:
            _numbers.clear()
        if value:  # 0.0 and -0.0 are one key
            _numbers[key] = array
    return array


_numbers = {}  # (number, its type, name of a dtype) -> array


def _is_numpy(value):
    return isinstance(value, (np.ndarray, np.generic)) or (hasattr(value, "__array__") and not np.isscalar(value))


def _from_python(value, dtype):
    """The array of a Python number or nested sequence; without ``dtype`` of the one TensorFlow would choose."""
    if value is None:
        raise ValueError("None cannot be converted to a tensor")
    try:
        array = np.array(value, object if isinstance(_first(value), (str, bytes)) else None)
        if array.dtype.kind == "O" and _raggedness(value):
            raise ValueError("rows differ in length")
        if array.dtype.kind == "f" and type(_first(value)) is int:
            leaves = np.array(value, object)
            if all(isinstance(leaf, int) for leaf in leaves.flat):
                array = leaves.astype(np.uint64)  # NumPy makes floats of ints on both sides of 2**63
    except (ValueError, OverflowError) as error:
        if ragged := _raggedness(value):
            raise ValueError(
                f"{_brief(value)} is not rectangular: it has {ragged}, but a tensor's rows have one length; "
                "fill them up, or make one tensor of each"
            ) from None
        raise ValueError(f"{_brief(value)} cannot be converted to a tensor: {error}") from None
    if array.dtype.kind == "O" and isinstance(_first(value), (str, bytes)):
        return array
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{_brief(value)} (a {type(value).__name__}) cannot be converted to a tensor of numbers")
    return _of_default_dtype(array, value) if dtype is None else array


def _raggedness(value):
    """What is not rectangular in nested sequences, level by level: ``rows of lengths 4, 2 and 3``; None if all is."""
    level = [value]
    while level and all(_is_row(part) for part in level):
        lengths = list(dict.fromkeys(len(part) for part in level))
        if len(lengths) > 1:
            return f"rows of lengths {', '.join(map(str, lengths[:-1]))} and {lengths[-1]}"
        level = [entry for part in level for entry in part]
    if not any(_is_row(part) for part in level):
        return None
    return ("strings" if isinstance(_first(value), (str, bytes)) else "numbers") + " beside rows"


def _is_row(value):
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))


def _of_default_dtype(array, value):
    """float32, unless the first leaf of ``value`` is one of NumPy's floats; int32, or int64 where that is too small."""
    kind, first = array.dtype.kind, _first(value)
    if kind == "b" and array.size:
        return array
    if isinstance(first, (bool, np.bool_)):
        raise ValueError(f"{_brief(value)} mixes bools with numbers")
    if kind != "f" and array.size:
        low, high = int(array.min()), int(array.max())
        if high >= 2**63:
            raise ValueError(f"{high} in {_brief(value)} does not fit into int64; give dtype=tf.uint64")
        return array.astype(np.int32 if low >= -(2**31) and high < 2**31 else np.int64)
    chosen = first.dtype if array.size and _is_numpy(first) and first.dtype.kind == "f" else np.float32
    try:
        with np.errstate(over="raise"):
            return array.astype(chosen)
    except FloatingPointError:
        raise ValueError(f"{_brief(value)} does not fit into float32; give dtype=tf.float64") from None


def _first(value) -> Any:
    """The first leaf of nested sequences."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value


def _fits(given, dtype):
    if given == dtype.as_numpy_dtype:
        return True
    if dtype.is_floating:
        return given.kind in "fiu"
    return dtype.is_integer and given.kind in "iu"


def _checked_range(value, dtype):
    try:
        if -65504 <= value <= 65504:  # float16's largest: no float dtype overflows
            return np.array(value, dtype=dtype.as_numpy_dtype)
        with np.errstate(over="ignore"):  # beyond the largest float lies inf
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
            result.append(tuple(None if end is None else _position(end) for end in ends))
        else:
            result.append(_position(entry))
    return tuple(result)


def _position(value):
    if hasattr(value, "__index__") and not isinstance(value, bool) and not getattr(value, "shape", ()):
        return value.__index__()
    raise TypeError(
        f"tensors are indexed with integers, slices, tf.newaxis and ..., got {value!r}; "
        "for a list of positions use tf.gather, for a mask tf.boolean_mask"
    )


def type_text(x):
    """``shape=(2, 2), dtype=float32``"""
    return f"shape={x.shape}, dtype={x.dtype.name}"


def symbolic_text(x):
    """The repr and the str of a Tensor without a value, with its name if the graph that is traced knows it."""
    name = None if context.graph is None else context.graph.name_of(x)
    if name is None:
        return (f"<tf.Tensor: {type_text(x)}>",) * 2
    return f"<tf.Tensor {name!r} shape={x.shape} dtype={x.dtype.name}>", f'Tensor("{name}", {type_text(x)})'


def describe(x):
    """What TensorFlow's repr of a tensor says."""
    return f"{type_text(x)}, numpy={value_text(x.host_array())}"


def value_text(array):
    """The repr of an array, of several lines on lines of its own."""
    return own_lines(repr(array if array.ndim else array.item()))


def own_lines(text):
    return "\n" + text if "\n" in text else text
