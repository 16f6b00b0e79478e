"""Elements of data sets: arrays, and tuples and dicts of them; what users see of one are Tensors.

Tuples (named ones too) and dicts are structure. A list is no structure but one value, as in TensorFlow: it becomes a
tensor. A leaf is an array, or a ``node.Node`` where elements are data sets themselves (``Dataset.window``).
"""

import numpy as np

from microdl.compile.signature import TensorSpec
from microdl.core import dtypes
from microdl.core.op import Spec
from microdl.core.shapes import as_shape
from microdl.core.tensor import Tensor


def flatten(structure):
    """The leaves, depth first; dicts in the order of their sorted keys."""
    if isinstance(structure, tuple):
        return [leaf for part in structure for leaf in flatten(part)]
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    return [structure]


def mapped(function, structure, *others):
    """``function`` of the leaves of one structure, or of several that are alike, in the structure of the first."""
    if isinstance(structure, np.ndarray):  # the usual cases first: this is done for each element
        return function(structure, *others)
    if type(structure) is tuple and not others:
        return tuple([mapped(function, part) for part in structure])
    if isinstance(structure, tuple):
        parts = [mapped(function, *parts) for parts in zip(structure, *others, strict=True)]
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    if isinstance(structure, dict):
        result = structure.copy()  # an OrderedDict stays one, and keys keep their order
        result.update({key: mapped(function, structure[key], *(o[key] for o in others)) for key in sorted(structure)})
        return result
    return function(structure, *others)


def packed(structure, leaves):
    """``leaves`` arranged like ``structure``."""
    remaining = iter(leaves)
    return mapped(lambda _: next(remaining), structure)


def tensor(array):
    """An array as a Tensor, without a copy: nobody writes to arrays of elements."""
    return Tensor(Spec(array.shape, dtypes.as_dtype(array.dtype)), array)


def array_spec(array):
    """The TensorSpec of an array."""
    return TensorSpec(array.shape, dtypes.as_dtype(array.dtype))


def size_of(spec):
    """Shape of a TensorSpec as a tuple; None if the number of axes is unknown."""
    return None if spec.shape is None or getattr(spec.shape, "rank", 0) is None else tuple(spec.shape)


def with_axis(spec, size):
    """The TensorSpec of a stack of ``size`` (None: unknown) elements."""
    shape = size_of(spec)
    return TensorSpec(None if shape is None else (size, *shape), spec.dtype)


def without_axis(spec):
    """The TensorSpec of one row. Raises ValueError for a scalar."""
    shape = size_of(spec)
    if shape == ():
        raise ValueError("Cannot unbatch an input with scalar components: its elements have no first axis.")
    return TensorSpec(None if shape is None else shape[1:], spec.dtype)


def merged_specs(a, b):
    """The most exact spec that two specs both fit."""
    return mapped(_merged, a, b)


def _merged(a, b):
    if not isinstance(a, TensorSpec):  # of data sets
        return type(a)(merged_specs(a.element_spec, b.element_spec))
    if a.dtype != b.dtype:
        raise TypeError(f"elements must agree in dtype, got {a.dtype.name} and {b.dtype.name}")
    first, second = size_of(a), size_of(b)
    if first is None or second is None or len(first) != len(second):
        return TensorSpec(None, a.dtype)
    return TensorSpec([n if n == m else None for n, m in zip(first, second, strict=True)], a.dtype)


def specs_of_types(types, shapes):
    """TensorSpecs from ``output_types`` and ``output_shapes`` (None: any), as ``from_generator`` once took them."""
    if shapes is None:
        return mapped(lambda dtype: TensorSpec(None, dtype), _as_tuples(types))
    return _with_shapes(_as_tuples(types), shapes)


def _as_tuples(types):
    return tuple(map(_as_tuples, types)) if isinstance(types, (list, tuple)) else types


def _with_shapes(types, shapes):
    if isinstance(types, tuple):
        return tuple(_with_shapes(dtype, shape) for dtype, shape in zip(types, shapes, strict=True))
    if isinstance(types, dict):
        return {key: _with_shapes(types[key], shapes[key]) for key in types}
    return TensorSpec(None if shapes is None else as_shape(shapes), types)


def rows_in(stack):
    """How many elements a stack holds: a structure of arrays whose first axis counts them."""
    while not isinstance(stack, np.ndarray):
        stack = stack[min(stack)] if isinstance(stack, dict) else stack[0]
    return len(stack)


def joined(stacks):
    """Several stacks as one."""
    return stacks[0] if len(stacks) == 1 else mapped(lambda *parts: np.concatenate(parts), *stacks)
