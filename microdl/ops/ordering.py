"""What comes of the order of values: the greatest k, sorting, places in sorted rows, equal values."""

from collections import namedtuple

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import normalize_axis, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints, known_values, require_number
from microdl.ops.indexing import gather

TopKV2 = namedtuple("TopKV2", ["values", "indices"])
Unique = namedtuple("Unique", ["y", "idx"])
UniqueWithCounts = namedtuple("UniqueWithCounts", ["y", "idx", "count"])


@register_op("TopKV2")
class _TopK:
    """Outputs: values, indices (int32)."""

    inputs = ("input",)
    keeps = ("output1",)

    @staticmethod
    def infer(x, k):
        require_number("TopKV2", x)
        if not x.shape or not 0 <= k <= x.shape[-1]:
            raise InvalidArgumentError(f"TopKV2: input must have at least k = {k} columns, got shape {x.shape}")
        shape = (*x.shape[:-1], k)
        return Spec(shape, x.dtype), Spec(shape, dtypes.int32)

    @staticmethod
    def run(kernels, x, values, indices, k):
        rows = size_of(x.shape[:-1])
        kernels.scatter.top_k(x.reshape(rows, x.shape[-1]), values.reshape(rows, k), indices.reshape(rows, k))

    @staticmethod
    def gradient(node, dy, dindices):
        if dy is None:
            return None
        shape, k = tuple(node.inputs[0].shape), node.attrs["k"]
        rows, columns = size_of(shape[:-1]), shape[-1]
        first = np.arange(rows, dtype=np.int32)[:, None] * columns  # of each row, in the flat input
        places = apply("Reshape", node.outputs[1], shape=(rows, k)) + first
        flat = apply("Reshape", dy, shape=(rows * k,))
        scattered = apply("ScatterNd", apply("Reshape", places, shape=(rows * k, 1)), flat, shape=(rows * columns,))
        return apply("Reshape", scattered, shape=shape)


class _Bound:
    """Places in rising rows: ordered (rows, n), values (rows, m) -> (rows, m)."""

    inputs = ("sorted_inputs", "values")
    name = kernel = ""

    @classmethod
    def infer(cls, ordered, values, out_type):
        require_number(cls.name, ordered, values)
        if ordered.shape[:-1] != values.shape[:-1] or not ordered.shape:
            raise InvalidArgumentError(
                f"{cls.name}: sorted_sequence {ordered.shape} and values {values.shape} must agree but in the last axis"
            )
        return Spec(values.shape, out_type)

    @classmethod
    def run(cls, kernels, ordered, values, y, out_type):
        rows = size_of(ordered.shape[:-1])
        tables = [x.reshape(rows, x.shape[-1]) for x in (ordered, values, y)]
        getattr(kernels.scatter, cls.kernel)(*tables)


@register_op("LowerBound")
class _LowerBound(_Bound):
    name, kernel = "LowerBound", "lower_bound"


@register_op("UpperBound")
class _UpperBound(_Bound):
    name, kernel = "UpperBound", "upper_bound"


@reads_sizes
def top_k(input, k=1, sorted=True, index_type=dtypes.int32, name=None):
    """The ``k`` greatest along the last axis, in falling order, and their places; of equal ones the first comes first.

    Returns: TopKV2(values, indices), both (..., k). sorted: accepted; they always are.
    """
    values, indices = apply("TopKV2", input, k=constant_ints("TopKV2", "k", k))
    return TopKV2(values, apply("Cast", indices, dtype=dtypes.as_dtype(index_type)))


@reads_sizes
def in_top_k(targets, predictions, k, name=None):
    """Whether predictions[i, targets[i]] is among the ``k`` greatest of its row; ties count, what is not finite not."""
    targets, predictions = convert(targets), convert(predictions)
    classes = predictions.shape[-1]
    inside = apply("LogicalAnd", targets >= 0, targets < classes)
    safe = apply("SelectV2", inside, targets, apply("ZerosLike", targets))
    rows = np.arange(predictions.spec.shape[0], dtype=targets.dtype.as_numpy_dtype)
    own = apply("GatherNd", predictions, apply("Pack", rows, safe, axis=1))
    greater = apply("Cast", predictions > apply("ExpandDims", own, axis=1), dtype=dtypes.int32)
    among = apply("Sum", greater, axis=(1,), keepdims=False) < convert(k, hint=dtypes.int32)
    return apply("LogicalAnd", apply("LogicalAnd", among, apply("IsFinite", own)), inside)


def _descending(op, direction):
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f'{op}: direction is "ASCENDING" or "DESCENDING", got {direction!r}')
    return direction == "DESCENDING"


def _turned(x):
    """Numbers in the opposite order: integers so that none overflows."""
    if x.dtype.is_floating:
        return -x
    return apply("Invert", x)


@reads_sizes
def argsort(values, axis=-1, direction="ASCENDING", stable=False, name=None):
    """The places along ``axis`` (int32) that bring it into order. stable: accepted; equal values keep their order."""
    x = convert(values)
    down, axis = _descending("argsort", direction), normalize_axis("argsort", axis, x.ndim)
    perm = _swapped(x.ndim, axis)
    moved = apply("Transpose", x, perm=perm)
    _, places = apply("TopKV2", moved if down else _turned(moved), k=x.shape[axis])
    return apply("Transpose", places, perm=perm)


@reads_sizes
def sort(values, axis=-1, direction="ASCENDING", name=None):
    """``values`` in order along ``axis``."""
    x = convert(values)
    down, axis = _descending("sort", direction), normalize_axis("sort", axis, x.ndim)
    perm = _swapped(x.ndim, axis)
    moved = apply("Transpose", x, perm=perm)
    ordered, _ = apply("TopKV2", moved if down else _turned(moved), k=x.shape[axis])
    return apply("Transpose", ordered if down else _turned(ordered), perm=perm)


def _swapped(rank, axis):
    """All axes, with ``axis`` and the last one in each other's place."""
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    return tuple(perm)


def searchsorted(sorted_sequence, values, side="left", out_type=dtypes.int32, name=None):
    """For each of ``values`` how many of its row of ``sorted_sequence`` are smaller ("left"), or not greater ("right").

    sorted_sequence, values: (..., n) and (..., m), rising along the last axis.
    """
    if side not in ("left", "right"):
        raise ValueError(f'searchsorted: side is "left" or "right", got {side!r}')
    op = "LowerBound" if side == "left" else "UpperBound"
    return apply(op, sorted_sequence, values, out_type=dtypes.as_dtype(out_type))


def _distinct(op, x, out_idx):
    """The distinct values in the order of their first appearance; for each element its number; how often each comes."""
    x, kind = convert(x), dtypes.as_dtype(out_idx).as_numpy_dtype
    if x.ndim != 1:
        raise InvalidArgumentError(f"{op}: expected a vector, got shape {x.shape}")
    _, first, number, count = np.unique(
        known_values(op, "x", x), return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    y = gather(x, constant(first[order].astype(np.int64)))
    return y, constant(np.argsort(order)[number].astype(kind)), constant(count[order].astype(kind))


@reads_sizes
def unique(x, out_idx=dtypes.int32, name=None):
    """Unique(y, idx): the distinct values of a vector in the order of first appearance, and x = y[idx].

    Raises: TypeError while tracing if the values are not known: y's shape depends on them.
    """
    return Unique(*_distinct("unique", x, out_idx)[:2])


@reads_sizes
def unique_with_counts(x, out_idx=dtypes.int32, name=None):
    """UniqueWithCounts(y, idx, count): as ``unique``, and how often each of y comes."""
    return UniqueWithCounts(*_distinct("unique_with_counts", x, out_idx))
