"""Layers that act only in training."""

from microdl.keras.layers.base import Layer
from microdl.ops.array import zeros_like
from microdl.ops.random import dropout


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
        if isinstance(rate, bool) or not 0 <= rate <= 1:
            raise ValueError(f"{self._label}: rate is the share of values dropped, in [0, 1], got {rate!r}")
        self.rate = rate
        self.noise_shape = noise_shape
        self.seed = seed

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return zeros_like(inputs)
        return dropout(inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}
