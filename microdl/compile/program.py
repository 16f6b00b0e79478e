"""What a plan is made from: Nodes in an order in which they can run, and what goes in and comes out."""

from microdl.core.node import Node
from microdl.core.op import get_op
from microdl.core.tensor import Tensor


class Program:
    """Nodes, inputs and outputs that passes rewrite. Tensors are told apart by identity.

    Attributes:
        nodes: list of Nodes. inputs, outputs: lists of Tensors; an output may be an input or a constant.
    """

    def __init__(self, nodes, inputs, outputs):
        self.nodes, self.inputs, self.outputs = list(nodes), list(inputs), list(outputs)

    def users(self):
        """id of a Tensor -> the Nodes that take it as an input, in order."""
        found = {}
        for node in self.nodes:
            for x in node.inputs:
                users = found.setdefault(id(x), [])
                if not users or users[-1] is not node:
                    users.append(node)
        return found

    def producers(self):
        """id of a Tensor -> the Node whose output it is."""
        return {id(y): node for node in self.nodes for y in node.outputs}

    def output_ids(self):
        return set(map(id, self.outputs))

    def replaced(self, replacements, dropped=()):
        """Takes Tensors by others: ``replacements`` maps ids to Tensors. ``dropped``: Nodes that go."""
        gone = set(map(id, dropped))

        def latest(x):
            while id(x) in replacements:
                x = replacements[id(x)]
            return x

        self.nodes = [node for node in self.nodes if id(node) not in gone]
        for k, node in enumerate(self.nodes):
            if any(id(x) in replacements for x in node.inputs):
                self.nodes[k] = with_inputs(node, tuple(map(latest, node.inputs)))
        self.outputs = list(map(latest, self.outputs))


def pauses(node):
    """Whether a Node waits for elements of a data set, by itself or in a part of it: Python runs meanwhile."""
    return node.op.name == "IteratorGetNext" or getattr(node.attrs.get("parts"), "pauses", False)


def constant_array(tensor):
    """The array of a Tensor with a value, which nobody will write to."""
    return tensor.own_array() if tensor.borrowed else tensor.known_array()


def with_inputs(node, inputs):
    """The same application on other inputs, with the same outputs."""
    same = Node(node.op, node.attrs, inputs, node.outputs)
    same.phase = node.phase
    return same


def with_outputs(node, outputs):
    """The same application with some of its outputs."""
    same = Node(node.op, node.attrs, node.inputs, outputs)
    same.phase = node.phase
    return same


def new_node(name, inputs, attrs):
    """A Node of the op ``name`` with new outputs."""
    op = get_op(name)
    inferred = op.infer(*(x.spec for x in inputs), **attrs)
    specs = (inferred,) if hasattr(inferred, "dtype") else inferred
    return Node(op, attrs, tuple(inputs), tuple(map(Tensor, specs)))
