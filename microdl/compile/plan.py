"""A plan: a Program as a flat list of steps whose arrays have their places, run again and again.

Everything that can be settled once is: the order, the memory (``memory.py``), the arrays of variables and constants,
the calls of kernels (``settled.py``). That makes a ``Settled``, which a run borrows and gives back. A run that finds
none makes one: where several threads run a plan at the same time, or where ``budget.py`` had the memory freed.
"""

from microdl.compile import explain, memory
from microdl.compile.budget import budget
from microdl.compile.on_gpu import OnGPU
from microdl.compile.program import pauses
from microdl.compile.settled import Settled
from microdl.core import device
from microdl.core.variable import Variable
from microdl.core.writing import in_turn, in_turns, share_turn

COPIED = 1 << 18  # bytes of an input or output; copying so many takes less time than a step that is not settled


class Plan:
    """Runs a Program on arrays.

    Args: where: the device that it runs on. name: of the function, for messages.

    Attributes:
        program: the Program. written: the Variables that a run writes to. turn: the Turn of its variables, or None.
        nbytes: of the memory that one run needs for what is neither passed in nor returned.
    """

    def __init__(self, program, where=device.the_cpu, name="a function"):
        self.program, self._where, self._name = program, where, name
        self.written = _written(program)
        variables = [x for node in program.nodes for x in node.inputs if isinstance(x, Variable)]
        self.turn = share_turn(variables) if variables else None
        self._in_turn = in_turns if any(map(pauses, program.nodes)) else in_turn
        self._layout = Layout(program, everything=where is not device.the_cpu)
        self.nbytes = self._layout.nbytes
        self._idle = []  # Settleds that no run uses
        self._idle.append(self._settle())

    def run(self, arrays):
        """The arrays of the outputs. ``arrays``: those of the inputs, in order."""
        if self.turn is None:
            return self._run(arrays)
        return self._in_turn(self, self._run, arrays)  # nobody writes to what is read, or reads what is half written

    def _run(self, arrays):
        settled = self._borrow()
        try:
            return settled.run(arrays, self.written)
        finally:
            self._idle.append(settled)

    def _borrow(self):
        try:
            settled = self._idle.pop()
        except IndexError:
            settled = None
        return self._settle() if settled is None else settled

    def _settle(self):
        if self._where is not device.the_cpu:  # its memory is another's, and counted there
            return OnGPU(self.program, self._layout, self._idle, self._where, self._name)
        budget.make_room(self.nbytes)
        settled = Settled(self.program, self._layout, self._idle)
        self.nbytes = settled.nbytes
        budget.add(settled)
        return settled

    @property
    def steps(self):
        """The Steps of a run, in order."""
        return self._example().steps

    @property
    def how(self):
        """A line that says how steps on a GPU are issued, in a list; of the CPU nothing."""
        example = self._example()
        return [example.how] if type(example) is OnGPU else []

    @property
    def scratch(self):
        """How many of ``nbytes`` are the scratch arrays of kernels."""
        return self.nbytes - self._layout.nbytes

    def _example(self):
        settled = self._borrow()
        self._idle.append(settled)
        return settled

    def explain(self):
        """The steps as text: op, shapes, kernels, operations and bytes; what was fused; memory; variables written."""
        return explain.explain(self)

    def plot(self, path):
        """Draws the graph of the steps into the picture ``path``. Needs matplotlib. Returns ``path``."""
        return explain.plot(self, path)


class Layout:
    """Where the arrays of a Program lie in one block of memory.

    Args: everything: whether inputs and outputs of any size lie in it too.
    Attributes:
        lives: the Life of each array in it by the id of its Tensor. nbytes: of the block.
        returned: ids of the Tensors whose arrays leave the plan and so are not in it.
    """

    def __init__(self, program, everything=False):
        self.returned = set() if everything else _returned(program)
        last = len(program.nodes) if everything else -1  # so what was copied in once need not be copied again
        held = [x for x in program.inputs if everything or _is_copied(x)]
        self.lives = {id(x): memory.Life(x.spec.nbytes, -1, last) for x in held}
        base = {}
        for position, node in enumerate(program.nodes):
            for x in node.inputs:
                life = self.lives.get(base.get(id(x), id(x)))
                if life is not None:
                    life.last = max(life.last, position)
            if node.op.view:
                base[id(node.outputs[0])] = base.get(id(node.inputs[0]), id(node.inputs[0]))
                continue
            for y in node.outputs:
                if id(y) not in self.returned:
                    self.lives[id(y)] = memory.Life(y.spec.nbytes, position, position)
        for y in program.outputs:
            life = self.lives.get(base.get(id(y), id(y)))
            if life is not None:
                life.last = len(program.nodes)
        self.nbytes = memory.lay_out(self.lives.values())


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
