"""Optimizer updates in place, and the norm for clipping gradients. Twin: ``kernels/cuda/optimizer.py``.

Arrays are 1-D and of one float dtype: gradient ``g`` read, variable ``w`` and its slots read and written. One call
updates one variable, or many that lie one after the other in a flat buffer. The op on top calls once a variable, which
costs some 10 us each for the op and under 1 us for the kernel; the rest is memory traffic. Formulas are Keras 3's.
"""

import math

import numpy as np
from numba import prange

from ..jit import inner, kernel

BLOCK = 4096  # elements; fixed, so that what lands in a vector and what in a loop's tail does not depend on the threads

# Loops run over slices from 0, and store only after the last load: else the compiler must allow for indices that wrap
# around and for arrays that overlap, and updates one element at a time (Adam: eight times slower).


@kernel(parallel=True)
def sgd(g, learning_rate, w):
    """w -= learning_rate g. g: float (n,), read. learning_rate: scalar. w: as g, updated."""
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        gs, ws = g[part], w[part]
        for i in range(ws.size):
            ws[i] -= learning_rate * gs[i]


@kernel(parallel=True)
def sgd_momentum(g, learning_rate, momentum, nesterov, w, m):
    """m = momentum m - learning_rate g; w += m, or with Nesterov's look ahead w += momentum m - learning_rate g.

    g: float (n,), read. learning_rate, momentum: scalars of g's dtype. nesterov: bool. w, m: as g, updated.
    Polyak, 1964; Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013.
    """
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        gs, ws, ms = g[part], w[part], m[part]
        for i in range(ws.size):
            step = learning_rate * gs[i]
            speed = momentum * ms[i] - step
            ws[i] += momentum * speed - step if nesterov else speed
            ms[i] = speed


@kernel(parallel=True)
def rmsprop(g, learning_rate, rate, epsilon, w, v):
    """v += rate (g^2 - v); w -= learning_rate g / sqrt(v + epsilon).

    g: float (n,), read. learning_rate, rate = 1 - rho, epsilon: scalars of g's dtype. w, v: as g, updated.
    Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012.
    """
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        gs, ws, vs = g[part], w[part], v[part]
        for i in range(ws.size):
            square = vs[i] + rate * (gs[i] * gs[i] - vs[i])
            ws[i] -= learning_rate * gs[i] / math.sqrt(square + epsilon)
            vs[i] = square


@kernel(parallel=True)
def rmsprop_momentum(g, learning_rate, rate, epsilon, momentum, w, v, m):
    """As ``rmsprop``, by way of m = momentum m + learning_rate g / sqrt(v + epsilon); w -= m. m: as w, updated."""
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        gs, ws, vs, ms = g[part], w[part], v[part], m[part]
        for i in range(ws.size):
            square = vs[i] + rate * (gs[i] * gs[i] - vs[i])
            speed = momentum * ms[i] + learning_rate * gs[i] / math.sqrt(square + epsilon)
            ws[i] -= speed
            vs[i], ms[i] = square, speed


@kernel(parallel=True)
def rmsprop_centered(g, learning_rate, rate, epsilon, momentum, w, v, m, mean):
    """As ``rmsprop_momentum``, with the variance v - mean^2 in place of v, where mean += rate (g - mean).

    mean: as w, updated. Graves, "Generating Sequences With Recurrent Neural Networks", 2013, eq. 38 to 45.
    """
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        gs, ws, vs, ms, means = g[part], w[part], v[part], m[part], mean[part]
        for i in range(ws.size):
            square = vs[i] + rate * (gs[i] * gs[i] - vs[i])
            average = means[i] + rate * (gs[i] - means[i])
            speed = momentum * ms[i] + learning_rate * gs[i] / math.sqrt(square - average * average + epsilon)
            ws[i] -= speed
            vs[i], ms[i], means[i] = square, speed, average


@kernel(parallel=True)
def adam(g, alpha, rate_1, rate_2, epsilon, w, m, v):
    """m += rate_1 (g - m); v += rate_2 (g^2 - v); w -= alpha m / (sqrt(v) + epsilon).

    g: float (n,), read. alpha: learning rate times sqrt(1 - beta_2^t) / (1 - beta_1^t). rate_1, rate_2: 1 - beta_1 and
    1 - beta_2. All scalars of g's dtype. w, m, v: as g, updated.
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, section 2 (epsilon is their epsilon-hat).
    """
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        gs, ws, ms, vs = g[part], w[part], m[part], v[part]
        for i in range(ws.size):
            average = ms[i] + rate_1 * (gs[i] - ms[i])
            square = vs[i] + rate_2 * (gs[i] * gs[i] - vs[i])
            ws[i] -= alpha * average / (math.sqrt(square) + epsilon)
            ms[i], vs[i] = average, square


@kernel(parallel=True)
def adam_amsgrad(g, alpha, rate_1, rate_2, epsilon, w, m, v, v_max):
    """As ``adam``, with the largest v so far in place of v. v_max: as w, updated.

    Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", 2018.
    """
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        gs, ws, ms, vs, tops = g[part], w[part], m[part], v[part], v_max[part]
        for i in range(ws.size):
            average = ms[i] + rate_1 * (gs[i] - ms[i])
            square = vs[i] + rate_2 * (gs[i] * gs[i] - vs[i])
            largest = max(tops[i], square)
            ws[i] -= alpha * average / (math.sqrt(largest) + epsilon)
            ms[i], vs[i], tops[i] = average, square, largest


@kernel(parallel=True)
def weight_decay(rate, w):
    """w -= rate w. rate: learning rate times decay, scalar of w's dtype. w: float (n,), updated.

    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """
    for block in prange((w.size + BLOCK - 1) // BLOCK):
        ws = w[block * BLOCK : (block + 1) * BLOCK]
        for i in range(ws.size):
            ws[i] -= rate * ws[i]


@inner
def sum_of_squares(x):
    """sum(x^2) in float64, which holds the square of a float32 exactly."""
    total = 0.0
    for i in range(x.size):
        total += np.float64(x[i]) * np.float64(x[i])
    return total


@inner
def sum_of(x):
    """sum(x), serially (x.sum() would become a parallel region whose parts depend on the number of threads)."""
    total = 0.0
    for i in range(x.size):
        total += x[i]
    return total


@kernel(parallel=True, work=lambda x, y: x.size)
def l2_loss(x, y):
    """y[0] = sum(x^2) / 2, by blocks, added up in float64. x: float (n,), read. y: as x, (1,), written."""
    partials = np.empty((x.size + BLOCK - 1) // BLOCK, np.float64)
    for block in prange(partials.size):
        partials[block] = sum_of_squares(x[block * BLOCK : (block + 1) * BLOCK])
    y[0] = sum_of(partials) / 2
