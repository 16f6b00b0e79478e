"""Matrix products on the CPU. Twin: ``kernels/cuda/matmul.py``.

Work per task: a block of C. Its columns of op(B) are copied, DEPTH rows at a time, into panels that stay in the L1
cache; op(A) is read where it lies, because a tile needs only one number of each of its rows at a time.

                     DEPTH rows of op(B):    | panel | panel |      two vectors wide
                                             |       |       |
        rows of op(A):  ROWS x DEPTH  x      |  ...  |  ...  |   =  a tile of C, ROWS x two vectors, in registers

Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008 (without the packing of A).
"""

import numpy as np

from ..jit import inner, kernel
from .simd import VECTOR_BYTES, clear, copy
from .tiles import ROWS, multiply_panel, panel_width

BLOCK_ROWS = 192  # of C: one panel of op(B) is used as many times
DEPTH = 256  # of one block of op(B)
SERIAL_BELOW = 1 << 17  # multiply-adds


def matmul(a, b, transpose_a, transpose_b, c):
    """c[n] = op(a[n]) op(b[n]), where op transposes if the flag says so. Cost: 2 * batch * m * n * k flops.

    a: (batch or 1, m, k), with transpose_a (.., k, m), read. b: (batch or 1, k, n), with transpose_b (.., n, k), read.
    c: (batch, m, n), written. One float dtype. A first axis of size 1 serves the whole batch.
    """
    _products(a, b, transpose_a, transpose_b, a.shape[1 if transpose_a else 2], c)


def _tasks(a, b, transpose_a, transpose_b, depth, c):
    batch, height, width = c.shape
    return batch * -(-height // BLOCK_ROWS) * -(-width // _block_columns(height, c.itemsize))


def _block_columns(height, itemsize):
    return (2 if height <= BLOCK_ROWS else 4) * 2 * VECTOR_BYTES // itemsize


def _multiply_adds(a, b, transpose_a, transpose_b, depth, c):
    return c.size * depth


@kernel(tasks=_tasks, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _products(task, a, b, transpose_a, transpose_b, depth, c):
    """``matmul``, one block of c. depth: k."""
    left, right, out = a.ravel(), b.ravel(), c.ravel()
    _, height, width = c.shape
    step, row_step = (height, 1) if transpose_a else (1, depth)
    wide = 2 * VECTOR_BYTES // a.itemsize
    block_columns = (2 if height <= BLOCK_ROWS else 4) * wide
    blocks, column_blocks = -(-height // BLOCK_ROWS), -(-width // block_columns)
    zero = np.int64(0)  # a literal would make Numba compile the tiles once more
    image, block = task // (blocks * column_blocks), task % (blocks * column_blocks)
    top, first_column = block // column_blocks * BLOCK_ROWS, block % column_blocks * block_columns
    bottom, last_column = min(height, top + BLOCK_ROWS), min(width, first_column + block_columns)
    a_first = image * height * depth if a.shape[0] > 1 else 0
    b_first = image * width * depth if b.shape[0] > 1 else 0
    packed = np.empty(min(depth, DEPTH) * block_columns, a.dtype)
    rows, targets, runs = _offsets(bottom - top, row_step, width)
    start, target = a_first + top * row_step, (image * height + top) * width
    for first in range(0, max(1, depth), DEPTH):
        length, origin = min(DEPTH, depth - first), start + first * step
        for column in range(first_column, last_column, wide):
            panel = (column - first_column) * length
            _pack(right, b_first, first, length, depth, column, width, transpose_b, packed, panel)
            multiply_panel(
                left, rows, zero, bottom - top, origin, runs, length, step, packed, panel,
                first > 0, out, targets, target + column, width - column,
            )  # fmt: skip


@inner
def _offsets(count, row_step, width):
    """Where ``count`` rows of op(a) and of c begin, each table with an unused tile at its end; and the one run of k."""
    rows, targets, runs = np.empty(count + ROWS, np.int64), np.empty(count + ROWS, np.int64), np.zeros((1, 2), np.int64)
    for i in range(rows.size):
        rows[i] = i * row_step if i < count else 0
        targets[i] = i * width if i < count else -1
    return rows, targets, runs


@inner
def _pack(b, start, first, length, depth, column, width, transposed, packed, place):
    """packed[place:]: ``length`` rows of op(b) from ``first`` on, columns of the panel at ``column``, zeros beyond."""
    wide = 2 * VECTOR_BYTES // b.itemsize
    panel = panel_width(width - column, wide)
    columns = min(panel, width - column)
    if columns < panel:
        clear(packed, place, length * panel)
    if transposed:
        for j in range(columns):
            for k in range(length):
                copy(b, start + (column + j) * depth + first + k, packed, place + k * panel + j, 1)
    else:
        for k in range(length):
            source, target = start + (first + k) * width + column, place + k * panel
            if columns == wide:  # the constant lets the compiler move registers
                copy(b, source, packed, target, wide)
            else:
                copy(b, source, packed, target, columns)
