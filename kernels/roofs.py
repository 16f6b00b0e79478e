"""What this machine can do at most, measured in a moment: multiply-adds on registers, and moving bytes in each cache.

A profile compares ops with it (Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model",
2009). The loops are made of what the kernels themselves are made of, and lie in the same cache on disk. While a machine
has other work the figures are lower; with the JIT off they are those of Python.
"""

import re
import time
from pathlib import Path

import numpy as np

from . import threads
from .cpu.simd import LAST_LEVEL_BYTES, VECTOR_BYTES
from .cpu.tiles import ROWS, outer, store, wide_zeros
from .jit import config, kernel

STEPS = 200 if config.DISABLE_JIT else 200_000  # rank-1 updates of a tile, some tenths of a millisecond
LARGEST = 1 << 10 if config.DISABLE_JIT else 1 << 30  # elements that are copied
SECONDS = 0.15  # for one figure: more than the moments for which the system gives a core to somebody else
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
USUAL = {1: 32 << 10, 2: 1 << 20}  # bytes, where the system does not tell


@kernel(tasks=lambda a, rows, steps, c: len(c), work=lambda *args: 1, serial_below=0)
def _multiply_adds(task, a, rows, steps, c):
    """``steps`` times tile += a[:ROWS] * a[:width], on a tile of ROWS x 2 vectors for each task.

    a, c: float32, read and written; c has a row for each task. rows: int64, ROWS offsets.
    """
    tile = wide_zeros(a, ROWS, 2)
    for _ in range(steps):
        tile = outer(tile, a, rows, 0, 0, a, 0)
    store(tile, c[task], rows, 0, 0, 1)


@kernel(tasks=lambda x, y, times: len(x), work=lambda *args: 1, serial_below=0)
def _copy(task, x, y, times):
    """y = x, ``times`` times. x, y: float32, a row for each task."""
    source, target = x[task], y[task]
    for _ in range(times):
        for i in range(source.size):
            target[i] = source[i]


def measure():
    """(FLOP/s in float32, [(name of the cache or "memory", bytes that it holds, bytes/s of a copy), ...])."""
    workers = threads.threads()
    return _peak(workers), [(name, size, _bandwidth(size, workers)) for name, size in _levels(workers)]


def _peak(workers):
    a = np.ones(max(64, VECTOR_BYTES), np.float32)
    rows, c = np.arange(ROWS), np.empty((workers, 64), np.float32)
    per_step = 2 * ROWS * 2 * VECTOR_BYTES // 4
    return workers * STEPS * per_step / _best(lambda: _multiply_adds(a, rows, STEPS, c))


def _bandwidth(size, workers):
    """Bytes read and written in a second where two arrays half fill ``size`` bytes (0: no cache holds them)."""
    per_task = min(LARGEST, (size // 4 if size else 2 * LAST_LEVEL_BYTES) // workers // 4)
    x, y = np.ones((workers, per_task), np.float32), np.ones((workers, per_task), np.float32)
    times = max(1, min(2 * LARGEST, 1 << 23) // x.nbytes)
    return 2 * x.nbytes * times / _best(lambda: _copy(x, y, times))


def _levels(workers):
    """(name, bytes for all threads together) of each cache, then of the memory, which has no limit: 0."""
    sizes = {level: size * workers for level, size in USUAL.items()} | {3: LAST_LEVEL_BYTES}
    for index in sorted(CACHES.glob("index*")):
        try:
            kind, level = (index / "type").read_text().strip(), int((index / "level").read_text())
            ((amount, unit),) = re.findall(r"^(\d+)([KMG]?)$", (index / "size").read_text().strip())
            sharing = bin(int((index / "shared_cpu_map").read_text().strip().replace(",", ""), 16)).count("1")
        except (OSError, ValueError):
            continue
        if kind != "Instruction":
            sizes[level] = (int(amount) << {"": 0, "K": 10, "M": 20, "G": 30}[unit]) * max(1, workers // sharing)
    return [*((f"L{level}", size) for level, size in sorted(sizes.items())), ("memory", 0)]


def _best(call):
    """Seconds of the fastest of the calls that SECONDS allow."""
    call()
    best, end = np.inf, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
