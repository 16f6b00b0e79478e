"""Arguments of a traced function: which of them are tensors, and which calls share a trace."""

import weakref
from functools import partial
from typing import Any

import numpy as np

from microdl.core import dtypes, nest
from microdl.core.op import Spec
from microdl.core.shapes import TensorShape, as_shape
from microdl.core.tensor import Operand, Tensor, convert


class TensorSpec:
    """Shape and dtype that an argument must have; a size of None takes any, a shape of None any number of axes.

    >>> TensorSpec([None, 784], "float32")
    TensorSpec(shape=(None, 784), dtype=tf.float32, name=None)
    """

    def __init__(self, shape, dtype: Any = "float32", name=None):
        self.shape = None if shape is None else TensorShape(as_shape(shape))
        self.dtype, self.name = dtypes.as_dtype(dtype), name

    @classmethod
    def from_tensor(cls, tensor, name=None):
        """The TensorSpec of a Tensor or Variable."""
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, other):
        """Whether a Tensor, array or TensorSpec has this dtype and a shape that fits."""
        other = other if hasattr(other, "shape") and hasattr(other, "dtype") else convert(other)
        same_dtype = dtypes.as_dtype(other.dtype) is self.dtype
        return same_dtype and (self.shape is None or self.shape.is_compatible_with(other.shape))

    def __repr__(self):
        shape = "<unknown>" if self.shape is None else self.shape
        return f"TensorSpec(shape={shape}, dtype={self.dtype!r}, name={self.name!r})"

    def __eq__(self, other):
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self):
        return hash((self.shape, self.dtype))


def split(value, tensors):
    """The key of a (nested) argument; its Tensors and arrays are appended, as Tensors, to the list ``tensors``.

    Two calls share a trace if their keys are equal: shape and dtype of tensors, the value of numbers, strings and
    ranges, the identity of Variables and of all other objects.
    """
    kind = type(value)
    if kind is Tensor:
        tensors.append(value)
        return value.spec
    if kind is int or kind is float or kind is bool or kind is str or value is None:
        return kind, value
    if isinstance(value, (list, tuple)):
        return kind, tuple([split(part, tensors) for part in value])
    if isinstance(value, dict):
        return kind, tuple([(key, split(value[key], tensors)) for key in nest.sorted_keys(value)])
    if isinstance(value, (np.ndarray, np.generic)):
        tensors.append(convert(value))
        return tensors[-1].spec
    if kind is range or kind is bytes or kind is complex:
        return kind, value
    if isinstance(value, nest.Composite) and (key := value.key()) is not None:
        tensors += value.parts()
        return kind, key
    return kind, Identity(value)


def without_sizes(key):
    """A key with the ranks of its Specs in the place of their sizes."""
    if type(key) is Spec:
        return key.rank, key.dtype
    return tuple(map(without_sizes, key)) if type(key) is tuple else key


def widened(spec, other):
    """``spec`` with None for each size that it does not have in common with ``other``, of the same rank."""
    shape = tuple(m if m == n else None for m, n in zip(spec.shape, other.shape, strict=True))
    return Spec(shape, spec.dtype)


def join(value: Any, tensors) -> Any:
    """``value`` with what ``split`` took out of it replaced by the next of the iterator ``tensors``."""
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        return next(tensors)
    if isinstance(value, dict):
        joined = {key: join(value[key], tensors) for key in nest.sorted_keys(value)}
        packed = value.copy()  # keeps its class and the order of its keys
        packed.update(joined)
        return packed
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(join(part, tensors) for part in value))
    if isinstance(value, (list, tuple)):
        return type(value)(join(part, tensors) for part in value)
    if isinstance(value, nest.Composite) and value.key() is not None:
        return value.with_parts([next(tensors) for _ in range(value.count())])
    return value


class Identity:
    """An object as (part of) a key: itself and no other, for as long as it lives.

    What weak references cannot stand for, objects with ``__slots__`` for example, is kept alive: another object could
    take its id.
    """

    __slots__ = ("_id", "referent")

    def __init__(self, value):
        self._id = id(value)
        try:
            self.referent = weakref.ref(value)
        except TypeError:
            self.referent = lambda: value

    def watch(self, gone):
        """Has ``gone(_)`` called when the object dies."""
        if isinstance(self.referent, weakref.ref):
            self.referent = weakref.ref(self.referent(), gone)

    def __hash__(self):
        return self._id

    def __eq__(self, other):
        return isinstance(other, Identity) and self._id == other._id and self.referent() is other.referent()

    def __repr__(self):
        return repr(self.referent())


class Living(dict):
    """A dict whose keys may be or hold an ``Identity``: what belongs to an object goes when the object does."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        gone = partial(_forget, weakref.ref(self))
        for identity in _identities(key):
            identity.watch(gone)


def _forget(living, _):
    """Runs when an object dies: at any time, in any thread."""
    living = living()
    for key in list(living or ()):
        if any(identity.referent() is None for identity in _identities(key)):
            living.pop(key, None)


def _identities(key):
    if isinstance(key, Identity):
        return [key]
    return [found for part in key for found in _identities(part)] if type(key) is tuple else []


def as_specified(function, specs, value):
    """An argument as its ``input_signature`` says: a structure of Tensors. Raises ValueError or TypeError."""
    if isinstance(specs, TensorSpec):
        if not isinstance(value, (Operand, np.ndarray, np.generic, int, float, bool, list, tuple)):
            raise TypeError(f"{function}: input_signature expects {specs}, got {value!r}")
        tensor = convert(value, hint=specs.dtype)
        if not specs.is_compatible_with(tensor):
            raise ValueError(
                f"{function}: input_signature expects {specs}, got a tensor of shape {tensor.shape} and dtype "
                f"{tensor.dtype.name}"
            )
        return tensor
    if isinstance(specs, dict):
        return {key: as_specified(function, part, value[key]) for key, part in specs.items()}
    if len(specs) != len(value):
        raise ValueError(f"{function}: input_signature expects {len(specs)} values in {specs}, got {len(value)}")
    return type(specs)(as_specified(function, part, v) for part, v in zip(specs, value, strict=True))


def difference(names, before, after):
    """What changed between two keys, for a message: ``argument 'x': shape (3,) -> (4,)``."""
    for name, old, new in zip(names, before, after, strict=False):
        if old != new:
            return f"argument {name!r} changed from {_text(old)} to {_text(new)}"
    return f"the number of arguments changed from {len(before)} to {len(after)}"


def _text(key):
    if isinstance(key, Spec):
        return f"a tensor of shape {tuple(key.shape)}, {key.dtype.name}"
    kind, value = key
    return f"the {kind.__name__} {value!r}"
