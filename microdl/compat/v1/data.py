"""``tf.data`` in graphs: iterators whose ``get_next()`` sessions feed with the next element of a Dataset.

What ``get_next()`` gives are placeholders, so plans are made for the sizes of an element, as for what users feed.
"""

from typing import Any

import microdl.data
from microdl.compat.v1.at_once import AtOnce
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.naming import Namespace
from microdl.compat.v1.variables import no_op
from microdl.core.errors import FailedPreconditionError
from microdl.data.structure import flatten, mapped, packed, size_of, specs_of_types


class Iterator:
    """Goes through the elements of a Dataset: each session by itself, one element further with each run that needs it.

    Passes over shuffled data have orders of their own, as in TensorFlow 2, also where the shuffle has a seed.

    Args:
        element_spec: structure of TensorSpecs. dataset: the Dataset, or None if ``make_initializer`` will give it.
        starts: whether it begins by itself; else ``initializer`` must run before.
    """

    def __init__(self, element_spec, dataset=None, starts=False):
        self.element_spec, self.dataset, self.starts = element_spec, dataset, starts

    @staticmethod
    def from_structure(output_types, output_shapes=None, shared_name=None, output_classes=None):
        """An Iterator for all Datasets with elements of these dtypes and shapes: see ``make_initializer``."""
        return Iterator(specs_of_types(output_types, output_shapes))

    def get_next(self, name=None) -> Any:
        """The element of the run: a structure of Tensors. A run for which none is left raises OutOfRangeError."""
        graph = get_default_graph()
        request = Request(self)
        with graph.entered():
            for spec in flatten(self.element_spec):
                with graph.naming(name or "IteratorGetNext"):
                    tensor = graph.placeholder(spec.dtype, size_of(spec))
                tensor.op.request = request
                request.tensors.append(tensor)
        return packed(self.element_spec, request.tensors)

    @property
    def initializer(self):
        """An Operation that lets a session begin with the first element (again)."""
        if self.dataset is None:
            raise ValueError("The iterator does not have an initializer: use make_initializer(dataset)")
        return self.make_initializer(self.dataset)

    def make_initializer(self, dataset, name=None):
        """An Operation after which a session takes the elements of ``dataset``, from the first one on."""
        op = no_op(name or "MakeIterator")
        op.begins = self, dataset
        return op

    @property
    def output_types(self):
        return get_output_types(self)

    @property
    def output_shapes(self):
        return get_output_shapes(self)


class Request:
    """One call of ``get_next``: the Tensors that all get their values from one element."""

    def __init__(self, iterator):
        self.iterator, self.tensors = iterator, []


class Positions:
    """Where one session stands in each Iterator."""

    def __init__(self):
        self._running = {}

    def begin(self, iterator, dataset):
        with AtOnce():
            self._running[iterator] = iter(dataset)

    def feeds(self, request):
        """Pairs (Tensor of the request, eager Tensor) of the next element."""
        iterator = request.iterator
        if iterator not in self._running:
            if not iterator.starts:
                raise FailedPreconditionError(
                    "GetNext() failed because the iterator has not been initialized. Ensure that you have run the "
                    "initializer operation for this iterator before getting the next element."
                )
            self.begin(iterator, iterator.dataset)
        with AtOnce():
            return list(zip(request.tensors, flatten(self._running[iterator].get_next()), strict=True))


def make_one_shot_iterator(dataset):
    """An Iterator that begins by itself and goes through ``dataset`` once in each session."""
    return Iterator(dataset.element_spec, dataset, starts=True)


def make_initializable_iterator(dataset, shared_name=None):
    """An Iterator that goes through ``dataset`` each time that ``session.run(iterator.initializer)`` was called."""
    return Iterator(dataset.element_spec, dataset)


def get_output_types(dataset_or_iterator):
    """The dtypes of elements."""
    return mapped(lambda spec: spec.dtype, dataset_or_iterator.element_spec)


def get_output_shapes(dataset_or_iterator):
    """The static shapes of elements."""
    return mapped(lambda spec: spec.shape, dataset_or_iterator.element_spec)


# Datasets themselves have these in TensorFlow 1; they get them when somebody imports it.
for _name, _value in {
    "make_one_shot_iterator": make_one_shot_iterator,
    "make_initializable_iterator": make_initializable_iterator,
    "output_types": property(get_output_types),
    "output_shapes": property(get_output_shapes),
}.items():
    setattr(microdl.data.Dataset, _name, _value)

_OWN = (Iterator, make_one_shot_iterator, make_initializable_iterator, get_output_types, get_output_shapes)
data = Namespace(microdl.data, {x.__name__: x for x in _OWN})
