"""Convolutions of images, (batch, height, width, channels), and of sequences, (batch, steps, channels)."""

from microdl.keras import activations, initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.array import concat, expand_dims, pad, split, squeeze
from microdl.ops.convolution import conv2d, depthwise_conv2d
from microdl.ops.normalization import bias_add


class _Convolution(Layer):
    """Base: the window, the bias and the activation.

    Sequences, (batch, steps, channels), are images of one row to the ops: ``rank`` 1.
    """

    rank = 2  # number of axes that the window slides along
    rules: tuple[str, ...] = ("valid", "same")
    _config = (
        "kernel_size", "strides", "padding", "data_format", "dilation_rate", "activation", "use_bias",
        "bias_initializer",
    )  # fmt: skip

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
        self.kernel_size = self._sizes("kernel_size", kernel_size)
        self.strides = self._sizes("strides", strides)
        rule = padding.lower() if isinstance(padding, str) else padding
        self.padding = rule if rule in self.rules else checks.padding_rule(self, padding)
        self.data_format = checks.channels_last(self, data_format)
        self.dilation_rate = self._sizes("dilation_rate", dilation_rate)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self._channels = None  # of the inputs, known once built

    def _sizes(self, argument, value):
        return (checks.single(self, argument, value),) if self.rank == 1 else checks.pair(self, argument, value)

    def _build(self, input_shape):
        """The inputs' number of channels."""
        checks.rank(self, input_shape, self.rank + 2)
        self._channels = checks.known_last_axis(self, "channels", input_shape)
        return self._channels

    def _add_bias(self, size):
        self.bias = self._weight("bias", (size,)) if self.use_bias else None

    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        checks.rank(self, shape, self.rank + 2)
        checks.last_axis(self, "channels", self._channels, shape)
        checks.floating(self, inputs)
        if self.padding == "causal":
            before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            inputs = pad(inputs, [(0, 0), (before, 0), (0, 0)])
        x = self._convolve(inputs) if self.rank == 2 else squeeze(self._convolve(expand_dims(inputs, 1)), axis=1)
        if self.bias is not None:
            x = bias_add(x, self.bias)
        return self.activation(x)

    def _image_sizes(self):
        """strides, padding and dilations for images."""
        one = (1,) * (2 - self.rank)
        padding = "VALID" if self.padding == "causal" else self.padding.upper()
        return (*one, *self.strides), padding, (*one, *self.dilation_rate)

    def _filters(self, kernel):
        """A kernel for images."""
        return expand_dims(kernel, 0) if self.rank == 1 else kernel

    def _convolve(self, images):
        raise NotImplementedError


class _Conv(_Convolution):
    """Base of Conv1D and Conv2D: every filter sees all channels of its group."""

    _options = ("kernel", "bias")
    _config = (*_Convolution._config, "filters", "groups", "kernel_initializer")

    def __init__(
        self,
        filters,
        kernel_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        groups,
        activation,
        use_bias,
        kernel_initializer,
        bias_initializer,
        **kwargs,
    ):
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **kwargs
        )
        self.filters = checks.positive(self, "filters", filters)
        self.groups = checks.positive(self, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"{self._label}: groups={groups} does not divide filters={filters}")
        self.kernel_initializer = initializers.get(kernel_initializer)

    def build(self, input_shape):
        channels = self._build(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{self._label}: groups={self.groups} does not divide the {channels} channels of the input"
            )
        self.kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self._add_bias(self.filters)

    def _convolve(self, images):
        strides, padding, dilations = self._image_sizes()
        kernel = self._filters(self.kernel)
        if self.groups == 1:
            return conv2d(images, kernel, strides, padding, dilations=dilations)
        pairs = zip(split(images, self.groups, axis=-1), split(kernel, self.groups, axis=-1), strict=True)
        return concat([conv2d(x, w, strides, padding, dilations=dilations) for x, w in pairs], axis=-1)


class Conv2D(_Conv):
    """``activation(conv2d(x, kernel) + bias)``: every filter slides over all channels of an image.

    Args:
        filters: int > 0, number of output channels.
        kernel_size, strides, dilation_rate: int > 0, or two of them (height, width).
        padding: "valid", or "same" for an output of ceil(size / stride).
        data_format: "channels_last".
        groups: int, the channels are split into so many parts, each with filters of its own.
        activation: name or function; None is the identity.
        use_bias: bool. kernel_initializer, bias_initializer: as for ``add_weight``.
        kernel_regularizer, kernel_constraint, bias_regularizer, bias_constraint: as for Layer.

    Input shape: (batch, height, width, channels), floating. Output shape: (batch, new height, new width, filters).
    Weights: kernel (kernel height, kernel width, channels / groups, filters), bias (filters,).
    """

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
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias,
            kernel_initializer, bias_initializer, **kwargs,
        )  # fmt: skip


class Conv1D(_Conv):
    """``Conv2D`` along a sequence.

    Args:
        filters: int > 0. kernel_size, strides, dilation_rate: int > 0, in steps.
        padding: "valid", "same", or "causal": zeros before the first step, so that no output sees a later step.
        Others: as for ``Conv2D``.

    Input shape: (batch, steps, channels), floating. Output shape: (batch, new steps, filters).
    Weights: kernel (kernel size, channels / groups, filters), bias (filters,).
    """

    rank = 1
    rules = ("valid", "same", "causal")

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias,
            kernel_initializer, bias_initializer, **kwargs,
        )  # fmt: skip


class _DepthwiseConv(_Convolution):
    """Base of both depthwise convolutions."""

    _options = ("depthwise", "bias")
    _config = (*_Convolution._config, "depth_multiplier", "depthwise_initializer")

    def __init__(
        self,
        kernel_size,
        strides=1,
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=1,
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
        self.kernel = self._weight("depthwise", (*self.kernel_size, channels, self.depth_multiplier), name="kernel")
        self._add_bias(channels * self.depth_multiplier)

    def _convolve(self, images):
        strides, padding, dilations = self._image_sizes()
        return depthwise_conv2d(images, self._filters(self.kernel), (1, *strides, 1), padding, dilations=dilations)


class DepthwiseConv2D(_DepthwiseConv):
    """``activation(depthwise_conv2d(x, kernel) + bias)``: every channel has filters of its own.

    Args:
        kernel_size: int > 0, or two of them (height, width).
        depth_multiplier: int > 0, number of filters for each channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel. Others: as for ``Conv2D``.

    Input shape: (batch, height, width, channels), floating.
    Output shape: (batch, new height, new width, channels * depth_multiplier).
    Weights: kernel (kernel height, kernel width, channels, depth_multiplier), bias (channels * depth_multiplier,).
    """


class DepthwiseConv1D(_DepthwiseConv):
    """``DepthwiseConv2D`` along a sequence; sizes are ints, in steps.

    Input shape: (batch, steps, channels), floating. Output shape: (batch, new steps, channels * depth_multiplier).
    Weights: kernel (kernel size, channels, depth_multiplier), bias (channels * depth_multiplier,).
    """

    rank = 1
