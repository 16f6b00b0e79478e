"""Rows of the op table: elements moved on and repeated."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, inputs, shapes


@inputs
def rolled(draw, rng):
    shape = draw(shapes(1, 3))
    axes = draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=3))
    shifts = [draw(st.integers(-7, 7)) for _ in axes]
    single = len(axes) == 1 and draw(st.booleans())
    return [rng.normal(size=shape)], {"shift": shifts[0] if single else shifts, "axis": axes[0] if single else axes}


@inputs
def repeated(draw, rng):
    shape = draw(shapes(0, 3))
    axis = draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    rows = int(np.prod(shape)) if axis is None else shape[axis]
    each = draw(st.booleans())
    repeats = [draw(st.integers(0, 3)) for _ in range(rows)] if each else draw(st.integers(0, 3))
    return [rng.normal(size=shape)], {"repeats": repeats, "axis": axis}


CASES = [
    Case(
        "Roll",
        lambda tf, x, shift, axis: tf.roll(x, shift, axis),
        lambda x, shift, axis: np.roll(x, shift, tuple(np.atleast_1d(axis))),
        rolled(),
        errors=(
            (
                lambda tf: tf.roll(tf.zeros((2, 3)), [1, 2], 0),
                InvalidArgumentError,
                "Roll: shift and axis have one length, got 2 and 1 entries",
            ),
            (
                lambda tf: tf.roll(tf.zeros((2, 3)), 1, 2),
                InvalidArgumentError,
                "Roll: axis 2 is out of range for a tensor of 2 axes [-2, 2)",
            ),
            (
                lambda tf: tf.roll(tf.zeros((2, 3)), 0.5, 1),
                TypeError,
                "Roll: shift must consist of integers, got 0.5",
            ),
        ),
    ),
    Case(
        "GatherV2",
        lambda tf, x, repeats, axis: tf.repeat(x, repeats, axis),
        np.repeat,
        repeated(),
        label="repeat",
        errors=(
            (
                lambda tf: tf.repeat([1, 2, 3], [1, 2]),
                InvalidArgumentError,
                "repeat: repeats must be one number >= 0, or one for each of the 3 entries of axis 0 of shape (3,), "
                "got [1, 2]",
            ),
            (
                lambda tf: tf.repeat([[1, 2, 3]], -1, axis=1),
                InvalidArgumentError,
                "repeat: repeats must be one number >= 0, or one for each of the 3 entries of axis 1 of shape (1, 3), "
                "got -1",
            ),
        ),
    ),
]
