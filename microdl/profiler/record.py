"""A profile as it is asked about: events with their costs, rows of equal ops, overhead by name."""

from dataclasses import dataclass, field

from microdl.compile.phases import phases_of
from microdl.core.costs import cost_of
from microdl.profiler.on_gpu import LAUNCHES
from microdl.profiler.recorder import Once

PLAN, TRACING = "Python: plan", "Python: tracing"
DISPATCH, TAPE = "Python: dispatch", "Python: tape and dispatch"
WALK, OPTIMIZER = "Python: reverse walk", "Python: optimizer"
BETWEEN, OUTSIDE = "between steps", "before the first and after the last op"
UNNAMED = (BETWEEN, OUTSIDE)  # the time of whoever calls, not microdl's


@dataclass(slots=True)
class Event:
    """An op, a plan or a trace that ran.

    Attributes:
        name: of the op, or PLAN or TRACING. phase: "forward", "backward" or "optimizer".
        start, seconds: from the profile's beginning, in seconds. own: seconds without what ran inside and without once.
        once: seconds for importing kernels, loading them from the cache and compiling, or None.
        thread: its identifier, or the name of a GPU, "GPU:0".
        inputs, outputs: Specs. flops, bytes: by the op's cost, 0 for what is no op.
    """

    name: str
    phase: str
    start: float
    seconds: float
    thread: int | str
    is_op: bool
    taped: bool = False
    once: Once | None = None
    inputs: tuple = ()
    outputs: tuple = ()
    flops: int = 0
    bytes: int = 0
    own: float = 0.0

    @property
    def end(self):
        return self.start + self.seconds

    @property
    def device(self):
        return self.thread if isinstance(self.thread, str) else "CPU"


@dataclass
class Row:
    """All calls of an op in one phase on the same shapes. seconds: of all calls, those of once left out."""

    name: str
    phase: str
    device: str  # "CPU" or "GPU:0"
    inputs: tuple
    outputs: tuple
    flops: int  # of one call
    bytes: int  # of one call
    seconds: float = 0.0
    calls: int = 0
    threads: set = field(default_factory=set)


def traces_of(traces, outside, origin, thread):
    """Events for traces (name, start, seconds), with what was imported or compiled meanwhile: ``Recorder.outside``."""
    events = [Event(TRACING, "forward", start - origin, seconds, thread, False) for _, start, seconds in traces]
    for noticed, once in outside:
        begun = [event for event in events if event.start <= noticed - origin]
        if begun:
            latest = max(begun, key=lambda event: event.start)
            latest.once = Once(*map(sum, zip(latest.once or (0, 0, 0), once, strict=True)))
    return events


def host_events_of(on_gpu, origin):
    """Events for what the host did for a GPU: launches of ops, and waits. on_gpu: a ``on_gpu.OnGPU`` or None."""
    found = [] if on_gpu is None else on_gpu.issued + on_gpu.waits()
    return [
        Event(name, phase, start - origin, end - start, thread, False, taped)
        for name, phase, taped, thread, start, end in found
    ]


def events_of(traced, op_runs, plan_runs, origin):
    """Events in the order of their start; what contains others comes before them. traced: those of ``traces_of``."""
    events = list(traced)
    for run in plan_runs:
        events.append(Event(PLAN, run.phase, run.start - origin, run.end - run.start, run.thread, False))
        for number, (node, phase) in enumerate(zip(run.nodes, phases_of(run.nodes), strict=True)):
            start, end = run.clocks[number : number + 2]
            inputs, outputs = tuple(x.spec for x in node.inputs), tuple(y.spec for y in node.outputs)
            event = Event(node.op.name, phase, start - origin, end - start, run.where, True, False)
            event.once, event.inputs, event.outputs = run.once.get(number), inputs, outputs
            event.flops, event.bytes = cost_of(node.op, inputs, outputs, node.attrs)
            events.append(event)
    for run in op_runs:
        event = Event(run.op.name, run.phase, run.start - origin, run.end - run.start, run.thread, True, run.taped)
        event.once, event.inputs, event.outputs = run.once, run.input_specs, tuple(run.specs)
        event.flops, event.bytes = cost_of(run.op, event.inputs, event.outputs, run.attrs)
        events.append(event)
    events.sort(key=lambda event: (event.start, -event.seconds, event.is_op))
    _share_out(events)
    return events


def _share_out(events):
    """Sets what each event did itself: its seconds without those of the events that ran inside it."""
    open_ones = {}  # thread -> events that have not ended, outermost first
    for event in events:
        stack = open_ones.setdefault(event.thread, [])
        while stack and stack[-1].end <= event.start:
            stack.pop()
        if stack:
            stack[-1].own -= event.seconds
        event.own += event.seconds - (event.once.seconds if event.once else 0.0)
        stack.append(event)


def rows_of(events):
    """A Row for each op, phase and shapes, longest first."""
    rows = {}
    for event in events:
        if event.is_op:
            key = event.name, event.phase, event.device, event.inputs, event.outputs, event.flops, event.bytes
            row = rows.setdefault(key, Row(*key))
            row.seconds += event.own
            row.calls += 1
            row.threads.add(event.thread)
    return sorted(rows.values(), key=lambda row: -row.seconds)


def overhead_of(events, thread, seconds):
    """Name -> seconds of what was no op, on one thread, longest first."""
    found = {}

    def add(name, amount):
        if amount > 0:
            found[name] = found.get(name, 0.0) + amount

    before, at = None, 0.0
    for event in events:
        if event.thread != thread:
            continue
        if not event.is_op:
            add(event.name, event.own)
        if event.start < at:  # inside of another
            continue
        add(_gap(before, event), event.start - at)
        before, at = event, event.end
    add(OUTSIDE, seconds - at)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _gap(before, after):
    """What the time between two events goes to, told from what comes after it."""
    if before is None:
        return OUTSIDE
    if after.phase == "backward":
        return WALK
    if after.phase == "optimizer":
        return OPTIMIZER
    if not _is_op(after) or not _is_op(before) or before.phase != "forward":
        return BETWEEN
    return TAPE if after.taped else DISPATCH


def _is_op(event):
    return event.is_op or event.name == LAUNCHES
