"""Graphs with sizes that are known only when they run: the None dimensions of input signatures and placeholders.

Kernels, shape inference and gradients all want sizes, so an ``OpenGraph`` holds no Nodes. It keeps the calls that make
them: each op, each function that looks at sizes (``core/deferred.py``), each gradient asked of a tape. Once sizes are
given, a ``Replay`` makes these calls again in an ordinary graph.

What is known of a tensor before that is found by example: every call is made at once in three graphs that take sample
sizes for the unknown ones. A size that differs between them is unknown; a sample that an op refuses is given up.
"""

from typing import Any

import numpy as np

from microdl.compile.arguments import Structured
from microdl.compile.concrete import ConcreteFunction
from microdl.compile.graph import ELSEWHERE, FuncGraph, foreign
from microdl.compile.rebuild import rebuilt
from microdl.core import nest
from microdl.core.context import context, user_location
from microdl.core.deferred import Replayed, reads_sizes
from microdl.core.dtypes import variant
from microdl.core.errors import InvalidArgumentError
from microdl.core.node import Graph
from microdl.core.op import Spec
from microdl.core.samples import common_shape, without_sizes
from microdl.core.tensor import Operand, Tensor

# 2^4 * 3 * 5 * 7^2, and twice that: most sizes into which somebody may cut them divide both. 1 suits what stretches,
# and with 48 it tells that what a crop leaves (``x[:100]``) is no known size.
SAMPLES = 11760, 23520, 48, 1

KEPT = 256  # choices of sizes that a function stays prepared for

_PLAIN = int, float, str, bytes, type(None)
_GIVEN_UP = object()  # what a sample has for a tensor whose sizes it does not fit


class Call:
    """A call that makes tensors: ``function(*args, **kwargs)``, under the tapes that listen.

    Attributes:
        inputs: the symbolic Tensors and the Variables among its arguments.
        outputs: for each leaf of what it returned the symbolic Tensor that stands for it; None for other leaves.
    """

    __slots__ = ("args", "function", "inputs", "kwargs", "outputs", "phase", "tapes")

    def __init__(self, function, args, kwargs):
        self.function, self.inputs, self.outputs = function, [], []
        self.args, self.kwargs = rebuilt((args, kwargs), self._kept)
        self.tapes, self.phase = context.tapes, context.phase

    def _kept(self, x):
        """An argument as it is now: arrays may change."""
        if isinstance(x, Operand) and getattr(x, "array", None) is None:
            self.inputs.append(x)
        return x.copy() if isinstance(x, np.ndarray) else x


class Replay:
    """Makes calls in ``graph``. ``values``: id of an OpenGraph's Tensor -> what it is there."""

    def __init__(self, graph):
        self.graph, self.values = graph, {}
        self.twins = {}  # id of a tape -> the tape itself (it must not go), the one that takes its place here

    def make(self, call):
        """What ``call`` returns here."""
        args, kwargs, tapes = rebuilt((call.args, call.kwargs, call.tapes), self.value)
        outer = context.graph, context.tapes, context.phase
        context.graph, context.tapes, context.phase = self.graph, tapes, call.phase
        try:
            return call.function(*args, **kwargs)
        finally:
            context.graph, context.tapes, context.phase = outer

    def again(self, calls):
        """Makes calls that were recorded."""
        for call in calls:
            self.keep(call.outputs, nest.flatten(self.make(call)))

    def keep(self, tensors, values):
        for x, value in zip(tensors, values, strict=True):
            if x is not None:
                self.values[id(x)] = value

    def value(self, x):
        """What stands for an argument here."""
        if isinstance(x, Tensor):
            return self.values.get(id(x), x)
        if not isinstance(x, Replayed):
            return x
        if id(x) not in self.twins:
            self.twins[id(x)] = x, x.twin(self.value)
        return self.twins[id(x)][1]


class OpenGraph(Graph):
    """A trace in which sizes may be unknown.

    Attributes:
        inputs: symbolic Tensors with None for unknown sizes. outputs: those that are returned.
        fed: (Source, Tensors) of what is taken when a run begins: elements of iterators, iterators of data sets.
        calls: the Calls, in order. samples: the Replays. created: how many Variables were made.

    Args: examples: shapes that the inputs will have, if some are known: the first sample takes them. Sizes that another
    sample has, too, are different ones in one more sample: else they would pass for known where these two are left.
    """

    open = True
    sizes = SAMPLES  # what each sample takes for sizes that are unknown
    folds = True  # whether what is made of constants alone is computed at once
    sized = FuncGraph  # what holds the Nodes once sizes are given
    sample = Replay  # what makes the calls of one sample

    def __init__(self, name, examples=None):
        super().__init__()
        self.name, self.inputs, self.outputs, self.calls = name, [], [], []
        self.fed = []
        self._examples = iter(examples or ())
        if any(size in shape for shape in examples or () for size in self.sizes[1:]):
            self.sizes = *self.sizes, self.sizes[0]
        self.samples = [self.sample(self.sized(name)) for _ in self.sizes]
        self.created, self.captures = 0, {}
        self._tensors = {}  # ids of what a Tensor is in the samples -> the Tensor

    @property
    def variables(self):
        return self.samples[0].graph.variables

    def placeholder(self, spec):
        """A new input."""
        if spec.shape is None:
            self.inputs.append(self._unsized(spec))
            return self.inputs[-1]
        shapes = [tuple(size if n is None else n for n in spec.shape) for size in self.sizes]
        example: Any = next(self._examples, None)
        if example is not None:
            shapes[0], (_, *others) = example, type(self).sizes
            if len(shapes) > 1 + len(others):
                pairs = zip(spec.shape, example, strict=True)
                shapes[-1] = tuple(self.sizes[-1] if n is None and m in others else m for n, m in pairs)
        self.inputs.append(self._placeholder(shapes, spec.dtype))
        return self.inputs[-1]

    def name_arguments(self, names):
        """What the inputs are called when they are printed."""
        self.samples[0].graph.name_arguments(names)

    def name_of(self, tensor):
        sample = self.samples[0]
        return sample.graph.name_of(sample.values.get(id(tensor)))

    def feed(self, source, specs):
        """Tensors of these Specs for what ``source.next_leaves()`` gives when a run begins."""
        self.fed.append((source, [self._unsized(spec) for spec in specs]))
        return self.fed[-1][1]

    def is_given(self, tensor):
        """Whether a Tensor has its value when a run begins."""
        given = [*self.inputs, *(x for _, taken in self.fed for x in taken)]
        return tensor.array is not None or any(tensor is x for x in given)

    def taken(self, known):
        """The Tensors for what is ``fed``. known: id of a Tensor that stands for a Source -> its value."""
        found = []
        for source, tensors in self.fed:
            (handle,) = source.parts()
            leaves = source.with_parts([known.get(id(handle), handle)]).next_leaves()
            known.update(zip(map(id, tensors), leaves, strict=True))
            found += leaves
        return found

    def own_ids(self):
        """ids of the Tensors that belong here."""
        return {id(x) for x in self._tensors.values()}

    def _unsized(self, spec):
        if spec.shape is None:
            shapes = [(size,) * max(0, k - 1) for k, size in enumerate(self.sizes)]
        else:
            shapes = [tuple(size if n is None else n for n in spec.shape) for size in self.sizes]
        return self._placeholder(shapes, spec.dtype)

    def _placeholder(self, shapes, dtype):
        """A symbolic Tensor that has one of ``shapes`` in each sample."""
        pairs = zip(self.samples, shapes, strict=True)
        return self._standing_for([sample.graph.placeholder(Spec(shape, dtype)) for sample, shape in pairs])

    def defer(self, function, args, kwargs) -> Any:
        """Records a call. Returns what it returned, with symbolic Tensors."""
        call = self._call(function, args, kwargs)
        results = self._sampled(call)
        structure = next(result for result in results if result is not None)[0]
        leaves = [self._common(values, steady=self.folds and not call.inputs) for values in _by_leaf(results)]
        call.outputs = [x if isinstance(x, Tensor) and x.array is None else None for x in leaves]
        if any(y is not None for y in call.outputs) or not any(isinstance(x, Tensor) for x in leaves):
            self.calls.append(call)
            self._recorded(call)
        return nest.pack_as(structure, leaves)

    def _sampled(self, call):
        """What a call gives in each sample, in a tuple; None for one that was given up."""
        results, errors = [], []
        for sample, size in zip(self.samples, self.sizes, strict=True):
            if any(id(x) not in sample.values for x in call.inputs if isinstance(x, Tensor)):
                results.append(None)
                continue
            try:
                results.append((sample.make(call),))
            except Exception as error:  # whatever an op or a function raises: perhaps only this size is wrong
                errors.append(without_sizes(error, [size]))
                results.append(None)
        if errors and all(result is None for result in results):
            raise errors[0]
        if all(result is None for result in results):
            for x in call.inputs:
                self.own(x)
            raise InvalidArgumentError(
                f"{self.name} ({user_location()}): no size fits all of the tensors that meet here"
            )
        return results

    def _common(self, values, steady):
        """What stands for a leaf that is one of ``values`` in each sample. steady: it depends on no input."""
        leaf, *others = [x for x in values if x is not _GIVEN_UP]
        if not isinstance(leaf, Tensor):
            return leaf if all(x is leaf or (isinstance(x, _PLAIN) and x == leaf) for x in others) else None
        if steady and leaf.array is not None and all(np.array_equal(leaf.array, x.array) for x in others):
            return leaf
        tensor = self._tensors.get(tuple(map(id, values)))
        return self._standing_for(values) if tensor is None else tensor

    def _standing_for(self, values):
        """A new symbolic Tensor that is one of ``values`` in each sample: with the sizes on which two samples agree."""
        known = [x for x in values if x is not _GIVEN_UP]
        tensor = self._tensors[tuple(map(id, values))] = self._symbolic(common_shape(known), known[0])
        for sample, value in zip(self.samples, values, strict=True):
            if value is not _GIVEN_UP:
                sample.values[id(tensor)] = value
        return tensor

    def _call(self, function, args, kwargs):
        return Call(function, args, kwargs)

    def _recorded(self, call):
        """Hears of a Call when it has its outputs."""

    def _symbolic(self, shape, example):
        """A Tensor of a shape with unknown sizes; None, if even their number is unknown: then it is the example's."""
        return Tensor(Spec((None,) * example.ndim if shape is None else shape, example.dtype))

    def read(self, variable):
        return self.defer(_read, (variable,), {})

    def lifted(self, value):
        self.created += 1
        sample = next(
            sample
            for sample in self.samples
            if not isinstance(value, Tensor) or value.array is not None or id(value) in sample.values
        )
        return sample.graph.lifted(sample.value(value))

    def own(self, tensor):
        if isinstance(tensor, Tensor) and tensor.array is None and not self.holds(tensor):
            raise foreign(self, tensor, ELSEWHERE)
        return tensor

    def holds(self, tensor):
        """Whether a symbolic Tensor belongs to this trace."""
        return any(id(tensor) in sample.values for sample in self.samples)

    def twins_of(self, x):
        """What takes the place of a Replayed in the samples."""
        return [sample.twins[id(x)][1] for sample in self.samples if id(x) in sample.twins]


class OpenFunction(Structured):
    """A traced function with sizes left open, in an OpenGraph: for each choice of sizes there is a ConcreteFunction."""

    def __init__(self, graph, structured_outputs):
        super().__init__(graph, structured_outputs)
        self._sized = {}  # specs of the inputs -> ConcreteFunction

    @property
    def plan(self):
        """How it ran with the sizes that it was last prepared for."""
        return self.plan_for(())

    def plan_for(self, tensors):
        """The same with Tensors that live where these do."""
        if not self._sized:
            raise ValueError(f"{self.name}: how it runs is known once it has run, as sizes are open: call it first")
        return next(reversed(self._sized.values())).plan_for(tensors)

    def call(self, tensors):
        """The structure that the Python function returned, for Tensors that fit the specs it was traced for."""
        if self.graph.fed:
            given = zip(self.graph.inputs, tensors, strict=True)
            tensors = [*tensors, *self.graph.taken({id(x): value for x, value in given if x.dtype is variant})]
        return self._sized_call(tensors)

    @reads_sizes
    def _sized_call(self, tensors):
        return self.sized([x.spec for x in tensors]).call(tensors)

    def sized(self, specs):
        """The ConcreteFunction for inputs of these Specs. Raises ValueError if one does not fit."""
        key = tuple(specs)
        prepared = self._sized.get(key)
        if prepared is None:
            for spec, x in zip(specs, self.graph.inputs, strict=False):
                if spec.dtype is not x.dtype or not x.shape.is_compatible_with(spec.shape):
                    raise ValueError(
                        f"{self.name}: traced for a tensor of shape {x.shape} and dtype {x.dtype.name}, got one of "
                        f"shape {spec.shape} and dtype {spec.dtype.name}"
                    )
            prepared = self._sized[key] = self.with_sizes(specs)
            for oldest in list(self._sized)[:-KEPT]:
                self._sized.pop(oldest, None)  # another thread may have been here first
        return prepared

    def with_sizes(self, specs):
        """A new ConcreteFunction for inputs of these Specs."""
        graph = self.graph.sized(self.name)
        graph.resized = True
        replay = Replay(graph)
        with graph:
            inputs = [*self.graph.inputs, *(x for _, elements in self.graph.fed for x in elements)]
            replay.keep(inputs, [graph.placeholder(spec) for spec in specs])
            replay.again(self.graph.calls)
            leaves = [replay.value(leaf) for leaf in nest.flatten(self.structured_outputs)]
        graph.outputs = [graph.own(leaf) for leaf in leaves if isinstance(leaf, Tensor)]
        return ConcreteFunction(graph, nest.pack_as(self.structured_outputs, leaves))


def _by_leaf(results):
    """For each leaf what it is in each sample: ``_GIVEN_UP`` in one that gives another number of leaves, or dtypes."""
    leaves = [[] if result is None else nest.flatten(result[0]) for result in results]
    kinds = [[getattr(x, "dtype", None) for x in found] for found in leaves]
    first = next(kind for kind, result in zip(kinds, results, strict=True) if result is not None)
    return [
        [found[i] if kind == first else _GIVEN_UP for found, kind in zip(leaves, kinds, strict=True)]
        for i in range(len(first))
    ]


def _read(variable):
    return variable.read()
