"""Nested lists, tuples and dicts of inputs, shapes and layers."""

import numpy as np

from microdl.core.shapes import TensorShape, as_shape

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


def find(kind, parts):
    """Every instance of the class ``kind`` in nested lists, tuples, sets and dicts, in order."""
    found = []
    for part in parts:
        if isinstance(part, kind):
            found.append(part)
        elif type(part) not in _SIMPLE:  # each training step looks here for weights: names and numbers are frequent
            if isinstance(part, dict):
                found += find(kind, part.values())
            elif isinstance(part, (list, tuple, set)):
                found += find(kind, part)
    return found


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
