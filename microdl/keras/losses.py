"""Losses: functions that give one value per sample, and classes that reduce these to the number to be minimised.

Names, arguments and values are those of Keras 3. ``N`` is the number of samples, ``C`` that of classes; "(N, ...)" may
have any further axes, over which a loss function has already taken the mean (regression) or which it keeps.
"""

import difflib
import inspect
from typing import Any

from microdl.core.context import warn
from microdl.core.deferred import reads_sizes
from microdl.core.dtypes import int64
from microdl.core.errors import InvalidArgumentError
from microdl.core.missing import missing as _missing
from microdl.core.tensor import apply, convert
from microdl.keras import later as _later, masks
from microdl.keras.naming import snake_case
from microdl.keras.persistence.registry import get_registered_object as _registered
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as _deserialize,
    serialize_keras_object as _serialize,
)
from microdl.keras.targets import align_weight, class_labels, floats, label_kind, matched
from microdl.ops import array, loss, math

EPSILON = 1e-7  # probabilities are kept in [EPSILON, 1 - EPSILON]: their logarithms stay finite
REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


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


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """mean over ``axis`` of -t * log(p) - (1 - t) * log(1 - p).

    Args:
        y_true: t, (N, ..., D), 0 or 1 or between. label_smoothing: float s in [0, 1]: t becomes t * (1 - s) + s / 2.
        y_pred: p, (N, ..., D), kept in [1e-7, 1 - 1e-7]; with ``from_logits`` any numbers x, p = sigmoid(x).
    Returns: (N, ...).
    """
    y_true, y_pred = matched("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        values = loss.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    else:
        p = math.clip_by_value(y_pred, EPSILON, 1.0 - EPSILON)
        values = -(y_true * math.log(p) + (1.0 - y_true) * math.log(1.0 - p))
    return math.reduce_mean(values, axis=axis)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum over ``axis`` of t * log(p): the labels are one probability for each class.

    Args:
        y_true: t, (N, ..., C), usually one-hot. label_smoothing: float s in [0, 1]: t becomes t * (1 - s) + s / C.
        y_pred: p, (N, ..., C); divided by its sum over ``axis`` and kept in [1e-7, 1 - 1e-7]. With ``from_logits`` any
            numbers x, p = softmax(x).
    Returns: (N, ...).
    """
    hint = "for class numbers use sparse_categorical_crossentropy, or make the labels one-hot with tf.one_hot"
    y_true, y_pred = matched("categorical_crossentropy", y_true, y_pred, hint)
    if label_smoothing:
        y_true = _smoothed(y_true, label_smoothing, axis)
    if from_logits:
        return loss.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred, axis=axis)
    p = y_pred / math.reduce_sum(y_pred, axis=axis, keepdims=True)
    return -math.reduce_sum(y_true * math.log(math.clip_by_value(p, EPSILON, 1.0 - EPSILON)), axis=axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log(p[label]): the labels are numbers of classes.

    Args:
        y_true: class numbers 0 .. C - 1, (N, ...) or (N, ..., 1), integer (or float holding integers).
        y_pred: p, (N, ..., C); kept in [1e-7, 1 - 1e-7], then divided by its sum. With ``from_logits`` any numbers x,
            p = softmax(x).
        ignore_class: int; samples with this label get the loss 0.
        axis: must be the last one.
    Returns: (N, ...).
    """
    labels, y_pred = class_labels("sparse_categorical_crossentropy", y_true, y_pred)
    if axis not in (-1, y_pred.ndim - 1):
        raise InvalidArgumentError(
            f"sparse_categorical_crossentropy: the classes must lie on the last axis of y_pred (shape {y_pred.shape}), "
            f"got axis={axis}; move it there with tf.transpose"
        )
    counted = None if ignore_class is None else math.not_equal(labels, ignore_class)
    if counted is not None:
        labels = labels * array.cast(counted, labels.dtype)  # an ignored label may be no class at all, 255 say
    if not from_logits:
        y_pred = math.log(math.clip_by_value(y_pred, EPSILON, 1.0 - EPSILON))
    values = loss.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=y_pred)
    return values if counted is None else values * array.cast(counted, values.dtype)


class Loss:
    """A function of labels and predictions, reduced to one number. Subclasses define ``call``.

    Args:
        name: str, or None for the class's name in snake_case.
        reduction: "sum_over_batch_size" (or "mean"): sum of the weighted values / number of values;
            "mean_with_sample_weight": the same sum / sum of the weights; "sum"; None or "none": the weighted values.
    """

    def __init__(self, name=None, reduction="sum_over_batch_size"):
        if reduction not in REDUCTIONS:
            raise ValueError(f"{type(self).__name__}: reduction must be one of {REDUCTIONS}, got {reduction!r}")
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The reduced loss. sample_weight: (N,) or the shape of ``call``'s values, or sizes of 1."""
        values = self.call(y_true, y_pred)
        weight = None if sample_weight is None else align_weight(self.name, values, sample_weight)
        counted = self.counted(y_true)
        if (mask := masks.get(y_pred)) is not None:
            weight = masks.weights_of(mask, values, weight, self.reduction in ("sum_over_batch_size", "mean"))
        if counted is not None:
            counted = array.reshape(array.cast(counted, values.dtype), values.shape)
            weight = counted if weight is None else weight * counted
        if weight is not None:
            values = values * weight
        if self.reduction in ("none", None):
            return values
        if weight is None and self.reduction != "sum":
            return _mean(values)
        total = math.reduce_sum(values)
        if self.reduction == "sum":
            return total
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            return math.divide_no_nan(total, math.reduce_sum(weight))
        if counted is not None:
            return math.divide_no_nan(total, math.reduce_sum(counted))
        return _over_all(total, values)

    def call(self, y_true, y_pred):
        """The loss of each sample, (N, ...)."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred)")

    def counted(self, y_true):
        """Which values count at all, as a bool Tensor with one element for each; None: all do."""
        return None

    def get_config(self):
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}>"


class LossFunctionWrapper(Loss):
    """A Loss made of a function.

    Args:
        fn: (y_true, y_pred, **kwargs) -> losses, (N, ...); or the name of one in this module.
        kwargs: passed on at each call.
    """

    def __init__(self, fn, reduction="sum_over_batch_size", name=None, **kwargs):
        self.fn = get(fn)
        self.kwargs = kwargs
        self._looked_for_logits = False
        super().__init__(name or getattr(self.fn, "__name__", None), reduction)

    def call(self, y_true, y_pred):
        if not self._looked_for_logits and self.fn in _OF_PROBABILITIES and not self.kwargs.get("from_logits"):
            apply("Inspect", floats(y_pred), function=self._look_for_logits)
        return self.fn(y_true, y_pred, **self.kwargs)

    def _look_for_logits(self, y_pred):
        """Once: negative "probabilities" are the mark of a model without softmax, which trains badly and in silence."""
        if self._looked_for_logits:
            return
        self._looked_for_logits = True
        if (y_pred < 0).any():
            warn(
                f"{self.name}: y_pred holds negative numbers, so they are no probabilities; if the last layer has "
                f"no softmax or sigmoid, use keras.losses.{_OF_PROBABILITIES[self.fn].__name__}(from_logits=True)"
            )

    def get_config(self):
        function = {"fn": self.fn.__name__} if type(self) is LossFunctionWrapper else {}
        return {**super().get_config(), **function, **self.kwargs}


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross entropy of class numbers and predictions: see `sparse_categorical_crossentropy`.

    >>> SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]).numpy().round(3)
    np.float32(1.177)
    """

    def __init__(
        self,
        from_logits=False,
        ignore_class=None,
        reduction="sum_over_batch_size",
        axis=-1,
        name="sparse_categorical_crossentropy",
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, **options)

    def counted(self, y_true):
        ignored = self.kwargs["ignore_class"]
        return None if ignored is None else math.not_equal(array.cast(convert(y_true), int64), ignored)


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross entropy of one-hot (or soft) labels and predictions: see `categorical_crossentropy`."""

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_crossentropy",
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, **options)


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross entropy of yes-or-no labels and predictions: see `binary_crossentropy`."""

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_crossentropy",
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, **options)


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


_FUNCTIONS = (
    binary_crossentropy,
    categorical_crossentropy,
    huber,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
_CLASSES = (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
_OF_PROBABILITIES = {
    binary_crossentropy: BinaryCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
}
bce = BCE = binary_crossentropy
mae = MAE = mean_absolute_error
mse = MSE = mean_squared_error
_ALIASES = {"bce": binary_crossentropy, "mae": mean_absolute_error, "mse": mean_squared_error}
_BY_NAME = {item.__name__: item for item in _FUNCTIONS + _CLASSES}
_BY_NAME |= _ALIASES | {alias.upper(): function for alias, function in _ALIASES.items()}


def get(identifier) -> Any:
    """A loss from what a user may call it.

    Args:
        identifier: name of a function, of a class or an alias ("mse", "mae", "bce"); a dict with "class_name" and
            "config"; a Loss class, which is called without arguments; a Loss or a function, returned as it is; None.
    Raises: ValueError if no loss has this name. TypeError if it is nothing of the above.
    """
    return look_up("loss", identifier, _BY_NAME)


def get_for(identifier, y_true, y_pred):
    """The Loss that ``Model.compile(loss=identifier)`` means for labels and predictions of these shapes.

    Args:
        identifier: as for `get`; "crossentropy" or "ce" is the binary one for one output, else the sparse one for class
            numbers and the categorical one for one-hot labels.
        y_true, y_pred: Tensors, Specs or arrays; only their shapes are read.
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kinds = {
            "binary": binary_crossentropy,
            "sparse": sparse_categorical_crossentropy,
            "categorical": categorical_crossentropy,
        }
        found = kinds[label_kind(y_true, y_pred)]
    else:
        found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=identifier if isinstance(identifier, str) else None)


def serialize(loss):
    """Module, class name and configuration of a Loss, or the name of a function, as plain values."""
    return _serialize(loss)


def deserialize(name, custom_objects=None):
    """The loss that ``serialize`` described. custom_objects: dict from names to the user's own."""
    return _deserialize(name, custom_objects, module_objects=_BY_NAME)


def look_up(kind, identifier, by_name) -> Any:
    """What ``identifier`` means among ``by_name``; kind: "loss" or "metric", for messages. See `get`."""
    if isinstance(identifier, dict):
        return _deserialize({"config": {}, **identifier}, module_objects=by_name)
    if isinstance(identifier, str):
        identifier = _named(kind, identifier, by_name)
    if inspect.isclass(identifier):
        return identifier()
    if identifier is None or callable(identifier):
        return identifier
    raise TypeError(f"a {kind} is given by name, as a function or as an object, got {identifier!r}")


def _named(kind, name, by_name):
    found = _registered(name, None, by_name)
    if found is None:
        near = difflib.get_close_matches(name, by_name, n=3) or sorted(by_name)
        raise ValueError(f"there is no {kind} {name!r}; did you mean {', '.join(near)}?")
    return found


__getattr__ = _missing(__name__, globals(), _later.LOSSES)


@reads_sizes
def _smoothed(y_true, smoothing, axis):
    return y_true * (1.0 - smoothing) + smoothing / y_true.spec.shape[axis]


@reads_sizes
def _mean(values):
    """The mean; 0 of no values."""
    return math.reduce_mean(values) if values.spec.size else math.reduce_sum(values)


@reads_sizes
def _over_all(total, values):
    """``total`` divided by the number of ``values``."""
    return total / max(values.spec.size, 1)
