"""Softmax and cross entropies on the CPU, forward and backward. Twin: ``kernels/cuda/softmax.py``.

Matrices are (rows, classes), C-contiguous, of one float dtype. A task owns whole rows, so results do not depend on the
number of threads. The largest entry of each row is subtracted before any exponential is taken: none overflows. One that
is less than the smallest normal number (1.2e-38 in float32) counts as 0. A NaN makes its whole row NaN.

Rows are short (10 classes) or long (1000). What goes by rows is written with vectors, whose last one may be broken; the
exponentials, most of the work, are one loop over all short rows of a task.
"""

import numpy as np

from ..jit import exact, inner, kernel
from .scalar import exp_below_zero_of, log1p_of, log_of
from .simd import run
from .vectors import broadcast, fma, greatest, lanes, load, load_some, maximum, store_some, total

BLOCK = 4096  # elements of a task, about
LONG = 64  # entries; in a longer row the exponentials are a loop of their own, which adds them up at once
SERIAL_BELOW = 8192  # elements; exponentials take long enough for a second thread to pay early


def _rows(x):
    """Rows of one task."""
    return -(-BLOCK // max(1, x.shape[1]))


def _tasks(x, *_):
    return -(-x.shape[0] // _rows(x)) if x.shape[1] else 0


def _size(x, *_):
    return x.size


@inner
def _task_rows(x, task):
    """[first, last) of the rows of a task."""
    rows = (BLOCK + x.shape[1] - 1) // x.shape[1]
    return task * rows, min(x.shape[0], (task + 1) * rows)


@inner
def _largest(row):
    """The greatest entry of a row that is not empty."""
    n = lanes(row)
    if row.size < n:
        largest = row[0]
        for c in range(1, row.size):
            largest = row[c] if (row[c] > largest) | np.isnan(row[c]) else largest
        return largest
    last = row.size - n  # of the vectors, which may overlap others
    one = two = three = four = load(row, last)  # four chains: a maximum takes several cycles
    for c in range(0, last, 4 * n):
        one = maximum(one, load(row, c))
        two = maximum(two, load(row, min(c + n, last)))
        three = maximum(three, load(row, min(c + 2 * n, last)))
        four = maximum(four, load(row, min(c + 3 * n, last)))
    return greatest(maximum(maximum(one, two), maximum(three, four)))


@inner
def _sum(row):
    sums = broadcast(row.dtype.type(0), row)
    for c in range(0, row.size, lanes(row)):
        sums += load_some(row, c, row.size - c)
    return total(sums)


@exact  # row[c] - (largest + less) would lose the digits of large logits
def _shift(row, largest, less, out):
    """out[c] = row[c] - largest - less."""
    a, b = broadcast(largest, row), broadcast(less, row)
    for c in range(0, row.size, lanes(row)):
        store_some((load_some(row, c, row.size - c) - a) - b, out, c, row.size - c)


@exact
def _below(largest, x):
    """How far ``x`` lies below the largest entry of its row."""
    return largest - x


@inner
def _scale(row, factor):
    """row *= factor."""
    for c in range(0, row.size, lanes(row)):
        store_some(load_some(row, c, row.size - c) * broadcast(factor, row), row, c, row.size - c)


@inner
def _row(x, r):
    return run(x, r * x.shape[1], x.shape[1])


@inner
def _exponentials(x, first, last, out, largest, sums):
    """Rows [first, last) of out = exp(x - the row's largest entry), which goes to ``largest``; sums: of out's rows."""
    zero, classes = x.dtype.type(0), x.shape[1]
    for r in range(first, last):
        row, powers = _row(x, r), _row(out, r)
        top, added = _largest(row), zero
        largest[r - first] = top
        if classes < LONG:
            _shift(row, top, zero, powers)
            continue
        for c in range(classes):
            powers[c] = exp_below_zero_of(-_below(top, row[c]))
            added += powers[c]
        sums[r - first] = added
    if classes < LONG:
        flat = run(out, first * classes, (last - first) * classes)
        for i in range(flat.size):
            flat[i] = exp_below_zero_of(flat[i])
        for r in range(first, last):
            sums[r - first] = _sum(_row(out, r))


@kernel(tasks=_tasks, serial_below=SERIAL_BELOW)
def softmax(task, x, y):
    """y[r, c] = exp(x[r, c]) / sum of exp(x[r, :]). x: read. y: written."""
    first, last = _task_rows(x, task)
    largest, sums, one = np.empty(last - first, x.dtype), np.empty(last - first, x.dtype), x.dtype.type(1)
    _exponentials(x, first, last, y, largest, sums)
    for r in range(first, last):
        _scale(_row(y, r), one / sums[r - first])


@kernel(tasks=_tasks)
def softmax_grad(task, dy, y, dx):
    """dx[r, c] = y[r, c] * (dy[r, c] - sum of dy[r, :] * y[r, :]). dy, y: read. dx: written."""
    first, last = _task_rows(y, task)
    for r in range(first, last):
        a, b, out = _row(dy, r), _row(y, r), _row(dx, r)
        even = odd = broadcast(y.dtype.type(0), b)  # sums over every second vector: two chains of additions
        for c in range(0, b.size, 2 * lanes(b)):
            d, count = c + lanes(b), b.size - c
            even = fma(load_some(a, c, count), load_some(b, c, count), even)
            odd = fma(load_some(a, d, count - lanes(b)), load_some(b, d, count - lanes(b)), odd)
        mean = broadcast(total(even + odd), b)
        for c in range(0, b.size, lanes(b)):
            count = b.size - c
            store_some(load_some(b, c, count) * (load_some(a, c, count) - mean), out, c, count)


@kernel(tasks=_tasks, serial_below=SERIAL_BELOW)
def log_softmax(task, x, y):
    """y[r, c] = x[r, c] - log(sum of exp(x[r, :])). x: read. y: written."""
    first, last = _task_rows(x, task)
    largest, sums = np.empty(last - first, x.dtype), np.empty(last - first, x.dtype)
    _exponentials(x, first, last, y, largest, sums)
    for r in range(first, last):
        _shift(_row(x, r), largest[r - first], log_of(sums[r - first]), _row(y, r))


@kernel(tasks=_tasks, serial_below=SERIAL_BELOW)
def log_softmax_grad(task, dy, y, dx):
    """dx[r, c] = dy[r, c] - exp(y[r, c]) * sum of dy[r, :]. dy, y: read. dx: written."""
    first, last = _task_rows(y, task)
    for r in range(first, last):
        sums = _sum(_row(dy, r))
        a, b, out = _row(dy, r), _row(y, r), _row(dx, r)
        for c in range(b.size):
            out[c] = a[c] - exp_below_zero_of(b[c]) * sums


@kernel(tasks=_tasks, work=_size, serial_below=SERIAL_BELOW)
def sparse_softmax_cross_entropy(task, logits, labels, loss, backprop):
    """loss[r] = -log softmax(logits[r])[labels[r]], and its derivative by the logits in one pass.

    logits: read. labels: (rows,), int32 or int64, each in [0, classes), read. loss: (rows,), written.
    backprop: as logits, written: softmax(logits[r])[c] - (1 if c = labels[r] else 0).
    """
    first, last = _task_rows(logits, task)
    largest, sums, one = np.empty(last - first, loss.dtype), np.empty(last - first, loss.dtype), loss.dtype.type(1)
    _exponentials(logits, first, last, backprop, largest, sums)
    for r in range(first, last):
        gradient = _row(backprop, r)
        loss[r] = log_of(sums[r - first]) + _below(largest[r - first], logits[r, labels[r]])
        _scale(gradient, one / sums[r - first])
        gradient[labels[r]] -= one


def softmax_cross_entropy(logits, labels, loss, backprop):
    """loss[r] = -sum of labels[r, c] * log softmax(logits[r])[c] over c, and its derivative by the logits in one pass.

    logits, labels: read; a row of labels adds up to 1. loss: (rows,), written. backprop: as logits, written:
    softmax(logits[r]) - labels[r]. A label of 0 adds nothing to the loss, even where its logit is -infinity.
    """
    if logits.shape[1]:
        _softmax_cross_entropy(logits, labels, loss, backprop)
    else:
        loss[...] = 0


@kernel(tasks=_tasks, work=_size, serial_below=SERIAL_BELOW)
def _softmax_cross_entropy(task, logits, labels, loss, backprop):
    first, last = _task_rows(logits, task)
    largest, sums = np.empty(last - first, loss.dtype), np.empty(last - first, loss.dtype)
    _exponentials(logits, first, last, backprop, largest, sums)
    zero, one = loss.dtype.type(0), loss.dtype.type(1)
    for r in range(first, last):
        shift, factor, entropy = log_of(sums[r - first]), one / sums[r - first], zero
        row, wanted, gradient = _row(logits, r), _row(labels, r), _row(backprop, r)
        for c in range(row.size):
            label = wanted[c]
            entropy += zero if label == zero else label * (shift + _below(largest[r - first], row[c]))
            gradient[c] = gradient[c] * factor - label
        loss[r] = entropy


@kernel(tasks=lambda logits, labels, loss: -(-loss.size // BLOCK), serial_below=SERIAL_BELOW)
def sigmoid_cross_entropy(block, logits, labels, loss):
    """loss = -z * log(sigmoid(x)) - (1 - z) * log(1 - sigmoid(x)) = max(x, 0) - x * z + log(1 + exp(-abs(x))).

    logits x, labels z: flat, one dtype, read. loss: as logits, written.
    """
    zero, start = loss.dtype.type(0), block * BLOCK
    count = min(BLOCK, loss.size - start)
    xs, zs, out = run(logits, start, count), run(labels, start, count), run(loss, start, count)
    for i in range(count):
        positive = xs[i] if xs[i] > zero else zero
        out[i] = positive - xs[i] * zs[i] + log1p_of(exp_below_zero_of(-np.abs(xs[i])))
