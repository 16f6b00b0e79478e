"""Broadcasting, shared by all operators of several tensors: their shapes for the kernels, their gradients' way back."""

import functools

import numpy as np

from microdl.core.op import Spec
from microdl.core.shapes import broadcast_shapes, size_of
from microdl.core.tensor import apply


@functools.lru_cache(maxsize=1024)
def layout(*shapes):
    """The table by which kernels walk over operands that broadcast (see ``kernels/cpu/broadcast.py``).

    Axes of size 1 are dropped; neighbours that every operand walks through as if they were one axis are merged.

    Returns: int64 array (1 + operands, axes): the output's sizes, then each operand's steps in elements.

    >>> layout((64, 10), (10,)).tolist()
    [[64, 10], [10, 1], [0, 1]]
    """
    columns = []  # (size, step of each operand), from the last axis to the first
    steps = [1] * len(shapes)
    for axis in range(-1, -max(map(len, shapes)) - 1, -1):
        sizes = [shape[axis] if len(shape) >= -axis else 1 for shape in shapes]
        size = next((n for n in sizes if n != 1), 1)
        column = [size] + [step if n != 1 else 0 for n, step in zip(sizes, steps, strict=True)]
        steps = [step * n for n, step in zip(sizes, steps, strict=True)]
        if size == 1:
            continue
        inner = columns[-1] if columns else None
        if inner and all(step == inner[0] * below for step, below in zip(column[1:], inner[1:], strict=True)):
            inner[0] *= size
        else:
            columns.append(column)
    return np.array(columns[::-1] or [[1] * (1 + len(shapes))], dtype=np.int64).T.copy()


@functools.lru_cache(maxsize=1024)
def layout_of_two(a, b):
    """``layout``, but None where each operand has the output's size or one element: what most operators meet."""
    table = layout(a, b)
    return table if table.shape[1] > 1 else None


@functools.lru_cache(maxsize=1024)
def _common_shape(op, *shapes):
    return broadcast_shapes(op, *shapes)


def broadcast_spec(op, *specs, dtype=None):
    """Spec of an operator's output: the common shape, in ``dtype`` or else the operands' own."""
    shape = specs[0].shape
    if any(spec.shape != shape for spec in specs):
        shape = _common_shape(op, *(spec.shape for spec in specs))
    return Spec(shape, dtype or specs[-1].dtype)


def shape_of(x):
    """The shape of a Tensor, or of the Spec that stands in for one, as a plain tuple."""
    return x.shape if type(x) is Spec else x.spec.shape


def sum_to_shape(dy, shape):
    """``dy`` summed over the axes along which broadcasting had stretched a tensor of ``shape``."""
    if dy.spec.shape == shape:
        return dy
    new = len(dy.shape) - len(shape)
    stretched = tuple(new + i for i, n in enumerate(shape) if n == 1 and dy.shape[new + i] != 1)
    summed = apply("Sum", dy, axis=tuple(range(new)) + stretched, keepdims=False)
    return summed if tuple(summed.shape) == tuple(shape) else apply("Reshape", summed, shape=tuple(shape))


def elementwise_cost(flops_per_element, output, *inputs):
    """(flops, bytes) of an op that reads its inputs and writes its output once."""
    return flops_per_element * size_of(output.shape), output.nbytes + sum(spec.nbytes for spec in inputs)
