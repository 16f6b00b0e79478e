"""Losses of numbers, and of distributions: how far predictions are from what they should be."""

import math as _math

from microdl.keras.losses.base import EPSILON, LossFunctionWrapper
from microdl.keras.targets import matched
from microdl.ops import activation, math


def mean_squared_error(y_true, y_pred):
    """mean over the last axis of (y_pred - y_true)^2. Both (N, ..., D), float; returns (N, ...)."""
    y_true, y_pred = matched("mean_squared_error", y_true, y_pred)
    return math.reduce_mean(math.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true, y_pred):
    """mean over the last axis of |y_pred - y_true|. Both (N, ..., D), float; returns (N, ...)."""
    y_true, y_pred = matched("mean_absolute_error", y_true, y_pred)
    return math.reduce_mean(math.abs(y_pred - y_true), axis=-1)


def huber(y_true, y_pred, delta=1.0):
    """mean over the last axis of q^2 / 2 + delta * (|e| - q), with e = y_pred - y_true and q = min(|e|, delta).

    That is e^2 / 2 up to |e| = delta and a straight line of slope delta beyond. Both (N, ..., D); returns (N, ...).
    Huber, "Robust Estimation of a Location Parameter", Ann. Math. Statist. 35 (1964), section 4.
    """
    y_true, y_pred = matched("huber", y_true, y_pred)
    error = math.abs(y_pred - y_true)
    quadratic = math.minimum(error, delta)
    return math.reduce_mean(0.5 * math.square(quadratic) + delta * (error - quadratic), axis=-1)


def mean_absolute_percentage_error(y_true, y_pred):
    """mean over the last axis of 100 |y_true - y_pred| / max(|y_true|, 1e-7), in percent. Both (N, ..., D)."""
    y_true, y_pred = matched("mean_absolute_percentage_error", y_true, y_pred)
    error = math.abs((y_true - y_pred) / math.maximum(math.abs(y_true), EPSILON))
    return 100.0 * math.reduce_mean(error, axis=-1)


def mean_squared_logarithmic_error(y_true, y_pred):
    """mean over the last axis of (log(y_pred + 1) - log(y_true + 1))^2. Both (N, ..., D), > 0; returns (N, ...)."""
    y_true, y_pred = matched("mean_squared_logarithmic_error", y_true, y_pred)
    difference = math.log(math.maximum(y_pred, EPSILON) + 1.0) - math.log(math.maximum(y_true, EPSILON) + 1.0)
    return math.reduce_mean(math.square(difference), axis=-1)


def log_cosh(y_true, y_pred):
    """mean over the last axis of log(cosh(e)) = e + softplus(-2 e) - log 2, e = y_pred - y_true. Both (N, ..., D)."""
    y_true, y_pred = matched("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return math.reduce_mean(error + activation.softplus(error * -2.0) - _math.log(2.0), axis=-1)


def poisson(y_true, y_pred):
    """mean over the last axis of y_pred - y_true log(y_pred + 1e-7). Both (N, ..., D); returns (N, ...)."""
    y_true, y_pred = matched("poisson", y_true, y_pred)
    return math.reduce_mean(y_pred - y_true * math.log(y_pred + EPSILON), axis=-1)


def kl_divergence(y_true, y_pred):
    """sum over the last axis of t log(t / p): distributions t = y_true, p = y_pred, kept in [1e-7, 1]. (N, ..., D)."""
    y_true, y_pred = matched("kl_divergence", y_true, y_pred)
    y_true = math.clip_by_value(y_true, EPSILON, 1.0)
    return math.reduce_sum(y_true * math.log(y_true / math.clip_by_value(y_pred, EPSILON, 1.0)), axis=-1)


def cosine_similarity(y_true, y_pred, axis=-1):
    """-sum over ``axis`` of t p, both divided by their Euclidean norm over it: -1 for one direction, 1 for opposite."""
    y_true, y_pred = matched("cosine_similarity", y_true, y_pred)
    return -math.reduce_sum(_of_length_one(y_true, axis) * _of_length_one(y_pred, axis), axis=axis)


def _of_length_one(x, axis):
    """x / |x|; 0 stays 0."""
    return x * math.rsqrt(math.maximum(math.reduce_sum(math.square(x), axis=axis, keepdims=True), 1e-12))


class MeanSquaredError(LossFunctionWrapper):
    """Mean of squared differences: see `mean_squared_error`."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error"):
        super().__init__(mean_squared_error, reduction, name)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of absolute differences: see `mean_absolute_error`."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error"):
        super().__init__(mean_absolute_error, reduction, name)


class Huber(LossFunctionWrapper):
    """Squared differences near zero, absolute ones far off: see `huber`."""

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss"):
        super().__init__(huber, reduction, name, delta=delta)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean of absolute differences in percent: see `mean_absolute_percentage_error`."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_percentage_error"):
        super().__init__(mean_absolute_percentage_error, reduction, name)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean of squared differences of logarithms: see `mean_squared_logarithmic_error`."""

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_logarithmic_error"):
        super().__init__(mean_squared_logarithmic_error, reduction, name)


class LogCosh(LossFunctionWrapper):
    """Nearly half the square of small differences, and the absolute value of large ones: see `log_cosh`."""

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh"):
        super().__init__(log_cosh, reduction, name)


class Poisson(LossFunctionWrapper):
    """For counts, of which rates are predicted: see `poisson`."""

    def __init__(self, reduction="sum_over_batch_size", name="poisson"):
        super().__init__(poisson, reduction, name)


class KLDivergence(LossFunctionWrapper):
    """How much a distribution differs from that of the labels: see `kl_divergence`."""

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence"):
        super().__init__(kl_divergence, reduction, name)


class CosineSimilarity(LossFunctionWrapper):
    """The negative cosine of the angle between labels and predictions: see `cosine_similarity`."""

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity"):
        super().__init__(cosine_similarity, reduction, name, axis=axis)
