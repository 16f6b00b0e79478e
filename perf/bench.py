"""Every kernel over its table of shapes: time, share of what this machine can do, and the peers beside it.

    python perf/bench.py [--torch-python PATH] [--tensorflow-python PATH] [--filter REGEX] [--threads N]

Each side (microdl, NumPy, PyTorch, TensorFlow) works in a process of its own that stays alive. For every row the sides
take turns, round after round, and never run at the same time; all have the same number of threads and the same data.
"""

import argparse
import re
import statistics
import sys
from pathlib import Path

from harness import machine
from harness.cases import table
from harness.worker import Worker, same, serve


def options(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--filter", default="", metavar="REGEX", help="only rows whose name matches")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and stop")
    parser.add_argument("--torch-python", metavar="PATH", help="a Python with PyTorch")
    parser.add_argument("--tensorflow-python", metavar="PATH", help="a Python with TensorFlow")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side for a row (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="3 short rounds: rough figures")
    parser.add_argument("--threads", default=str(machine.cores()), help="of every side (%(default)s: all cores)")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def measure(case, workers, rounds, seconds):
    """side -> {"variant", "min", "median"} or {"missing": why}, all sides in turn."""
    figures, contenders = {}, []
    digests = {}
    for side, worker in workers.items():
        answer = worker.ask(do="prepare", case=case.name)
        if "variants" in answer:
            contenders += [(side, variant) for variant in answer["variants"]]
            digests[side] = answer["variants"]
        else:
            figures[side] = answer
    samples = {contender: [] for contender in contenders}
    for _ in range(rounds):
        for side, variant in contenders:
            samples[side, variant] += workers[side].ask(do="time", variant=variant, seconds=seconds)["samples"]
    for (side, variant), times in samples.items():
        best = {"variant": variant, "min": min(times), "median": statistics.median(times)}
        if side not in figures or best["min"] < figures[side]["min"]:
            figures[side] = best
    ours = digests.get("microdl", {}).get("", {})
    for side, of_variants in digests.items():
        for found in of_variants.values():
            if not all(same(found[name], ours[name]) for name in found.keys() & ours.keys()):
                figures[side]["differs"] = True
    return figures


def main():
    chosen = options()
    if chosen.worker:
        serve(chosen.worker, int(chosen.threads), chosen.root)
        return
    cases = [case for name, case in table().items() if re.search(chosen.filter, name)]
    if chosen.list:
        print(*(case.name for case in cases), sep="\n")
        return
    pythons = {"microdl": sys.executable, "numpy": sys.executable}
    pythons |= {"torch": chosen.torch_python} if chosen.torch_python else {}
    workers = {side: Worker(side, python, int(chosen.threads)) for side, python in pythons.items()}
    rounds, seconds = (3, 0.005) if chosen.quick else (chosen.rounds, 0.015)
    for case in cases:
        figures = measure(case, workers, rounds, seconds)
        line = f"{case.name:<44}"
        for side in workers:
            f = figures[side]
            if "min" not in f:
                line += f"  {side}: {next(iter(f.values())):>20}"
                continue
            rate = case.flops / f["min"] / 1e9 if case.counts_flops else case.bytes / f["min"] / 1e9
            line += f"  {side} {f['variant']} {f['min'] * 1e6:9.1f} ({f['median'] * 1e6:9.1f}) us {rate:6.1f}{'!' * f.get('differs', False)}"
        peers = [figures[side]["min"] for side in workers if side != "microdl" and "min" in figures[side]]
        if peers and "min" in figures["microdl"]:
            line += f"   {min(peers) / figures['microdl']['min']:.2f}x"
        print(line, flush=True)
    for worker in workers.values():
        worker.close()


if __name__ == "__main__":
    main()
