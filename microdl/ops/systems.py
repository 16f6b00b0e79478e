"""``tf.linalg``: systems of equations, decompositions, products and norms of matrices, in batches."""

from collections import namedtuple

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.tensor import apply, convert
from microdl.ops.diagonals import diag_part, eye_like
from microdl.ops.linalg import matmul, norm
from microdl.ops.matrices import check_matrices, transposed

LogMatrixDeterminant = namedtuple("LogMatrixDeterminant", ["sign", "log_abs_determinant"])
Qr = namedtuple("Qr", ["q", "r"])


def _pair(matrix, rhs):
    matrix = convert(matrix)
    return matrix, convert(rhs, hint=matrix.dtype)


@reads_sizes
def inv(input, adjoint=False, name=None):
    """The inverses of matrices (..., n, n); adjoint: of their transposes. InvalidArgumentError if one has none."""
    y = apply("MatrixInverse", input)
    return transposed(y) if adjoint else y


def det(input, name=None):
    """The determinants of matrices: (..., n, n) -> (...)."""
    return apply("MatrixDeterminant", input)


def slogdet(input, name=None):
    """LogMatrixDeterminant(sign, log_abs_determinant): determinants that may be too great or too small for a float."""
    return LogMatrixDeterminant(*apply("LogMatrixDeterminant", input))


@reads_sizes
def logdet(matrix, name=None):
    """The logarithms of the determinants of symmetric positive definite matrices, by ``cholesky``."""
    logarithms = apply("Log", diag_part(apply("Cholesky", matrix)))
    return 2 * apply("Sum", logarithms, axis=(logarithms.ndim - 1,), keepdims=False)


@reads_sizes
def solve(matrix, rhs, adjoint=False, name=None):
    """x with matrix x = rhs. matrix: (..., n, n); adjoint: its transpose is meant. rhs, x: (..., n, k)."""
    matrix, rhs = _pair(matrix, rhs)
    return apply("MatrixSolve", transposed(matrix) if adjoint else matrix, rhs)


def cholesky(input, name=None):
    """L, lower triangular, with L L^T = input, symmetric positive definite; only its lower triangle is read."""
    return apply("Cholesky", input)


@reads_sizes
def cholesky_solve(chol, rhs, name=None):
    """x with A x = rhs, from chol = cholesky(A)."""
    chol, rhs = _pair(chol, rhs)
    y = apply("MatrixTriangularSolve", chol, rhs, lower=True, adjoint=False)
    return apply("MatrixTriangularSolve", chol, y, lower=True, adjoint=True)


def triangular_solve(matrix, rhs, lower=True, adjoint=False, name=None):
    """x with matrix x = rhs, where only the lower (or upper) triangle of ``matrix`` counts. Batches broadcast."""
    return apply("MatrixTriangularSolve", *_pair(matrix, rhs), lower=bool(lower), adjoint=bool(adjoint))


def qr(input, full_matrices=False, name=None):
    """Qr(q, r): input = q r, q with orthonormal columns, r upper triangular. full_matrices: q is square."""
    return Qr(*apply("Qr", input, full_matrices=bool(full_matrices)))


def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """(s, u, v): tensor = u diag(s) v^T, s falling; s alone without ``compute_uv``. full_matrices: u, v are square."""
    s, u, v = apply("Svd", tensor, full_matrices=bool(full_matrices and compute_uv))
    return (s, u, v) if compute_uv else s


def eigh(tensor, name=None):
    """(e, v): eigenvalues, rising, and eigenvectors (columns) of symmetric matrices; the lower triangle is read."""
    return apply("SelfAdjointEigV2", tensor)


def eigvalsh(tensor, name=None):
    """The eigenvalues of symmetric matrices, rising."""
    return apply("SelfAdjointEigV2", tensor)[0]


@reads_sizes
def pinv(a, rcond=None, validate_args=False, name=None):
    """The pseudo-inverses (..., n, m) of matrices (..., m, n).

    rcond: singular values up to this fraction of the greatest one count as 0; None: 10 max(m, n) epsilon.
    """
    a = convert(a)
    check_matrices("pinv", a.spec, square=False)
    if rcond is None:
        rcond = 10.0 * max(a.shape[-2:]) * float(np.finfo(a.dtype.name).eps)
    s, u, v = apply("Svd", a, full_matrices=False)
    cutoff = apply(
        "ExpandDims",
        convert(rcond, hint=a.dtype) * apply("Max", s, axis=(s.ndim - 1,), keepdims=False),
        axis=s.ndim - 1,
    )
    s = apply("SelectV2", s > cutoff, s, apply("ZerosLike", s) + np.inf)
    return matmul(v / apply("ExpandDims", s, axis=s.ndim - 1), u, transpose_b=True)


@reads_sizes
def matrix_rank(a, tol=None, validate_args=False, name=None):
    """How many singular values are greater than ``tol`` (None: epsilon max(m, n) times the greatest): int32 (...)."""
    s, _, _ = apply("Svd", a, full_matrices=False)
    last = (s.ndim - 1,)
    if tol is None:
        size = max(convert(a).shape[-2:])
        tol = float(np.finfo(s.dtype.name).eps) * size * apply("Max", s, axis=last, keepdims=True)
    return apply("Sum", apply("Cast", s > tol, dtype=dtypes.int32), axis=last, keepdims=False)


@reads_sizes
def lstsq(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """x that makes |matrix x - rhs|^2 + l2_regularizer |x|^2 least; of several the shortest.

    matrix: (..., m, n), of full rank if ``fast`` (by ``cholesky``, else by ``pinv``). rhs: (..., m, k).
    """
    a, b = _pair(matrix, rhs)
    check_matrices("lstsq", a.spec, square=False)
    if not fast:
        return matmul(pinv(a), b)
    tall = a.shape[-2] >= a.shape[-1]
    gram = matmul(a, a, transpose_a=tall, transpose_b=not tall)
    chol = apply("Cholesky", gram + l2_regularizer * eye_like(gram))
    if tall:
        return cholesky_solve(chol, matmul(a, b, transpose_a=True))
    return matmul(a, cholesky_solve(chol, b), transpose_a=True)


def expm(input, name=None):
    """The matrix exponential: the sum of input^k / k!. input: (..., n, n)."""
    return apply("MatrixExponential", input)


def sqrtm(input, name=None):
    """y with y y = input, for matrices (..., n, n) without eigenvalues that are 0 or below."""
    return apply("MatrixSquareRoot", input)


@reads_sizes
def matrix_transpose(a, name="matrix_transpose", conjugate=False):
    """``a`` with its last two axes swapped."""
    a = convert(a)
    if a.ndim < 2:
        raise ValueError(f"Argument `a` should be a (batch) matrix with rank >= 2. Received shape {a.shape}")
    return transposed(a)


def adjoint(matrix, name=None):
    """The conjugate transposes of matrices; of real ones the transposes."""
    return matrix_transpose(matrix)


@reads_sizes
def normalize(tensor, ord="euclidean", axis=None, name=None):
    """(tensor / norm, norm): ``norm(tensor, ord, axis)`` with its axes kept."""
    x = convert(tensor)
    length = norm(x, ord, axis, keepdims=True)
    return x / length, length


@reads_sizes
def cross(a, b, name=None):
    """The cross products of vectors: (..., 3), (..., 3) -> (..., 3)."""
    a, b = _pair(a, b)
    if a.shape != b.shape or not a.ndim or a.shape[-1] != 3:
        raise InvalidArgumentError(f"cross: both tensors have one shape (..., 3), got {a.shape} and {b.shape}")
    one, two = constant(np.array([1, 2, 0])), constant(np.array([2, 0, 1]))
    (a1, b1), (a2, b2) = ([apply("GatherV2", x, turn, axis=x.ndim - 1) for x in (a, b)] for turn in (one, two))
    return a1 * b2 - a2 * b1
