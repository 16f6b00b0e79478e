"""Every kernel over its table of shapes: time, share of what this machine can do, and the peers beside it.

    python perf/bench.py [--torch-python PATH] [--tensorflow-python PATH] [--filter REGEX] [--threads N] [--json FILE]

Each side (microdl, NumPy, PyTorch, TensorFlow) works in a process of its own that stays alive. For every row the sides
take turns, round after round, and never run at the same time; all have the same number of threads, pinned to the same
cores, and the same data. With ``--threads 1,2`` the kernels race themselves on one thread and on two.

With ``--device gpu`` they do it on the first GPU, timed by its events, beside PyTorch (cuBLAS, cuDNN) on the same one;
numbers are rounded to tf32 in the rows that say so, by both, and in no other.
"""

import argparse
import json
import platform
import re
import sys
import time
from datetime import date
from pathlib import Path

from harness import machine, report
from harness.bars import BARS, GPU_BARS, reached
from harness.case import OURS, PEERS
from harness.cases import gpu_table, table
from harness.contest import dissenters, measure
from harness.picture import draw
from harness.roofline import least_seconds
from harness.worker import Worker, prepare_case, serve

GOALS = {"cpu": BARS, "gpu": GPU_BARS}
SECONDS = {"cpu": 0.015, "gpu": 0.03}  # of one turn


def options(arguments=None):
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu", help="where (%(default)s)")
    parser.add_argument("--filter", default="", metavar="REGEX", help="only rows whose name matches")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and stop")
    parser.add_argument("--torch-python", metavar="PATH", help="a Python with PyTorch")
    parser.add_argument("--tensorflow-python", metavar="PATH", help="a Python with TensorFlow")
    parser.add_argument("--threads", type=_counts, default=[machine.cores()], metavar="N[,N...]",
                        help="of every side (default: all cores); several: the kernels against themselves")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side for a row (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="3 short rounds: rough figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="where to draw the roofline (needs matplotlib)")
    parser.add_argument("--dry-run", action="store_true", help=argparse.SUPPRESS)  # every row once, without figures
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _counts(text):
    """Numbers of threads from "1,2"."""
    counts = [int(part) for part in text.split(",")]
    if not all(1 <= count <= machine.cores() for count in counts):
        raise argparse.ArgumentTypeError(f"1 to {machine.cores()} threads, got {text}")
    return counts


def start(chosen):
    """Side -> worker. What cannot be started is said and stays as a side without figures."""
    pythons = {OURS: sys.executable}
    if chosen.device == "cpu":
        pythons |= {"roof": sys.executable, "numpy": sys.executable, "tensorflow": chosen.tensorflow_python}
    pythons["torch"] = chosen.torch_python
    count, more = chosen.threads[0], ("--device", chosen.device)
    workers = {side: Worker(side, python, count, chosen.root, more=more) for side, python in pythons.items() if python}
    for side, worker in workers.items():
        if worker.missing:
            print(f"{PEERS.get(side, side)} is not measured: {worker.missing}", flush=True)
    if workers[OURS].missing and chosen.device == "gpu":
        sys.exit("so there is nothing to measure")
    return workers


def bench(chosen, cases):
    """The table beside the peers."""
    begun = time.perf_counter()
    workers = start(chosen)
    roofs = workers["roof" if "roof" in workers else OURS].ask(do="measure").get("roofs")
    versions = [("Python", platform.python_version())]
    for worker in workers.values():
        versions += worker.about.items()
    versions = dict(versions)
    about = {"gpu": versions.pop("GPU")} if chosen.device == "gpu" else {}
    about |= {
        "processor": machine.processor(),
        "system": platform.platform(),
        "date": str(date.today()),
        "threads": chosen.threads[0],
        "versions": versions,
    }
    print(*report.preamble(about, roofs), "", sep="\n")
    peers = [side for side in PEERS if side in workers]
    print(report.heading(peers), flush=True)
    rows = {}
    for case in cases:
        rows[case.name] = measure(case, workers, *_effort(chosen))
        print(report.line(case, rows[case.name], peers, roofs), flush=True)
    by_name = {case.name: case for case in cases}
    print("", *report.NOTE, "", *report.bars(by_name, rows, roofs, GOALS[chosen.device]), sep="\n")
    print(f"{len(rows)} rows in {time.perf_counter() - begun:.0f} s")
    if chosen.json:
        chosen.json.write_text(json.dumps(_record(about, roofs, by_name, rows, GOALS[chosen.device]), indent=1) + "\n")
    if chosen.plot:
        draw(by_name, rows, roofs, about, chosen.plot)
    for worker in workers.values():
        worker.close()


def _effort(chosen):
    """(rounds, seconds of a turn)."""
    seconds = SECONDS[chosen.device]
    return (3, seconds / 3) if chosen.quick else (chosen.rounds, seconds)


def dry_run(chosen, cases):
    """Every row once on every side, without a figure."""
    workers = start(chosen)
    for case in cases:
        answers = {side: worker.ask(do="prepare", case=case.name) for side, worker in workers.items()
                   if not worker.missing and (side not in PEERS or side in case.peers)}  # fmt: skip
        results = {side: answer.get("variants", {}) for side, answer in answers.items()}
        others, words = set(dissenters(results)), []
        for side, answer in answers.items():
            for variant in results[side]:
                workers[side].ask(do="time", variant=variant, seconds=0)
            verdict = "other results" if side in others else "ran" if results[side] else report.why(answer)
            words.append(f"{PEERS.get(side, side)}: {verdict}")
        print(f"{case.name:<{report.WIDTH}}{', '.join(words)}", flush=True)
    for worker in workers.values():
        worker.close()


def _record(about, roofs, cases, rows, bars):
    """What the JSON file holds; seconds, FLOP/s and bytes."""
    described = {
        name: {
            "kernels": cases[name].kernels,
            "flops": cases[name].flops,
            "bytes": cases[name].bytes,
            "least_seconds": least_seconds(cases[name], roofs, figures) if roofs else None,
            "sides": figures,
        }
        for name, figures in rows.items()
    }
    goals = [
        {"row": row, "value": value, "goal": bar.goal, "of": bar.peers or "copy"}
        for bar, (row, value) in ((bar, reached(bar, cases, rows, roofs)) for bar in bars)
        if value is not None
    ]
    return {**about, "roofs": roofs, "goals": goals, "rows": described}


def race(chosen, cases):
    """The kernels against themselves with several numbers of threads."""
    workers = {count: Worker(OURS, sys.executable, count, chosen.root) for count in chosen.threads}
    print(report.threads_heading(chosen.threads))
    rows = {}
    for case in cases:
        rows[case.name] = measure(case, workers, *_effort(chosen))
        print(report.threads_line(case, rows[case.name], chosen.threads), flush=True)
    print("", *report.threads_summary(rows, chosen.threads), sep="\n")
    if chosen.json:
        chosen.json.write_text(json.dumps({"threads": chosen.threads, "rows": rows}, indent=1) + "\n")
    for worker in workers.values():
        worker.close()


def main():
    chosen = options()
    if chosen.worker:
        package = "harness.gpu" if chosen.device == "gpu" else "harness"
        serve(f"{package}.{chosen.worker}_side", chosen.threads[0], chosen.root, prepare_case)
        return
    machine.refuse_emulated_gpu(chosen)
    rows = gpu_table() if chosen.device == "gpu" else table()
    cases = [case for name, case in rows.items() if re.search(chosen.filter, name)]
    if chosen.list:
        print(*(case.name for case in cases), sep="\n")
    elif chosen.dry_run:
        dry_run(chosen, cases)
    elif len(chosen.threads) > 1:
        race(chosen, cases)
    else:
        bench(chosen, cases)


if __name__ == "__main__":
    main()
