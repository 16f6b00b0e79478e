"""Steps that keep elements: a cache of a whole pass, and a thread that works ahead."""

import collections
import threading
import weakref

from microdl.data.node import EndOfData, Following, Step, decoded, encoded
from microdl.data.rows import Slices


class Cache(Step):
    """Keeps what the first whole pass gave, for all later ones."""

    name = "CacheDataset"

    def __init__(self, source):
        super().__init__(source)
        self.kept, self.begun = None, None  # elements of a whole pass; the state of its cursor when it began

    def iterate(self):
        cursor = self.source.iterate()
        return cursor if isinstance(self.source, Slices) else _Caching(cursor, self)  # slices lie in memory already


class _Caching(Following):
    """Where it stands is how many elements it gave, and where the pass began that fills the cache: a process that
    restores this computes those elements again."""

    fields = ("given",)

    def __init__(self, source, node):
        super().__init__(source)
        self._node, self.given = node, 0
        self._filled = node.kept is not None
        self._kept = node.kept if self._filled else []
        self._begun = node.begun if self._filled else source.state()

    def next(self):
        if self.given == len(self._kept):
            if self._filled:
                raise EndOfData
            self._fill()
        self.given += 1
        return self._kept[self.given - 1]

    def _fill(self):
        try:
            self._kept.append(self.source.next())
        except EndOfData:
            self._node.kept, self._node.begun, self._filled = self._kept, self._begun, True
            raise

    def state(self):
        return {"given": self.given, "begun": self._begun, "filled": self._filled}

    def restore(self, state):
        self._node.kept = self._node.begun = None
        self._filled, self._kept, self._begun, self.given = False, [], state["begun"], state["given"]
        self.source.restore(state["begun"])
        try:
            while state["filled"] or len(self._kept) < self.given:
                self._fill()
        except EndOfData:  # the whole pass is in the cache, as it was
            return


class Prefetch(Step):
    """A thread computes up to ``ahead`` elements before they are asked for; with 0 there is no thread."""

    name = "_PrefetchDataset"

    def __init__(self, source, ahead):
        super().__init__(source)
        self._ahead = ahead

    def iterate(self):
        cursor = self.source.iterate()
        return _Prefetching(cursor, self, self._ahead) if self._ahead else cursor


class _Prefetching(Following):
    def __init__(self, source, node, ahead):
        super().__init__(source)
        self._node, self._ahead = node, ahead
        self._shelf: _Shelf | None = None
        self._remaining: list = []  # elements restored from a state, before those of the thread

    def next(self):
        if self._remaining:
            return self._remaining.pop(0)
        if self._shelf is None:
            self._shelf = _Shelf(self.source, self._ahead)
            weakref.finalize(self, self._shelf.close)  # the thread knows the shelf, not this cursor
            threading.Thread(target=self._shelf.fill, name="tf.data prefetch", daemon=True).start()
        return self._shelf.take()

    def state(self):
        if self._shelf is None:
            return super().state() | {"ready": [encoded(element) for element in self._remaining]}
        with self._shelf.reading:
            return super().state() | {"ready": [encoded(element) for element in self._shelf.elements()]}

    def restore(self, state):
        if self._shelf is not None:
            self._shelf.close()
            with self._shelf.reading:  # its thread reads the source no more
                self._shelf = None
        super().restore(state)
        self._remaining = [decoded(self._node.spec, leaves) for leaves in state["ready"]]


class _Shelf:
    """What a thread puts up for another one to take: at most ``limit`` results, in turn.

    A result is an element, or the exception that the source raised in its place. ``reading`` is held while the source
    is read and its result put up, so who holds it sees both in agreement.
    """

    def __init__(self, source, limit):
        self._source, self._limit = source, limit
        self._results, self._closed = collections.deque(), False
        self._changed, self.reading = threading.Condition(), threading.Lock()

    def fill(self):
        """The thread's work, until the source ends or nobody is left to take anything."""
        ended = False
        while not ended:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._results) < self._limit)
            with self.reading:
                if self._closed:
                    return
                try:
                    result = self._source.next(), None
                except BaseException as error:  # whatever it is, it is raised where the element is asked for
                    result, ended = (None, error), isinstance(error, EndOfData)
                with self._changed:
                    self._results.append(result)
                    self._changed.notify_all()

    def take(self):
        """The next element, or the error in its place."""
        with self._changed:
            self._changed.wait_for(lambda: self._results)
            element, error = self._results[0]
            if not isinstance(error, EndOfData):  # that one stays, for whoever asks again
                self._results.popleft()
                self._changed.notify_all()
        if error is not None:
            raise error
        return element

    def elements(self):
        return [element for element, error in self._results if error is None]

    def close(self):
        """Ends the thread's work: at once if it waits, else after the element that it computes."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
