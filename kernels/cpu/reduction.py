"""Reductions along one axis on the CPU, forward and backward. Twin: ``kernels/cuda/reduction.py``.

Arrays have the form (outer, reduced, inner), results (outer, inner): the caller permutes and merges axes until there is
one to reduce. Sums are made of short partial sums, which are then added in pairs, pairs of pairs, and so on: the error
grows with about 256 + log2(n) instead of n roundings (N. J. Higham, "The Accuracy of Floating Point Summation", 1993).
How the partial sums are cut depends on the shape alone.
"""

import numpy as np
from numba import prange

from ..jit import inner as inlined, kernel

SUM, PRODUCT, MAXIMUM, MINIMUM = range(4)
UFUNCS = (np.add, np.multiply, np.maximum, np.minimum)

BLOCK = 32768  # elements that one task reduces
COLUMNS = 1024  # inner elements that one task looks after: their results stay in the L1 cache
ROWS = 64  # least number of rows in a block
SMALL = 256  # elements; fewer (the mean of a batch's losses) are not worth compiling anything
LANES = 128  # partial results held side by side where rows are short, so that a vector instruction makes many of them


@inlined
def _fold(kind, into, x):
    """into[i] = into[i] (+, *, max or min) x[i]. ``into`` may be longer than x."""
    if kind == SUM:
        for i in range(x.size):
            into[i] += x[i]
    elif kind == PRODUCT:
        for i in range(x.size):
            into[i] *= x[i]
    elif kind == MAXIMUM:
        for i in range(x.size):
            into[i] = np.maximum(into[i], x[i])
    else:
        for i in range(x.size):
            into[i] = np.minimum(into[i], x[i])


@inlined
def _fold_tree(kind, x, rows, width):
    """Folds ``rows`` rows of ``width`` elements into the first one, halving their number each time."""
    while rows > 1:
        half = (rows + 1) // 2
        _fold(kind, x, x[half * width : rows * width])
        rows = half


@inlined
def _copy(into, x):
    """into = the first elements of x."""
    for i in range(into.size):
        into[i] = x[i]


@inlined
def _reduce_block(kind, x, rows, inner, lanes, y):
    """Reduces ``rows`` rows, which start ``inner`` elements apart in x, to the y.size elements of y."""
    short = y.size == inner and 2 * inner <= LANES
    side_by_side = min(LANES // inner, rows) if short else 1  # whole rows that are folded as one
    stride = side_by_side * inner
    into = lanes[:stride] if short else y
    _copy(into, x)
    for start in range(stride, rows * inner, stride):
        _fold(kind, into, x[start : min(start + into.size, rows * inner)])
    if short:
        _fold_tree(kind, into, side_by_side, inner)
        _copy(y, into)


@kernel(parallel=True, work=lambda kind, x, outer, reduced, inner, y: x.size)
def _reduce(kind, x, outer, reduced, inner, y):
    """y = x reduced by ``kind``. x: flat (outer, reduced, inner), no size 0, read. y: flat (outer, inner), written."""
    columns = min(inner, COLUMNS)
    rows = max(ROWS, BLOCK // columns)
    chunks, blocks = (inner + columns - 1) // columns, (reduced + rows - 1) // rows
    parts = y if blocks == 1 else np.empty(outer * blocks * inner, y.dtype)  # (outer, blocks, inner)
    items = outer * blocks * chunks
    per_task = max(1, BLOCK // (min(rows, reduced) * columns))
    for task in prange((items + per_task - 1) // per_task):
        lanes = np.empty(LANES, y.dtype)
        for item in range(task * per_task, min(items, (task + 1) * per_task)):
            o, block, column = item // (blocks * chunks), item // chunks % blocks, item % chunks * columns
            count, width = min(rows, reduced - block * rows), min(columns, inner - column)
            start, result = (o * reduced + block * rows) * inner + column, (o * blocks + block) * inner + column
            _reduce_block(kind, x[start:], count, inner, lanes, parts[result : result + width])
    if blocks > 1:
        for o in prange(outer):
            found = parts[o * blocks * inner : (o + 1) * blocks * inner]
            _fold_tree(kind, found, blocks, inner)
            _copy(y[o * inner : (o + 1) * inner], found)


def _reduce_axis(kind, x, y, empty):
    """y = x reduced along axis 1, or ``empty`` where that axis has no elements."""
    outer, reduced, inner = x.shape
    if not y.size or not reduced:
        y[...] = empty
    elif x.size <= SMALL:
        with np.errstate(over="ignore", invalid="ignore"):
            UFUNCS[kind].reduce(x, axis=1, dtype=y.dtype, out=y)
    else:
        _reduce(kind, x.ravel(), outer, reduced, inner, y.ravel())


def reduce_sum(x, y):
    """y[o, i] = sum over r of x[o, r, i]; 0 if there are none. Integers wrap around in y's dtype."""
    _reduce_axis(SUM, x, y, 0)


def reduce_prod(x, y):
    """y[o, i] = product over r of x[o, r, i]; 1 if there are none."""
    _reduce_axis(PRODUCT, x, y, 1)


def reduce_max(x, y):
    """y[o, i] = the greatest x[o, r, i], NaN if one is; the least value of the dtype if there are none."""
    _reduce_axis(MAXIMUM, x, y, least(x.dtype))


def reduce_min(x, y):
    """y[o, i] = the smallest x[o, r, i], NaN if one is; the greatest value of the dtype if there are none."""
    _reduce_axis(MINIMUM, x, y, greatest(x.dtype))


def reduce_any(x, y):
    """y[o, i] = whether one of x[o, r, i] holds. x, y: bool."""
    _reduce_axis(MAXIMUM, x.view(np.uint8), y.view(np.uint8), False)


def reduce_all(x, y):
    """y[o, i] = whether every x[o, r, i] holds. x, y: bool."""
    _reduce_axis(MINIMUM, x.view(np.uint8), y.view(np.uint8), True)


def reduce_mean(x, y):
    """y[o, i] = sum over r of x[o, r, i] / reduced. Integers: rounded towards zero. Of none: NaN, for integers 0."""
    count = x.shape[1]
    if y.dtype.kind == "f":
        reduce_sum(x, y)
        with np.errstate(invalid="ignore"):
            np.divide(y, y.dtype.type(count), out=y)
    else:
        total = np.empty(y.shape, np.int64)
        reduce_sum(x, total)
        y[...] = np.sign(total) * (np.abs(total) // count) if count else 0


def mean_grad(dy, count, dx):
    """dx[o, r, i] = dy[o, i] / count: the gradient of the mean. dx: float (outer, reduced, inner), written."""
    if dx.size:
        dx[...] = (dy / dy.dtype.type(count))[:, None]


def least(dtype):
    """The smallest value of a NumPy dtype, minus infinity for floats."""
    return dtype.type(-np.inf) if dtype.kind == "f" else np.iinfo(dtype).min


def greatest(dtype):
    """The greatest value of a NumPy dtype, infinity for floats."""
    return dtype.type(np.inf) if dtype.kind == "f" else np.iinfo(dtype).max
