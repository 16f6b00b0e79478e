"""Data sets and iterators in traced functions: pipelines on what is known only when the trace runs.

An ``Argument`` is the source of a pipeline that a function gets as an argument. What a traced function builds on it,
and functions of pipelines that use symbolic tensors, form a template: the op ``DatasetVariant`` makes the pipeline of
it in every run.
"""

import copy
from typing import Any

import numpy as np

from microdl.compile.rebuild import rebuilt
from microdl.compile.signature import TensorSpec
from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.op import Spec, register_op
from microdl.core.tensor import Operand, Tensor, apply, convert
from microdl.data.calls import Call
from microdl.data.node import DatasetSpec, Node, held
from microdl.data.structure import flatten, mapped, size_of, tensor

VARIANT = Spec((), dtypes.variant)


class Argument(Node):
    """A pipeline that the symbolic Tensor ``handle`` stands for."""

    name = "_VariantDataset"

    def __init__(self, handle, spec):
        self.handle, self._spec = handle, spec

    def find_spec(self):
        return self._spec

    def iterate(self):
        return self.handle.known_array()  # which says that there is none yet


class Later(Node):
    """A source made of tensors, some of them symbolic.

    Args: make: function of the structure of Tensors with values that makes a Dataset. rows: whether elements are rows.
    """

    name = "_VariantDataset"

    def __init__(self, make, tensors, rows=False):
        self._make, self._tensors, self._rows = make, mapped(convert, tensors), rows

    def find_spec(self):
        return mapped(lambda x: TensorSpec(x.spec.shape[self._rows :], x.dtype), self._tensors)

    def iterate(self):
        return [x.known_array() for x in flatten(self._tensors)]  # which says that there is none yet

    def with_values(self, leaf):
        """The source itself if ``leaf(x)`` has a value for each Tensor x."""
        tensors = mapped(leaf, self._tensors)
        if all(x.array is not None for x in flatten(tensors)):
            return self._make(tensors).node
        same = all(x is y for x, y in zip(flatten(tensors), flatten(self._tensors), strict=True))
        return self if same else Later(self._make, tensors, self._rows)


def is_symbolic(structure):
    """Whether there is a Tensor without a value in it."""
    return context.graph is not None and any(isinstance(x, Operand) and x.symbolic for x in flatten(structure))


def leaf_specs(spec) -> list[Any]:
    """Of each tensor in elements of this spec a Spec, whose shape may be unknown, None, and sizes, too."""
    return [VARIANT if isinstance(leaf, DatasetSpec) else _open_spec(leaf) for leaf in flatten(spec)]


def _open_spec(spec):
    shape: Any = size_of(spec)
    return Spec(shape, spec.dtype)


def handle_of(node):
    """The Tensor that stands for a pipeline: with a value, unless it depends on symbolic tensors."""
    if isinstance(node, Argument):
        return node.handle
    found = symbols(node)
    return apply("DatasetVariant", *found, template=node) if found else Tensor(VARIANT, held(node))


def symbols(node):
    """The symbolic Tensors that a pipeline depends on."""
    found = {}

    def note(x):
        if isinstance(x, Tensor) and x.array is None:
            found[id(x)] = x
        return x

    with_values(node, note)
    return list(found.values())


def with_values(node, leaf) -> Any:
    """The pipeline with ``leaf(x)`` in the place of each Tensor x in it, and in what its functions close over."""
    if isinstance(node, Later):
        return node.with_values(leaf)
    if isinstance(node, Argument):
        handle = leaf(node.handle)
        return node if handle is node.handle else handle.array[()]
    changed = {}
    for name, part in vars(node).items():
        other = _with_values(part, leaf)
        if other is not part:
            changed[name] = other
    if not changed:
        return node
    twin = copy.copy(node)
    vars(twin).update(changed)
    return twin


def _with_values(part, leaf):
    if isinstance(part, Node):
        return with_values(part, leaf)
    if isinstance(part, Call):
        return part.with_function(_function(part.function, leaf))
    if isinstance(part, tuple):
        others = tuple([_with_values(x, leaf) for x in part])
        return part if all(x is y for x, y in zip(part, others, strict=True)) else others
    return part


def _function(function, leaf):
    """The function itself if none of the Tensors that it closes over is another one now."""
    changes = []

    def noted(x):
        other = leaf(x)
        if other is not x:
            changes.append(other)
        return other

    other = rebuilt(function, noted)
    return other if changes else function


@register_op("DatasetVariant")
class _DatasetVariant:
    """The pipeline ``template`` with values in the place of its symbolic tensors, which are the inputs."""

    inputs = ("components*",)
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(*components, template):
        return VARIANT

    @staticmethod
    def run(kernels, *arrays, template):
        *values, y = arrays
        given = dict(zip(map(id, symbols(template)), map(_own_tensor, values), strict=True))
        y[()] = with_values(template, lambda x: given.get(id(x), x))


def _own_tensor(array):
    """A Tensor of an array that will be used again."""
    of_data = not array.ndim and isinstance(array[()], Node)
    return Tensor(VARIANT, held(array[()])) if of_data else tensor(np.array(array))


@register_op("MakeIterator")
class _MakeIterator:
    """A new iterator over a data set; ``wrap``: its class."""

    inputs = ("dataset",)
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(dataset, wrap):
        return VARIANT

    @staticmethod
    def run(kernels, dataset, y, wrap):
        y[()] = iter(wrap(dataset[()]))


@register_op("DatasetCardinality")
class _Cardinality:
    """The number of elements, int64; -1 for infinitely many, -2 if unknown."""

    inputs = ("dataset",)
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(dataset):
        return Spec((), dtypes.int64)

    @staticmethod
    def run(kernels, dataset, y):
        y[()] = dataset[()].cardinality()
