"""Optimizer updates in place, and the norm for clipping gradients. Twin: ``kernels/cuda/optimizer.py``.

One call updates many variables. ``g`` (gradients, read), ``w`` (variables) and the slots (read and written) are lists
with one C-contiguous array for each variable, all of one float dtype. A kernel gets them as one table of addresses
(``table_of``), in that order, and cuts all variables into blocks, its tasks; so eight variables cost one call, and
threads share even small ones. Scalars are of that dtype, and dimensionless where nothing else is said. Formulas are
Keras 3's.
"""

import ctypes
import math

import numpy as np

from ..jit import inner, kernel
from .simd import array_at, run

BLOCK = 4096  # elements; fixed, so that what lands in a vector and what in a loop's tail does not depend on the threads
SERIAL_BELOW = 16384  # elements of all variables together
BLOCKS, END, ADDRESSES = range(3)  # columns of a table


def _address(array):
    """Where an array's elements lie. (``__array_interface__`` knows it of any array, but takes four times as long.)"""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):  # read-only, or empty
        return array.__array_interface__["data"][0]


def table_of(*lists):
    """int64, a row for each variable: blocks and elements up to its last, then the addresses of its arrays.

    Good for as long as these arrays live and stay where they are.
    """
    cells, blocks, end = [], 0, 0
    for arrays in zip(*lists, strict=True):
        blocks += -(-arrays[0].size // BLOCK)
        end += arrays[0].size
        cells += (blocks, end, *map(_address, arrays))
    return np.array(cells, np.int64).reshape(-1, ADDRESSES + len(lists))


def _tasks(table, *scalars):
    return int(table[-1, BLOCKS])


def _work(table, *scalars):
    return table[-1, END]


@inner
def _place(table, block):
    """(variable, first element, elements) of a block: by bisection, the first variable that ends after it."""
    row, last = 0, table.shape[0] - 1
    while row < last:
        middle = (row + last) // 2
        if table[middle, BLOCKS] > block:
            last = middle
        else:
            row = middle + 1
    blocks, elements = (table[row - 1, BLOCKS], table[row - 1, END]) if row > 0 else (0, 0)
    start = (block - blocks) * BLOCK
    return row, start, min(BLOCK, table[row, END] - elements - start)


@inner
def _part(table, place, k, like):
    """The block's elements of the array in list k."""
    row, start, count = place
    return array_at(table[row, ADDRESSES + k], start, count, like)


# Loops store only after the last load: else the compiler must allow for arrays that overlap, and updates one element at
# a time (Adam: eight times slower).


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def sgd(block, table, learning_rate):
    """w -= learning_rate g."""
    place = _place(table, block)
    gs, ws = _part(table, place, 0, learning_rate), _part(table, place, 1, learning_rate)
    for i in range(ws.size):
        ws[i] -= learning_rate * gs[i]


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def sgd_momentum(block, table, learning_rate, momentum, by_speed, by_step):
    """m = momentum m - learning_rate g; w += by_speed m - by_step learning_rate g.

    by_speed, by_step: 1 and 0, or momentum and 1 for Nesterov's look ahead (a choice would not vectorise). Polyak,
    1964; Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, momentum), _part(table, place, 1, momentum)
    ms = _part(table, place, 2, momentum)
    for i in range(ws.size):
        step = learning_rate * gs[i]
        speed = momentum * ms[i] - step
        ws[i] += by_speed * speed - by_step * step
        ms[i] = speed


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def rmsprop(block, table, learning_rate, rate, epsilon):
    """v += rate (g^2 - v); w -= learning_rate g / sqrt(v + epsilon).

    rate: 1 - rho. epsilon: in units of g^2. Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012.
    """
    place = _place(table, block)
    gs, ws, vs = _part(table, place, 0, rate), _part(table, place, 1, rate), _part(table, place, 2, rate)
    for i in range(ws.size):
        square = vs[i] + rate * (gs[i] * gs[i] - vs[i])
        ws[i] -= learning_rate * gs[i] / math.sqrt(square + epsilon)
        vs[i] = square


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def rmsprop_momentum(block, table, learning_rate, rate, epsilon, momentum):
    """As ``rmsprop``, by way of m = momentum m + learning_rate g / sqrt(v + epsilon); w -= m."""
    place = _place(table, block)
    gs, ws = _part(table, place, 0, rate), _part(table, place, 1, rate)
    vs, ms = _part(table, place, 2, rate), _part(table, place, 3, rate)
    for i in range(ws.size):
        square = vs[i] + rate * (gs[i] * gs[i] - vs[i])
        speed = momentum * ms[i] + learning_rate * gs[i] / math.sqrt(square + epsilon)
        ws[i] -= speed
        vs[i], ms[i] = square, speed


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def rmsprop_centered(block, table, learning_rate, rate, epsilon, momentum):
    """As ``rmsprop_momentum``, with the variance v - mean^2 in place of v, where mean += rate (g - mean).

    Graves, "Generating Sequences With Recurrent Neural Networks", 2013, eq. 38 to 45.
    """
    place = _place(table, block)
    gs, ws, vs = _part(table, place, 0, rate), _part(table, place, 1, rate), _part(table, place, 2, rate)
    ms, means = _part(table, place, 3, rate), _part(table, place, 4, rate)
    for i in range(ws.size):
        square = vs[i] + rate * (gs[i] * gs[i] - vs[i])
        average = means[i] + rate * (gs[i] - means[i])
        speed = momentum * ms[i] + learning_rate * gs[i] / math.sqrt(square - average * average + epsilon)
        ws[i] -= speed
        vs[i], ms[i], means[i] = square, speed, average


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def adam(block, table, alpha, rate_1, rate_2, epsilon):
    """m += rate_1 (g - m); v += rate_2 (g^2 - v); w -= alpha m / (sqrt(v) + epsilon).

    alpha: learning rate times sqrt(1 - beta_2^t) / (1 - beta_1^t). rate_1, rate_2: 1 - beta_1 and 1 - beta_2.
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, section 2 (epsilon is their epsilon-hat).
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, alpha), _part(table, place, 1, alpha)
    ms, vs = _part(table, place, 2, alpha), _part(table, place, 3, alpha)
    for i in range(ws.size):
        average = ms[i] + rate_1 * (gs[i] - ms[i])
        square = vs[i] + rate_2 * (gs[i] * gs[i] - vs[i])
        ws[i] -= alpha * average / (math.sqrt(square) + epsilon)
        ms[i], vs[i] = average, square


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def adam_amsgrad(block, table, alpha, rate_1, rate_2, epsilon):
    """As ``adam``, with the largest v so far, v_max, in place of v.

    Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", 2018.
    """
    place = _place(table, block)
    gs, ws, ms = _part(table, place, 0, alpha), _part(table, place, 1, alpha), _part(table, place, 2, alpha)
    vs, tops = _part(table, place, 3, alpha), _part(table, place, 4, alpha)
    for i in range(ws.size):
        average = ms[i] + rate_1 * (gs[i] - ms[i])
        square = vs[i] + rate_2 * (gs[i] * gs[i] - vs[i])
        largest = max(tops[i], square)
        ws[i] -= alpha * average / (math.sqrt(largest) + epsilon)
        ms[i], vs[i], tops[i] = average, square, largest


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def adamax(block, table, alpha, rate, beta, epsilon):
    """m += rate (g - m); u = max(beta u, |g|); w -= alpha m / (u + epsilon).

    alpha: learning rate / (1 - beta_1^t). rate: 1 - beta_1. beta: beta_2. Kingma and Ba, 2015, section 7.1.
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, alpha), _part(table, place, 1, alpha)
    ms, us = _part(table, place, 2, alpha), _part(table, place, 3, alpha)
    for i in range(ws.size):
        average = ms[i] + rate * (gs[i] - ms[i])
        norm = max(beta * us[i], abs(gs[i]))
        ws[i] -= alpha * average / (norm + epsilon)
        ms[i], us[i] = average, norm


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def nadam(block, table, by_average, by_gradient, rate_1, rate_2, growth, epsilon):
    """m, v as in ``adam``; w -= (by_average m + by_gradient g) / (sqrt(growth v) + epsilon).

    by_average, by_gradient: the learning rate times Nesterov's look ahead. growth: 1 / (1 - beta_2^t).
    Dozat, "Incorporating Nesterov Momentum into Adam", 2016.
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, rate_1), _part(table, place, 1, rate_1)
    ms, vs = _part(table, place, 2, rate_1), _part(table, place, 3, rate_1)
    for i in range(ws.size):
        average = ms[i] + rate_1 * (gs[i] - ms[i])
        square = vs[i] + rate_2 * (gs[i] * gs[i] - vs[i])
        ws[i] -= (by_average * average + by_gradient * gs[i]) / (math.sqrt(growth * square) + epsilon)
        ms[i], vs[i] = average, square


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def adagrad(block, table, learning_rate, epsilon):
    """a += g^2; w -= learning_rate g / sqrt(a + epsilon).

    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011.
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, epsilon), _part(table, place, 1, epsilon)
    sums = _part(table, place, 2, epsilon)
    for i in range(ws.size):
        total = sums[i] + gs[i] * gs[i]
        ws[i] -= learning_rate * gs[i] / math.sqrt(total + epsilon)
        sums[i] = total


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def adadelta(block, table, learning_rate, rate, epsilon):
    """a += rate (g^2 - a); s = sqrt((d + epsilon) / (a + epsilon)) g; d += rate (s^2 - d); w -= learning_rate s.

    rate: 1 - rho. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012, algorithm 1.
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, rate), _part(table, place, 1, rate)
    squares, steps = _part(table, place, 2, rate), _part(table, place, 3, rate)
    for i in range(ws.size):
        square = squares[i] + rate * (gs[i] * gs[i] - squares[i])
        step = math.sqrt(steps[i] + epsilon) / math.sqrt(square + epsilon) * gs[i]
        ws[i] -= learning_rate * step
        squares[i], steps[i] = square, steps[i] + rate * (step * step - steps[i])


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def ftrl(block, table, learning_rate, power, l1, l2, shrinkage):
    """z += g + shrinkage w - ((a + g^2)^power - a^power) / learning_rate w; a += g^2;
    w = (clip(z, -l1, l1) - z) / (a^power / learning_rate + l2).

    power: minus the learning rate's. l2, shrinkage: twice the penalties. McMahan et al., "Ad Click Prediction: a View
    from the Trenches", 2013, algorithm 1.
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, power), _part(table, place, 1, power)
    sums, linears = _part(table, place, 2, power), _part(table, place, 3, power)
    for i in range(ws.size):
        total = sums[i] + gs[i] * gs[i]
        grown = total**power
        linear = linears[i] + gs[i] + shrinkage * ws[i] - (grown - sums[i] ** power) / learning_rate * ws[i]
        ws[i] = (min(max(linear, -l1), l1) - linear) / (grown / learning_rate + l2)
        sums[i], linears[i] = total, linear


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def lion(block, table, learning_rate, beta_1, beta_2):
    """w -= learning_rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g.

    Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023.
    """
    place = _place(table, block)
    gs, ws = _part(table, place, 0, beta_1), _part(table, place, 1, beta_1)
    ms = _part(table, place, 2, beta_1)
    one = ws.dtype.type(1)
    for i in range(ws.size):
        ws[i] -= learning_rate * np.sign(beta_1 * ms[i] + (one - beta_1) * gs[i])
        ms[i] = beta_2 * ms[i] + (one - beta_2) * gs[i]


@kernel(tasks=_tasks, work=_work, serial_below=SERIAL_BELOW)
def weight_decay(block, table, rate):
    """w -= rate w. rate: learning rate times decay.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """
    ws = _part(table, _place(table, block), 0, rate)
    for i in range(ws.size):
        ws[i] -= rate * ws[i]


def l2_loss(x, y):
    """y[0] = sum(x^2) / 2, by blocks, added up in float64. x: float (n,), read. y: as x, (1,), written."""
    partials = np.empty(-(-x.size // BLOCK), np.float64)
    _sums_of_squares(x, partials)
    y[0] = partials.sum() / 2


@kernel(tasks=lambda x, partials: partials.size, work=lambda x, partials: x.size)
def _sums_of_squares(block, x, partials):
    """partials[block] = sum(x^2) of a block in float64, which holds the square of a float32 exactly."""
    xs = run(x, block * BLOCK, min(BLOCK, x.size - block * BLOCK))
    total = 0.0
    for i in range(xs.size):
        total += np.float64(xs[i]) * np.float64(xs[i])
    partials[block] = total
