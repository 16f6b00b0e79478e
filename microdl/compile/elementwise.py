"""Elementwise ops that hang together become one Node, run by a generated kernel: one pass over memory, not one each.

A group is grown from a Node along the Tensors that its Nodes hand to each other. All have one output shape; what else
comes in is of that shape too, or broadcasts to it. The Node that takes the group's place comes after whatever makes its
inputs and before whoever uses its outputs; a group that leaves no such place is not made. Other Nodes stay in order.
"""

from typing import Any

import numpy as np

from microdl.compile.program import constant_array
from microdl.core.node import Node
from microdl.core.op import get_op
from microdl.core.shapes import size_of

# Elements that a kernel has to save from being written and read again, summed over its ops but one. Compiling takes 0.2
# to 0.6 s, once for each formula. A gelu of nine ops over 32768 elements (262144 saved) takes 25 instead of 88 us: some
# 5000 steps win the time back. For less a user would wait before the first step and hardly ever get it back.
LEAST_SAVED = 1 << 17
MOST_STEPS, MOST_ARRAYS = 32, 16  # of one kernel: it has to compile in a second, and to be read by someone


def fuse_elementwise(program, kernels: Any):
    """Puts a ``_FusedElementwise`` in the place of every group of two or more elementwise Nodes that is worth it.

    kernels: the families of the device that the program is for, whose ``formula`` says what it can generate.
    """
    formula, links, done = kernels.formula, _Links(program), set()
    for seed in list(program.nodes):
        if id(seed) in done or not _fits(seed, formula):
            continue
        group = _Group(links, seed, formula)
        done.update(map(id, group.members.values()))
        if len(group.members) > 1 and (len(group.members) - 1) * seed.outputs[0].spec.size >= LEAST_SAVED:
            outside = [(i, node) for i, node in enumerate(program.nodes) if i not in group.members]
            before = [node for i, node in outside if i < group.place]
            program.nodes = [*before, group.fused(), *(node for _, node in outside[len(before) :])]
            links = _Links(program)


def _fits(node, formula):
    """Whether a Node can be part of a kernel at all."""
    name = node.op.name
    if not all(x.dtype.name in formula.DTYPES for x in (*node.inputs, *node.outputs)):
        return False
    if name == "Pow":
        return _is_square(node)
    if name == "MeanGrad":
        return node.outputs[0].dtype.is_floating
    if name == "Cast" and node.inputs[0].dtype.is_floating:
        return node.outputs[0].dtype.name != "uint8"  # negative numbers might become others than they do in NumPy
    return name in formula.EXPRESSIONS and (name not in formula.FLOATING or node.inputs[0].dtype.is_floating)


def _is_square(node):
    exponent = _number(node.inputs[1])
    return node.inputs[0].dtype.is_floating and exponent is not None and exponent == 2


def _number(tensor):
    """The one number that a constant Tensor holds, once or many times; None if it holds several, or is no constant."""
    if tensor.array is None or tensor.array.size == 0:
        return None
    array = constant_array(tensor).ravel()
    first = array[0]
    return first if array.size == 1 or bool(np.all(array == first)) else None


class _Links:
    """Who makes and who uses the Tensors of a Program, by their ids; Nodes by their positions."""

    def __init__(self, program):
        self.nodes, self.returned = program.nodes, program.output_ids()
        self.position = {id(y): i for i, node in enumerate(program.nodes) for y in node.outputs}
        self.users, self._numbers = {}, {}
        for i, node in enumerate(program.nodes):
            for x in node.inputs:
                self.users.setdefault(id(x), []).append(i)

    def users_of(self, node):
        return self.users.get(id(node.outputs[0]), ())

    def number(self, x):
        """``_number``, found out once."""
        if id(x) not in self._numbers:
            self._numbers[id(x)] = _number(x)
        return self._numbers[id(x)]


class _Group:
    """Nodes that one kernel can compute.

    Attributes:
        members: position in the Program -> Node. place: position of the Node before which the group is to run.
    """

    def __init__(self, links, seed, formula):
        self._links, self._formula = links, formula
        self._shape = seed.outputs[0].spec.shape
        start = links.position[id(seed.outputs[0])]
        self.members, self.place = {start: seed}, start
        self._grow()

    def _grow(self):
        """Takes in neighbours until none fits any more. Some fit only when others are there: hence again and again."""
        grown = True
        while grown and len(self.members) < MOST_STEPS:
            grown = False
            for i in sorted(self._neighbours()):
                candidate = {**self.members, i: self._links.nodes[i]}
                place = self._place_of(candidate)
                if place is not None:
                    self.members, self.place, grown = candidate, place, True

    def _neighbours(self):
        """Positions of Nodes that give something to a member or take something from one."""
        found = set()
        for node in self.members.values():
            found.update(self._links.position[id(x)] for x in node.inputs if id(x) in self._links.position)
            found.update(self._links.users_of(node))
        return {
            i
            for i in found - self.members.keys()
            if _fits(self._links.nodes[i], self._formula) and self._links.nodes[i].outputs[0].spec.shape == self._shape
        }

    def _inputs(self, members):
        """The Tensors that come from outside, constants of one number left out, by their ids and as what shape."""
        found = {}
        for i in sorted(members):
            for x in members[i].inputs:
                if self._links.position.get(id(x)) not in members and self._links.number(x) is None:
                    found[id(x), _stretched_shape(members[i], x)] = x
        return found

    def _outputs(self, members):
        """Positions of the members whose outputs are needed outside."""
        return [
            i
            for i in sorted(members)
            if id(members[i].outputs[0]) in self._links.returned
            or any(user not in members for user in self._links.users_of(members[i]))
        ]

    def _place_of(self, members):
        """Where a group can run, as late as it may, up to its last member; None if it cannot, or is too large."""
        inputs, outputs = self._inputs(members), self._outputs(members)
        if len(members) > MOST_STEPS or len(inputs) + len(outputs) > MOST_ARRAYS:
            return None
        made = [self._links.position.get(id(x), -1) for x in inputs.values()]
        users = [i for at in outputs for i in self._links.users_of(members[at]) if i not in members]
        place = min([max(members), *users])
        return place if all(at < place for at in made) else None

    def fused(self):
        """The Node that computes what the members do, into the Tensors that they gave."""
        formula = self._formula
        inputs, order = self._inputs(self.members), sorted(self.members)
        names = {id(self.members[i].outputs[0]): f"t{k}" for k, i in enumerate(order)}
        numbered = {key: f"x{k}" for k, key in enumerate(inputs)}
        kinds, shapes = [], [tuple(self._shape)]
        for (_, shape), x in inputs.items():
            kinds.append(_kind(x.spec.size, size_of(self._shape), formula))
            shapes += [shape] if kinds[-1] == formula.STRETCHED else []
        steps = tuple(self._step(self.members[i], names, numbered) for i in order)
        results = self._outputs(self.members)
        operands = tuple(formula.Input(kind, x.dtype.name) for kind, x in zip(kinds, inputs.values(), strict=True))
        outputs = tuple(self.members[i].outputs[0] for i in results)
        attrs = {
            "formula": (operands, steps, tuple(order.index(i) for i in results)),
            "shapes": tuple(shapes) if len(shapes) > 1 else (),
            "outputs": tuple(y.spec for y in outputs),
        }
        return Node(get_op("_FusedElementwise"), attrs, tuple(inputs.values()), outputs)

    def _step(self, node, names, numbered):
        """One op of the formula."""
        operands = []
        for x in node.inputs:
            number = None if id(x) in names else self._links.number(x)
            key = id(x), _stretched_shape(node, x)
            operands.append(number if number is not None else names.get(id(x)) or numbered[key])
        name, numbers = node.op.name, node.attrs.items()
        if name == "Pow":
            name, operands = "Square", operands[:1]
        elif name == "MeanGrad":
            numbers = [("count", node.outputs[0].spec.size // max(node.inputs[0].spec.size, 1))]
        numbers = tuple((key, value) for key, value in numbers if isinstance(value, (int, float)))
        return self._formula.Step(name, tuple(operands), node.outputs[0].dtype.name, numbers)


def _kind(size, of, formula):
    """What an input of ``size`` elements is to outputs of ``of`` elements."""
    if size == of:
        return formula.WHOLE
    return formula.ONE if size == 1 else formula.STRETCHED


def _stretched_shape(node, x):
    """The shape of an input, from the last axis on, which broadcasts to that of the output."""
    if node.op.name == "MeanGrad":
        return tuple(1 if i in node.attrs["axis"] else n for i, n in enumerate(node.attrs["shape"]))
    return tuple(x.spec.shape)
