"""Ops on whole matrices, the last two axes of tensors (..., m, n): inverses, systems, decompositions, functions.

Gradients: Giles, "Collected Matrix Derivative Results for Forward and Reverse Mode Algorithmic Differentiation", 2008;
Townsend, "Differentiating the Singular Value Decomposition", 2016. A function f of square matrices has the derivative
f([[A, E], [0, A]]) = [[f(A), L], [0, f(A)]], L that along E: Higham, "Functions of Matrices", 2008, theorem 3.6.
"""

import numpy as np

from microdl.core import dtypes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import broadcast_shapes
from microdl.core.tensor import apply
from microdl.ops.checks import require_floating
from microdl.ops.diagonals import band_part, diag, diag_part, eye_like, set_diag
from microdl.ops.linalg import matmul

SINGULAR = "Input matrix is not invertible."


def transposed(x):
    """x with its last two axes swapped."""
    return apply("Transpose", x, perm=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def check_matrices(op, x, square=True):
    """Raises InvalidArgumentError unless x holds floating matrices, square ones if need be."""
    require_floating(op, x)
    if x.dtype is dtypes.float16:
        raise InvalidArgumentError(f"{op}: matrices are float32 or float64, got float16; tf.cast(x, tf.float32)")
    if len(x.shape) < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices (..., n, n)" if square else "matrices (..., m, n)"
        raise InvalidArgumentError(f"{op}: Input must be {kind}, got shape {tuple(x.shape)}")


def _refused(op, message, function, *args):
    """Calls a kernel; its LinAlgError becomes the user's error."""
    try:
        function(*args)
    except np.linalg.LinAlgError as error:
        raise InvalidArgumentError(f"{op}: {message} ({error})") from None


class _OfSquare:
    """Base of records with one input, square matrices."""

    inputs = ("input",)
    name = kernel = ""
    message = SINGULAR

    @classmethod
    def infer(cls, x):
        check_matrices(cls.name, x)
        return x

    @classmethod
    def run(cls, kernels, *arrays):
        _refused(cls.name, cls.message, getattr(kernels.matrices, cls.kernel), *arrays)

    @classmethod
    def cost(cls, x):
        return 2 * x.size * x.shape[-1], 2 * x.nbytes


@register_op("MatrixInverse")
class _MatrixInverse(_OfSquare):
    name, kernel = "MatrixInverse", "inverse"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        y = node.outputs[0]
        return -matmul(matmul(y, dy, transpose_a=True), y, transpose_b=True)


@register_op("MatrixDeterminant")
class _MatrixDeterminant(_OfSquare):
    name, kernel = "MatrixDeterminant", "determinant"
    keeps = ("input", "output")

    @classmethod
    def infer(cls, x):
        check_matrices(cls.name, x)
        return Spec(x.shape[:-2], x.dtype)

    @staticmethod
    def gradient(node, dy):
        factor = apply("Reshape", dy * node.outputs[0], shape=(*dy.shape, 1, 1))
        return factor * transposed(apply("MatrixInverse", node.inputs[0]))


@register_op("LogMatrixDeterminant")
class _LogMatrixDeterminant(_OfSquare):
    """Outputs: sign, log of the absolute value."""

    name, kernel = "LogMatrixDeterminant", "log_determinant"
    keeps = ("input",)

    @classmethod
    def infer(cls, x):
        check_matrices(cls.name, x)
        return Spec(x.shape[:-2], x.dtype), Spec(x.shape[:-2], x.dtype)

    @staticmethod
    def gradient(node, dsign, dy):
        if dy is None:
            return apply("ZerosLike", node.inputs[0])
        return apply("Reshape", dy, shape=(*dy.shape, 1, 1)) * transposed(apply("MatrixInverse", node.inputs[0]))


@register_op("MatrixSolve")
class _MatrixSolve:
    inputs = ("matrix", "rhs")
    keeps = ("matrix", "output")

    @staticmethod
    def infer(a, b):
        check_matrices("MatrixSolve", a)
        if len(b.shape) < 2 or a.shape[:-1] != b.shape[:-1]:
            raise InvalidArgumentError(
                f"MatrixSolve: matrix (..., n, n) and rhs (..., n, k) have {a.shape} and {b.shape}"
            )
        return b

    @staticmethod
    def run(kernels, a, b, y):
        _refused("MatrixSolve", SINGULAR, kernels.matrices.solve, a, b, y)

    @staticmethod
    def gradient(node, dy):
        a, y = node.inputs[0], node.outputs[0]
        db = apply("MatrixSolve", transposed(a), dy)
        return -matmul(db, y, transpose_b=True), db


@register_op("MatrixTriangularSolve")
class _MatrixTriangularSolve:
    inputs = ("matrix", "rhs")
    keeps = ("matrix", "output")

    @staticmethod
    def infer(a, b, lower, adjoint):
        check_matrices("MatrixTriangularSolve", a)
        if len(b.shape) < 2 or a.shape[-1] != b.shape[-2]:
            raise InvalidArgumentError(
                f"MatrixTriangularSolve: matrix (..., n, n) and rhs (..., n, k) have {a.shape} and {b.shape}"
            )
        batch = (
            broadcast_shapes("MatrixTriangularSolve", a.shape[:-2], b.shape[:-2])
            if a.shape[:-2] != b.shape[:-2]
            else a.shape[:-2]
        )
        return Spec((*batch, *b.shape[-2:]), b.dtype)

    @staticmethod
    def run(kernels, a, b, y, lower, adjoint):
        _refused("MatrixTriangularSolve", SINGULAR, kernels.matrices.triangular_solve, a, b, lower, adjoint, y)

    @staticmethod
    def gradient(node, dy):
        (a, b), y = node.inputs, node.outputs[0]
        lower, adjoint = node.attrs["lower"], node.attrs["adjoint"]
        db = apply("MatrixTriangularSolve", a, dy, lower=lower, adjoint=not adjoint)
        da = -matmul(y, db, transpose_b=True) if adjoint else -matmul(db, y, transpose_b=True)
        da = band_part(da, -1, 0) if lower else band_part(da, 0, -1)
        return _summed(da, a.shape), _summed(db, b.shape)


def _summed(dx, shape):
    """dx summed over the batch axes along which x, of ``shape``, was stretched."""
    new = dx.ndim - len(shape)
    axes = (*range(new), *(new + i for i, n in enumerate(shape) if n == 1 and dx.shape[new + i] != 1))
    return apply("Reshape", apply("Sum", dx, axis=axes, keepdims=False), shape=tuple(shape)) if axes else dx


@register_op("Cholesky")
class _Cholesky(_OfSquare):
    name, kernel = "Cholesky", "cholesky"
    message = "Cholesky decomposition was not successful. The input might not be valid."
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        """P^T (L^-T middle L^-1), symmetric, where middle is the lower half of L^T dL: Murray, arXiv:1602.07527."""
        y = node.outputs[0]
        middle = matmul(y, dy, transpose_a=True)
        middle = band_part(set_diag(middle, 0.5 * diag_part(middle)), -1, 0)
        inverse = apply("MatrixTriangularSolve", y, eye_like(y), lower=True, adjoint=False)
        dx = matmul(matmul(inverse, middle, transpose_a=True), inverse)
        return 0.5 * (dx + transposed(dx))


class _Decomposition:
    inputs = ("input",)


@register_op("Qr")
class _Qr(_Decomposition):
    keeps = ("output", "output1")

    @staticmethod
    def infer(x, full_matrices):
        check_matrices("Qr", x, square=False)
        *batch, m, n = x.shape
        k = m if full_matrices else min(m, n)
        return Spec((*batch, m, k), x.dtype), Spec((*batch, k, n), x.dtype)

    @staticmethod
    def run(kernels, x, q, r, full_matrices):
        kernels.matrices.qr(x, full_matrices, q, r)

    @staticmethod
    def gradient(node, dq, dr):
        q, r = node.outputs
        if r.shape[-1] != r.shape[-2]:
            raise NotImplementedError(
                f"Qr: there is no gradient for matrices of shape {node.inputs[0].shape} with full_matrices="
                f"{node.attrs['full_matrices']}: r must be square"
            )
        dq = apply("ZerosLike", q) if dq is None else dq
        dr = apply("ZerosLike", r) if dr is None else dr
        m = matmul(r, dr, transpose_b=True) - matmul(dq, q, transpose_a=True)
        lower = band_part(m, -1, 0)
        symmetric = lower + transposed(band_part(m, -1, 0) - diag(diag_part(m)))
        left = dq + matmul(q, symmetric)
        return transposed(apply("MatrixTriangularSolve", r, transposed(left), lower=False, adjoint=False))


def _inverse_differences(values):
    """F[i, j] = 1 / (values[j] - values[i]), 0 on the diagonal."""
    column, row = (apply("ExpandDims", values, axis=values.ndim - 1 + i) for i in (1, 0))
    gaps = row - column
    same = apply("Equal", gaps, 0)
    return apply("SelectV2", same, apply("ZerosLike", gaps), 1 / apply("SelectV2", same, apply("OnesLike", gaps), gaps))


@register_op("Svd")
class _Svd(_Decomposition):
    """Outputs: s, u, v."""

    keeps = ("output", "output1", "output2")

    @staticmethod
    def infer(x, full_matrices):
        check_matrices("Svd", x, square=False)
        *batch, m, n = x.shape
        k = min(m, n)
        u, v = ((m, m), (n, n)) if full_matrices else ((m, k), (n, k))
        return Spec((*batch, k), x.dtype), Spec((*batch, *u), x.dtype), Spec((*batch, *v), x.dtype)

    @staticmethod
    def run(kernels, x, s, u, v, full_matrices):
        _refused("Svd", "did not converge", kernels.matrices.svd, x, full_matrices, s, u, v)

    @staticmethod
    def gradient(node, ds, du, dv):
        s, u, v = node.outputs
        if u.shape[-1] != v.shape[-1]:
            raise NotImplementedError("Svd: with full_matrices there are gradients of square matrices alone")
        row = apply("ExpandDims", s, axis=s.ndim - 1)
        middle = diag(apply("ZerosLike", s) if ds is None else ds)
        differences = None if du is None and dv is None else _inverse_differences(s * s)
        if du is not None:
            product = matmul(u, du, transpose_a=True)
            middle = middle + differences * (product - transposed(product)) * row
        if dv is not None:
            product = matmul(v, dv, transpose_a=True)
            middle = middle + transposed(row) * (differences * (product - transposed(product)))
        dx = matmul(matmul(u, middle), v, transpose_b=True)
        if du is not None:
            rest = (du - matmul(u, matmul(u, du, transpose_a=True))) / row
            dx = dx + matmul(rest, v, transpose_b=True)
        if dv is not None:
            rest = (dv - matmul(v, matmul(v, dv, transpose_a=True))) / row
            dx = dx + matmul(u, rest, transpose_b=True)
        return dx


@register_op("SelfAdjointEigV2")
class _SelfAdjointEig(_Decomposition):
    """Outputs: e, v. The gradient is one of the lower triangle, which alone is read."""

    keeps = ("output", "output1")

    @staticmethod
    def infer(x):
        check_matrices("SelfAdjointEigV2", x)
        return Spec(x.shape[:-1], x.dtype), x

    @staticmethod
    def run(kernels, x, e, v):
        _refused("SelfAdjointEigV2", "did not converge", kernels.matrices.eigh, x, e, v)

    @staticmethod
    def gradient(node, de, dv):
        e, v = node.outputs
        middle = diag(apply("ZerosLike", e) if de is None else de)
        if dv is not None:
            middle = middle + _inverse_differences(e) * matmul(v, dv, transpose_a=True)
        dx = matmul(v, matmul(middle, v, transpose_b=True))
        dx = band_part(dx + transposed(dx), -1, 0)
        return set_diag(dx, 0.5 * diag_part(dx))


class _MatrixFunction(_OfSquare):
    keeps = ("input",)

    @classmethod
    def gradient(cls, node, dy):
        """The derivative at A^T along dy, from the block matrix [[A^T, dy], [0, A^T]]."""
        a = transposed(node.inputs[0])
        n, last = a.shape[-1], a.ndim - 1
        top = apply("ConcatV2", a, dy, axis=last)
        bottom = apply("ConcatV2", apply("ZerosLike", a), a, axis=last)
        block = apply(cls.name, apply("ConcatV2", top, bottom, axis=last - 1))
        return block[..., :n, n:]


@register_op("MatrixExponential")
class _MatrixExponential(_MatrixFunction):
    name, kernel = "MatrixExponential", "exponential"


@register_op("MatrixSquareRoot")
class _MatrixSquareRoot(_MatrixFunction):
    name, kernel = "MatrixSquareRoot", "square_root"
    message = "The iteration met a singular matrix: there is no square root without eigenvalues 0 or below"
