"""The numbers that optimizer updates take, worked out from the learning rate and the step. Twin:
``kernels/cuda/rates.py``.

Functions are named after the kernels in ``optimizer.py`` and return what these take after the table. ``real`` is the
variables' type of number, ``lr`` an array of one number. ``step``, an array too, counts the updates before this one.
All is worked out in float64 first: in float32, 1 - 0.999^t loses four of its seven digits at the start.
"""

import numpy as np

SETTLED = 1000  # steps after which Nadam's momentum is beta_1 to the last digit


def sgd(real, lr):
    return (real(lr),)


def sgd_momentum(real, lr, momentum, use_nesterov):
    """learning rate, then the factors of the speed: before the step, in the step, of the gradient in the step."""
    return real(lr), real(momentum), *((real(momentum), real(1)) if use_nesterov else (real(1), real(0)))


def rmsprop(real, lr, rho, epsilon):
    return real(lr), real(1 - rho), real(epsilon)


def rmsprop_momentum(real, lr, rho, epsilon, momentum):
    return real(lr), real(1 - rho), real(epsilon), real(momentum)


rmsprop_centered = rmsprop_momentum


def adam(real, lr, step, beta_1, beta_2, epsilon):
    """The learning rate is corrected for averages that began at zero."""
    t = int(step) + 1
    alpha = float(lr) * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
    return real(alpha), real(1 - beta_1), real(1 - beta_2), real(epsilon)


adam_amsgrad = adam


def adamax(real, lr, step, beta_1, beta_2, epsilon):
    return real(float(lr) / (1 - beta_1 ** (int(step) + 1))), real(1 - beta_1), real(beta_2), real(epsilon)


def nadam(real, lr, step, beta_1, beta_2, epsilon):
    """Momentum grows: beta_1 (1 - 0.96^t / 2) at step t; its products up to now and to the next step."""
    t, rate = int(step) + 1, float(lr)
    now, following = (beta_1 * (1 - 0.5 * 0.96**s) for s in (t, t + 1))
    factors = 1 - 0.5 * 0.96 ** np.arange(1, min(t, SETTLED) + 1)
    product = float(beta_1**t * factors.prod())
    by_average, by_gradient = following / (1 - product * following), (1 - now) / (1 - product)
    growth = 1 / (1 - beta_2**t)
    return *map(real, (rate * by_average, rate * by_gradient, 1 - beta_1, 1 - beta_2, growth)), real(epsilon)


def adagrad(real, lr, epsilon):
    return real(lr), real(epsilon)


def adadelta(real, lr, rho, epsilon):
    return real(lr), real(1 - rho), real(epsilon)


def ftrl(real, lr, lr_power, l1, l2, l2_shrinkage, beta):
    return real(lr), real(-lr_power), real(l1), real(2 * l2 + beta / float(lr)), real(2 * l2_shrinkage)


def lion(real, lr, beta_1, beta_2):
    return real(lr), real(beta_1), real(beta_2)


def weight_decay(real, lr, decay):
    return (real(float(lr) * decay),)
