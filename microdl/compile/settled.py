"""A plan that is settled: its arrays have their places, its steps are calls that need no more Python than that.

What a step does is settled if all of its arrays are: then it comes to a list of calls of kernels (``Op.settle``). What
depends on the caller's arrays (large inputs, and large arrays that are returned, which the caller may keep) is passed
through ``slots``; small ones are copied in and out.
"""

from functools import partial

import numpy as np

from microdl.compile import memory
from microdl.compile.budget import Resting, budget
from microdl.compile.program import constant_array
from microdl.core import device
from microdl.core.errors import InvalidArgumentError
from microdl.core.kernels import support
from microdl.core.placement import device_of, is_on_gpu, short_name
from microdl.core.variable import Variable


class Settled(Resting):
    """The memory and the steps of a plan; they serve one run at a time.

    Args:
        program: the Program. layout: its Layout. home: the list in which it waits between runs.

    Attributes:
        steps: the Steps, in order. nodes: their Nodes. scratch: bytes that the steps hold besides what ``layout`` says.
        nbytes: of all memory.
    """

    def __init__(self, program, layout, home):
        super().__init__(home)
        self.program, self.layout = program, layout
        self._block = memory.slab(layout.nbytes) if layout.lives else None
        self._places = {}  # id of a Tensor -> its array, or the number of its slot
        self._count = len(program.inputs)  # of slots
        self._copied = []  # (slot, array) of inputs
        for slot, x in enumerate(program.inputs):
            self._places[id(x)] = slot
            if id(x) in layout.lives:
                self._places[id(x)] = self._own_array(x)
                self._copied.append((slot, self._places[id(x)]))
        bound = [found for node in program.nodes if (found := self._bind(node)) is not None]
        with support("ahead").offered([kernels for _, _, kernels in bound if kernels is not None]):
            self.steps = [Step(node, make()) for node, make, _ in bound]
        constants = {id(y) for y in program.outputs if y.array is not None}
        self._results = [(self._place(y), id(y) in constants) for y in program.outputs]
        self._blank = [None] * (self._count - len(program.inputs))
        self.nodes = [step.node for step in self.steps]
        known = [place for place in self._places.values() if type(place) is not int]
        known += [*(() if self._block is None else (self._block,)), *(x.known_array() for x in _with_values(program))]
        self.scratch = memory.held_bytes([step.call for step in self.steps], known)
        self.nbytes = layout.nbytes + self.scratch
        del self._places

    def run(self, arrays, written):
        """The arrays of the outputs. ``arrays``: those of the inputs. written: the Variables that steps write to."""
        self.used = next(budget.clock)
        slots = [*arrays, *self._blank]
        for slot, array in self._copied:
            np.copyto(array, arrays[slot])
        for variable in written:
            variable.before_write()
        device.current.replay(self, slots)
        return [
            slots[place] if type(place) is int else place if is_constant else place.copy()
            for place, is_constant in self._results
        ]

    def _own_array(self, tensor):
        return memory.array_at(self._block, self.layout.lives[id(tensor)].offset, tensor.spec)

    def _place(self, tensor):
        """The array of a Tensor, or the number of its slot."""
        place = self._places.get(id(tensor))
        return constant_array(tensor) if place is None else place

    def _new_slot(self, tensor):
        self._places[id(tensor)] = self._count
        self._count += 1
        return self._places[id(tensor)]

    def _bind(self, node):
        """Gives the outputs their places. Returns what its step is made of, or None if it is a view, known by now.

        That is: the node, a function that makes the step's call, and one that calls the kernels which the step will
        need, or None if they depend on more than shapes.
        """
        op, kernels = node.op, device.current.kernels
        inputs = [_buffer(x, self) if isinstance(x, Variable) else self._place(x) for x in node.inputs]
        settled = all(type(place) is not int for place in inputs)
        if op.view and settled:
            self._places[id(node.outputs[0])] = op.run(kernels, *inputs, **node.attrs)
            return None
        if op.view:
            return node, partial(_view, op, kernels, inputs, node.attrs, self._new_slot(node.outputs[0])), None
        fresh = []  # (slot, shape, dtype) of outputs that are returned: a new array in every run
        for y in node.outputs:
            if id(y) in self.layout.returned:
                fresh.append((self._new_slot(y), y.spec.shape, y.spec.dtype.as_numpy_dtype))
            else:
                self._places[id(y)] = self._own_array(y)
        specs = [x.spec for x in (*node.inputs, *node.outputs)]
        arguments = [*inputs, *(self._places[id(y)] for y in node.outputs)]
        settle = op.settle if all(spec.size for spec in specs) else None  # it knows the kernels by the shapes
        if settled and not fresh:
            cleared = [x for x in inputs if self._block is not None and np.may_share_memory(x, self._block)]
            known = partial(settle or partial(partial, op.run), kernels, *arguments, **node.attrs)
            return node, partial(_settled, known, cleared), (lambda: _settled(known, cleared)(())) if settle else None
        run = partial(op.run, kernels, **node.attrs)
        examples = (lambda: run(*map(_example, arguments, specs))) if settle else None
        return node, partial(_unsettled, run, arguments, fresh), examples


class Step:
    """One call of a plan. ``node``: what it computes. ``call(slots)``: computes it.

    kernels: names of those that it launches, or None where that is the op's to say.
    """

    __slots__ = ("call", "kernels", "node")

    def __init__(self, node, call, kernels=None):
        self.node, self.call, self.kernels = node, call, kernels

    def __repr__(self):
        return f"<Step {self.node!r}>"


def _buffer(variable, settled):
    array = variable.bound_array(settled)
    if is_on_gpu(array):
        raise InvalidArgumentError(
            f"a function runs on the CPU, but the variable {variable.name} is on {short_name(device_of(array))}: call "
            "it outside of tf.device, or under that of the variable"
        )
    return array


def _settled(settle, cleared):
    for array in cleared:
        array.fill(0)  # ``settle`` may run kernels: as labels and indices, zeros do no harm
    call = settle()
    return lambda slots: call()


def _unsettled(call, arguments, fresh):
    """``arguments``: arrays and numbers of slots."""

    def step(slots):
        for slot, shape, dtype in fresh:
            slots[slot] = np.empty(shape, dtype)
        call(*[slots[place] if type(place) is int else place for place in arguments])

    return step


def _example(place, spec):
    """An array like the one that a slot will hold; nobody touches its memory, so it takes none."""
    return np.empty(spec.shape, spec.dtype.as_numpy_dtype) if type(place) is int else place


def _view(op, kernels, inputs, attrs, slot):
    (place,) = inputs

    def step(slots):
        slots[slot] = op.run(kernels, slots[place], **attrs)

    return step


def _with_values(program):
    """Variables and constants of a Program."""
    found = [x for node in program.nodes for x in node.inputs] + program.outputs
    return [x for x in found if isinstance(x, Variable) or x.array is not None]
