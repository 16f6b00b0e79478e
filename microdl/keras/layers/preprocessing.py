"""Layers that bring inputs into the range that a model expects; ``adapt`` learns from data what that takes."""

import numpy as np

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import Operand, convert
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.array import cast, one_hot, reshape, reverse, where
from microdl.ops.math import maximum, reduce_max, reduce_sum
from microdl.ops.random import uniform

OUTPUT_MODES = ("multi_hot", "one_hot", "count")
EPSILON = 1e-7  # the least deviation that is divided by


class Rescaling(Layer):
    """``x * scale + offset``

    Args:
        scale, offset: floats, or arrays that broadcast to the inputs: 1 / 255 for pixels.

    Input shape: any; integers are cast to the layer's dtype. Output shape: the input's.
    """

    supports_masking = True
    _config = ("scale", "offset")

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def call(self, inputs):
        x = cast(inputs, self.dtype)
        return x * convert(self.scale, hint=self.dtype) + convert(self.offset, hint=self.dtype)


class Normalization(Layer):
    """``(x - mean) / sqrt(variance)``, for each entry of ``axis``; ``adapt`` takes both from data.

    Args:
        axis: int, several or None: axes whose entries have statistics of their own; None: one mean for all values.
        mean, variance: numbers or arrays, instead of ``adapt``. invert: bool, ``x * sqrt(variance) + mean``.

    Input shape: any with these axes. Output shape: the input's.
    Weights: mean, variance and the count of the samples, if they are not given; not trainable.
    """

    supports_masking = True

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(f"{self._label}: give both mean and variance, or neither and call adapt(data)")
        self.axis = axis
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert

    def _axes(self, rank):
        given = () if self.axis is None else self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        return sorted(axis % rank for axis in given)

    def build(self, input_shape):
        kept = self._axes(len(input_shape))
        sizes = [input_shape[axis] for axis in kept]
        if None in sizes:
            raise ValueError(f"{self._label}: sizes along axis {self.axis} must be known, got {input_shape}")
        self._broadcast = tuple(n if axis in kept else 1 for axis, n in enumerate(input_shape))
        if self.input_mean is None:
            self._mean = self.add_weight(sizes, "zeros", name="mean", trainable=False)
            self._variance = self.add_weight(sizes, "ones", name="variance", trainable=False)
            self.count = self.add_weight((), "zeros", dtype="int64", name="count", trainable=False)
        else:
            self._mean = convert(np.broadcast_to(np.float32(self.input_mean), sizes).copy())
            self._variance = convert(np.broadcast_to(np.float32(self.input_variance), sizes).copy())

    @property
    def mean(self):
        """The mean, in a shape that broadcasts to the input's."""
        return reshape(self._mean, tuple(1 if n is None else n for n in self._broadcast))

    @property
    def variance(self):
        """The variance, in a shape that broadcasts to the input's."""
        return reshape(self._variance, tuple(1 if n is None else n for n in self._broadcast))

    def adapt(self, data):
        """Sets mean and variance to those of ``data``: an array or Tensor, or an iterable of batches."""
        if self.input_mean is not None:
            raise ValueError(f"{self._label}: mean and variance were given, so there is nothing to adapt")
        batches = [data] if hasattr(data, "shape") or isinstance(data, (list, tuple)) else data
        count, total, squares = 0, 0.0, 0.0
        for batch in batches:
            x = np.asarray(batch, np.float64)
            if not self.built:
                self.build((None, *x.shape[1:]) if self.axis not in (0, [0], (0,)) else x.shape)
                self.built = True
            along = tuple(axis for axis in range(x.ndim) if axis not in self._axes(x.ndim))
            number = int(np.prod([x.shape[axis] for axis in along]))
            mean = x.mean(along)
            delta, count = mean - (total / count if count else 0.0), count + number
            before = count - number
            squares = squares + x.var(along) * number + delta**2 * (before * number / max(count, 1))
            total = total + mean * number
        if not count:
            raise ValueError(f"{self._label}: adapt needs data, got none")
        self._mean.assign(np.asarray(total / count, np.float32))
        self._variance.assign(np.asarray(squares / count, np.float32))
        self.count.assign(count)

    @reads_sizes
    def call(self, inputs):
        x = cast(inputs, self.dtype)
        shape = tuple(1 if n == 1 else own for n, own in zip(self._broadcast, x.shape, strict=True))
        mean, variance = reshape(self._mean, shape), reshape(self._variance, shape)
        deviation = maximum(variance**0.5, EPSILON)
        return x * deviation + mean if self.invert else (x - mean) / deviation

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "mean": _listed(self.input_mean),
            "variance": _listed(self.input_variance),
            "invert": self.invert,
        }


def _listed(value):
    return np.asarray(value).tolist() if isinstance(value, (np.ndarray, Operand)) else value


class CategoryEncoding(Layer):
    """Whole numbers below ``num_tokens`` as vectors of that size.

    Args:
        num_tokens: int > 0. output_mode: "one_hot": a vector for each number; "multi_hot": 1 for each number that a
            sample has; "count": how often it has it. sparse: must be False.

    Call arguments: inputs; count_weights, as the inputs, factors of the counts ("count" only).

    Input shape: (batch, numbers), or (batch,) or (). Output shape: (batch, num_tokens); for "one_hot" the input's shape
    (without a last axis of size 1) and num_tokens.
    """

    _config = ("num_tokens", "output_mode")

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = checks.positive(self, "num_tokens", num_tokens)
        self.output_mode = checks.one_of(self, "output_mode", output_mode, OUTPUT_MODES)
        if sparse:
            raise ValueError(f"{self._label}: sparse tensors are not available, sparse must be False")

    def call(self, inputs, count_weights=None):
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"{self._label}: count_weights need output_mode='count', got {self.output_mode!r}")
        numbers = inputs if inputs.dtype.is_integer else cast(inputs, "int32")
        vectors = one_hot(numbers, self.num_tokens, dtype=self.dtype)
        if self.output_mode == "one_hot":
            return vectors[..., 0, :] if numbers.ndim > 1 and numbers.shape[-1] == 1 else vectors
        if numbers.ndim == 0:
            return vectors
        if self.output_mode == "multi_hot":
            return reduce_max(vectors, axis=-2) if numbers.ndim > 1 else vectors
        if count_weights is not None:
            vectors = vectors * cast(count_weights, self.dtype)[..., None]
        return reduce_sum(vectors, axis=-2) if numbers.ndim > 1 else vectors


class RandomFlip(Layer):
    """In training each image reversed with probability 1/2, along its width, its height or both.

    Args:
        mode: "horizontal", "vertical" or "horizontal_and_vertical". seed: int or None. data_format: "channels_last".

    Input shape: (batch, height, width, channels). Output shape: the input's.
    """

    _config = ("mode", "seed", "data_format")

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.mode = checks.one_of(self, "mode", mode, ("horizontal", "vertical", "horizontal_and_vertical"))
        self.seed = seed
        self.data_format = checks.channels_last(self, data_format)

    @reads_sizes
    def call(self, inputs, training=True):
        x = cast(inputs, self.dtype)
        if not training:
            return x
        checks.images(self, x.shape)
        for name, axis in (("horizontal", 2), ("vertical", 1)):
            if name in self.mode:
                chosen = uniform((x.shape[0], 1, 1, 1), seed=self.seed) < 0.5
                x = where(chosen, reverse(x, [axis]), x)
        return x
