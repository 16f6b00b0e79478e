"""What metrics have in common, their sums and means, and names that stand for metrics."""

import functools
from typing import Any

import numpy as np

from microdl.core.context import context
from microdl.core.deferred import reads_sizes
from microdl.core.dtypes import as_dtype, float32
from microdl.core.tensor import convert
from microdl.core.trackable import Trackable
from microdl.core.variable import Variable
from microdl.keras import initializers, losses, masks
from microdl.keras.naming import unique_name
from microdl.keras.targets import align_weight
from microdl.ops import array, math

BY_NAME: dict = {}  # every name of a metric -> function or class


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

    _direction: str | None = None  # "up" or "down", where it is to go; callbacks ask

    def __init__(self, dtype=None, name=None):
        self.name = name or unique_name(type(self).__name__)
        self.dtype = as_dtype(dtype or float32)
        self._weights = []

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "update_state" in cls.__dict__:
            cls.update_state = _unrecorded(cls.__dict__["update_state"])

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
        value = initializers.get(initializer or "zeros")(shape, dtype=dtype)  # pyright: ignore[reportOptionalCall]
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
        total, count = self.total.host_array(), self.count.host_array()  # asked for in each step: ops would cost more
        with np.errstate(all="ignore"):
            return convert(total / count if count else self.dtype.as_numpy_dtype(0))


class MeanTensor(Metric):
    """The mean of each element of tensors of one shape: sum of weight * value / sum of weight.

    Args: shape: of the values; None for that of the first ones.
    """

    def __init__(self, name="mean_tensor", dtype=None, shape=None):
        super().__init__(dtype, name)
        self._shape = None
        if shape is not None:
            self._build(shape)

    def _build(self, shape):
        self._shape = tuple(shape)
        self.total = self.add_weight(self._shape, name="total")
        self.count = self.add_weight(self._shape, name="count")

    def update_state(self, values, sample_weight=None):
        """values: float. sample_weight: one per row, or the shape of values; None for 1."""
        values = array.cast(convert(values), self.dtype)
        if self._shape is None:
            self._build(values.shape)
        if self._shape != tuple(values.shape):
            raise ValueError(f"{self.name}: values have the shape {self._shape} so far, now {tuple(values.shape)}")
        weight = array.ones_like(values)
        if sample_weight is not None:
            weight = weight * align_weight(self.name, values, sample_weight)
        self.total.assign_add(values * weight)
        self.count.assign_add(weight)

    def result(self):
        """A Tensor of the values' shape."""
        if self._shape is None:
            raise ValueError(f"{self.name}: there is no result before the first update_state, or give shape=...")
        return math.divide_no_nan(self.total, self.count)

    def get_config(self):
        return {**super().get_config(), "shape": self._shape}


class MeanMetricWrapper(Mean):
    """The mean of a function of labels and predictions.

    Args:
        fn: (y_true, y_pred, **kwargs) -> values, (N, ...); or the name of one in this module.
        name: None for the function's. kwargs: passed on at each update.
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        self.fn = get(fn)
        self.kwargs = kwargs
        if self._direction is None and losses.BY_NAME.get(getattr(self.fn, "__name__", "")) is self.fn:
            self._direction = "down"
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


def get(identifier) -> Any:
    """A metric from what a user may call it: see `losses.get`; names are those of this module."""
    return losses.look_up("metric", identifier, BY_NAME)
