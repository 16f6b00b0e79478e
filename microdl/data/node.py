"""What all steps of a pipeline share: a Node describes a step, a Cursor is one pass through it.

Nodes are what a Dataset is made of: they know their inputs, their elements' spec and their number, and begin passes.
A Cursor gives element after element, and can say where it stands. Where elements are rows of arrays in memory, cursors
give many at once, stacked; ``reorder`` lets a step that only chooses and orders elements work on the rows' numbers, so
that ``from_tensor_slices(...).shuffle(n).batch(b)`` is one permutation and one gather a batch (``rows.py``).
"""

import functools
from typing import Any

import numpy as np

from microdl.compile.signature import TensorSpec
from microdl.data.structure import flatten, packed

INFINITE = -1  # TensorFlow's numbers for cardinalities that are none
UNKNOWN = -2


class EndOfData(Exception):
    """A cursor has no further element."""


class Node:
    """One step of a pipeline.

    Attributes:
        name: of TensorFlow's class, for reprs. inputs: Nodes.
    """

    name = "Dataset"
    inputs: tuple = ()

    def find_spec(self) -> Any:
        """The elements' structure, with a TensorSpec for each array."""
        raise NotImplementedError

    @functools.cached_property
    def spec(self) -> Any:
        return self.find_spec()

    def cardinality(self) -> int:
        """The number of elements, INFINITE or UNKNOWN."""
        return UNKNOWN

    def iterate(self) -> "Cursor":
        """A new pass."""
        raise NotImplementedError

    def fetcher(self):
        """A function without arguments that gives the arrays of one element after the other, None at the end."""
        cursor = self.iterate()

        def fetch():
            try:
                return leaf_arrays(cursor.next())
            except EndOfData:
                return None

        return fetch

    def path(self):
        """The steps that lead here, as text: two pipelines of one path can understand each other's states."""
        return f"{self.name}({', '.join(node.path() for node in self.inputs)})"


class Step(Node):
    """A step with one input, whose elements are of the input's kind and number unless a subclass says otherwise."""

    def __init__(self, source):
        self.inputs = (source,)

    @property
    def source(self):
        return self.inputs[0]

    def find_spec(self):
        return self.source.spec

    def cardinality(self):
        return self.source.cardinality()


class Cursor:
    """One pass through a step.

    Attributes:
        inputs: Cursors that this one reads. fields: names of its own attributes that are numbers or None and, with
            the inputs' states, say where it stands.
        stacks: whether ``many`` can be asked. numbers: whether elements are int64 scalars, and so ``many`` gives one
            int64 array.
    """

    inputs: tuple = ()
    fields: tuple = ()
    stacks = False
    numbers = False

    def next(self) -> Any:
        """The next element. Raises EndOfData, again and again, if there is none."""
        raise NotImplementedError

    def many(self, count) -> Any:
        """The next ``count`` elements (fewer, perhaps none, at the end), stacked along a new first axis."""
        raise NotImplementedError

    def reorder(self, make) -> "Cursor":
        """The cursor of a step after this one that only leaves out, repeats and orders elements: ``make(self)``."""
        return make(self)

    def state(self) -> dict:
        """Where the pass stands: dicts, lists, numbers, strings and arrays."""
        return {name: getattr(self, name) for name in self.fields} | {"inputs": [c.state() for c in self.inputs]}

    def restore(self, state):
        """Goes to where a cursor of the same pipeline stood."""
        for name in self.fields:
            setattr(self, name, state[name])
        for cursor, part in zip(self.inputs, state["inputs"], strict=True):
            cursor.restore(part)


class Following(Cursor):
    """A cursor that reads another one."""

    def __init__(self, source):
        self.inputs = (source,)

    @property
    def source(self):
        return self.inputs[0]


class Selecting(Following):
    """A cursor that gives elements of another one, as many at once as that one does."""

    def __init__(self, source):
        super().__init__(source)
        self.stacks, self.numbers = source.stacks, source.numbers


class Elements(Node):
    """Elements kept in a list: a window."""

    name = "_VariantDataset"

    def __init__(self, spec, elements):
        self._spec, self.elements = spec, elements

    def find_spec(self):
        return self._spec

    def cardinality(self):
        return len(self.elements)

    def iterate(self):
        return ElementsCursor(self.elements)


class ElementsCursor(Cursor):
    fields = ("given",)

    def __init__(self, elements):
        self._elements, self.given = elements, 0

    def next(self):
        if self.given == len(self._elements):
            raise EndOfData
        self.given += 1
        return self._elements[self.given - 1]


class DatasetSpec:
    """The type of elements that are data sets themselves."""

    def __init__(self, element_spec, dataset_shape=()):
        self.element_spec, self.dataset_shape = element_spec, tuple(dataset_shape)

    def __repr__(self):
        return f"DatasetSpec({self.element_spec!r}, TensorShape({list(self.dataset_shape)}))"

    def __eq__(self, other):
        return isinstance(other, DatasetSpec) and self.element_spec == other.element_spec

    def __hash__(self):
        return hash(repr(self))


class IteratorSpec:
    """The type of iterators over such elements."""

    def __init__(self, element_spec):
        self.element_spec = element_spec

    def __repr__(self):
        return f"IteratorSpec({self.element_spec!r})"

    def __eq__(self, other):
        return isinstance(other, IteratorSpec) and self.element_spec == other.element_spec

    def __hash__(self):
        return hash(repr(self))


def leaf_arrays(element):
    """The arrays of an element; for a data set in it one that holds its Node."""
    return [leaf if isinstance(leaf, np.ndarray) else held(leaf) for leaf in flatten(element)]


def held(value):
    """An array that holds an object."""
    array = np.empty((), object)
    array[()] = value
    return array


def encoded(element):
    """An element as part of a state: the list of its leaves."""
    return [leaf if isinstance(leaf, np.ndarray) else _encoded_node(leaf) for leaf in flatten(element)]


def _encoded_node(node):
    if not isinstance(node, Elements):
        raise TypeError(
            f"state: an element that a step holds is itself a data set ({node.path()}); only windows can be saved"
        )
    return {"elements": [encoded(element) for element in node.elements]}


def decoded(spec, leaves):
    """The element that ``encoded`` was given; spec: of the element."""
    return packed(spec, [_decoded(*pair) for pair in zip(flatten(spec), leaves, strict=True)])


def _decoded(spec, leaf):
    if isinstance(spec, TensorSpec):
        return np.asarray(leaf, spec.dtype.as_numpy_dtype)
    return Elements(spec.element_spec, [decoded(spec.element_spec, element) for element in leaf["elements"]])
