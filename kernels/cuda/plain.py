"""Matrix products on a GPU of numbers that ``matmul.py`` has no tiles for: integers, which wrap around, and float64.

A thread has an element of the product. Neighbours read the same row of a, and entries of b that lie side by side.
"""

from .elements import EACH, blocks
from .launch import within_reach
from .strides import element
from .target import device, int64, uint32
from .typed import INTEGERS, typed

_ARGUMENTS = "T T* T* int32[3] int32[3] T* int32 int32 int32 int32"


@device
def _whole(x):
    return int64(x)


@device
def _real(x):
    return x


@device
def _product(number, none, a, b, steps_a, steps_b, c, height, width, depth, n):
    """steps: from a matrix of op(a) to the next, from a row, from a column. number: what entries are multiplied as."""
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            line, column = uint32(i // uint32(width)), uint32(i % uint32(width))
            matrix, row = uint32(line // uint32(height)), uint32(line % uint32(height))
            p = uint32(matrix * uint32(steps_a[0]) + row * uint32(steps_a[1]))
            q = uint32(matrix * uint32(steps_b[0]) + column * uint32(steps_b[2]))
            total = number(none)
            for _ in range(depth):
                total += number(a[p]) * number(b[q])
                p, q = uint32(p + uint32(steps_a[2])), uint32(q + uint32(steps_b[1]))
            c[i] = total


@typed(_ARGUMENTS, *INTEGERS)
def _integers(none, a, b, steps_a, steps_b, c, height, width, depth, n):
    _product(_whole, none, a, b, steps_a, steps_b, c, height, width, depth, n)


@typed(_ARGUMENTS, "float64")
def _doubles(none, a, b, steps_a, steps_b, c, height, width, depth, n):
    _product(_real, none, a, b, steps_a, steps_b, c, height, width, depth, n)


def matmul(a, b, transpose_a, transpose_b, c):
    """c[n] = op(a[n]) op(b[n]), where op transposes if the flag says so. Integers or float64.

    a: (batch or 1, m, k), with transpose_a (.., k, m). b: (batch or 1, k, n), with transpose_b (.., n, k).
    c: (batch, m, n). A first axis of size 1 serves the whole batch.
    """
    within_reach(a, b)
    depth = a.shape[1 if transpose_a else 2]
    steps = [_steps(x, flag) for x, flag in ((a, transpose_a), (b, transpose_b))]
    chosen = (_doubles if c.dtype.kind == "f" else _integers).of(c)
    chosen(blocks(c), c.dtype.type(0), a, b, *steps, c, *c.shape[1:], depth, c.size)


def _steps(x, transpose):
    """From a matrix of op(x) to the next (0 if it serves all), from a row to the next, from a column to the next."""
    matrix = x.shape[1] * x.shape[2] if x.shape[0] > 1 else 0
    return (matrix, 1, x.shape[2]) if transpose else (matrix, x.shape[2], 1)
