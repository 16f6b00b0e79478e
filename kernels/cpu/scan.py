"""Kernels that walk along one axis keeping what they have met so far, on the CPU. Twin: ``kernels/cuda/scan.py``.

Positions of extremes, cumulative sums, log-sum-exp and the gradients of reductions. Arrays have the form
(outer, reduced, inner), results that lose the axis (outer, inner). One task follows up to ``COLUMNS`` neighbouring
elements along the axis. Where that would be a single task with much to do, the axis is cut into blocks of a fixed size
first, whose results are put together.
"""

import numpy as np

from ..jit import inner as inlined, kernel
from .reduction import greatest, least, reduce_sum
from .scalar import exp_of, log_of
from .simd import run

COLUMNS = 256  # inner elements that one task looks after
BLOCK = 32768  # elements of a block, where an axis is cut


def _tasks(x, *_):
    """Number of tasks: every outer index times the groups of columns."""
    return x.shape[0] * -(-x.shape[2] // COLUMNS)


@inlined
def _columns(x, task):
    """The outer index, the first and the last column + 1 of a task."""
    groups = (x.shape[2] + COLUMNS - 1) // COLUMNS
    first = task % groups * COLUMNS
    return task // groups, first, min(first + COLUMNS, x.shape[2])


@inlined
def _line(x, o, r, first, last):
    """x[o, r, first:last]."""
    return run(x, (o * x.shape[1] + r) * x.shape[2] + first, last - first)


def _blocks(x):
    """Views of x, which cut its axis: equal blocks (blocks, rows, inner) and the rest (1, rows, inner); or ()."""
    outer, reduced, inner = x.shape
    if outer > 1 or not 0 < inner <= COLUMNS or x.size < 2 * BLOCK:
        return ()
    rows = BLOCK // inner
    whole = reduced // rows * rows
    views = x[:, :whole].reshape(-1, rows, inner), x[:, whole:]
    return views if whole < reduced else views[:1]


def _joined(blocks, dtype, write):
    """(1, all blocks, inner): what ``write(block views, results)`` makes of them."""
    results = np.empty((1, sum(map(len, blocks)), blocks[0].shape[2]), dtype)
    done = 0
    for part in blocks:
        write(part, results[0, done : done + len(part)])
        done += len(part)
    return results


def _first_extreme(x, greatest, start, y):
    """The first position of the extreme along axis 1; ``start`` is worse than anything."""
    blocks = _blocks(x)
    if not blocks:
        _position(x, greatest, start, y)
        return
    where = _joined(blocks, y.dtype, lambda part, out: _position(part, greatest, start, out))[0]
    where += np.arange(len(where), dtype=y.dtype)[:, None] * blocks[0].shape[1]
    best = np.take_along_axis(x[0], where, 0)[None]
    block = np.empty_like(y)
    _position(best, greatest, start, block)
    y[...] = np.take_along_axis(where, block, 0)


@kernel(tasks=_tasks, work=lambda x, greatest, start, y: x.size)
def _position(task, x, greatest, start, y):
    o, first, last = _columns(x, task)
    best = np.full(last - first, start)
    where = run(y, o * x.shape[2] + first, last - first)
    for i in range(where.size):
        where[i] = 0
    for r in range(x.shape[1]):
        row = _line(x, o, r, first, last)
        for i in range(row.size):
            if row[i] > best[i] if greatest else row[i] < best[i]:
                best[i] = row[i]
                where[i] = r


def argmax(x, y):
    """y[o, i] = the first r with the greatest x[o, r, i]; NaNs are passed over. y: int32 or int64."""
    _first_extreme(x, True, x.dtype.type(least(x.dtype)), y)


def argmin(x, y):
    """y[o, i] = the first r with the smallest x[o, r, i]; NaNs are passed over. y: int32 or int64."""
    _first_extreme(x, False, x.dtype.type(greatest(x.dtype)), y)


def cumsum(x, exclusive, reverse, y):
    """y[o, r, i] = sum of x[o, q, i] over q <= r; exclusive (bool): q < r; reverse (bool): q >= r, q > r."""
    blocks = _blocks(x)
    if not blocks:
        _cumsum(x, np.zeros((x.shape[0], x.shape[2]), x.dtype), exclusive, reverse, y)
        return
    sums = _joined(blocks, x.dtype, reduce_sum)
    before = np.empty_like(sums)
    _cumsum(sums, np.zeros_like(sums[:, 0]), True, reverse, before)
    done = 0
    for part, out in zip(blocks, _blocks(y), strict=True):
        _cumsum(part, before[0, done : done + len(part)], exclusive, reverse, out)
        done += len(part)


@kernel(tasks=_tasks)
def _cumsum(task, x, start, exclusive, reverse, y):
    """``cumsum``, which begins with start[o, i]."""
    o, first, last = _columns(x, task)
    total = start[o, first:last].copy()
    for step in range(x.shape[1]):
        r = x.shape[1] - 1 - step if reverse else step
        row, sums = _line(x, o, r, first, last), _line(y, o, r, first, last)
        for i in range(row.size):
            before = total[i]
            total[i] += row[i]
            sums[i] = before if exclusive else total[i]


def logsumexp(x, y):
    """y[o, i] = log(sum over r of exp(x[o, r, i])), with the greatest x taken out first so that exp cannot overflow."""
    blocks = _blocks(x)
    _logsumexp(_joined(blocks, x.dtype, _logsumexp) if blocks else x, y)


@kernel(tasks=_tasks, work=lambda x, y: x.size)
def _logsumexp(task, x, y):
    o, first, last = _columns(x, task)
    top = np.full(last - first, x.dtype.type(-np.inf))
    total = np.zeros(last - first, x.dtype)
    for r in range(x.shape[1]):
        row = _line(x, o, r, first, last)
        for i in range(row.size):
            top[i] = np.maximum(top[i], row[i])
    for i in range(top.size):
        if not np.isfinite(top[i]):  # inf - inf would be NaN
            top[i] = x.dtype.type(0)
    for r in range(x.shape[1]):
        row = _line(x, o, r, first, last)
        for i in range(row.size):
            total[i] += exp_of(row[i] - top[i])
    result = run(y, o * x.shape[2] + first, last - first)
    for i in range(top.size):
        result[i] = top[i] + log_of(total[i])


@kernel(tasks=_tasks)
def extremum_grad(task, x, y, dy, dx):
    """dx[o, r, i] = dy[o, i] / ties * (1 where x[o, r, i] equals y[o, i], else 0): the gradient of max and min.

    ties: how many x[o, :, i] equal y[o, i]; they share the gradient, as in TensorFlow. Where y is NaN nothing equals
    it, and the whole line becomes NaN (0 / 0). dx: as x, written.
    """
    o, first, last = _columns(x, task)
    extreme, share = run(y, o * x.shape[2] + first, last - first), dy[o, first:last].copy()
    ties = np.zeros(last - first, x.dtype)
    for r in range(x.shape[1]):
        row = _line(x, o, r, first, last)
        for i in range(row.size):
            ties[i] += row[i] == extreme[i]
    for i in range(ties.size):
        share[i] /= ties[i]
    for r in range(x.shape[1]):
        row, out = _line(x, o, r, first, last), _line(dx, o, r, first, last)
        for i in range(row.size):
            out[i] = share[i] * x.dtype.type(row[i] == extreme[i])


@kernel(tasks=_tasks)
def prod_grad(task, x, dy, dx):
    """dx[o, r, i] = dy[o, i] * product over q != r of x[o, q, i]: the gradient of prod, right with any number of zeros.

    Going down, dx takes dy times the product of what lies before; going up, it is multiplied by what follows.
    """
    o, first, last = _columns(x, task)
    before, after = dy[o, first:last].copy(), np.ones(last - first, x.dtype)
    for r in range(x.shape[1]):
        row, out = _line(x, o, r, first, last), _line(dx, o, r, first, last)
        for i in range(row.size):
            out[i] = before[i]
            before[i] *= row[i]
    for r in range(x.shape[1] - 1, -1, -1):
        row, out = _line(x, o, r, first, last), _line(dx, o, r, first, last)
        for i in range(row.size):
            out[i] *= after[i]
            after[i] *= row[i]
