"""Steps that call a user's function with each element, or with data sets made of it."""

from microdl.data.calls import Call
from microdl.data.node import INFINITE, UNKNOWN, Cursor, DatasetSpec, EndOfData, Following, Node, Step, decoded, encoded
from microdl.data.structure import mapped


class Calling(Step):
    """A step with a Call."""

    def __init__(self, source, call: Call):
        super().__init__(source)
        self.call = call


class Map(Calling):
    name = "_MapDataset"

    def find_spec(self):
        return self.call.spec(self.source.spec)

    def iterate(self):
        return _Mapping(self.source.iterate(), self.call)


class _Calling(Following):
    def __init__(self, source, call):
        super().__init__(source)
        self._call = call


class _Mapping(_Calling):
    def next(self):
        return self._call(self.source.next())


class Filter(Calling):
    name = "_FilterDataset"

    def cardinality(self):
        return 0 if self.source.cardinality() == 0 else UNKNOWN

    def iterate(self):
        return _Filtering(self.source.iterate(), self.call)


class _Filtering(_Calling):
    def next(self):
        while True:
            element = self.source.next()
            if self._call.truth(element):
                return element


class TakeWhile(Calling):
    name = "_TakeWhileDataset"

    def cardinality(self):
        return UNKNOWN

    def iterate(self):
        return _TakingWhile(self.source.iterate(), self.call)


class _TakingWhile(_Calling):
    fields = ("ended",)
    ended = False

    def next(self):
        if not self.ended:
            element = self.source.next()
            if self._call.truth(element):
                return element
            self.ended = True
        raise EndOfData


class Scan(Calling):
    """call: of a state and an element, gives the next state and what is passed on."""

    name = "_ScanDataset"

    def __init__(self, source, initial, initial_spec, call):
        super().__init__(source, call)
        self.initial, self.initial_spec = initial, initial_spec

    def find_spec(self):
        return self.call.spec(self.initial_spec, self.source.spec)[1]

    def iterate(self):
        return _Scanning(self.source.iterate(), self)


class _Scanning(Following):
    def __init__(self, source, node):
        super().__init__(source)
        self._node, self._kept = node, node.initial

    def next(self):
        result = self._node.call(self._kept, self.source.next())
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError("The scan function must return a pair comprising the new state and the output value.")
        self._kept, element = result
        return element

    def state(self):
        return super().state() | {"kept": encoded(self._kept)}

    def restore(self, state):
        super().restore(state)
        self._kept = decoded(self._node.initial_spec, state["kept"])


class FlatMap(Calling):
    """The elements of the data sets that a function makes of elements, one data set after the other."""

    name = "_FlatMapDataset"

    def find_spec(self):
        spec = self.call.spec(self.source.spec)
        if not isinstance(spec, DatasetSpec):
            raise _no_dataset(self.call.what, spec)
        return spec.element_spec

    def cardinality(self):
        return 0 if self.source.cardinality() == 0 else UNKNOWN

    def iterate(self):
        return _Interleaving(self.source.iterate(), self, 1, 1)


class Interleave(Calling):
    """As FlatMap, ``cycle`` data sets at a time, of each ``block`` elements in turn."""

    name = "_InterleaveDataset"

    def __init__(self, source, call, cycle, block):
        super().__init__(source, call)
        self._cycle, self._block = cycle, block

    find_spec = FlatMap.find_spec
    cardinality = FlatMap.cardinality

    def iterate(self):
        return _Interleaving(self.source.iterate(), self, self._cycle, self._block)


class _Interleaving(Following):
    """A slot is None, or an element and the cursor of what the function made of it."""

    fields = ("place", "given", "ended")

    def __init__(self, source, node, cycle, block):
        super().__init__(source)
        self._node, self._block = node, block
        self._slots: list = [None] * cycle
        self.place, self.given, self.ended = 0, 0, False  # slot in use; elements of its block; whether input ended

    def next(self):
        while not self.ended or any(self._slots):
            slot = self._slots[self.place]
            if slot:
                try:
                    element = slot[1].next()
                except EndOfData:
                    self._slots[self.place] = None
                else:
                    self.given += 1
                    if self.given == self._block:
                        self._turn()
                    return element
            elif not self.ended:
                try:
                    element = self.source.next()
                except EndOfData:
                    self.ended = True
                else:
                    self._slots[self.place] = element, self._begun(element)
                continue
            self._turn()
        raise EndOfData

    def _turn(self):
        self.place, self.given = (self.place + 1) % len(self._slots), 0

    def _begun(self, element):
        made = self._node.call(element)
        if not isinstance(made, Node):
            raise _no_dataset(self._node.call.what, made)
        return made.iterate()

    def state(self):
        slots = [slot and {"element": encoded(slot[0]), "cursor": slot[1].state()} for slot in self._slots]
        return super().state() | {"slots": slots}

    def restore(self, state):
        super().restore(state)
        self._slots = [slot and self._restored(slot) for slot in state["slots"]]

    def _restored(self, slot):
        element = decoded(self._node.source.spec, slot["element"])
        cursor = self._begun(element)
        cursor.restore(slot["cursor"])
        return element, cursor


def _no_dataset(what, given):
    return TypeError(f"{what}: `map_func` must return a `Dataset` object, got {given!r}")


class Choose(Node):
    """Elements of several data sets; which one gives the next says the first input, an int64 each time."""

    name = "_DirectedInterleaveDataset"

    def __init__(self, choice, sources, stops_on_empty):
        self.inputs, self._stops_on_empty = (choice, *sources), stops_on_empty

    def find_spec(self):
        spec = self.inputs[1].spec
        for node in self.inputs[2:]:
            spec = mapped(lambda a, b: a if a == b else _refuse(a, b), spec, node.spec)
        return spec

    def cardinality(self):
        return INFINITE if INFINITE in [node.cardinality() for node in self.inputs[1:]] else UNKNOWN

    def iterate(self):
        return _Choosing([node.iterate() for node in self.inputs], self._stops_on_empty)


def _refuse(a, b):
    raise TypeError(f"data sets to choose from must have elements of one spec, got {a} and {b}")


class _Choosing(Cursor):
    fields = ("ended",)

    def __init__(self, cursors, stops_on_empty):
        self.inputs, self._stops_on_empty = tuple(cursors), stops_on_empty
        self.ended: list = []  # numbers of the data sets that are exhausted

    def next(self):
        choice, *sources = self.inputs
        while len(self.ended) < len(sources) and not (self.ended and self._stops_on_empty):
            chosen = int(choice.next())
            if not 0 <= chosen < len(sources):
                raise ValueError(f"choose_from_datasets: chose data set {chosen} of {len(sources)}")
            try:
                return sources[chosen].next()
            except EndOfData:
                self.ended = sorted({*self.ended, chosen})
        raise EndOfData
