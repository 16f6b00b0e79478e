"""The emulated GPU: its memory, its launches, and what it says when a kernel goes wrong."""

import contextlib
import linecache
import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding as llvm

from ..target import types
from . import scheduler
from .checks import MISALIGNED
from .scheduler import AT_BARRIER, BAD_WARP, DONE, FAULTY, HANGS, RANDOM, STATUS, STEPPING, WHO
from .switch import MOST_FIBERS, STACK_BYTES, Stacks
from .translate import SHARED_BYTES, switch_address, translate

ALIGNMENT = 512  # bytes: arrays begin at multiples, as those of a GPU's driver do
MOST_PIECES = 1 << 16  # of memory that a kernel may use
MOST_ARGUMENTS = 256
MOST_BLOCKS = 2**31 - 1, 65535, 65535  # along x, y and z, on every GPU
DTYPES = {"float": np.float32, "double": np.float64, "i32": np.int32, "i64": np.int64, "i8": np.uint8, "i16": np.int16}


class KernelFault(RuntimeError):
    """A kernel did what a GPU would not do, or would do with undefined results."""


_PROGRAMS: Any = weakref.WeakKeyDictionary()  # of kernels that have been launched
_NOTED_PROGRAMS: Any = weakref.WeakKeyDictionary()  # the same kernels, if their accesses were noted
notebooks: list[Any] = []  # who wants to know the accesses of launches (``accesses.py``); the last one is told


@dataclass
class Barrier:
    """What ``watch`` shows: a block whose threads have all arrived at a barrier."""

    kernel: str
    block: tuple[int, int, int]
    number: int  # 1 for the first barrier of the block
    shared: list[np.ndarray]  # arrays in shared memory, flat, in order of appearance in the kernel


class Emulator:
    """A GPU on this CPU: one multiprocessor that runs one block at a time, one thread at a time.

    Args:
        seed: int. 0: threads run in order. Else: in an order that changes whenever all have waited for each other, so
            that a kernel which lacks a barrier gives a wrong result. None: MICRODL_EMULATOR_SEED, or 0.
    """

    def __init__(self, seed=None):
        self.seed = int(os.environ.get("MICRODL_EMULATOR_SEED", "0")) if seed is None else seed
        self.launches = 0
        self._observer: Callable[[Barrier], None] | None = None
        self._held: dict[int, tuple[int, int, str]] = {}  # allocations: [start, stop) and what to call them
        self._turn = threading.RLock()

    def empty(self, shape, dtype):
        """A new array in the GPU's memory; its bytes are all 255 (NaN, -1), for nobody should read them."""
        nbytes = np.empty(shape, dtype).nbytes
        room = np.full(nbytes + ALIGNMENT, 255, np.uint8)
        start = -(-_address(room) // ALIGNMENT) * ALIGNMENT
        array = room[start - _address(room) :][:nbytes].view(dtype).reshape(shape)
        self._held[id(array)] = start, start + array.nbytes, f"an array {array.shape} of {array.dtype}"
        weakref.finalize(array, self._held.pop, id(array), None)
        return array

    def array(self, values):
        """A copy of ``values`` in the GPU's memory."""
        values = np.asarray(values)
        copy = self.empty(values.shape, values.dtype)
        copy[...] = values
        return copy

    def table(self, values):
        """A copy of a small array of numbers by which kernels find their way."""
        return self.array(values)

    def name(self, start, nbytes, what):
        """Says that kernels may use the ``nbytes`` at the address ``start``, and what to call them in messages."""
        self._held[start] = start, start + nbytes, what

    def forget(self, start):
        """What ``name`` said of this address holds no more."""
        self._held.pop(start, None)

    @contextlib.contextmanager
    def watch(self, observer):
        """Calls ``observer`` with a ``Barrier`` whenever all threads of a block have arrived at one."""
        before, self._observer = self._observer, observer
        try:
            yield
        finally:
            self._observer = before

    def launch(self, kernel, grid, block, shared, args):
        """Runs a kernel: all threads of all blocks, one block after the other.

        kernel: ``launch.Kernel``. grid, block: three numbers each. shared: bytes of dynamic shared memory. args: for
        an address an array of the GPU's or of the host's, None, or a number that is an address; else numbers.
        """
        threads = block[0] * block[1] * block[2]
        if not 0 < threads <= MOST_FIBERS:
            raise ValueError(f"kernel {kernel.name}: a block has 1 to {MOST_FIBERS} threads, got {block}")
        if any(n > most for n, most in zip(grid, MOST_BLOCKS, strict=True)):
            raise ValueError(f"kernel {kernel.name}: a grid has up to {MOST_BLOCKS} blocks, got {grid}")
        with self._turn:
            notebook = notebooks[-1] if notebooks else None
            program = _program(kernel, notebook is not None)
            last = max([a.stop for a in program.shared], default=0)
            if (shared + last if program.dynamic is None else program.dynamic + shared) > SHARED_BYTES:
                raise ValueError(f"kernel {kernel.name}: more than {SHARED_BYTES} bytes of shared memory in a block")
            self.launches += 1
            machine().run(_Launch(kernel, program, grid, block, shared, args, self, notebook))


def _program(kernel, noted):
    programs = _NOTED_PROGRAMS if noted else _PROGRAMS
    if kernel not in programs:
        machine()  # before the first program, which refers to its memory
        programs[kernel] = translate(kernel, noted)
    return programs[kernel]


def _address(array):
    return array.__array_interface__["data"][0]


class _Launch:
    """One launch: the memory it may use, and where in it something went wrong."""

    def __init__(self, kernel, program, grid, block, shared, args, emulator, notebook):
        self.kernel, self.program, self.grid, self.block, self.shared = kernel, program, grid, block, shared
        self.seed, self.observer, self.notebook = emulator.seed, emulator._observer, notebook
        if len(args) != len(kernel.kinds):
            raise TypeError(f"kernel {kernel.name} takes {len(kernel.kinds)} arguments, got {len(args)}")
        self.pieces, self.words, self.alive = [], [], args
        for name, kind, value in zip(kernel.names, kernel.kinds, args, strict=True):
            self._pass(name, kind, value)
        self.pieces += emulator._held.values()
        base = machine().shared_address
        self.pieces += [(base + a.start, base + a.stop, "an array in shared memory") for a in program.shared]
        if program.dynamic is not None:
            start = base + program.dynamic
            self.pieces.append((start, start + shared, "the dynamic array in shared memory"))

    def _pass(self, name, kind, value):
        if isinstance(kind, types.CPointer):
            self.words.append(self._piece(name, kind, value) if isinstance(value, np.ndarray) else value or 0)
        else:
            word, dtype = np.zeros(8, np.uint8), np.dtype(str(kind))
            limits = np.iinfo(dtype) if dtype.kind in "iu" else None
            if limits and not limits.min <= value <= limits.max:
                raise OverflowError(f"kernel {self.kernel.name}: argument {name} = {value} is no {kind}")
            word[: dtype.itemsize] = np.array([value], dtype).view(np.uint8)
            self.words.append(int(word.view(np.int64)[0]))

    def _piece(self, name, kind, array):
        """Address of an array's memory, which the kernel may use."""
        if not array.flags.c_contiguous:
            raise ValueError(f"kernel {self.kernel.name}: argument {name} is not C-contiguous")
        expected = np.dtype(str(kind.dtype))
        if array.dtype != expected and expected.kind != "u":  # unsigned numbers can be the bits of any others
            raise TypeError(f"kernel {self.kernel.name}: argument {name} is {array.dtype}, not {expected}")
        start = _address(array)
        self.pieces.append((start, start + array.nbytes, f"{name}, {array.size} elements of {array.dtype}"))
        return start

    def named(self, block, thread):
        """Which thread of which block, in words."""
        x, y = self.block[:2]
        return f"block {block}, thread {(thread % x, thread // x % y, thread // (x * y))}"

    def fault(self, block, thread, fault):
        """The KernelFault for an access to memory that is not the kernel's."""
        kind, address, size, number = (int(value) for value in fault[:4])
        site = self.program.sites[number]
        if kind == MISALIGNED:
            what = f"{site.verb} at {address:#x}, which is not a multiple of its alignment (ask for it: alignment=16)"
        else:
            what = f"{site.verb} {size} bytes out of bounds{_nearest(address, self.pieces)}"
        lines = [f"kernel {self.kernel.name} {what}", f"in {self.named(block, thread)}", _quoted(site.file, site.line)]
        if site.callers:
            lines.append(f"called from {_quoted(*site.callers[-1])}")
        return KernelFault("\n  ".join(lines))


def _nearest(address, pieces):
    """In words, where an address lies beside the piece of memory that is nearest to it."""
    if not pieces:
        return ": the kernel has no memory"
    start, stop, name = min(pieces, key=lambda piece: max(piece[0] - address, address - piece[1], 0))
    if address < start:
        return f", {start - address} bytes before {name}"
    if address >= stop:
        return f", {address - stop} bytes after the end of {name}"
    return f", over the end of {name}"


def _quoted(file, line):
    source = linecache.getline(file, line).strip()
    return f"{Path(file).name}:{line}: {source}" if source else f"{Path(file).name}:{line}"


class _Machine:
    """Memory that compiled kernels know by name, and the loop over blocks."""

    def __init__(self):
        self.stacks = Stacks()
        self.current = np.zeros(1, np.int32)
        self.threads = np.zeros((MOST_FIBERS, 4), np.int32)
        self.block, self.grid, self.block_size = (np.zeros(4, np.int32) for _ in range(3))
        self.waiting = np.zeros(MOST_FIBERS, np.int32)
        self.operands = np.zeros((MOST_FIBERS, 16), np.int32)
        self.results = np.zeros((MOST_FIBERS, 4), np.int32)
        self.pointers = np.zeros(MOST_FIBERS + 1, np.int64)
        self.faults = np.zeros(8, np.int64)
        self.memory = np.zeros((MOST_PIECES, 2), np.int64)
        self.stack_memory = np.zeros(2, np.int64)
        self.sizes = np.zeros(2, np.int64)
        self.arguments = np.zeros(MOST_ARGUMENTS, np.int64)
        self.notes = np.zeros(2, np.int64)  # accesses that a thread's row has room for; where rows begin
        self.noted = np.zeros(MOST_FIBERS, np.int64)  # accesses of each thread
        room = np.zeros(SHARED_BYTES + 4096 + 128, np.uint8)
        self.shared = room[-_address(room) % 128 :]
        self.shared_address = _address(self.shared)
        self.control = np.zeros(8, np.int64)
        self.order = np.arange(MOST_FIBERS, dtype=np.int32)
        self.switch = switch_address()
        self.stack_memory[:] = self.stacks.address, self.stacks.address + STACK_BYTES * MOST_FIBERS
        named = {
            "current": self.current, "threads": self.threads, "block": self.block, "grid": self.grid,
            "block_size": self.block_size, "waiting": self.waiting, "operands": self.operands, "results": self.results,
            "stacks": self.pointers, "fault": self.faults, "memory": self.memory, "stack_memory": self.stack_memory,
            "sizes": self.sizes, "arguments": self.arguments, "shared": self.shared,
            "notes": self.notes, "noted": self.noted, "control": self.control,
        }  # fmt: skip
        for name, array in named.items():
            llvm.add_symbol(f"microdl_{name}", _address(array))

    def run(self, launch):
        """Runs all blocks of a launch."""
        if len(launch.pieces) > MOST_PIECES:
            raise MemoryError(f"the emulated GPU has room for {MOST_PIECES} pieces of memory")
        self.memory[: len(launch.pieces)] = [piece[:2] for piece in launch.pieces] or np.zeros((0, 2))
        self.sizes[:] = len(launch.pieces), launch.shared
        self.arguments[: len(launch.words)] = launch.words
        count = launch.block[0] * launch.block[1] * launch.block[2]
        numbers = np.arange(count)
        x, y, _ = launch.block
        self.threads[:count, :3] = np.stack([numbers % x, numbers // x % y, numbers // (x * y)], 1)
        self.grid[:3], self.block_size[:3] = launch.grid, launch.block
        self.control[:] = 0
        self.control[RANDOM] = launch.seed
        self.control[STEPPING] = launch.observer is not None
        order = self.order[:count]
        order[:] = numbers
        used = max([a.stop for a in launch.program.shared], default=0)
        used = used if launch.program.dynamic is None else launch.program.dynamic + launch.shared
        for bz in range(launch.grid[2]):
            for by in range(launch.grid[1]):
                for bx in range(launch.grid[0]):
                    self._run_block(launch, (bx, by, bz), count, order, used)

    def _run_block(self, launch, block, count, order, used):
        self.block[:3] = block
        self.shared[:used] = 255
        self.waiting[:count] = 0
        if launch.notebook is not None:
            self.noted[:count] = 0
            self.notes[:] = launch.notebook.room(block, launch.grid)
        self.stacks.prepare(count, launch.program.address, self.pointers)
        parts = (self.waiting[:count], self.operands[:count], self.operands[:count].view(np.float32))
        parts += (self.results[:count], self.results[:count].view(np.float32), order, self.control)
        barriers = 0
        while True:
            scheduler.run_block(self.switch, self.pointers, self.current, *parts)
            if self.control[STATUS] != AT_BARRIER:
                break
            barriers += 1
            launch.observer(Barrier(launch.kernel.name, block, barriers, self._shared_arrays(launch)))
        if self.control[STATUS] == FAULTY:
            raise launch.fault(block, int(self.current[0]), self.faults)
        if self.control[STATUS] == HANGS:
            raise KernelFault(self._why_hanging(launch, block, count))
        if self.control[STATUS] == BAD_WARP:
            raise KernelFault(
                f"kernel {launch.kernel.name}: a shuffle, vote or matrix product in the warp of "
                f"{launch.named(block, int(self.control[WHO]))} names lanes that do not take part, or reads one"
            )
        if launch.notebook is not None and self.notes[0]:
            launch.notebook.take(launch.kernel, launch.program.sites, self.noted[:count], self.shared_address)

    def _shared_arrays(self, launch):
        arrays = [self.shared[a.start : a.stop].view(DTYPES[a.kind]) for a in launch.program.shared]
        if launch.program.dynamic is not None:
            arrays.append(self.shared[launch.program.dynamic :][: launch.shared].view(np.float32))
        return arrays

    def _why_hanging(self, launch, block, count):
        waits = self.waiting[:count]
        at_barrier = int((waits == scheduler.BARRIER).sum())
        in_warp = int((waits > scheduler.BARRIER).sum())
        first = int(np.flatnonzero(waits != DONE)[0])
        return (
            f"kernel {launch.kernel.name} hangs in block {block}: {at_barrier} threads wait at a barrier "
            f"and {in_warp} for other lanes of their warps, which never come; {launch.named(block, first)} is the first"
        )


_THE_MACHINE: list[_Machine] = []


def machine():
    """The one machine of this process."""
    if not _THE_MACHINE:
        _THE_MACHINE.append(_Machine())
    return _THE_MACHINE[0]
