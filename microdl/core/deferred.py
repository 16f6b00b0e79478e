"""Calls that wait until the sizes of their tensors are known."""

import functools
from typing import Any

from microdl.core.context import context


class Outlined:
    """A tensor in the outline of a model, where nothing runs: a function that is called with it is noted instead."""

    __slots__ = ()

    def noted(self, function, args, kwargs):
        """What stands for the result of ``function(*args, **kwargs)``."""
        raise NotImplementedError


class _Outlines:
    exist = False  # whether there ever was one: until then nobody needs to look for them


outlines = _Outlines()
functions_by_name = {}  # what ``reads_sizes`` decorates: files name them so


def outlined(values) -> Any:
    """The first Outlined among values, in nested lists, tuples and dicts; None if there is none."""
    for value in values:
        if isinstance(value, Outlined):
            return value
        if isinstance(value, (list, tuple, dict)):
            found = outlined(value.values() if isinstance(value, dict) else value)
            if found is not None:
                return found
    return None


class Replayed:
    """An object that keeps an account of calls: where they are made again, another one takes its place."""

    def twin(self, value):
        """That other one. value: a function that gives what stands for a Tensor, or for such an object, there."""
        raise NotImplementedError


def reads_sizes(function):
    """Decorator for what looks at sizes, or at values made of them, as Python numbers.

    In a graph with sizes that are not known yet (``compile/open.py``) such a call is recorded as a whole, and made when
    they are. What the function does must depend on its arguments alone: it may be called several times, and later.
    Functions may be arguments: what their closures hold is kept as it is at the time of the call. With an Outlined
    among the arguments it is noted as a whole, too.
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        graph = context.graph
        if graph is not None and graph.open:
            return graph.defer(function, args, kwargs)
        if outlines.exist and (x := outlined((*args, *kwargs.values()))) is not None:
            return x.noted(call, args, kwargs)
        return function(*args, **kwargs)

    functions_by_name[f"{function.__module__}.{function.__qualname__}"] = call
    return call


def is_empty(cell):
    """Whether a cell of a closure holds nothing yet."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False
