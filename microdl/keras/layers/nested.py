"""Nested lists, tuples and dicts of inputs, shapes and layers."""

import numpy as np

from microdl.core.shapes import TensorShape, as_shape

UNORDERED = object()
_SETS = (set, frozenset)
_CONTAINERS = (dict, list, tuple, *_SETS)
_SIMPLE = frozenset({str, int, float, bool, type(None)})


def map_nested(function, structure, is_leaf=None):
    """``function`` of every leaf of nested lists, tuples and dicts."""
    if is_leaf is not None and is_leaf(structure):
        return function(structure)
    if isinstance(structure, dict):
        return {key: map_nested(function, part, is_leaf) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        return same_kind(structure, [map_nested(function, part, is_leaf) for part in structure])
    return function(structure)


def same_kind(sequence, parts):
    """``parts`` as a list or tuple of the type of ``sequence``, which may be a named tuple."""
    return type(sequence)(*parts) if hasattr(sequence, "_fields") else type(sequence)(parts)


def placed(kinds, container, path=()):
    """(path, part) for every instance of ``kinds`` in nested dicts, lists, tuples and sets, in order.

    Args:
        kinds: class or tuple of classes; instances are not looked into.
        path: tuple of the dict keys and positions that lead to ``container``; UNORDERED stands for those in a set.
    """
    unordered = isinstance(container, _SETS)
    for key, part in container.items() if isinstance(container, dict) else enumerate(container):
        if type(part) in _SIMPLE:  # most attributes: names, numbers
            continue
        place = UNORDERED if unordered else key
        if isinstance(part, kinds):
            yield (*path, place), part
        elif isinstance(part, _CONTAINERS):
            yield from placed(kinds, part, (*path, place))


def unique(objects):
    return list({id(x): x for x in objects}.values())


def holds_arrays(part):
    if isinstance(part, (list, tuple)):
        return any(map(holds_arrays, part))
    return hasattr(part, "spec") or (hasattr(part, "__array__") and not np.isscalar(part))


def is_shape(value):
    return isinstance(value, (list, tuple)) and all(n is None or hasattr(n, "__index__") for n in value)


def tensor_shape(value):
    return value if value is None else TensorShape(as_shape(value))


def shape_of(value):
    return getattr(value, "shape", None)
