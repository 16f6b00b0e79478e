"""What integers alone have on the CPU: bits, and products that wrap around. Twin: ``kernels/cuda/integer.py``.

The bits are plain NumPy: it runs at the speed of memory and needs no compiling. Arrays are of one integer dtype; inputs
are read, outputs written.
"""

import numpy as np

from ..jit import kernel


def bitwise_and(a, b, y):
    """y = the bits that are set in a and in b. Shapes broadcast."""
    np.bitwise_and(a, b, out=y)


def bitwise_or(a, b, y):
    """y = the bits that are set in a or in b. Shapes broadcast."""
    np.bitwise_or(a, b, out=y)


def bitwise_xor(a, b, y):
    """y = the bits that are set in one of a and b. Shapes broadcast."""
    np.bitwise_xor(a, b, out=y)


def invert(x, y):
    """y = the bits that are not set in x."""
    np.invert(x, out=y)


def _rows(a, b, transpose_a, transpose_b, c):
    return c.shape[0] * c.shape[1]


def _multiply_adds(a, b, transpose_a, transpose_b, c):
    return c.size * a.shape[1 if transpose_a else 2]


@kernel(tasks=_rows, work=_multiply_adds)
def matmul(task, a, b, transpose_a, transpose_b, c):
    """c[n] = op(a[n]) op(b[n]), where op transposes if the flag says so. One task: a row of c.

    a: (batch or 1, m, k), with transpose_a (.., k, m). b: (batch or 1, k, n), with transpose_b (.., n, k).
    c: (batch, m, n). A first axis of size 1 serves the whole batch.
    """
    _, height, width = c.shape
    n, i = task // height, task % height
    left, right, row = a[n if a.shape[0] > 1 else 0], b[n if b.shape[0] > 1 else 0], c[n, i]
    for j in range(width):
        row[j] = 0
    for k in range(left.shape[0 if transpose_a else 1]):
        factor = left[k, i] if transpose_a else left[i, k]
        for j in range(width):
            row[j] += factor * (right[j, k] if transpose_b else right[k, j])
