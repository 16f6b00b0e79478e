"""The machine's own side: beside a row that runs out of the caches, a copy (or a reading) of as many bytes.

So what memory can do is measured in the same minutes as the kernels, which matters where other machines share it.
"""

import functools

import numba
import numpy as np

from . import roofs
from .machine import last_level_cache


def start(threads):
    numba.set_num_threads(threads)
    return {}


def variants(case, arrays):
    if case.bytes <= 2 * last_level_cache() or case.counts_flops:
        return None
    threads = numba.get_num_threads()
    elements = case.bytes // (4 if case.reads_only else 8) // (64 * threads) * (64 * threads)
    x, y = np.ones(elements, np.float32), np.ones(64 * threads if case.reads_only else elements, np.float32)
    move = roofs.read if case.reads_only else roofs.copy
    return {"": (functools.partial(move, x, y, threads, 1), dict)}
