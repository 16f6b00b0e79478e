"""Rows of the op table: products that are 0 where a factor is."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, broadcasting_shapes, inputs


@inputs
def with_zeros(draw, rng, wild):
    a, b = draw(broadcasting_shapes())
    x, y = rng.normal(size=a), rng.normal(size=b)
    y = np.where(rng.random(b) < 0.3, 0.0, y)
    if wild:  # infinite and NaN everywhere, so only zeros of y give a number
        x, y = np.full(a, draw(st.sampled_from([np.inf, -np.inf, np.nan]))), np.zeros(b)
    return [x, y], {}


def product(x, y):
    with np.errstate(invalid="ignore"):
        return np.where(np.broadcast_to(y, np.broadcast_shapes(x.shape, y.shape)) == 0, 0.0, x * y)


CASES = [
    Case(
        "MulNoNan",
        lambda tf, x, y: tf.math.multiply_no_nan(x, y),
        product,
        with_zeros(wild=False),
        errors=(
            (
                lambda tf: tf.math.multiply_no_nan([1, 2], [3, 4]),
                InvalidArgumentError,
                "MulNoNan: expected a floating-point tensor, got int32 of shape (2,); convert it first: "
                "tf.cast(x, tf.float32)",
            ),
        ),
    ),
    Case(
        "MulNoNan",
        lambda tf, x, y: tf.math.multiply_no_nan(x, y),
        product,
        with_zeros(wild=True),
        gradient=False,
        label="infinite",
    ),
]
