"""When a GPU does its work, told by its own clock: for profiles.

Events in the order of the work are set against one that the host has seen happen. Between steps of a function they are
part of its graph, so that no launch of the host falls between two steps; a step's time then is its kernels' and what
the GPU needs from one node of a graph to the next, about a microsecond.
"""

import time
from functools import partial

from microdl.gpu.capture import Replay, Step
from microdl.gpu.stream import Event


class Clock:
    """Points in the work of a stream, and when it reached them, by the host's ``time.perf_counter``.

    One thread at a time may use it.
    """

    def __init__(self, stream):
        self._stream = stream
        self._marks, self._seconds = [], []  # Events that nobody has read, and the seconds of all others
        self._last = Event(stream, timing=True)
        self._last.record(stream)
        self._last.synchronize()
        self._last_seconds = time.perf_counter()

    def mark(self):
        """Notes the end of what was issued so far. Returns the number of this point, for ``seconds``."""
        self._marks.append(event := Event(self._stream, timing=True))
        event.record(self._stream)
        return len(self._seconds) + len(self._marks) - 1

    def seconds(self, number):
        """When the stream reached a point; waits for that."""
        if number >= len(self._seconds):
            self._marks[-1].synchronize()
            for event in self._marks:
                self._seconds.append(self._until(event))
            self._marks = []
        return self._seconds[number]

    def times(self, steps):
        """Runs a ``TimedSteps``, and waits for its end.

        Returns when the first step began, and when each of them ended; when all had been issued.
        """
        self.seconds(self.mark())  # the events of a graph come after it
        steps.replay()
        issued = time.perf_counter()
        self._stream.synchronize()
        return [self._until(event) for event in steps.events], issued

    def _until(self, event):
        milliseconds = self._stream.driver.milliseconds(self._last.handle, event.handle)
        self._last, self._last_seconds = event, self._last_seconds + milliseconds * 1e-3
        return self._last_seconds


class TimedSteps:
    """The steps of a function with an Event before the first and behind each.

    Args: stream: the Stream. name: of the function. steps: for each step a list of its ``capture.Step``s.
    """

    def __init__(self, stream, name, steps):
        self.parts = steps
        self.events = [Event(stream, timing=True) for _ in range(len(steps) + 1)]
        marks = [Step("a mark of time", partial(event.note, stream)) for event in self.events]
        work = [marks[0], *(x for part, mark in zip(steps, marks[1:], strict=True) for x in (*part, mark))]
        self.replay = Replay(stream, f"{name}, profiled,", work)


class EmulatedClock:
    """The same for an emulated GPU, which is done when a call returns: how long the emulation takes."""

    def __init__(self):
        self._seconds = []

    def mark(self):
        self._seconds.append(time.perf_counter())
        return len(self._seconds) - 1

    def seconds(self, number):
        return self._seconds[number]

    def times(self, steps):
        found = [time.perf_counter()]
        for part in steps.parts:
            for step in part:
                step.call()
            found.append(time.perf_counter())
        return found, found[-1]
