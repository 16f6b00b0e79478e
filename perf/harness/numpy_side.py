"""NumPy's side (OpenBLAS for matrix products). As ``torch_side``."""

import os
import sys
from pathlib import Path

import numpy as np

from .expression import ways


def start(threads):
    _pin_threads()
    return {"NumPy": np.__version__}


def _pin_threads():
    """One core for each of OpenBLAS's threads, which start with NumPy. (OpenMP's do the same if told to.)"""
    tasks = Path("/proc/self/task")
    if tasks.is_dir():
        cores = sorted(os.sched_getaffinity(0))
        for number, task in enumerate(sorted(int(task.name) for task in tasks.iterdir())):
            os.sched_setaffinity(task, {cores[number % len(cores)]})


def variants(case, arrays):
    return ways(sys.modules[__name__], case, arrays, {"np": np}, np.asarray)


def matmul(t, transpose_a, transpose_b):
    a, b, c = t["a"][0], t["b"][0], t["c"][0]
    a, b = a.T if transpose_a else a, b.T if transpose_b else b
    return {"": (lambda: np.matmul(a, b, out=c), lambda: {"c": c})}
