"""One row measured on all sides, in turns."""

import statistics
import time

from . import machine
from .case import OURS, PEERS
from .worker import same

DISTURBED = 0.15  # of one core's time taken by others: too much to believe the figures


def measure(case, workers, rounds, seconds):
    """Side -> its figures: {"variant", "min", "median", "rounds": minimum of each round}, all in seconds per call.

    A side that cannot do the row has {"missing": why}, {"failed": error} or {"died": how}. Where a side has several
    ways (memory layouts), the fastest counts; "others" has the minima of the rest. {"differs": True} marks a side that
    did not compute what the first side did. A row in which other processes were at work is measured a second time.
    """
    figures, results = {}, {}
    for side, worker in workers.items():
        missing = worker.missing or (side in PEERS and side not in case.peers and "-")
        answer = {"missing": missing} if missing else worker.ask(do="prepare", case=case.name)
        results[side] = answer.pop("variants", {})
        figures[side] = answer
    times = {(side, variant): [] for side, variants in results.items() for variant in variants}
    with Disturbance(workers.values()) as disturbance:
        _turns(times, figures, workers, rounds, seconds)
    if disturbance.share > DISTURBED:
        _turns(times, figures, workers, rounds, seconds)
    for (side, variant), found in times.items():
        if "died" not in figures[side]:
            figures[side] = _better(figures[side], summary(variant, found))
    for side in dissenters(results):
        figures[side]["differs"] = True
    return figures


def _turns(times, figures, workers, rounds, seconds):
    """Adds the samples of ``rounds`` rounds to ``times``: (side, variant) -> [samples of a round, ...]."""
    for _ in range(rounds):
        for (side, variant), found in times.items():
            if "died" not in figures[side]:
                answer = workers[side].ask(do="time", variant=variant, seconds=seconds)
                found.append(answer.pop("samples", []))
                figures[side] |= answer


def _better(figure, other):
    """The faster of two ways of one side, with the slower one's minimum under "others"."""
    slower, faster = sorted((figure, other), key=lambda one: -one["min"]) if figure else ({}, other)
    others = {**figure.get("others", {}), **({slower["variant"]: slower["min"]} if slower else {})}
    return {**faster, "others": others}


class Disturbance:
    """How much other processes worked during a ``with``: ``share`` of one core's time, 0 where that is not known."""

    def __init__(self, workers):
        self._workers, self.share = workers, 0.0

    def _others(self):
        """Seconds of work by others since the machine's start, counted from anywhere."""
        return (machine.busy_seconds() or 0.0) - time.process_time() - sum(worker.worked for worker in self._workers)

    def __enter__(self):
        self._start, self._before = time.perf_counter(), self._others()
        return self

    def __exit__(self, *_):
        self.share = (self._others() - self._before) / (time.perf_counter() - self._start)


def summary(variant, rounds):
    """Figures of the samples of each round."""
    samples = [sample for found in rounds for sample in found]
    return {
        "variant": variant,
        "min": min(samples),
        "median": statistics.median(samples),
        "rounds": [min(found) for found in rounds],
    }


def dissenters(results):
    """Sides one of whose ways gave other results than the first side's first."""
    first = next((variants for variants in results.values() if variants), {})
    expected = next(iter(first.values()), {})
    for side, variants in results.items():
        pairs = [
            (found[name], expected[name]) for found in variants.values() for name in found.keys() & expected.keys()
        ]
        if not all(same(*pair) for pair in pairs):
            yield side


def best_peer(figures, peers):
    """(side, its minimum) of the fastest of ``peers``; None if none was measured."""
    measured = [(figures[side]["min"], side) for side in peers if "min" in figures.get(side, {})]
    return min(measured)[::-1] if measured else None


def ratio(figures, peers):
    """How many times as fast as the best of ``peers`` the kernels are, by minima; None where one is missing."""
    best = best_peer(figures, peers)
    return best[1] / figures[OURS]["min"] if best and "min" in figures.get(OURS, {}) else None
