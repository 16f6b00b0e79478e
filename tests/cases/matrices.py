"""Rows of the op table: inverses, systems and decompositions of matrices."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, inputs, shapes


def _well_conditioned(rng, batch, n):
    """Matrices whose eigenvalues lie well apart, and away from 0."""
    return rng.uniform(-0.3, 0.3, (*batch, n, n)) + np.diag(1.5 + np.arange(n))


@inputs
def square(draw, rng):
    return [_well_conditioned(rng, draw(shapes(0, 2, 1, 2)), draw(st.integers(1, 4)))], {}


@inputs
def symmetric(draw, rng):
    x = _well_conditioned(rng, draw(shapes(0, 1, 1, 2)), draw(st.integers(1, 3)))
    return [(x + np.swapaxes(x, -1, -2)) / 2], {}


@inputs
def tall(draw, rng):
    n, more = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    batch = draw(shapes(0, 1, 1, 2))
    return [np.concatenate([_well_conditioned(rng, batch, n), rng.normal(size=(*batch, more, n)) / 2], axis=-2)], {}


@inputs
def system(draw, rng):
    batch, n = draw(shapes(0, 2, 1, 2)), draw(st.integers(1, 4))
    return [_well_conditioned(rng, batch, n), rng.normal(size=(*batch, n, draw(st.integers(0, 3))))], {}


@inputs
def triangular_system(draw, rng):
    (a, b), _ = draw(system())
    return [a, b], {"lower": draw(st.booleans()), "adjoint": draw(st.booleans())}


def _transposed(x):
    return np.swapaxes(x, -1, -2)


def _triangular_solve(a, b, lower, adjoint):
    a = np.tril(a) if lower else np.triu(a)
    return np.linalg.solve(_transposed(a) if adjoint else a, b)


def _symmetric_part(x):
    return (x + _transposed(x)) / 2


def _positive(x):
    return x @ _transposed(x) + np.eye(x.shape[-1])


def _expm(x):
    total = term = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k in range(1, 80):
        term = term @ x / k
        total = total + term
    return total


def _sqrtm(x):
    e, v = np.linalg.eigh(_positive(x))
    return (v * np.sqrt(e)[..., None, :]) @ _transposed(v)


def _not_square(call, name):
    message = f"{name}: Input must be square matrices (..., n, n), got shape (2, 3)"
    return lambda tf: call(tf, tf.zeros((2, 3))), InvalidArgumentError, message


def _no_matrix(call, name):
    message = f"{name}: Input must be matrices (..., m, n), got shape (3,)"
    return lambda tf: call(tf, tf.zeros(3)), InvalidArgumentError, message


CASES = [
    Case(
        "MatrixInverse",
        lambda tf, x: tf.linalg.inv(x),
        np.linalg.inv,
        square(),
        errors=(
            _not_square(lambda tf, x: tf.linalg.inv(x), "MatrixInverse"),
            (
                lambda tf: tf.linalg.inv(tf.zeros((2, 2))),
                InvalidArgumentError,
                "MatrixInverse: Input matrix is not invertible. (Singular matrix)",
            ),
            (
                lambda tf: tf.linalg.inv(tf.zeros((2, 2), tf.float16)),
                InvalidArgumentError,
                "MatrixInverse: matrices are float32 or float64, got float16; tf.cast(x, tf.float32)",
            ),
        ),
    ),
    Case(
        "MatrixDeterminant",
        lambda tf, x: tf.linalg.det(x),
        np.linalg.det,
        square(),
        errors=(_not_square(lambda tf, x: tf.linalg.det(x), "MatrixDeterminant"),),
    ),
    Case(
        "LogMatrixDeterminant",
        lambda tf, x: tf.linalg.slogdet(x).log_abs_determinant,
        lambda x: np.linalg.slogdet(x)[1],
        square(),
        errors=(_not_square(lambda tf, x: tf.linalg.slogdet(x), "LogMatrixDeterminant"),),
    ),
    Case(
        "MatrixSolve",
        lambda tf, a, b: tf.linalg.solve(a, b),
        np.linalg.solve,
        system(),
        errors=(
            (
                lambda tf: tf.linalg.solve(tf.eye(2), tf.ones((3, 1))),
                InvalidArgumentError,
                "MatrixSolve: matrix (..., n, n) and rhs (..., n, k) have (2, 2) and (3, 1)",
            ),
        ),
    ),
    Case(
        "MatrixTriangularSolve",
        lambda tf, a, b, **options: tf.linalg.triangular_solve(a, b, **options),
        _triangular_solve,
        triangular_system(),
        errors=(
            (
                lambda tf: tf.linalg.triangular_solve(tf.eye(2), tf.ones((3, 1))),
                InvalidArgumentError,
                "MatrixTriangularSolve: matrix (..., n, n) and rhs (..., n, k) have (2, 2) and (3, 1)",
            ),
        ),
    ),
    Case(
        "Cholesky",
        lambda tf, x: tf.linalg.cholesky((x + tf.linalg.adjoint(x)) / 2),
        lambda x: np.linalg.cholesky(_symmetric_part(x)),
        square(),
        errors=(
            (
                lambda tf: tf.linalg.cholesky([[1.0, 2.0], [2.0, 1.0]]),
                InvalidArgumentError,
                "Cholesky: Cholesky decomposition was not successful. The input might not be valid. (Matrix is not "
                "positive definite)",
            ),
        ),
    ),
    Case(
        "Qr",
        lambda tf, x: tuple(tf.linalg.qr(x)),
        np.linalg.qr,
        tall(),
        errors=(_no_matrix(lambda tf, x: tf.linalg.qr(x), "Qr"),),
    ),
    Case(
        "Svd",
        lambda tf, x: tf.linalg.svd(x, compute_uv=False),
        lambda x: np.linalg.svd(x, compute_uv=False),
        tall(),
        error=128,
        errors=(_no_matrix(lambda tf, x: tf.linalg.svd(x), "Svd"),),
    ),
    Case(
        "SelfAdjointEigV2",
        lambda tf, x: tf.linalg.eigvalsh((x + tf.linalg.adjoint(x)) / 2),
        lambda x: np.linalg.eigvalsh(_symmetric_part(x)),
        symmetric(),
        error=128,
        errors=(_not_square(lambda tf, x: tf.linalg.eigh(x), "SelfAdjointEigV2"),),
    ),
    Case(
        "MatrixExponential",
        lambda tf, x: tf.linalg.expm(x),
        _expm,
        square(),
        error=256,
        errors=(_not_square(lambda tf, x: tf.linalg.expm(x), "MatrixExponential"),),
    ),
    Case(
        "MatrixSquareRoot",
        lambda tf, x: tf.linalg.sqrtm(tf.matmul(x, x, transpose_b=True) + tf.linalg.diag(tf.ones_like(x[..., 0]))),
        _sqrtm,
        square(),
        error=256,
        errors=(_not_square(lambda tf, x: tf.linalg.sqrtm(x), "MatrixSquareRoot"),),
    ),
    Case(
        "SelectV2",
        lambda tf, x: (tf.linalg.band_part(x, 1, 0), tf.linalg.set_diag(x, tf.linalg.diag_part(x) * 2)),
        lambda x: (np.tril(np.triu(x, -1)), x + np.einsum("...ii->...i", x)[..., None] * np.eye(x.shape[-1])),
        square(),
        label="diagonals",
    ),
]
