"""Products of matrices."""

import math

import numpy as np

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import broadcast_shapes
from microdl.core.tensor import apply, convert
from microdl.ops.broadcast import sum_to_shape
from microdl.ops.checks import require_floating


def _product_shape(a, b, transpose_a, transpose_b):
    """Shape of the product. Raises the user's error."""
    for name, x in (("a", a), ("b", b)):
        if x.rank < 2:
            raise InvalidArgumentError(
                f"matmul: {name} has shape {tuple(x.shape)}, but a matrix has at least 2 axes; "
                f"make a vector a row with {name}[tf.newaxis, :] or a column with {name}[:, tf.newaxis]"
            )
    require_floating("matmul", a, b)
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
        for x, y, z in parts:
            kernels.matmul.matmul(_stack(x), _stack(y), transpose_a, transpose_b, _stack(z))

    @staticmethod
    def gradient(node, dy):
        (a, b), (ta, tb) = node.inputs, (node.attrs["transpose_a"], node.attrs["transpose_b"])
        da = db = None
        if node.wants[0]:
            da = _matmul(b, dy, tb, True) if ta else _matmul(dy, b, False, not tb)
            da = sum_to_shape(da, a.shape)
        if node.wants[1]:
            if len(b.shape) == 2 and not ta:  # one b for all: the sum over the batch is part of the product
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
        a: float, (..., m, k). b: float, (..., k, n). The axes before the last two broadcast.
        transpose_a, transpose_b: whether the matrices come as (..., k, m) and (..., n, k).
        adjoint_a, adjoint_b: the same for real numbers.

    Returns: (..., m, n).

    Raises:
        InvalidArgumentError (a ValueError): if an input is a vector or no float tensor, or if sizes do not fit.
    """
    a, b = (convert(a), convert(b, hint=convert(a).dtype)) if not hasattr(b, "spec") else (convert(a, hint=b.dtype), b)
    return _matmul(a, b, bool(transpose_a or adjoint_a), bool(transpose_b or adjoint_b))
