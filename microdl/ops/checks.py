"""What several ops ask of their inputs: kinds of dtype, and axes as users name them."""

from typing import Any

from microdl.core.errors import InvalidArgumentError
from microdl.core.shapes import normalize_axis


def require_floating(op, *specs):
    """Raises InvalidArgumentError unless all inputs are floating-point."""
    for spec in specs:
        if not spec.dtype.is_floating:
            raise InvalidArgumentError(
                f"{op}: expected a floating-point tensor, got {spec.dtype.name} of shape {tuple(spec.shape)}; "
                "convert it first: tf.cast(x, tf.float32)"
            )


def require_number(op, *specs):
    """Raises InvalidArgumentError if an input is bool or string."""
    for spec in specs:
        if spec.dtype.is_bool:
            raise InvalidArgumentError(
                f"{op}: expected numbers, got bool of shape {tuple(spec.shape)}; "
                "convert it first: tf.cast(x, tf.float32), or combine truth values with & and |"
            )
        if spec.dtype.is_string:
            raise InvalidArgumentError(
                f"{op}: expected numbers, got string of shape {tuple(spec.shape)}; "
                "convert it first: tf.strings.to_number(x)"
            )


def require_bool(op, *specs):
    """Raises InvalidArgumentError unless all inputs are bool."""
    for spec in specs:
        if not spec.dtype.is_bool:
            raise InvalidArgumentError(
                f"{op}: expected a bool tensor, got {spec.dtype.name} of shape {tuple(spec.shape)}; "
                "compare it first (x != 0)"
            )


def require_integer(op, *specs):
    """Raises InvalidArgumentError unless all inputs are integers."""
    for spec in specs:
        if not spec.dtype.is_integer:
            raise InvalidArgumentError(
                f"{op}: expected integers, got {spec.dtype.name} of shape {tuple(spec.shape)}; "
                "convert them first: tf.cast(x, tf.int32)"
            )


def sorted_axes(op, axis, rank):
    """``axis`` (None: all, an int, or several in any container) as a sorted tuple counted from the front.

    Raises InvalidArgumentError if an axis is out of range or named twice.
    """
    if axis is None:
        return tuple(range(rank))
    given = (axis,) if not hasattr(axis, "__iter__") or getattr(axis, "shape", None) == () else axis
    axes = [normalize_axis(op, one, rank) for one in given]
    if len(set(axes)) < len(axes):
        raise InvalidArgumentError(
            f"{op}: axis {tuple(map(int, given))} names an axis twice (the tensor has {rank} axes)"
        )
    return tuple(sorted(axes))


def constant_ints(op, what, value) -> Any:
    """``value`` (an int, nested ints or an integer tensor with a value) as a tuple of ints, or of such tuples."""
    if hasattr(value, "known_array"):
        value = value.host_array().tolist()
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if hasattr(value, "__index__"):
        return value.__index__()
    try:
        return tuple(constant_ints(op, what, entry) for entry in value)
    except TypeError:
        raise TypeError(f"{op}: {what} must consist of integers, got {value!r}") from None


def known_values(op, what, x):
    """The array of a Tensor on whose values the shape of the result depends. Raises TypeError if they are not known."""
    if x.symbolic:
        raise TypeError(
            f"{op}: the shape of the result depends on the values of {what} (shape {x.shape}), which are not known "
            "while a function is traced; do this outside of it, or give the size if there is an argument for it"
        )
    return x.host_array()
