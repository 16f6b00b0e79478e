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

    def __init__(self, op, attrs, inputs, outputs, input_ids=None, output_ids=None):
        self.op, self.attrs = op, attrs
        self.inputs, self.outputs = inputs, outputs
        self.input_ids = uids(inputs) if input_ids is None else input_ids
        self.output_ids = uids(outputs) if output_ids is None else output_ids
        self.wants, self.phase = (), None

    def __repr__(self):
        return (
            f"<Node {self.op.name} {[tuple(x.shape) for x in self.inputs]} -> {[tuple(y.shape) for y in self.outputs]}>"
        )


def uids(tensors):
    if len(tensors) == 1:  # most often there are one or two; a loop would cost three times as much
        return (tensors[0].uid,)
    if len(tensors) == 2:
        return (tensors[0].uid, tensors[1].uid)
    return tuple([x.uid for x in tensors])


def keeping(tensors, kept, specs):
    """The Tensors whose positions are ``kept``, and the Specs of the others: what a tape's Node holds."""
    if not kept:
        return specs
    if len(kept) >= len(tensors):
        return tensors
    return tuple([x if i in kept else specs[i] for i, x in enumerate(tensors)])


class Graph:
    """While entered, ops are recorded as Nodes and not run; their tensors have a Spec and no value."""

    open = False  # whether sizes may be unknown, so that calls wait for them: compile/open.py

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

    def name_of(self, tensor):
        """What a Tensor of this graph is called when it is printed; None if it has no name."""
        return None

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
