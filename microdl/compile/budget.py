"""How much memory all plans hold between their runs, and which of them let go of theirs when it becomes too much.

A function has a plan for each shape that it was called with, and a plan keeps its memory for the next run. Beyond
``limit`` those that ran longest ago give theirs back; should one of them run again, it settles anew, which takes as
long as one or two runs. The few that ran last keep theirs whatever it comes to: they may well run in turns.
"""

import contextlib
import itertools
import weakref

from microdl.core.locks import new_lock

KEPT = 4  # plans


class Resting:
    """What a plan keeps for its next run; between runs it is in the list ``home``, whence a run takes it.

    Attributes:
        used: when it ran last, by the clock of ``budget``. gone: whether it was let go.
    """

    def __init__(self, home):
        self.home, self.used, self.gone = home, next(budget.clock), False

    def let_go(self):
        """Is never run again, unless it runs just now: the plan then makes another one. Returns whether that is so."""
        with contextlib.suppress(ValueError):
            self.home.remove(self)
            self.gone = True
        return self.gone


class Budget:
    """The memory of plans that are settled: ``microdl.compile.settled.Settled``.

    Attributes:
        limit: bytes. clock: numbers in the order of time.
    """

    def __init__(self, limit):
        self.limit, self.clock = limit, itertools.count()
        self._settled = weakref.WeakSet()
        self._lock = new_lock()

    def held(self):
        """How many Settleds there are, and their bytes."""
        with self._lock:
            sizes = [settled.nbytes for settled in self._settled]
        return len(sizes), sum(sizes)

    def add(self, settled):
        """Counts a Settled for as long as it is there."""
        with self._lock:
            self._settled.add(settled)
        self.make_room(0)

    def make_room(self, nbytes):
        """Lets idle ones go until there is place for ``nbytes`` more."""
        with self._lock:
            known = sorted(self._settled, key=lambda settled: settled.used)
        excess = sum(settled.nbytes for settled in known) + nbytes - self.limit
        for settled in known[:-KEPT]:
            if excess <= 0:
                break
            if not settled.gone and settled.let_go():
                excess -= settled.nbytes


budget = Budget(limit=1 << 29)
