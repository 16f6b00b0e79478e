"""Initializers: functions of a shape that make a variable's first value."""

import math

from microdl.compat.v1.naming import in_graph
from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.ops import creation, random


class Initializer:
    """``initializer(shape, dtype)`` gives a Tensor. ``dtype``: its dtype, where the caller does not ask for another."""

    def __init__(self, dtype=dtypes.float32):
        self.dtype = dtypes.as_dtype(dtype)

    def __call__(self, shape, dtype=None, partition_info=None):
        values = in_graph(self._values, self.label)
        return values(shape, self.dtype if dtype is None else dtypes.as_dtype(dtype))

    label = "Const"  # of the operation

    def _values(self, shape, dtype):
        raise NotImplementedError


class zeros_initializer(Initializer):
    """Zeros."""

    label = "zeros"

    def _values(self, shape, dtype):
        return creation.zeros(shape, dtype)


class ones_initializer(Initializer):
    """Ones."""

    label = "ones"

    def _values(self, shape, dtype):
        return creation.ones(shape, dtype)


class constant_initializer(Initializer):
    """``value``: a number, or as many of them as the shape has elements."""

    def __init__(self, value=0, dtype=dtypes.float32, verify_shape=False):
        super().__init__(dtype)
        self.value = value

    def _values(self, shape, dtype):
        return constant(self.value, dtype, shape)


class random_uniform_initializer(Initializer):
    """Uniform over [minval, maxval)."""

    label = "random_uniform"

    def __init__(self, minval=0.0, maxval=None, seed=None, dtype=dtypes.float32):
        super().__init__(dtype)
        self.minval, self.maxval, self.seed = minval, 1.0 if maxval is None else maxval, seed

    def _values(self, shape, dtype):
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)


class random_normal_initializer(Initializer):
    """Normal with this mean and standard deviation."""

    draw, label = staticmethod(random.normal), "random_normal"

    def __init__(self, mean=0.0, stddev=1.0, seed=None, dtype=dtypes.float32):
        super().__init__(dtype)
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def _values(self, shape, dtype):
        return type(self).draw(shape, self.mean, self.stddev, dtype, self.seed)


class truncated_normal_initializer(random_normal_initializer):
    """Normal, with what lies more than two standard deviations from the mean drawn again."""

    draw, label = staticmethod(random.truncated_normal), "truncated_normal"


class variance_scaling_initializer(Initializer):
    """Mean 0, variance ``scale / n``, n being the number of inputs, of outputs, or their mean.

    Args:
        mode: "fan_in", "fan_out" or "fan_avg". distribution: "truncated_normal" ("normal"), "untruncated_normal" or
            "uniform".
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None, dtype=dtypes.float32):
        super().__init__(dtype)
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: {mode!r}")
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution.lower(), seed
        plain = {"uniform": "random_uniform", "untruncated_normal": "random_normal"}
        self.label = plain.get(self.distribution, "truncated_normal")

    def _values(self, shape, dtype):
        receptive = math.prod(shape[:-2])
        fan_in, fan_out = (shape[-2] if len(shape) > 1 else 1) * receptive, (shape[-1] if shape else 1) * receptive
        count = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, count)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        # 0.8796: the standard deviation of a standard normal cut off at two.
        return random.truncated_normal(shape, 0.0, math.sqrt(variance) / 0.87962566103423978, dtype, self.seed)


class glorot_uniform_initializer(variance_scaling_initializer):
    """Uniform with variance 2 / (inputs + outputs): Glorot and Bengio, 2010."""

    def __init__(self, seed=None, dtype=dtypes.float32):
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


class glorot_normal_initializer(variance_scaling_initializer):
    """Normal with variance 2 / (inputs + outputs): Glorot and Bengio, 2010."""

    def __init__(self, seed=None, dtype=dtypes.float32):
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)


def xavier_initializer(uniform=True, seed=None, dtype=dtypes.float32):
    """``tf.contrib.layers.xavier_initializer``"""
    return (glorot_uniform_initializer if uniform else glorot_normal_initializer)(seed, dtype)


def he_normal(seed=None, dtype=dtypes.float32):
    """Normal with variance 2 / inputs: He et al., 2015."""
    return variance_scaling_initializer(2.0, "fan_in", "truncated_normal", seed, dtype)


def he_uniform(seed=None, dtype=dtypes.float32):
    """Uniform with variance 2 / inputs: He et al., 2015."""
    return variance_scaling_initializer(2.0, "fan_in", "uniform", seed, dtype)


def lecun_normal(seed=None, dtype=dtypes.float32):
    """Normal with variance 1 / inputs."""
    return variance_scaling_initializer(1.0, "fan_in", "truncated_normal", seed, dtype)


def lecun_uniform(seed=None, dtype=dtypes.float32):
    """Uniform with variance 1 / inputs."""
    return variance_scaling_initializer(1.0, "fan_in", "uniform", seed, dtype)
