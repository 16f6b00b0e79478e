"""How often predictions are right."""

import numpy as np

from microdl.core.dtypes import float32
from microdl.keras.metrics.base import MeanMetricWrapper
from microdl.keras.targets import class_labels, matched
from microdl.ops import array, math


def accuracy(y_true, y_pred):
    """1 where y_true = y_pred, else 0. Both (N, ...); returns float32 of their shape."""
    return _hits(*matched("accuracy", y_true, y_pred))


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """1 where (y_pred > threshold) = y_true, else 0. Both (N, ...); returns float32 of their shape."""
    y_true, y_pred = matched("binary_accuracy", y_true, y_pred)
    return _hits(y_true, array.cast(math.greater(y_pred, threshold), y_pred.dtype))


def categorical_accuracy(y_true, y_pred):
    """1 where the largest label and the largest prediction are at one place. Both (N, ..., C); returns (N, ...)."""
    y_true, y_pred = matched(
        "categorical_accuracy", y_true, y_pred, "for class numbers use sparse_categorical_accuracy"
    )
    return _hits(math.argmax(y_true, axis=-1), math.argmax(y_pred, axis=-1))


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest of C predictions is at the place y_true, else 0.

    y_true: class numbers, (N, ...) or (N, ..., 1). y_pred: (N, ..., C). Returns float32, (N, ...).
    """
    labels, y_pred = class_labels("sparse_categorical_accuracy", y_true, y_pred)
    return _hits(labels, math.argmax(y_pred, axis=-1))


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where fewer than k of the C predictions are larger than that of the class y_true, else 0.

    Predictions among which one is NaN or infinite, and a y_true that is no class, give 0.
    y_true: class numbers, (N, ...) or (N, ..., 1). y_pred: (N, ..., C). Returns float32, (N, ...).
    """
    labels, y_pred = class_labels("sparse_top_k_categorical_accuracy", y_true, y_pred)
    classes = np.arange(y_pred.shape[-1], dtype=np.int64)
    chosen = math.equal(array.expand_dims(labels, -1), classes)  # (N, ..., C), one-hot
    own = math.reduce_sum(y_pred * array.cast(chosen, y_pred.dtype), axis=-1, keepdims=True)
    larger = math.reduce_sum(array.cast(math.greater(y_pred, own), float32), axis=-1)
    known = math.logical_and(math.reduce_any(chosen, axis=-1), math.reduce_all(math.is_finite(y_pred), axis=-1))
    return array.cast(math.logical_and(known, math.less(larger, float(k))), float32)


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where fewer than k of the C predictions are larger than that of the largest label, else 0.

    y_true, y_pred: (N, ..., C). Returns float32, (N, ...).
    """
    hint = "for class numbers use sparse_top_k_categorical_accuracy"
    y_true, y_pred = matched("top_k_categorical_accuracy", y_true, y_pred, hint)
    return sparse_top_k_categorical_accuracy(math.argmax(y_true, axis=-1), y_pred, k)


def _hits(a, b):
    return array.cast(math.equal(a, b), float32)


class Accuracy(MeanMetricWrapper):
    """How often predictions equal labels: see `accuracy`."""

    _direction = "up"

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often yes-or-no predictions are right: see `binary_accuracy`."""

    _direction = "up"

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        if not 0 < threshold < 1:
            raise ValueError(f"BinaryAccuracy: threshold must lie between 0 and 1, got {threshold}")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the one-hot label's: see `categorical_accuracy`."""

    _direction = "up"

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the one that the label numbers: see `sparse_categorical_accuracy`."""

    _direction = "up"

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label's class is among the k most probable: see `sparse_top_k_categorical_accuracy`."""

    _direction = "up"

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the one-hot label's class is among the k most probable: see `top_k_categorical_accuracy`."""

    _direction = "up"

    def __init__(self, k=5, name="top_k_categorical_accuracy", dtype=None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
