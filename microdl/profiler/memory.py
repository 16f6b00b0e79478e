"""Memory over time: what ops allocate, until it is freed, beside what was there already.

Counted are the arrays of tensors. What kernels use as scratch, Python's own objects and the libraries are not in it.
"""

import time
import weakref
from typing import NamedTuple

from microdl.core.variable import Variable


class Change(NamedTuple):
    """``bytes`` (negative: freed) of ``owner`` at ``time`` (seconds of ``time.perf_counter``)."""

    time: float
    bytes: int
    owner: str


BEFORE = "variables, data and what else was there before"


class Memory:
    """Follows arrays by weak references: an array is freed when nothing shows it any more, views included."""

    def __init__(self):
        self.changes = []
        self._alive = {}  # id of an array that owns its memory -> weak reference to it
        self._plans = set()  # ids of plans whose memory is counted

    def known(self, arrays, owner=BEFORE):
        """Counts arrays that are read, unless they are counted already: from the beginning on."""
        for array in arrays:
            base = _base(array)
            if id(base) not in self._alive:
                self._follow(base, owner, -1.0)

    def made(self, arrays, owner):
        """Counts arrays that were allocated just now."""
        now = time.perf_counter()
        for array in arrays:
            base = _base(array)
            if id(base) not in self._alive:
                self._follow(base, owner, now)

    def replayed(self, plan, slots):
        """Counts a plan's memory and its variables when it first runs; each time, what it returned."""
        inputs = len(plan.program.inputs)
        if id(plan) not in self._plans:
            self._plans.add(id(plan))
            self.changes.append(Change(-1.0, plan.nbytes, "memory of plans"))
            nodes = plan.program.nodes
            self.known([x.known_array() for node in nodes for x in node.inputs if isinstance(x, Variable)])
        self.known(slots[:inputs])
        self.made([array for array in slots[inputs:] if array is not None], "outputs of plans")

    def _follow(self, base, owner, now):
        key, size, alive, changes = id(base), base.nbytes, self._alive, self.changes

        def freed(_):
            alive.pop(key, None)
            changes.append(Change(time.perf_counter(), -size, owner))

        alive[key] = weakref.ref(base, freed)
        changes.append(Change(now, size, owner))

    def close(self):
        """Stops listening."""
        self._alive.clear()


def _base(array):
    """The array that owns the memory which ``array`` shows."""
    while array.base is not None and hasattr(array.base, "nbytes"):
        array = array.base
    return array


def timeline(changes, start):
    """[(seconds since ``start``, bytes)] after each change, and {owner: bytes} at the first highest of them."""
    points, owners, total, peak, at_peak = [], {}, 0, -1, {}
    for change in sorted(changes, key=lambda one: one.time):
        total += change.bytes
        owners[change.owner] = owners.get(change.owner, 0) + change.bytes
        moment = max(0.0, change.time - start)
        if points and points[-1][0] == moment:
            points.pop()
        points.append((moment, total))
        if total > peak:
            peak, at_peak = total, {owner: size for owner, size in owners.items() if size}
    return points, dict(sorted(at_peak.items(), key=lambda item: -item[1]))
