"""The contestants, and what their processes do."""

import functools
import time
from dataclasses import dataclass

from harness.worker import Worker, serve

from .networks import rows
from .step import LEARNING, STANDSTILL, check

STEADY = 0.2  # seconds of steps after the first one, by which memory has reached its peak


@dataclass(frozen=True)
class Contestant:
    """name: as it is printed. option: whose Python it runs in; "" is the one that runs the benchmark.

    devices: where it takes part.
    """

    name: str
    option: str = ""
    devices: tuple[str, ...] = ("cpu", "gpu")


# By "<framework>-<how>": the framework names the module <framework>_side.py (for a GPU the one in gpu/), which knows
# what the second part means.
CONTESTANTS = {
    "microdl-function": Contestant("microdl function"),
    "microdl-eager": Contestant("microdl eager", devices=("cpu",)),
    "torch-eager": Contestant("PyTorch eager", "torch"),
    "torch-compile": Contestant("torch.compile", "torch"),
    "torch-graph": Contestant("PyTorch graph", "torch", ("gpu",)),  # the whole step as one CUDA graph
    "tensorflow-function": Contestant("tf.function", "tensorflow", ("cpu",)),
    "tensorflow-xla": Contestant("TF-XLA", "tensorflow", ("cpu",)),
    "jax-jit": Contestant("JAX jit", "jax"),
}
OURS = ("microdl-function", "microdl-eager")


def work(side, device, threads, root, first):
    """A contestant's process. ``first``: (row, way) whose first step belongs to the start, or None."""
    framework, _, how = side.partition("-")
    begin = functools.partial(_begin, how, *first) if first else None
    package = "steps.gpu" if device == "gpu" else "steps"
    serve(f"{package}.{framework}_side", threads, root, functools.partial(_prepare, how), begin)


def _prepare(how, module, timer, name):
    """The steps of each way (memory layout) of a row, made, compiled and checked."""
    row, prepared = rows()[name], {}
    for way, build in module.ways(row, how).items():
        check(build(LEARNING), row)
        step = build(STANDSTILL)
        step.run()
        prepared[way] = timer.group_of([step.run])
    return prepared, {"variants": {way: {} for way in prepared}}


def _begin(how, name, way, module):
    """A row's step in one way, made and run once."""
    step = module.ways(rows()[name], how)[way](STANDSTILL)
    step.run()
    getattr(module, "wait", lambda: None)()
    return {way: [step.run]}


def first_step(side, row, way, start):
    """{"first_step": seconds from a process's start to the end of its first step, "peak": most bytes that it had}.

    start(side, *arguments): starts it. Code that is kept on disk is there, as the row has been measured before.
    """
    begun = time.perf_counter()
    worker: Worker = start(side, "--first", row.name, way)
    seconds = time.perf_counter() - begun
    if worker.missing:
        found = {}
    else:
        worker.ask(do="time", variant=way, seconds=STEADY)
        found = {"first_step": seconds, "peak": worker.ask(do="peak").get("bytes")}
    worker.close()
    return found
