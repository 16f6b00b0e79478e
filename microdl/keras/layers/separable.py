"""Separable and transposed convolutions."""

from microdl.core.deferred import reads_sizes
from microdl.keras import initializers
from microdl.keras.layers import checks
from microdl.keras.layers.convolution import _Convolution
from microdl.ops.convolution import conv2d, conv2d_transpose, depthwise_conv2d


class _SeparableConv(_Convolution):
    """Base: a depthwise convolution, and one of a single pixel that mixes its channels."""

    _options = ("depthwise", "pointwise", "bias")
    _config = (
        *_Convolution._config, "filters", "depth_multiplier", "depthwise_initializer", "pointwise_initializer",
    )  # fmt: skip

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **kwargs
        )
        self.filters = checks.positive(self, "filters", filters)
        self.depth_multiplier = checks.positive(self, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)

    def build(self, input_shape):
        channels, ones = self._build(input_shape), (1,) * self.rank
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self._weight("depthwise", shape, name="depthwise_kernel")
        shape = (*ones, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._weight("pointwise", shape, name="pointwise_kernel")
        self._add_bias(self.filters)

    def _convolve(self, images):
        strides, padding, dilations = self._image_sizes()
        depthwise = self._filters(self.depthwise_kernel)
        if self.rank == 1:
            strides = strides[1:] * 2  # along the one row any stride does
        x = depthwise_conv2d(images, depthwise, (1, *strides, 1), padding, dilations=dilations)
        return conv2d(x, self._filters(self.pointwise_kernel), 1, "VALID")


class SeparableConv2D(_SeparableConv):
    """A convolution in two parts: each channel by itself, then all of them pixel by pixel.

    Args:
        filters: int > 0, number of output channels. depth_multiplier: int > 0, filters for each channel.
        depthwise_, pointwise_, bias_initializer, ..._regularizer, ..._constraint: of the three weights.
        Others: as for ``Conv2D``.

    Input shape: (batch, height, width, channels), floating. Output shape: (batch, new height, new width, filters).
    Weights: depthwise_kernel (height, width, channels, depth_multiplier), pointwise_kernel (1, 1, channels *
    depth_multiplier, filters), bias (filters,). Chollet, "Xception", arXiv:1610.02357.
    """


class SeparableConv1D(_SeparableConv):
    """``SeparableConv2D`` along a sequence; sizes are ints, in steps.

    Input shape: (batch, steps, channels), floating. Output shape: (batch, new steps, filters).
    """

    rank = 1


class _ConvTranspose(_Convolution):
    """Base: the gradient of a convolution with respect to its input, as a layer."""

    _options = ("kernel", "bias")
    _config = (*_Convolution._config, "filters", "output_padding", "kernel_initializer")

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        output_padding=None,
        data_format=None,
        dilation_rate=1,
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
        self.output_padding = output_padding if output_padding is None else self._extra(output_padding)
        self.kernel_initializer = initializers.get(kernel_initializer)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{self._label}: either strides or dilation_rate must be 1, got {self.strides} and {self.dilation_rate}"
            )

    def _extra(self, given):
        extra = (given,) * self.rank if hasattr(given, "__index__") else tuple(given)
        fits = len(extra) == self.rank and all(0 <= n < s for n, s in zip(extra, self.strides, strict=False))
        if not fits:
            raise ValueError(
                f"{self._label}: output_padding must be >= 0 and below the strides, {self.strides}, got {given!r}"
            )
        return extra

    def build(self, input_shape):
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, self._build(input_shape)))
        self._add_bias(self.filters)

    def _new_size(self, axis, size):
        """The output's size along one of the axes that the window slides along."""
        stride, extent = self.strides[axis], self.dilation_rate[axis] * (self.kernel_size[axis] - 1) + 1
        if self.output_padding is not None:
            cut = extent // 2 if self.padding == "same" else 0
            return (size - 1) * stride + extent - 2 * cut + self.output_padding[axis]
        return size * stride + (max(extent - stride, 0) if self.padding == "valid" else 0)

    @reads_sizes
    def _convolve(self, images):
        strides, padding, dilations = self._image_sizes()
        n, *size, _ = images.shape
        new = [self._new_size(axis, along) for axis, along in enumerate(size[2 - self.rank :])]
        shape = (n, *[1] * (2 - self.rank), *new, self.filters)
        return conv2d_transpose(images, self._filters(self.kernel), shape, strides, padding, dilations=dilations)


class Conv2DTranspose(_ConvTranspose):
    """A convolution backwards: each pixel adds a window of ``kernel`` times its value to a larger image.

    Args:
        filters: int > 0, number of output channels.
        kernel_size, strides, dilation_rate: int > 0, or two of them (height, width).
        padding: "valid" for an output that holds all windows, "same" for one of size * stride.
        output_padding: int, two of them or None: rows and columns more than the smallest fitting output has.
        Others: as for ``Conv2D``.

    Input shape: (batch, height, width, channels), floating. Output shape: (batch, new height, new width, filters).
    Weights: kernel (kernel height, kernel width, filters, channels), bias (filters,).
    """


class Conv1DTranspose(_ConvTranspose):
    """``Conv2DTranspose`` along a sequence; sizes are ints, in steps.

    Input shape: (batch, steps, channels), floating. Output shape: (batch, new steps, filters).
    Weights: kernel (kernel size, filters, channels), bias (filters,).
    """

    rank = 1
