"""The numbers that optimizer updates take, worked out on the GPU. Twin: ``kernels/cpu/rates.py``.

A CUDA graph repeats its launches with the numbers that they were given. The learning rate and the step change, so they
stay arrays in the GPU's memory, and what follows from them is put there too, by kernels of one thread: float32 ``(1,)``
each. ``real`` is float32. In float32, 1 - beta^t would lose digits; 1 - exp(t log(beta)), by ``expm1``, does not.
"""

from math import inf, log, sqrt

import numpy as np

from .launch import THREADS, device as gpu, kernel
from .reduction import of_block
from .scalar import HALF, ONE, exp_of, expm1_of
from .target import cuda, device, float32, int64

SETTLED = 1000  # steps after which Nadam's momentum is beta_1 to the last digit
LOG_GROWTH = np.float32(log(0.96))


def _log(beta):
    return np.float32(log(beta) if beta > 0 else -inf)


def _number():
    """A place for one number."""
    return gpu().empty((1,), np.float32)


@device
def _updates(step):
    """Updates up to this one."""
    return float32(int64(step[0] + int64(1)))


@device
def _without_power(log_beta, t):
    """1 - beta^t."""
    return -expm1_of(t * log_beta)


def sgd(real, lr):
    return (lr,)


def sgd_momentum(real, lr, momentum, use_nesterov):
    """learning rate, then the factors of the speed: before the step, in the step, of the gradient in the step."""
    return lr, real(momentum), *((real(momentum), real(1)) if use_nesterov else (real(1), real(0)))


def rmsprop(real, lr, rho, epsilon):
    return lr, real(1 - rho), real(epsilon)


def rmsprop_momentum(real, lr, rho, epsilon, momentum):
    return lr, real(1 - rho), real(epsilon), real(momentum)


rmsprop_centered = rmsprop_momentum


@kernel("float32* int64* float32 float32 float32*", threads=1)
def _adam(lr, step, log_beta_1, log_beta_2, alpha):
    t = _updates(step)
    alpha[0] = lr[0] * float32(sqrt(_without_power(log_beta_2, t))) / _without_power(log_beta_1, t)


def adam(real, lr, step, beta_1, beta_2, epsilon):
    """The learning rate is corrected for averages that began at zero."""
    alpha = _number()
    _adam(1, lr, step, _log(beta_1), _log(beta_2), alpha)
    return alpha, real(1 - beta_1), real(1 - beta_2), real(epsilon)


adam_amsgrad = adam


@kernel("float32* int64* float32 float32*", threads=1)
def _adamax(lr, step, log_beta_1, alpha):
    alpha[0] = lr[0] / _without_power(log_beta_1, _updates(step))


def adamax(real, lr, step, beta_1, beta_2, epsilon):
    alpha = _number()
    _adamax(1, lr, step, _log(beta_1), alpha)
    return alpha, real(1 - beta_1), real(beta_2), real(epsilon)


@device
def _times(a, b):
    return a * b


@device
def _half_power(t):
    """0.96^t / 2."""
    return HALF * exp_of(t * LOG_GROWTH)


@kernel("float32* int64* float32 float32 float32 float32 float32* float32* float32*")
def _nadam(lr, step, beta_1, rate_1, log_beta_1, log_beta_2, by_average, by_gradient, growth):
    """All threads share in the product of the momenta."""
    t, product = _updates(step), ONE
    s = int64(cuda.threadIdx.x) + int64(1)
    while s <= int64(SETTLED) and s <= step[0] + int64(1):
        product = product * (ONE - _half_power(float32(s)))
        s += int64(THREADS)
    product = exp_of(t * log_beta_1) * of_block(_times, product)
    if cuda.threadIdx.x == 0:
        following = beta_1 * (ONE - _half_power(t + ONE))
        by_average[0] = lr[0] * following / (ONE - product * following)
        by_gradient[0] = lr[0] * (rate_1 + beta_1 * _half_power(t)) / (ONE - product)
        growth[0] = ONE / _without_power(log_beta_2, t)


def nadam(real, lr, step, beta_1, beta_2, epsilon):
    """Momentum grows: beta_1 (1 - 0.96^t / 2) at step t; its products up to now and to the next step."""
    by_average, by_gradient, growth = _number(), _number(), _number()
    rates = real(1 - beta_1), real(1 - beta_2)
    numbers = real(beta_1), rates[0], _log(beta_1), _log(beta_2)
    _nadam(1, lr, step, *numbers, by_average, by_gradient, growth)
    return by_average, by_gradient, *rates, growth, real(epsilon)


def adagrad(real, lr, epsilon):
    return lr, real(epsilon)


def adadelta(real, lr, rho, epsilon):
    return lr, real(1 - rho), real(epsilon)


@kernel("float32* float32 float32 float32*", threads=1)
def _ftrl(lr, doubled, beta, penalty):
    penalty[0] = doubled + beta / lr[0]


def ftrl(real, lr, lr_power, l1, l2, l2_shrinkage, beta):
    penalty = _number()
    _ftrl(1, lr, real(2 * l2), real(beta), penalty)
    return lr, real(-lr_power), real(l1), penalty, real(2 * l2_shrinkage)


def lion(real, lr, beta_1, beta_2):
    return lr, real(beta_1), real(beta_2)


@kernel("float32* float32 float32*", threads=1)
def _weight_decay(lr, decay, rate):
    rate[0] = lr[0] * decay


def weight_decay(real, lr, decay):
    rate = _number()
    _weight_decay(1, lr, real(decay), rate)
    return (rate,)
