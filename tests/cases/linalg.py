"""Rows of the op table: products of matrices."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, broadcasting_shapes, inputs


def _transposed(x, flag):
    return np.swapaxes(x, -1, -2) if flag else x


@inputs
def matrices(draw, rng):
    m, k, n = (draw(st.sampled_from([0, 1, 2, 3, 7, 18])) for _ in range(3))
    ta, tb = draw(st.booleans()), draw(st.booleans())
    batch_a, batch_b = draw(broadcasting_shapes(count=2, max_rank=2, max_size=3))
    a = rng.uniform(-1, 1, (*batch_a, k, m) if ta else (*batch_a, m, k))
    b = rng.uniform(-1, 1, (*batch_b, n, k) if tb else (*batch_b, k, n))
    return [a, b], {"transpose_a": ta, "transpose_b": tb}


CASES = [
    Case(
        "BatchMatMulV2",
        lambda tf, a, b, **flags: tf.matmul(a, b, **flags),
        lambda a, b, transpose_a, transpose_b: _transposed(a, transpose_a) @ _transposed(b, transpose_b),
        matrices(),
        errors=(
            (
                lambda tf: tf.matmul(tf.ones((3, 5)), tf.ones((4, 2))),
                InvalidArgumentError,
                "matmul: a has 5 columns (axis -1 of shape (3, 5)) but b has 4 rows (axis -2 of shape (4, 2)); "
                "they must be equal: see whether transpose_a or transpose_b is missing",
            ),
            (
                lambda tf: tf.matmul(tf.ones((5, 3)), tf.ones((4, 2)), transpose_a=True, transpose_b=True),
                InvalidArgumentError,
                "matmul: a has 5 columns (axis -2 of shape (5, 3), transposed) "
                "but b has 2 rows (axis -1 of shape (4, 2), transposed); "
                "they must be equal: see whether transpose_a or transpose_b is missing",
            ),
            (
                lambda tf: tf.matmul(tf.ones((3, 5)), tf.ones((5,))),
                InvalidArgumentError,
                "matmul: b has shape (5,), but a matrix has at least 2 axes; make a vector a row with b[tf.newaxis, :] "
                "or a column with b[:, tf.newaxis]",
            ),
            (
                lambda tf: tf.matmul(tf.ones((2, 3, 5)), tf.ones((4, 5, 2))),
                InvalidArgumentError,
                "matmul: the axes before the last two do not broadcast: a has shape (2, 3, 5), b (4, 5, 2); "
                "their sizes must be equal or 1 (insert axes with tf.newaxis)",
            ),
            (
                lambda tf: tf.matmul(tf.constant([[1]], dtype="uint8"), tf.constant([[1]], dtype="uint8")),
                InvalidArgumentError,
                "matmul: expected a floating-point tensor, got uint8 of shape (1, 1); convert it first: "
                "tf.cast(x, tf.float32)",
            ),
        ),
    )
]
