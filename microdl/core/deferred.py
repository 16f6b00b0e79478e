"""Calls that wait until the sizes of their tensors are known."""

import functools

from microdl.core.context import context


class Replayed:
    """An object that keeps an account of calls: where they are made again, another one takes its place."""

    def twin(self, value):
        """That other one. value: a function that gives what stands for a Tensor, or for such an object, there."""
        raise NotImplementedError


def reads_sizes(function):
    """Decorator for what looks at sizes, or at values made of them, as Python numbers.

    In a graph with sizes that are not known yet (``compile/open.py``) such a call is recorded as a whole, and made when
    they are. What the function does must depend on its arguments alone: it may be called several times, and later.
    Functions may be arguments: what their closures hold is kept as it is at the time of the call.
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        graph = context.graph
        if graph is not None and graph.open:
            return graph.defer(function, args, kwargs)
        return function(*args, **kwargs)

    return call


def is_empty(cell):
    """Whether a cell of a closure holds nothing yet."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False
