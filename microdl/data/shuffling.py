"""``Dataset.shuffle``: TensorFlow's buffer, and its very order.

A pass keeps ``buffer_size`` elements waiting; each draw takes one of them at random and lets the next one in. Passes
have seeds of their own, drawn from the data set's stream, so each has another order (``reshuffle_each_iteration``).
Which element is drawn follows from Philox's words as in TensorFlow's ShuffleDatasetV3, so that the same seeds give the
same order in both. Where the input is rows of arrays in memory, only their numbers are shuffled, many at a time
(``kernels/cpu/random.py``).
"""

import os
from typing import Any

import numpy as np

from microdl.compile.signature import TensorSpec
from microdl.core import device
from microdl.data.node import INFINITE, Cursor, EndOfData, Following, Node, Step, decoded, encoded

AHEAD = 4096  # numbers that are drawn at once where single ones are asked for
WORDS = 256  # words of the stream that are drawn at once


def kernels() -> Any:
    """The kernels of random numbers."""
    family: Any = device.current.kernels
    return family.random


def words(seeds, first, count):
    """Words ``first`` (a multiple of 4) to ``first + count`` of the Philox stream of two seeds, as ints."""
    drawn = np.empty(count, np.uint32)
    kernels().stream_words(np.uint64(seeds[0]), np.uint64(first // 4), np.uint64(seeds[1]), drawn)
    return drawn.tolist()


def from_entropy(seeds):
    """The seeds; two drawn by the system in place of (0, 0), which mean none."""
    if tuple(seeds) != (0, 0):
        return tuple(seeds)
    return int.from_bytes(os.urandom(4), "little"), int.from_bytes(os.urandom(4), "little")


class Seeds:
    """The seeds of pass after pass: those of the data set, or new ones ``anew`` each time, drawn from its stream.

    Attributes:
        pair: the data set's two seeds. passes: that have drawn theirs.
    """

    def __init__(self, pair, anew):
        self.pair, self.passes = from_entropy(pair), 0
        self._anew = anew

    def draw(self):
        """The two seeds of a new pass."""
        if not self._anew:
            return self.pair
        place = 2 * self.passes
        self.passes += 1
        first, second = words(self.pair, place - place % 4, 4)[place % 4 :][:2]
        return first, second

    def state(self):
        return {"stream": list(self.pair), "passes": self.passes}

    def restore(self, state):
        self.pair, self.passes = tuple(state["stream"]), state["passes"]


class Shuffle(Step):
    name = "_ShuffleDataset"

    def __init__(self, source, buffer_size, seeds):
        super().__init__(source)
        self.buffer_size, self.seeds = buffer_size, seeds

    def iterate(self):
        return self.source.iterate().reorder(self._shuffled)

    def _shuffled(self, cursor):
        size = self.source.cardinality()
        capacity = min(self.buffer_size, size) if size >= 0 else self.buffer_size
        kind = _NumberShuffle if cursor.numbers else _ElementShuffle
        return kind(cursor, self, max(1, capacity))


class _Shuffling(Following):
    """What both kinds share: the seeds of the pass, which are drawn when it begins."""

    def __init__(self, source, node, capacity):
        super().__init__(source)
        self._node, self._capacity = node, capacity
        self._seeds = node.seeds.draw()

    def state(self):
        return super().state() | {"seeds": list(self._seeds)} | self._node.seeds.state()

    def restore(self, state):
        super().restore(state)
        self._seeds = tuple(state["seeds"])
        self._node.seeds.restore(state)


class _NumberShuffle(_Shuffling):
    """Shuffles int64 scalars, many at a time."""

    stacks = numbers = True

    def __init__(self, source, node, capacity):
        super().__init__(source, node, capacity)
        self._ring = np.empty(capacity, np.int64)
        self._places = np.zeros(3, np.int64)  # start and end of what waits in the ring; words drawn
        self._ready = np.empty(0, np.int64)  # drawn already

    def next(self):
        one = self.many(1)
        if not len(one):
            raise EndOfData
        return one[0, ...]

    def many(self, count):
        if len(self._ready) < count:
            self._ready = np.concatenate([self._ready, self._draw(max(AHEAD, count - len(self._ready)))])
        given, self._ready = self._ready[:count], self._ready[count:]
        return given

    def _draw(self, count):
        start, end, _ = self._places.tolist()
        waiting = end - start
        incoming = self.source.many(self._capacity - waiting + count - 1)
        outgoing = np.empty(min(count, waiting + len(incoming)), np.int64)
        key, second = np.uint64(self._seeds[0]), np.uint64(self._seeds[1])
        kernels().shuffle_through(key, second, incoming, self._ring, self._places, outgoing)
        return outgoing

    def state(self):
        start, end, drawn = self._places.tolist()
        waiting = self._ring[np.arange(start, end) % self._capacity]
        return super().state() | {"start": start, "drawn": drawn, "waiting": waiting, "ready": self._ready.copy()}

    def restore(self, state):
        super().restore(state)
        waiting = np.asarray(state["waiting"], np.int64)
        start, end = state["start"], state["start"] + len(waiting)
        self._ring[np.arange(start, end) % self._capacity] = waiting
        self._places[:] = start, end, state["drawn"]
        self._ready = np.asarray(state["ready"], np.int64)


class _ElementShuffle(_Shuffling):
    """Shuffles elements of any kind, one at a time."""

    def __init__(self, source, node, capacity):
        super().__init__(source, node, capacity)
        self._ring: list = []  # grows up to the capacity
        self._start, self._end, self._drawn = 0, 0, 0
        self._words: list = []

    def next(self):
        self._fill()
        waiting = self._end - self._start
        if not waiting:
            raise EndOfData
        chosen, first = (self._start + self._word() % waiting) % self._capacity, self._start % self._capacity
        element, self._ring[chosen], self._ring[first] = self._ring[chosen], self._ring[first], None
        self._start += 1
        return element

    def _fill(self):
        while self._end - self._start < self._capacity:
            try:
                element = self.source.next()
            except EndOfData:
                return
            if len(self._ring) < self._capacity:
                self._ring.append(element)
            else:
                self._ring[self._end % self._capacity] = element
            self._end += 1

    def _word(self):
        """The next word of the pass's stream."""
        place = self._drawn % WORDS
        if not place or not self._words:
            self._words = words(self._seeds, self._drawn - place, WORDS)
        self._drawn += 1
        return self._words[place]

    def state(self):
        waiting = [encoded(self._ring[i % self._capacity]) for i in range(self._start, self._end)]
        return super().state() | {"start": self._start, "drawn": self._drawn, "waiting": waiting}

    def restore(self, state):
        super().restore(state)
        spec, waiting = self._node.spec, state["waiting"]
        self._start, self._drawn, self._words = state["start"], state["drawn"], []
        self._end = self._start + len(waiting)
        self._ring = [None] * min(self._capacity, self._end)
        for i, leaves in enumerate(waiting, self._start):
            self._ring[i % self._capacity] = decoded(spec, leaves)


class Random(Node):
    """Words of the stream of two seeds as int64s in [0, 2^32), in each pass."""

    name = "_RandomDataset"

    def __init__(self, seeds):
        self.seeds = seeds

    def find_spec(self):
        return TensorSpec((), "int64")

    def cardinality(self):
        return INFINITE

    def iterate(self):
        return _RandomNumbers(self.seeds)


class _RandomNumbers(Cursor):
    fields = ("given",)
    stacks = numbers = True

    def __init__(self, seeds):
        self._stream, self.given = seeds, 0
        self._seeds = seeds.draw()

    def next(self):
        return self.many(1)[0, ...]

    def many(self, count):
        passed = self.given % 4
        drawn = words(self._seeds, self.given - passed, passed + count)[passed:]
        self.given += count
        return np.array(drawn, np.int64)

    def state(self):
        return super().state() | {"seeds": list(self._seeds)} | self._stream.state()

    def restore(self, state):
        super().restore(state)
        self._seeds = tuple(state["seeds"])
        self._stream.restore(state)
