"""Decompositions of matrices and what follows from them, on the CPU, by LAPACK. Twin: ``kernels/cuda/matrices.py``.

Matrices are the last two axes of arrays (..., m, n), floats; what lies before them is a batch. Inputs are read, outputs
written. Where a matrix has no such thing, ``numpy.linalg.LinAlgError`` is raised.
"""

import numpy as np

TERMS = 20  # of the exponential's series, for matrices of norm at most 1/2: the last one is below 1e-24
STEPS = 60  # of the iteration for square roots, which doubles the digits each time once it is near


def inverse(a, y):
    """y = a^-1."""
    y[...] = np.linalg.inv(a)


def determinant(a, y):
    """y[...] = the determinant of a."""
    y[...] = np.linalg.det(a)


def log_determinant(a, sign, y):
    """The sign of the determinant of a, and the logarithm of its absolute value."""
    sign[...], y[...] = np.linalg.slogdet(a)


def solve(a, b, y):
    """a y = b. b, y: (..., m, k)."""
    y[...] = np.linalg.solve(a, b)


def triangular_solve(a, b, lower, adjoint, y):
    """a y = b, where only the lower (or upper) triangle of a counts; ``adjoint``: its transpose. Batches broadcast."""
    a = np.tril(a) if lower else np.triu(a)
    y[...] = np.linalg.solve(np.swapaxes(a, -1, -2) if adjoint else a, b)


def cholesky(a, y):
    """y y^T = a, y lower triangular; only the lower triangle of a is read."""
    y[...] = np.linalg.cholesky(a)


def qr(a, full, q, r):
    """q r = a, q with orthonormal columns, r upper triangular."""
    q[...], r[...] = np.linalg.qr(a, mode="complete" if full else "reduced")


def svd(a, full, s, u, v):
    """u diag(s) v^T = a, s falling."""
    u[...], s[...], adjoint = np.linalg.svd(a, full_matrices=full)
    v[...] = np.swapaxes(adjoint, -1, -2)


def eigh(a, e, v):
    """a v = v diag(e), e rising, for symmetric a, of which only the lower triangle is read."""
    e[...], v[...] = np.linalg.eigh(a)


def exponential(a, y):
    """y = sum of a^k / k!, of a / 2^s, whose norm is at most 1/2, then squared s times."""
    a = a.astype(np.float64)
    norm = np.abs(a).sum(axis=-2).max(initial=0.0)
    squarings = int(max(np.ceil(np.log2(max(norm, 1e-300))) + 1, 0)) if np.isfinite(norm) else 0
    a = a / 2.0**squarings
    total = term = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for k in range(1, TERMS):
        term = term @ a / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    y[...] = total


def square_root(a, y):
    """y y = a, by Denman and Beavers' iteration, which takes the means of two matrices and each other's inverse."""
    root = a.astype(np.float64)
    other = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for _ in range(STEPS):
        before = root
        root, other = 0.5 * (root + np.linalg.inv(other)), 0.5 * (other + np.linalg.inv(root))
        if np.abs(root - before).max(initial=0.0) <= 1e-15 * np.abs(root).max(initial=0.0):
            break
    y[...] = root
