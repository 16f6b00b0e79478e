"""Softmax and cross entropies on a GPU, forward and backward. Twin: ``kernels/cpu/softmax.py``.

Matrices are (rows, classes), C-contiguous, float32. A warp has a row: its lanes walk along it together, and what they
find they combine by shuffles. The largest entry is subtracted before any exponential is taken: none overflows. A NaN
makes its whole row NaN.
"""

from .elements import blocks, of_two, vectors
from .launch import THREADS, ceildiv, kernel
from .reduction import WARP, WARPS, larger, of_warp
from .scalar import INFINITY, NAN, ONE, ZERO, exp_below_zero_of, log1p_of, log_of, select
from .target import cuda, device, int64, uint32


def _grid(x):
    return ceildiv(x.shape[0], WARPS) if x.shape[1] else 0


@device
def _add(a, b):
    return a + b


@device
def _place():
    """(row, lane) of a thread."""
    t = uint32(cuda.threadIdx.x)
    row = uint32(uint32(cuda.blockIdx.x) * uint32(WARPS) + t // uint32(WARP))
    return row, uint32(t % uint32(WARP))


@device
def _largest_and_sum(x, start, lane, classes):
    """(the row's largest entry, the sum of exp(entry - largest))."""
    largest, c = -INFINITY, lane
    while c < classes:
        largest = larger(largest, x[start + int64(c)])
        c = uint32(c + uint32(WARP))
    largest = of_warp(larger, largest)
    total, c = ZERO, lane
    while c < classes:
        total = total + exp_below_zero_of(x[start + int64(c)] - largest)
        c = uint32(c + uint32(WARP))
    return largest, of_warp(_add, total)


@kernel("float32* float32* int32 int32")
def _softmax(x, y, rows, classes):
    row, lane = _place()
    if row < uint32(rows):
        start, c = int64(row) * int64(classes), lane
        largest, total = _largest_and_sum(x, start, lane, uint32(classes))
        while c < uint32(classes):
            y[start + int64(c)] = exp_below_zero_of(x[start + int64(c)] - largest) * (ONE / total)
            c = uint32(c + uint32(WARP))


def softmax(x, y):
    """y[r, c] = exp(x[r, c]) / sum of exp(x[r, :]). x: read. y: written."""
    _softmax(_grid(x), x, y, *x.shape)


@kernel("float32* float32* float32* int32 int32")
def _softmax_grad(dy, y, dx, rows, classes):
    row, lane = _place()
    if row < uint32(rows):
        start, c, mean = int64(row) * int64(classes), lane, ZERO
        while c < uint32(classes):
            mean = mean + dy[start + int64(c)] * y[start + int64(c)]
            c = uint32(c + uint32(WARP))
        mean, c = of_warp(_add, mean), lane
        while c < uint32(classes):
            dx[start + int64(c)] = y[start + int64(c)] * (dy[start + int64(c)] - mean)
            c = uint32(c + uint32(WARP))


def softmax_grad(dy, y, dx):
    """dx[r, c] = y[r, c] * (dy[r, c] - sum of dy[r, :] * y[r, :]). dy, y: read. dx: written."""
    _softmax_grad(_grid(y), dy, y, dx, *y.shape)


@kernel("float32* float32* int32 int32")
def _log_softmax(x, y, rows, classes):
    row, lane = _place()
    if row < uint32(rows):
        start, c = int64(row) * int64(classes), lane
        largest, total = _largest_and_sum(x, start, lane, uint32(classes))
        less = log_of(total)
        while c < uint32(classes):
            y[start + int64(c)] = (x[start + int64(c)] - largest) - less
            c = uint32(c + uint32(WARP))


def log_softmax(x, y):
    """y[r, c] = x[r, c] - log(sum of exp(x[r, :])). x: read. y: written."""
    _log_softmax(_grid(x), x, y, *x.shape)


@kernel("float32* float32* float32* int32 int32")
def _log_softmax_grad(dy, y, dx, rows, classes):
    row, lane = _place()
    if row < uint32(rows):
        start, c, total = int64(row) * int64(classes), lane, ZERO
        while c < uint32(classes):
            total = total + dy[start + int64(c)]
            c = uint32(c + uint32(WARP))
        total, c = of_warp(_add, total), lane
        while c < uint32(classes):
            dx[start + int64(c)] = dy[start + int64(c)] - exp_below_zero_of(y[start + int64(c)]) * total
            c = uint32(c + uint32(WARP))


def log_softmax_grad(dy, y, dx):
    """dx[r, c] = dy[r, c] - exp(y[r, c]) * sum of dy[r, :]. dy, y: read. dx: written."""
    _log_softmax_grad(_grid(y), dy, y, dx, *y.shape)


@device
def _sparse(logits, labels, loss, backprop, rows, classes):
    row, lane = _place()
    if row < uint32(rows):
        start, c = int64(row) * int64(classes), lane
        largest, total = _largest_and_sum(logits, start, lane, uint32(classes))
        known = int64(labels[row]) >= int64(0) and int64(labels[row]) < int64(classes)
        label = uint32(labels[row]) if known else uint32(0)
        share = ONE / total if known else NAN
        while c < uint32(classes):
            power = exp_below_zero_of(logits[start + int64(c)] - largest)
            backprop[start + int64(c)] = (power - total if c == label else power) * share
            c = uint32(c + uint32(WARP))
        if lane == uint32(0):
            loss[row] = log_of(total) + (largest - logits[start + int64(label)]) if known else NAN


@kernel("float32* int32* float32* float32* int32 int32")
def _sparse_int32(logits, labels, loss, backprop, rows, classes):
    _sparse(logits, labels, loss, backprop, rows, classes)


@kernel("float32* int64* float32* float32* int32 int32")
def _sparse_int64(logits, labels, loss, backprop, rows, classes):
    _sparse(logits, labels, loss, backprop, rows, classes)


def sparse_softmax_cross_entropy(logits, labels, loss, backprop):
    """loss[r] = -log softmax(logits[r])[labels[r]], and its derivative by the logits in one pass.

    logits: read. labels: (rows,), int32 or int64, read. loss: (rows,), written. backprop: as logits, written:
    softmax(logits[r])[c] - (1 if c = labels[r] else 0). For a label outside of [0, classes) all of these are NaN, as
    TensorFlow has it on GPUs: an error would have to wait for the GPU.
    """
    chosen = _sparse_int32 if labels.dtype.itemsize == 4 else _sparse_int64
    chosen(_grid(logits), logits, labels, loss, backprop, *logits.shape)


@kernel("float32* float32* float32* float32* int32 int32")
def _softmax_cross_entropy(logits, labels, loss, backprop, rows, classes):
    row, lane = _place()
    if row < uint32(rows):
        start, c, entropy = int64(row) * int64(classes), lane, ZERO
        largest, total = _largest_and_sum(logits, start, lane, uint32(classes))
        shift = log_of(total)
        while c < uint32(classes):
            entry, label = logits[start + int64(c)], labels[start + int64(c)]
            if label != ZERO:
                entropy = entropy + label * (shift + (largest - entry))
            backprop[start + int64(c)] = exp_below_zero_of(entry - largest) * (ONE / total) - label
            c = uint32(c + uint32(WARP))
        entropy = of_warp(_add, entropy)
        if lane == uint32(0):
            loss[row] = entropy


def softmax_cross_entropy(logits, labels, loss, backprop):
    """loss[r] = -sum of labels[r, c] * log softmax(logits[r])[c] over c, and its derivative by the logits in one pass.

    logits, labels: read; a row of labels adds up to 1. loss: (rows,), written. backprop: as logits, written:
    softmax(logits[r]) - labels[r]. A label of 0 adds nothing to the loss, even where its logit is -infinity.
    """
    _softmax_cross_entropy(ceildiv(logits.shape[0], WARPS), logits, labels, loss, backprop, *logits.shape)


@kernel("float32* float32* float32* int32 int32")
def _scale_rows(factors, x, y, size, classes):
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(size):
        y[i] = factors[uint32(i // uint32(classes))] * x[i]


def scale_rows(factors, x, y):
    """y[r, c] = factors[r] * x[r, c]: the gradient of a cross entropy, as its derivative is known. All but y: read."""
    _scale_rows(ceildiv(x.size, THREADS), factors, x, y, x.size, x.shape[1])


@device
def _sigmoid_cross_entropy_of(x, z):
    return select(x > ZERO, x, ZERO) - x * z + log1p_of(exp_below_zero_of(-abs(x)))


@kernel("float32* float32* float32* int32 int32")
def _sigmoid_cross_entropy(logits, labels, loss, n, wide):
    of_two(_sigmoid_cross_entropy_of, (), logits, labels, loss, n, wide)


def sigmoid_cross_entropy(logits, labels, loss):
    """loss = -z * log(sigmoid(x)) - (1 - z) * log(1 - sigmoid(x)) = max(x, 0) - x * z + log(1 + exp(-abs(x))).

    logits x, labels z: flat, read. loss: as logits, written.
    """
    _sigmoid_cross_entropy(blocks(loss), logits, labels, loss, loss.size, vectors(logits, labels, loss))
