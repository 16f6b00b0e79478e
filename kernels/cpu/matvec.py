"""Products of a matrix and a vector on the CPU: ``matmul.py`` calls them where one side is a single row or column.

Every number of the matrix is used once, so nothing is packed: four vectors of sums read the matrix where it lies.
"""

import numpy as np

from ..jit import inner, kernel
from .simd import run
from .vectors import broadcast, fma, lanes, load, load_some, store, store_some, total

OUTPUTS = 64  # of a task
SERIAL_BELOW = 1 << 16  # multiply-adds

_TASKS, _WORK, _BLOCKS, _OUTPUTS, _DEPTH, _TRANSPOSED, _MATRIX, _VECTOR = range(8)  # entries of a plan


def plan(matrix, vector, transposed, batch, outputs, depth):
    """The numbers that ``matvec`` needs, for a matrix and a vector of these shapes: int64."""
    blocks = -(-outputs // OUTPUTS)
    images = [outputs * depth * (matrix[0] > 1), depth * (vector[0] > 1)]  # from one to the next
    return np.array([batch * blocks, batch * outputs * depth, blocks, outputs, depth, transposed, *images], np.int64)


def _tasks(matrix, vector, bias, activation, plan, y):
    return plan.item(_TASKS)


def _multiply_adds(matrix, vector, bias, activation, plan, y):
    return plan.item(_WORK)


@kernel(tasks=_tasks, work=_multiply_adds, serial_below=SERIAL_BELOW)
def matvec(task, matrix, vector, bias, activation, plan, y):
    """y[n, i] = activation(sum over k of op(matrix[n])[i, k] * vector[n, k] + bias[i]), op as in ``matmul``.

    matrix: (batch or 1, i, k), transposed (.., k, i), read. vector: (batch or 1, k), read. bias: (i,), (1,) for all i
    or (0,) for none, read. activation: 0 for none, 1 for max(0, .). plan: of these shapes. y: (batch, i), written.
    The vectors may have an axis of size 1 more. Cost: 2 * y.size * k flops.
    """
    numbers, factors, out = run(matrix, 0, matrix.size), run(vector, 0, vector.size), run(y, 0, y.size)
    outputs, depth = plan[_OUTPUTS], plan[_DEPTH]
    image, first = task // plan[_BLOCKS], task % plan[_BLOCKS] * OUTPUTS
    count, start, k = min(OUTPUTS, outputs - first), image * plan[_MATRIX], image * plan[_VECTOR]
    at = image * outputs + first
    if plan[_TRANSPOSED]:
        _sum_rows(numbers, start + first, outputs, factors, k, depth, out, at, count)
    else:
        _dot_rows(numbers, start + first * depth, factors, k, depth, out, at, count)
    zero = y.dtype.type(0)
    for i in range(count):
        value = out[at + i]
        if bias.size:
            value += bias[(first + i) % bias.size]
        out[at + i] = zero if activation == 1 and value < zero else value


@inner
def _sum_rows(matrix, start, pitch, factors, k, depth, y, at, count):
    """y[at + i] = sum over r < depth of matrix[start + r * pitch + i] * factors[k + r] for i < ``count``."""
    step, zero = lanes(matrix), broadcast(matrix.dtype.type(0), matrix)
    whole = count - count % (4 * step)
    for i in range(0, whole, 4 * step):
        s0, s1, s2, s3 = zero, zero, zero, zero
        for r in range(depth):
            factor, j = broadcast(factors[k + r], matrix), start + r * pitch + i
            s0 = fma(factor, load(matrix, j), s0)
            s1 = fma(factor, load(matrix, j + step), s1)
            s2 = fma(factor, load(matrix, j + 2 * step), s2)
            s3 = fma(factor, load(matrix, j + 3 * step), s3)
        store(s0, y, at + i)
        store(s1, y, at + i + step)
        store(s2, y, at + i + 2 * step)
        store(s3, y, at + i + 3 * step)
    for i in range(whole, count, step):
        s0 = zero
        for r in range(depth):
            some = load_some(matrix, start + r * pitch + i, count - i)
            s0 = fma(broadcast(factors[k + r], matrix), some, s0)
        store_some(s0, y, at + i, count - i)


@inner
def _dot_rows(matrix, start, factors, k, depth, y, at, count):
    """y[at + i] = sum over r < depth of matrix[start + i * depth + r] * factors[k + r] for i < ``count``."""
    step, zero = lanes(matrix), broadcast(matrix.dtype.type(0), matrix)
    whole = depth - depth % step
    for i in range(0, count, 4):
        # Past the last row the last one is summed again, and stored at the same place.
        i1, i2, i3 = min(i + 1, count - 1), min(i + 2, count - 1), min(i + 3, count - 1)
        j0, j1, j2, j3 = start + i * depth, start + i1 * depth, start + i2 * depth, start + i3 * depth
        s0, s1, s2, s3 = zero, zero, zero, zero
        for r in range(0, whole, step):
            factor = load(factors, k + r)
            s0 = fma(factor, load(matrix, j0 + r), s0)
            s1 = fma(factor, load(matrix, j1 + r), s1)
            s2 = fma(factor, load(matrix, j2 + r), s2)
            s3 = fma(factor, load(matrix, j3 + r), s3)
        if whole < depth:
            rest = depth - whole
            factor = load_some(factors, k + whole, rest)
            s0 = fma(factor, load_some(matrix, j0 + whole, rest), s0)
            s1 = fma(factor, load_some(matrix, j1 + whole, rest), s1)
            s2 = fma(factor, load_some(matrix, j2 + whole, rest), s2)
            s3 = fma(factor, load_some(matrix, j3 + whole, rest), s3)
        y[at + i], y[at + i1], y[at + i2], y[at + i3] = total(s0), total(s1), total(s2), total(s3)
