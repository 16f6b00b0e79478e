"""Memory over time: what ops allocate, until it is freed, beside what was there already.

Counted are the arrays of tensors in the CPU's memory, from a page on. Scratch arrays of kernels, Python's own objects
and the libraries are not in it.
"""

import time
import weakref

from microdl.core.placement import can_look
from microdl.core.variable import Variable

BEFORE = "variables, data and what else was there before"


SMALL = 4096  # bytes; to follow smaller arrays would cost more than it tells


class Memory:
    """Follows arrays by weak references: an array is freed when nothing shows it any more, views included."""

    def __init__(self):
        self.changes = []  # (seconds of time.perf_counter, bytes (negative: freed), owner)
        self._alive = {}  # id of an array that owns its memory -> weak reference to it, bytes, owner
        self._when_freed = self._freed

    def known(self, arrays):
        """Counts arrays that are read, unless they are counted already: from the beginning on."""
        for array in filter(can_look, arrays):
            base = array if array.base is None else _base(array)
            if id(base) not in self._alive and base.nbytes >= SMALL:
                self._follow(base, BEFORE, -1.0)

    def made(self, arrays, owner, now):
        """Counts arrays that were allocated, until ``now``."""
        for array in filter(can_look, arrays):
            base = array if array.base is None else _base(array)
            if id(base) not in self._alive and base.nbytes >= SMALL:
                self._follow(base, owner, now)

    def replayed(self, plan, slots, now):
        """Counts a plan's memory and its variables when it first runs; each time, what it returned."""
        inputs = len(plan.program.inputs)
        if id(plan) not in self._alive:
            self._follow(plan, "memory of plans", -1.0)
            nodes = plan.program.nodes
            self.known([x.known_array() for node in nodes for x in node.inputs if isinstance(x, Variable)])
        self.known(slots[:inputs])
        self.made([array for array in slots[inputs:] if array is not None], "outputs of plans", now)

    def _follow(self, base, owner, now):
        key, size = id(base), base.nbytes
        followed = _Followed(base, self._when_freed)
        followed.key = key
        self._alive[key] = followed, size, owner
        self.changes.append((now, size, owner))

    def _freed(self, followed):
        found = self._alive.pop(followed.key, None)
        if found is not None:  # None: the profile has ended meanwhile
            self.changes.append((time.perf_counter(), -found[1], found[2]))

    def close(self):
        """Stops listening."""
        self._alive.clear()


class _Followed(weakref.ref):
    """A weak reference that knows the id of what it stands for."""

    __slots__ = ("key",)


def _base(array):
    """The array that owns the memory which ``array`` shows."""
    while array.base is not None and hasattr(array.base, "nbytes"):
        array = array.base
    return array


def timeline(changes, start):
    """[(seconds since ``start``, bytes)] after each change, and {owner: bytes} at the first highest of them."""
    points, owners, total, peak, at_peak = [], {}, 0, -1, {}
    for moment, size, owner in sorted(changes, key=lambda change: change[0]):
        total += size
        owners[owner] = owners.get(owner, 0) + size
        moment = max(0.0, moment - start)
        if points and points[-1][0] == moment:
            points.pop()
        points.append((moment, total))
        if total > peak:
            peak, at_peak = total, {name: held for name, held in owners.items() if held}
    return points, dict(sorted(at_peak.items(), key=lambda item: -item[1]))
