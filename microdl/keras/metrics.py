"""Metrics: numbers about a model that are gathered over many batches.

Names, arguments and values are those of Keras 3. ``N`` is the number of samples, ``C`` that of classes. A metric's
updates are never recorded on a tape.
"""

import functools
from typing import Any

import numpy as np

from microdl.core.context import context
from microdl.core.deferred import reads_sizes
from microdl.core.dtypes import as_dtype, float32
from microdl.core.missing import missing as _missing
from microdl.core.tensor import convert
from microdl.core.trackable import Trackable
from microdl.core.variable import Variable
from microdl.keras import initializers, later as _later, losses, masks
from microdl.keras.naming import unique_name
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as _deserialize,
    serialize_keras_object as _serialize,
)
from microdl.keras.targets import align_weight, class_labels, label_kind, matched
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


def _hits(a, b):
    return array.cast(math.equal(a, b), float32)


def _total(x):
    return math.reduce_sum(x) if x.ndim else x


def _unrecorded(update_state):
    """``update_state`` with this thread's tapes set aside."""

    @functools.wraps(update_state)
    def wrapped(self, *args, **kwargs):
        tapes, context.tapes = context.tapes, ()
        try:
            return update_state(self, *args, **kwargs)
        finally:
            context.tapes = tapes

    return wrapped


class Metric(Trackable):
    """A number gathered over batches. Subclasses define ``update_state`` and ``result``.

    Args:
        dtype: of the state and the result; None for float32.
        name: str, or None for the class's name in snake_case, numbered.

    >>> m = Mean()
    >>> m.update_state([1.0, 3.0])
    >>> m.update_state([8.0])
    >>> float(m.result())
    4.0
    """

    def __init__(self, dtype=None, name=None):
        self.name = name or unique_name(type(self).__name__)
        self.dtype = as_dtype(dtype or float32)
        self._weights = []

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "update_state" in cls.__dict__:
            cls.update_state = _unrecorded(cls.update_state)

    def __call__(self, *args, **kwargs):
        """Updates the state and returns the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def update_state(self, *args, **kwargs):
        """Adds a batch to the state."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state")

    def result(self):
        """The metric over all batches since the start or the last ``reset_state``: a scalar Tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define result")

    def reset_state(self):
        """Starts anew: all state becomes zero."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype.as_numpy_dtype))

    def add_weight(self, shape=(), initializer="zeros", dtype=None, name=None):
        """A Variable of the state, which tapes do not watch. ``reset_state`` sets it to zero."""
        dtype = as_dtype(dtype) if dtype else self.dtype
        value = initializers.get(initializer or "zeros")(shape, dtype=dtype)
        variable = Variable(value, trainable=False, name=f"{self.name}/{name or 'variable'}")
        self._weights.append(variable)
        return variable

    add_variable = add_weight

    @property
    def variables(self):
        """All Variables of the state, those of Metrics that are attributes included."""
        nested = [v for value in self.__dict__.values() if isinstance(value, Metric) for v in value.variables]
        return self._weights + nested

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}>"


class Sum(Metric):
    """sum of weight * value over all values given."""

    def __init__(self, name="sum", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_weight(name="total")

    def update_state(self, values, sample_weight=None):
        """values: any shape. sample_weight: one per sample, or the shape of values; None for 1."""
        values = array.cast(convert(values), self.dtype)
        if sample_weight is not None:
            values = values * align_weight(self.name, values, sample_weight)
        self.total.assign_add(math.reduce_sum(values))

    def result(self):
        return self.total.read_value()


class Mean(Metric):
    """sum of weight * value / sum of weight, where a sample's value is the mean over all its axes but the first."""

    def __init__(self, name="mean", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_weight(name="total")
        self.count = self.add_weight(name="count")

    @reads_sizes
    def update_state(self, values, sample_weight=None):
        """values: (N, ...) or a scalar. sample_weight: one per sample, or the shape of values; None for 1."""
        values = array.cast(values, self.dtype)
        samples = values.spec.shape[0] if values.ndim else 1
        per_sample = max(values.spec.size // max(samples, 1), 1)
        count = float(samples)
        if sample_weight is not None:
            weight = align_weight(self.name, values, sample_weight)
            values = values * weight
            shared_by = values.spec.size / max(weight.spec.size, 1)  # values that have one weight in common
            count = _total(weight)
            if shared_by != per_sample:
                count = count * (shared_by / per_sample)
        total = _total(values)
        self.total.assign_add(total if per_sample == 1 else total / float(per_sample))
        self.count.assign_add(count)

    def result(self):
        if context.graph is not None:
            return math.divide_no_nan(self.total, self.count)
        total, count = self.total.known_array(), self.count.known_array()  # asked for in each step: ops would cost more
        with np.errstate(all="ignore"):
            return convert(total / count if count else self.dtype.as_numpy_dtype(0))


class MeanMetricWrapper(Mean):
    """The mean of a function of labels and predictions.

    Args:
        fn: (y_true, y_pred, **kwargs) -> values, (N, ...); or the name of one in this module.
        name: None for the function's. kwargs: passed on at each update.
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        self.fn = get(fn)
        self.kwargs = kwargs
        super().__init__(name or getattr(self.fn, "__name__", "mean_metric_wrapper"), dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. sample_weight: (N,), or the shape of the function's values; None for 1."""
        values = self.fn(y_true, y_pred, **self.kwargs)
        if (mask := masks.get(y_pred)) is not None:
            weight = None if sample_weight is None else align_weight(self.name, values, sample_weight)
            sample_weight = masks.weights_of(mask, values, weight, mean=False)
        super().update_state(values, sample_weight)

    def get_config(self):
        function = {"fn": self.fn.__name__} if type(self) is MeanMetricWrapper else {}
        return {**super().get_config(), **function, **self.kwargs}


class Accuracy(MeanMetricWrapper):
    """How often predictions equal labels: see `accuracy`."""

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often yes-or-no predictions are right: see `binary_accuracy`."""

    def __init__(self, name="binary_accuracy", dtype=None, threshold=0.5):
        if not 0 < threshold < 1:
            raise ValueError(f"BinaryAccuracy: threshold must lie between 0 and 1, got {threshold}")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the one-hot label's: see `categorical_accuracy`."""

    def __init__(self, name="categorical_accuracy", dtype=None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the one that the label numbers: see `sparse_categorical_accuracy`."""

    def __init__(self, name="sparse_categorical_accuracy", dtype=None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label's class is among the k most probable: see `sparse_top_k_categorical_accuracy`."""

    def __init__(self, k=5, name="sparse_top_k_categorical_accuracy", dtype=None):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)


class MeanSquaredError(MeanMetricWrapper):
    """The mean of `losses.mean_squared_error`."""

    def __init__(self, name="mean_squared_error", dtype=None):
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of `losses.mean_absolute_error`."""

    def __init__(self, name="mean_absolute_error", dtype=None):
        super().__init__(losses.mean_absolute_error, name, dtype)


class RootMeanSquaredError(Mean):
    """The square root of the mean of (y_pred - y_true)^2 over all elements."""

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

    def __init__(self, name="sparse_categorical_crossentropy", dtype=None, from_logits=False, axis=-1):
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, axis=axis)


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy`."""

    def __init__(self, name="categorical_crossentropy", dtype=None, from_logits=False, label_smoothing=0, axis=-1):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **options)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy`."""

    def __init__(self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **options)


_FUNCTIONS = (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    losses.binary_crossentropy,
    losses.categorical_crossentropy,
    losses.mean_absolute_error,
    losses.mean_squared_error,
    losses.sparse_categorical_crossentropy,
)
_CLASSES = (
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    Mean,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    Sum,
)
binary_crossentropy = losses.binary_crossentropy
categorical_crossentropy = losses.categorical_crossentropy
sparse_categorical_crossentropy = losses.sparse_categorical_crossentropy
mae = MAE = mean_absolute_error = losses.mean_absolute_error
mse = MSE = mean_squared_error = losses.mean_squared_error
_ALIASES = {"bce": BinaryCrossentropy, "mae": MeanAbsoluteError, "mse": MeanSquaredError}
_BY_NAME = {item.__name__: item for item in _FUNCTIONS + _CLASSES}
_BY_NAME |= _ALIASES | {alias.upper(): metric for alias, metric in _ALIASES.items()}


def get(identifier) -> Any:
    """A metric from what a user may call it: see `losses.get`; names are those of this module."""
    return losses.look_up("metric", identifier, _BY_NAME)


def serialize(metric):
    """Module, class name and configuration of a Metric, or the name of a function, as plain values."""
    return _serialize(metric)


def deserialize(config, custom_objects=None):
    """The metric that ``serialize`` described. custom_objects: dict from names to the user's own."""
    return _deserialize(config, custom_objects, module_objects=_BY_NAME)


def get_for(identifier, y_true, y_pred):
    """The Metric that ``Model.compile(metrics=[identifier])`` means for labels and predictions of these shapes.

    Args:
        identifier: as for `get`; "accuracy" or "acc" is the binary one for one output, else the sparse one for class
            numbers and the categorical one for one-hot labels. A name stays the Metric's name.
        y_true, y_pred: Tensors, Specs or arrays; only their shapes are read.
    """
    name = identifier if isinstance(identifier, str) else None
    if name is not None and name.lower() in ("accuracy", "acc"):
        kinds = {
            "binary": BinaryAccuracy,
            "sparse": SparseCategoricalAccuracy,
            "categorical": CategoricalAccuracy,
        }
        return kinds[label_kind(y_true, y_pred)](name=name)
    metric = get(identifier)
    if metric is None:
        raise ValueError("a metric is expected (a name, a Metric or a function), got None")
    if not isinstance(metric, Metric):
        return MeanMetricWrapper(metric, name)
    if name is not None:
        metric.name = name
    return metric


__getattr__ = _missing(__name__, globals(), _later.METRICS)
