"""What runs on a GPU while a profile is on: when the host issued it, and when the GPU did it.

The host goes on while the GPU computes, so there are two clocks. An op by itself lies between two marks in the GPU's
work; it began when the GPU came to it, and where the host was late, the time until its launch counts too. The steps of
a function have marks in their graph, and are waited for.
"""

import threading
import time

from microdl.core.context import context
from microdl.core.placement import short_name

LAUNCHES, WAITS = "Python: launches", "waits for the GPU"


class OnGPU:
    """The record of one GPU.

    Attributes:
        name: of the GPU. emulated: whether its times are an emulator's.
        issued: (LAUNCHES, phase, taped, thread, start, end) of ops, by the host's clock.
    """

    def __init__(self, gpu):
        self.name, self.emulated = short_name(gpu), gpu.emulated
        self.issued = []
        self._gpu, self._clock = gpu, gpu.clock()
        self._ops = []  # the fields of ``recorder.OpRun``s, with the numbers of marks for times
        self._lock = threading.RLock()
        self._inside = False  # a step that is being timed runs others: they are part of it
        self._waits = gpu.stream.waits = []

    def run(self, device, op, arrays, specs, attrs):
        """The outputs of an op that ``device`` runs on the GPU."""
        with self._lock:
            if self._inside:
                return device.run(op, arrays, specs, attrs)
            inputs = [(x.shape, x.dtype) for x in arrays]
            start, before = time.perf_counter(), self._clock.mark()
            outputs = device.run(op, arrays, specs, attrs)
            after, end = self._clock.mark(), time.perf_counter()
            taped = bool(context.tapes)
            self._ops.append((op, attrs, inputs, specs, context.phase, taped, self.name, before, after, None))
            self.issued.append((LAUNCHES, context.phase, taped, threading.get_ident(), start, end))
        return outputs

    def launch(self, device, plan):
        """Runs the steps of a ``compile.on_gpu.OnGPU``. Returns the fields of a ``recorder.PlanRun``, or None."""
        with self._lock:
            if self._inside:
                device.launch(plan)
                return None
            self._inside, start = True, time.perf_counter()
            try:
                times, issued = self._clock.times(plan.timed())
            finally:
                self._inside = False
        return plan.nodes, context.phase, threading.get_ident(), start, issued, times, {}, self.name

    def op_runs(self):
        """The fields of the ``recorder.OpRun``s."""
        seconds = self._clock.seconds
        return [(*run[:7], seconds(run[7]), seconds(run[8]), run[9]) for run in self._ops]

    def waits(self):
        """(WAITS, phase, taped, thread, start, end) of each time that the host waited."""
        return [(WAITS, "forward", False, *wait) for wait in self._waits]

    def finish(self):
        """Waits for the GPU."""
        self._gpu.stream.synchronize()
        self._gpu.stream.waits = None
