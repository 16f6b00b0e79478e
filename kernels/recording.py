"""What a piece of code asks of the kernels, as a list of calls that can be made again without the Python around them.

A plan runs the same ops on the same arrays thousands of times. All that Python does on the way to the kernels (tables,
views, scratch arrays, how many tasks there are) depends on shapes alone, so once is enough: ``recorded`` runs the code
and keeps the calls. This holds if the code touches the elements of arrays in two ways only: through kernels, and
through ``call``, which takes a NumPy function along as a call of its own.
"""

import threading
from functools import partial


class _Local(threading.local):
    calls: list | None = None  # this thread's


_local = _Local()
_lock = threading.Lock()
listening = 0  # how many threads record; kernels look at this first


def recorded(function, *args, **kwargs):
    """Calls ``function`` and returns the calls that it made: a list of functions without arguments."""
    global listening
    if _local.calls is not None:
        raise RuntimeError("recorded: this thread records already")
    _local.calls = calls = []
    with _lock:
        listening += 1
    try:
        function(*args, **kwargs)
    finally:
        _local.calls = None
        with _lock:
            listening -= 1
    return calls


def note(bind, args):
    """Lists what ``bind(*args)`` gives, if this thread records."""
    if _local.calls is not None:
        bound = bind(*args)
        if bound is not None:
            _local.calls.append(bound)


def call(function, *args):
    """``function(*args)``, a NumPy function that writes to one of its arguments; listed like a kernel."""
    if listening:
        note(partial, (function, *args))
    function(*args)
