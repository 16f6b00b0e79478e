"""Reductions along one axis on the CPU, forward and backward. Twin: ``kernels/cuda/reduction.py``.

Arrays have the form (outer, reduced, inner), results (outer, inner): the caller permutes and merges axes until there is
one to reduce. Sums are made of short partial sums, which are then added in pairs, pairs of pairs, and so on: the error
grows with about 128 + log2(n) instead of n roundings (N. J. Higham, "The Accuracy of Floating Point Summation", 1993).
How the partial sums are cut depends on the shape alone.
"""

import numpy as np

from ..jit import inner as inlined, kernel
from ..recording import call
from .simd import into_caller, run

SUM, PRODUCT, MAXIMUM, MINIMUM = range(4)
UFUNCS = (np.add, np.multiply, np.maximum, np.minimum)

BLOCK = 32768  # elements that one task reduces
COLUMNS = 1024  # inner elements that one task looks after: their results stay in the L1 cache
ROWS = 64  # least number of rows in a block
SMALL = 256  # elements; fewer (the mean of a batch's losses) are not worth compiling anything
LANES = 256  # partial results held side by side where rows are short, so that a vector instruction makes many of them


@inlined
def _sum(a, b):
    return a + b


@inlined
def _product(a, b):
    return a * b


@inlined
def _maximum(a, b):
    return np.maximum(a, b)


@inlined
def _minimum(a, b):
    return np.minimum(a, b)


@inlined
def _fold(function, into, x):
    """into[i] = function(into[i], x[i]). ``into`` may be longer than x."""
    into_caller()
    for i in range(x.size):
        into[i] = function(into[i], x[i])


@inlined
def _copy(into, x):
    """into = the first elements of x."""
    for i in range(into.size):
        into[i] = x[i]


@inlined
def _reduce_block(function, x, rows, inner, lanes, y):
    """Reduces ``rows`` rows, which start ``inner`` elements apart in x, to the y.size elements of y."""
    into_caller()
    short = y.size == inner and 2 * inner <= LANES
    side_by_side = min(LANES // inner, rows) if short else 1  # whole rows that are folded as one
    stride = side_by_side * inner
    into = run(lanes, 0, stride) if short else y
    _copy(into, x)
    for start in range(stride, rows * inner, stride):
        _fold(function, into, run(x, start, min(into.size, rows * inner - start)))
    if short:
        while side_by_side > 1:  # in pairs
            half = (side_by_side + 1) // 2
            _fold(function, into, run(into, half * inner, (side_by_side - half) * inner))
            side_by_side = half
        _copy(y, into)


def _cut(outer, reduced, inner):
    """How a problem is cut: columns and rows of an item, its number along each axis, items of a task."""
    columns = min(inner, COLUMNS)
    rows = min(max(ROWS, BLOCK // columns), reduced)
    blocks, chunks = -(-reduced // rows), -(-inner // columns)
    return columns, rows, blocks, chunks, outer * blocks * chunks, max(1, BLOCK // (rows * columns))


def _tasks(x, shape, cut, y):
    return -(-cut[4] // cut[5])


@inlined
def _reduce_items(function, task, x, shape, cut, y):
    """One task: some blocks of x, (outer, reduced, inner) = ``shape``, each to one row of y (outer, blocks, inner)."""
    into_caller()
    _, reduced, inner = shape
    columns, rows, blocks, chunks, items, per_task = cut
    lanes = np.empty(LANES, y.dtype)
    for item in range(task * per_task, min(items, (task + 1) * per_task)):
        row, column = item // chunks, item % chunks * columns
        o, block = row // blocks, row % blocks
        count, width = min(rows, reduced - block * rows), min(columns, inner - column)
        start = (o * reduced + block * rows) * inner + column
        _reduce_block(function, run(x, start, x.size - start), count, inner, lanes, run(y, row * inner + column, width))


# One kernel for each kind: whoever adds need not wait until the others are compiled.


@kernel(tasks=_tasks, work=lambda x, *_: x.size)
def _sums(task, x, shape, cut, y):
    _reduce_items(_sum, task, x, shape, cut, y)


@kernel(tasks=_tasks, work=lambda x, *_: x.size)
def _products(task, x, shape, cut, y):
    _reduce_items(_product, task, x, shape, cut, y)


@kernel(tasks=_tasks, work=lambda x, *_: x.size)
def _maxima(task, x, shape, cut, y):
    _reduce_items(_maximum, task, x, shape, cut, y)


@kernel(tasks=_tasks, work=lambda x, *_: x.size)
def _minima(task, x, shape, cut, y):
    _reduce_items(_minimum, task, x, shape, cut, y)


KERNELS = (_sums, _products, _maxima, _minima)


def reduce_flat(kind, x, shape, y):
    """y = x reduced along axis 1 of (outer, reduced, inner) = ``shape``, none of them 0. x, y: flat."""
    cut = _cut(*shape)
    while cut[2] > 1:  # a block's results are what the next round reduces
        parts = np.empty(shape[0] * cut[2] * shape[2], y.dtype)
        KERNELS[kind](x, shape, cut, parts)
        x, shape = parts, (shape[0], cut[2], shape[2])
        cut = _cut(*shape)
    KERNELS[kind](x, shape, cut, y)


def _reduce_axis(kind, x, y, empty):
    """y = x reduced along axis 1, or ``empty`` where that axis has no elements."""
    if not y.size or not x.shape[1]:
        y[...] = empty
    elif x.size <= SMALL:
        call(_reduce_small, kind, x, y)
    else:
        reduce_flat(kind, x.ravel(), x.shape, y.ravel())


def _reduce_small(kind, x, y):
    with np.errstate(over="ignore", invalid="ignore"):
        UFUNCS[kind].reduce(x, axis=1, dtype=y.dtype, out=y)


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
        call(_divide, y, y.dtype.type(count))
    else:
        total = np.empty(y.shape, np.int64)
        reduce_sum(x, total)
        call(_truncated, total, count, y)


def _truncated(total, count, y):
    y[...] = np.sign(total) * (np.abs(total) // count) if count else 0


def _divide(y, count):
    with np.errstate(invalid="ignore"):
        np.divide(y, count, out=y)


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
