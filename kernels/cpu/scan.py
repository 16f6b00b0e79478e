"""Kernels that walk along one axis keeping what they have met so far, on the CPU. Twin: ``kernels/cuda/scan.py``.

Positions of extremes, cumulative sums, log-sum-exp and the gradients of reductions. Arrays have the form
(outer, reduced, inner), results that lose the axis (outer, inner). One task follows up to ``COLUMNS`` neighbouring
elements along the axis.
"""

import numpy as np

from ..jit import inner as inlined, kernel
from .reduction import greatest, least

COLUMNS = 256  # inner elements that one task looks after


def _tasks(x, *_):
    """Number of tasks: every outer index times the groups of columns."""
    return x.shape[0] * -(-x.shape[2] // COLUMNS)


@inlined
def _columns(x, task):
    """The outer index, the first and the last column + 1 of a task."""
    groups = (x.shape[2] + COLUMNS - 1) // COLUMNS
    first = task % groups * COLUMNS
    return task // groups, first, min(first + COLUMNS, x.shape[2])


@kernel(tasks=_tasks, work=lambda x, greatest, start, y: x.size)
def _position(task, x, greatest, start, y):
    o, first, last = _columns(x, task)
    best = np.full(last - first, start)
    where = y[o, first:last]
    where[:] = 0
    for r in range(x.shape[1]):
        row = x[o, r, first:last]
        for i in range(row.size):
            if row[i] > best[i] if greatest else row[i] < best[i]:
                best[i] = row[i]
                where[i] = r


def argmax(x, y):
    """y[o, i] = the first r with the greatest x[o, r, i]; NaNs are passed over. y: int32 or int64."""
    _position(x, True, x.dtype.type(least(x.dtype)), y)


def argmin(x, y):
    """y[o, i] = the first r with the smallest x[o, r, i]; NaNs are passed over. y: int32 or int64."""
    _position(x, False, x.dtype.type(greatest(x.dtype)), y)


@kernel(tasks=_tasks)
def cumsum(task, x, exclusive, reverse, y):
    """y[o, r, i] = sum of x[o, q, i] over q <= r; exclusive (bool): q < r; reverse (bool): q >= r, q > r."""
    o, first, last = _columns(x, task)
    total = np.zeros(last - first, x.dtype)
    for step in range(x.shape[1]):
        r = x.shape[1] - 1 - step if reverse else step
        row, sums = x[o, r, first:last], y[o, r, first:last]
        for i in range(row.size):
            before = total[i]
            total[i] += row[i]
            sums[i] = before if exclusive else total[i]


@kernel(tasks=_tasks, work=lambda x, y: x.size)
def logsumexp(task, x, y):
    """y[o, i] = log(sum over r of exp(x[o, r, i])), with the greatest x taken out first so that exp cannot overflow."""
    o, first, last = _columns(x, task)
    top = np.full(last - first, x.dtype.type(-np.inf))
    total = np.zeros(last - first, x.dtype)
    for r in range(x.shape[1]):
        row = x[o, r, first:last]
        for i in range(row.size):
            top[i] = np.maximum(top[i], row[i])
    for i in range(top.size):
        if not np.isfinite(top[i]):  # inf - inf would be NaN
            top[i] = x.dtype.type(0)
    for r in range(x.shape[1]):
        row = x[o, r, first:last]
        for i in range(row.size):
            total[i] += np.exp(row[i] - top[i])
    result = y[o, first:last]
    for i in range(top.size):
        result[i] = top[i] + np.log(total[i])


@kernel(tasks=_tasks)
def extremum_grad(task, x, y, dy, dx):
    """dx[o, r, i] = dy[o, i] / ties * (1 where x[o, r, i] equals y[o, i], else 0): the gradient of max and min.

    ties: how many x[o, :, i] equal y[o, i]; they share the gradient, as in TensorFlow. Where y is NaN nothing equals
    it, and the whole line becomes NaN (0 / 0). dx: as x, written.
    """
    o, first, last = _columns(x, task)
    extreme, share = y[o, first:last], dy[o, first:last].copy()
    ties = np.zeros(last - first, x.dtype)
    for r in range(x.shape[1]):
        row = x[o, r, first:last]
        for i in range(row.size):
            ties[i] += row[i] == extreme[i]
    for i in range(ties.size):
        share[i] /= ties[i]
    for r in range(x.shape[1]):
        row, out = x[o, r, first:last], dx[o, r, first:last]
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
        row, out = x[o, r, first:last], dx[o, r, first:last]
        for i in range(row.size):
            out[i] = before[i]
            before[i] *= row[i]
    for r in range(x.shape[1] - 1, -1, -1):
        row, out = x[o, r, first:last], dx[o, r, first:last]
        for i in range(row.size):
            out[i] *= after[i]
            after[i] *= row[i]
