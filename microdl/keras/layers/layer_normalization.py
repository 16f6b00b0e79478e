"""Normalization of each sample by itself: layer, group, root-mean-square and unit normalization."""

from microdl.core.deferred import reads_sizes
from microdl.core.shapes import size_of
from microdl.core.tensor import apply
from microdl.keras import initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.symbolic import known_sizes
from microdl.ops.array import ones, reshape, transpose, zeros
from microdl.ops.layer_norm import layer_norm
from microdl.ops.math import reduce_mean, rsqrt, square
from microdl.ops.normalization import l2_normalize, moments


def _axes(layer, axis, shape):
    """The axes to normalize along, counted from the front, in order."""
    given = axis if isinstance(axis, (list, tuple)) else [axis]
    return sorted(checks.axis_of(layer, each, shape) for each in given)


def _checked(layer, axis):
    numbers = axis if isinstance(axis, (list, tuple)) else [axis]
    if not numbers or not all(isinstance(n, int) for n in numbers):
        raise TypeError(f"{layer._label}: axis must be an integer or a list of them, got {axis!r}")
    return list(axis) if isinstance(axis, (list, tuple)) else axis


class LayerNormalization(Layer):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with mean and variance of each sample along ``axis``.

    Args:
        axis: int or list of them, as a rule the features. epsilon: float > 0, in units of x squared.
        center, scale: bool, whether there is a beta and a gamma.
        beta_, gamma_initializer: as for ``add_weight``; ..._regularizer, ..._constraint: as for Layer.

    Input shape: any with these axes; integers are cast to the layer's dtype. Output shape: the input's.
    Weights: gamma, beta, of the axes' sizes.
    Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450.
    """

    supports_masking = True
    _options = ("beta", "gamma")
    _config = ("axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer")

    def __init__(
        self,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.axis = _checked(self, axis)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)

    def build(self, input_shape):
        size = tuple(input_shape[axis] for axis in _axes(self, self.axis, input_shape))
        self.gamma = self._weight("gamma", size) if self.scale else None
        self.beta = self._weight("beta", size) if self.center else None
        self._size = size

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        axes = _axes(self, self.axis, shape)
        if tuple(shape[axis] for axis in axes) != self._size:
            raise ValueError(
                f"{self._label}: built for inputs of size {self._size} along axis {self.axis}, got shape "
                f"{known_sizes(shape)}"
            )
        x = inputs if inputs.dtype.is_floating else apply("Cast", inputs, dtype=self.dtype)
        count = size_of(self._size)
        gamma = ones((count,), x.dtype) if self.gamma is None else reshape(self.gamma, (count,))
        beta = zeros((count,), x.dtype) if self.beta is None else reshape(self.beta, (count,))
        others = [axis for axis in range(len(shape)) if axis not in axes]
        order = others + axes  # the normalized axes move to the end, and back
        moved = x if order == sorted(order) else transpose(x, order)
        rows = reshape(moved, (*(shape[axis] for axis in others), count))
        y = reshape(layer_norm(rows, gamma, beta, self.epsilon), moved.shape)
        return y if moved is x else transpose(y, [order.index(axis) for axis in range(len(shape))])


class RMSNormalization(Layer):
    """``scale * x / sqrt(mean(x**2) + epsilon)`` with the mean of each sample along ``axis``.

    Args:
        axis: int or list of them. epsilon: float > 0, in units of x squared.

    Input shape: any with these axes, floating. Output shape: the input's. Weights: scale, of the axes' sizes.
    Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv:1910.07467.
    """

    _config = ("axis", "epsilon")

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.axis = _checked(self, axis)
        self.epsilon = float(epsilon)

    def build(self, input_shape):
        size = tuple(input_shape[axis] for axis in _axes(self, self.axis, input_shape))
        self.scale = self.add_weight(size, "ones", name="scale")

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        axes = _axes(self, self.axis, shape)
        scale = reshape(self.scale, [n if axis in axes else 1 for axis, n in enumerate(shape)])
        return inputs * rsqrt(reduce_mean(square(inputs), axis=axes, keepdims=True) + self.epsilon) * scale


class GroupNormalization(Layer):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with the statistics of groups of a sample's channels.

    Args:
        groups: int > 0 that divides the number of channels; -1 makes a group of each channel.
        axis: int, the channels. Others: as for ``LayerNormalization``.

    Input shape: any with that axis, floating. Output shape: the input's. Weights: gamma, beta (channels,).
    Wu and He, "Group Normalization", arXiv:1803.08494.
    """

    supports_masking = True
    _options = ("beta", "gamma")
    _config = ("groups", "axis", "epsilon", "center", "scale", "beta_initializer", "gamma_initializer")

    def __init__(
        self,
        groups=32,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(f"{self._label}: groups must be an integer > 0, or -1, got {groups!r}")
        self.groups = groups
        self.axis = _checked(self, axis)
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)

    def build(self, input_shape):
        channels = input_shape[checks.axis_of(self, self.axis, input_shape)]
        self._groups = channels if self.groups == -1 else self.groups
        if channels is None or channels % self._groups:
            raise ValueError(f"{self._label}: groups={self.groups} does not divide the number of channels, {channels}")
        self.gamma = self._weight("gamma", (channels,)) if self.scale else None
        self.beta = self._weight("beta", (channels,)) if self.center else None

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        axis = checks.axis_of(self, self.axis, shape)
        parts = (self._groups, shape[axis] // self._groups)
        x = reshape(inputs, (*shape[:axis], *parts, *shape[axis + 1 :]))  # the axis becomes (groups, channels of each)
        along = [i for i in range(1, len(shape) + 1) if i != axis]
        mean, variance = moments(x, along, keepdims=True)
        y = reshape((x - mean) * rsqrt(variance + self.epsilon), shape)
        sizes = [n if i == axis else 1 for i, n in enumerate(shape)]
        y = y if self.gamma is None else y * reshape(self.gamma, sizes)
        return y if self.beta is None else y + reshape(self.beta, sizes)


class UnitNormalization(Layer):
    """``x / sqrt(sum(x**2))`` along ``axis``: every sample has norm 1.

    Args:
        axis: int or list of them.

    Input shape: any, floating. Output shape: the input's.
    """

    supports_masking = True
    _config = ("axis",)

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = _checked(self, axis)

    def call(self, inputs):
        return l2_normalize(inputs, self.axis)
