"""Nested structures of lists, tuples and dicts, as TensorFlow's functions take and return them."""


def flatten(structure):
    """The leaves, depth first; dicts in the order of their sorted keys, as TensorFlow orders them."""
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in flatten(part)]
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    return [structure]


def pack_as(structure, leaves):
    """``leaves`` arranged like ``structure``."""
    return _pack(structure, iter(leaves))


def _pack(structure, leaves):
    if isinstance(structure, dict):
        packed = structure.copy()  # an OrderedDict stays one, and the keys keep their order
        packed.update((key, _pack(structure[key], leaves)) for key in sorted(structure))
        return packed
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*(_pack(part, leaves) for part in structure))
    if isinstance(structure, (list, tuple)):
        return type(structure)(_pack(part, leaves) for part in structure)
    return next(leaves)
