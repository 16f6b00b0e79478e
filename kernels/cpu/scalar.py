"""Functions of one number, for use inside loops: they never overflow, keep their digits in the tails and near 0, and
cost an exponential or so (the C library's tanh, expm1 and log1p take five to ten times as long).

``like`` is any array of x's dtype: constants take its dtype, and nothing becomes float64 on the way.
"""

import numpy as np

from ..jit import exact, inner


@inner
def sigmoid_of(x, like):
    """1 / (1 + exp(-x)); the exponential sees only numbers <= 0."""
    one = like.dtype.type(1)
    e = np.exp(-np.abs(x))
    return (one if x >= 0 else e) / (one + e)


@inner
def tanh_of(x, like):
    """(1 - exp(-2 x)) / (1 + exp(-2 x)) for x >= 0, tanh(-x) = -tanh(x), and Lambert's fraction near 0."""
    one, half = like.dtype.type(1), like.dtype.type(0.5)
    e = np.exp(-(np.abs(x) + np.abs(x)))
    far = (one - e) / (one + e)
    return _tanh_near_zero(x, like) if np.abs(x) < half else (far if x >= 0 else -far)


@inner
def expm1_of(x, like):
    """exp(x) - 1 for x <= 0; near 0 it is 2 t / (1 - t) with t = tanh(x / 2)."""
    one, half = like.dtype.type(1), like.dtype.type(0.5)
    far = np.exp(x) - one  # not in a branch of its own: branches that cannot be predicted cost more than exponentials
    t = _tanh_near_zero(half * x, like)
    return (t + t) / (one - t) if x > -one else far


@inner
def _tanh_near_zero(x, like):
    """tanh(x) for abs(x) <= 0.5: Lambert's x / (1 + x^2 / (3 + x^2 / (5 + ... x^2 / 13))), 1768, as one fraction."""
    real = like.dtype.type
    z = x * x
    above = real(135135) + z * (real(17325) + z * (real(378) + z))
    below = real(135135) + z * (real(62370) + z * (real(3150) + z * real(28)))
    return x * above / below


@exact  # with fastmath (1 + x) - 1 would become x
def log1p_of(x, like):
    """log(1 + x) for x >= 0: the rounding of u = 1 + x is undone by the factor x / (u - 1)."""
    zero, one = like.dtype.type(0), like.dtype.type(1)
    u = one + x
    rounded = u - one
    slope = np.log(u) / (rounded if rounded > zero else one)
    return x if rounded == zero else x * slope
