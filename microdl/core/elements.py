"""Data sets and iterators in traced functions: a tensor of dtype ``variant`` stands for one, a ``Source`` shows it."""

from typing import Any

from microdl.core import nest
from microdl.core.errors import OutOfRangeError
from microdl.core.writing import out_of_turn


class Source(nest.Composite):
    """What a loop can go through element by element. Its one part is the tensor that stands for it."""

    __slots__ = ()
    goes_on = False  # whether a loop takes elements away, and the next one goes on behind them: an iterator

    def count(self):
        return 1

    def leaf_specs(self) -> list:
        """Of each tensor in an element its shape (None where unknown, also for sizes) and dtype."""
        raise NotImplementedError

    def __iter__(self) -> Any:
        raise NotImplementedError

    def next_leaves(self) -> list:
        """Of an iterator the tensors of its next element; of a data set what stands for a new iterator."""
        raise NotImplementedError

    def shown(self, tensors) -> Any:
        """An element with these tensors."""
        raise NotImplementedError


def is_known(spec):
    """Whether all sizes are known."""
    return spec.shape is not None and None not in spec.shape


def fetcher(handle):
    """A function without arguments that gives the arrays of one element after the other, None at the end.

    handle: array that holds what a Source stands for.
    """
    fetch = handle[()].fetcher()
    return lambda: out_of_turn(fetch)


def next_arrays(handle):
    """The arrays of the next element of the iterator in the array ``handle``. Raises OutOfRangeError at the end."""
    arrays = fetcher(handle)()
    if arrays is None:
        raise OutOfRangeError("End of sequence")
    return arrays
