"""Activations with parameters, as layers. Input shape: any, floating. Output shape: the input's."""

from microdl.core.deferred import reads_sizes
from microdl.keras import activations, initializers
from microdl.keras.layers.base import Layer
from microdl.ops.array import cast, where, zeros_like
from microdl.ops.functions import exp
from microdl.ops.reduction import reduce_logsumexp


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
        axis: int, or list of them.

    Call arguments: inputs; mask, bool, that broadcasts to them: where it is False the result is 0. One that does not
    broadcast, of whole steps of a sequence, is only passed on.
    """

    supports_masking = True
    _config = ("axis",)

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    @reads_sizes
    def call(self, inputs, mask=None):
        if mask is None or not _fits(mask.shape, inputs.shape):
            return self._softmax(inputs)
        mask = mask if mask.dtype.is_bool else mask > 0.5
        return where(mask, self._softmax(where(mask, inputs, large_negative(inputs))), zeros_like(inputs))

    def _softmax(self, x):
        if isinstance(self.axis, (list, tuple)) and len(self.axis) > 1:
            return exp(x - reduce_logsumexp(x, axis=self.axis, keepdims=True))
        return activations.softmax(x, self.axis[0] if isinstance(self.axis, (list, tuple)) else self.axis)


class PReLU(Layer):
    """``x`` where ``x > 0``, else ``alpha * x`` with an alpha of its own for each feature, which is trained.

    Args:
        alpha_initializer: as for ``add_weight``. alpha_regularizer, alpha_constraint: as for Layer.
        shared_axes: int or list of them, axes along which the alphas are the same, [1, 2] for images; None for none.

    Input shape: any, floating. Output shape: the input's. Weights: alpha, the input's shape without the batch axis.
    He et al., "Delving Deep into Rectifiers", arXiv:1502.01852.
    """

    supports_masking = True
    _options = ("alpha",)
    _config = ("alpha_initializer", "shared_axes")

    def __init__(self, alpha_initializer="zeros", shared_axes=None, **kwargs):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes and list(shared_axes)

    def build(self, input_shape):
        shared = self.shared_axes or []
        self.alpha = self._weight("alpha", [1 if i in shared else n for i, n in enumerate(input_shape) if i])

    def call(self, inputs):
        return activations.relu(inputs) - self.alpha * activations.relu(-inputs)


def _fits(small, large):
    """Whether an array of shape ``small`` broadcasts to ``large``."""
    pairs = zip(reversed(small), reversed(large), strict=False)
    return len(small) <= len(large) and all(m in (1, n) for m, n in pairs)


def large_negative(x):
    """A number that softmax makes 0, scalar of x's dtype."""
    return cast(-3e4 if x.dtype.name == "float16" else -1e9, x.dtype)


def _check_not_negative(layer, **arguments):
    for argument, value in arguments.items():
        if value is None or value < 0:
            raise ValueError(f"{layer._label}: {argument} must be >= 0, got {value!r}")
