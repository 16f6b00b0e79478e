"""One trace of a function: run by its plan, differentiated as one op, or taken up by the trace around it."""

import functools
import time

from microdl.compile.arguments import Structured
from microdl.compile.graph import FuncGraph
from microdl.compile.passes import optimize
from microdl.compile.plan import Plan
from microdl.compile.program import Program
from microdl.core import device, nest
from microdl.core.backprop import backpropagate
from microdl.core.context import context
from microdl.core.op import Op
from microdl.core.placement import is_on_gpu, known_gpu, on_host
from microdl.core.tensor import Tensor, apply, record

traces: list[tuple[str, float, float]] = []  # (name, start, seconds) of this process's traces and plans; for profiles
heard: list | None = None  # while somebody wants to know: the ConcreteFunctions that ran, each once


class ConcreteFunction(Structured):
    """A traced FuncGraph as a function of Tensors."""

    def __init__(self, graph, structured_outputs):
        super().__init__(graph, structured_outputs)
        self._plans = {}  # (device, whether it is the saving one) -> Plan
        self.present = []  # of a gradient: for each source whether there is one
        self._leaves = nest.flatten(structured_outputs)
        self._is_tensor = [isinstance(leaf, Tensor) for leaf in self._leaves]
        self._simple = type(structured_outputs) is Tensor

    @property
    def plan(self):
        """How it runs, if called here and now with Tensors of the CPU; made when it first does."""
        return self.plan_for(())

    def plan_for(self, tensors):
        """How it runs with such Tensors: where they live may decide on the device."""
        return self._plan(self._place([x.known_array() for x in tensors if not x.symbolic]))

    def _plan(self, where, saving=False):
        """The plan on a device; ``saving``: the one that returns what gradients read, too."""
        plan = self._plans.get((where, saving))
        if plan is None:
            start = time.perf_counter()
            outputs = [*self.graph.outputs, *self._saved] if saving else self.graph.outputs
            program = optimize(Program(self.graph.nodes, self._all_inputs(), outputs), where)
            plan = self._plans[where, saving] = Plan(program, where, self.name)
            traces.append((self.name, start, time.perf_counter() - start))
        return plan

    def _place(self, arrays):
        """The device to run on: the one that tf.device names, else the GPU if an input or a variable lives there."""
        gpu = known_gpu()
        if gpu is None:
            return device.the_cpu
        chosen = context.device or self.graph.device
        if chosen is not None:
            return chosen
        arrays = [*arrays, *(v.known_array() for v in self.graph.variables.values())]
        return gpu if any(map(is_on_gpu, arrays)) else device.the_cpu

    def call(self, tensors):
        """The structure that the Python function returned, for Tensors of the specs it was traced for."""
        if heard is not None and context.graph is None and self not in heard:
            heard.append(self)
        if context.graph is not None:
            outputs = self._taken_up(tensors)
        elif context.tapes:
            outputs = self._recorded(tensors)
        else:
            outputs = self._run(tensors, self.graph.outputs)
        if self._simple:
            return outputs[0]
        found = iter(outputs)
        return nest.pack_as(
            self.structured_outputs,
            [next(found) if known else leaf for known, leaf in zip(self._is_tensor, self._leaves, strict=True)],
        )

    def _all_inputs(self):
        return [*self.graph.inputs, *(inner for _, inner in self.graph.captures.values())]

    def _run(self, tensors, outputs, saving=False):
        arrays = [x.own_array() if x.borrowed else x.known_array() for x in tensors]
        where = self._place(arrays)
        if where is device.the_cpu and known_gpu() is not None:
            arrays = list(map(on_host, arrays))
        arrays = self._plan(where, saving).run(arrays)
        return [Tensor(y.spec, array) for y, array in zip(outputs, arrays, strict=True)]

    # Inside another trace.

    def _taken_up(self, tensors):
        """Applies the Nodes once more, in the graph that is being traced; its tapes hear of them."""
        graph = self.graph
        values = {id(x): given for x, given in zip(graph.inputs, tensors, strict=True)}
        values.update((id(inner), outer) for outer, inner in graph.captures.values())
        for node in graph.nodes:
            if node.op.name == "ReadVariableOp":
                values[id(node.outputs[0])] = node.inputs[0].read()
                continue
            results = apply(node.op, *(values.get(id(x), x) for x in node.inputs), **node.attrs)
            results = results if isinstance(results, tuple) else (results,)
            values.update((id(y), result) for y, result in zip(node.outputs, results, strict=True))
        return [values.get(id(y), y) for y in graph.outputs]

    # Under a tape.

    def _recorded(self, tensors):
        """Runs; if a tape follows what goes in, it hears of one op, whose gradient is another ConcreteFunction."""
        reads = [v.read() for v in self._read]  # the tapes hear that these variables were read
        sources = [*tensors, *reads, *self._constants]
        if not any(tape.follows(sources) or tape.lost for tape in context.tapes):
            return self._run(tensors, self.graph.outputs)
        results = self._run(tensors, [*self.graph.outputs, *self._saved], saving=True)
        kept = dict(zip(map(id, self._saved), results[len(self.graph.outputs) :], strict=True))
        kept.update(zip(map(id, self.graph.inputs), tensors, strict=True))
        kept.update((id(self._read_of(v)), value) for v, value in zip(self._read, reads, strict=True))
        record(self._op, {"kept": kept}, tuple(sources), tuple(results))
        return results[: len(self.graph.outputs)]

    @functools.cached_property
    def _read(self):
        """The floating Variables that are read: whether one is trainable, or watched, may change between calls."""
        reads = {node.inputs[0].uid for node in self.graph.nodes if node.op.name == "ReadVariableOp"}
        return [v for v in self.graph.variables.values() if v.dtype.is_floating and v.uid in reads]

    def _read_of(self, variable):
        """The Tensor of the first reading of a Variable."""
        return next(
            node.outputs[0]
            for node in self.graph.nodes
            if node.op.name == "ReadVariableOp" and node.inputs[0] is variable
        )

    @functools.cached_property
    def _constants(self):
        """Tensors with values from outside, which a tape may follow."""
        found = {}
        for node in self.graph.nodes:
            found.update((x.uid, x) for x in node.inputs if isinstance(x, Tensor) and x.array is not None)
        return [x for x in found.values() if x.dtype.is_floating]

    @functools.cached_property
    def _differentiable(self):
        return differentiable(self.graph.nodes, [*self.graph.inputs, *self._read, *self._constants])

    @functools.cached_property
    def _saved(self):
        """What the gradients of these Nodes may read, besides inputs and variables as they were at the start."""
        present = {id(x) for x in self.graph.inputs} | {id(self._read_of(v)) for v in self._read}
        found = {}
        for node in self._differentiable:
            op = node.op
            all_inputs = op.variadic and len(op.inputs) - 1 in op.keep_inputs
            read = [x for i, x in enumerate(node.inputs) if i in op.keep_inputs or all_inputs]
            read += [y for i, y in enumerate(node.outputs) if i in op.keep_outputs]
            found.update((id(x), x) for x in read if x.array is None and id(x) not in present)
        return list(found.values())

    @functools.cached_property
    def _op(self):
        """What a tape records for a call."""
        return Op(f"Call({self.name})", ("args*",), _never, None, self._gradient, frozenset(), frozenset())

    def _gradient(self, node, *dys):
        given = tuple(dy is not None for dy in dys)
        wanted = node.wants
        backward, read = self._backward(given, wanted)
        tensors = [dy for dy in dys if dy is not None] + [node.attrs["kept"][id(x)] for x in read]
        found = iter(backward.call(tensors))
        gradients = iter(backward.present)
        return tuple(next(found) if wants and next(gradients) else None for wants in wanted)

    def _backward(self, given, wanted):
        """The reverse walk as a ConcreteFunction of the gradients that are ``given`` and of forward Tensors.

        Args:
            given: for each output (and saved Tensor) whether a gradient arrives. wanted: for each source, as recorded.

        Returns: the function, with ``present`` telling which of the wanted gradients exist; the forward Tensors.
        """
        key = given, wanted
        if key not in self._backwards:
            targets = [y for y, arrives in zip([*self.graph.outputs, *self._saved], given, strict=True) if arrives]
            sources = [*self.graph.inputs, *self._read, *self._constants]
            source_ids = [x.uid for x, wants in zip(sources, wanted, strict=True) if wants]
            graph = FuncGraph(f"gradient of {self.name}")
            with graph, _Borrowing(graph, self.graph):
                tapes, context.tapes = context.tapes, ()
                try:
                    seeds = [graph.placeholder(y.spec) for y in targets]
                    found = backpropagate(self._differentiable, targets, source_ids, seeds)
                finally:
                    context.tapes = tapes
            graph.outputs = [graph.own(dx) for dx in found if dx is not None]
            read = [outer for outer, _ in graph.captures.values()]
            graph.inputs += [inner for _, inner in graph.captures.values()]
            graph.captures = {}
            function = ConcreteFunction(graph, list(graph.outputs))
            function.present = [dx is not None for dx in found]
            self._backwards[key] = function, read
        return self._backwards[key]

    @functools.cached_property
    def _backwards(self):
        return {}


def differentiable(nodes, sources):
    """Those of the Nodes that a tape which watches the ``sources`` would have recorded."""
    followed = {x.uid for x in sources if x.dtype.is_floating}
    found = []
    for node in nodes:
        if node.op.name == "ReadVariableOp" or node.op.gradient is None or followed.isdisjoint(node.input_ids):
            continue
        if floating := [y.uid for y in node.outputs if y.dtype.is_floating]:
            followed.update(floating)
            found.append(node)
    return found


class _Borrowing:
    """While entered, ``graph`` may use Tensors of ``source``: they become its captures."""

    def __init__(self, graph, source):
        self._graph, self._source = graph, source

    def __enter__(self):
        self._outer, self._graph._outer = self._graph._outer, self._source

    def __exit__(self, *error):
        self._graph._outer = self._outer


def _never(*specs, **attrs):
    raise RuntimeError("calls of functions are recorded, never applied")
