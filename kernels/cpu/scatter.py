"""Rows that go to places which indices name, and rows in order of size, on the CPU. Twin: ``kernels/cuda/scatter.py``.

Plain NumPy: indices decide what happens, memory how fast. x, updates: (n, inner) rows, read. places: int64 (n,), read,
in range. y: (rows, inner), written.
"""

import math

import numpy as np


def flat_places(rows, shape, y):
    """y[i] = the place in an array of ``shape``, in C order, that row i names. rows: integers (n, axes), in range."""
    steps = np.array([math.prod(shape[axis + 1 :]) for axis in range(len(shape))], np.int64)
    np.matmul(rows.astype(np.int64), steps, out=y)


def update(updates, places, y):
    """y[places[i]] = updates[i]; the last of several wins. Other rows stay."""
    y[places] = updates


def minimum(updates, places, y):
    """y[places[i]] = min(y[places[i]], updates[i])."""
    np.minimum.at(y, places, updates)


def maximum(updates, places, y):
    """y[places[i]] = max(y[places[i]], updates[i])."""
    np.maximum.at(y, places, updates)


def segment_sum(x, places, y):
    """y[s] = sum of x[i] with places[i] = s; 0 without any."""
    y[...] = 0
    np.add.at(y, places, x)


def segment_prod(x, places, y):
    """y[s] = product of x[i] with places[i] = s; 1 without any."""
    y[...] = 1
    np.multiply.at(y, places, x)


def segment_max(x, places, lowest, y):
    """y[s] = max of x[i] with places[i] = s; ``lowest`` without any."""
    y[...] = lowest
    np.maximum.at(y, places, x)


def segment_min(x, places, greatest, y):
    """y[s] = min of x[i] with places[i] = s; ``greatest`` without any."""
    y[...] = greatest
    np.minimum.at(y, places, x)


def top_k(x, values, indices):
    """The greatest k of each row in falling order, and where they were; of equal ones the first comes first, NaN last.

    x: (rows, n), read. values: (rows, k), of x's dtype, written. indices: int32 (rows, k), written.
    """
    n, k = x.shape[1], values.shape[1]
    if x.dtype.kind == "f":
        order = np.argsort(-x, axis=1, kind="stable")[:, :k]  # stable and falling
    else:  # not every integer has an opposite
        order = n - 1 - np.argsort(x[:, ::-1], axis=1, kind="stable")[:, ::-1][:, :k]
    indices[...] = order
    values[...] = np.take_along_axis(x, order, axis=1)


def lower_bound(ordered, values, y):
    """y[r, i] = how many of the rising ordered[r] are < values[r, i]. y: int32 or int64, written."""
    for row, wanted, out in zip(ordered, values, y, strict=True):
        out[...] = np.searchsorted(row, wanted, side="left")


def upper_bound(ordered, values, y):
    """y[r, i] = how many of the rising ordered[r] are <= values[r, i]. y: int32 or int64, written."""
    for row, wanted, out in zip(ordered, values, y, strict=True):
        out[...] = np.searchsorted(row, wanted, side="right")


def cumprod(x, exclusive, reverse, y):
    """y[o, r, i] = product of x[o, q, i] over q <= r; exclusive: q < r; reverse: q >= r, q > r."""
    _running(np.multiply, x, 1, exclusive, reverse, y)


def cumulative_logsumexp(x, exclusive, reverse, y):
    """y[o, r, i] = log of the sum of exp(x[o, q, i]) over the q of ``cumprod``; -inf for none."""
    _running(np.logaddexp, x, -np.inf, exclusive, reverse, y)


def _running(function, x, start, exclusive, reverse, y):
    if reverse:
        x, y = x[:, ::-1], y[:, ::-1]
    if not exclusive:
        function.accumulate(x, axis=1, out=y)
    elif x.shape[1]:
        y[:, :1] = start
        function.accumulate(x[:, :-1], axis=1, out=y[:, 1:])


def max_pool_with_argmax(x, ksize, strides, pad, y, argmax):
    """y[n, p, q, c] = the greatest of a window of image n, and its place in the flat x; of equal ones the first.

    x: (n, h, w, c), read. ksize, strides: (height, width). pad: rows above and columns to the left. argmax: int64.
    """
    n, h, w, c = x.shape
    places = np.arange(x.size).reshape(x.shape)
    y[...], argmax[...] = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, -1
    for i in range(ksize[0]):
        rows = np.arange(y.shape[1]) * strides[0] - pad[0] + i
        for j in range(ksize[1]):
            columns = np.arange(y.shape[2]) * strides[1] - pad[1] + j
            p, q = np.flatnonzero((rows >= 0) & (rows < h)), np.flatnonzero((columns >= 0) & (columns < w))
            windows = np.ix_(np.arange(n), p, q, np.arange(c))
            pixels = np.ix_(np.arange(n), rows[p], columns[q], np.arange(c))
            better = (x[pixels] > y[windows]) | (argmax[windows] < 0)
            y[windows] = np.where(better, x[pixels], y[windows])
            argmax[windows] = np.where(better, places[pixels], argmax[windows])
