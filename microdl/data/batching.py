"""Steps that put elements together and take them apart: batches, windows, groups."""

import numpy as np

from microdl.compile.signature import TensorSpec
from microdl.core.errors import InvalidArgumentError
from microdl.data.mapping import Calling
from microdl.data.node import UNKNOWN, DatasetSpec, Elements, EndOfData, Following, Node, Step, decoded, encoded
from microdl.data.structure import flatten, mapped, packed, rows_in, size_of, with_axis, without_axis


class Batch(Step):
    name = "_BatchDataset"

    def __init__(self, source, size, drop_remainder):
        super().__init__(source)
        self.size, self.drop_remainder = size, drop_remainder

    def find_spec(self):
        return mapped(lambda spec: with_axis(spec, self.size if self.drop_remainder else None), self.source.spec)

    def cardinality(self):
        elements = self.source.cardinality()
        if elements < 0:
            return elements
        return elements // self.size if self.drop_remainder else -(-elements // self.size)

    def iterate(self):
        return _Batching(self.source.iterate(), self.size, self.drop_remainder, stacked)


class PaddedBatch(Batch):
    """shapes, values: structures as the elements', or None for shapes as large as the largest, and zeros."""

    name = "_PaddedBatchDataset"

    def __init__(self, source, size, drop_remainder, shapes, values):
        super().__init__(source, size, drop_remainder)
        self._shapes, self._values = shapes, values

    def find_spec(self):
        size = self.size if self.drop_remainder else None
        leaves = flatten(self.source.spec)
        shapes = [size_of(spec) for spec in leaves] if self._shapes is None else self._shapes
        if None in shapes:
            raise ValueError("padded_batch: the number of axes of an element is unknown; give padded_shapes")
        specs = [TensorSpec((size, *(shape or ())), spec.dtype) for spec, shape in zip(leaves, shapes, strict=True)]
        return packed(self.source.spec, specs)

    def iterate(self):
        return _Batching(self.source.iterate(), self.size, self.drop_remainder, self._padded, whole=False)

    def _padded(self, elements):
        columns = list(zip(*map(flatten, elements), strict=True))
        shapes = self._shapes or [None] * len(columns)
        values = self._values or [None] * len(columns)
        return packed(elements[0], map(_padded_column, columns, shapes, values, range(len(columns))))


def _padded_column(arrays, shape, value, component):
    ranks = {array.ndim for array in arrays}
    if len(ranks) > 1 or (shape is not None and ranks != {len(shape)}):
        wanted = "one number" if shape is None else str(len(shape))
        raise InvalidArgumentError(
            f"padded_batch: component {component} must have {wanted} of axes, got {sorted(ranks)}"
        )
    sizes = [max(array.shape[axis] for array in arrays) for axis in range(arrays[0].ndim)]
    for axis, size in enumerate(shape or ()):
        if size is not None:
            if sizes[axis] > size:
                raise InvalidArgumentError(
                    f"Attempted to pad to a smaller size than the input element: component {component} has size "
                    f"{sizes[axis]} along axis {axis}, padded_shapes says {size}"
                )
            sizes[axis] = size
    if value is None:
        value = b"" if arrays[0].dtype.kind == "O" else 0
    padded = np.full((len(arrays), *sizes), value, arrays[0].dtype)
    for i, array in enumerate(arrays):
        padded[(i, *(slice(n) for n in array.shape), ...)] = array
    return padded


class _Batching(Following):
    def __init__(self, source, size, drop_remainder, stack, whole=True):
        super().__init__(source)
        self._size, self._drop_remainder, self._stack, self._whole = size, drop_remainder, stack, whole

    def next(self):
        if self._whole and self.source.stacks:
            batch = self.source.many(self._size)
            rows = rows_in(batch)
        else:
            elements = taken(self.source, self._size)
            rows = len(elements)
            batch = self._stack(elements) if rows and (rows == self._size or not self._drop_remainder) else None
        if not rows or (self._drop_remainder and rows < self._size):
            raise EndOfData
        return batch


def taken(source, count):
    """The list of the next ``count`` elements, or of fewer at the end."""
    elements = []
    try:
        while len(elements) < count:
            elements.append(source.next())
    except EndOfData:
        pass
    return elements


def stacked(elements):
    """Elements of the same shapes as one, along a new first axis. Raises InvalidArgumentError if shapes differ."""
    if isinstance(elements[0], np.ndarray):
        return _stacked_column(elements, 0)
    columns = list(zip(*map(flatten, elements), strict=True))
    return packed(elements[0], map(_stacked_column, columns, range(len(columns))))


def _stacked_column(arrays, component):
    first = arrays[0]
    if isinstance(first, Node):
        raise TypeError("batch: the elements are data sets (of window); batch each of them, in flat_map")
    stack = np.empty((len(arrays), *first.shape), first.dtype)
    for i, array in enumerate(arrays):
        if array.shape != first.shape:
            raise InvalidArgumentError(
                f"Cannot batch tensors with different shapes in component {component}. First element had shape "
                f"{list(first.shape)} and element {i} had shape {list(array.shape)}; padded_batch fills them up"
            )
        stack[i, ...] = array
    return stack


class Unbatch(Step):
    """The rows of each element."""

    name = "_UnbatchDataset"

    def find_spec(self):
        return mapped(without_axis, self.source.spec)

    def cardinality(self):
        elements = self.source.cardinality()
        if elements <= 0:
            return elements
        sizes = {(size_of(leaf) or (None,))[0] for leaf in flatten(self.source.spec)} - {None}
        return elements * sizes.pop() if len(sizes) == 1 else UNKNOWN

    def iterate(self):
        return _Unbatching(self.source.iterate(), self)


class _Unbatching(Following):
    fields = ("row",)

    def __init__(self, source, node):
        super().__init__(source)
        self._node, self._batch, self.row, self._rows = node, None, 0, 0

    def next(self):
        while self.row == self._rows:
            self._open(self.source.next())
            self.row = 0
        row, self.row = self.row, self.row + 1
        return mapped(lambda array: array[row, ...], self._batch)

    def _open(self, batch):
        sizes = {array.shape[:1] for array in flatten(batch)}
        if len(sizes) > 1 or () in sizes:
            raise InvalidArgumentError(
                f"unbatch: all parts of an element must have first axes of one size, got {sorted(sizes)}"
            )
        self._batch, self._rows = batch, rows_in(batch)

    def state(self):
        open_batch = None if self._batch is None else encoded(self._batch)
        return super().state() | {"batch": open_batch}

    def restore(self, state):
        super().restore(state)
        self._batch, self._rows = None, 0
        if state["batch"] is not None:
            self._open(decoded(self._node.source.spec, state["batch"]))


class Window(Step):
    """Data sets of ``size`` elements, ``stride`` apart; one begins ``shift`` elements after the other."""

    name = "_WindowDataset"

    def __init__(self, source, size, shift, stride, drop_remainder):
        super().__init__(source)
        self.size, self.shift, self.stride, self.drop_remainder = size, shift, stride, drop_remainder

    def find_spec(self):
        return mapped(DatasetSpec, self.source.spec)

    def cardinality(self):
        elements = self.source.cardinality()
        if elements < 0:
            return elements
        if not self.drop_remainder:
            return -(-elements // self.shift)
        span = (self.size - 1) * self.stride + 1
        return 0 if elements < span else (elements - span) // self.shift + 1

    def iterate(self):
        return _Windowing(self.source.iterate(), self)


class _Windowing(Following):
    fields = ("gap",)

    def __init__(self, source, node):
        super().__init__(source)
        self._node, self._waiting, self.gap = node, [], 0  # gap: elements to pass over before the next window

    def next(self):
        node, span = self._node, (self._node.size - 1) * self._node.stride + 1
        if self.gap:
            self.gap -= len(taken(self.source, self.gap))
        if not self.gap:
            self._waiting += taken(self.source, span - len(self._waiting))
        if not self._waiting or (node.drop_remainder and len(self._waiting) < span):
            raise EndOfData
        chosen = self._waiting[:: node.stride]
        self.gap = max(0, node.shift - len(self._waiting))
        self._waiting = self._waiting[node.shift :]
        specs = flatten(node.source.spec)
        columns = zip(*map(flatten, chosen), strict=True)
        parts = [Elements(spec, list(column)) for spec, column in zip(specs, columns, strict=True)]
        return packed(node.source.spec, parts)

    def state(self):
        return super().state() | {"waiting": [encoded(element) for element in self._waiting]}

    def restore(self, state):
        super().restore(state)
        spec = self._node.source.spec
        self._waiting = [decoded(spec, leaves) for leaves in state["waiting"]]


class GroupByWindow(Calling):
    """``call`` of a key (int64) and a data set of the elements that have it, as soon as there are ``size(key)``."""

    name = "_GroupByWindowDataset"

    def __init__(self, source, key, call, size):
        super().__init__(source, call)
        self.key, self.size = key, size

    def find_spec(self):
        return self.call.spec(TensorSpec((), "int64"), DatasetSpec(self.source.spec)).element_spec

    def cardinality(self):
        return UNKNOWN

    def iterate(self):
        return _Grouping(self.source.iterate(), self)


class _Grouping(Following):
    fields = ("ended",)

    def __init__(self, source, node):
        super().__init__(source)
        self._node, self.ended = node, False
        self._groups, self._open = {}, None  # key -> elements; (key, elements, cursor) of what is being given

    def next(self):
        while True:
            if self._open:
                try:
                    return self._open[2].next()
                except EndOfData:
                    self._open = None
            key = self._full_group()
            self._open = self._begun(key, self._groups.pop(key))

    def _full_group(self):
        """The key of the next group to be given: one that has become full, or at the end any, smaller keys first."""
        while not self.ended:
            try:
                element = self.source.next()
            except EndOfData:
                self.ended = True
                break
            key = int(self._node.key(element))
            size = int(self._node.size(np.array(key, np.int64)))
            if size <= 0:
                raise InvalidArgumentError(f"group_by_window: window_size must be greater than zero, got {size}")
            group = self._groups.setdefault(key, [])
            group.append(element)
            if len(group) == size:
                return key
        if not self._groups:
            raise EndOfData
        return min(self._groups)

    def _begun(self, key, elements):
        made = self._node.call(np.array(key, np.int64), Elements(self._node.source.spec, elements))
        if not isinstance(made, Node):
            raise TypeError("group_by_window: `reduce_func` must return a `Dataset` object.")
        return key, elements, made.iterate()

    def state(self):
        groups = [[key, [encoded(e) for e in elements]] for key, elements in self._groups.items()]
        given = self._open and {
            "key": self._open[0],
            "elements": [encoded(e) for e in self._open[1]],
            "cursor": self._open[2].state(),
        }
        return super().state() | {"groups": groups, "open": given}

    def restore(self, state):
        super().restore(state)
        spec = self._node.source.spec
        self._groups = {key: [decoded(spec, e) for e in elements] for key, elements in state["groups"]}
        self._open = None
        if given := state["open"]:
            self._open = self._begun(given["key"], [decoded(spec, e) for e in given["elements"]])
            self._open[2].restore(given["cursor"])
