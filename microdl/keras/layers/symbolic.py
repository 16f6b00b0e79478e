"""Layers run for their shapes alone, where the batch size may be unknown: 1 stands for it, messages say None."""

from microdl.core.context import context
from microdl.core.node import Graph


class ShapesOnly(Graph):
    """While entered, layers infer shapes and run nothing. ``batch_unknown``: whether the first sizes mean nothing."""

    def __init__(self, batch_unknown):
        super().__init__()
        self.batch_unknown = batch_unknown


def known_sizes(shape):
    """``shape`` with None for a batch size that only stands for one."""
    if shape and isinstance(context.graph, ShapesOnly) and context.graph.batch_unknown:
        return (None, *shape[1:])
    return tuple(shape)


def without_batch_size(shape):
    """``shape`` with None as its batch size; a scalar's stays ``()``."""
    return (None, *shape[1:]) if shape else ()
