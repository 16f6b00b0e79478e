"""What tracing a function leaves behind: its inputs, the Nodes in the order in which they were applied, its outputs."""

from microdl.compile import names
from microdl.core.context import context, user_location
from microdl.core.node import Graph, Node
from microdl.core.op import get_op
from microdl.core.tensor import Tensor, apply, new_uid
from microdl.core.variable import Variable

ELSEWHERE = "another trace, where it had no value; hand it on as an argument or as a result"
SMALL = 256  # elements; smaller results of known values are computed while tracing: shapes, axes, indices


class FuncGraph(Graph):
    """The graph of one trace.

    Attributes:
        inputs: symbolic Tensors that stand for the arguments. outputs: Tensors that are returned.
        nodes: Nodes in program order. One that reads a Variable is a ``ReadVariableOp``.
        variables: uid -> Variable, all that are read or written, in the order of first use.
        captures: symbolic Tensors of an outer trace that were used here, with what stands for them in this graph.
        created: how many Variables were made while tracing.
        unset: name of a variable -> why it has no value, if that is because of a branch or loop of the graph.
        device: the one that ``with tf.device`` in the function named first, or None.
        parts: (name, ids of its own Tensors) of each branch and loop traced inside.
        resized: whether it is one of an open graph's, for sizes that were given when it ran.
    """

    resized = False

    def __init__(self, name):
        super().__init__()
        self.name, self.inputs, self.outputs = name, [], []
        self.variables, self.captures = {}, {}
        self.created, self.unset, self.parts = 0, {}, []
        self._values = {}  # uid of a Variable -> the Tensor that reading it gives now
        self._own = set()  # ids of symbolic Tensors that belong here
        self._outer = None
        self.device, self._device_outside = None, context.device
        self._names = {}  # id of an input -> its name
        self._first_uid = new_uid()  # what has a smaller one was there before

    def name_arguments(self, names):
        """What the inputs are called when they are printed."""
        self._names = dict(zip(map(id, self.inputs), names, strict=False))

    def name_of(self, tensor):
        return names.of_tensor(self.nodes, self._names, tensor)

    def placeholder(self, spec, uid=None):
        """A new input."""
        tensor = Tensor(spec, uid=uid)
        self._own.add(id(tensor))
        self.inputs.append(tensor)
        return tensor

    def add(self, node):
        node.inputs = tuple(x if isinstance(x, Variable) else self.own(x) for x in node.inputs)
        for i in node.op.written(len(node.inputs)) if node.op.mutates else ():
            variable = node.inputs[i]
            self.variables.setdefault(variable.uid, variable)
            self._values.pop(variable.uid, None)  # read again, it is another value
        node.phase = context.phase
        if context.device is not self._device_outside:
            self.device = self.device or context.device
        self.nodes.append(node)
        self._own.update(map(id, node.outputs))

    def read(self, variable):
        tensor = self._values.get(variable.uid)
        if tensor is None:
            tensor = self._values[variable.uid] = Tensor(variable.spec, uid=variable.uid)
            self.variables.setdefault(variable.uid, variable)
            self.nodes.append(Node(get_op("ReadVariableOp"), {}, (variable,), (tensor,)))
            self._own.add(id(tensor))
        return tensor

    def runs_now(self, op, inputs, specs):
        return (
            not (op.mutates or op.stateful or op.run is None)
            and all(getattr(x, "array", None) is not None and not self._followable(x) for x in inputs)
            and sum(spec.size for spec in specs) <= SMALL
        )

    def _followable(self, tensor):
        """Whether a tape outside may ask for the gradient of what is computed from a Tensor with a value."""
        return tensor.dtype.is_floating and tensor.uid < self._first_uid

    def lifted(self, value):
        self.created += 1
        if not (isinstance(value, Tensor) and value.array is None):
            return value
        producers = {id(y): node for node in self.nodes for y in node.outputs}

        def compute(tensor):
            if not isinstance(tensor, Tensor) or tensor.array is not None:
                return tensor
            if id(tensor) not in producers:
                raise ValueError(
                    f"function {self.name!r} ({user_location()}): the initial value of a Variable depends on an "
                    "argument, which has no value while the function is traced; make the variable outside"
                )
            node = producers[id(tensor)]
            results = apply(node.op, *map(compute, node.inputs), **node.attrs)
            return dict(zip(map(id, node.outputs), results if isinstance(results, tuple) else (results,), strict=True))[
                id(tensor)
            ]

        return compute(value)

    def own(self, tensor):
        """``tensor`` as this graph knows it: one of an outer trace becomes an input, a capture."""
        if tensor.array is not None or id(tensor) in self._own:
            return tensor
        if id(tensor) not in self.captures:
            if not (isinstance(self._outer, FuncGraph) and self._outer.holds(tensor)):
                raise foreign(self, tensor, self._where(tensor))
            self.captures[id(tensor)] = tensor, Tensor(tensor.spec, uid=tensor.uid)
            self._own.add(id(self.captures[id(tensor)][1]))
        return self.captures[id(tensor)][1]

    def _where(self, tensor):
        """Where a symbolic tensor comes from that is of no use here, and what to do, as text."""
        for name, own in self.parts:
            if id(tensor) in own:
                return (
                    f"{name}, and has no value outside of it. What a loop or branch computes gets out through "
                    "variables that it assigns or through its result, not through list.append: use tf.TensorArray"
                )
        return ELSEWHERE

    def holds(self, tensor):
        """Whether a symbolic tensor belongs to this trace or one around it."""
        return id(tensor) in self._own or (isinstance(self._outer, FuncGraph) and self._outer.holds(tensor))


class Captured(TypeError):
    """A symbolic tensor belongs to a trace around this one which cannot lend it, as one of the two has open sizes."""


def foreign(graph, tensor, where):
    """The error for a symbolic tensor that is not one of ``graph``. where: it comes from, as text."""
    outer = getattr(graph, "_outer", None)
    while outer is not None and not (hasattr(outer, "holds") and outer.holds(tensor)):
        outer = getattr(outer, "_outer", None)
    return (TypeError if outer is None else Captured)(
        f"function {graph.name!r} ({user_location()}): a symbolic tensor of shape {tensor.shape} comes from {where}"
    )


class init_scope:
    """A context in which ops run at once, outside of every trace; what is made there outlives it."""

    def __enter__(self):
        self._kept = context.graph, context.tapes
        context.graph, context.tapes = None, ()

    def __exit__(self, *error):
        context.graph, context.tapes = self._kept
