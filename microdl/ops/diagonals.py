"""Diagonals and bands of matrices: taken out, put in, cut off. By tables of positions that follow from shapes."""

import functools

import numpy as np

from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.shapes import size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints
from microdl.ops.creation import eye


def _band(op, k):
    """(lowest, highest) diagonal: 0 is the main one, those above it are positive."""
    k = constant_ints(op, "k", k)
    low, high = k if isinstance(k, tuple) and len(k) == 2 else (k[0], k[0]) if isinstance(k, tuple) else (k, k)
    if low > high:
        raise InvalidArgumentError(f"{op}: k is a diagonal or (lowest, highest), got {k}")
    return low, high


@functools.lru_cache(maxsize=256)
def _positions(rows, columns, low, high, align):
    """int64 (diagonals, longest): the flat place in a matrix of each entry, -1 where a shorter one is filled up."""
    longest = min(rows + min(high, 0), columns - max(low, 0))
    if longest < 0 or -low >= max(rows, 1) or high >= max(columns, 1):
        raise InvalidArgumentError(f"diagonals {low} to {high} do not lie in a matrix of shape ({rows}, {columns})")
    above, below = align.split("_")
    table = np.full((high - low + 1, longest), -1, np.int64)
    for d, k in enumerate(range(high, low - 1, -1)):
        count = min(rows + min(k, 0), columns - max(k, 0))
        left = (k >= 0 and above == "LEFT") or (k <= 0 and below == "LEFT")
        first = 0 if left else longest - count
        steps = np.arange(count)
        table[d, first : first + count] = (steps - min(k, 0)) * columns + steps + max(k, 0)
    return table


def _put(x, diagonal, table):
    """``x`` (..., m, n) with the entries of ``diagonal`` (..., as many as ``table`` has) at the places in the table."""
    batch, (rows, columns) = size_of(x.shape[:-2]), x.shape[-2:]
    valid = np.flatnonzero(table >= 0)
    flat = apply("Transpose", apply("Reshape", x, shape=(batch, rows * columns)), perm=(1, 0))
    entries = apply("Transpose", apply("Reshape", diagonal, shape=(batch, table.size)), perm=(1, 0))
    entries = apply("GatherV2", entries, constant(valid), axis=0)
    filled = apply("TensorScatterUpdate", flat, constant(table.ravel()[valid][:, None]), entries)
    return apply("Reshape", apply("Transpose", filled, perm=(1, 0)), shape=tuple(x.shape))


def _taken(flat, places, other):
    """flat[..., places], and ``other`` where a place is -1. flat: (..., n)."""
    found = apply("GatherV2", flat, constant(np.maximum(places, 0)), axis=flat.ndim - 1)
    return found if (places >= 0).all() else apply("SelectV2", constant(places >= 0), found, other)


@reads_sizes
def diag_part(input, name="diag_part", k=0, padding_value=0, align="RIGHT_LEFT"):
    """Diagonal ``k`` of each matrix: (..., m, n) -> (..., length).

    Args:
        k: (lowest, highest) takes several, highest first: (..., diagonals, longest).
        padding_value: what fills up shorter ones. align: "RIGHT_LEFT": those above the main diagonal are filled up at
            the left, those below at the right; "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT" likewise.
    """
    x = _matrices("diag_part", input)
    low, high = _band("diag_part", k)
    rows, columns = x.shape[-2:]
    table = _positions(rows, columns, low, high, align)
    flat = apply("Reshape", x, shape=(*x.shape[:-2], rows * columns))
    return _taken(flat, table[0] if low == high else table, convert(padding_value, hint=x.dtype))


@reads_sizes
def diag(diagonal, name="diag", k=0, num_rows=-1, num_cols=-1, padding_value=0, align="RIGHT_LEFT"):
    """Matrices with these diagonals: the inverse of ``diag_part``, with ``padding_value`` in all other places.

    num_rows, num_cols: of the matrices; -1: as small as can be, and square if neither is given.
    """
    x = convert(diagonal)
    if not x.ndim:
        raise InvalidArgumentError("diag: diagonal must have at least one axis, got a scalar")
    low, high = _band("diag", k)
    longest = x.shape[-1]
    least = longest - min(high, 0), longest + max(low, 0)
    rows, columns = (constant_ints("diag", "size", n) for n in (num_rows, num_cols))
    if rows == columns == -1:
        rows = columns = max(least)
    rows, columns = (given if given != -1 else n for given, n in zip((rows, columns), least, strict=True))
    table = _positions(rows, columns, low, high, align)
    batch = x.shape[:-1] if low == high else x.shape[:-2]
    if tuple(x.shape[len(batch) :]) != (table.shape if low != high else table.shape[1:]):
        raise InvalidArgumentError(
            f"diag: shape {x.shape} does not hold diagonals {low} to {high} of {rows} x {columns}"
        )
    padding = apply("BroadcastTo", convert(padding_value, hint=x.dtype), shape=(*batch, rows, columns))
    return _put(padding, x, table)


@reads_sizes
def set_diag(input, diagonal, name="set_diag", k=0, align="RIGHT_LEFT"):
    """``input`` with other diagonals: see ``diag_part``."""
    x = _matrices("set_diag", input)
    diagonal = convert(diagonal, hint=x.dtype)
    low, high = _band("set_diag", k)
    table = _positions(*x.shape[-2:], low, high, align)
    wanted = (*x.shape[:-2], *(table.shape if low != high else table.shape[1:]))
    if tuple(diagonal.shape) != wanted:
        raise InvalidArgumentError(
            f"set_diag: diagonals {low} to {high} of {x.shape} have shape {wanted}, got {diagonal.shape}"
        )
    return _put(x, diagonal, table)


@reads_sizes
def band_part(input, num_lower, num_upper, name=None):
    """``input`` with zeros but on ``num_lower`` diagonals below and ``num_upper`` above the main one; -1: all."""
    x = _matrices("band_part", input)
    lower, upper = (constant_ints("band_part", "number", n) for n in (num_lower, num_upper))
    rows, columns = constant(np.arange(x.spec.shape[-2])[:, None]), constant(np.arange(x.spec.shape[-1]))
    below = rows - columns
    inside = apply("OnesLike", below) > 0
    inside = apply("LogicalAnd", inside, below <= lower) if lower >= 0 else inside
    inside = apply("LogicalAnd", inside, below >= -upper) if upper >= 0 else inside
    return apply("SelectV2", inside, x, apply("ZerosLike", x))


@reads_sizes
def trace(x, name=None):
    """The sum of the main diagonal of each matrix: (..., m, n) -> (...)."""
    diagonal = diag_part(x)
    return apply("Sum", diagonal, axis=(diagonal.ndim - 1,), keepdims=False)


@reads_sizes
def tensor_diag(diagonal, name=None):
    """Zeros of shape diagonal.shape + diagonal.shape, but diagonal[i] at [i, i], for each place i."""
    x = convert(diagonal)
    square = diag(apply("Reshape", x, shape=(x.spec.size,)))
    return apply("Reshape", square, shape=(*x.shape, *x.shape))


@reads_sizes
def tensor_diag_part(input, name=None):
    """y[i] = input[i, i] for each place i: the inverse of ``tensor_diag``."""
    x = convert(input)
    half = tuple(x.shape[: x.ndim // 2])
    if x.ndim % 2 or half != tuple(x.shape[x.ndim // 2 :]) or not half:
        raise InvalidArgumentError(f"tensor_diag_part: the shape must be one shape twice, got {x.shape}")
    size = size_of(half)
    return apply("Reshape", diag_part(apply("Reshape", x, shape=(size, size))), shape=half)


def _matrices(op, x):
    x = convert(x)
    if x.ndim < 2:
        raise InvalidArgumentError(f"{op}: input must be at least 2-dim, got shape {x.shape}")
    return x


def eye_like(x):
    """The unit matrix (n, n) for matrices (..., m, n)."""
    return eye(x.shape[-1], dtype=x.dtype)
