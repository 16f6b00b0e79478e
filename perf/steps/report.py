"""What is printed: a block for each row, and how microdl stands in all of them."""

from harness import machine

from .networks import BATCHES
from .sides import CONTESTANTS, OURS

HEADING = f"{'':<20}{'ms/step':>10} {'(median)':>10}{'images/s':>12}{'first step':>12}{'memory':>10}"
NOTE = (
    "ms/step: minimum (median). images/s: by the minimum. first step: from the start of a process to the end of its",
    "first step; what can be kept on disk for it (compiled code) is there. memory: the most that such a process has",
    "had, MiB.",
    "NCHW, NHWC: the faster one of PyTorch's two layouts of images in memory.",
)


def preamble(about):
    yield f"{machine.described(about)}, {about['system']}, {about['date']}"
    yield ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    yield from (f"{name} is absent: {reason}" for name, reason in about["absent"].items())


def block(row, figures):
    """A row's lines, the fastest contestant first."""
    yield f"{row.name}: {row.parameters:,} weights"
    yield HEADING
    for side in sorted(figures, key=lambda side: figures[side].get("min", float("inf"))):
        figure = figures[side]
        if "min" not in figure:
            yield f"  {CONTESTANTS[side].name:<18}  {why(figure)}"
            continue
        time, median = f"{figure['min'] * 1e3:.3f}", f"({figure['median'] * 1e3:.3f})"
        start = f"{figure['first_step']:.2f} s" if figure.get("first_step") else ""
        peak = f"{figure['peak'] / 2**20:.0f}" if figure.get("peak") else ""
        yield (
            f"  {CONTESTANTS[side].name:<18}{time:>10} {median:>10}{row.batch / figure['min']:>12,.0f}"
            f"{start:>12}{peak:>10}  {figure['variant']}"
        ).rstrip()


def why(figure):
    """Why a contestant has no figures."""
    for state in ("missing", "failed", "died"):
        if state in figure:
            return f"{state}: {figure[state]}"
    return "-"


def best(figures, sides):
    """(minimum, side) of the fastest; None if none was measured."""
    return min(((figures[side]["min"], side) for side in sides if "min" in figures.get(side, {})), default=None)


def summary(rows, found, ours=OURS):
    """Lines: how many times as fast as its fastest peer microdl is, by minima, at every batch size.

    found: name of a row -> side -> figures. ours: sides of microdl. The first name of a line says whose ratio it is.
    """
    peers = [side for side in CONTESTANTS if side not in OURS]
    yield "Times as fast as the fastest peer, by minima"
    yield f"{'':<34}" + "".join(f"{f'batch {batch}':>22}" for batch in BATCHES)
    for network, mode in dict.fromkeys((row.network, row.mode) for row in rows):
        for side in ours:
            columns = ""
            for batch in BATCHES:
                figures = found.get(f"{network} {mode} {batch}", {})
                peer, own = best(figures, peers), best(figures, [side])
                text = f"{peer[0] / own[0]:.2f} {CONTESTANTS[peer[1]].name}" if peer and own else "-"
                columns += f"{text:>22}"
            yield f"{f'{network} {mode}':<14}{CONTESTANTS[side].name:<20}{columns}"
