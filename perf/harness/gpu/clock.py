"""How calls are timed on a GPU: by events before and after a group of them.

The group stands in the GPU's queue behind other work, a copy that takes as long as the host needs to issue it. So calls
follow each other without a gap, and what is timed is the GPU's work alone, for every side.
"""

import math
import os
import time

from .. import clock

GROUP = 1e-3  # seconds of a group of calls, beside which an event's half microsecond is nothing
MOST = 100  # calls of a group: the driver's queue has room for about a thousand launches
AHEAD = 2.0  # times the host's time: how much other work stands before a group
COPIED = 256 << 20  # bytes of that copy


def is_emulated():
    """Whether the GPU is one that the CPU emulates, which shall never be timed."""
    return os.environ.get("MICRODL_GPU") == "emulate"


class Group(list):
    """Calls that are timed together. copies: how many copies stand before them."""

    copies = 1


class EventClock:
    """The clock of a side on a GPU, as ``harness.clock`` is that of one on the CPU.

    Args:
        mark(): records an event. between(start, end): seconds from one to the other; waits for both.
        copy(): issues a copy of COPIED bytes.
    """

    def __init__(self, mark, between, copy):
        self._mark, self._between, self._copy = mark, between, copy
        self._copy_seconds = min(self._elapsed([copy]) for _ in range(5))

    def group_of(self, calls):
        """``calls`` repeated until they take GROUP seconds: what is timed at once."""
        once = min(self._elapsed(calls) for _ in range(3))
        group = Group(calls * max(1, min(MOST // len(calls), round(GROUP / max(once, 1e-9)))))
        start = time.perf_counter()
        for call in group:
            call()
        host = time.perf_counter() - start
        self._between(self._mark(), self._mark())  # or the next ones would wait for these
        group.copies = math.ceil(AHEAD * host / self._copy_seconds)
        return group

    def batch(self, group, seconds):
        return clock.batch(group, seconds, self._seconds_per_call)

    def _seconds_per_call(self, group):
        for _ in range(group.copies):
            self._copy()
        return self._elapsed(group) / len(group)

    def _elapsed(self, calls):
        """Seconds of calls, one after the other, on the GPU."""
        start = self._mark()
        for call in calls:
            call()
        return self._between(start, self._mark())


class WaitingClock:
    """For steps, which count with the host's work: from the first call of a group until all of its work is done.

    Args: wait(): waits for the GPU.
    """

    GROUP = 20e-3  # seconds

    def __init__(self, wait):
        self._wait = wait

    def group_of(self, calls):
        once = min(self._seconds_per_call(calls) for _ in range(3)) * len(calls)
        return calls * max(1, min(4096, round(self.GROUP / once)))

    def batch(self, group, seconds):
        return clock.batch(group, seconds, self._seconds_per_call)

    def _seconds_per_call(self, calls):
        start = time.perf_counter()
        for call in calls:
            call()
        self._wait()
        return (time.perf_counter() - start) / len(calls)


class NoClock:
    """Of an emulated GPU: everything runs, once, and no figure comes out."""

    def group_of(self, calls):
        return calls

    def batch(self, group, seconds):
        for call in group:
            call()
        return []
