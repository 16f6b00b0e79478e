"""A plan: a Program as a flat list of steps whose arrays have their places, run again and again.

Everything that can be settled once is: the order, the memory (``memory.py``), the arrays of variables and constants,
and for a step of which all arrays are settled the calls of kernels that it comes to (``Op.settle``). What depends on
the caller's arrays (large inputs, and large arrays that are returned, which the caller may keep) is passed through
``slots``; small ones are copied in and out.
"""

import threading
from functools import partial

import numpy as np

from microdl.compile import explain, memory
from microdl.compile.program import constant_array
from microdl.core import device
from microdl.core.variable import Variable
from microdl.core.writing import writing

COPIED = 1 << 18  # bytes of an input or output; copying so many takes less time than a step that is not settled


class Plan:
    """Runs a Program on arrays.

    Attributes:
        steps: the Steps, in order. nbytes: size of the memory that holds what is neither passed in nor returned.
        written: the Variables that a run writes to.
    """

    def __init__(self, program):
        self.program = program
        self._lock = threading.Lock()  # a plan's memory serves one run at a time
        self.written = _written(program)
        self._has_variables = any(isinstance(x, Variable) for node in program.nodes for x in node.inputs)
        self._places = {}  # id of a Tensor -> its array, or the number of its slot
        self._count = len(program.inputs)  # of slots
        returned = _returned(program)
        block, lives = self._plan_memory(returned)
        self.nbytes = 0 if block is None else block.nbytes
        self._copied = []  # (slot, array) of inputs
        for slot, x in enumerate(program.inputs):
            self._places[id(x)] = slot
            if id(x) in lives:
                self._places[id(x)] = memory.array_at(block, lives[id(x)].offset, x.spec)
                self._copied.append((slot, self._places[id(x)]))
        self.steps = []
        for node in program.nodes:
            self._bind(node, returned, block, lives)
        constants = {id(y) for y in program.outputs if y.array is not None}
        self._results = [(self._place(y), id(y) in constants) for y in program.outputs]
        self._blank = [None] * (self._count - len(program.inputs))

    def run(self, arrays):
        """The arrays of the outputs. ``arrays``: those of the inputs, in order."""
        slots = [*arrays, *self._blank]
        with self._lock:
            for slot, array in self._copied:
                np.copyto(array, arrays[slot])
            if self._has_variables:
                with writing.lock:  # nobody writes to what is read here, nobody reads what is half written
                    for variable in self.written:
                        variable.before_write()
                    device.current.replay(self, slots)
            else:
                device.current.replay(self, slots)
            return [
                slots[place] if type(place) is int else place if is_constant else place.copy()
                for place, is_constant in self._results
            ]

    def explain(self):
        """The steps as text: op, shapes, kernels, operations and bytes; what was fused; memory; variables written."""
        return explain.explain(self)

    def plot(self, path):
        """Draws the graph of the steps into the picture ``path``. Needs matplotlib. Returns ``path``."""
        return explain.plot(self, path)

    def _plan_memory(self, returned):
        """The block of memory, and the Life of each array in it by the id of its Tensor."""
        lives = {id(x): memory.Life(x.spec.nbytes, -1, -1) for x in self.program.inputs if _is_copied(x)}
        base = {}
        for position, node in enumerate(self.program.nodes):
            for x in node.inputs:
                life = lives.get(base.get(id(x), id(x)))
                if life is not None:
                    life.last = position
            if node.op.view:
                base[id(node.outputs[0])] = base.get(id(node.inputs[0]), id(node.inputs[0]))
                continue
            for y in node.outputs:
                if id(y) not in returned:
                    lives[id(y)] = memory.Life(y.spec.nbytes, position, position)
        for y in self.program.outputs:
            life = lives.get(base.get(id(y), id(y)))
            if life is not None:
                life.last = len(self.program.nodes)
        size = memory.lay_out(lives.values())
        return (memory.slab(size) if lives else None), lives

    def _place(self, tensor):
        """The array of a Tensor, or the number of its slot."""
        place = self._places.get(id(tensor))
        return constant_array(tensor) if place is None else place

    def _new_slot(self, tensor):
        self._places[id(tensor)] = self._count
        self._count += 1
        return self._places[id(tensor)]

    def _bind(self, node, returned, block, lives):
        """Settles the outputs' arrays, and makes a Step unless the node is a view that is known by now."""
        op, kernels = node.op, device.current.kernels
        inputs = [x.known_array() if isinstance(x, Variable) else self._place(x) for x in node.inputs]
        settled = all(type(place) is not int for place in inputs)
        if op.view and settled:
            self._places[id(node.outputs[0])] = op.run(kernels, *inputs, **node.attrs)
        elif op.view:
            self.steps.append(Step(node, _view(op, kernels, inputs, node.attrs, self._new_slot(node.outputs[0]))))
        else:
            fresh = []  # (slot, shape, dtype) of outputs that are returned: a new array in every run
            for y in node.outputs:
                if id(y) in returned:
                    fresh.append((self._new_slot(y), y.spec.shape, y.spec.dtype.as_numpy_dtype))
                else:
                    self._places[id(y)] = memory.array_at(block, lives[id(y)].offset, y.spec)
            arguments = [*inputs, *(self._places[id(y)] for y in node.outputs)]
            if settled and not fresh:
                settle = op.settle if op.settle and all(array.size for array in arguments) else partial(partial, op.run)
                for array in inputs:
                    if block is not None and np.may_share_memory(array, block):
                        array.fill(0)  # ``settle`` may run kernels: as labels and indices, zeros do no harm
                call = _settled(settle(kernels, *arguments, **node.attrs))
            else:
                call = _unsettled(partial(op.run, kernels, **node.attrs), arguments, fresh)
            self.steps.append(Step(node, call))


class Step:
    """One call of a plan. ``node``: what it computes. ``call(slots)``: computes it."""

    __slots__ = ("call", "node")

    def __init__(self, node, call):
        self.node, self.call = node, call

    def __repr__(self):
        return f"<Step {self.node!r}>"


def _settled(call):
    return lambda slots: call()


def _unsettled(call, arguments, fresh):
    """``arguments``: arrays and numbers of slots."""

    def step(slots):
        for slot, shape, dtype in fresh:
            slots[slot] = np.empty(shape, dtype)
        call(*[slots[place] if type(place) is int else place for place in arguments])

    return step


def _view(op, kernels, inputs, attrs, slot):
    (place,) = inputs

    def step(slots):
        slots[slot] = op.run(kernels, slots[place], **attrs)

    return step


def _written(program):
    """The Variables that a Program writes to."""
    found = {}
    for node in program.nodes:
        for i in node.op.written(len(node.inputs)) if node.op.mutates else ():
            found[node.inputs[i].uid] = node.inputs[i]
    return list(found.values())


def _is_copied(tensor):
    return 0 < tensor.spec.nbytes <= COPIED


def _returned(program):
    """ids of the Tensors whose arrays leave the plan: the large outputs, and what they are views of."""
    found = {id(y) for y in program.outputs if not _is_copied(y)}
    for node in reversed(program.nodes):
        if node.op.view and id(node.outputs[0]) in found:
            found.add(id(node.inputs[0]))
    return found
