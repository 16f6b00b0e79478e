"""What a piece of code asks of the kernels, as a list of calls that can be made again without the Python around them.

A plan runs the same ops on the same arrays thousands of times. All that Python does on the way to the kernels (tables,
views, scratch arrays, how many tasks there are) depends on shapes alone, so once is enough: ``recorded`` runs the code
and keeps the calls. This holds if the code touches the elements of arrays in two ways only: through kernels, and
through ``call``, which takes a NumPy function along as a call of its own.
"""

import contextlib
import os
import threading
from functools import partial


class _Local(threading.local):
    calls: list | None = None  # this thread's
    wanted: list | None = None  # this thread's (kernel, arguments) while it only lists them


_local = _Local()
_lock = threading.Lock()
listening = 0  # how many threads record; kernels look at this first


def _after_fork():
    """The other threads, which may have recorded or held the lock, do not live on in a forked child."""
    global _lock, listening
    _lock = threading.Lock()
    listening = int(_local.calls is not None or _local.wanted is not None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def recorded(function, *args, **kwargs):
    """Calls ``function`` and returns the calls that it made: a list of functions without arguments."""
    global listening
    if _local.wanted is not None:
        function(*args, **kwargs)
        return []
    calls, around = [], _local.calls  # not None: in a signal's handler, say, that interrupts another recording
    with _lock:
        listening += 1  # an interrupt may leave it too large, which costs time, never too small
    try:
        _local.calls = calls
        function(*args, **kwargs)
    finally:
        _local.calls = around
        with _lock:
            listening -= 1
    return calls


def listed(functions):
    """(kernel, arguments) of what each of ``functions`` would call; no kernel runs. Errors end a function's list."""
    global listening
    wanted = []
    with _lock:
        listening += 1
    try:
        _local.wanted = wanted
        for function in functions:
            with contextlib.suppress(Exception):  # it will be called again, and then heard
                function()
    finally:
        _local.wanted = None
        with _lock:
            listening -= 1
    return wanted


def note(kernel, args):
    """Lists the call of a kernel, if this thread records. Returns whether that was all that is asked for."""
    calls, wanted = _local.calls, _local.wanted
    if calls is not None or wanted is not None:
        bound = kernel.bound(*args)
        if bound is not None and wanted is not None:
            wanted.append((kernel, args))
        elif bound is not None and calls is not None:
            calls.append(bound)
    return wanted is not None


def call(function, *args):
    """``function(*args)``, a NumPy function that writes to one of its arguments; listed like a kernel."""
    if listening:
        if _local.wanted is not None:
            return
        if _local.calls is not None:
            _local.calls.append(partial(function, *args))
    function(*args)
