"""Means of losses, and how well numbers are predicted."""

from typing import Any

from microdl.core.context import context, warn
from microdl.core.tensor import convert
from microdl.keras import losses
from microdl.keras.metrics.base import Mean, MeanMetricWrapper, Metric
from microdl.keras.targets import align_weight, matched
from microdl.ops import array, math


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between labels and predictions, over ``axis``: 1 for one direction, -1 for opposite."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


class MeanSquaredError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_error`."""

    _direction = "down"

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_error`."""

    _direction = "down"

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The square root of the mean of (y_pred - y_true)^2 over all elements."""

    _direction = "down"

    def __init__(self, name="root_mean_squared_error", dtype=None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. y_true, y_pred: (N, ...) of one shape. sample_weight: (N,), or their shape; None for 1."""
        y_true, y_pred = matched(self.name, y_true, y_pred)
        super().update_state(math.square(y_pred - y_true), sample_weight)

    def result(self):
        return math.sqrt(super().result())


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.sparse_categorical_crossentropy`."""

    _direction = "down"

    def __init__(
        self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, ignore_class=None, axis=-1
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **options)


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy`."""

    _direction = "down"

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **options)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy`."""

    _direction = "down"

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **options)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_percentage_error`."""

    _direction = "down"

    def __init__(self, name="mean_absolute_percentage_error", dtype=None):
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_logarithmic_error`."""

    _direction = "down"

    def __init__(self, name="mean_squared_logarithmic_error", dtype=None):
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """The mean of `losses.log_cosh`."""

    _direction = "down"

    def __init__(self, name="logcosh", dtype=None):
        super().__init__(losses.log_cosh, name, dtype)


class Poisson(MeanMetricWrapper):
    """The mean of `losses.poisson`."""

    _direction = "down"

    def __init__(self, name="poisson", dtype=None):
        super().__init__(losses.poisson, name, dtype)


class KLDivergence(MeanMetricWrapper):
    """The mean of `losses.kl_divergence`."""

    _direction = "down"

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(losses.kl_divergence, name, dtype)


class Hinge(MeanMetricWrapper):
    """The mean of `losses.hinge`."""

    _direction = "down"

    def __init__(self, name="hinge", dtype=None):
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of `losses.squared_hinge`."""

    _direction = "down"

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of `losses.categorical_hinge`."""

    _direction = "down"

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(losses.categorical_hinge, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The mean of `cosine_similarity`."""

    _direction = "up"

    def __init__(self, name="cosine_similarity", dtype=None, axis=-1):
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class R2Score(Metric):
    """1 - sum (y_true - y_pred)^2 / sum (y_true - mean)^2, for each column of (N, D): 1 for perfect predictions.

    Args:
        class_aggregation: "uniform_average" of the columns, "variance_weighted_average", or None for each by itself.
        num_regressors: int p > 0 for the adjusted score 1 - (1 - R2) (n - 1) / (n - p - 1), n the number of values.
    """

    _direction = "up"
    squared_sum: Any
    sum: Any
    residual: Any
    count: Any

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(dtype, name)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "R2Score: class_aggregation is 'uniform_average', 'variance_weighted_average' or None, got "
                f"{class_aggregation!r}"
            )
        if num_regressors < 0:
            raise ValueError(f"R2Score: num_regressors must be >= 0, got {num_regressors}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_weight(name="num_samples")
        self._built = False

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. y_true, y_pred: (N, D). sample_weight: (N,); None for 1."""
        y_true, y_pred = matched(self.name, array.cast(y_true, self.dtype), array.cast(y_pred, self.dtype))
        if not self._built:
            columns = y_pred.shape[1:]
            if len(columns) != 1 or columns[0] is None:
                raise ValueError(f"R2Score expects y_pred of shape (batch, columns), got {y_pred.shape}")
            for name in ("squared_sum", "sum", "residual", "count"):
                setattr(self, name, self.add_weight(columns, name=name))
            self._built = True
        weight = array.ones_like(y_true)
        self.num_samples.assign_add(math.reduce_sum(weight))
        if sample_weight is not None:
            weight = weight * align_weight(self.name, y_true, sample_weight)
        self.sum.assign_add(math.reduce_sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(math.reduce_sum(math.square(y_true) * weight, axis=0))
        self.residual.assign_add(math.reduce_sum(math.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(math.reduce_sum(weight, axis=0))

    def result(self):
        total = self.squared_sum - self.sum * (self.sum / self.count)
        scores = 1.0 - self.residual / total
        scores = array.where(math.is_inf(scores), array.zeros_like(scores), scores)
        if self.class_aggregation == "uniform_average":
            scores = math.reduce_mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = math.reduce_sum(total * scores) / math.reduce_sum(total)
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, score):
        left = self.num_samples - float(self.num_regressors) - 1.0
        adjusted = 1.0 - (1.0 - score) * (self.num_samples - 1.0) / left
        if context.graph is None and float(convert(left).numpy()) <= 0:
            warn(f"{self.name}: {self.num_regressors} regressors need more values, so this is the score without them")
        return array.where(math.greater(left, 0.0), adjusted, score)

    def get_config(self):
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
