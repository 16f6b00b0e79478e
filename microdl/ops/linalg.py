"""Products of matrices."""

import math
from typing import Any

import numpy as np

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import broadcast_shapes, normalize_axis
from microdl.core.tensor import apply, convert
from microdl.ops.broadcast import sum_to_shape
from microdl.ops.checks import require_floating, sorted_axes


def _product_shape(a, b, transpose_a, transpose_b):
    """Shape of the product. Raises the user's error."""
    for name, x in (("a", a), ("b", b)):
        if x.rank < 2:
            raise InvalidArgumentError(
                f"matmul: {name} has shape {tuple(x.shape)}, but a matrix has at least 2 axes; "
                f"make a vector a row with {name}[tf.newaxis, :] or a column with {name}[:, tf.newaxis]"
            )
    for x in (a, b):
        if not x.dtype.is_floating and x.dtype not in (dtypes.int32, dtypes.int64):
            raise InvalidArgumentError(
                f"matmul: expected floats, int32 or int64, got {x.dtype.name} of shape {tuple(x.shape)}; "
                "convert it first: tf.cast(x, tf.float32)"
            )
    rows, depth = a.shape[:-3:-1] if transpose_a else a.shape[-2:]
    depth_b, columns = b.shape[:-3:-1] if transpose_b else b.shape[-2:]
    if depth != depth_b:
        raise InvalidArgumentError(
            f"matmul: a has {depth} columns ({_matrix(a, transpose_a, -1)}) but b has {depth_b} rows "
            f"({_matrix(b, transpose_b, -2)}); they must be equal: see whether transpose_a or transpose_b is missing"
        )
    try:
        batch = broadcast_shapes("matmul", a.shape[:-2], b.shape[:-2])
    except InvalidArgumentError:
        raise InvalidArgumentError(
            f"matmul: the axes before the last two do not broadcast: a has shape {tuple(a.shape)}, b {tuple(b.shape)}; "
            "their sizes must be equal or 1 (insert axes with tf.newaxis)"
        ) from None
    return (*batch, rows, columns)


def _matrix(x, transposed, axis):
    """Text for ``axis`` of op(x)."""
    return f"axis {-3 - axis if transposed else axis} of shape {tuple(x.shape)}{', transposed' if transposed else ''}"


@register_op("BatchMatMulV2")
class _BatchMatMul:
    """op(a) op(b) for the matrices in the last two axes; the axes before them broadcast."""

    inputs = ("a", "b")
    by_shape = True
    keeps = ("a", "b")

    @staticmethod
    def infer(a, b, transpose_a, transpose_b):
        return Spec(_product_shape(a, b, transpose_a, transpose_b), a.dtype)

    @staticmethod
    def run(kernels, a, b, c, transpose_a, transpose_b):
        batches = [math.prod(x.shape[:-2]) for x in (a, b, c)]
        if batches[1] == 1 and not transpose_a:  # one b for all: the rows of all a in one product
            rows = batches[2] * a.shape[-2]
            parts = [(a.reshape(rows, a.shape[-1]), b, c.reshape(rows, c.shape[-1]))]
        elif all(batch in (1, batches[2]) for batch in batches[:2]):
            parts = [(a, b, c)]
        else:  # each matrix by itself
            numbers = [np.arange(math.prod(x.shape[:-2])).reshape(x.shape[:-2]) for x in (a, b)]
            pairs = zip(*(np.broadcast_to(n, c.shape[:-2]).ravel() for n in numbers), strict=True)
            parts = [(_stack(a)[i], _stack(b)[j], _stack(c)[k]) for k, (i, j) in enumerate(pairs)]
        product = kernels.matmul.matmul if a.dtype.kind == "f" else kernels.integer.matmul
        for x, y, z in parts:
            product(_stack(x), _stack(y), transpose_a, transpose_b, _stack(z))

    @staticmethod
    def gradient(node, dy):
        (a, b), (ta, tb) = node.inputs, (node.attrs["transpose_a"], node.attrs["transpose_b"])
        da = db = None
        if node.wants[0]:
            da = _matmul(b, dy, tb, True) if ta else _matmul(dy, b, False, not tb)
            da = sum_to_shape(da, a.shape)
        if node.wants[1]:
            if len(a.shape) > 2 == len(b.shape) and not ta:  # one b: the sum over the batch is in the product
                a, dy = (apply("Reshape", x, shape=(math.prod(x.shape[:-1]), x.shape[-1])) for x in (a, dy))
            db = _matmul(dy, a, True, ta) if tb else _matmul(a, dy, not ta, False)
            db = sum_to_shape(db, b.shape)
        return da, db

    @staticmethod
    def cost(a, b, transpose_a, transpose_b):
        c = Spec(_product_shape(a, b, transpose_a, transpose_b), a.dtype)
        return 2 * c.size * a.shape[-2 if transpose_a else -1], a.nbytes + b.nbytes + c.nbytes


def _stack(x):
    """The matrices of an array, (..., m, n), along one axis, (batch, m, n); a view."""
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def _matmul(a, b, transpose_a, transpose_b):
    return apply("BatchMatMulV2", a, b, transpose_a=transpose_a, transpose_b=transpose_b)


def matmul(a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, name=None):
    """a b, the product of matrices: ``c[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]``.

    Args:
        a: (..., m, k), float, int32 or int64. b: (..., k, n), likewise. The axes before the last two broadcast.
        transpose_a, transpose_b: whether the matrices come as (..., k, m) and (..., n, k).
        adjoint_a, adjoint_b: the same for real numbers.

    Returns: (..., m, n).

    Raises:
        InvalidArgumentError (a ValueError): if an input is a vector or of another dtype, or if sizes do not fit.
    """
    a, b = (convert(a), convert(b, hint=convert(a).dtype)) if not hasattr(b, "spec") else (convert(a, hint=b.dtype), b)
    return _matmul(a, b, bool(transpose_a or adjoint_a), bool(transpose_b or adjoint_b))


@reads_sizes
def matvec(a, b, transpose_a=False, adjoint_a=False, a_is_sparse=False, b_is_sparse=False, name=None):
    """a b, the product of matrices and vectors: ``c[..., i] = sum over k of a[..., i, k] * b[..., k]``.

    Args:
        a: (..., m, k), or with ``transpose_a`` (..., k, m). b: (..., k). The axes before these broadcast.
        adjoint_a: as transpose_a for real numbers. a_is_sparse, b_is_sparse: hints of TensorFlow's, without effect.

    Returns: (..., m).

    Raises:
        InvalidArgumentError (a ValueError): if b is a scalar, or if sizes do not fit.
    """
    a, b = (convert(a), convert(b, hint=convert(a).dtype)) if not hasattr(b, "spec") else (convert(a, hint=b.dtype), b)
    transpose_a = bool(transpose_a or adjoint_a)
    if a.ndim < 2 or not b.ndim or a.shape[-2 if transpose_a else -1] != b.shape[-1]:
        raise InvalidArgumentError(
            f"matvec: a holds matrices (..., m, k) and b vectors (..., k), got shapes {a.shape}"
            f"{' (to be transposed)' if transpose_a else ''} and {b.shape}"
        )
    column = apply("Reshape", b, shape=(*b.shape, 1))
    c = _matmul(a, column, transpose_a, False)
    return apply("Reshape", c, shape=tuple(c.shape[:-1]))


def norm(tensor, ord: Any = "euclidean", axis: Any = None, keepdims=None, name=None):
    """The norm of vectors, ``sum(|x|^p)^(1/p)``, or of matrices.

    Args:
        tensor: float. ord: "euclidean" (2; of a matrix "fro" too), or p: a number > 0, ``np.inf`` for the maximum. For
            matrices 1 is the largest sum of a column, ``np.inf`` that of a row.
        axis: None takes all elements as one vector, an int that axis; a pair is the rows' and columns' axes.
        keepdims: keep reduced axes with size 1.

    Returns: ``tensor``'s shape without the axes.

    Raises:
        InvalidArgumentError (a ValueError): for integers and other kinds of ``ord``.
    """
    x, keepdims = convert(tensor), bool(keepdims)
    require_floating("norm", x.spec)
    pair = isinstance(axis, (list, tuple)) and len(axis) == 2
    allowed = ("euclidean", "fro", 1, math.inf) if pair else ("euclidean", 2)
    if ord not in allowed and (pair or isinstance(ord, str) or not ord > 0):
        kinds = '"euclidean", "fro", 1 and np.inf' if pair else '"euclidean" and numbers > 0'
        raise InvalidArgumentError(f"norm: of a {'matrix' if pair else 'vector'} ord may be {kinds}, got {ord!r}")
    axes = sorted_axes("norm", axis, x.ndim)
    if pair and ord in (1, math.inf):
        rows, columns = (normalize_axis("norm", entry, x.ndim) for entry in axis)
        summed, largest = (rows, columns) if ord == 1 else (columns, rows)
        sums = apply("Sum", abs(x), axis=(summed,), keepdims=True)
        result = apply("Max", sums, axis=(largest,), keepdims=True)
        return result if keepdims else apply("Squeeze", result, axis=axes)
    if ord in ("euclidean", "fro", 2):
        return apply("Sqrt", apply("Sum", apply("Square", x), axis=axes, keepdims=keepdims))
    if ord == 1 or ord == math.inf:
        return apply("Sum" if ord == 1 else "Max", abs(x), axis=axes, keepdims=keepdims)
    return apply("Sum", abs(x) ** ord, axis=axes, keepdims=keepdims) ** (1 / ord)
