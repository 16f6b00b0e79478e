"""Arguments with other leaves: structures, slices, and functions with what their closures hold."""

import functools
import types
from typing import Any

from microdl.core import nest
from microdl.core.deferred import is_empty
from microdl.core.tensor import Tensor


def rebuilt(value, leaf) -> Any:
    """``value`` with ``leaf(x)`` in the place of each leaf x. Functions that share a variable go on sharing it."""
    return _Rebuilding(leaf).of(value)


class _Rebuilding:
    def __init__(self, leaf):
        self._leaf = leaf
        self._done = {}  # id of a cell or function -> it itself (it must not go), what takes its place

    def of(self, value):
        if isinstance(value, dict):
            parts = {key: self.of(part) for key, part in value.items()}
            if type(value) is dict:
                return parts
            copy = value.copy()
            copy.update(parts)
            return copy
        if isinstance(value, slice):
            return slice(*(self.of(end) for end in (value.start, value.stop, value.step)))
        if isinstance(value, (list, tuple)):
            parts = [self.of(part) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, nest.Composite):
            return value.with_parts([self.of(part) for part in value.parts()])
        if isinstance(value, functools.partial):
            return functools.partial(self.of(value.func), *self.of(value.args), **self.of(value.keywords))
        if isinstance(value, types.MethodType):
            return types.MethodType(self.of(value.__func__), value.__self__)
        return self._function(value) if isinstance(value, types.FunctionType) else self._leaf(value)

    def _function(self, function):
        if not function.__closure__:
            return function
        if id(function) not in self._done:
            cells = tuple([self._cell(cell) for cell in function.__closure__])
            other = types.FunctionType(
                function.__code__, function.__globals__, function.__name__, function.__defaults__, cells
            )
            other.__kwdefaults__ = function.__kwdefaults__
            other.__dict__.update(function.__dict__)
            self._done[id(function)] = function, other
            for old, new in zip(function.__closure__, cells, strict=True):
                self._fill(old, new)
        return self._done[id(function)][1]

    def _cell(self, cell):
        if id(cell) not in self._done:
            self._done[id(cell)] = cell, types.CellType()
        return self._done[id(cell)][1]

    def _fill(self, old, new):
        """Gives a new cell what stands for the contents of the old one, unless it has them or the old one is empty."""
        if is_empty(old) or not is_empty(new):
            return
        contents = old.cell_contents
        new.cell_contents = contents  # a function may hold itself
        other = self.of(contents)
        if isinstance(contents, (list, dict)):
            # What holds Python values alone stays the same object: the function may change it. What holds tensors is
            # kept as it is now, as the user may change it before the function is called again.
            pairs = zip(nest.flatten(contents), nest.flatten(other), strict=True)
            other = contents if all(x is y and not _is_symbolic(x) for x, y in pairs) else other
        new.cell_contents = other


def _is_symbolic(x):
    return isinstance(x, Tensor) and x.array is None
