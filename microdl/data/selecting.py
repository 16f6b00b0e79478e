"""Steps that leave out, repeat and join elements, and know nothing else about them."""

from microdl.data.node import INFINITE, UNKNOWN, Cursor, EndOfData, Node, Selecting, Step
from microdl.data.rows import RangeCursor, Rows
from microdl.data.shuffling import Shuffle
from microdl.data.structure import joined, mapped, merged_specs, packed, rows_in

HUGE = 2**62


class Take(Step):
    name = "_TakeDataset"

    def __init__(self, source, count):
        super().__init__(source)
        self.count = HUGE if count < 0 else count

    def cardinality(self):
        size = self.source.cardinality()
        if size == UNKNOWN and self.count:
            return UNKNOWN
        if self.count == HUGE:
            return size
        return self.count if size == INFINITE else min(self.count, size) if self.count else 0

    def iterate(self):
        return self.source.iterate().reorder(lambda cursor: _Taking(cursor, self.count))


class _Taking(Selecting):
    fields = ("left",)

    def __init__(self, source, left):
        super().__init__(source)
        self.left = left

    def next(self):
        if not self.left:
            raise EndOfData
        self.left -= 1
        return self.source.next()

    def many(self, count):
        got = self.source.many(min(count, self.left))
        self.left -= rows_in(got)
        return got


class Skip(Step):
    name = "_SkipDataset"

    def __init__(self, source, count):
        super().__init__(source)
        self.count = HUGE if count < 0 else count

    def cardinality(self):
        size = self.source.cardinality()
        if self.count == HUGE:
            return 0
        return size if size < 0 else max(0, size - self.count)

    def iterate(self):
        return self.source.iterate().reorder(lambda cursor: _Skipping(cursor, self.count))


class _Skipping(Selecting):
    fields = ("left",)

    def __init__(self, source, left):
        super().__init__(source)
        self.left = left

    def next(self):
        while self.left:
            self.source.next()
            self.left -= 1
        return self.source.next()

    def many(self, count):
        while self.left:
            passed = rows_in(self.source.many(min(self.left, 1 << 16)))
            self.left = self.left - passed if passed else 0
        return self.source.many(count)


class Shard(Step):
    """Every n-th element, from the ``index``-th on."""

    name = "_ShardDataset"

    def __init__(self, source, count, index):
        super().__init__(source)
        self.count, self.index = count, index

    def cardinality(self):
        size = self.source.cardinality()
        return size if size < 0 else size // self.count + (size % self.count > self.index)

    def iterate(self):
        return self.source.iterate().reorder(lambda cursor: _Sharding(cursor, self.count, self.index))


class _Sharding(Selecting):
    fields = ("gap",)

    def __init__(self, source, count, index):
        super().__init__(source)
        self._count = count
        self.gap = index  # elements that are passed over before the next one

    def next(self):
        for _ in range(self.gap):
            self.source.next()
        element = self.source.next()
        self.gap = self._count - 1
        return element

    def many(self, count):
        if not count:
            return self.source.many(0)
        gap, self.gap = self.gap, self._count - 1
        stack = self.source.many(gap + 1 + (count - 1) * self._count)
        return mapped(lambda array: array[gap :: self._count], stack)


class Repeat(Step):
    name = "_RepeatDataset"

    def __init__(self, source, count):
        super().__init__(source)
        self.count = INFINITE if count is None or count < 0 else count

    def cardinality(self):
        size = self.source.cardinality()
        if self.count == 0 or size == 0:
            return 0
        if size < 0:
            return size
        return INFINITE if self.count == INFINITE else size * self.count

    def iterate(self):
        first = self.source.iterate()
        # After its last pass TensorFlow begins one more, which nobody sees, but for which each shuffle before it draws
        # seeds; only where shuffle comes right before, the two are one step and there is none.
        begun = self.count + (not isinstance(self.source, Shuffle)) if self.count >= 0 else INFINITE
        if type(first) is not Rows:
            return _Repeating(first, self.source.iterate, self.count, begun)
        return Rows(first.arrays, _Repeating(first.positions, self._positions, self.count, begun))

    def _positions(self):
        """A new pass of the numbers of rows."""
        return self.source.iterate().inputs[0]


class _Repeating(Selecting):
    fields = ("passes", "gave")

    def __init__(self, first, again, count, begun):
        super().__init__(first)
        self._again, self._count, self._begun = again, count, begun
        self.passes, self.gave = 0, False  # passes that ended; whether this one has given anything

    def next(self):
        while True:
            if self.passes == self._count:
                raise EndOfData
            try:
                element = self.source.next()
            except EndOfData:
                self._turn()
            else:
                self.gave = True
                return element

    def many(self, count):
        stacks, missing = [], count
        while missing and self.passes != self._count:
            stacks.append(self.source.many(missing))
            got = rows_in(stacks[-1])
            self.gave, missing = self.gave or got > 0, missing - got
            if missing:
                try:
                    self._turn()
                except EndOfData:
                    break
        return joined(stacks) if stacks else self.source.many(0)

    def _turn(self):
        """The next pass. Raises EndOfData if it would be as empty as this one."""
        if not self.gave:
            raise EndOfData
        self.passes, self.gave = self.passes + 1, False
        if self.passes != self._begun:
            self.inputs = (self._again(),)


class Concatenate(Node):
    name = "_ConcatenateDataset"

    def __init__(self, first, second):
        self.inputs = first, second

    def find_spec(self):
        return merged_specs(*(node.spec for node in self.inputs))

    def cardinality(self):
        sizes = [node.cardinality() for node in self.inputs]
        return INFINITE if INFINITE in sizes else UNKNOWN if UNKNOWN in sizes else sum(sizes)

    def iterate(self):
        return _Concatenating([node.iterate() for node in self.inputs])


class _Concatenating(Cursor):
    fields = ("ended",)

    def __init__(self, cursors):
        self.inputs, self.ended = tuple(cursors), 0
        self.stacks = all(cursor.stacks for cursor in cursors)
        self.numbers = all(cursor.numbers for cursor in cursors)

    def next(self):
        while self.ended < len(self.inputs):
            try:
                return self.inputs[self.ended].next()
            except EndOfData:
                self.ended += 1
        raise EndOfData

    def many(self, count):
        stacks, missing = [], count
        for cursor in self.inputs[self.ended :]:
            stacks.append(cursor.many(missing))
            missing -= rows_in(stacks[-1])
            if not missing:
                break
            self.ended += 1
        kept = [stack for stack in stacks if rows_in(stack)]
        return joined(kept) if kept else self.inputs[-1].many(0)


class Zip(Node):
    """Elements of several inputs side by side. structure: of the inputs."""

    name = "_ZipDataset"

    def __init__(self, structure, inputs):
        self._structure, self.inputs = structure, tuple(inputs)

    def find_spec(self):
        return packed(self._structure, [node.spec for node in self.inputs])

    def cardinality(self):
        sizes = [node.cardinality() for node in self.inputs]
        if 0 in sizes:
            return 0
        if UNKNOWN in sizes:
            return UNKNOWN
        return min((size for size in sizes if size != INFINITE), default=INFINITE)

    def iterate(self):
        cursors = [node.iterate() for node in self.inputs]
        if all(type(cursor) is Rows and cursor.untouched for cursor in cursors):
            size = self.cardinality()
            parts = [mapped(lambda array: array[:size], cursor.arrays) for cursor in cursors]
            return Rows(packed(self._structure, parts), RangeCursor(0, 1, size))
        return _Zipping(self._structure, cursors)


class _Zipping(Cursor):
    def __init__(self, structure, cursors):
        self._structure, self.inputs = structure, tuple(cursors)
        self.stacks = all(cursor.stacks for cursor in cursors)

    def next(self):
        return packed(self._structure, [cursor.next() for cursor in self.inputs])

    def many(self, count):
        stacks = [cursor.many(count) for cursor in self.inputs]
        fewest = min(map(rows_in, stacks))
        return packed(self._structure, [mapped(lambda array: array[:fewest], stack) for stack in stacks])
