"""A row of the benchmark: calls of kernels, the arrays they work on, what the work costs, and the peers' name for it."""

import math
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Array:
    """An argument of a kernel.

    values: how its contents are drawn (see ``_DRAWN``), or the contents themselves. As every side draws from the same
        seed, all compute the same. Outputs start as zeros.
    """

    shape: tuple = ()
    values: object = "normal"
    dtype: str = ""  # "" is the case's

    def make(self, dtype, generator):
        dtype = np.dtype(self.dtype or dtype)
        if not isinstance(self.values, str):
            return np.array(self.values, dtype)
        return np.ascontiguousarray(_DRAWN[self.values](generator, self.shape), dtype)


_DRAWN = {
    "zeros": lambda generator, shape: np.zeros(shape),
    "normal": lambda generator, shape: generator.standard_normal(shape, np.float32),
    "positive": lambda generator, shape: generator.random(shape, np.float32) + 0.5,
    "unit": lambda generator, shape: 2 * generator.random(shape, np.float32) - 1,  # [-1, 1)
    "probabilities": lambda generator, shape: generator.dirichlet(np.ones(shape[-1]), shape[:-1]),
    "bool": lambda generator, shape: generator.integers(0, 2, shape),
    "digit": lambda generator, shape: generator.integers(0, 10, shape),
    "order": lambda generator, shape: generator.permutation(math.prod(shape)).reshape(shape),
}


@dataclass(frozen=True)
class Case:
    """One row.

    calls: ((family.kernel, arguments), ...). Arguments are those of the kernel: a string names an array, floats are
        cast to ``dtype``, everything else goes as it is.
    arrays: name -> Array, inputs and outputs.
    outputs: names of the arrays that hold results, compared between the sides to make sure that all do the same work.
    flops: floating-point operations, those of the textbook's algorithm. read, written: bytes, each array counted once.
    peer, options: the function of the peers' files that does the same, and what it must know.
    cold: the caches are defeated: calls go round over so many copies of all arrays that none is in a cache any more.
    """

    name: str
    calls: tuple
    arrays: dict
    outputs: tuple
    flops: float
    read: float
    written: float
    peer: str = ""
    options: dict = field(default_factory=dict)
    dtype: str = "float32"
    cold: bool = False

    @property
    def kernels(self):
        return tuple(dict.fromkeys(name for name, _ in self.calls))

    @property
    def bytes(self):
        return self.read + self.written

    @property
    def intensity(self):
        """Operations per byte."""
        return self.flops / max(1, self.bytes)

    @property
    def counts_flops(self):
        """Whether GFLOP/s say more about the row than GB/s."""
        return self.intensity >= 4

    def make(self, seed=0):
        """name -> NumPy array, the same on every side."""
        generator = np.random.default_rng(seed)
        return {name: array.make(self.dtype, generator) for name, array in self.arrays.items()}


def size(*shapes, dtype="float32"):
    """Bytes of arrays with these shapes."""
    return sum(math.prod(shape) for shape in shapes) * np.dtype(dtype).itemsize
