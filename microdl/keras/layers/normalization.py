"""Batch normalization."""

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import apply
from microdl.keras import initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.symbolic import known_sizes
from microdl.ops.array import (
    broadcast_to,
    cast,
    expand_dims,
    ones,
    stop_gradient,
    transpose,
    where,
    zeros,
    zeros_like,
)
from microdl.ops.math import divide_no_nan, reduce_sum, squared_difference
from microdl.ops.normalization import batch_norm, batch_norm_inference


class BatchNormalization(Layer):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, for each entry of one axis.

    In training mean and variance are those of the batch over all other axes, and the moving ones follow them:
    ``moving = momentum * moving + (1 - momentum) * batch``. In inference, and where ``trainable`` is False, the
    moving ones are used and do not change.

    Args:
        axis: int, the axis whose entries are normalized apart, as a rule the channels.
        momentum: float in [0, 1], dimensionless. epsilon: float > 0, in units of x squared.
        center, scale: bool, whether there is a beta and a gamma.
        Initializers: as for ``add_weight``. Regularizers, constraints of beta and gamma: as for Layer.

    A mask leaves elements out of the batch's mean and variance; they are normalized like all others.

    Input shape: any with that axis; integers are cast to the layer's dtype. Output shape: the input's. Mask: bool, of
        all axes but the last.
    Weights: gamma, beta, moving_mean, moving_variance, each of the axis' size; the last two are not trainable.
    Ioffe and Szegedy, arXiv:1502.03167.
    """

    supports_masking = True
    _options = ("beta", "gamma")

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(axis, int):
            raise TypeError(f"{self._label}: axis must be an integer, got {axis!r}")
        if not 0 <= momentum <= 1:
            raise ValueError(f"{self._label}: momentum must be in [0, 1], got {momentum!r}")
        self.axis = axis
        self.momentum = float(momentum)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape):
        size = (input_shape[checks.axis_of(self, self.axis, input_shape)],)
        self.gamma = self._weight("gamma", size) if self.scale else None
        self.beta = self._weight("beta", size) if self.center else None
        self.moving_mean = self.add_weight(size, self.moving_mean_initializer, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(
            size, self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs, training=False, mask=None):
        shape = checks.one_tensor(self, inputs)
        if mask is not None and mask.ndim != len(shape) - 1:
            raise ValueError(
                f"{self._label}: a mask has one axis less than the input, got shapes {known_sizes(mask.shape)} "
                f"and {known_sizes(shape)}"
            )
        axis = checks.axis_of(self, self.axis, shape)
        channels = self.moving_mean.spec.shape[0]
        if shape[axis] != channels:
            raise ValueError(
                f"{self._label}: built for inputs with {channels} channels (axis {self.axis}), "
                f"got shape {known_sizes(shape)}"
            )
        x = inputs if inputs.dtype.is_floating else apply("Cast", inputs, dtype=self.dtype)
        training = training and self.trainable
        kept = _elementwise(mask, x) if training and mask is not None else None
        if axis == len(shape) - 1:
            return self._normalized(x, training, kept)
        order = [*(i for i in range(len(shape)) if i != axis), axis]  # the axis moves to the end, and back
        y = self._normalized(transpose(x, order), training, None if kept is None else transpose(kept, order))
        return transpose(y, [order.index(i) for i in range(len(shape))])

    def _normalized(self, x, training, kept):
        """The formula along the last axis, and in training the new moving statistics. kept: bool, as x, or None."""
        size = self.moving_mean.shape
        gamma = ones(size, self.dtype) if self.gamma is None else self.gamma
        beta = zeros(size, self.dtype) if self.beta is None else self.beta
        if not training:
            return batch_norm_inference(x, gamma, beta, self.moving_mean, self.moving_variance, self.epsilon)
        if kept is None:
            y, mean, variance = batch_norm(x, gamma, beta, self.epsilon)
        else:
            mean, variance = _moments(x, kept)
            y = batch_norm_inference(x, gamma, beta, mean, variance, self.epsilon)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + stop_gradient(batch) * (1 - self.momentum))
        return y

    def get_config(self):
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
        }


@reads_sizes
def _elementwise(mask, x):
    """The mask as one of x's elements: (...) -> (..., channels)."""
    return broadcast_to(expand_dims(cast(mask, "bool"), -1), x.shape)


def _moments(x, kept):
    """Mean and variance of each channel over the elements that are ``kept``; 0 where there are none."""
    axes = list(range(x.ndim - 1))
    count = reduce_sum(cast(kept, x.dtype), axes)
    mean = divide_no_nan(reduce_sum(where(kept, x, zeros_like(x)), axes), count)
    squares = where(kept, squared_difference(x, mean), zeros_like(x))
    return mean, divide_no_nan(reduce_sum(squares, axes), count)
