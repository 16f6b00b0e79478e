"""A row of the benchmark: calls of kernels, the arrays they work on, what the work costs, what peers do instead."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

OURS = "microdl"
PEERS = {"numpy": "NumPy", "torch": "PyTorch", "tensorflow": "TensorFlow"}

DRAWN_AT_ONCE = 100_003  # elements; what is longer repeats itself


@dataclass(frozen=True)
class Array:
    """An argument of a kernel.

    values: how its contents are drawn (see ``_DRAWN``), or the contents themselves. As every side draws from the same
        seed, all compute the same. "zeros" are outputs, which the calls write.
    """

    shape: tuple[int, ...] = ()
    values: Any = "normal"
    dtype: str = ""  # "" is the case's
    updated: bool = False  # in place

    def make(self, dtype, generator):
        dtype = np.dtype(self.dtype or dtype)
        if not isinstance(self.values, str):
            return np.array(self.values, dtype)
        if len(self.shape) != 1 or math.prod(self.shape) <= DRAWN_AT_ONCE:
            return np.ascontiguousarray(_DRAWN[self.values](generator, self.shape), dtype)
        return np.resize(np.asarray(_DRAWN[self.values](generator, (DRAWN_AT_ONCE,)), dtype), self.shape)

    def bytes(self, dtype):
        count = math.prod(self.shape) if isinstance(self.values, str) else np.size(self.values)
        return count * np.dtype(self.dtype or dtype).itemsize


@dataclass(frozen=True)
class Layout:
    """The argument by which operators know how arrays of these shapes broadcast, in the form that ops pass it."""

    shapes: tuple


@dataclass(frozen=True)
class Table:
    """The argument by which an optimizer's kernel knows its variables: names of arrays, a tuple for each kind."""

    lists: tuple


_DRAWN = {
    "zeros": lambda generator, shape: np.zeros(shape),
    "one": lambda generator, shape: np.ones(shape),
    "nought": lambda generator, shape: np.zeros(shape),  # an input of zeros
    "normal": lambda generator, shape: generator.standard_normal(shape, np.float32),
    "positive": lambda generator, shape: generator.random(shape, np.float32) + 0.5,
    "unit": lambda generator, shape: 2 * generator.random(shape, np.float32) - 1,  # [-1, 1)
    "probabilities": lambda generator, shape: generator.dirichlet(np.ones(shape[-1]), shape[:-1]),
    "bool": lambda generator, shape: generator.integers(0, 2, shape),
    "from 1 to 9": lambda generator, shape: generator.integers(1, 10, shape),
    "digit": lambda generator, shape: generator.integers(0, 10, shape),
    "quarter": lambda generator, shape: generator.integers(0, 4, shape),  # which of the 4 in a 2x2 window
    "order": lambda generator, shape: generator.permutation(math.prod(shape)).reshape(shape),
}


@dataclass(frozen=True)
class Case:
    """One row.

    calls: ((family.kernel, arguments), ...). Arguments are those of the kernel: the name of an array, a tuple of such
        names, a float (cast to ``dtype``), or anything else, which goes as it is.
    arrays: name -> Array, inputs and outputs.
    outputs: names of the arrays that hold results, compared between the sides to make sure that all do the same work.
    flops: floating-point operations, those of the textbook's algorithm.
    read, written, updated: bytes, by all calls; what is updated is read and written and counted in neither.
    peers: side -> what does the same there: an expression of the arrays, or the name of a function of the side's file,
        which takes ``options``.
    cold: the caches are defeated: calls go round over so many copies of all arrays that none is in a cache any more.
    tf32: a GPU's tensor cores may multiply numbers rounded to three digits.
    """

    name: str
    calls: tuple
    arrays: dict
    outputs: tuple
    flops: float
    read: int
    written: int
    updated: int
    peers: dict
    options: dict
    dtype: str
    cold: bool
    tf32: bool = False

    @property
    def kernels(self):
        return tuple(dict.fromkeys(name for name, _ in self.calls))

    @property
    def bytes(self):
        return self.read + self.written + 2 * self.updated

    @property
    def footprint(self):
        """Bytes of all arrays."""
        return sum(array.bytes(self.dtype) for array in self.arrays.values())

    @property
    def intensity(self):
        """Operations per byte."""
        return self.flops / max(1, self.bytes)

    @property
    def counts_flops(self):
        """Whether GFLOP/s say more about the row than GB/s."""
        return self.intensity >= 4

    @property
    def reads_only(self):
        """Whether next to nothing is written."""
        return self.written + self.updated < 0.1 * self.read

    def make(self, seed=0):
        """name -> NumPy array, the same on every side."""
        generator = np.random.default_rng(seed)
        return {name: array.make(self.dtype, generator) for name, array in self.arrays.items()}


def case(name, calls, arrays, outputs, flops, peers=None, options=None, dtype="float32", cold=False, tf32=False):
    """A row whose bytes follow from its calls."""
    remarks = {dtype: dtype != "float32", "cold": cold, "tf32": tf32}
    label = " ".join([name, *(remark for remark, holds in remarks.items() if holds)])
    moved = _traffic(calls, arrays, dtype)
    more = peers or {}, options or {}, dtype, cold, tf32
    return Case(label, tuple(calls), arrays, tuple(outputs), flops, *moved, *more)


def peers(torch="", numpy="", tensorflow=""):
    """The expressions of a row; an empty one stands for a peer that has nothing alike."""
    texts = {"numpy": numpy, "torch": torch, "tensorflow": tensorflow}
    return {side: text for side, text in texts.items() if text}


def _traffic(calls, arrays, dtype):
    """Bytes (read, written, updated). The first call that names an array of zeros writes it, later ones read it."""
    read = written = updated = 0
    known = {name for name, array in arrays.items() if array.values != "zeros"}
    for _, arguments in calls:
        lists = [argument.lists if isinstance(argument, Table) else ((argument,),) for argument in arguments]
        flat = [part for kinds in lists for kind in kinds for part in kind]
        for name in dict.fromkeys(part for part in flat if isinstance(part, str) and part in arrays):
            size = arrays[name].bytes(dtype)
            if arrays[name].updated:
                updated += size
            elif name in known:
                read += size
            else:
                written += size
                known.add(name)
    return read, written, updated


class Missing(Exception):
    """A side has nothing for a case; the message says what is missing."""
