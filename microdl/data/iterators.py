"""Iterators over data sets: what ``iter(dataset)`` and ``dataset.as_numpy_iterator()`` give."""

import numpy as np

from microdl.core.context import context, user_location
from microdl.core.errors import InvalidArgumentError, OperatorNotAllowedInGraphError, OutOfRangeError
from microdl.data.calls import shown
from microdl.data.node import EndOfData
from microdl.data.structure import mapped

VERSION = 1  # of the layout of states


def refuse_tracing():
    """Raises OperatorNotAllowedInGraphError while a function is traced."""
    if context.graph is not None:
        raise OperatorNotAllowedInGraphError(
            f"{user_location()}: a Dataset cannot be iterated over while a function is traced: its elements would "
            "become constants of the trace. Put the loop outside of tf.function, and the work on one batch inside"
        )


class Iterator:
    """One pass through a Dataset: Tensors, or tuples and dicts of them, one element after the other.

    It knows where it stands. ``state()`` gives that as dicts, lists, numbers, strings and NumPy arrays, which JSON and
    ``numpy.savez`` can hold between them; ``restore(state)`` goes there, in this process or in a later one that builds
    the same pipeline, and gives exactly the elements that would have come. It covers positions, shuffle buffers and
    their random streams, half-used batches and windows, and elements computed ahead. Three things it takes on trust:
    that functions given to ``map`` and the like give the same again (``tf.random``'s own streams are not part of it),
    that a Python generator, which starts over and passes over what it gave, yields the same again, and that elements
    behind ``cache`` can be computed again.

    >>> numbers = iter(Dataset.range(5))
    >>> next(numbers), next(numbers)
    (<tf.Tensor: shape=(), dtype=int64, numpy=0>, <tf.Tensor: shape=(), dtype=int64, numpy=1>)
    """

    def __init__(self, node, wrap):
        refuse_tracing()
        self._node, self._wrap, self._cursor = node, wrap, node.iterate()

    @property
    def element_spec(self):
        """The elements' structure, with a TensorSpec for each Tensor."""
        return self._node.spec

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return self._element()
        except EndOfData:
            raise StopIteration from None

    def get_next(self):
        """The next element. Raises OutOfRangeError if there is none."""
        try:
            return self._element()
        except EndOfData:
            raise OutOfRangeError("End of sequence") from None

    def _element(self):
        return shown(self._raw(), self._wrap)

    def _raw(self):
        refuse_tracing()
        try:
            return self._cursor.next()
        except StopIteration as error:  # it would end a loop in silence
            raise RuntimeError("a function in the pipeline raised StopIteration") from error

    def state(self):
        """Where this iterator stands: see the class. A dict."""
        return {"version": VERSION, "pipeline": self._node.path(), "cursor": self._cursor.state()}

    def restore(self, state):
        """Goes to where an iterator over a like Dataset stood when it gave ``state``.

        Raises: InvalidArgumentError if that was an iterator over another kind of pipeline.
        """
        if state.get("version") != VERSION:
            raise InvalidArgumentError(
                f"Iterator.restore: a state of layout {VERSION} is expected, got {state.get('version')!r}"
            )
        if state["pipeline"] != self._node.path():
            raise InvalidArgumentError(
                f"Iterator.restore: the state is one of {state['pipeline']}, but this iterator goes through "
                f"{self._node.path()}; build the data set as it was when the state was saved"
            )
        self._cursor.restore(state["cursor"])


class NumpyIterator(Iterator):
    """As ``Iterator``, with NumPy's arrays (read-only) and scalars in place of Tensors."""

    def _element(self):
        return mapped(self._numpy, self._raw())

    def _numpy(self, leaf):
        if not isinstance(leaf, np.ndarray):
            return NumpyIterator(leaf, self._wrap)
        if not leaf.ndim:
            return leaf[()]
        view = leaf.view()
        view.flags.writeable = False
        return view
