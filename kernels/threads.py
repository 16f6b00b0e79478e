"""Threads under the kernels: how many there are, and what Numba's threading layers cannot take.

GNU's OpenMP (the usual layer) kills a process that was forked after it had started its threads and then enters a
parallel region; the workqueue layer aborts when two Python threads enter one at once. So a forked child runs kernels
serially, which it says once, and under workqueue parallel kernels take turns.
"""

import os
import sys
import threading

import numba
from numba.core import config as numba_config
from numba.np.ufunc.parallel import _launch_threads, threading_layer

# GNU's OpenMP lets threads that wait spin for milliseconds; where another process wants the core, each parallel region
# then costs a scheduler's slice. Read when the first parallel kernel starts the threads.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # some microseconds

unguarded = False  # parallel kernels may be called directly: the threads have started, on a layer that bears it
_forked = False  # this process was forked from one whose threads do not live on here
_turn = threading.Lock()


def start():
    """Starts the threading layer, if that has not happened yet."""
    _launch_threads()


def run_guarded(launch, tasks, args):
    """``launch(tasks, True, *args)``, alone where the threading layer asks for it; serial where no thread can run."""
    global unguarded
    if _forked:
        _say_serial()
        launch(tasks, False, *args)
        return
    with _turn:
        launch(tasks, True, *args)
        unguarded = threading_layer() != "workqueue"


def run_guarded_prange(serial, parallel, args):
    global unguarded
    if _forked:
        _say_serial()
        serial(*args)
        return
    with _turn:
        parallel(*args)
        unguarded = threading_layer() != "workqueue"


def _after_fork():
    global unguarded, _forked, _turn
    _turn = threading.Lock()  # another thread of the parent may have held it
    if unguarded and threading_layer() == "omp":
        unguarded, _forked = False, True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

_said = False


def _say_serial():
    global _said
    if not _said and not os.environ.get("MICRODL_QUIET"):
        print(
            "microdl: this process was forked from one that had run kernels, so its own run on one thread; "
            'multiprocessing\'s start method "spawn" avoids that',
            file=sys.stderr,
        )
    _said = True


def threads():
    """Threads that kernels called from this Python thread may use."""
    return numba.get_num_threads()


def set_threads(count):
    """Lets kernels called from this Python thread use ``count`` threads, 1 to ``available_threads()``."""
    numba.set_num_threads(count)


def available_threads() -> int:
    """The largest number of threads, fixed when Numba starts: that of the cores, or NUMBA_NUM_THREADS."""
    return getattr(numba_config, "NUMBA_NUM_THREADS")  # noqa: B009 (set at run time; type checkers do not see it)
