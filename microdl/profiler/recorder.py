"""What runs while a profile is on, as it runs: the device's place is taken by one that looks at the clock.

So a profile that is off costs nothing at all. Here is noted only what cannot be had later; ``record.py`` makes the
rest of it when somebody asks.
"""

import threading
import time
from typing import NamedTuple

from microdl.compile import function
from microdl.compile.plan import Plan, Step
from microdl.core import device, kernels as core_kernels
from microdl.core.context import context
from microdl.core.dtypes import as_dtype
from microdl.core.kernels import support
from microdl.core.op import Op, Spec
from microdl.profiler.memory import Memory

clock = time.perf_counter


class Once(NamedTuple):
    """Seconds that an op lost to what happens once in a process."""

    imports: float
    loads: float
    compiles: float

    @property
    def seconds(self):
        return sum(self)


class OpRun(NamedTuple):
    """An op that ran by itself. inputs: (shape, NumPy dtype) of each."""

    op: Op
    attrs: dict
    inputs: list
    specs: tuple
    phase: str
    taped: bool
    thread: int
    start: float
    end: float
    once: Once | None

    @property
    def input_specs(self):
        return tuple(Spec(shape, as_dtype(dtype)) for shape, dtype in self.inputs)


class StepRun(NamedTuple):
    """A step of a plan that ran."""

    step: Step
    thread: int
    start: float
    end: float
    once: Once | None


class PlanRun(NamedTuple):
    """All steps of a plan. phase: of the code that called for it."""

    plan: Plan
    phase: str
    thread: int
    start: float
    end: float


class Recorder(device.CPU):
    """Runs ops and plans on the device whose place it takes, and notes each."""

    def __init__(self, inner):
        self.inner = inner
        self.runs = []  # OpRuns, StepRuns and PlanRuns in the order in which they ended
        self.memory = Memory()
        jit = support("jit")
        self._lists = core_kernels.imports, jit.loads, jit.compiles
        self._lengths = self._count()
        self.first_trace = len(function.traces)

    def run(self, op, arrays, specs, attrs):
        start = clock()
        outputs = self.inner.run(op, arrays, specs, attrs)
        end = clock()
        inputs = [(x.shape, x.dtype) for x in arrays]
        taped, thread = bool(context.tapes), threading.get_ident()
        self.runs.append(OpRun(op, attrs, inputs, specs, context.phase, taped, thread, start, end, self._once()))
        self.memory.known(arrays)
        if not op.view:
            self.memory.made(outputs, op.name)
        return outputs

    def replay(self, plan, slots):
        add, thread, phase = self.runs.append, threading.get_ident(), context.phase
        began = clock()
        for step in plan.steps:
            start = clock()
            step.call(slots)
            end = clock()
            add(StepRun(step, thread, start, end, self._once()))
        add(PlanRun(plan, phase, thread, began, clock()))
        self.memory.replayed(plan, slots)

    def _count(self):
        imports, loads, compiles = self._lists
        return len(imports), len(loads), len(compiles)

    def _once(self):
        """What was imported, loaded or compiled since the last look; None: nothing."""
        lengths = self._count()
        if lengths == self._lengths:
            return None
        before, self._lengths = self._lengths, lengths
        return Once(*(sum(entry[1] for entry in seen[n:]) for seen, n in zip(self._lists, before, strict=True)))
