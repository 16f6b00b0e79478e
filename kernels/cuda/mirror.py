"""Margins that mirror what is inside, on a GPU: one axis after another. Twin: in ``kernels/cpu/array.py``.

Along one axis arrays have the form (outer, n, inner) inside and (outer, before + n + after, inner) with the margins.
"""

import math

from .elements import EACH, blocks
from .launch import device as gpu
from .strides import copy, element
from .target import int32, uint32
from .typed import NUMBERS, typed, words


@words("T* T* int32 int32 int32 int32 int32 int32")
def _mirror_pad(x, y, n, before, wide, inner, skip, size):
    for k in range(EACH):
        i = element(k)
        if i < uint32(size):
            row = uint32(i // uint32(inner))
            o, r = uint32(row // uint32(wide)), int32(row % uint32(wide)) - before
            if r < 0:
                r = skip - 1 - r
            elif r >= n:
                r = 2 * n - 1 - skip - r
            y[i] = x[uint32((o * uint32(n) + uint32(r)) * uint32(inner) + i % uint32(inner))]


@typed("T* T* int32 int32 int32 int32 int32 int32", *NUMBERS)
def _mirror_pad_grad(dy, dx, n, before, wide, inner, skip, size):
    for k in range(EACH):
        i = element(k)
        if i < uint32(size):
            row, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
            first, r = uint32(row // uint32(n) * uint32(wide)), int32(row % uint32(n))
            total = dy[uint32((first + uint32(before + r)) * uint32(inner) + column)]
            above, below = before + skip - 1 - r, before + 2 * n - 1 - skip - r  # what mirrors it
            if 0 <= above < before:
                total = total + dy[uint32((first + uint32(above)) * uint32(inner) + column)]
            if before + n <= below < wide:
                total = total + dy[uint32((first + uint32(below)) * uint32(inner) + column)]
            dx[i] = total


def _one_by_one(chosen, x, paddings, mode, shapes, y):
    """y = x after a kernel for every axis that has margins. shapes: of what is inside and outside, axis by axis."""
    axes = [axis for axis, pair in enumerate(paddings) if any(pair)]
    if not axes:
        copy(x, y, (x.size,), (1,), (1,))
    for axis in axes:
        inside, outside = shapes(axis)
        written = outside if chosen is _mirror_pad else inside
        target = y if axis == axes[-1] else gpu().empty(written, y.dtype)
        sizes = inside[axis], paddings[axis][0], outside[axis], math.prod(inside[axis + 1 :])
        skip = 1 if mode == "reflect" else 0
        kernel = chosen.of_size(y.dtype.itemsize) if chosen is _mirror_pad else chosen.of(y)
        kernel(blocks(target), x, target, *sizes, skip, target.size)
        x = target


def mirror_pad(x, paddings, mode, y):
    """y = x with its reflection around it. mode: "reflect" leaves the edge out, "symmetric" repeats it."""

    def shapes(axis):
        """Axes before this one have their margins already."""
        return (*y.shape[:axis], *x.shape[axis:]), (*y.shape[: axis + 1], *x.shape[axis + 1 :])

    _one_by_one(_mirror_pad, x, paddings, mode, shapes, y)


def mirror_pad_grad(dy, paddings, mode, dx):
    """dx = dy folded back: every element of dy is added to the element of x that ``mirror_pad`` copied it from."""

    def shapes(axis):
        """Axes before this one have lost their margins already."""
        return (*dx.shape[: axis + 1], *dy.shape[axis + 1 :]), (*dx.shape[:axis], *dy.shape[axis:])

    _one_by_one(_mirror_pad_grad, dy, paddings, mode, shapes, dx)
