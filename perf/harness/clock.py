"""How a call is timed: batches of some milliseconds, clean of what other processes still do.

This module is the clock of a side; one that needs another has an object with the same ``group_of`` and ``batch``.
"""

import gc
import time

GROUP = 100e-6  # seconds: calls are timed in groups at least that long, beside which reading the clock is nothing
TICK = 6e-3  # seconds: longer than the intervals (4 ms on Linux) at which the system books the time of running threads
IDLE_LIMIT = 0.5  # seconds to wait for a process's threads to stop spinning


def seconds_per_call(calls):
    """Seconds of one call: the calls of ``calls``, one after the other, divided by their number."""
    start = time.perf_counter()
    for call in calls:
        call()
    return (time.perf_counter() - start) / len(calls)


def group_of(calls):
    """``calls`` repeated until they take GROUP seconds: what is timed at once."""
    once = min(seconds_per_call(calls) for _ in range(3)) * len(calls)
    return calls * max(1, min(4096, round(GROUP / max(once, 1e-9))))


def batch(group, seconds, timed=seconds_per_call):
    """Seconds per call of each group that fits into ``seconds``, at least one, after a tenth of that as warm-up."""
    gc.disable()
    try:
        _run(group, seconds / 10, timed)
        return _run(group, seconds, timed)
    finally:
        gc.enable()


def _run(group, seconds, timed):
    samples, end = [], time.perf_counter() + seconds
    while not samples or time.perf_counter() < end:
        samples.append(timed(group))
    return samples


def wait_until_idle():
    """Returns when no thread of this process runs any more.

    Most thread pools spin for some time after their work, to be quick when more comes. Nobody is asked not to (that
    would slow the side down); the others' turn comes when it is over.
    """
    end = time.perf_counter() + IDLE_LIMIT
    while time.perf_counter() < end:
        busy = time.process_time()
        time.sleep(TICK)
        if time.process_time() - busy < 0.1 * TICK:
            return
