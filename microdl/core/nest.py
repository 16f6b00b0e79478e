"""Nested structures of lists, tuples and dicts, as TensorFlow's functions take and return them."""

from typing import Any


class Composite:
    """An object that holds tensors, a TensorArray for one: a structure of its own, whose leaves are these tensors."""

    __slots__ = ()

    def parts(self) -> list:
        """The tensors."""
        raise NotImplementedError

    def with_parts(self, parts) -> Any:
        """The same with other tensors."""
        raise NotImplementedError

    def count(self):
        """How many they are."""
        return len(self.parts())

    def key(self) -> Any:
        """What calls of a traced function share a trace by; None: only where it is the same object."""
        return None


def sorted_keys(mapping):
    """A dict's keys in TensorFlow's order; by type and text if they cannot be compared."""
    try:
        return sorted(mapping)
    except TypeError:
        return sorted(mapping, key=lambda key: (type(key).__name__, repr(key)))


def flatten(structure):
    """The leaves, depth first; dicts in the order of their sorted keys, as TensorFlow orders them."""
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flatten(part)]
    if isinstance(structure, dict):
        return [leaf for key in sorted_keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, Composite):
        return structure.parts()
    return [structure]


def pack_as(structure, leaves) -> Any:
    """``leaves`` arranged like ``structure``."""
    return _pack(structure, iter(leaves))


def _pack(structure, leaves) -> Any:
    if isinstance(structure, dict):
        packed = structure.copy()  # an OrderedDict stays one, and the keys keep their order
        packed.update((key, _pack(structure[key], leaves)) for key in sorted_keys(structure))
        return packed
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_pack(part, leaves) for part in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(_pack(part, leaves) for part in structure)
    if isinstance(structure, Composite):
        return structure.with_parts([next(leaves) for _ in range(structure.count())])
    return next(leaves)
