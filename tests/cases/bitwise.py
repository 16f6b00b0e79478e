"""Rows of the op table: bits of integers."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, broadcasting_shapes, inputs

DTYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@inputs
def integers(draw, rng, count=2):
    dtype = draw(st.sampled_from(DTYPES))
    limits = np.iinfo(dtype)
    shapes = draw(broadcasting_shapes(count))
    return [rng.integers(limits.min, limits.max, s, dtype, endpoint=True) for s in shapes], {}


def operator(op, call, oracle):
    message = (
        f"{op}: shapes (2,) and (3,) do not broadcast: axis -1 has sizes 2 and 3; "
        "sizes must be equal or 1 (insert axes with tf.newaxis, reorder them with tf.transpose)"
    )
    refused = (lambda tf: call(tf, tf.constant([1, 2]), tf.constant([1, 2, 3])), InvalidArgumentError, message)
    return Case(op, call, oracle, integers(), gradient=False, errors=(refused,))


CASES = [
    operator("BitwiseAnd", lambda tf, a, b: a & b, np.bitwise_and),
    operator("BitwiseOr", lambda tf, a, b: a | b, np.bitwise_or),
    operator("BitwiseXor", lambda tf, a, b: a ^ b, np.bitwise_xor),
    Case(
        "Invert",
        lambda tf, x: ~x,
        np.invert,
        integers(count=1),
        gradient=False,
        errors=(
            (
                lambda tf: tf.constant([1]) & 1.5,
                TypeError,
                "cannot convert 1.5 of dtype float64 to dtype int32; use tf.cast",
            ),
            (
                lambda tf: ~tf.constant(1.0),
                InvalidArgumentError,
                "LogicalNot: expected a bool tensor, got float32 of shape (); compare it first (x != 0)",
            ),
        ),
    ),
]
