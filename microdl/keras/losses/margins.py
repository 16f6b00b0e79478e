"""Losses that want a distance between right and wrong, or an overlap of two sets."""

from microdl.keras.losses.base import EPSILON, LossFunctionWrapper
from microdl.keras.targets import matched
from microdl.ops import array, math


def hinge(y_true, y_pred):
    """mean over the last axis of max(1 - t p, 0). t: -1 or 1 (0 and 1 are taken for these); both (N, ..., D)."""
    return math.reduce_mean(_missed("hinge", y_true, y_pred), axis=-1)


def squared_hinge(y_true, y_pred):
    """mean over the last axis of max(1 - t p, 0)^2. t: -1 or 1 (0 and 1 are taken for these); both (N, ..., D)."""
    return math.reduce_mean(math.square(_missed("squared_hinge", y_true, y_pred)), axis=-1)


def categorical_hinge(y_true, y_pred):
    """max(1 + max((1 - t) p) - sum(t p), 0), over the last axis. t: one-hot; both (N, ..., C); returns (N, ...)."""
    y_true, y_pred = matched("categorical_hinge", y_true, y_pred, "make the labels one-hot with tf.one_hot")
    right = math.reduce_sum(y_true * y_pred, axis=-1)
    wrong = math.reduce_max((1.0 - y_true) * y_pred, axis=-1)
    return math.maximum(wrong - right + 1.0, 0.0)


def dice(y_true, y_pred, axis=None):
    """1 - 2 sum(t p) / (sum(t) + sum(p)), over ``axis`` (None: all). Both of one shape.

    Sudre et al., "Generalised Dice overlap as a deep learning loss function", 2017.
    """
    y_true, y_pred = matched("dice", y_true, y_pred)
    both = math.reduce_sum(y_true * y_pred, axis=axis)
    either = math.reduce_sum(y_true, axis=axis) + math.reduce_sum(y_pred, axis=axis)
    return 1.0 - 2.0 * both / (either + EPSILON)


def tversky(y_true, y_pred, alpha=0.5, beta=0.5, axis=None):
    """1 - s / (s + alpha sum(t (1 - p)) + beta sum((1 - t) p)) with s = sum(t p), over ``axis`` (None: all).

    Salehi et al., "Tversky loss function for image segmentation", 2017.
    """
    y_true, y_pred = matched("tversky", y_true, y_pred)
    both = math.reduce_sum(y_true * y_pred, axis=axis)
    missed = math.reduce_sum(y_true * (1.0 - y_pred), axis=axis)
    wrong = math.reduce_sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - both / (both + alpha * missed + beta * wrong + EPSILON)


def _missed(name, y_true, y_pred):
    """max(1 - t p, 0), with labels of 0 and 1 alone as -1 and 1."""
    y_true, y_pred = matched(name, y_true, y_pred)
    is_binary = math.reduce_all(math.logical_or(math.equal(y_true, 0.0), math.equal(y_true, 1.0)))
    sides = array.where(is_binary, 2.0 * y_true - 1.0, y_true)
    return math.maximum(1.0 - sides * y_pred, 0.0)


class Hinge(LossFunctionWrapper):
    """How far predictions are from the right side of the margin: see `hinge`."""

    def __init__(self, reduction="sum_over_batch_size", name="hinge"):
        super().__init__(hinge, reduction, name)


class SquaredHinge(LossFunctionWrapper):
    """The square of that: see `squared_hinge`."""

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge"):
        super().__init__(squared_hinge, reduction, name)


class CategoricalHinge(LossFunctionWrapper):
    """How far the right class is from being 1 above all others: see `categorical_hinge`."""

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge"):
        super().__init__(categorical_hinge, reduction, name)


class Dice(LossFunctionWrapper):
    """1 minus the overlap of two sets: see `dice`."""

    def __init__(self, reduction="sum_over_batch_size", name="dice", axis=None):
        super().__init__(dice, reduction, name, axis=axis)


class Tversky(LossFunctionWrapper):
    """1 minus an overlap that weighs misses and false alarms: see `tversky`."""

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name="tversky", axis=None):
        super().__init__(tversky, reduction, name, alpha=alpha, beta=beta, axis=axis)
