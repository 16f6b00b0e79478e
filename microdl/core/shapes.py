"""Shapes: tuples of sizes, in TensorFlow's clothes, and the rules that several ops share."""

import operator
from typing import Any

from microdl.core.errors import InvalidArgumentError


class TensorShape(tuple):
    """The sizes of a tensor's axes. A tuple that also compares with lists and prints as TensorFlow's does.

    >>> TensorShape([2, 3]).as_list()
    [2, 3]
    """

    __slots__ = ()

    @property
    def rank(self):
        """Number of axes."""
        return len(self)

    ndims = rank

    @property
    def dims(self):
        return list(self)

    def as_list(self):
        return list(self)

    def num_elements(self):
        """Product of the sizes; None if one of them is unknown."""
        return None if None in self else size_of(self)

    def is_fully_defined(self):
        return None not in self

    def is_compatible_with(self, other):
        """Whether a tensor could have both shapes; None fits any size, and as ``other`` any shape."""
        if other is None:
            return True
        other = as_shape(other)
        return len(self) == len(other) and all(
            None in pair or pair[0] == pair[1] for pair in zip(self, other, strict=True)
        )

    def __eq__(self, other):
        return tuple.__eq__(self, tuple(other)) if isinstance(other, (tuple, list)) else NotImplemented

    def __ne__(self, other):
        return not self == other

    __hash__ = tuple.__hash__

    def __getitem__(self, key):
        part = tuple.__getitem__(self, key)
        return TensorShape(part) if isinstance(key, slice) else part

    def __add__(self, other):
        return TensorShape(tuple.__add__(self, tuple(other)))

    def __radd__(self, other):
        return TensorShape(tuple(other) + tuple(self))

    def __repr__(self):
        return f"TensorShape({list(self)})"

    def __str__(self):
        return tuple.__repr__(self)


def size_of(shape):
    """Number of elements of an array of this shape."""
    size = 1
    for n in shape:
        size *= n
    return size


def as_shape(value: Any) -> tuple:
    """A tuple of ints (None where unknown) from what a user may give as a shape: an int or ints in any container."""
    if value.__class__ is tuple and all(type(n) is int for n in value):
        return value
    if value is None:
        raise TypeError("a shape is expected (a sequence of sizes), got None")
    try:
        if hasattr(value, "__index__") and not getattr(value, "shape", ()):
            return (operator.index(value),)
        return tuple(None if n is None else operator.index(n) for n in value)
    except TypeError:
        raise TypeError(f"a shape is a sequence of integer sizes, got {value!r}") from None


def normalize_axis(op, axis, rank):
    """``axis`` counted from the front.

    Raises: TypeError if it is no integer. InvalidArgumentError if a tensor of ``rank`` axes does not have it.
    """
    axis = as_integer(op, "axis", axis)
    if not -rank <= axis < rank:
        raise InvalidArgumentError(f"{op}: axis {axis} is out of range for a tensor of {rank} axes [{-rank}, {rank})")
    return axis % rank


def as_integer(op, what, value):
    """An int from an int, NumPy's or an integer tensor of shape (). Raises TypeError for everything else."""
    try:
        return operator.index(value)
    except TypeError:
        given = f"a {value.dtype.name} tensor of shape {value.shape}" if hasattr(value, "spec") else repr(value)
        raise TypeError(f"{op}: {what} must be an integer, got {given}") from None


def broadcast_shapes(op, *shapes):
    """The common shape after NumPy broadcasting; axes are aligned at the end, and size 1 stretches.

    Raises:
        InvalidArgumentError: naming ``op``, the shapes and the axis that does not fit.
    """
    rank = max(map(len, shapes))
    result = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        if len(sizes) > 1:
            given = " and ".join(str(tuple(shape)) for shape in shapes)
            wrong = " and ".join(map(str, sorted(sizes)))
            raise InvalidArgumentError(
                f"{op}: shapes {given} do not broadcast: axis {axis} has sizes {wrong}; "
                "sizes must be equal or 1 (insert axes with tf.newaxis, reorder them with tf.transpose)"
            )
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)
