"""Parts of a trace that run any number of times: the branches of an ``If``, the bodies of loops.

A part is traced into a graph of its own (``blocks.trace``). ``Parts`` turns what such graphs use of the trace
around them into inputs, the same for all parts of one op, so that a part is a function of arrays (and of the variables
it writes to).
``pullback`` is the gradient of a part: its Nodes are applied again, and walked backwards.
"""

from microdl.compile.graph import FuncGraph
from microdl.compile.passes import optimize
from microdl.compile.plan import Plan
from microdl.compile.program import Program, pauses
from microdl.core import device
from microdl.core.backprop import backpropagate
from microdl.core.context import context
from microdl.core.node import Node
from microdl.core.op import get_op
from microdl.core.tensor import Tensor, apply


def tracing():
    """Whether a function is being traced, so that control flow becomes a Node."""
    return isinstance(context.graph, FuncGraph) or (context.graph is not None and context.graph.open)


class Part(FuncGraph):
    """The trace of a branch or of a body.

    Attributes:
        fed: what it asks iterators for at its start: nothing here (see ``blocks.OpenPart``).
        reads: uid -> (Variable, the Tensor of its value at the start).
        written: uid -> Variable that a Node here writes to.
        counters: id of a Tensor that counts the rounds of a loop, from 0 -> how many there are.
        kept: Tensors which a gradient cannot compute again: what was drawn, or read from a variable that changes.
    """

    fed = ()

    def __init__(self, name):
        super().__init__(name)
        self.reads, self.written, self.kept, self.counters = {}, {}, [], {}
        self._plans = {}  # (kind, device) -> Plan

    def add(self, node):
        super().add(node)
        for i in node.op.written(len(node.inputs)):
            self.written.setdefault(node.inputs[i].uid, node.inputs[i])

    def read(self, variable):
        if variable.uid in self._values or variable.uid in self.written:
            return super().read(variable)
        tensor = Tensor(variable.spec, uid=variable.uid)
        self._own.add(id(tensor))
        self._values[variable.uid] = tensor
        self.reads[variable.uid] = variable, tensor
        return tensor

    def close(self, captured, variables, written):
        """Makes inputs of what came from outside: ``captured`` Tensors, and values of ``variables``.

        A variable that is ``written`` in this part or in another one of the same op is read when the part starts.
        """
        for variable, tensor in self.reads.values():
            if variable.uid in written:
                self.nodes.insert(0, Node(get_op("ReadVariableOp"), {}, (variable,), (tensor,)))
        inner = {key: tensor for key, (_, tensor) in self.captures.items()}
        self.inputs += [inner.get(id(x), Tensor(x.spec, uid=x.uid)) for x in captured]
        values = {uid: tensor for uid, (_, tensor) in self.reads.items()}
        self.inputs += [values.get(v.uid, Tensor(v.spec, uid=v.uid)) for v in variables]
        self.captures = {}
        for node in self.nodes:
            if node.op.mutates or node.op.stateful or node.op.name == "ReadVariableOp":
                self.kept += node.outputs

    @property
    def plan(self):
        """Computes the outputs."""
        return self._planned("plan", self.nodes, self.outputs)

    @property
    def keeping_plan(self):
        """Computes the outputs and what is ``kept``."""
        return self._planned("keeping", self.nodes, [*self.outputs, *self.kept])

    @property
    def pure_plan(self):
        """Computes the outputs, and does nothing besides."""
        return self._planned("pure", [node for node in self.nodes if node.outputs], self.outputs)

    def _planned(self, kind, nodes, outputs):
        """The plan of a kind on the device on which the op runs that these parts belong to."""
        where = context.running or device.the_cpu
        plan = self._plans.get((kind, where))
        if plan is None:
            program = optimize(Program(nodes, self.inputs, outputs), where)
            plan = self._plans[kind, where] = Plan(program, where, self.name)
        return plan


class Parts:
    """The parts of one op, with common inputs.

    Attributes:
        parts: list of Parts. Each takes its own arguments, then the values of ``shared``.
        shared: Tensors of the trace around it that they use, values of variables among them.
        constants: Tensors with values that they use: an outer tape may ask for their gradients.
        written: Variables that they write to.
    """

    def __init__(self, *parts):
        self.parts = parts
        written = {uid: v for part in parts for uid, v in part.written.items()}
        captured = {key: outer for part in parts for key, (outer, _) in part.captures.items()}.values()
        read = {uid: v for part in parts for uid, (v, _) in part.reads.items()}
        values = {uid: v.read() for uid, v in read.items()}  # tapes hear of it
        steady = [uid for uid in read if uid not in written]
        for part in parts:
            part.close(captured, [read[uid] for uid in steady], written)
        self.shared = [*captured, *(values[uid] for uid in steady)]
        used = [x for part in parts for node in part.nodes for x in node.inputs] + [y for p in parts for y in p.outputs]
        self.constants = list({x.uid: x for x in used if getattr(x, "array", None) is not None}.values())
        self.constants = [x for x in self.constants if x.dtype.is_floating]
        self.written = list(written.values())
        self.stateful = any(node.op.stateful for part in parts for node in part.nodes) or any(p.fed for p in parts)
        self.pauses = any(pauses(node) for part in parts for node in part.nodes) or any(p.fed for p in parts)

    def inputs(self, *first):
        """Inputs of an op that has these parts: ``first``, and what the parts need."""
        return (*first, *self.shared, *self.constants, *self.written)

    def sources(self, part, shared, kept):
        """For each of its inputs, after the first ones, the uids that stand for it in the ``pullback`` of ``part``."""
        if part.open:
            raise RuntimeError(
                f"{part.name}: there is no gradient, as sizes in it differ from run to run; put the tape inside, or "
                "give the elements fixed sizes: dataset.batch(n, drop_remainder=True)"
            )
        read = {}
        for y, value in zip(part.kept, kept, strict=True):
            read.setdefault(y.uid, []).append(value.uid)  # a reading of a variable has the variable's uid
        return [[x.uid] for x in [*shared, *self.constants]] + [read.get(v.uid, []) for v in self.written]


def wanted_inputs(node, first=0):
    """Inputs, from position ``first`` on, whose gradients are wanted: for each its positions, as it may stand twice."""
    found = {}
    for i in range(first, len(node.inputs)):
        if node.wants[i] and node.inputs[i].dtype.is_floating:
            found.setdefault(node.input_ids[i], []).append(i)
    return list(found.values())


def merged(sources, positions):
    """The uids in ``sources`` at these positions, each once."""
    return list(dict.fromkeys(uid for i in positions for uid in sources[i]))


def pullback(part, arguments, kept, dys, sources):
    """Gradients of ``sum(dys * (outputs and kept))`` of a Part: a Tensor or None for each entry of ``sources``.

    Args:
        arguments: Tensors for its inputs. kept: Tensors for what is ``kept``. dys: a Tensor or None for each of its
        outputs, then of ``kept``. sources: lists of uids of arguments, constants or kept values, to be added up.
    """
    values = {id(x): value for x, value in zip(part.inputs, arguments, strict=True)}
    known = {id(y): value for y, value in zip(part.kept, kept, strict=True)}
    followed = {uid for uids in sources for uid in uids}
    nodes = []
    for node in part.nodes:
        inputs = tuple(values.get(id(x), x) for x in node.inputs)
        if all(id(y) in known for y in node.outputs):  # or there are none: a write, a print
            outputs = tuple(known[id(y)] for y in node.outputs)
        else:
            outputs = apply(node.op, *inputs, **node.attrs)
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        values.update((id(y), value) for y, value in zip(node.outputs, outputs, strict=True))
        again = Node(node.op, node.attrs, inputs, outputs)
        if node.op.gradient is None or node.op.name == "ReadVariableOp" or followed.isdisjoint(again.input_ids):
            continue
        if floating := [y.uid for y in outputs if y.dtype.is_floating]:
            followed.update(floating)
            nodes.append(again)
    results = [values.get(id(y), y) for y in [*part.outputs, *part.kept]]
    arriving = [(y, dy) for y, dy in zip(results, dys, strict=True) if dy is not None]
    flat = [uid for uids in sources for uid in uids]
    found = iter(backpropagate(nodes, [y for y, _ in arriving], flat, [dy for _, dy in arriving]))
    return [total([next(found) for _ in uids]) for uids in sources]


def total(gradients):
    """The sum of those that are not None; None if all are."""
    gradients = [dx for dx in gradients if dx is not None]
    if len(gradients) < 2:
        return gradients[0] if gradients else None
    return apply("AddN", *gradients)


def zeros(spec):
    return apply("Fill", shape=tuple(spec.shape), value=0, dtype=spec.dtype)


def or_zeros(dx, spec):
    return zeros(spec) if dx is None else dx
