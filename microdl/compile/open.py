"""Graphs with sizes that are known only when they run: the None dimensions of input signatures and placeholders.

Kernels, shape inference and gradients all want sizes, so an ``OpenGraph`` holds no Nodes. It keeps the calls that make
them: each op, each function that looks at sizes (``core/deferred.py``), each gradient asked of a tape. Once sizes are
given, a ``Replay`` makes these calls again in an ordinary graph.

What is known of a tensor before that is found by example: every call is made at once in two graphs that take two sample
sizes for each unknown one. A size that differs between the two is unknown.
"""

import re

import numpy as np

from microdl.compile.concrete import ConcreteFunction
from microdl.compile.graph import FuncGraph
from microdl.core import nest
from microdl.core.context import context, user_location
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.node import Graph
from microdl.core.op import Spec
from microdl.core.tensor import Operand, Tensor, convert

SAMPLES = 11760, 23520  # 2^4 * 3 * 5 * 7^2 and twice that: most sizes into which somebody may cut them divide both


class Call:
    """A call that makes tensors: ``function(*args, **kwargs)``, under the tapes that listen.

    Attributes:
        inputs: the symbolic Tensors and the Variables among its arguments.
        outputs: for each leaf of what it returned the symbolic Tensor that stands for it; None for other leaves.
    """

    __slots__ = ("args", "function", "inputs", "kwargs", "outputs", "phase", "tapes")

    def __init__(self, function, args, kwargs):
        self.function, self.inputs, self.outputs = function, [], []
        self.args, self.kwargs = _rebuilt(args, self._kept), _rebuilt(kwargs, self._kept)
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
        self._twins = {}  # id of a tape -> the tape itself (it must not go), the one that takes its place here

    def make(self, call):
        """What ``call`` returns here."""
        args, kwargs, tapes = (_rebuilt(x, self.value) for x in (call.args, call.kwargs, call.tapes))
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
        if not hasattr(x, "twin"):
            return x
        if id(x) not in self._twins:
            self._twins[id(x)] = x, x.twin(self.value)
        return self._twins[id(x)][1]


class OpenGraph(Graph):
    """A trace in which sizes may be unknown.

    Attributes:
        inputs: symbolic Tensors with None for unknown sizes. outputs: those that are returned.
        calls: the Calls, in order. samples: the two Replays. created: how many Variables were made.
    """

    open = True

    def __init__(self, name):
        super().__init__()
        self.name, self.inputs, self.outputs, self.calls = name, [], [], []
        self.samples = [Replay(FuncGraph(name)) for _ in SAMPLES]
        self.created, self.captures = 0, {}
        self._tensors = {}  # ids of what a Tensor is in the samples -> the Tensor

    @property
    def variables(self):
        return self.samples[0].graph.variables

    def placeholder(self, spec):
        """A new input."""
        sizes = [tuple(size if n is None else n for n in spec.shape) for size in SAMPLES]
        inputs = [
            sample.graph.placeholder(Spec(shape, spec.dtype)) for sample, shape in zip(self.samples, sizes, strict=True)
        ]
        self.inputs.append(self._standing_for(*inputs))
        return self.inputs[-1]

    def defer(self, function, args, kwargs):
        """Records a call. Returns what it returned, with symbolic Tensors."""
        call = Call(function, args, kwargs)
        first, second = (self._sampled(call, *sample) for sample in zip(self.samples, SAMPLES, strict=True))
        pairs = nest.flatten(first), nest.flatten(second)
        if len(pairs[0]) != len(pairs[1]):
            raise InvalidArgumentError(
                f"{self.name}: how many tensors {function.__name__} gives at {user_location()} depends on a size that "
                "is not known here: name that size in the input signature or placeholder"
            )
        steady = not call.inputs  # what is made of constants alone is a constant
        leaves = [self._common(x, y, steady) for x, y in zip(*pairs, strict=True)]
        call.outputs = [x if isinstance(x, Tensor) and x.array is None else None for x in leaves]
        if any(y is not None for y in call.outputs) or not any(isinstance(x, Tensor) for x in leaves):
            self.calls.append(call)
        return nest.pack_as(first, leaves)

    def _sampled(self, call, sample, size):
        try:
            return sample.make(call)
        except Exception as error:
            error.args = tuple(re.sub(rf"\b{size}\b", "None", x) if isinstance(x, str) else x for x in error.args)
            raise

    def _common(self, x, y, steady):
        """What stands for a leaf that is ``x`` and ``y`` in the samples."""
        if not (isinstance(x, Tensor) and isinstance(y, Tensor)):
            return x if x is y or (type(x) is type(y) and x == y) else None
        if steady and x.array is not None and y.array is not None and np.array_equal(x.array, y.array):
            return x
        known = self._tensors.get((id(x), id(y)))
        return self._standing_for(x, y) if known is None else known

    def _standing_for(self, x, y):
        if x.ndim != y.ndim or x.dtype is not y.dtype:
            raise InvalidArgumentError(
                f"{self.name} ({user_location()}): the rank or the dtype of a tensor depends on a size that is not "
                f"known here: {x.spec} or {y.spec}"
            )
        shape = tuple(m if m == n else None for m, n in zip(x.spec.shape, y.spec.shape, strict=True))
        tensor = self._tensors[id(x), id(y)] = Tensor(Spec(shape, x.dtype))
        for sample, value in zip(self.samples, (x, y), strict=True):
            sample.values[id(tensor)] = value
        return tensor

    def read(self, variable):
        return self.defer(_read, (variable,), {})

    def lifted(self, value):
        self.created += 1
        sample = self.samples[0]
        return sample.graph.lifted(sample.value(value))

    def own(self, tensor):
        if tensor.array is None and not self.holds(tensor):
            raise TypeError(
                f"function {self.name!r} ({user_location()}): a symbolic tensor of shape {tensor.shape} comes from "
                "another trace, where it had no value; hand it on as an argument or as a result"
            )
        return tensor

    def holds(self, tensor):
        """Whether a symbolic Tensor belongs to this trace."""
        return id(tensor) in self.samples[0].values


class OpenFunction:
    """A traced function with sizes left open: for each choice of sizes there is a ConcreteFunction.

    Attributes:
        graph: the OpenGraph. structured_outputs: what the Python function returned, with symbolic Tensors.
    """

    def __init__(self, graph, structured_outputs):
        self.graph, self.structured_outputs = graph, structured_outputs
        self._sized = {}  # specs of the inputs -> ConcreteFunction

    name = property(lambda self: self.graph.name)
    inputs = property(lambda self: list(self.graph.inputs))
    outputs = property(lambda self: list(self.graph.outputs))
    variables = property(lambda self: tuple(self.graph.variables.values()))

    @property
    def plan(self):
        """How it ran with the sizes that it was last prepared for."""
        if not self._sized:
            raise ValueError(f"{self.name}: how it runs is known once it has run, as sizes are open: call it first")
        return next(reversed(self._sized.values())).plan

    @property
    def trainable_variables(self):
        return tuple(v for v in self.variables if v.trainable)

    def __call__(self, *args):
        """The outputs for Tensors (or what becomes one), one for each input."""
        if len(args) != len(self.graph.inputs):
            raise TypeError(f"{self.name}: {len(self.graph.inputs)} tensors are expected, got {len(args)}")
        return self.call([convert(value, hint=x.dtype) for value, x in zip(args, self.graph.inputs, strict=True)])

    @reads_sizes
    def call(self, tensors):
        """The structure that the Python function returned, for Tensors that fit the specs it was traced for."""
        return self.sized([x.spec for x in tensors]).call(tensors)

    def sized(self, specs):
        """The ConcreteFunction for inputs of these Specs. Raises ValueError if one does not fit."""
        key = tuple(specs)
        if key not in self._sized:
            for spec, x in zip(specs, self.graph.inputs, strict=True):
                if spec.dtype is not x.dtype or not x.shape.is_compatible_with(spec.shape):
                    raise ValueError(
                        f"{self.name}: traced for a tensor of shape {x.shape} and dtype {x.dtype.name}, got one of "
                        f"shape {spec.shape} and dtype {spec.dtype.name}"
                    )
            self._sized[key] = self._with_sizes(specs)
        return self._sized[key]

    def _with_sizes(self, specs):
        graph = FuncGraph(self.name)
        replay = Replay(graph)
        with graph:
            replay.keep(self.graph.inputs, [graph.placeholder(spec) for spec in specs])
            replay.again(self.graph.calls)
            leaves = [replay.value(leaf) for leaf in nest.flatten(self.structured_outputs)]
        graph.outputs = [graph.own(leaf) for leaf in leaves if isinstance(leaf, Tensor)]
        return ConcreteFunction(graph, nest.pack_as(self.structured_outputs, leaves))

    def __repr__(self):
        arguments = ", ".join(f"{x.dtype.name}{list(x.shape)}" for x in self.graph.inputs)
        return f"<OpenFunction {self.name}({arguments})>"


def _read(variable):
    return variable.read()


def _rebuilt(value, leaf):
    """A structure of arguments, slices among them, with ``leaf`` of each of its leaves."""
    if isinstance(value, dict):
        return {key: _rebuilt(part, leaf) for key, part in value.items()}
    if isinstance(value, slice):
        return slice(*(_rebuilt(end, leaf) for end in (value.start, value.stop, value.step)))
    if isinstance(value, (list, tuple)):
        parts = [_rebuilt(part, leaf) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return leaf(value)
