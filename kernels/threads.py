"""Threads under the kernels: how many there are, and what Numba's threading layers cannot take.

GNU's OpenMP (the usual layer) kills a process that was forked after it had started its threads and then enters a
parallel region; the workqueue layer aborts when two Python threads enter one at once. So a forked child runs kernels
serially, which it says once, and under workqueue parallel kernels take turns.

Numba counts the cores that the process may run on. A container's quota (so much CPU time a period) is not among them:
threads beyond it would only stop each other, in the middle of a kernel. It is read here.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numba
from numba.core import config
from numba.np.ufunc.parallel import _launch_threads, threading_layer

# How long threads of GNU's OpenMP spin while they wait. Its own choice is milliseconds: where another process wants the
# core, each parallel region then costs a scheduler's slice. Too short is no better: a thread that must be woken may
# start on its caller's core, and a product of 512x512x512 took as long on two threads as on one with a count of 1000.
# Read when the first parallel kernel starts the threads.
os.environ.setdefault("GOMP_SPINCOUNT", "100000")  # some tenths of a millisecond: until the next kernel of a step

numba_config: Any = config  # Numba fills it in at run time


def quota(root=Path("/sys/fs/cgroup"), own=Path("/proc/self/cgroup")):
    """CPUs' worth of time that the process's control groups (version 1 or 2) grant it; infinity without a limit."""
    granted = [float("inf")]
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux
        return granted[0]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 2 has one tree, version 1 one for each set of controllers. Limits of all groups above apply too; in a
        # container the tree often begins at the process's own group, so that paths from outside lead nowhere.
        trees = [root / controllers, root / "cpu"] if controllers else [root]
        group = Path(path.lstrip("/"))
        granted += [_granted(tree / above) for tree in trees for above in [group, *group.parents]]
    return min(granted)


def _granted(folder):
    """The limit that one control group sets."""
    try:
        if (folder / "cpu.max").exists():
            time, period = (folder / "cpu.max").read_text().split()
        else:
            time, period = [(folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")]
        return float(time) / float(period) if time != "max" and float(time) > 0 else float("inf")
    except (OSError, ValueError):  # no such group, or no limits in it
        return float("inf")


def _limit():
    """The most threads of a kernel: what NUMBA_NUM_THREADS says if it is set, else the cores within the quota."""
    cores = numba_config.NUMBA_NUM_THREADS
    return cores if "NUMBA_NUM_THREADS" in os.environ else max(1, int(min(cores, quota())))


limit = _limit()
unguarded = False  # parallel kernels may be called directly: the threads have started, on a layer that bears it
_forked = False  # this process was forked from one whose threads do not live on here
_turn = threading.Lock()


def start():
    """Starts the threading layer, if that has not happened yet."""
    _launch_threads()


def run_guarded(launch, tasks, args):
    """Runs all tasks, alone where the threading layer asks for it, and on one thread where no other can start."""
    global unguarded
    if _forked:
        _say_serial()
        launch(tasks, 1, *args)
        return
    with _turn:
        launch(tasks, limit, *args)
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
    return min(numba.get_num_threads(), limit)


def set_threads(count):
    """Lets kernels called from this Python thread use ``count`` threads, 1 to ``available_threads()``."""
    numba.set_num_threads(count)


def available_threads() -> int:
    """The largest number of threads: the cores within the container's quota, or NUMBA_NUM_THREADS."""
    return limit
