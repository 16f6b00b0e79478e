"""What integers alone have on a GPU: bits, and products that wrap around. Twin: ``kernels/cpu/integer.py``.

Arrays are of one integer dtype; inputs are read, outputs written.
"""

from .elements import EACH, blocks, of_one, vectors
from .operands import PAIR, pairs, prepared
from .strides import element, merged, stretching
from .target import device, int64, uint32
from .typed import INTEGERS, typed, words


@device
def _and(a, b):
    return a & b


@device
def _or(a, b):
    return a | b


@device
def _xor(a, b):
    return a ^ b


@words(PAIR)
def _bitwise_and(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_and, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


@words(PAIR)
def _bitwise_or(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_or, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


@words(PAIR)
def _bitwise_xor(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_xor, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def _launch(chosen, a, b, y):
    columns = merged(y.shape, *(stretching(x.shape, y.ndim) for x in (a, b)))
    (a, b), walk, wide = prepared((a, b), columns, y)
    chosen.of_size(y.dtype.itemsize)(blocks(y), a, b, *walk, y, y.size, wide)


def bitwise_and(a, b, y):
    """y = the bits that are set in a and in b. Shapes broadcast."""
    _launch(_bitwise_and, a, b, y)


def bitwise_or(a, b, y):
    """y = the bits that are set in a or in b. Shapes broadcast."""
    _launch(_bitwise_or, a, b, y)


def bitwise_xor(a, b, y):
    """y = the bits that are set in one of a and b. Shapes broadcast."""
    _launch(_bitwise_xor, a, b, y)


@device
def _complement(x):
    return ~x


@words("T* T* int32 int32")
def _invert(x, y, n, wide):
    of_one(_complement, (), x, y, n, wide)


def invert(x, y):
    """y = the bits that are not set in x."""
    _invert.of_size(y.dtype.itemsize)(blocks(y), x, y, y.size, vectors(x, y))


@typed("T* T* int32[3] int32[3] T* int32 int32 int32 int32", *INTEGERS)
def _matmul(a, b, steps_a, steps_b, c, height, width, depth, n):
    """A thread has an element of c. steps: from a matrix of op(a) to the next, from a row, from a column."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            line, column = uint32(i // uint32(width)), uint32(i % uint32(width))
            matrix, row = uint32(line // uint32(height)), uint32(line % uint32(height))
            p = uint32(matrix * uint32(steps_a[0]) + row * uint32(steps_a[1]))
            q = uint32(matrix * uint32(steps_b[0]) + column * uint32(steps_b[2]))
            total = int64(0)
            for _ in range(depth):
                total += int64(a[p]) * int64(b[q])
                p, q = uint32(p + uint32(steps_a[2])), uint32(q + uint32(steps_b[1]))
            c[i] = total


def matmul(a, b, transpose_a, transpose_b, c):
    """c[n] = op(a[n]) op(b[n]), where op transposes if the flag says so. int32 or int64.

    a: (batch or 1, m, k), with transpose_a (.., k, m). b: (batch or 1, k, n), with transpose_b (.., n, k).
    c: (batch, m, n). A first axis of size 1 serves the whole batch.
    """
    depth = a.shape[1 if transpose_a else 2]
    steps = [_steps(x, flag) for x, flag in ((a, transpose_a), (b, transpose_b))]
    _matmul.of(c)(blocks(c), a, b, *steps, c, *c.shape[1:], depth, c.size)


def _steps(x, transpose):
    """From a matrix of op(x) to the next (0 if it serves all), from a row to the next, from a column to the next."""
    matrix = x.shape[1] * x.shape[2] if x.shape[0] > 1 else 0
    return (matrix, 1, x.shape[2]) if transpose else (matrix, x.shape[2], 1)
