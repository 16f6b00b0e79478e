"""Training steps and inference of small networks beside PyTorch, TensorFlow and JAX.

    python perf/peers.py [--torch-python PATH] [--tensorflow-python PATH] [--jax-python PATH] [--filter REGEX]

Rows are networks (the 5x5 CNN of examples/mnist_cnn.py, a 3x3 CNN, an MLP) at batch sizes from 1 to 1024, trained
(forward, backward, Adam) or only run forward. Each contestant works in a process of its own that stays alive; they take
turns, round after round, and never run at the same time. All have the same number of threads, pinned to the same cores,
the same data, in memory as the framework's own tensors, and the same network: the sizes of all weights are compared. A
step has ended when its results are there. The start is measured too: a fresh process up to the end of its first step.

With ``--device gpu`` all of them work on the first GPU, without tf32. Training steps follow each other there, and the
last of a group is waited for; inference has ended when the logits are on the host. PyTorch also runs as one CUDA graph
of the whole step, which is what a ``function`` of microdl becomes.
"""

import argparse
import json
import platform
import re
import sys
import time
from datetime import date
from pathlib import Path

from harness import machine
from harness.contest import measure
from harness.worker import Worker
from steps import report
from steps.networks import rows
from steps.picture import draw
from steps.sides import CONTESTANTS, OURS, first_step, work

SECONDS = 0.3  # of one turn
PYTHONS = tuple(dict.fromkeys(contestant.option for contestant in CONTESTANTS.values() if contestant.option))


def options(arguments=None):
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu", help="where (%(default)s)")
    parser.add_argument(
        "--filter", default="", metavar="REGEX", help='only rows whose name matches, as "cnn5 train 64"'
    )
    parser.add_argument("--list", action="store_true", help="print the names of the rows and stop")
    for peer in PYTHONS:
        parser.add_argument(f"--{peer}-python", metavar="PATH", help=f"a Python with {peer}; without it, it is absent")
    parser.add_argument("--threads", type=_count, default=machine.cores(), metavar="N", help="default: all cores")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant for a row (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="3 short rounds, no starts: rough figures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="where to draw the cost of an image (matplotlib)")
    parser.add_argument("--dry-run", action="store_true", help=argparse.SUPPRESS)  # every row once, without figures
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--first", nargs=2, metavar=("ROW", "WAY"), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _count(text):
    if not 1 <= int(text) <= machine.cores():
        raise argparse.ArgumentTypeError(f"1 to {machine.cores()} threads, got {text}")
    return int(text)


def start(chosen):
    """(side -> worker, side -> why it takes no part, how to start a process of a side)."""
    pythons = {"": sys.executable} | {option: getattr(chosen, f"{option}_python") for option in PYTHONS}
    absent, workers = {}, {}

    def process(side, *more):
        python = pythons[CONTESTANTS[side].option]
        more = ("--device", chosen.device, *more)
        return Worker(side, python, chosen.threads, chosen.root, script=Path(__file__), more=more)

    for side, contestant in CONTESTANTS.items():
        if chosen.device not in contestant.devices:
            continue
        if not pythons[contestant.option]:
            absent[side] = f"no --{contestant.option}-python was given"
            continue
        workers[side] = process(side)
        if workers[side].missing:
            absent[side] = workers.pop(side).missing
    return workers, absent, process


def contest(row, workers, process, chosen):
    """Side -> its figures in a row: those of ``measure``, and of the first step."""
    rounds, seconds = (3, SECONDS / 3) if chosen.quick else (chosen.rounds, SECONDS)
    figures = measure(row, workers, rounds, seconds)
    for side, figure in figures.items():
        if "min" in figure and not chosen.quick:
            figure |= first_step(side, row, figure["variant"], process)
    return figures


def dry_run(picked, workers, absent):
    """Every row made, checked and run once by all who are there, without a figure."""
    for side, reason in absent.items():
        print(f"{CONTESTANTS[side].name} is absent: {reason}")
    for row in picked:
        for side, worker in workers.items():
            answer = worker.ask(do="prepare", case=row.name)
            for variant in answer.get("variants", {}):
                worker.ask(do="time", variant=variant, seconds=0)
            verdict = "ran" if "variants" in answer else report.why(answer)
            print(f"{row.name}: {CONTESTANTS[side].name}: {verdict}", flush=True)
    for worker in workers.values():
        worker.close()


def main():
    chosen = options()
    if chosen.worker:
        work(chosen.worker, chosen.device, chosen.threads, chosen.root, chosen.first)
        return
    machine.refuse_emulated_gpu(chosen)
    picked = [row for name, row in rows(chosen.device).items() if re.search(chosen.filter, name)]
    if chosen.list:
        print(*(row.name for row in picked), sep="\n")
        return
    begun = time.perf_counter()
    workers, absent, process = start(chosen)
    if not any(side in workers for side in OURS):
        sys.exit(f"there is nothing to measure: {absent[OURS[0]]}")
    if chosen.dry_run:
        dry_run(picked, workers, absent)
        return
    versions = [("Python", platform.python_version())]
    for worker in workers.values():
        versions += worker.about.items()
    versions = dict(versions)
    about = {"gpu": versions.pop("GPU")} if chosen.device == "gpu" else {}
    about |= {
        "processor": machine.processor(),
        "system": platform.platform(),
        "date": str(date.today()),
        "threads": chosen.threads,
        "versions": versions,
        "absent": {CONTESTANTS[side].name: reason for side, reason in absent.items()},
    }
    print(*report.preamble(about), sep="\n", flush=True)
    found = {}
    for row in picked:
        found[row.name] = contest(row, workers, process, chosen)
        print("", *report.block(row, found[row.name]), sep="\n", flush=True)
    print("", *report.summary(picked, found, [side for side in OURS if side in workers]), "", *report.NOTE, sep="\n")
    print(f"{len(picked)} rows in {time.perf_counter() - begun:.0f} s")
    for worker in workers.values():
        worker.close()
    if chosen.json:
        chosen.json.write_text(json.dumps({**about, "rows": record(picked, found)}, indent=1) + "\n")
    if chosen.plot:
        draw(found, about, chosen.plot)


def record(picked, found):
    """What the JSON file holds of the rows; seconds and bytes."""
    described = {}
    for row in picked:
        own = {"network": row.network, "mode": row.mode, "batch": row.batch, "parameters": row.parameters}
        contestants = {CONTESTANTS[side].name: figure for side, figure in found[row.name].items()}
        rates = {name: row.batch / figure["min"] for name, figure in contestants.items() if "min" in figure}
        described[row.name] = {**own, "contestants": contestants, "images_per_second": rates}
    return described


if __name__ == "__main__":
    main()
