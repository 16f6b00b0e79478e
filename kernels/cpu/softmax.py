"""Softmax and cross entropies on the CPU, forward and backward. Twin: ``kernels/cuda/softmax.py``.

Matrices are (rows, classes), C-contiguous, of one float dtype. A task owns whole rows, so results do not depend on the
number of threads. The largest entry of each row is subtracted before any exponential is taken: none overflows. A NaN
makes its whole row NaN.
"""

import numpy as np
from numba import prange

from ..jit import exact, inner, kernel
from .elementwise import blocks, part
from .scalar import exp_of, log1p_of

SERIAL_BELOW = 8192  # elements; exponentials take long enough for a second thread to pay early


@inner
def _largest(row):
    """The maximum of a row that is not empty (a NaN beside numbers may be passed over: it shows in the sums)."""
    largest = row[0]
    for c in range(1, row.size):
        largest = row[c] if row[c] > largest else largest
    return largest


@exact  # x - largest - log(sum) taken as x - (largest + log(sum)) would lose the digits of large logits
def _below(largest, x):
    """How far ``x`` lies below the largest entry of its row."""
    return largest - x


@inner
def _exponentials(row, largest, out):
    """out[c] = exp(row[c] - largest); returns their sum."""
    total = out.dtype.type(0)
    for c in range(row.size):
        out[c] = np.exp(-_below(largest, row[c]))
        total += out[c]
    return total


@inner
def _scale(row, factor):
    """row *= factor."""
    for c in range(row.size):
        row[c] *= factor


@kernel(parallel=True, serial_below=SERIAL_BELOW)
def softmax(x, y):
    """y[r, c] = exp(x[r, c]) / sum of exp(x[r, :]). x: read. y: written."""
    if x.shape[1] > 0:
        for r in prange(x.shape[0]):
            _scale(y[r], y.dtype.type(1) / _exponentials(x[r], _largest(x[r]), y[r]))


@kernel(parallel=True)
def softmax_grad(dy, y, dx):
    """dx[r, c] = y[r, c] * (dy[r, c] - sum of dy[r, :] * y[r, :]). dy, y: read. dx: written."""
    for r in prange(y.shape[0]):
        mean = dx.dtype.type(0)
        for c in range(y.shape[1]):
            mean += dy[r, c] * y[r, c]
        for c in range(y.shape[1]):
            dx[r, c] = y[r, c] * (dy[r, c] - mean)


@kernel(parallel=True, serial_below=SERIAL_BELOW)
def log_softmax(x, y):
    """y[r, c] = x[r, c] - log(sum of exp(x[r, :])). x: read. y: written."""
    if x.shape[1] > 0:
        for r in prange(x.shape[0]):
            largest = _largest(x[r])
            shift = np.log(_exponentials(x[r], largest, y[r]))
            for c in range(x.shape[1]):
                y[r, c] = -_below(largest, x[r, c]) - shift


@kernel(parallel=True, serial_below=SERIAL_BELOW)
def log_softmax_grad(dy, y, dx):
    """dx[r, c] = dy[r, c] - exp(y[r, c]) * sum of dy[r, :]. dy, y: read. dx: written."""
    for r in prange(y.shape[0]):
        total = dx.dtype.type(0)
        for c in range(y.shape[1]):
            total += dy[r, c]
        for c in range(y.shape[1]):
            dx[r, c] = dy[r, c] - np.exp(y[r, c]) * total


@kernel(parallel=True, serial_below=SERIAL_BELOW)
def sparse_softmax_cross_entropy(logits, labels, loss, backprop):
    """loss[r] = -log softmax(logits[r])[labels[r]], and its derivative by the logits in one pass.

    logits: read. labels: (rows,), int32 or int64, each in [0, classes), read. loss: (rows,), written.
    backprop: as logits, written: softmax(logits[r])[c] - (1 if c = labels[r] else 0).
    """
    for r in prange(logits.shape[0]):
        largest = _largest(logits[r])
        total = _exponentials(logits[r], largest, backprop[r])
        loss[r] = np.log(total) + _below(largest, logits[r, labels[r]])
        _scale(backprop[r], loss.dtype.type(1) / total)
        backprop[r, labels[r]] -= loss.dtype.type(1)


@kernel(parallel=True, serial_below=SERIAL_BELOW)
def softmax_cross_entropy(logits, labels, loss, backprop):
    """loss[r] = -sum of labels[r, c] * log softmax(logits[r])[c] over c, and its derivative by the logits in one pass.

    logits, labels: read; a row of labels adds up to 1. loss: (rows,), written. backprop: as logits, written:
    softmax(logits[r]) - labels[r]. A label of 0 adds nothing to the loss, even where its logit is -infinity.
    """
    zero = loss.dtype.type(0)
    for r in prange(logits.shape[0]):
        loss[r] = zero
        if logits.shape[1] > 0:
            largest = _largest(logits[r])
            total = _exponentials(logits[r], largest, backprop[r])
            shift, factor, entropy = np.log(total), loss.dtype.type(1) / total, zero
            for c in range(logits.shape[1]):
                label = labels[r, c]
                entropy += zero if label == zero else label * (shift + _below(largest, logits[r, c]))
                backprop[r, c] = backprop[r, c] * factor - label
            loss[r] = entropy


@kernel(parallel=True, serial_below=SERIAL_BELOW)
def sigmoid_cross_entropy(logits, labels, loss):
    """loss = -z * log(sigmoid(x)) - (1 - z) * log(1 - sigmoid(x)) = max(x, 0) - x * z + log(1 + exp(-abs(x))).

    logits x, labels z: flat, one dtype, read. loss: as logits, written.
    """
    zero = loss.dtype.type(0)
    for block in prange(blocks(loss.size)):
        xs, zs, out = part(logits, block), part(labels, block), part(loss, block)
        for i in range(out.size):
            positive = xs[i] if xs[i] > zero else zero
            out[i] = positive - xs[i] * zs[i] + log1p_of(exp_of(-np.abs(xs[i])))
