"""``with tf.profiler.profile() as p:``, and the callback that does the same for some steps of ``fit``."""

import functools
import threading
import time

from microdl.compile import concrete
from microdl.core import device
from microdl.keras import callbacks
from microdl.profiler import memory, pictures, record, reports
from microdl.profiler.recorder import Recorder
from microdl.profiler.roofs import roofs


class profile:
    """Records every op that runs within: of eager code, and every step of traced functions.

    >>> with profile() as p:
    ...     y = matmul(x, w)
    >>> p.table()

    What it records is complete when the context has ended. Run a step before: its first call imports, loads or compiles
    kernels. That is told apart (``once``), yet the caches are not what they are in a steady state.

    Attributes:
        seconds: from entering to leaving. thread: the one that did both; the others' ops are recorded too.

    On a GPU each op has the time of its kernels, by the GPU's clock. A function's steps are one CUDA graph with marks
    of time between them, and each run is waited for; what the host does meanwhile is told apart.
    """

    def __init__(self):
        self.seconds, self.thread = 0.0, 0
        self._recorder = None
        self._started = 0.0
        self._traces = []  # what was traced meanwhile, as ``concrete.traces`` has it

    def __enter__(self):
        if isinstance(device.current, Recorder):
            raise RuntimeError("profile: another profile is on; there can be one at a time in a process")
        self.__dict__.pop("events", None)
        self.thread = threading.get_ident()
        self._recorder = Recorder(device.current)
        device.current = self._recorder
        self._started = time.perf_counter()
        return self

    def __exit__(self, *error):
        device.current = self._finished.inner
        self._finished.finish()
        self.seconds = time.perf_counter() - self._started
        self._traces = concrete.traces[self._finished.first_trace :]

    @property
    def _finished(self):
        if self._recorder is None:
            raise RuntimeError("profile: nothing was recorded; use it as a context: with tf.profiler.profile() as p:")
        return self._recorder

    @functools.cached_property
    def events(self):
        """The ``record.Event``s, in the order of their start: ops, and around them plans and traces."""
        traces = [trace for trace in self._traces if trace[1] >= self._started]
        recorder = self._finished
        traced = record.traces_of(traces, recorder.outside, self._started, self.thread)
        events = traced + record.host_events_of(recorder.on_gpu, self._started)
        return record.events_of(events, recorder.op_runs, recorder.plan_runs, self._started)

    @property
    def emulated(self):
        """Whether the times on a GPU are those of its emulation."""
        return self._finished.on_gpu is not None and self._finished.on_gpu.emulated

    def op_runs(self):
        """The ``recorder.OpRun``s: ops that ran by themselves, not as steps of a plan, in their order."""
        return self._finished.op_runs

    def rows(self):
        """A ``record.Row`` for each op, phase and shapes: calls, seconds, cost. Longest first."""
        return record.rows_of(self.events)

    @property
    def overhead(self):
        """Name -> seconds in which this thread ran no op: Python's share, and what lies between steps."""
        return record.overhead_of(self.events, self.thread, self.seconds)

    @property
    def once(self):
        """Seconds for what happens once in a process: {"imports": ..., "loads": ..., "compiles": ...}."""
        lost = [event.once for event in self.events if event.once]
        return {name: sum(getattr(one, name) for one in lost) for name in ("imports", "loads", "compiles")}

    @property
    def accounted(self):
        """The share of the seconds that ops, microdl's own Python and what happens once explain; at most 1.

        The rest is the caller's: what happens between steps, before the first op and after the last.
        """
        if not self.seconds:
            return 1.0
        return 1 - sum(self.overhead.get(name, 0.0) for name in record.UNNAMED) / self.seconds

    def table(self, most=40):
        """Prints the longest ``most`` rows with share, calls, speed and percent of the roof, then what is no op.

        The roof is what this machine could do at most, measured now; see ``roofline``.
        """
        reports.print_table(self, roofs(), most)

    def trace(self, path):
        """Writes all events, and the memory, in Chrome's trace event format, which https://ui.perfetto.dev opens."""
        return reports.write_trace(self, path)

    def roofline(self, path):
        """Draws all rows under the roofs of this machine into the picture ``path``. Needs matplotlib."""
        return pictures.roofline(self.rows(), roofs(), path)

    def memory(self):
        """A ``MemoryUse``: bytes over time, their peak, and whose they were then."""
        return reports.MemoryUse(*memory.timeline(self._finished.memory.changes, self._started))


class Callback(callbacks.Callback):
    """Profiles steps of ``fit``: ``model.fit(x, y, callbacks=[watch])``, then ``watch.profile.table()``.

    Args: first: int, number of the first step that is recorded, from 0. steps: int, how many are.

    Attributes: profile: the ``profile``, complete after that many steps or at the end of training.
    """

    def __init__(self, first=5, steps=20):
        super().__init__()
        self.profile = profile()
        self._first, self._steps = first, steps
        self._step, self._on = 0, False

    def on_train_begin(self, logs=None):
        self._step = 0

    def on_train_batch_begin(self, batch, logs=None):
        if self._step == self._first:
            self.profile.__enter__()
            self._on = True
        self._step += 1

    def on_train_batch_end(self, batch, logs=None):
        if self._on and self._step == self._first + self._steps:
            self._stop()

    def on_epoch_end(self, epoch, logs=None):
        if self._on:  # what validates and saves is no training step
            self._stop()

    def on_train_end(self, logs=None):
        if self._on:
            self._stop()

    def _stop(self):
        self.profile.__exit__()
        self._on = False
