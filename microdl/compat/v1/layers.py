"""``tf.layers``: layers as functions that make their variables in the graph, and as objects that keep them."""

import math
import re
from typing import Any

from microdl.compat.v1 import control
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.initializers import ones_initializer, zeros_initializer
from microdl.compat.v1.naming import in_graph
from microdl.compat.v1.nn import nn
from microdl.compat.v1.scopes import get_variable, variable_scope
from microdl.compat.v1.variables import GraphKeys
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import Operand, apply, convert
from microdl.ops import array, einsum, linalg, normalization
from microdl.ops.control import cond

_matmul, _identity = in_graph(linalg.matmul), in_graph(array.identity)


class Layer:
    """Base of layers. A call makes the variables, later calls share them.

    A subclass has ``build(shape)``, which makes variables by ``add_weight``, and ``call(inputs)``.

    Args: name: of its variables' scope; by default the class's, made unique. trainable: whether optimizers change it.
    """

    def __init__(self, trainable=True, name=None, dtype=None, _reuse=None, **kwargs):
        if kwargs:
            raise TypeError(f"{type(self).__name__}: unknown arguments {', '.join(kwargs)}")
        self.trainable, self.dtype, self._name, self._reuse = trainable, dtype, name, _reuse
        self.built, self.variables, self._scope, self._regularizers = False, [], None, {}

    @property
    def name(self):
        return self._name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def trainable_variables(self):
        return [v for v in self.variables if v.trainable]

    trainable_weights, weights = trainable_variables, property(lambda self: self.variables)

    def build(self, shape):
        """Makes the variables for inputs of this shape."""

    def call(self, inputs, **kwargs) -> Any:
        raise NotImplementedError

    def add_weight(self, name, shape, initializer=None, regularizer=None, trainable=True, constraint=None):
        variable = get_variable(
            name, shape, self.dtype, initializer, regularizer, trainable and self.trainable, constraint=constraint
        )
        self.variables.append(variable)
        return variable

    def __call__(self, inputs, **kwargs):
        graph = get_default_graph()
        if self._scope is not None:
            with graph.name_scope(self._scope.original_name_scope):
                return self.call(inputs, **kwargs)
        with variable_scope(self._name, self.name, reuse=self._reuse) as self._scope:
            self._name = self._scope.name.rsplit("/", 1)[-1]
            inputs = inputs if isinstance(inputs, Operand) else in_graph(convert, "Const")(inputs)
            self.build(inputs.shape)
            self.built = True
            return self.call(inputs, **kwargs)

    apply = __call__

    def _channels(self, shape, axis=-1):
        size = None if shape.rank is None else shape.as_list()[axis]
        if size is None:
            raise ValueError(
                f"The last dimension of the inputs to `{type(self).__name__}` should be defined. Found `None`."
            )
        return size


class _Weighted(Layer):
    """What layers with a kernel and a bias share. Their arguments are those of ``Dense``."""

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer=None,
        bias_initializer=None,
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units, self.activation, self.use_bias = int(units), activation, use_bias
        self._kernel = kernel_initializer, kernel_regularizer, True, kernel_constraint
        self._bias = bias_initializer or zeros_initializer(), bias_regularizer, True, bias_constraint
        self.activity_regularizer, self.bias = activity_regularizer, None

    def _build(self, kernel_shape):
        self.kernel = self.add_weight("kernel", kernel_shape, *self._kernel)
        if self.use_bias:
            self.bias = self.add_weight("bias", [self.units], *self._bias)

    def _activated(self, y):
        y = y if self.bias is None else nn.bias_add(y, self.bias)
        y = y if self.activation is None else self.activation(y)
        if self.activity_regularizer is not None:
            get_default_graph().add_to_collection(GraphKeys.REGULARIZATION_LOSSES, self.activity_regularizer(y))
        return y


class Dense(_Weighted):
    """``activation(inputs @ kernel + bias)`` along the last axis."""

    def build(self, shape):
        self._build([self._channels(shape), self.units])

    def call(self, inputs):
        if inputs.shape.rank == 2:
            return self._activated(_matmul(inputs, self.kernel))
        return self._activated(in_graph(_tensordot, "Tensordot")(inputs, self.kernel))


def _tensordot(x, kernel):
    return einsum.einsum("...i,ij->...j", convert(x), convert(kernel))


class Conv2D(_Weighted):
    """``activation(conv2d(inputs, kernel) + bias)`` of images (N, H, W, C)."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format="channels_last",
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        **kwargs,
    ):
        super().__init__(filters, activation, use_bias, **kwargs)
        _last(data_format)
        self.kernel_size, self.strides, self.dilation_rate = map(_pair, (kernel_size, strides, dilation_rate))
        self.padding = padding.upper()

    def build(self, shape):
        self._build([*self.kernel_size, self._channels(shape), self.units])

    def call(self, inputs):
        around = [1, *self.strides, 1], self.padding
        y = nn.conv2d(inputs, self.kernel, *around, dilations=[1, *self.dilation_rate, 1])
        return self._activated(y)


class _Pooling(Layer):
    pool: Any = None

    def __init__(self, pool_size, strides, padding="valid", data_format="channels_last", name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        _last(data_format)
        self.pool_size, self.strides, self.padding = _pair(pool_size), _pair(strides), padding.upper()

    def call(self, inputs):
        return type(self).pool(inputs, [1, *self.pool_size, 1], [1, *self.strides, 1], self.padding)


class MaxPooling2D(_Pooling):
    """The largest value of each window of images (N, H, W, C)."""

    pool = staticmethod(nn.max_pool)
    name = property(lambda self: self._name or "max_pooling2d")


class AveragePooling2D(_Pooling):
    """The mean of each window of images (N, H, W, C)."""

    pool = staticmethod(nn.avg_pool)
    name = property(lambda self: self._name or "average_pooling2d")


class Flatten(Layer):
    """Each sample as a row: (N, ...) -> (N, product of the others)."""

    def __init__(self, data_format="channels_last", **kwargs):
        super().__init__(**kwargs)
        _last(data_format)

    def call(self, inputs):
        return in_graph(_flat, "Reshape")(inputs)


@reads_sizes
def _flat(x):
    x = convert(x)
    return array.reshape(x, (x.spec.shape[0], math.prod(x.spec.shape[1:])))


class Dropout(Layer):
    """With ``training`` elements are dropped with probability ``rate``, the others divided by 1 - rate."""

    def __init__(self, rate=0.5, noise_shape=None, seed=None, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs, training=False):
        if not isinstance(training, Operand):
            return self._dropped(inputs) if training else _identity(inputs)
        return control.cond(training, lambda: self._dropped(inputs), lambda: _identity(inputs))

    def _dropped(self, inputs):
        return nn.dropout(inputs, rate=self.rate, noise_shape=self.noise_shape, seed=self.seed)


class BatchNormalization(Layer):
    """``gamma (x - mean) / sqrt(variance + epsilon) + beta``: Ioffe and Szegedy, 2015.

    With ``training`` mean and variance are the batch's, and operations in the collection ``update_ops`` move the
    running means towards them; without it they are the running means.
    """

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer=None,
        gamma_initializer=None,
        moving_mean_initializer=None,
        moving_variance_initializer=None,
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        fused=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon = axis, momentum, epsilon
        self._gamma: Any = scale and (
            gamma_initializer or ones_initializer(),
            gamma_regularizer,
            True,
            gamma_constraint,
        )
        self._beta: Any = center and (beta_initializer or zeros_initializer(), beta_regularizer, True, beta_constraint)
        self._moving = moving_mean_initializer or zeros_initializer(), moving_variance_initializer or ones_initializer()

    def build(self, shape):
        size = [self._channels(shape, self.axis)]
        if self.axis not in (-1, len(shape) - 1):
            raise ValueError(f"batch_normalization: axis must be the last one, got {self.axis} for shape {shape}")
        self.gamma = self.add_weight("gamma", size, *self._gamma) if self._gamma else None
        self.beta = self.add_weight("beta", size, *self._beta) if self._beta else None
        self.moving_mean = self.add_weight("moving_mean", size, self._moving[0], trainable=False)
        self.moving_variance = self.add_weight("moving_variance", size, self._moving[1], trainable=False)

    def call(self, inputs, training=False):
        images = inputs.shape.rank == 4
        weights = [self.gamma, self.beta, self.moving_mean, self.moving_variance]
        normalize = in_graph(_normalized, "FusedBatchNormV3" if images else "batchnorm/add_1")
        y, mean, variance = normalize(inputs, *weights, training, self.epsilon)
        if isinstance(training, Operand) or training:
            rate = 1.0 - self.momentum
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                change = in_graph(_change, "AssignMovingAvg/mul")(moving, new, rate)
                update = moving.assign_sub(change, name="AssignMovingAvg", read_value=False)
                get_default_graph().add_to_collection(GraphKeys.UPDATE_OPS, update)
        return y


@reads_sizes
def _normalized(x, gamma, beta, moving_mean, moving_variance, training, epsilon):
    """The normalized ``x``, and the mean and variance that the running ones move towards."""
    x, mean, variance = convert(x), convert(moving_mean), convert(moving_variance)
    scale = apply("OnesLike", mean) if gamma is None else convert(gamma)
    offset = apply("ZerosLike", mean) if beta is None else convert(beta)

    def by_batch():
        y, own_mean, own_variance = normalization.batch_norm(x, scale, offset, epsilon)
        n = x.spec.size // max(mean.spec.size, 1)
        unbiased = n / max(n - 1, 1) if x.ndim == 4 else 1.0  # as in TensorFlow, of images alone
        return y, own_mean, own_variance * unbiased

    def by_running_values():
        return normalization.batch_norm_inference(x, scale, offset, mean, variance, epsilon), mean, variance

    if isinstance(training, Operand):
        return cond(training, by_batch, by_running_values)
    return by_batch() if training else by_running_values()


def _change(moving, new, rate):
    return (convert(moving) - new) * rate


def _pair(size):
    sizes = tuple(size) if hasattr(size, "__iter__") else (size, size)
    if len(sizes) != 2:
        raise ValueError(f"A size of images is a number or two of them, got {size}")
    return sizes


def _last(data_format):
    if data_format != "channels_last":
        raise ValueError(f"layers take images (N, H, W, C), data_format='channels_last', got {data_format!r}")


def dense(inputs, units, activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
          kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
          bias_constraint=None, trainable=True, name=None, reuse=None):  # fmt: skip
    """``activation(inputs @ kernel + bias)``: variables ``<name>/kernel`` and ``<name>/bias``."""
    return Dense(
        units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        activity_regularizer, kernel_constraint, bias_constraint, trainable=trainable, name=name, _reuse=reuse,
    )(inputs)  # fmt: skip


def conv2d(inputs, filters, kernel_size, strides=(1, 1), padding="valid", data_format="channels_last",
           dilation_rate=(1, 1), activation=None, use_bias=True, kernel_initializer=None, bias_initializer=None,
           kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
           bias_constraint=None, trainable=True, name=None, reuse=None):  # fmt: skip
    """``activation(conv2d(inputs, kernel) + bias)``: variables ``<name>/kernel`` (kh, kw, C, O) and ``<name>/bias``."""
    return Conv2D(
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
        kernel_initializer=kernel_initializer, bias_initializer=bias_initializer, kernel_regularizer=kernel_regularizer,
        bias_regularizer=bias_regularizer, activity_regularizer=activity_regularizer,
        kernel_constraint=kernel_constraint, bias_constraint=bias_constraint, trainable=trainable, name=name,
        _reuse=reuse,
    )(inputs)  # fmt: skip


def max_pooling2d(inputs, pool_size, strides, padding="valid", data_format="channels_last", name=None):
    """The largest value of each window of images (N, H, W, C)."""
    return MaxPooling2D(pool_size, strides, padding, data_format, name)(inputs)


def average_pooling2d(inputs, pool_size, strides, padding="valid", data_format="channels_last", name=None):
    """The mean of each window of images (N, H, W, C)."""
    return AveragePooling2D(pool_size, strides, padding, data_format, name)(inputs)


def flatten(inputs, name=None, data_format="channels_last"):
    """Each sample as a row: (N, ...) -> (N, product of the others)."""
    return Flatten(data_format, name=name)(inputs)


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    """With ``training``, a bool or a bool Tensor, elements are dropped with probability ``rate``."""
    return Dropout(rate, noise_shape, seed, name)(inputs, training=training)


def batch_normalization(inputs, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer=None,
                        gamma_initializer=None, moving_mean_initializer=None, moving_variance_initializer=None,
                        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None,
                        training=False, trainable=True, name=None, reuse=None, fused=None):  # fmt: skip
    """Normalizes by the batch while ``training``, else by running means; see ``BatchNormalization``."""
    return BatchNormalization(
        axis, momentum, epsilon, center, scale, beta_initializer, gamma_initializer, moving_mean_initializer,
        moving_variance_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint, fused,
        trainable=trainable, name=name, _reuse=reuse,
    )(inputs, training=training)  # fmt: skip
