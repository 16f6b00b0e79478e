"""Overlap of classes, and scores between precision and recall. ``C`` is the number of classes."""

from typing import Any

import numpy as np

from microdl.core.deferred import reads_sizes
from microdl.core.dtypes import float64, int64
from microdl.core.tensor import convert
from microdl.keras.losses import EPSILON
from microdl.keras.metrics.base import Metric
from microdl.keras.targets import align_weight, matched
from microdl.ops import array, linalg, math


@reads_sizes
def confusion_matrix(name, labels, predictions, sample_weight, classes, ignored, dtype):
    """Entry (i, j): the weight of samples of class i that are predicted as j. Other numbers do not count. (C, C)."""
    labels, predictions = convert(labels), convert(predictions)
    weight = array.cast(array.ones_like(labels), dtype)
    if sample_weight is not None:
        weight = weight * align_weight(name, weight, array.cast(sample_weight, dtype))
    labels, predictions = (array.reshape(array.cast(x, int64), (-1, 1)) for x in (labels, predictions))
    weight = array.cast(array.reshape(weight, (-1, 1)), float64)
    if ignored is not None:
        weight = weight * array.cast(math.not_equal(labels, ignored), float64)
    numbers = np.arange(classes)
    rows = array.cast(math.equal(labels, numbers), float64) * weight  # (N, C)
    columns = array.cast(math.equal(predictions, numbers), float64)
    return array.cast(linalg.matmul(rows, columns, transpose_a=True), dtype)


class IoU(Metric):
    """TP / (TP + FP + FN) of each of some classes, averaged over those that there are: intersection over union.

    Args:
        num_classes: int C. target_class_ids: the classes that are averaged. ignore_class: int, a label that does not
            count. sparse_y_true, sparse_y_pred: whether class numbers are given, or else one-hot rows along ``axis``.
        dtype: of the counts, int32 by default: then weights are whole numbers, too.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(dtype or "int32", name)
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"Target class id {max(target_class_ids)} is out of range, which is [{0}, {num_classes}).")
        self.num_classes, self.target_class_ids, self.ignore_class = num_classes, list(target_class_ids), ignore_class
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.total_cm = self.add_weight((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. y_true, y_pred: class numbers (N, ...), or one-hot. sample_weight: (N,) or (N, ...)."""
        y_true = y_true if self.sparse_y_true else math.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else math.argmax(y_pred, axis=self.axis)
        options = self.num_classes, self.ignore_class, self.dtype
        self.total_cm.assign_add(confusion_matrix(self.name, y_true, y_pred, sample_weight, *options))

    def result(self):
        counts = array.cast(self.total_cm, "float32")
        chosen = np.eye(self.num_classes, dtype=np.float32)[self.target_class_ids]  # picks and adds up rows
        right = math.reduce_sum(counts * np.eye(self.num_classes, dtype=np.float32), axis=0)
        either = math.reduce_sum(counts, axis=0) + math.reduce_sum(counts, axis=1) - right
        right, either = linalg.matvec(chosen, right), linalg.matvec(chosen, either)
        there = array.cast(math.greater(either, 0.0), "float32")
        return math.reduce_sum(right / (either + EPSILON) * there) / (math.reduce_sum(there) + EPSILON)

    def get_config(self):
        own = {
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }
        return {**super().get_config(), **own}

    def _config_without(self, *names):
        return {key: value for key, value in IoU.get_config(self).items() if key not in names}


class BinaryIoU(IoU):
    """IoU of two classes, the second one where y_pred >= ``threshold``."""

    def __init__(self, target_class_ids=(0, 1), threshold=0.5, name=None, dtype=None):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. y_true: 0 or 1, y_pred: in [0, 1], (N, ...)."""
        y_pred = array.cast(math.greater_equal(array.cast(y_pred, "float32"), self.threshold), int64)
        super().update_state(y_true, y_pred, sample_weight)

    def get_config(self):
        dropped = "num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis"
        return {**self._config_without(*dropped), "threshold": self.threshold}


class MeanIoU(IoU):
    """IoU averaged over all classes that there are."""

    def __init__(
        self,
        num_classes,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_true=True,
        sparse_y_pred=True,
        axis=-1,
    ):
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self):
        return self._config_without("target_class_ids")


class OneHotIoU(IoU):
    """IoU of one-hot labels and of predictions for each class (unless sparse_y_pred)."""

    def __init__(
        self,
        num_classes,
        target_class_ids,
        name=None,
        dtype=None,
        ignore_class=None,
        sparse_y_pred=False,
        axis=-1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._config_without("sparse_y_true")


class OneHotMeanIoU(MeanIoU):
    """IoU of one-hot labels, averaged over all classes that there are."""

    def __init__(self, num_classes, name=None, dtype=None, ignore_class=None, sparse_y_pred=False, axis=-1):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self):
        return self._config_without("target_class_ids", "sparse_y_true")


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall) of each class, labels and predictions (N, C).

    Args:
        average: None for a value per class, "micro": over all together, "macro": the mean, "weighted": by how many
            labels a class has. beta: float > 0, recall's weight against precision's.
        threshold: float in (0, 1] above which a prediction is positive; None: the largest of a sample is.
    """

    _direction = "up"
    true_positives: Any
    false_positives: Any
    false_negatives: Any
    intermediate_weights: Any

    def __init__(self, average=None, beta=1.0, threshold=None, name="fbeta_score", dtype=None):
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"{type(self).__name__}: average is None, 'micro', 'macro' or 'weighted', got {average!r}")
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"{type(self).__name__}: beta must be a float > 0, got {beta!r}")
        if threshold is not None and (not isinstance(threshold, float) or not 0 < threshold <= 1):
            raise ValueError(f"{type(self).__name__}: threshold must be a float, 0 < threshold <= 1, got {threshold!r}")
        self.average, self.beta, self.threshold = average, beta, threshold
        self._built = False

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. y_true: 0 or 1, y_pred: (N, C). sample_weight: (N,); None for 1."""
        y_true, y_pred = matched(self.name, array.cast(y_true, self.dtype), array.cast(y_pred, self.dtype))
        if not self._built:
            columns = y_pred.shape[1:]
            if len(columns) != 1 or columns[0] is None:
                raise ValueError(f"{type(self).__name__} expects y_pred of shape (batch, classes), got {y_pred.shape}")
            for name in ("true_positives", "false_positives", "false_negatives", "intermediate_weights"):
                setattr(self, name, self.add_weight(() if self.average == "micro" else columns, name=name))
            self._built = True
        if self.threshold is None:
            largest = math.greater_equal(y_pred, math.reduce_max(y_pred, axis=-1, keepdims=True))
            chosen = math.logical_and(largest, math.greater(math.abs(y_pred), 1e-9))
        else:
            chosen = math.greater(y_pred, self.threshold)
        chosen = array.cast(chosen, self.dtype)
        weight = None if sample_weight is None else align_weight(self.name, y_pred, sample_weight)
        axis = None if self.average == "micro" else 0
        for name, values in (
            ("true_positives", chosen * y_true),
            ("false_positives", chosen * (1.0 - y_true)),
            ("false_negatives", (1.0 - chosen) * y_true),
            ("intermediate_weights", y_true),
        ):
            values = values if weight is None else values * weight
            getattr(self, name).assign_add(math.reduce_sum(values, axis=axis))

    def result(self):
        precision = self.true_positives / (self.true_positives + self.false_positives + EPSILON)
        recall = self.true_positives / (self.true_positives + self.false_negatives + EPSILON)
        square = self.beta**2
        score = (1.0 + square) * (precision * recall / (square * precision + recall + EPSILON))
        if self.average == "weighted":
            weights = self.intermediate_weights
            return math.reduce_sum(score * (weights / (math.reduce_sum(weights) + EPSILON)))
        return score if self.average is None else math.reduce_mean(score)

    def get_config(self):
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **own}


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall) of each class. Args: see `FBetaScore`."""

    def __init__(self, average=None, threshold=None, name="f1_score", dtype=None):
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self):
        return {key: value for key, value in super().get_config().items() if key != "beta"}
