"""Iterators over data sets: what ``iter(dataset)`` and ``dataset.as_numpy_iterator()`` give."""

from typing import Any

import numpy as np

from microdl.compile.branch import tracing
from microdl.compile.elements import next_element
from microdl.core.context import context, user_location
from microdl.core.elements import Source, next_arrays
from microdl.core.errors import InvalidArgumentError, OperatorNotAllowedInGraphError, OutOfRangeError
from microdl.core.tensor import Tensor
from microdl.data.calls import shown
from microdl.data.node import EndOfData, IteratorSpec, held, leaf_arrays
from microdl.data.structure import flatten, mapped, packed, tensor
from microdl.data.traced import VARIANT, leaf_specs

VERSION = 1  # of the layout of states


def refuse_tracing():
    """Raises OperatorNotAllowedInGraphError while a function is traced."""
    if context.graph is not None:
        raise OperatorNotAllowedInGraphError(
            f"{user_location()}: a Dataset cannot be iterated over while a function is traced: its elements would "
            "become constants of the trace. Put the loop outside of tf.function, and the work on one batch inside"
        )


class Elements(Source):
    """What data sets and iterators share as Sources: elements of ``element_spec``."""

    element_spec: Any
    wrap: Any  # makes a Dataset of a Node or of the Tensor that stands for one

    def key(self):
        return repr(self.element_spec)

    def leaf_specs(self):
        return leaf_specs(self.element_spec)

    def shown(self, tensors):
        specs = flatten(self.element_spec)
        return packed(self.element_spec, [self._shown(*pair) for pair in zip(tensors, specs, strict=True)])

    def _shown(self, x, spec):
        return self.wrap.of(x, spec.element_spec) if x.dtype is VARIANT.dtype else x


class Iterator(Elements):
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

    goes_on = True

    def __init__(self, node, wrap):
        self._node, self.wrap, self._cursor = node, wrap, node.iterate()

    @property
    def element_spec(self):
        """The elements' structure, with a TensorSpec for each Tensor."""
        return self._node.spec

    def __iter__(self):
        return self

    def parts(self):
        return [Tensor(VARIANT, held(self))]

    def with_parts(self, parts):
        (handle,) = parts
        if not isinstance(handle, Tensor):
            return IteratorSpec(self.element_spec)
        if handle.array is not None:
            return handle.array[()]
        return TracedIterator(handle, self.element_spec, self.wrap)

    def fetcher(self):
        """A function without arguments that gives the arrays of one element after the other, None at the end."""

        def fetch():
            try:
                return leaf_arrays(self._raw())
            except EndOfData:
                return None

        return fetch

    def next_leaves(self):
        if tracing():
            return next_element(self)
        return [_tensor(array) for array in next_arrays(held(self))]

    def __next__(self):
        if tracing():
            return self.shown(self.next_leaves())
        try:
            return self._element()
        except EndOfData:
            raise StopIteration from None

    def get_next(self):
        """The next element. Raises OutOfRangeError if there is none."""
        if tracing():
            return self.shown(self.next_leaves())
        try:
            return self._element()
        except EndOfData:
            raise OutOfRangeError("End of sequence") from None

    def _element(self):
        return shown(self._raw(), self.wrap)

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


def _tensor(array):
    return Tensor(VARIANT, array) if array.dtype == object and not array.ndim else tensor(array)


class TracedIterator(Iterator):
    """An iterator in a traced function: the one that the symbolic Tensor ``handle`` stands for when the trace runs."""

    _LIMIT = 32  # elements; a Python loop would take them without end

    def __init__(self, handle, element_spec, wrap):
        self._handle, self._spec, self.wrap = handle, element_spec, wrap
        self._taken = 0

    @property
    def element_spec(self):
        return self._spec

    def parts(self):
        return [self._handle]

    def next_leaves(self):
        self._taken += 1
        if self._taken > self._LIMIT:
            raise OperatorNotAllowedInGraphError(
                f"{user_location()}: a Dataset cannot be iterated over while a function is traced, but by statements "
                "`for element in dataset:` in functions that autograph rewrites: not in a comprehension, not with "
                "autograph=False, not in code of a library"
            )
        return super().next_leaves()

    def _raw(self):
        return self._handle.known_array()  # which says that there is none yet

    def state(self):
        raise TypeError("state: an iterator has one only outside of traced functions")

    def restore(self, state):
        self.state()


class NumpyIterator(Iterator):
    """As ``Iterator``, with NumPy's arrays (read-only) and scalars in place of Tensors."""

    def __init__(self, node, wrap):
        refuse_tracing()
        super().__init__(node, wrap)

    def _element(self):
        return mapped(self._numpy, self._raw())

    def _numpy(self, leaf):
        if not isinstance(leaf, np.ndarray):
            return NumpyIterator(leaf, self.wrap)
        if not leaf.ndim:
            return leaf[()]
        view = leaf.view()
        view.flags.writeable = False
        return view
