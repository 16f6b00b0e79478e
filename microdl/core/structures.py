"""``tf.nest``: nested structures as users take them apart. Tensors and TensorArrays are leaves."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from microdl.core.nest import sorted_keys


def is_nested(structure):
    """Whether ``structure`` is a list, tuple (named or not) or dict."""
    return isinstance(structure, (list, tuple, Mapping))


def _parts(structure: Any):
    """The values of one level, in order."""
    if isinstance(structure, Mapping):
        return [structure[key] for key in sorted_keys(structure)]
    return list(structure)


def _rebuilt(structure: Any, parts) -> Any:
    """One level with other values."""
    kind: Any = type(structure)
    if isinstance(structure, Mapping):
        found = dict(zip(sorted_keys(structure), parts, strict=True))
        ordered = [(key, found[key]) for key in structure]  # the keys keep their order
        return kind(structure.default_factory, ordered) if isinstance(structure, defaultdict) else kind(ordered)
    return kind(*parts) if hasattr(structure, "_fields") else kind(parts)


def flatten(structure, expand_composites=False):
    """The leaves as a list, depth first; those of dicts in the order of their sorted keys.

    >>> flatten({"b": [1, 2], "a": (3,)})
    [3, 1, 2]
    """
    if not is_nested(structure):
        return [structure]
    return [leaf for part in _parts(structure) for leaf in flatten(part)]


def pack_sequence_as(structure, flat_sequence, expand_composites=False) -> Any:
    """The leaves ``flat_sequence`` arranged like ``structure``. Raises ValueError if their number does not fit."""
    if not is_nested(flat_sequence):
        raise TypeError(f"pack_sequence_as: flat_sequence must be a list of leaves, got {flat_sequence!r}")
    expected = len(flatten(structure))
    if expected != len(flat_sequence):
        raise ValueError(
            f"pack_sequence_as: the structure has {expected} elements, but flat_sequence has {len(flat_sequence)}: "
            f"structure {structure!r}, flat_sequence {flat_sequence!r}"
        )
    return _packed(structure, iter(_parts(flat_sequence)))


def _packed(structure, leaves):
    if not is_nested(structure):
        return next(leaves)
    return _rebuilt(structure, [_packed(part, leaves) for part in _parts(structure)])


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False):
    """Raises ValueError if the structures differ, TypeError if only their types do (and ``check_types``)."""
    if is_nested(nest1) != is_nested(nest2) or (is_nested(nest1) and len(nest1) != len(nest2)):
        raise ValueError(f"the structures differ: {nest1!r} and {nest2!r}")
    if not is_nested(nest1):
        return
    mappings = isinstance(nest1, Mapping) and isinstance(nest2, Mapping)
    if isinstance(nest1, Mapping) != isinstance(nest2, Mapping) or (mappings and set(nest1) != set(nest2)):
        raise ValueError(f"the structures differ: {nest1!r} and {nest2!r}")
    if check_types and not mappings and type(nest1) is not type(nest2):
        raise TypeError(
            f"the structures have different types: {type(nest1).__name__} and {type(nest2).__name__}, in {nest1!r} and "
            f"{nest2!r}"
        )
    for part1, part2 in zip(_parts(nest1), _parts(nest2), strict=True):
        assert_same_structure(part1, part2, check_types)


def map_structure(func, *structure, **kwargs) -> Any:
    """``func`` of the leaves that stand at the same place in all structures, arranged like the first one.

    Args: check_types: whether the structures must be of the same types, too; True.

    Raises: TypeError or ValueError if the structures differ (``assert_same_structure``).

    >>> map_structure(lambda x, y: x + y, {"a": [1, 2]}, {"a": [10, 20]})
    {'a': [11, 22]}
    """
    check_types = kwargs.pop("check_types", True)
    kwargs.pop("expand_composites", None)
    if kwargs:
        raise ValueError(f"map_structure: unknown arguments {', '.join(kwargs)}")
    if not callable(func):
        raise TypeError(f"map_structure: func must be callable, got {func!r}")
    if not structure:
        raise ValueError("map_structure: at least one structure is needed")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types)
    leaves = [func(*entries) for entries in zip(*map(flatten, structure), strict=True)]
    return pack_sequence_as(structure[0], leaves)
