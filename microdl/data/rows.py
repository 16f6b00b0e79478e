"""Sources in memory: numbers in turn, and rows of arrays, which steps order by their numbers alone."""

from typing import Any

import numpy as np

from microdl.compile.signature import TensorSpec
from microdl.core import dtypes
from microdl.data.node import Cursor, EndOfData, Node
from microdl.data.structure import array_spec, mapped, rows_in, without_axis


class Range(Node):
    """start, start + step, ... before stop."""

    name = "_RangeDataset"

    def __init__(self, start, stop, step, dtype=dtypes.int64):
        self.numbers, self.dtype = range(start, stop, step), dtype

    def find_spec(self):
        return TensorSpec((), self.dtype)

    def cardinality(self):
        return max(0, -(-(self.numbers.stop - self.numbers.start) // self.numbers.step))  # len() refuses 2**63

    def iterate(self):
        return RangeCursor(self.numbers.start, self.numbers.step, self.cardinality(), self.dtype)


class RangeCursor(Cursor):
    fields = ("given",)
    stacks = True

    def __init__(self, start, step, size, dtype=dtypes.int64):
        self._start, self._step, self._size, self._dtype = start, step, size, dtype.as_numpy_dtype
        self.numbers = dtype is dtypes.int64
        self.given = 0

    def next(self):
        if self.given >= self._size:
            raise EndOfData
        self.given += 1
        return np.array(self._start + (self.given - 1) * self._step, self._dtype)

    def many(self, count):
        part = self.span(count)
        first = self._start + part.start * self._step
        return (np.arange(part.stop - part.start) * self._step + first).astype(self._dtype)

    def span(self, count):
        """The next ``count`` as a slice of all."""
        first, self.given = self.given, min(self._size, self.given + count)
        return slice(first, self.given)


class Slices(Node):
    """The rows of a structure of arrays."""

    name = "_TensorSliceDataset"

    def __init__(self, arrays):
        self.arrays, self._size = arrays, rows_in(arrays)

    def find_spec(self):
        return mapped(lambda array: without_axis(array_spec(array)), self.arrays)

    def cardinality(self):
        return self._size

    def iterate(self):
        return Rows(self.arrays, RangeCursor(0, 1, self._size))


class Rows(Cursor):
    """The rows of arrays whose numbers another cursor gives."""

    stacks = True

    def __init__(self, arrays, positions: Any):
        self.arrays, self.positions = arrays, positions
        self.inputs = (positions,)

    def next(self):
        row = int(self.positions.next())
        return mapped(lambda array: array[row, ...], self.arrays)

    def many(self, count):
        if type(self.positions) is RangeCursor:
            rows = self.positions.span(count)
            return mapped(lambda array: array[rows], self.arrays)
        numbers = self.positions.many(count)
        return mapped(lambda array: array.take(numbers, 0), self.arrays)

    def reorder(self, make):
        return Rows(self.arrays, make(self.positions))

    @property
    def untouched(self):
        """Whether all rows come in turn, and none has yet."""
        return type(self.positions) is RangeCursor and self.positions.given == 0


class Constant(Node):
    """One element."""

    name = "_TensorDataset"

    def __init__(self, element):
        self.element = element

    def find_spec(self):
        return mapped(lambda leaf: array_spec(leaf) if isinstance(leaf, np.ndarray) else leaf.spec, self.element)

    def cardinality(self):
        return 1

    def iterate(self):
        return _ConstantCursor(self.element)


class _ConstantCursor(Cursor):
    fields = ("given",)

    def __init__(self, element):
        self._element, self.given = element, 0

    def next(self):
        if self.given:
            raise EndOfData
        self.given = 1
        return self._element
