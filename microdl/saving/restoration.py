"""A checkpoint on its way back into objects: those that are there get their values, others when they come."""

import json

from microdl.core.errors import InvalidArgumentError
from microdl.core.trackable import Trackable, wait
from microdl.saving.object_graph import GRAPH, VALUE, children_of, from_arrays, kept_of, walk

OWN = "save_counter"  # the one thing that a checkpoint adds to what it was given


class Restoration:
    """Values of a checkpoint, and which objects have got theirs.

    Args:
        root: the Checkpoint. path: Path of the file, for messages. arrays, metadata: what the file holds.
    """

    def __init__(self, root, path, arrays, metadata):
        self.root, self.path, self.arrays = root, path, arrays
        self.nodes = json.loads(metadata[GRAPH])
        self.bound = {}  # number of a stored object -> the object that got its values

    def begin(self):
        """Restores what there is; if something is left over, waits for what comes."""
        if self.look()[0]:
            wait(self)

    def look(self):
        """Gives new objects their values, all or none of them. Returns whether values are left over; the objects."""
        new = self._matched()
        self._check(new)
        self.bound.update(new)
        for number, node in sorted(new.items(), key=lambda item: kept_of(item[1]) != VALUE):
            for key in self.nodes[number]["kept"].values():
                from_arrays(node, key, self.arrays)
            if isinstance(node, Trackable):
                node.__dict__["_restoration"] = _Held(self)  # lives as long as one of the objects that it is about
        waiting = any(node["kept"] and number not in self.bound for number, node in enumerate(self.nodes))
        return waiting, list(new.values())

    def _matched(self):
        """Objects that are reached by the names by which stored ones are reached, and have no values yet."""
        known = {id(node): number for number, node in self.bound.items()}
        new, seen, waiting = {}, set(), [(self.root, 0)]
        while waiting:
            node, number = waiting.pop(0)
            if number in seen or known.get(id(node), number) != number:
                continue
            seen.add(number)
            if number not in self.bound:
                known[id(node)] = number
                new[number] = node
            elif self.bound[number] is not node:
                continue
            edges = self.nodes[number]["children"]
            waiting += [(child, edges[name]) for name, child in children_of(node) if name in edges]
        return new

    def _check(self, new):
        """Raises, before any change, if a stored value does not fit its object."""
        for number, node in new.items():
            for kept, key in self.nodes[number]["kept"].items():
                if kept_of(node) != kept:
                    raise InvalidArgumentError(
                        f"restore: {self.path}: {key!r} cannot go into {type(node).__name__}, which keeps "
                        f"{kept_of(node) or 'nothing'} of its own"
                    )
                if kept == VALUE:
                    self._check_value(key, node)

    def _check_value(self, key, variable):
        stored, shape, dtype = self.arrays[key], tuple(variable.shape), variable.dtype
        if stored.shape != shape:
            raise ValueError(
                f"restore: {self.path}: variable {key!r} has shape {stored.shape}, {variable.name} has shape {shape}"
            )
        if stored.dtype != dtype.as_numpy_dtype:
            raise InvalidArgumentError(
                f"restore: {self.path}: variable {key!r} has dtype {stored.dtype}, {variable.name} has {dtype.name}"
            )

    def left_over(self):
        """Keys of values that no object has got."""
        return [key for n, node in enumerate(self.nodes) if n not in self.bound for key in node["kept"].values()]

    def without_value(self):
        """Paths of objects that could have got a value, and did not."""
        have = {id(node) for number, node in self.bound.items() if self.nodes[number]["kept"]}
        objects, _, paths = walk(self.root)
        return [
            path
            for node, path in zip(objects, paths, strict=True)
            if kept_of(node) and id(node) not in have and path != OWN
        ]


class _Held:
    """A reference that copies of an object do not share: they are other objects."""

    def __init__(self, restoration):
        self.restoration = restoration

    def __reduce__(self):
        return _Held, (None,)


class CheckpointLoadStatus:
    """What ``restore`` and ``read`` return: questions about what was matched, each raising AssertionError if not.

    Args: restoration: Restoration.
    """

    def __init__(self, restoration):
        self._restoration = restoration

    def assert_consumed(self):
        """All values have gone into objects, and all objects have got values."""
        left = self._restoration.left_over()
        if left:
            raise AssertionError(
                f"restore: {self._restoration.path} holds values for which there is no object (yet): {_listed(left)}"
            )
        return self.assert_existing_objects_matched()

    def assert_existing_objects_matched(self):
        """All objects that there are have got values; values may be left over."""
        missing = self._restoration.without_value()
        if missing:
            raise AssertionError(
                f"restore: {self._restoration.path} has no values for these objects: {_listed(missing)}"
            )
        return self

    def assert_nontrivial_match(self):
        """Some object beside the checkpoint itself has got a value."""
        bound = self._restoration.bound.values()
        if not any(map(kept_of, bound)):
            raise AssertionError(f"restore: nothing in {self._restoration.path} fits any of the objects")
        return self

    def expect_partial(self):
        """Says that values may be left over. Nothing warns of them here; for code written for TensorFlow."""
        return self

    def run_restore_ops(self, session=None):
        """Restoring has happened already; for code written for TensorFlow 1."""

    initialize_or_restore = run_restore_ops


class InitializationOnlyStatus(CheckpointLoadStatus):
    """What ``restore(None)`` returns: all questions fail, for nothing was restored."""

    def __init__(self):
        super().__init__(None)

    def _fail(self):
        raise AssertionError("no checkpoint was given (restore(None)), so nothing was restored")

    assert_consumed = assert_existing_objects_matched = assert_nontrivial_match = _fail


def _listed(names, most=5):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
