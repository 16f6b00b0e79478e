"""Layers that act only in training, and a penalty on activities."""

import math

from microdl.core.deferred import reads_sizes
from microdl.core.random_state import Calls, random_state
from microdl.keras import regularizers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.array import cast, zeros_like
from microdl.ops.random import dropout, normal, uniform


class Dropout(Layer):
    """In training ``x / (1 - rate)`` with each value set to zero with probability ``rate``; else ``x``.

    Args:
        rate: in [0, 1], dimensionless; the share of values that is dropped; all of them leave zeros.
        noise_shape: shape that broadcasts to the input's: along an axis of size 1 values are dropped together; None
            stands for the input's own, a size of None for the input's size.
        seed: int or None, see ``tf.random.set_seed``.

    Input shape: any, floating. Output shape: the input's.
    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014.
    """

    supports_masking = True

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = _share(self, rate)
        self.noise_shape = noise_shape
        self.seed, self._seeds = seed, _own_seeds(self, seed, rate)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return zeros_like(inputs)
        return dropout(inputs, self.rate, noise_shape=self.noise_shape, seed=self._seeds)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}


def _share(layer, rate):
    if isinstance(rate, bool) or not 0 <= rate <= 1:
        raise ValueError(f"{layer._label}: rate is the share of values dropped, in [0, 1], got {rate!r}")
    return rate


def _own_seeds(layer, seed, strength):
    """What a layer draws with. As in Keras 3, it takes a seed as initializers do, and later layers get other ones."""
    drawn = random_state.drawn_seed(seed) if strength > 0 else None
    return seed if drawn is None else Calls(layer.name, drawn)


class _SpatialDropout(Layer):
    """Base: drops whole channels of a sample."""

    supports_masking = True
    _config = ("rate", "seed")
    axes = 0  # of the inputs

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = _share(self, rate)
        self.seed, self._seeds = seed, _own_seeds(self, seed, rate)

    def build(self, input_shape):
        checks.rank(self, input_shape, self.axes)

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        noise_shape = (None, *[1] * (self.axes - 2), None)
        return dropout(inputs, self.rate, noise_shape=noise_shape, seed=self._seeds)


class SpatialDropout1D(_SpatialDropout):
    """``Dropout`` of whole channels: of a sample, all steps of a channel or none.

    Args:
        rate: in [0, 1], the share of channels that is dropped. seed: int or None.

    Input shape: (batch, steps, channels), floating. Output shape: the input's.
    Tompson et al., "Efficient Object Localization Using Convolutional Networks", arXiv:1411.4280.
    """

    axes = 3


class SpatialDropout2D(_SpatialDropout):
    """``Dropout`` of whole channels of images.

    Args:
        rate, seed: as for ``SpatialDropout1D``. data_format: "channels_last".

    Input shape: (batch, height, width, channels), floating. Output shape: the input's.
    """

    axes = 4
    _config = ("rate", "seed", "data_format")

    def __init__(self, rate, data_format=None, seed=None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.data_format = checks.channels_last(self, data_format)


class GaussianNoise(Layer):
    """In training ``x + noise``, normal numbers of mean 0; else ``x``.

    Args:
        stddev: float >= 0, in units of x. seed: int or None.

    Input shape: any, floating. Output shape: the input's.
    """

    supports_masking = True
    _config = ("stddev", "seed")

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(stddev, bool) or not 0 <= stddev <= 1:
            raise ValueError(f"{self._label}: stddev must be in [0, 1], got {stddev!r}")
        self.stddev = stddev
        self.seed, self._seeds = seed, _own_seeds(self, seed, stddev)

    @reads_sizes
    def call(self, inputs, training=False):
        if not training or self.stddev == 0:
            return inputs
        return inputs + normal(tuple(inputs.shape), 0.0, self.stddev, inputs.dtype, self._seeds)


class GaussianDropout(Layer):
    """In training ``x * noise``, normal numbers of mean 1 and variance ``rate / (1 - rate)``; else ``x``.

    Args:
        rate: in [0, 1), dimensionless. seed: int or None.

    Input shape: any, floating. Output shape: the input's. Srivastava et al., JMLR 15, 2014, section 10.
    """

    supports_masking = True
    _config = ("rate", "seed")

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not 0 <= rate < 1:
            raise ValueError(f"{self._label}: rate must be in [0, 1), got {rate!r}")
        self.rate = rate
        self.seed, self._seeds = seed, _own_seeds(self, seed, rate)

    @reads_sizes
    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return inputs * normal(tuple(inputs.shape), 1.0, stddev, inputs.dtype, self._seeds)


class AlphaDropout(Layer):
    """Dropout for ``selu``: dropped values become its lower bound, and mean and variance stay 0 and 1.

    Args:
        rate: in [0, 1), the share of values that is dropped. noise_shape, seed: as for ``Dropout``.

    Input shape: any, floating. Output shape: the input's.
    Klambauer et al., "Self-Normalizing Neural Networks", arXiv:1706.02515.
    """

    supports_masking = True
    _config = ("rate", "noise_shape", "seed")
    LOWER_BOUND = -1.6732632423543772 * 1.0507009873554805  # of selu

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not 0 <= rate < 1:
            raise ValueError(f"{self._label}: rate must be in [0, 1), got {rate!r}")
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed, self._seeds = seed, _own_seeds(self, seed, rate)

    @reads_sizes
    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        sizes = inputs.shape if self.noise_shape is None else self.noise_shape
        sizes = [own if given is None else given for given, own in zip(sizes, inputs.shape, strict=True)]
        kept = cast(uniform(sizes, seed=self._seeds) >= self.rate, inputs.dtype)
        scale = ((1 - self.rate) * (1 + self.rate * self.LOWER_BOUND**2)) ** -0.5
        shift = -scale * self.LOWER_BOUND * self.rate
        return scale * (inputs * kept + self.LOWER_BOUND * (1.0 - kept)) + shift


class ActivityRegularization(Layer):
    """``x`` itself, with the penalty ``(l1 * sum(|x|) + l2 * sum(x**2)) / batch`` added to the loss.

    Args:
        l1, l2: floats >= 0.

    Input shape: any. Output shape: the input's.
    """

    supports_masking = True

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs):
        return inputs

    def get_config(self):
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        config.pop("activity_regularizer")
        return config
