"""Writes to variables while other threads read them, and whose turn it is.

A Tensor read from a Variable lies on the variable's own buffer. Before a write it is given a copy of the old values
(``Variable.before_write``) and ``moved`` becomes another one, both in the variable's turn and before the first new
number appears. So no new Tensor starts on a buffer that is being written to; and whoever computed from a Tensor whose
array is another one afterwards may have seen a mixture of old and new, and computes again, now from the copy.

Each variable begins with a ``Turn`` of its own. Those that one plan uses, or one op writes to, share one from then on:
a run takes a single lock and sees all of them as they were or as they are, and as nobody waits for a turn while having
another, nobody waits for ever. Models that share no variable train at the same time.
"""

import threading

from microdl.core.locks import new_lock


class Turn:
    """The right to write to some variables, and to read them from their buffers.

    Attributes:
        lock: held by the thread whose turn it is. joined: the Turn that took this one's place, or None.
    """

    __slots__ = ("joined", "lock")

    def __init__(self):
        self.lock, self.joined = new_lock(), None


class _Writing:
    moved = object()  # another one whenever a Tensor had to leave a variable's buffer


writing = _Writing()
_sharing = new_lock()


def in_turn(owner, function, *args):
    """Calls ``function(*args)`` when it is the turn of ``owner``, which has its Turn as attribute ``turn``."""
    while True:
        turn = owner.turn
        with turn.lock:
            if turn.joined is None:
                return function(*args)
        owner.turn = turn.joined


class _Runs(threading.local):
    """The runs of this thread that give their turn up now and then, outermost first."""

    def __init__(self):
        self.running = []


_runs = _Runs()


class _Run:
    """A run of ``owner`` (with a ``turn`` and the Variables ``written``) that others may interrupt where it waits."""

    def __init__(self, owner):
        self._owner, self._lock = owner, owner.turn.lock

    def take(self):
        """Waits for the turn; others may have read meanwhile what the run is still to write to."""
        while True:
            turn = self._owner.turn
            self._lock = turn.lock
            self._lock.acquire()
            if turn.joined is None:
                break
            self._lock.release()
            self._owner.turn = turn.joined
        for variable in self._owner.written:
            variable.before_write()

    def leave(self):
        self._lock.release()


def in_turns(owner, function, *args):
    """``in_turn`` for a function that waits for Python code between its writes, through ``out_of_turn``."""
    run = _Run(owner)
    run.take()
    _runs.running.append(run)
    try:
        return function(*args)
    finally:
        _runs.running.pop()
        run.leave()


def out_of_turn(function):
    """Calls ``function()`` while other threads may have the turns that this one has in ``in_turns``.

    It may wait for a thread that reads such a variable, as one that prepares data.
    """
    running = list(_runs.running)
    for run in reversed(running):
        run.leave()
    try:
        return function()
    finally:
        for run in running:
            run.take()


def share_turn(variables):
    """Gives the variables one Turn, together with all that share one of theirs already. Returns it.

    Whoever has the turn of one of them calls this only with variables that share it: it may wait for turns of others.
    """
    first = variables[0].turn
    for variable in variables:
        if variable.turn is not first:
            break
    else:  # as in every step but the first
        return first
    first, *others = dict.fromkeys(map(_latest, variables))
    if others:
        with _sharing:
            first, *others = dict.fromkeys(map(_latest, variables))
            for turn in others:
                with turn.lock:  # whoever is in it may end; who comes later finds it joined
                    turn.joined = first
    return first


def _latest(variable):
    turn = variable.turn
    while turn.joined is not None:
        turn = variable.turn = turn.joined
    return turn
