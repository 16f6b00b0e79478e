"""Reductions over any axes, positions of extremes, running sums."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, axes_of, distinct, inputs, shapes


@inputs
def floats(draw, rng, min_size=0):
    shape = draw(shapes(0, 4, min_size))
    return [rng.normal(size=shape)], {"axis": axes_of(draw, shape), "keepdims": draw(st.booleans())}


@inputs
def apart(draw, rng):
    """Numbers of which no two are equal, none of the axes empty."""
    shape = draw(shapes(0, 4, 1))
    return [distinct(rng, shape)], {"axis": axes_of(draw, shape), "keepdims": draw(st.booleans())}


@inputs
def factors(draw, rng):
    """Numbers near 1, with zeros among them."""
    shape = draw(shapes(0, 3, 0, 4))
    x = np.where(rng.random(shape) < 0.2, 0, rng.uniform(0.5, 1.5, shape))
    return [x], {"axis": axes_of(draw, shape), "keepdims": draw(st.booleans())}


@inputs
def truth(draw, rng):
    shape = draw(shapes())
    return [rng.random(shape) < 0.7], {"axis": axes_of(draw, shape), "keepdims": draw(st.booleans())}


@inputs
def integers(draw, rng):
    shape = draw(shapes(0, 4, 1))
    return [rng.integers(-9, 9, shape, dtype=np.int32)], {"axis": axes_of(draw, shape), "keepdims": False}


@inputs
def along(draw, rng):
    shape = draw(shapes(1, 4, 1))
    return [rng.integers(-2, 2, shape).astype(float)], {"axis": draw(st.integers(-len(shape), len(shape) - 1))}


@inputs
def running(draw, rng):
    shape = draw(shapes(1, 3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    return [rng.normal(size=shape)], {"axis": axis, "exclusive": draw(st.booleans()), "reverse": draw(st.booleans())}


@inputs
def matrix(draw, rng):
    return [rng.normal(size=(draw(st.integers(0, 3)), 4))], {}


def running_sum(x, axis, exclusive, reverse):
    x = np.flip(x, axis) if reverse else x
    y = np.cumsum(x, axis) - (x if exclusive else 0)
    return np.flip(y, axis) if reverse else y


def out_of_range(op, name):
    return (
        lambda tf: getattr(tf, name)(tf.ones((2, 3)), axis=2),
        InvalidArgumentError,
        f"{op}: axis 2 is out of range for a tensor of 2 axes [-2, 2)",
    )


def reduction(op, oracle, drawn, name=None, errors=(), **options):
    name = name or f"reduce_{op.lower()}"

    def call(tf, x, **arguments):
        return getattr(tf.math, name)(x, **arguments)

    return Case(op, call, oracle, drawn, errors=errors or (out_of_range(op, name),), **options)


def truncated_mean(x, axis, keepdims):
    return np.trunc(x.mean(axis, keepdims=keepdims)).astype(np.int32)


TWICE = (
    lambda tf: tf.reduce_sum(tf.ones((2, 3)), axis=[0, -2]),
    InvalidArgumentError,
    "Sum: axis (0, -2) names an axis twice (the tensor has 2 axes)",
)
NO_TRUTH = (
    lambda tf: tf.reduce_any(tf.ones(2)),
    InvalidArgumentError,
    "Any: expected a bool tensor, got float32 of shape (2,); compare it first (x != 0)",
)
NO_NUMBERS = (
    lambda tf: tf.reduce_sum(tf.constant([True])),
    InvalidArgumentError,
    "Sum: expected numbers, got bool of shape (1,); "
    "convert it first: tf.cast(x, tf.float32), or combine truth values with & and |",
)
NOTHING = (
    lambda tf: tf.argmax(tf.zeros((3, 0)), axis=1),
    InvalidArgumentError,
    "ArgMax: axis 1 is empty in shape (3, 0), so it has no extreme",
)
NARROW = (
    lambda tf: tf.argmin(tf.zeros(3), output_type=tf.uint8),
    InvalidArgumentError,
    "ArgMin: output_type must be tf.int32 or tf.int64, got uint8",
)

CASES = [
    reduction("Sum", np.sum, floats(), errors=(out_of_range("Sum", "reduce_sum"), TWICE, NO_NUMBERS)),
    reduction("Sum", lambda x, **o: np.sum(x, dtype=np.int32, **o), integers(), gradient=False, label="int32"),
    reduction("Mean", np.mean, floats(min_size=1), covers=("MeanGrad",)),
    reduction("Mean", truncated_mean, integers(), gradient=False, label="int32"),
    reduction("Max", np.max, apart(), covers=("ExtremumGrad",)),
    reduction("Min", np.min, apart()),
    reduction("Prod", np.prod, factors(), covers=("ProdGrad",)),
    reduction("Any", np.any, truth(), gradient=False, errors=(out_of_range("Any", "reduce_any"), NO_TRUTH)),
    reduction("All", np.all, truth(), gradient=False),
    reduction(
        "LogSumExp",
        lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
        floats(min_size=1),
        "reduce_logsumexp",
    ),
    Case(
        "Mean",
        lambda tf, x, **o: tf.math.reduce_variance(x, **o),
        np.var,
        floats(min_size=1),
        label="variance",
    ),
    Case("Mean", lambda tf, x: tf.math.reduce_std(x, 1), lambda x: np.std(x, 1), matrix(), label="std"),
    Case("ArgMax", lambda tf, x, axis: tf.argmax(x, axis), np.argmax, along(), gradient=False, errors=(NOTHING,)),
    Case("ArgMin", lambda tf, x, axis: tf.argmin(x, axis), np.argmin, along(), gradient=False, errors=(NARROW,)),
    Case(
        "Cumsum",
        lambda tf, x, **o: tf.cumsum(x, **o),
        running_sum,
        running(),
        errors=(
            (
                lambda tf: tf.cumsum([1, 2], axis=1),
                InvalidArgumentError,
                "Cumsum: axis 1 is out of range for a tensor of 1 axes [-1, 1)",
            ),
        ),
    ),
]
