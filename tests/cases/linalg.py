"""Rows of the op table: products of matrices."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, broadcasting_shapes, inputs, shapes


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


@inputs
def integer_matrices(draw, rng):
    (a, b), flags = draw(matrices())
    dtype = draw(st.sampled_from(["int32", "int64"]))
    return [rng.integers(-99, 99, x.shape).astype(dtype) for x in (a, b)], flags


@inputs
def matrices_and_vectors(draw, rng):
    m, k = (draw(st.integers(0, 5)) for _ in range(2))
    batch_a, batch_b = draw(broadcasting_shapes(count=2, max_rank=2, max_size=3))
    transposed = draw(st.booleans())
    a = rng.normal(size=(*batch_a, k, m) if transposed else (*batch_a, m, k))
    return [a, rng.normal(size=(*batch_b, k))], {"transpose_a": transposed}


@inputs
def normed(draw, rng, matrix_orders):
    """Distinct sizes away from 0, where norms have kinks."""
    shape = draw(shapes(2, 3, 1, 4))
    axis = draw(st.sampled_from([None, 0, -1, (0, 1), (1, 0), (-1, 0)]))
    orders = matrix_orders if isinstance(axis, tuple) else [1, 1.5, 2, 3, np.inf]
    x = (1 + rng.permutation(int(np.prod(shape))).reshape(shape)) * 0.1 + rng.uniform(-0.01, 0.01, shape)
    x *= rng.choice([-1.0, 1.0], shape)
    return [x], {"ord": draw(st.sampled_from(["euclidean", *orders])), "axis": axis, "keepdims": draw(st.booleans())}


def _norm(x, ord, axis, keepdims):
    if axis is None:  # NumPy takes a matrix's norm here, TensorFlow that of all elements
        y = np.linalg.norm(x.ravel(), None if ord == "euclidean" else ord)
        return y.reshape((1,) * x.ndim) if keepdims else y
    return np.linalg.norm(x, None if ord == "euclidean" else ord, axis, keepdims)


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
                "matmul: expected floats, int32 or int64, got uint8 of shape (1, 1); convert it first: "
                "tf.cast(x, tf.float32)",
            ),
        ),
    ),
    Case(
        "BatchMatMulV2",
        lambda tf, a, b, **flags: tf.matmul(a, b, **flags),
        lambda a, b, transpose_a, transpose_b: _transposed(a, transpose_a) @ _transposed(b, transpose_b),
        integer_matrices(),
        gradient=False,
        label="integers",
    ),
    Case(
        "BatchMatMulV2",
        lambda tf, a, b, transpose_a: tf.linalg.matvec(a, b, transpose_a=transpose_a),
        lambda a, b, transpose_a: np.einsum("...ij,...j->...i", _transposed(a, transpose_a), b),
        matrices_and_vectors(),
        label="matvec",
        errors=(
            (
                lambda tf: tf.linalg.matvec(tf.ones((2, 3)), tf.ones(2)),
                InvalidArgumentError,
                "matvec: a holds matrices (..., m, k) and b vectors (..., k), got shapes (2, 3) and (2,)",
            ),
            (
                lambda tf: tf.linalg.matvec(tf.ones((2, 3)), tf.ones(3), transpose_a=True),
                InvalidArgumentError,
                "matvec: a holds matrices (..., m, k) and b vectors (..., k), "
                "got shapes (2, 3) (to be transposed) and (3,)",
            ),
        ),
    ),
    Case(
        "Sqrt",
        lambda tf, x, **options: tf.norm(x, **options),
        _norm,
        normed(matrix_orders=["fro"]),
        label="norm",
        errors=(
            (
                lambda tf: tf.norm([3, 4]),
                InvalidArgumentError,
                "norm: expected a floating-point tensor, got int32 of shape (2,); convert it first: "
                "tf.cast(x, tf.float32)",
            ),
            (
                lambda tf: tf.norm([3.0, 4.0], ord=-1),
                InvalidArgumentError,
                'norm: of a vector ord may be "euclidean" and numbers > 0, got -1',
            ),
            (
                lambda tf: tf.norm([[3.0, 4.0]], ord=2, axis=[0, 1]),
                InvalidArgumentError,
                'norm: of a matrix ord may be "euclidean", "fro", 1 and np.inf, got 2',
            ),
        ),
    ),
    Case(
        "Max",
        lambda tf, x, **options: tf.linalg.norm(x, **options),
        _norm,
        normed(matrix_orders=[1, np.inf]),
        gradient=False,  # kinks where two rows have nearly one sum
        label="norm",
    ),
]
