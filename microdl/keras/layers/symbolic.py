"""Layers run for their shapes alone, where some sizes may be unknown: numbers stand for them, messages say None.

For the batch size stands 1. For others, the steps of a sequence say, stand unusual numbers, and layers run twice, with
two of them: where the outputs' sizes differ, they depend on what is unknown.
"""

from microdl.core.context import context
from microdl.core.node import Graph

UNUSUAL = (251, 509, 263, 521)  # primes, larger than most windows


class ShapesOnly(Graph):
    """While entered, layers infer shapes and run nothing.

    Args: batch_unknown: whether the first sizes mean nothing. stand_in: the number for other unknown sizes, or None.
    """

    def __init__(self, batch_unknown, stand_in=None):
        super().__init__()
        self.batch_unknown = batch_unknown
        self.stand_in = stand_in


def stand_ins(shapes):
    """The numbers to run with for these shapes: two if sizes beside the batch's are unknown, else None alone."""
    sizes = [n for shape in shapes for n in shape[1:]]
    return [n for n in UNUSUAL if n not in sizes][:2] if None in sizes else [None]


def agreed(shape, other):
    """The sizes that two shapes have in common, None for the others."""
    return tuple(m if m == n else None for m, n in zip(shape, other, strict=True))


def known_sizes(shape):
    """``shape`` with None for sizes that only stand for unknown ones."""
    graph = context.graph
    if not shape or not isinstance(graph, ShapesOnly):
        return tuple(shape)
    sizes = (None if graph.stand_in is not None and n == graph.stand_in else n for n in shape[1:])
    return (None if graph.batch_unknown else shape[0], *sizes)


def without_batch_size(shape):
    """``shape`` with None as its batch size; a scalar's stays ``()``."""
    return (None, *shape[1:]) if shape else ()
