"""What is printed: the table, and how the goals are met."""

from . import machine
from .bars import BARS, SLOWEST, reached
from .case import OURS, PEERS
from .contest import best_peer, ratio
from .roofline import least_seconds

WIDTH = 46  # of a row's name
NOTE = (
    "Microseconds per call, minimum (median); the variant of a peer is its memory layout. roof: share of what this",
    "machine can do for the arithmetic and bytes of the row (Winograd convolutions can pass 100 %, as operations are",
    "counted as the direct algorithm has them). ratio: how many times as fast as the best peer, by minima.",
    "*: the results of this side are others.",
)


def preamble(about, roofs):
    """What was measured, on what, and what that can do at most."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    yield f"{machine.described(about)}, {about['system']}, {about['date']}"
    yield versions
    if roofs:
        yield "peak: " + ", ".join(f"{flops / 1e9:.0f} GFLOP/s in {dtype}" for dtype, flops in roofs["flops"].items())
        for what, place in (("copy", 2), ("read", 3)):
            yield f"{what}: " + ", ".join(f"{level[place] / 1e9:.0f} GB/s in {level[0]}" for level in roofs["levels"])


def heading(peers):
    columns = "".join(f"{PEERS[side]:>26}" for side in peers)
    return f"{'row':<{WIDTH}}{'microdl us':>11} {'(median)':>11}{'':>15}{'roof':>6}{columns}{'ratio':>9}"


def line(case, figures, peers, roofs):
    """One row of the table."""
    ours = figures[OURS]
    if "min" in ours:
        amount, unit = (case.flops, "FLOP/s") if case.counts_flops else (case.bytes, "B/s")
        least = least_seconds(case, roofs, figures) if roofs else None
        share = f"{least / ours['min']:.0%}" if least else ""
        rate, prefix = amount / ours["min"] / 1e9, "G"
        if rate >= 1e4:
            rate, prefix = rate / 1e3, "T"
        rate = f"{rate:.4g} {prefix}{unit}"
        text = f"{_microseconds(ours)}{rate:>15}{share:>6}"
    else:
        text = f"  {why(ours):<42}"
    columns = "".join(f"{_peer(figures[side]):>26}" for side in peers)
    times, best = ratio(figures, peers), best_peer(figures, peers)
    fastest = f"{times:8.2f}x {PEERS[best[0]]}" if times and best else ""
    return f"{case.name:<{WIDTH}}{text}{columns}{fastest}"


def _microseconds(figure):
    median = f"({figure['median'] * 1e6:.1f})"
    return f"{figure['min'] * 1e6:11.1f} {median:>11}"


def _peer(figure):
    if "min" not in figure:
        return why(figure)[:24]
    return f"{figure['variant']}{'*' if figure.get('differs') else ''}{_microseconds(figure)}"


def why(figure):
    """Why a side has no figures."""
    return figure.get("missing") or figure.get("failed") or figure.get("died") or "-"


def bars(cases, rows, roofs, goals=BARS):
    """Lines that say how the goals are met; goals whose rows were not measured are left out."""
    lines = []
    for bar in goals:
        row, value = reached(bar, cases, rows, roofs)
        if value is None:
            continue
        peers = " or ".join(PEERS[side] for side in bar.peers)
        goal = f"{bar.goal:.2f}x {peers}" if bar.peers else f"{bar.goal:.0%} of a copy's bandwidth"
        found = f"{value:.2f}x" if bar.peers else f"{value:.0%}"
        what = f"{bar.row.strip()}: {row}" if bar.row.startswith(SLOWEST) else row
        verdict = "met" if value >= bar.goal else "NOT MET"
        remark = "" if bar.peers else _plain(rows[row])
        lines.append(f"{what:<58}{found:>8}   goal {goal:<28}{verdict:<10}{remark}".rstrip())
    return lines


def _plain(figures):
    """The share of a copy with plain stores, where one with stores past the caches is faster."""
    plain = figures["roof"].get("others", {}).get("")
    return f"({plain / figures[OURS]['min']:.0%} of a copy with plain stores)" if plain else ""


def threads_heading(counts):
    columns = "".join(f"{f'threads: {count}, us':>14}{'(median)':>11}" for count in counts)
    return f"{'row':<{WIDTH}}{columns}{'speed-up':>10}"


def threads_line(case, figures, counts):
    """A row measured with several numbers of threads; the speed-up is that of the last over the first."""
    columns = ""
    for count in counts:
        columns += f"  {_microseconds(figures[count])}" if "min" in figures[count] else f"{why(figures[count]):>25}"
    times = speed_up(figures, counts)
    return f"{case.name:<{WIDTH}}{columns}" + (f"{times:9.2f}x{'  SLOWER' if times < SLOWER else ''}" if times else "")


def threads_summary(rows, counts):
    """How the slowest rows with more threads stand."""
    found = sorted((times, name) for name, figures in rows.items() if (times := speed_up(figures, counts)) is not None)
    slow, (few, *_, many) = sum(times < SLOWER for times, _ in found), counts
    yield f"{slow} of {len(found)} rows are more than 10 % slower with {many} threads than with {few}; the lowest:"
    yield from (f"{name:<{WIDTH}}{times:9.2f}x" for times, name in found[:5])


SLOWER = 1 / 1.1  # a speed-up below means that more threads are more than 10 % slower


def speed_up(figures, counts):
    first, last = figures[counts[0]], figures[counts[-1]]
    return first["min"] / last["min"] if "min" in first and "min" in last else None
