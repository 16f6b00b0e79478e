"""Softmax and cross entropies on a GPU, forward and backward. Twin: ``kernels/cpu/softmax.py``.

Matrices are (rows, classes), C-contiguous, float32. A warp has a row, or a block if it is long (``rows.py``): its
threads walk along it together, and what they find they combine by shuffles. No exponential overflows, as the largest
entry is subtracted; it is found on the same walk as the sum of exponentials, which is scaled down whenever a larger
entry comes, so that a row is read twice, not three times. A NaN makes its whole row NaN.

Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018, algorithm 3.
"""

from .elements import blocks, of_two, vectors
from .launch import THREADS, ceildiv, kernel
from .reduction import WARPS, add, larger
from .rows import along_rows, four, four_left, of_row_of_block, of_row_of_warp, put_four, row_of_block, row_of_warp
from .scalar import INFINITY, NAN, ONE, ZERO, exp_below_zero_of, log1p_of, log_of, select
from .target import cuda, device, float32, int64, uint32

_TWO_ARRAYS, _THREE_ARRAYS = "float32* float32* int32 int32", "float32* float32* float32* int32 int32"
_CROSS_ENTROPY = "float32* {}* float32* float32* int32 int32"


def _along_rows(short, long, x, *args):
    if x.shape[1]:
        along_rows(short, long, x, *args)


@device
def _base(largest):
    """What is subtracted: the largest entry, but 0 where all are minus infinity, which has no difference to itself."""
    return select(largest == -INFINITY, ZERO, largest)


@device
def _largest_and_sum(of_row, numbers, x, start, lane, step, classes):
    """(the row's largest entry, the sum of exp(entry - largest))."""
    largest, total, c = -INFINITY, ZERO, lane
    while four_left(c, step, classes):
        p, q, r, s = four(x, start + int64(c), int64(step))
        before, largest = largest, larger(largest, larger(larger(p, q), larger(r, s)))
        base = _base(largest)
        powers = exp_below_zero_of(p - base) + exp_below_zero_of(q - base)
        powers = powers + (exp_below_zero_of(r - base) + exp_below_zero_of(s - base))
        total, c = total * exp_below_zero_of(before - base) + powers, uint32(c + uint32(4) * step)
    while c < classes:
        entry = x[start + int64(c)]
        before, largest = largest, larger(largest, entry)
        base = _base(largest)
        total = total * exp_below_zero_of(before - base) + exp_below_zero_of(entry - base)
        c = uint32(c + step)
    mine, largest = largest, of_row(larger, largest, numbers)
    return largest, of_row(add, total * exp_below_zero_of(mine - _base(largest)), numbers)


@device
def _softmax(own_row, of_row, numbers, x, y, rows, classes):
    row, c, step = own_row()
    if row < uint32(rows):
        start, apart = int64(row) * int64(classes), int64(step)
        largest, total = _largest_and_sum(of_row, numbers, x, start, c, step, uint32(classes))
        factor = ONE / total
        while four_left(c, step, uint32(classes)):
            p, q, r, s = four(x, start + int64(c), apart)
            p, q = exp_below_zero_of(p - largest) * factor, exp_below_zero_of(q - largest) * factor
            r, s = exp_below_zero_of(r - largest) * factor, exp_below_zero_of(s - largest) * factor
            put_four(y, start + int64(c), apart, p, q, r, s)
            c = uint32(c + uint32(4) * step)
        while c < uint32(classes):
            y[start + int64(c)] = exp_below_zero_of(x[start + int64(c)] - largest) * factor
            c = uint32(c + step)


@kernel(_TWO_ARRAYS)
def _softmax_short(x, y, rows, classes):
    _softmax(row_of_warp, of_row_of_warp, None, x, y, rows, classes)


@kernel(_TWO_ARRAYS)
def _softmax_long(x, y, rows, classes):
    numbers = cuda.shared.array(WARPS, float32)
    _softmax(row_of_block, of_row_of_block, numbers, x, y, rows, classes)


def softmax(x, y):
    """y[r, c] = exp(x[r, c]) / sum of exp(x[r, :]). x: read. y: written."""
    _along_rows(_softmax_short, _softmax_long, x, y)


@device
def _softmax_grad(own_row, of_row, numbers, y, dy, dx, rows, classes):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, apart, c, mean = int64(row) * int64(classes), int64(step), lane, ZERO
        while c < uint32(classes):
            mean = mean + dy[start + int64(c)] * y[start + int64(c)]
            c = uint32(c + step)
        mean, c = of_row(add, mean, numbers), lane
        while four_left(c, step, uint32(classes)):
            p, q, r, s = four(y, start + int64(c), apart)
            t, u, v, w = four(dy, start + int64(c), apart)
            put_four(dx, start + int64(c), apart, p * (t - mean), q * (u - mean), r * (v - mean), s * (w - mean))
            c = uint32(c + uint32(4) * step)
        while c < uint32(classes):
            dx[start + int64(c)] = y[start + int64(c)] * (dy[start + int64(c)] - mean)
            c = uint32(c + step)


@kernel(_THREE_ARRAYS)
def _softmax_grad_short(y, dy, dx, rows, classes):
    _softmax_grad(row_of_warp, of_row_of_warp, None, y, dy, dx, rows, classes)


@kernel(_THREE_ARRAYS)
def _softmax_grad_long(y, dy, dx, rows, classes):
    numbers = cuda.shared.array(WARPS, float32)
    _softmax_grad(row_of_block, of_row_of_block, numbers, y, dy, dx, rows, classes)


def softmax_grad(dy, y, dx):
    """dx[r, c] = y[r, c] * (dy[r, c] - sum of dy[r, :] * y[r, :]). dy, y: read. dx: written."""
    _along_rows(_softmax_grad_short, _softmax_grad_long, y, dy, dx)


@device
def _log_softmax(own_row, of_row, numbers, x, y, rows, classes):
    row, c, step = own_row()
    if row < uint32(rows):
        start, apart = int64(row) * int64(classes), int64(step)
        largest, total = _largest_and_sum(of_row, numbers, x, start, c, step, uint32(classes))
        less = log_of(total)
        while four_left(c, step, uint32(classes)):
            p, q, r, s = four(x, start + int64(c), apart)
            p, q, r, s = (p - largest) - less, (q - largest) - less, (r - largest) - less, (s - largest) - less
            put_four(y, start + int64(c), apart, p, q, r, s)
            c = uint32(c + uint32(4) * step)
        while c < uint32(classes):
            y[start + int64(c)] = (x[start + int64(c)] - largest) - less
            c = uint32(c + step)


@kernel(_TWO_ARRAYS)
def _log_softmax_short(x, y, rows, classes):
    _log_softmax(row_of_warp, of_row_of_warp, None, x, y, rows, classes)


@kernel(_TWO_ARRAYS)
def _log_softmax_long(x, y, rows, classes):
    numbers = cuda.shared.array(WARPS, float32)
    _log_softmax(row_of_block, of_row_of_block, numbers, x, y, rows, classes)


def log_softmax(x, y):
    """y[r, c] = x[r, c] - log(sum of exp(x[r, :])). x: read. y: written."""
    _along_rows(_log_softmax_short, _log_softmax_long, x, y)


@device
def _log_softmax_grad(own_row, of_row, numbers, y, dy, dx, rows, classes):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, apart, c, total = int64(row) * int64(classes), int64(step), lane, ZERO
        while c < uint32(classes):
            total = total + dy[start + int64(c)]
            c = uint32(c + step)
        total, c = of_row(add, total, numbers), lane
        while four_left(c, step, uint32(classes)):
            p, q, r, s = four(y, start + int64(c), apart)
            t, u, v, w = four(dy, start + int64(c), apart)
            p, q = t - exp_below_zero_of(p) * total, u - exp_below_zero_of(q) * total
            r, s = v - exp_below_zero_of(r) * total, w - exp_below_zero_of(s) * total
            put_four(dx, start + int64(c), apart, p, q, r, s)
            c = uint32(c + uint32(4) * step)
        while c < uint32(classes):
            dx[start + int64(c)] = dy[start + int64(c)] - exp_below_zero_of(y[start + int64(c)]) * total
            c = uint32(c + step)


@kernel(_THREE_ARRAYS)
def _log_softmax_grad_short(y, dy, dx, rows, classes):
    _log_softmax_grad(row_of_warp, of_row_of_warp, None, y, dy, dx, rows, classes)


@kernel(_THREE_ARRAYS)
def _log_softmax_grad_long(y, dy, dx, rows, classes):
    numbers = cuda.shared.array(WARPS, float32)
    _log_softmax_grad(row_of_block, of_row_of_block, numbers, y, dy, dx, rows, classes)


def log_softmax_grad(dy, y, dx):
    """dx[r, c] = dy[r, c] - exp(y[r, c]) * sum of dy[r, :]. dy, y: read. dx: written."""
    _along_rows(_log_softmax_grad_short, _log_softmax_grad_long, y, dy, dx)


@device
def _sparse(own_row, of_row, numbers, logits, labels, loss, backprop, rows, classes):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, apart, c = int64(row) * int64(classes), int64(step), lane
        largest, total = _largest_and_sum(of_row, numbers, logits, start, lane, step, uint32(classes))
        known = int64(labels[row]) >= int64(0) and int64(labels[row]) < int64(classes)
        label = uint32(labels[row]) if known else uint32(0)
        share = ONE / total if known else NAN
        while four_left(c, step, uint32(classes)):
            p, q, r, s = four(logits, start + int64(c), apart)
            p, q = _slope(p - largest, c, label, total), _slope(q - largest, uint32(c + step), label, total)
            r = _slope(r - largest, uint32(c + uint32(2) * step), label, total)
            s = _slope(s - largest, uint32(c + uint32(3) * step), label, total)
            put_four(backprop, start + int64(c), apart, p * share, q * share, r * share, s * share)
            c = uint32(c + uint32(4) * step)
        while c < uint32(classes):
            backprop[start + int64(c)] = _slope(logits[start + int64(c)] - largest, c, label, total) * share
            c = uint32(c + step)
        if lane == uint32(0):
            loss[row] = log_of(total) + (largest - logits[start + int64(label)]) if known else NAN


@device
def _slope(below, c, label, total):
    """exp(below), less the sum of all such powers for the label."""
    power = exp_below_zero_of(below)
    return power - total if c == label else power


@kernel(_CROSS_ENTROPY.format("int32"))
def _sparse_int32_short(logits, labels, loss, backprop, rows, classes):
    _sparse(row_of_warp, of_row_of_warp, None, logits, labels, loss, backprop, rows, classes)


@kernel(_CROSS_ENTROPY.format("int32"))
def _sparse_int32_long(logits, labels, loss, backprop, rows, classes):
    numbers = cuda.shared.array(WARPS, float32)
    _sparse(row_of_block, of_row_of_block, numbers, logits, labels, loss, backprop, rows, classes)


@kernel(_CROSS_ENTROPY.format("int64"))
def _sparse_int64_short(logits, labels, loss, backprop, rows, classes):
    _sparse(row_of_warp, of_row_of_warp, None, logits, labels, loss, backprop, rows, classes)


@kernel(_CROSS_ENTROPY.format("int64"))
def _sparse_int64_long(logits, labels, loss, backprop, rows, classes):
    numbers = cuda.shared.array(WARPS, float32)
    _sparse(row_of_block, of_row_of_block, numbers, logits, labels, loss, backprop, rows, classes)


def sparse_softmax_cross_entropy(logits, labels, loss, backprop):
    """loss[r] = -log softmax(logits[r])[labels[r]], and its derivative by the logits in one pass.

    logits: read. labels: (rows,), int32 or int64, read. loss: (rows,), written. backprop: as logits, written:
    softmax(logits[r])[c] - (1 if c = labels[r] else 0). For a label outside of [0, classes) all of these are NaN, as
    TensorFlow has it on GPUs: an error would have to wait for the GPU.
    """
    if labels.dtype.itemsize == 4:
        _along_rows(_sparse_int32_short, _sparse_int32_long, logits, labels, loss, backprop)
    else:
        _along_rows(_sparse_int64_short, _sparse_int64_long, logits, labels, loss, backprop)


@device
def _softmax_cross_entropy(own_row, of_row, numbers, logits, labels, loss, backprop, rows, classes):
    row, lane, step = own_row()
    if row < uint32(rows):
        start, apart, c, entropy = int64(row) * int64(classes), int64(step), lane, ZERO
        largest, total = _largest_and_sum(of_row, numbers, logits, start, lane, step, uint32(classes))
        shift, factor = log_of(total), ONE / total
        while four_left(c, step, uint32(classes)):
            p, q, r, s = four(logits, start + int64(c), apart)
            t, u, v, w = four(labels, start + int64(c), apart)
            p, q, r, s = p - largest, q - largest, r - largest, s - largest
            entropy = entropy + (_surprise(shift, p, t) + _surprise(shift, q, u))
            entropy = entropy + (_surprise(shift, r, v) + _surprise(shift, s, w))
            p, q = exp_below_zero_of(p) * factor - t, exp_below_zero_of(q) * factor - u
            r, s = exp_below_zero_of(r) * factor - v, exp_below_zero_of(s) * factor - w
            put_four(backprop, start + int64(c), apart, p, q, r, s)
            c = uint32(c + uint32(4) * step)
        while c < uint32(classes):
            below, label = logits[start + int64(c)] - largest, labels[start + int64(c)]
            entropy = entropy + _surprise(shift, below, label)
            backprop[start + int64(c)] = exp_below_zero_of(below) * factor - label
            c = uint32(c + step)
        entropy = of_row(add, entropy, numbers)
        if lane == uint32(0):
            loss[row] = entropy


@device
def _surprise(shift, below, label):
    """What a label adds to the loss; of 0 it is nothing, even where the logit is minus infinity."""
    return select(label == ZERO, ZERO, label * (shift - below))


@kernel(_CROSS_ENTROPY.format("float32"))
def _softmax_cross_entropy_short(logits, labels, loss, backprop, rows, classes):
    _softmax_cross_entropy(row_of_warp, of_row_of_warp, None, logits, labels, loss, backprop, rows, classes)


@kernel(_CROSS_ENTROPY.format("float32"))
def _softmax_cross_entropy_long(logits, labels, loss, backprop, rows, classes):
    numbers = cuda.shared.array(WARPS, float32)
    _softmax_cross_entropy(row_of_block, of_row_of_block, numbers, logits, labels, loss, backprop, rows, classes)


def softmax_cross_entropy(logits, labels, loss, backprop):
    """loss[r] = -sum of labels[r, c] * log softmax(logits[r])[c] over c, and its derivative by the logits in one pass.

    logits, labels: read; a row of labels adds up to 1. loss: (rows,), written. backprop: as logits, written:
    softmax(logits[r]) - labels[r]. A label of 0 adds nothing to the loss, even where its logit is -infinity.
    """
    along_rows(_softmax_cross_entropy_short, _softmax_cross_entropy_long, logits, labels, loss, backprop)


@kernel(_THREE_ARRAYS)
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


@kernel(_THREE_ARRAYS)
def _sigmoid_cross_entropy(logits, labels, loss, n, wide):
    of_two(_sigmoid_cross_entropy_of, (), logits, labels, loss, n, wide)


def sigmoid_cross_entropy(logits, labels, loss):
    """loss = -z * log(sigmoid(x)) - (1 - z) * log(1 - sigmoid(x)) = max(x, 0) - x * z + log(1 + exp(-abs(x))).

    logits x, labels z: flat, read. loss: as logits, written.
    """
    _sigmoid_cross_entropy(blocks(loss), logits, labels, loss, loss.size, vectors(logits, labels, loss))
