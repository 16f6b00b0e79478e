"""A profile as a table, and as a trace that Perfetto opens."""

import io
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from microdl.compile.explain import bytes_text, shapes_text
from microdl.core.optional import is_there, require

WIDTH = 160  # characters, where no terminal has another
HEADINGS = ("op", "phase", "shapes", "share", "calls", "us/call", "GFLOP/s", "GB/s", "% of roof")


class MemoryUse(NamedTuple):
    """timeline: [(seconds, bytes), ...]. owners: {whose: bytes} at the peak, largest first."""

    timeline: list
    owners: dict

    @property
    def peak(self):
        """The most bytes at once."""
        return max((total for _, total in self.timeline), default=0)

    def __str__(self):
        lines = [f"peak of arrays: {bytes_text(self.peak)}"]
        return "\n".join(lines + [f"  {bytes_text(size):>10}  {owner}" for owner, size in self.owners.items()])


def print_table(profile, roofs, most):
    """Prints the rows of a profile, with rich where it is installed, and what else took time."""
    rows = profile.rows()
    cells: list[tuple[str, ...]] = [_cells(row, profile.seconds, roofs) for row in rows[:most]]
    if len(rows) > most:
        rest = sum(row.seconds for row in rows[most:])
        cells.append((f"{len(rows) - most} more", "", "", _percent(rest, profile.seconds), *[""] * 5))
    once = {f"once: {name}": seconds for name, seconds in profile.once.items() if seconds}
    for name, seconds in (profile.overhead | once).items():
        cells.append((name, "", "", _percent(seconds, profile.seconds), *[""] * 5))
    title = f"{profile.seconds * 1e3:.2f} ms, {profile.accounted:.1%} of it in ops and microdl's own Python"
    (_print_rich if is_there("rich") else _print_plain)(title, cells)
    levels = ", ".join(f"{name} {speed / 1e9:.0f} GB/s" for name, _, speed in roofs.levels)
    print(f"roofs of the CPU, measured now: {roofs.flops / 1e9:.0f} GFLOP/s, copying in {levels}")
    if profile.emulated:
        print("the GPU is emulated: its times are those of the emulation, and say nothing of a GPU's")


def _cells(row, total, roofs):
    seconds = max(row.seconds, 1e-9)
    flops, moved = row.flops * row.calls, row.bytes * row.calls
    shapes = f"{shapes_text_of(row.inputs)} -> {shapes_text_of(row.outputs) or '-'}"
    speeds = (f"{flops / seconds / 1e9:.1f}" if flops else "", f"{moved / seconds / 1e9:.1f}" if moved else "")
    on_cpu = row.device == "CPU"
    least = roofs.least_seconds(row.flops, row.bytes) * row.calls if on_cpu and (flops or moved) else None
    roof = "" if least is None else f"{100 * least / seconds:.0f}"
    share = _percent(row.seconds, total)
    phase = row.phase if on_cpu else f"{row.phase}, {row.device}"
    return (row.name, phase, shapes, share, str(row.calls), f"{seconds / row.calls * 1e6:.1f}", *speeds, roof)


def shapes_text_of(specs):
    """``shapes_text`` of Specs, two at most."""
    return shapes_text(specs, most=2)


def _percent(part, total):
    return f"{100 * part / total:.1f} %" if total else ""


def _print_rich(title, cells):
    table = require("rich.table", "the table").Table(title=title, title_justify="left")
    for number, heading in enumerate(HEADINGS):
        table.add_column(heading, justify="right" if number > 2 else "left", no_wrap=number != 2)
    for row in cells:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else WIDTH
    console = require("rich.console", "the table").Console(file=sys.stdout, width=width, highlight=False, markup=False)
    console.print(table)


def _print_plain(title, cells):
    widths = [max(map(len, column)) for column in zip(HEADINGS, *cells, strict=True)]
    out = io.StringIO()
    for row in (HEADINGS, *cells):
        padded = [c.rjust(w) if k > 2 else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        out.write("  ".join(padded).rstrip() + "\n")
    print(title, out.getvalue(), sep="\n", end="")


def write_trace(profile, path):
    """Writes the file and returns ``path``. Times are microseconds from the profile's beginning."""
    threads = {thread: number for number, thread in enumerate(dict.fromkeys([profile.thread, *_threads(profile)]))}
    process = os.getpid()
    common: dict = {"ph": "M", "pid": process}
    events = [common | {"name": "process_name", "args": {"name": "microdl"}}]
    for thread, number in threads.items():
        name = thread if isinstance(thread, str) else f"thread {number}" if number else "main"
        events.append(common | {"name": "thread_name", "tid": number, "args": {"name": name}})
    for event in profile.events:
        times = {"ts": event.start * 1e6, "dur": event.seconds * 1e6}
        kind = event.phase if event.is_op else "Python"
        common = {"ph": "X", "name": event.name, "cat": kind, "pid": process, "tid": threads[event.thread]}
        events.append(common | times | {"args": _details(event)})
    for seconds, total in profile.memory().timeline:
        events.append({"ph": "C", "name": "memory", "pid": process, "ts": seconds * 1e6, "args": {"bytes": total}})
    Path(path).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))
    return path


def _threads(profile):
    return [event.thread for event in profile.events]


def _details(event):
    """What Perfetto shows of an event that was clicked on."""
    if not event.is_op:
        return {"own_us": event.own * 1e6}
    details = {
        "phase": event.phase,
        "inputs": shapes_text(event.inputs),
        "outputs": shapes_text(event.outputs),
        "MFLOP": event.flops / 1e6,
        "bytes": event.bytes,
    }
    if event.own > 0:
        details |= {"GFLOP/s": event.flops / event.own / 1e9, "GB/s": event.bytes / event.own / 1e9}
    return details | ({f"once_{name}_s": s for name, s in event.once._asdict().items() if s} if event.once else {})
