"""Functions of users in a pipeline: they get Tensors, give Tensors, and run as plain Python for each element.

What a function gives for elements of a spec is found out by tracing it; a size that is unknown is tried as two
different ones, and what then differs in the result is unknown there, too.
"""

import functools
from typing import Any

import numpy as np

from microdl.compile.graph import FuncGraph
from microdl.compile.signature import TensorSpec
from microdl.core.context import context
from microdl.core.op import Spec
from microdl.core.tensor import Operand, Tensor, convert
from microdl.data.node import DatasetSpec, Elements, Node
from microdl.data.structure import flatten, mapped, merged_specs, size_of, tensor

TRIED = (2, 3)  # sizes in place of unknown ones
TRIED_SHAPES = ((2,), (3, 2))  # shapes where even the number of axes is unknown


class HasNode:
    """A data set as users see it: what has a ``node``."""

    def __init__(self, node: Node):
        self.node = node


def shown(element, wrap) -> Any:
    """An element as users see it; wrap: makes a Dataset of a Node."""
    if type(element) is np.ndarray:
        return tensor(element)
    if type(element) is tuple:
        return tuple([shown(part, wrap) for part in element])
    return mapped(lambda leaf: tensor(leaf) if isinstance(leaf, np.ndarray) else wrap(leaf), element)


def _array(leaf):
    """A leaf as an array that nobody writes to."""
    x = convert(leaf)
    return x.host_copy() if x.borrowed else x.host_array()


def hidden(value, array=_array) -> Any:
    """What a user gave as an element: arrays in place of Tensors, numbers and lists."""
    if type(value) is Tensor:  # by far the most frequent
        return array(value)
    if isinstance(value, HasNode):
        return value.node
    if isinstance(value, tuple):
        parts = [hidden(part, array) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, dict):
        result = value.copy()
        result.update((key, hidden(value[key], array)) for key in sorted(value))
        return result
    return array(value)


class Call:
    """A function of elements.

    Args:
        function: of one argument; of several where elements are tuples, if ``unpacks``. wrap: as for ``shown``.
        what: its name for messages.
    """

    def __init__(self, function, wrap, what, unpacks=True):
        if not callable(function):
            raise ValueError(f"{what}: a function is expected, got {function!r} of type {type(function).__name__}")
        self.function, self.what = function, what
        self._wrap, self._unpacks = wrap, unpacks

    def with_function(self, function):
        """The same with another function."""
        return self if function is self.function else Call(function, self._wrap, self.what, self._unpacks)

    def __call__(self, *elements) -> Any:
        """The result for one element (or more, for functions of more) as an element."""
        tapes, context.tapes = context.tapes, ()
        try:
            return hidden(self._result(*(shown(element, self._wrap) for element in elements)))
        finally:
            context.tapes = tapes

    def _result(self, *arguments):
        if self._unpacks and len(arguments) == 1 and isinstance(arguments[0], tuple):
            arguments = arguments[0]
        result = self.function(*arguments)
        return tuple(result) if isinstance(result, list) else result  # not one tensor: so TensorFlow reads it, too

    def truth(self, element):
        """The result as a bool. Raises ValueError if it is none."""
        result = self(element)
        if not isinstance(result, np.ndarray) or result.dtype != bool or result.shape != ():
            raise ValueError(
                f"{self.what}: the function must return a bool (a scalar Tensor of dtype bool), got {_brief(result)}"
            )
        return bool(result)

    def spec(self, *specs) -> Any:
        """The spec of the result for elements of ``specs``."""
        attempts = (0,) if _known(specs) else (0, 1)
        try:
            results = [self._traced(attempt, specs) for attempt in attempts]
        except Exception:  # it looks at values, or makes data sets: then it is tried on arrays of zeros, and of ones
            results = [mapped(_spec_of, self._on_constants(attempt, specs)) for attempt in (0, 1)]
        return functools.reduce(merged_specs, results)

    def _on_constants(self, value, specs):
        return self(*(mapped(lambda spec: _constants(spec, value), part) for part in specs))

    def _traced(self, attempt, specs):
        graph = FuncGraph(self.what)
        tapes, context.tapes = context.tapes, ()
        try:
            with graph:
                arguments = [mapped(lambda spec: self._placeholder(graph, spec, attempt), part) for part in specs]
                return mapped(_spec_of, hidden(self._result(*arguments), _symbolic))
        finally:
            context.tapes = tapes

    def _placeholder(self, graph, spec, attempt):
        if not isinstance(spec, TensorSpec):
            return self._wrap(Elements(spec.element_spec, []))
        return graph.placeholder(Spec(_tried(spec, attempt), spec.dtype))


def _symbolic(leaf):
    return leaf if isinstance(leaf, Operand) else convert(leaf)


def _known(specs):
    return all(None not in (size_of(leaf) or (None,) * (size_of(leaf) is None)) for leaf in _tensor_specs(specs))


def _tensor_specs(specs):
    return [leaf for part in specs for leaf in flatten(part) if isinstance(leaf, TensorSpec)]


def _tried(spec, attempt):
    shape = size_of(spec)
    if shape is None:
        return TRIED_SHAPES[attempt]
    return tuple(TRIED[attempt] if n is None else n for n in shape)


def _constants(spec, value):
    """An array of zeros or ones, whose unknown sizes also depend on ``value``."""
    if not isinstance(spec, TensorSpec):
        return Elements(spec.element_spec, [])
    of_strings = spec.dtype.as_numpy_dtype is np.object_
    return np.full(_tried(spec, value), b"" if of_strings else value, spec.dtype.as_numpy_dtype)


def _spec_of(leaf):
    if isinstance(leaf, Node):
        return DatasetSpec(leaf.spec)
    value = leaf if isinstance(leaf, Tensor) else tensor(leaf)
    return TensorSpec(value.spec.shape, value.spec.dtype)


def _brief(element):
    return ", ".join(
        f"{leaf.dtype} of shape {leaf.shape}" if isinstance(leaf, np.ndarray) else "a data set"
        for leaf in flatten(element)
    )
