"""Convolutions of images, (batch, height, width, channels)."""

from microdl.keras import activations, initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.convolution import conv2d, depthwise_conv2d
from microdl.ops.normalization import bias_add


class _Convolution(Layer):
    """What the two convolutions share: the window, the bias and the activation."""

    def __init__(
        self,
        kernel_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        activation,
        use_bias,
        bias_initializer,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel_size = checks.pair(self, "kernel_size", kernel_size)
        self.strides = checks.pair(self, "strides", strides)
        self.padding = checks.padding_rule(self, padding)
        self.data_format = checks.channels_last(self, data_format)
        self.dilation_rate = checks.pair(self, "dilation_rate", dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self._channels = None  # of the inputs, known once built

    def _build(self, input_shape):
        """The inputs' number of channels."""
        checks.images(self, input_shape)
        self._channels = checks.known_last_axis(self, "channels", input_shape)
        return self._channels

    def _add_bias(self, size):
        self.bias = self._weight("bias", (size,)) if self.use_bias else None

    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        checks.images(self, shape)
        checks.last_axis(self, "channels", self._channels, shape)
        checks.floating(self, inputs)
        x = self._convolve(inputs)
        if self.bias is not None:
            x = bias_add(x, self.bias)
        return self.activation(x)

    def _convolve(self, inputs):
        raise NotImplementedError

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }


class Conv2D(_Convolution):
    """``activation(conv2d(x, kernel) + bias)``: every filter slides over all channels of an image.

    Args:
        filters: int > 0, number of output channels.
        kernel_size, strides, dilation_rate: int > 0, or two of them (height, width).
        padding: "valid", or "same" for an output of ceil(size / stride).
        data_format: "channels_last". groups: 1.
        activation: name or function; None is the identity.
        use_bias: bool. kernel_initializer, bias_initializer: as for ``add_weight``.
        kernel_regularizer, kernel_constraint, bias_regularizer, bias_constraint: as for Layer.

    Input shape: (batch, height, width, channels), floating. Output shape: (batch, new height, new width, filters).
    Weights: kernel (kernel height, kernel width, channels, filters), bias (filters,).
    """

    _options = ("kernel", "bias")

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        groups=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **kwargs
        )
        self.filters = checks.positive(self, "filters", filters)
        if groups != 1:
            raise ValueError(
                f"{self._label}: groups must be 1, got {groups!r}; for one filter a channel use DepthwiseConv2D"
            )
        self.groups = groups
        self.kernel_initializer = initializers.get(kernel_initializer)

    def build(self, input_shape):
        shape = (*self.kernel_size, self._build(input_shape), self.filters)
        self.kernel = self._weight("kernel", shape)
        self._add_bias(self.filters)

    def _convolve(self, inputs):
        return conv2d(inputs, self.kernel, self.strides, self.padding.upper(), dilations=self.dilation_rate)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "groups": self.groups,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }


class DepthwiseConv2D(_Convolution):
    """``activation(depthwise_conv2d(x, kernel) + bias)``: every channel has filters of its own.

    Args:
        depth_multiplier: int > 0, number of filters for each channel.
        Others: as for ``Conv2D``.

    Input shape: (batch, height, width, channels), floating.
    Output shape: (batch, new height, new width, channels * depth_multiplier).
    Weights: kernel (kernel height, kernel width, channels, depth_multiplier), bias (channels * depth_multiplier,).
    """

    _options = ("depthwise", "bias")

    def __init__(
        self,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **kwargs
        )
        self.depth_multiplier = checks.positive(self, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)

    def build(self, input_shape):
        channels = self._build(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self._weight("depthwise", shape, name="kernel")
        self._add_bias(channels * self.depth_multiplier)

    def _convolve(self, inputs):
        strides = (1, *self.strides, 1)
        return depthwise_conv2d(inputs, self.kernel, strides, self.padding.upper(), dilations=self.dilation_rate)

    def get_config(self):
        return {
            **super().get_config(),
            "depth_multiplier": self.depth_multiplier,
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
        }
