"""First values of weights.

An initializer with a seed gives the same values at every call. One without draws from the streams that
``tf.random.set_seed`` starts, one op seed a call; after ``keras.utils.set_random_seed`` it has a seed of its own, taken
from Python's ``random`` when it was made. The numbers are TensorFlow 2's and Keras 3's, bit for bit (normals: where the
C library is the same).
"""

import copy as _copy
import math
from typing import Any as _Any

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant as _tensor
from microdl.core.missing import missing as _missing
from microdl.core.random_state import random_state
from microdl.core.shapes import size_of
from microdl.keras import later as _later
from microdl.keras.naming import snake_case
from microdl.keras.persistence.registry import get_registered_object as _registered
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as _deserialize,
    serialize_keras_object as _serialize,
)
from microdl.ops import random
from microdl.ops.array import broadcast_to

# Standard deviation of a standard normal cut off at -2 and 2: 1 - 4 phi(2) / (Phi(2) - Phi(-2)), square root.
TRUNCATED_STDDEV = 0.87962566103423978


class Initializer:
    """Base class: ``initializer(shape, dtype)`` gives a Tensor. Subclasses define ``__call__`` and ``get_config``."""

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype)")

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        return _tensor(np.zeros(tuple(shape), dtypes.as_dtype(dtype).as_numpy_dtype))


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        return _tensor(np.ones(tuple(shape), dtypes.as_dtype(dtype).as_numpy_dtype))


class Constant(Initializer):
    """``value`` everywhere; an array or list is repeated to fill the shape, or gives all its elements."""

    def __init__(self, value=0):
        self.value = value

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        value = _tensor(self.value, dtype=dtype)
        fits = value.spec.size in (1, size_of(shape))
        return _tensor(value, shape=shape) if fits else broadcast_to(value, shape)

    def get_config(self):
        return {"value": self.value}


class _Random(Initializer):
    """Base of those that draw: with a seed by the stateless ops, without from the stream of ``set_seed``.

    seed: as it was given, for the configuration.
    """

    def __init__(self, seed=None):
        if seed is not None and not isinstance(seed, (int, np.integer)):
            raise ValueError(f"{type(self).__name__}: seed must be an integer or None, got {seed!r}")
        self.seed, self._drawn_seed = seed, random_state.drawn_seed(seed)

    def _draw(self, kind, shape, *parameters, dtype):
        """kind: "uniform", "normal" or "truncated_normal"; parameters: as its function takes them after the shape."""
        dtype = dtypes.as_dtype(dtype)
        if not dtype.is_floating:
            raise ValueError(f"{type(self).__name__}: random weights are floating, got dtype {dtype.name}")
        if self._drawn_seed is None:
            return getattr(random, kind)(shape, *parameters, dtype=dtype)
        return getattr(random, f"stateless_{kind}")(shape, (self._drawn_seed, 0), *parameters, dtype=dtype)


class RandomUniform(_Random):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        return self._draw("uniform", shape, self.minval, self.maxval, dtype=dtype)

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


class RandomNormal(_Random):
    """Normal with the given mean and standard deviation."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        return self._draw("normal", shape, self.mean, self.stddev, dtype=dtype)

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class TruncatedNormal(RandomNormal):
    """As ``RandomNormal``, drawn again where it is two or more ``stddev`` from the mean."""

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        return self._draw("truncated_normal", shape, self.mean, self.stddev, dtype=dtype)


class VarianceScaling(_Random):
    """Mean 0 and variance ``scale / n``, so that signals keep their size from layer to layer.

    Args:
        scale: float > 0, dimensionless.
        mode: "fan_in", "fan_out" or "fan_avg": n is the number of inputs of a unit, of its outputs, or their mean.
        distribution: "truncated_normal" (also "normal"), "untruncated_normal" or "uniform" (in +- sqrt(3 scale / n)).
        seed: int or None.
    """

    _axes: _Any = None  # of inputs and of outputs, where ``for_axes`` gave them

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        super().__init__(seed)
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if scale <= 0:
            raise ValueError(f"VarianceScaling: scale must be > 0, got {scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"VarianceScaling: mode must be fan_in, fan_out or fan_avg, got {mode!r}")
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                "VarianceScaling: distribution must be truncated_normal, untruncated_normal or uniform, "
                f"got {distribution!r}"
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def for_axes(self, input_axes, output_axes):
        """The same initializer for weights whose axes of inputs and outputs are not the last two."""
        known = _copy.copy(self)
        known._axes = tuple(input_axes), tuple(output_axes)
        return known

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        fan_in, fan_out = fans(shape) if self._axes is None else (_size(shape, axes) for axes in self._axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return self._draw("uniform", shape, -limit, limit, dtype=dtype)
        if self.distribution == "untruncated_normal":
            return self._draw("normal", shape, 0.0, math.sqrt(variance), dtype=dtype)
        return self._draw("truncated_normal", shape, 0.0, math.sqrt(variance) / TRUNCATED_STDDEV, dtype=dtype)

    def get_config(self):
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed}


class _FixedScaling(VarianceScaling):
    """Base of the named schemes, which differ in scale, mode and distribution alone."""

    scheme = (1.0, "fan_in", "truncated_normal")

    def __init__(self, seed=None):
        super().__init__(*self.scheme, seed=seed)

    def get_config(self):
        return {"seed": self.seed}


class GlorotUniform(_FixedScaling):
    """Uniform in +- sqrt(6 / (fan_in + fan_out)). Glorot and Bengio, 2010."""

    scheme = (1.0, "fan_avg", "uniform")


class GlorotNormal(_FixedScaling):
    """Truncated normal of variance 2 / (fan_in + fan_out). Glorot and Bengio, 2010."""

    scheme = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_FixedScaling):
    """Uniform in +- sqrt(6 / fan_in), for layers before a ReLU. He et al., 2015."""

    scheme = (2.0, "fan_in", "uniform")


class HeNormal(_FixedScaling):
    """Truncated normal of variance 2 / fan_in, for layers before a ReLU. He et al., 2015."""

    scheme = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_FixedScaling):
    """Uniform in +- sqrt(3 / fan_in). LeCun et al., "Efficient BackProp", 1998."""

    scheme = (1.0, "fan_in", "uniform")


class LecunNormal(_FixedScaling):
    """Truncated normal of variance 1 / fan_in. LeCun et al., "Efficient BackProp", 1998."""


class Orthogonal(_Random):
    """``gain`` times a matrix with orthonormal rows or columns (whichever are fewer); leading axes count as rows.

    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning", 2014.
    """

    def __init__(self, gain=1.0, seed=None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: a shape of two or more axes is needed, got {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = self._draw("normal", (max(rows, columns), min(rows, columns)), dtype=dtype)
        q, r = np.linalg.qr(np.asarray(tall))
        q = q * np.sign(np.diagonal(r))  # QR leaves the columns' signs open; so they become unique, and q uniform
        matrix = q.T if rows < columns else q
        return _tensor(self.gain * matrix.reshape(tuple(shape)).astype(q.dtype))

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed}


class Identity(Initializer):
    """``gain`` times the identity matrix; of other shapes the diagonal is filled as far as it goes."""

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=dtypes.float32, **kwargs):
        if len(shape) != 2:
            raise ValueError(f"Identity: a shape of two axes is needed, got {tuple(shape)}")
        return _tensor(self.gain * np.eye(*shape, dtype=dtypes.as_dtype(dtype).as_numpy_dtype))

    def get_config(self):
        return {"gain": self.gain}


def fans(shape):
    """Inputs and outputs of one unit: the last two axes, times the positions of the filter that come before them."""
    if not shape:
        return 1, 1
    if len(shape) == 1:
        return shape[0], shape[0]
    positions = math.prod(shape[:-2])
    return shape[-2] * positions, shape[-1] * positions


def _size(shape, axes):
    return math.prod(shape[axis] for axis in axes)


_CLASSES = (
    Zeros,
    Ones,
    Constant,
    RandomUniform,
    RandomNormal,
    TruncatedNormal,
    VarianceScaling,
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    Orthogonal,
    Identity,
)
# Keras's names in lower case are the classes too.
constant = Constant
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
identity = IdentityInitializer = Identity
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
ones, zeros = Ones, Zeros
orthogonal = OrthogonalInitializer = Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling

_BY_NAME = {name: cls for cls in _CLASSES for name in (cls.__name__, snake_case(cls.__name__))}
_BY_NAME |= {"uniform": RandomUniform, "normal": RandomNormal, "zero": Zeros, "one": Ones}


def serialize(initializer):
    """Module, class name and configuration of ``initializer``; a function (or None) itself."""
    return _serialize(initializer) if hasattr(initializer, "get_config") else initializer


def deserialize(config, custom_objects=None):
    """The initializer that ``serialize`` described.

    Args:
        custom_objects: dict, class name -> class, of initializers that are not the framework's own.
    """
    return _deserialize(config, custom_objects, module_objects=_BY_NAME)


def another(initializer):
    """One configured like ``initializer``; without a seed in the configuration it draws other numbers."""
    return (
        type(initializer).from_config(initializer.get_config()) if hasattr(initializer, "get_config") else initializer
    )


def get(identifier):
    """An initializer from a name (``"glorot_uniform"``), a class, a serialized dictionary, or a callable itself.

    Raises: ValueError for an unknown name, or something else.
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    if isinstance(identifier, str):
        found = _registered(identifier, None, _BY_NAME)
        if found is None:
            names = ", ".join(snake_case(cls.__name__) for cls in _CLASSES)
            raise ValueError(f"unknown initializer {identifier!r}; there are: {names}")
        return found() if isinstance(found, type) else found
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, type):
        return identifier()
    raise ValueError(f"an initializer is expected (an object, a name or a configuration), got {identifier!r}")


__getattr__ = _missing(__name__, globals(), _later.INITIALIZERS)
