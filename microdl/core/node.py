"""The intermediate representation: one Node for whatever ``apply`` does, kept by tapes and by graphs."""

from microdl.core.context import context


class Node:
    """One application of an op.

    Inputs and outputs are Tensors; where a tape dropped a value that the gradient does not read, its Spec stands in
    (``.shape`` and ``.dtype`` work on both). ``input_ids`` and ``output_ids`` say which tensors they were.

    Attributes:
        wants: for each input, whether the running differentiation needs its gradient; set before ``gradient`` runs.
        phase: the part of a training step that it was traced in; None where nobody traced it.
    """

    __slots__ = ("attrs", "input_ids", "inputs", "op", "output_ids", "outputs", "phase", "wants")

    def __init__(self, op, attrs, inputs, outputs):
        self.op, self.attrs = op, attrs
        self.inputs, self.outputs = inputs, outputs
        self.input_ids = _uids(inputs)
        self.output_ids = _uids(outputs)
        self.wants, self.phase = (), None

    def __repr__(self):
        return (
            f"<Node {self.op.name} {[tuple(x.shape) for x in self.inputs]} -> {[tuple(y.shape) for y in self.outputs]}>"
        )


def _uids(tensors):
    if len(tensors) == 1:  # most often; a loop would cost three times as much
        return (tensors[0].uid,)
    return tuple([x.uid for x in tensors])


def tape_node(op, attrs, inputs, outputs):
    """A Node that holds only the values which the op's gradient reads."""
    node = Node(op, attrs, inputs, outputs)
    if len(op.keep_inputs) < len(inputs) and not op.keeps_all_inputs:
        node.inputs = _dropping(inputs, op.keep_inputs)
    if len(op.keep_outputs) < len(outputs):
        node.outputs = _dropping(outputs, op.keep_outputs)
    return node


def _dropping(tensors, kept):
    """The Tensors whose positions are ``kept``, and the Specs of the others."""
    if not kept and len(tensors) == 1:
        return (tensors[0].spec,)
    return tuple([x if i in kept else x.spec for i, x in enumerate(tensors)])


class Graph:
    """While entered, ops are recorded as Nodes and not run; their tensors have a Spec and no value."""

    def __init__(self):
        self.nodes = []

    def add(self, node):
        """Takes a Node up. Raises RuntimeError if it writes to a variable: here nothing will ever run."""
        for i in node.op.mutates:  # the first will do
            raise RuntimeError(
                f"variable {node.inputs[i].name} cannot be written to in a graph whose ops do not run yet"
            )
        self.nodes.append(node)

    def runs_now(self, op, inputs, specs):
        """Whether an op is run at once all the same, because its values are known and will not change."""
        return False

    def lifted(self, value):
        """What a new Variable is to start with, computed now if it is a Tensor of this graph."""
        return value

    def read(self, variable):
        """What reading a Variable gives in this graph; None: the value that it has now."""
        return None

    def __enter__(self):
        self._outer, context.graph = context.graph, self
        return self

    def __exit__(self, *error):
        context.graph = self._outer
