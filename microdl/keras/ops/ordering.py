"""Functions of the order of values, of places, and of several axes at once."""

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.ops import array, diagonals, math, ordering
from microdl.ops.einsum import einsum as _einsum, tensordot as _tensordot


@reads_sizes
def einsum(subscripts, *operands):
    """The sum of products that ``subscripts`` write down, "ij,jk->ik" for the product of matrices."""
    return _einsum(subscripts, *operands)


@reads_sizes
def tensordot(x1, x2, axes=2):
    """The sum of products over so many last axes of ``x1`` and first ones of ``x2``, or over two lists of axes."""
    return _tensordot(x1, x2, axes)


@reads_sizes
def sort(x, axis=-1):
    """``x`` in rising order along an axis; without one all elements in one row."""
    x = convert(x)
    return ordering.sort(array.reshape(x, (-1,)) if axis is None else x, -1 if axis is None else axis)


@reads_sizes
def argsort(x, axis=-1):
    """The places (int32) that bring ``x`` into rising order along an axis."""
    x = convert(x)
    return ordering.argsort(array.reshape(x, (-1,)) if axis is None else x, -1 if axis is None else axis)


@reads_sizes
def top_k(x, k, sorted=True):
    """The ``k`` greatest along the last axis, and their places; they always come in falling order."""
    return ordering.top_k(x, k)


@reads_sizes
def in_top_k(targets, predictions, k):
    """Whether predictions[i, targets[i]] is among the ``k`` greatest of its row."""
    return ordering.in_top_k(targets, predictions, k)


@reads_sizes
def searchsorted(sorted_sequence, values, side="left"):
    """Where in the rising ``sorted_sequence`` each of ``values`` would be put in: before equal ones, or behind them."""
    return ordering.searchsorted(sorted_sequence, values, side)


@reads_sizes
def tril(x, k=0):
    """``x`` with zeros above its k-th diagonal."""
    return _triangle(x, lambda below: math.less_equal(below, k))


@reads_sizes
def triu(x, k=0):
    """``x`` with zeros below its k-th diagonal."""
    return _triangle(x, lambda below: math.greater_equal(below, k))


def _triangle(x, kept):
    """``x`` where ``kept`` holds for the number of the diagonal (column - row)."""
    x = convert(x)
    number = array.range(x.shape[-1]) - array.range(x.shape[-2])[:, None]
    return array.where(kept(number), x, array.zeros_like(x))


@reads_sizes
def diag(x, k=0):
    """The matrix with ``x`` on its k-th diagonal, or the k-th diagonal of a matrix."""
    x = convert(x)
    return diagonals.diag(x, k=k) if x.ndim == 1 else diagonals.diag_part(x, k=k)


@reads_sizes
def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """``x`` with numbers for NaN and the infinities, by default the greatest and the least of its dtype."""
    x = convert(x)
    for found, number in (
        (math.is_nan(x), nan),
        (math.equal(x, float("inf")), x.dtype.max if posinf is None else posinf),
        (math.equal(x, float("-inf")), x.dtype.min if neginf is None else neginf),
    ):
        x = array.where(found, convert(number, hint=x.dtype), x)
    return x
