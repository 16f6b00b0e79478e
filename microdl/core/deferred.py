"""Calls that wait until the sizes of their tensors are known."""

import functools

from microdl.core.context import context


def reads_sizes(function):
    """Decorator for what looks at sizes, or at values made of them, as Python numbers.

    In a graph with sizes that are not known yet (``compile/open.py``) such a call is recorded as a whole, and made when
    they are. What the function does must depend on its arguments alone: it may be called several times, and later.
    """

    @functools.wraps(function)
    def call(*args, **kwargs):
        graph = context.graph
        if graph is not None and graph.open:
            return graph.defer(function, args, kwargs)
        return function(*args, **kwargs)

    return call
