"""The kernels of two git revisions against each other, on the rows of ``bench.py``.

    python perf/compare.py REF_A REF_B [--filter REGEX] [--rounds N] [--threads N]

Each revision is checked out into a temporary folder and works in a process of its own, with a cache of compiled kernels
of its own; the two take turns. The table of rows is that of this checkout. "." stands for the files as they lie here.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness import machine
from harness.case import OURS
from harness.cases import table
from harness.contest import measure
from harness.worker import Worker

ROOT = Path(__file__).parents[1]
SECONDS = 0.015  # of one turn
NOTICED = 0.03  # relative difference of minima and medians below which nothing is said
AGREED = 0.9  # share of all pairs of rounds in which one revision must be the faster one


@contextmanager
def checkout(revision):
    """Folder with the files of ``revision``."""
    if revision == ".":
        yield ROOT
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        _git("worktree", "add", "--detach", str(tree), revision)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments):
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")


def verdict(a, b):
    """(ratio of minima, ratio of medians, what to say) of two figures; ratios above 1: b is faster.

    A difference counts if both ratios show it, and if nearly every round of the one beats nearly every round of the
    other: then it is not the machine's mood.
    """
    least, middle = a["min"] / b["min"], a["median"] / b["median"]
    pairs = [one > other for one in a["rounds"] for other in b["rounds"]]
    wins = sum(pairs) / len(pairs)
    if min(least, middle) > 1 + NOTICED and wins >= AGREED:
        return least, middle, "faster"
    if max(least, middle) < 1 / (1 + NOTICED) and wins <= 1 - AGREED:
        return least, middle, "SLOWER"
    return least, middle, ""


def line(name, a, b):
    """One row of the table."""
    if "min" not in a or "min" not in b:
        why = next(str(next(iter(side.values()))) for side in (a, b) if "min" not in side)
        return f"{name:<46}{why}"
    least, middle, said = verdict(a, b)
    times = "".join(f"{figure['min'] * 1e6:11.1f} {'({:.1f})'.format(figure['median'] * 1e6):>11}" for figure in (a, b))
    wrong = "  OTHER RESULTS" if b.get("differs") else ""
    return f"{name:<46}{times}{least:8.2f}x{middle:8.2f}x  {said}{wrong}"


def options(arguments=None):
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("a", metavar="REF_A", help='a git revision, or "." for the files here')
    parser.add_argument("b", metavar="REF_B")
    parser.add_argument("--filter", default="", metavar="REGEX", help="only rows whose name matches")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each side for a row (%(default)s)")
    parser.add_argument("--threads", type=int, default=machine.cores())
    return parser.parse_args(arguments)


def main():
    chosen = options()
    cases = [case for name, case in table().items() if re.search(chosen.filter, name)]
    with ExitStack() as stack:
        workers = {}
        for side, revision in (("a", chosen.a), ("b", chosen.b)):
            tree = stack.enter_context(checkout(revision))
            cache = stack.enter_context(tempfile.TemporaryDirectory())
            workers[side] = Worker(OURS, sys.executable, chosen.threads, tree, cache)
            stack.callback(workers[side].close)
            if workers[side].missing:
                raise SystemExit(f"{revision} cannot be measured: {workers[side].missing}")
        print(f"a: {chosen.a}, b: {chosen.b}; us per call, minimum (median); ratios above 1: b is faster")
        print(f"{'row':<46}{'a us':>11} {'(median)':>11}{'b us':>11} {'(median)':>11}{'minima':>9}{'medians':>9}")
        ratios = []
        for case in cases:
            figures = measure(case, workers, chosen.rounds, SECONDS)
            print(line(case.name, figures["a"], figures["b"]), flush=True)
            if all("min" in figure for figure in figures.values()):
                ratios.append(figures["a"]["min"] / figures["b"]["min"])
        if ratios:
            print(f"\ngeometric mean over {len(ratios)} rows: {statistics.geometric_mean(ratios):.3f}x")


if __name__ == "__main__":
    main()
