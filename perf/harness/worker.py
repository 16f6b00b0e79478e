"""One side of the benchmark in a process of its own: the process (``serve``) and its handle in the parent (``Worker``).

The parent writes a line of JSON for each request and reads one for each answer. A process works only between the two.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from . import clock
from .case import OURS, Case, Missing
from .cases import find
from .machine import last_level_cache, peak_bytes

SETTINGS = {
    "OMP_PROC_BIND": "true",  # two threads that share a core halve the speed until the scheduler notices
    # Results of peers that cannot be preallocated: memory once used is used again, no page is fetched anew.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 31),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MICRODL_QUIET": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
# How long threads without work spin before they sleep. By default it is up to 100 ms, through which all others would
# have to wait at each turn. Half a millisecond is still a hundred times what lies between the calls of a turn.
SPINNING = {"GOMP_SPINCOUNT": "30000", "OPENBLAS_THREAD_TIMEOUT": "20"}
PATIENCE = 300  # seconds that a row may take a side at most
BENCH = Path(__file__).parents[1] / "bench.py"


def serve(name, threads, root, prepare, begin=None):
    """Answers requests from stdin until it ends.

    name: of the module that is the side; ``make_clock()`` of one that has it gives what times its calls.
    root: the checkout whose kernels are measured.
    prepare(module, clock, row): the groups of calls of each variant of a row, and the answer to the parent.
    begin(module): such groups of calls; what it does is done before the parent hears that the process is there.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to stderr
    _pin(threads)
    sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(name)
        about = module.start(threads)
        timer = module.make_clock() if hasattr(module, "make_clock") else clock
        prepared = begin(module) if begin else {}
        _answer(answers, {"about": about})
    except (ImportError, Missing) as error:
        _answer(answers, {"missing": str(error)})
        return
    for line in sys.stdin:
        request, worked = json.loads(line), time.process_time()
        if request["do"] == "prepare":
            prepared, answer = _attempt(prepare, module, timer, request["case"])
        elif request["do"] == "time":
            answer = {"samples": timer.batch(prepared[request["variant"]], request["seconds"])}
        elif request["do"] == "peak":
            answer = {"bytes": peak_bytes()}
        else:
            answer = {"roofs": module.measure(threads)}
        clock.wait_until_idle()
        _answer(answers, {**answer, "worked": time.process_time() - worked})


def _answer(file, answer):
    print(json.dumps(answer), file=file, flush=True)


def _pin(threads):
    """Keeps the process on as many cores as it may have threads."""
    with contextlib.suppress(AttributeError, OSError):  # not on every system
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def _attempt(prepare, module, timer, row):
    """What ``prepare`` gives; if it cannot, no groups and the reason."""
    try:
        return prepare(module, timer, row)
    except Missing as missing:
        return {}, {"missing": str(missing)}
    except Exception as error:  # a kernel at work: the other rows are still worth having
        return {}, {"failed": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}


def prepare_case(module, timer, row):
    """Groups of calls of each variant, and what they compute. Everything is compiled and run once."""
    case: Case = find(row)
    copies = 2 * last_level_cache() // case.footprint + 2 if case.cold else 1
    variants = [module.variants(case, case.make(seed)) for seed in range(copies)]
    if variants[0] is None:
        raise Missing("-")
    prepared, digests = {}, {}
    for name, (call, outputs) in variants[0].items():
        call()
        digests[name] = {array: _digest(values) for array, values in outputs().items()}
        prepared[name] = timer.group_of([copy[name][0] for copy in variants])
    return prepared, {"variants": digests}


def _digest(values):
    """(elements, norm, a weighted sum of some): enough to see whether two sides computed the same."""
    flat = np.ravel(values)
    some = flat[:: flat.size // 100_000 + 1].astype(np.float64)
    return flat.size, float(np.sqrt(some @ some)), float(some @ np.cos(np.arange(some.size)))


def same(digest, other, tolerance=1e-3):
    """Whether two digests belong to equal arrays, up to rounding."""
    (size, norm, total), (other_size, other_norm, other_total) = digest, other
    limit = tolerance * max(norm, other_norm)
    return size == other_size and abs(norm - other_norm) <= limit and abs(total - other_total) <= limit


class Worker:
    """A side's process, as the parent sees it. ``script``: what it runs; ``more``: arguments besides the usual ones."""

    def __init__(self, side, python, threads, root=BENCH.parents[1], cache=None, script=BENCH, more=()):
        self.worked = 0.0
        self._command = [python, str(script), "--worker", side, "--threads", str(threads)]
        self._command += ["--root", str(root), *more]
        count = str(threads)
        names = ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
        self._environment = {**os.environ, **dict.fromkeys(names, count), **SETTINGS}
        if not side.startswith(OURS):  # which sets its own
            self._environment |= SPINNING
        self._environment |= {"MICRODL_CACHE_DIR": str(cache)} if cache else {}
        self._start()

    def _start(self):
        self._messages = tempfile.TemporaryFile("w+")  # noqa: SIM115 (of libraries; read if the process dies)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._messages}
        self._process: Any = subprocess.Popen(self._command, text=True, env=self._environment, **pipes)
        greeting = self._read()
        self.about = greeting.get("about", {})
        self.missing = greeting.get("missing") or greeting.get("died")

    def ask(self, **request):
        """The process's answer; {"died": ...} if there is none. A process that died is started again.

        ``worked`` of the handle adds up the processor time (seconds) that answers took.
        """
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        self.worked += float(answer.pop("worked", 0.0))
        if "died" in answer:
            self._start()
        return answer

    def _read(self) -> dict[str, Any]:
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if line:
            return json.loads(line)
        code = self._process.wait()
        self._messages.seek(0)
        last = self._messages.read().strip().splitlines()[-1:]
        return {"died": ": ".join([f"the process ended with code {code}", *last])}

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._messages.close()
