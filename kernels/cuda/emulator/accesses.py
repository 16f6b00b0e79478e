"""How well kernels use memory, told without a GPU: the sectors and wavefronts of each line that reads or writes.

    with accesses() as seen:
        ...                     # anything on an emulated GPU
    seen.print()                # a table, worst first

    kernel        memory  access         requests  taken  least  efficiency  line
    kernels.copy  global  reads 4 bytes        64   8.00   4.00        50 %  kernels.py:12: y[i] = x[2 * i]

Inside, each kernel is translated a second time, with a note after each check of an address, and its warps' requests are
put together from the notes (``requests.py``); outside, nothing is slower by an instruction. The numbers are what
addresses alone tell: Nsight Compute's "L2 Theoretical Sectors Global" beside their ideal, and wavefronts of shared
memory beside theirs. Its "bytes per sector" also falls where few lanes execute a line; the efficiency here does not,
and what several lanes of a request ask for is asked for once. Arrays of the host that are passed to a kernel lie where
NumPy put them; those of the GPU begin at a sector.

Not modelled: caches (a sector that two requests read counts twice); several lanes that update one word of global
memory; wide accesses of several quarters of a warp to the same words of shared memory, which may share a wavefront; how
instructions overlap. Copies by ``cp.async`` count as a read of global and a write of shared memory. Loops are not
unrolled here, so what libNVVM would keep in a register from one turn to the next may be read again.
"""

import contextlib
import linecache
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import machine
from .requests import costs
from .switch import MOST_FIBERS
from .translate import SHARED_BYTES, Site

HEADS = "kernel", "memory", "access", "requests", "taken", "least", "efficiency", "line"


@dataclass(frozen=True)
class Row:
    """What one line of a kernel did to global or to shared memory.

    taken, least: sectors of global memory or wavefronts of shared memory, of all its requests.
    """

    kernel: str
    memory: str  # global, shared
    site: Site
    requests: int
    taken: int
    least: int

    @property
    def efficiency(self):
        """Percent of what is taken that could not be saved."""
        return 100 * self.least / self.taken

    @property
    def source(self):
        """The line's text."""
        return linecache.getline(self.site.file, self.site.line).strip()


class Accesses:
    """What ``accesses`` gives: the requests of all launches inside it."""

    def __init__(self, blocks, most):
        self.blocks, self.most = blocks, most
        self.missed = 0  # accesses that their threads' rows had no room for
        self._notes = np.empty((MOST_FIBERS, most, 3), np.int64)  # the system gives it memory when it is used
        self._totals: dict[tuple[str, str, Site], np.ndarray] = {}  # requests, taken, least

    def room(self, block, grid):
        """(notes of each thread in this block, address of the first thread's)."""
        number, count = (block[2] * grid[1] + block[1]) * grid[0] + block[0], grid[0] * grid[1] * grid[2]
        chosen = number * self.blocks // count != (number - 1) * self.blocks // count
        return self.most if chosen else 0, self._notes.__array_interface__["data"][0]

    def take(self, kernel, sites, noted, shared_address):
        """Counts what the threads of a block have left. noted: int64 (threads,), accesses of each."""
        kept = np.minimum(noted, self.most)
        self.missed += int((noted - kept).sum())
        threads = np.repeat(np.arange(noted.size), kept)
        notes = np.concatenate([self._notes[t, :n] for t, n in enumerate(kept)])
        addresses, sizes, numbers = notes[:, 0], notes[:, 1] >> 32, notes[:, 1] & 0xFFFFFFFF
        widths = np.array([site.width for site in sites], np.int64)[numbers]
        updates = np.array([site.verb == "updates" for site in sites], bool)[numbers]
        pieces = -(-sizes // widths)  # what is wider than an instruction is done one by one
        columns = [np.repeat(column, pieces) for column in (threads, numbers, notes[:, 2], addresses, widths, updates)]
        addresses = columns[3]
        addresses += columns[4] * (np.arange(addresses.size) - np.repeat(np.cumsum(pieces) - pieces, pieces))
        inside = (addresses >= shared_address) & (addresses < shared_address + SHARED_BYTES)
        addresses[inside] -= shared_address
        for memory, of in (("global", ~inside), ("shared", inside)):
            site, taken, least = costs([column[of] for column in columns], memory == "shared")
            for number in np.unique(site):
                mine = site == number
                total = np.array([mine.sum(), taken[mine].sum(), least[mine].sum()])
                key = kernel.name, memory, sites[number]
                self._totals[key] = self._totals.get(key, 0) + total

    def rows(self, memory=None):
        """The Rows, least efficient first. memory: ``"global"`` or ``"shared"``; None: both."""
        rows = [Row(*key, *total.tolist()) for key, total in self._totals.items() if memory in (None, key[1])]
        return sorted(rows, key=lambda row: (row.efficiency, row.least - row.taken))

    def efficiency(self, memory, kernels=""):
        """Percent of the sectors of global memory, or wavefronts of shared memory, that could not be saved.

        kernels: how the names of those begin that count.
        """
        rows = [row for row in self.rows(memory) if row.kernel.startswith(kernels)]
        return 100 * sum(row.least for row in rows) / sum(row.taken for row in rows) if rows else 100.0

    def table(self, most=None):
        """The rows, or the first ``most`` of them, as lines of text."""
        cells = [HEADS, *map(_cells, self.rows()[:most])]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = [
                c.rjust(w) if 3 <= k < 7 else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))
            ]
            yield "  ".join(padded).rstrip()
        if self.missed:
            yield f"{self.missed} accesses more were not noted: a thread has room for {self.most} (most)"

    def print(self, most=None):
        """Prints the table."""
        for line in self.table(most):
            print(line)


def _cells(row):
    site = row.site
    each = (f"{count / row.requests:.2f}" for count in (row.taken, row.least))
    callers = ", ".join(f"{Path(file).name}:{line}" for file, line in site.callers)
    line = f"{Path(site.file).name}:{site.line}: {row.source}" + f"  (from {callers})" * bool(callers)
    access = f"{site.verb} {site.width} byte{'s' * (site.width > 1)}"
    return row.kernel, row.memory, access, str(row.requests), *each, f"{row.efficiency:.0f} %", line


@contextlib.contextmanager
def accesses(blocks=4, most=4096):
    """Notes the accesses of the kernels that the emulated GPU runs inside, and gives an ``Accesses``.

    Args:
        blocks: int, blocks of each launch whose accesses are noted, evenly spread over its grid.
        most: int, accesses of one thread that are noted, 24 bytes each.
    """
    seen = Accesses(blocks, most)
    machine.notebooks.append(seen)
    try:
        yield seen
    finally:
        machine.notebooks.remove(seen)
