"""The machine's own side: beside a row, a loop that moves as many bytes in the same way and computes nothing.

So what memory can do is measured in the same minutes as the kernels, which matters where other machines share it.
"""

import functools

import numba

from . import roofs
from .machine import last_level_cache
from .roofline import passes


def start(threads):
    return {}


def measure(threads):
    return roofs.measure(threads)


def variants(case, arrays):
    if case.counts_flops or case.cold or not case.bytes:
        return None
    moved = [roofs.numbers(size) for size in (case.read, case.written, case.updated)]
    ways = {"": False}
    if case.footprint > last_level_cache() and case.written:
        ways["past the caches"] = True
    arguments = {name: (*moved, way, numba.get_num_threads(), passes(case.bytes)) for name, way in ways.items()}
    return {name: (functools.partial(roofs.move, *arguments[name]), dict) for name in ways}
