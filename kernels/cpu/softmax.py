"""Softmax and cross entropies on the CPU, forward and backward. Twin: ``kernels/cuda/softmax.py``.

Matrices are (rows, classes), C-contiguous, of one float dtype. A task owns whole rows, so results do not depend on the
number of threads. The largest entry of each row is subtracted before any exponential is taken: none overflows. One that
is less than the smallest normal number (1.2e-38 in float32) counts as 0. A NaN makes its whole row NaN.

Rows are short (10 classes) or long (1000). What goes by rows is written with vectors, whose last one may be broken; the
exponentials, most of the work, are one loop over all short rows of a task.
"""

import numpy as np

from ..jit import exact, inner, kernel
from ..recording import call
from .scalar import exp_below_zero_of, log1p_of, log_of
from .simd import apart, run
from .tiles import prefetch
from .vectors import broadcast, fma, greatest, lanes, load, load_some, select, store, store_some, total

BLOCK = 4096  # elements of a task, about
AHEAD = 1024  # elements from what is read to what is asked for: while a row is worked on, the next ones arrive
SMALL = 2048  # elements; to scale fewer (the gradient of a batch's losses) is not worth compiling anything
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
    """[first, last) of the rows of a task, and how many of them pass through its scratch at once: one if it is long."""
    rows = -(-BLOCK // x.shape[1])
    first, last = task * rows, min(x.shape[0], (task + 1) * rows)
    return first, last, last - first if x.shape[1] < LONG else 1


@inner
def _largest(row):
    """The greatest entry of a row that is not empty. A NaN is passed over: its exponential makes the sum one."""
    n = lanes(row)
    if row.size < n:
        largest = row[0]
        for c in range(1, row.size):
            largest = select(row[c] > largest, row[c], largest)
        return largest
    last = row.size - n  # of the vectors, which may overlap others
    even = odd = load(row, last)  # two chains
    for c in range(0, last, 2 * n):
        prefetch(row, c + AHEAD)
        one, two = load(row, c), load(row, min(c + n, last))
        even, odd = select(one > even, one, even), select(two > odd, two, odd)
    return greatest(select(even > odd, even, odd))


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
def _scale(row, factor, y):
    """y = factor * row."""
    whole, wide = y.size // lanes(y) * lanes(y), broadcast(factor, y)
    for c in range(0, whole, lanes(y)):
        store(load(row, c) * wide, y, c)
    store_some(load_some(row, whole, y.size - whole) * wide, y, whole, y.size - whole)


@inner
def _row(x, r):
    return run(x, r * x.shape[1], x.shape[1])


@inner
def _powers(x, largest, out):
    """out = exp(x - largest), where no element of x is larger. Returns the sum."""
    apart()  # compiled once for short and for long rows
    added = largest - largest
    for c in range(x.size):
        power = exp_below_zero_of(-_below(largest, x[c]))
        out[c] = power
        added += power
    return added


@inner
def _exponentials(x, first, last, row, rows, scratch):
    """Rows [row, row + rows) of x: powers = exp(x - the row's largest entry), sums of them, and these entries.

    scratch: memory of the task of rows [first, last), in one piece: all of its rows' sums, and largest entries; the
    exponentials, and what they are of. Returns (powers, sums, largest), parts of it.
    """
    count, classes = last - first, x.shape[1]
    sums, largest = run(scratch, row - first, rows), run(scratch, count + row - first, rows)
    powers = run(scratch, 2 * count, rows * classes)
    shifted = run(scratch, 2 * count + rows * classes, rows * classes)
    for r in range(rows):
        entries = _row(x, row + r)
        largest[r] = _largest(entries)
        if classes < LONG:
            _shift(entries, largest[r], x.dtype.type(0), run(shifted, r * classes, classes))
        else:
            sums[r] = _powers(entries, largest[r], powers)
    if classes < LONG:
        _powers(shifted, x.dtype.type(0), powers)
        for r in range(rows):
            sums[r] = _sum(run(powers, r * classes, classes))
    return powers, sums, largest


@kernel(tasks=_tasks, serial_below=SERIAL_BELOW)
def softmax(task, x, y):
    """y[r, c] = exp(x[r, c]) / sum of exp(x[r, :]). x: read. y: written."""
    first, last, rows = _task_rows(x, task)
    scratch = np.empty(2 * (last - first + rows * x.shape[1]), x.dtype)
    classes, one = x.shape[1], x.dtype.type(1)
    for row in range(first, last, rows):
        powers, sums, _ = _exponentials(x, first, last, row, rows, scratch)
        for r in range(rows):
            _scale(run(powers, r * classes, classes), one / sums[r], _row(y, row + r))


@kernel(tasks=_tasks)
def softmax_grad(task, dy, y, dx):
    """dx[r, c] = y[r, c] * (dy[r, c] - sum of dy[r, :] * y[r, :]). dy, y: read. dx: written."""
    first, last, _ = _task_rows(y, task)
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
    first, last, rows = _task_rows(x, task)
    scratch = np.empty(2 * (last - first + rows * x.shape[1]), x.dtype)
    for row in range(first, last, rows):
        _, sums, largest = _exponentials(x, first, last, row, rows, scratch)
        for r in range(rows):
            _shift(_row(x, row + r), largest[r], log_of(sums[r]), _row(y, row + r))


@kernel(tasks=_tasks, serial_below=SERIAL_BELOW)
def log_softmax_grad(task, dy, y, dx):
    """dx[r, c] = dy[r, c] - exp(y[r, c]) * sum of dy[r, :]. dy, y: read. dx: written."""
    first, last, _ = _task_rows(y, task)
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
    first, last, rows = _task_rows(logits, task)
    scratch = np.empty(2 * (last - first + rows * logits.shape[1]), logits.dtype)
    classes, one = logits.shape[1], loss.dtype.type(1)
    for row in range(first, last, rows):
        powers, sums, largest = _exponentials(logits, first, last, row, rows, scratch)
        for r in range(rows):
            label, gradient = labels[row + r], run(powers, r * classes, classes)
            largest[r] = _below(largest[r], logits[row + r, label])
            gradient[label] -= sums[r]
            _scale(gradient, one / sums[r], _row(backprop, row + r))
    losses = run(loss, first, last - first)
    for r in range(losses.size):
        losses[r] = log_of(scratch[r]) + scratch[losses.size + r]


def scale_rows(factors, x, y):
    """y[r, c] = factors[r] * x[r, c]: the gradient of a cross entropy, as its derivative is known. All but y: read."""
    if x.size <= SMALL:
        call(_scale_small, factors[:, None], x, y)
    else:
        _scale_rows(x, factors, y)


@np.errstate(all="ignore")
def _scale_small(factors, x, y):
    np.multiply(factors, x, out=y)


@kernel(tasks=_tasks)
def _scale_rows(task, x, factors, y):
    first, last, _ = _task_rows(x, task)
    for r in range(first, last):
        _scale(_row(x, r), factors[r], _row(y, r))


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
    first, last, rows = _task_rows(logits, task)
    scratch = np.empty(2 * (last - first + rows * logits.shape[1]), logits.dtype)
    zero, one, classes = loss.dtype.type(0), loss.dtype.type(1), logits.shape[1]
    for start in range(first, last, rows):
        powers, sums, largest = _exponentials(logits, first, last, start, rows, scratch)
        for r in range(rows):
            shift, factor, entropy = log_of(sums[r]), one / sums[r], zero
            row, wanted, gradient = _row(logits, start + r), _row(labels, start + r), _row(backprop, start + r)
            power = run(powers, r * classes, classes)
            for c in range(row.size):
                label = wanted[c]
                entropy += zero if label == zero else label * (shift + _below(largest[r], row[c]))
                gradient[c] = power[c] * factor - label
            loss[start + r] = entropy


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
