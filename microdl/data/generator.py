"""Elements that a Python generator yields."""

from microdl.compile.signature import TensorSpec
from microdl.core.errors import InvalidArgumentError
from microdl.core.tensor import convert
from microdl.core.values import as_array
from microdl.data.calls import hidden
from microdl.data.node import Cursor, EndOfData, Node
from microdl.data.structure import mapped


class Generator(Node):
    """What a Python generator yields. make: function that begins it anew. spec: what each element must fit."""

    name = "_FlatMapDataset"  # as TensorFlow builds it

    def __init__(self, make, spec):
        self._make, self._spec = make, spec

    def find_spec(self):
        return self._spec

    def iterate(self):
        return _Generating(self._make, self._spec)


class _Generating(Cursor):
    """A Python generator cannot be saved: where this stands is the number of elements, which it passes over again."""

    fields = ("given",)

    def __init__(self, make, spec):
        self._make, self._spec = make, spec
        self._generator, self.given = None, 0

    def next(self):
        if self._generator is None:
            self._generator = iter(self._make())
        try:
            value = next(self._generator)
        except StopIteration:
            raise EndOfData from None
        self.given += 1
        return _fitted(value, self._spec)

    def restore(self, state):
        super().restore(state)
        self._generator = iter(self._make())
        for _ in range(self.given):
            next(self._generator)


def _fitted(value, spec):
    """What a generator yielded as an element of ``spec``."""
    if isinstance(spec, tuple) and isinstance(value, list):
        value = tuple(value)
    try:
        return mapped(_fitted_leaf, spec, value)
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        raise InvalidArgumentError(
            "`generator` yielded an element that did not match the expected structure. The expected structure was "
            f"{spec}, but the yielded element was {value!r} ({error})."
        ) from error


def _fitted_leaf(spec, value):
    if not isinstance(spec, TensorSpec):
        return hidden(value)
    try:
        array = as_array(convert(value).host_array() if hasattr(value, "spec") else value, spec.dtype)
    except (ValueError, TypeError) as error:
        raise InvalidArgumentError(
            "`generator` yielded an element that could not be converted to the expected type. The expected type was "
            f"{spec.dtype.name}, but the yielded element was {value!r}."
        ) from error
    if not spec.is_compatible_with(TensorSpec(array.shape, spec.dtype)):
        raise InvalidArgumentError(
            f"`generator` yielded an element of shape {array.shape} where an element of shape {spec.shape} was "
            "expected."
        )
    return array
