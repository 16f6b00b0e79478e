"""Random choices among categories, and seeds made of seeds, with TensorFlow's numbers."""

from collections.abc import Callable

import numpy as np

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.random_state import random_state
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints, require_floating
from microdl.ops.random import _seed_pair, _Stateless

GROUP = 4  # TensorFlow reserves numbers in whole groups


class _Multinomial:
    """Of each row the first category up to which the probabilities add up to more than a uniform number."""

    inputs = ("logits",)
    host = True
    stream: Callable

    @staticmethod
    def infer(logits, count, dtype, seeds):
        require_floating("Multinomial", logits)
        if len(logits.shape) != 2:
            raise InvalidArgumentError(f"Multinomial: logits should be a matrix, got shape {logits.shape}")
        return Spec((logits.shape[0], count), dtype)

    @classmethod
    def run(cls, kernels, logits, y, count, dtype, seeds):
        uniform = np.empty(y.shape)
        kernels.random.uniform(*cls.stream(kernels, y, seeds), 1.0, 0.0, uniform.ravel())
        finite = np.isfinite(logits)
        top = np.where(finite, logits, -np.inf).max(axis=1, initial=np.finfo(logits.dtype).min, keepdims=True)
        weights = np.where(finite, np.exp(logits.astype(np.float64) - top), 0.0)
        totals = np.cumsum(weights, axis=1)
        kernels.scatter.upper_bound(totals, uniform * totals[:, -1:], y)


@register_op("Multinomial")
class _StatefulMultinomial(_Multinomial):
    stateful = True

    @staticmethod
    def stream(kernels, y, seeds):
        rows, count = y.shape
        reserved = rows * -(-count // GROUP) * GROUP * 2 * 256
        return random_state.reserve("Multinomial", y.dtype.name, seeds, reserved)


@register_op("StatelessMultinomial")
class _StatelessMultinomial(_Multinomial, _Stateless):
    pass


@register_op("StatelessRandomUniformFullInt")
class _StatelessFullInt(_Stateless):
    @staticmethod
    def infer(shape, dtype, seeds):
        return Spec(shape, dtype)

    @classmethod
    def run(cls, kernels, y, shape, dtype, seeds):
        kernels.random.stream_words(*cls.stream(kernels, y, seeds), y.ravel().view(np.uint32))


def _integers(dtype):
    dtype = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    if dtype not in (dtypes.int32, dtypes.int64):
        raise ValueError(f"categorical: dtype is int32 or int64, got {dtype.name}")
    return dtype


@reads_sizes
def categorical(logits, num_samples, dtype=None, seed=None, name=None):
    """Categories drawn for each row of ``logits``, unnormalised log probabilities (batch, classes).

    Returns: (batch, num_samples), int64 or ``dtype``, in [0, classes).
    """
    count = constant_ints("categorical", "num_samples", num_samples)
    return apply("Multinomial", convert(logits), count=count, dtype=_integers(dtype), seeds=random_state.op_seeds(seed))


@reads_sizes
def stateless_categorical(logits, num_samples, seed, dtype=dtypes.int64, name=None):
    """As ``categorical``, from the two integers ``seed`` alone: the same at every call."""
    count = constant_ints("categorical", "num_samples", num_samples)
    return apply("StatelessMultinomial", convert(logits), count=count, dtype=_integers(dtype), seeds=_seed_pair(seed))


def _full(shape, seed, dtype):
    return apply("StatelessRandomUniformFullInt", shape=shape, dtype=dtype, seeds=_seed_pair(seed))


def split(seed, num=2, alg="auto_select"):
    """``num`` seeds for stateless functions that follow from one: (num, 2), of the seed's dtype."""
    return _full((int(num), 2), seed, convert(seed).dtype)


def fold_in(seed, data, alg="auto_select"):
    """A seed for stateless functions that follows from another one and an integer, of the integer's dtype."""
    data = convert(data)
    return apply("Pack", _full((), seed, data.dtype), data, axis=0)
