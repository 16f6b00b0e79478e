"""Activations with parameters, as layers. Input shape: any, floating. Output shape: the input's."""

from microdl.keras import activations
from microdl.keras.layers.base import Layer


class ReLU(Layer):
    """``min(x, max_value)`` where ``x >= threshold``, else ``negative_slope * (x - threshold)``.

    Args:
        max_value: float >= 0, or None for no bound. negative_slope: float >= 0. threshold: float >= 0. Dimensionless.
    """

    supports_masking = True

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        _check_not_negative(self, negative_slope=negative_slope, threshold=threshold)
        if max_value is not None:
            _check_not_negative(self, max_value=max_value)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs):
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self):
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(Layer):
    """``x`` where ``x > 0``, else ``negative_slope * x``: a small gradient passes where a unit is inactive.

    Args:
        negative_slope: float >= 0, dimensionless; Keras 2's name ``alpha`` is taken too.

    Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.

    >>> LeakyReLU(0.5)([-2.0, 4.0]).numpy()
    array([-1.,  4.], dtype=float32)
    """

    supports_masking = True

    def __init__(self, negative_slope=0.3, **kwargs):
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        _check_not_negative(self, negative_slope=negative_slope)
        self.negative_slope = negative_slope

    def call(self, inputs):
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(Layer):
    """``x`` where ``x > 0``, else ``alpha * (exp(x) - 1)``.

    Args:
        alpha: float, dimensionless.

    Clevert, Unterthiner and Hochreiter, arXiv:1511.07289.
    """

    supports_masking = True

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs):
        return activations.elu(inputs, self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


class Softmax(Layer):
    """``exp(x) / sum(exp(x))`` along an axis.

    Args:
        axis: int.
    """

    supports_masking = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs):
        return activations.softmax(inputs, self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


def _check_not_negative(layer, **arguments):
    for argument, value in arguments.items():
        if value is None or value < 0:
            raise ValueError(f"{layer._label}: {argument} must be >= 0, got {value!r}")
