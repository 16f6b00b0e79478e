"""What losses have in common: reduction of one value per sample to one number, and names that stand for losses."""

import difflib
import inspect
from typing import Any

from microdl.core.context import warn
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import apply
from microdl.keras import masks
from microdl.keras.naming import snake_case
from microdl.keras.persistence.registry import get_registered_object as _registered
from microdl.keras.persistence.serialization import deserialize_keras_object as _deserialize
from microdl.keras.targets import align_weight, floats
from microdl.ops import array, math

EPSILON = 1e-7  # probabilities are kept in [EPSILON, 1 - EPSILON]: their logarithms stay finite
REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)

BY_NAME: dict = {}  # every name of a loss -> function or class
OF_PROBABILITIES: dict = {}  # functions of probabilities, unless from_logits -> their classes


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
        if not self._looked_for_logits and self.fn in OF_PROBABILITIES and not self.kwargs.get("from_logits"):
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
                f"no softmax or sigmoid, use keras.losses.{OF_PROBABILITIES[self.fn].__name__}(from_logits=True)"
            )

    def get_config(self):
        function = {"fn": self.fn.__name__} if type(self) is LossFunctionWrapper else {}
        return {**super().get_config(), **function, **self.kwargs}


def get(identifier) -> Any:
    """A loss from what a user may call it.

    Args:
        identifier: name of a function, of a class or an alias ("mse", "mae", "bce"...); a dict with "class_name" and
            "config"; a Loss class, which is called without arguments; a Loss or a function, returned as it is; None.
    Raises: ValueError if no loss has this name. TypeError if it is nothing of the above.
    """
    return look_up("loss", identifier, BY_NAME)


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


@reads_sizes
def _mean(values):
    """The mean; 0 of no values."""
    return math.reduce_mean(values) if values.spec.size else math.reduce_sum(values)


@reads_sizes
def _over_all(total, values):
    """``total`` divided by the number of ``values``."""
    return total / max(values.spec.size, 1)
