"""What runs while a profile is on, as it runs: the device's place is taken by one that looks at the clock.

So a profile that is off costs nothing at all. Here is noted only what cannot be had later; ``record.py`` makes the
rest of it when somebody asks.
"""

import time
from threading import get_ident
from typing import NamedTuple

from microdl.compile import concrete
from microdl.core import device, kernels as core_kernels
from microdl.core.context import context
from microdl.core.dtypes import as_dtype
from microdl.core.kernels import support
from microdl.core.locks import new_lock
from microdl.core.op import Op, Spec
from microdl.profiler.memory import Memory
from microdl.profiler.on_gpu import OnGPU

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
    """An op that ran by itself. inputs: (shape, NumPy dtype) of each. thread: that ran it, or the name of a GPU."""

    op: Op
    attrs: dict
    inputs: list
    specs: tuple
    phase: str
    taped: bool
    thread: int | str
    start: float
    end: float
    once: Once | None

    @property
    def input_specs(self):
        return tuple(Spec(shape, as_dtype(dtype)) for shape, dtype in self.inputs)


class PlanRun(NamedTuple):
    """All steps of a plan.

    Attributes:
        nodes: of the steps. phase: of the code that called for it. clocks: when the first step began, then when each of
        them ended. once: number of a step -> Once, where there was something. where: as ``thread``, for the steps.
    """

    nodes: list
    phase: str
    thread: int
    start: float
    end: float
    clocks: list
    once: dict
    where: int | str


class Recorder(device.CPU):
    """Runs ops and plans on the device whose place it takes, and notes each."""

    def __init__(self, inner):
        self.inner = inner
        self.memory = Memory()
        self.first_trace = len(concrete.traces)
        self._ops, self._plans = [], []  # fields of OpRuns and PlanRuns; tuples, which are quickly made
        jit = support("jit")
        self._lists = core_kernels.imports, jit.loads, jit.compiles
        self._lengths = (0, 0, 0)
        self._length = 0  # of all three lists
        self._once()
        self._seen = set()  # ids of the lists of Nodes of plans that ran: only a first run imports or compiles
        self.outside = []  # (when it was noticed, Once) of what no op needed, but the making of a plan
        self.on_gpu, self._first = None, new_lock()  # the OnGPU, once something ran there

    @property
    def op_runs(self):
        runs = list(map(OpRun._make, self._ops))
        return runs if self.on_gpu is None else runs + [OpRun(*run) for run in self.on_gpu.op_runs()]

    @property
    def plan_runs(self):
        return list(map(PlanRun._make, self._plans))

    def finish(self):
        """Waits for what still runs on a GPU, and stops listening."""
        if self.on_gpu is not None:
            self.on_gpu.finish()
        self.memory.close()

    def run(self, op, arrays, specs, attrs, prepared=None):
        gpu = None if op.view else self.inner.gpu_for(op, arrays, specs)
        if gpu is not None:
            return self._gpu(gpu).run(self.inner, op, arrays, specs, attrs)
        imports, loads, compiles = self._lists
        if len(imports) + len(loads) + len(compiles) != self._length:
            self.outside.append((clock(), self._once()))
        start = clock()
        outputs = self.inner.run(op, arrays, specs, attrs, prepared)
        end = clock()
        inputs = [(x.shape, x.dtype) for x in arrays]
        once = self._once() if len(imports) + len(loads) + len(compiles) != self._length else None
        taped = True if context.tapes else False  # noqa: SIM210 (bool is a call)
        self._ops.append((op, attrs, inputs, specs, context.phase, taped, get_ident(), start, end, once))
        self.memory.known(arrays)
        if not op.view:
            self.memory.made(outputs, op.name, end)
        return outputs

    def replay(self, plan, slots):
        if id(plan.nodes) not in self._seen and (lost := self._once()).seconds:
            self.outside.append((clock(), lost))
        start, once = clock(), {}
        clocks = [start]
        note = clocks.append
        if id(plan.nodes) in self._seen:
            for step in plan.steps:
                step.call(slots)
                note(clock())
        else:
            self._seen.add(id(plan.nodes))
            for number, step in enumerate(plan.steps):
                step.call(slots)
                note(clock())
                if (lost := self._once()).seconds:
                    once[number] = lost
        self.memory.replayed(plan, slots, clocks[-1])
        thread = get_ident()
        self._plans.append((plan.nodes, context.phase, thread, start, clock(), clocks, once, thread))

    def launch(self, plan):
        found = self._gpu(plan.gpu).launch(self.inner, plan)
        if found is not None:
            self._plans.append(found)

    def _gpu(self, gpu):
        if self.on_gpu is None:
            with self._first:
                if self.on_gpu is None:  # no other thread was faster
                    self.on_gpu = OnGPU(gpu)
        return self.on_gpu

    def _once(self):
        """What was imported, loaded or compiled since the last look."""
        before, self._lengths = self._lengths, tuple(map(len, self._lists))
        self._length = sum(self._lengths)
        return Once(*(sum(entry[1] for entry in seen[n:]) for seen, n in zip(self._lists, before, strict=True)))
