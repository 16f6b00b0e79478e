"""Rows of the op table: elements at places of rows of indices, order, segments."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, distinct, inputs, shapes


def _places(rng, draw, shape, unique=False):
    """Rows of indices into the first axes of ``shape``."""
    axes = draw(st.integers(1, len(shape)))
    count = int(np.prod(shape[:axes]))
    number = draw(st.integers(0, min(4, count))) if unique else draw(st.integers(0, 4))
    flat = rng.choice(count, number, replace=not unique)
    return np.stack(np.unravel_index(flat, shape[:axes]), axis=-1).astype(np.int32)


@inputs
def gathered(draw, rng):
    shape = draw(shapes(1, 3, 1))
    return [rng.normal(size=shape), _places(rng, draw, shape)], {}


def _gather_nd(x, indices):
    return x[tuple(np.moveaxis(indices, -1, 0))]


@inputs
def scattered(draw, rng):
    shape = draw(shapes(1, 3, 1))
    indices = _places(rng, draw, shape)
    return [rng.normal(size=(len(indices), *shape[indices.shape[1] :])), indices], {"shape": shape}


def _scatter_nd(updates, indices, shape):
    y = np.zeros(shape)
    np.add.at(y, tuple(np.moveaxis(indices, -1, 0)), updates)
    return y


@inputs
def updated(draw, rng):
    shape = draw(shapes(1, 3, 1))
    indices = _places(rng, draw, shape, unique=True)
    values = distinct(rng, (int(np.prod(shape)) * 2,))
    count = len(indices) * int(np.prod(shape[indices.shape[1] :]))
    x, updates = values[: int(np.prod(shape))].reshape(shape), values[-count:] if count else values[:0]
    return [x, updates.reshape(len(indices), *shape[indices.shape[1] :]), indices], {}


def _updated(function):
    def oracle(x, updates, indices):
        y, where = x.copy(), tuple(np.moveaxis(indices, -1, 0))
        y[where] = function(y[where], updates)
        return y

    return oracle


@inputs
def ordered(draw, rng):
    shape = draw(shapes(1, 3, 1))
    return [distinct(rng, shape)], {"k": draw(st.integers(0, shape[-1]))}


def _top_k(x, k):
    order = np.argsort(-x, axis=-1)[..., :k]
    return np.take_along_axis(x, order, -1), order.astype(np.int32)


@inputs
def searched(draw, rng):
    batch = draw(shapes(0, 2, 1, 3))
    rows = np.sort(rng.integers(0, 9, (*batch, draw(st.integers(0, 5)))), axis=-1).astype(np.int32)
    return [rows, rng.integers(0, 9, (*batch, draw(st.integers(0, 4)))).astype(np.int32)], {}


def _searched(side):
    def oracle(rows, values):
        y = np.zeros(values.shape, np.int32)
        for place in np.ndindex(values.shape[:-1]):
            y[place] = np.searchsorted(rows[place], values[place], side)
        return y

    return oracle


@inputs
def segmented(draw, rng):
    rows, count = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    x = distinct(rng, (rows, *draw(shapes(0, 2, 1, 3)))) + 0.03
    return [x, rng.integers(-1, count, rows).astype(np.int32)], {"num_segments": count}


def _segments(ufunc, start):
    def oracle(x, ids, num_segments):
        y = np.full((num_segments, *x.shape[1:]), start(x))
        ufunc.at(y, ids[ids >= 0], x[ids >= 0])
        return y

    return oracle


@inputs
def accumulated(draw, rng):
    shape = draw(shapes(1, 3, 1))
    options = {"axis": draw(st.integers(-len(shape), len(shape) - 1))}
    return [rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)], {
        **options,
        "exclusive": draw(st.booleans()),
        "reverse": draw(st.booleans()),
    }


def _cumprod(x, axis, exclusive, reverse):
    x = np.moveaxis(x, axis, 0)
    x = x[::-1] if reverse else x
    y = np.cumprod(x, axis=0)
    if exclusive:
        y = np.concatenate([np.ones_like(y[:1]), y[:-1]])
    return np.moveaxis(y[::-1] if reverse else y, 0, axis)


def refused(call, message, exception=InvalidArgumentError):
    return call, exception, message


CASES = [
    Case(
        "GatherNd",
        lambda tf, x, indices: tf.gather_nd(x, indices),
        _gather_nd,
        gathered(),
        errors=(
            refused(
                lambda tf: tf.gather_nd([[1.0, 2.0]], [[0, 2]]),
                "GatherNd: indices[0] = [0, 2] does not index into shape [1, 2]",
            ),
            refused(
                lambda tf: tf.gather_nd([1.0, 2.0], [[0, 0]]),
                "GatherNd: the last axis of indices holds one number for each of the first axes of shape (2,), at most "
                "1; indices have shape (1, 2)",
            ),
        ),
    ),
    Case(
        "ScatterNd",
        lambda tf, updates, indices, shape: tf.scatter_nd(indices, updates, shape),
        _scatter_nd,
        scattered(),
        errors=(
            refused(
                lambda tf: tf.scatter_nd([[0]], [1.0, 2.0], [3]),
                "ScatterNd: indices of shape (1, 1) into shape (3,) need updates of shape (1,), got (2,)",
            ),
        ),
    ),
    *(
        Case(
            op,
            lambda tf, x, updates, indices, f=function: getattr(tf, f)(x, indices, updates),
            _updated(oracle),
            updated(),
            errors=(
                refused(
                    lambda tf, f=function: getattr(tf, f)([1.0, 2.0], [[0]], [1.0, 2.0]),
                    f"{op}: indices of shape (1, 1) into shape (2,) need updates of shape (1,), got (2,)",
                ),
            ),
        )
        for op, function, oracle in (
            ("TensorScatterUpdate", "tensor_scatter_nd_update", lambda old, new: new),
            ("TensorScatterMin", "tensor_scatter_nd_min", np.minimum),
            ("TensorScatterMax", "tensor_scatter_nd_max", np.maximum),
        )
    ),
    Case(
        "TopKV2",
        lambda tf, x, k: tuple(tf.math.top_k(x, k)),
        _top_k,
        ordered(),
        errors=(
            refused(
                lambda tf: tf.math.top_k([1.0, 2.0], 3),
                "TopKV2: input must have at least k = 3 columns, got shape (2,)",
            ),
        ),
    ),
    *(
        Case(
            op,
            lambda tf, rows, values, s=side: tf.searchsorted(rows, values, side=s),
            _searched(side),
            searched(),
            gradient=False,
            errors=(
                refused(
                    lambda tf, s=side: tf.searchsorted([[1, 2]], [1, 2], side=s),
                    f"{op}: sorted_sequence (1, 2) and values (2,) must agree but in the last axis",
                ),
            ),
        )
        for op, side in (("LowerBound", "left"), ("UpperBound", "right"))
    ),
    *(
        Case(
            op,
            lambda tf, x, ids, num_segments, f=function: getattr(tf.math, f)(x, ids, num_segments),
            _segments(ufunc, start),
            segmented(),
            errors=(
                refused(
                    lambda tf, f=function: getattr(tf.math, f)([1.0, 2.0], [0, 3], 3),
                    f"{op}: segment_ids has 3, not in [0, 3)",
                ),
            ),
        )
        for op, function, ufunc, start in (
            ("UnsortedSegmentSum", "unsorted_segment_sum", np.add, lambda x: 0.0),
            ("UnsortedSegmentProd", "unsorted_segment_prod", np.multiply, lambda x: 1.0),
        )
    ),
    Case(
        "Cumprod",
        lambda tf, x, **options: tf.math.cumprod(x, **options),
        _cumprod,
        accumulated(),
        errors=(
            refused(
                lambda tf: tf.math.cumprod([True]),
                "Cumprod: expected numbers, got bool of shape (1,); convert it first: tf.cast(x, tf.float32), or "
                "combine truth values with & and |",
            ),
        ),
    ),
]
