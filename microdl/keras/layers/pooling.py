"""Pooling of images, (batch, height, width, channels), and of sequences, (batch, steps, features)."""

from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.array import cast, expand_dims, squeeze
from microdl.ops.pooling import avg_pool2d, max_pool2d
from microdl.ops.reduction import reduce_max, reduce_mean, reduce_sum


class _Pooling(Layer):
    def __init__(self, pool_size, strides, padding, data_format, name, **kwargs):
        super().__init__(name=name, **kwargs)
        self.pool_size = checks.pair(self, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else checks.pair(self, "strides", strides)
        self.padding = checks.padding_rule(self, padding)
        self.data_format = checks.channels_last(self, data_format)

    def build(self, input_shape):
        checks.images(self, input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }


class MaxPooling2D(_Pooling):
    """The largest value of each window, channel by channel.

    Args:
        pool_size, strides: int > 0, or two of them (height, width); strides None is the pool_size.
        padding: "valid", or "same" for an output of ceil(size / stride). data_format: "channels_last".

    Input shape: (batch, height, width, channels), floating. Output shape: (batch, new height, new width, channels).
    """

    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs):
        checks.images(self, checks.one_tensor(self, inputs))
        checks.floating(self, inputs)
        return max_pool2d(inputs, self.pool_size, self.strides, self.padding.upper())


class AveragePooling2D(_Pooling):
    """The mean of each window, channel by channel; at a padded border only values inside the image count.

    Arguments and shapes: as for ``MaxPooling2D``.
    """

    def __init__(self, pool_size, strides=None, padding="valid", data_format=None, name=None, **kwargs):
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs):
        checks.images(self, checks.one_tensor(self, inputs))
        checks.floating(self, inputs)
        return avg_pool2d(inputs, self.pool_size, self.strides, self.padding.upper())


class _Pooling1D(Layer):
    """Base: sequences as images of one row."""

    _config = ("pool_size", "strides", "padding", "data_format")

    def __init__(self, pool_size=2, strides=None, padding="valid", data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = checks.single(self, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else checks.single(self, "strides", strides)
        self.padding = checks.padding_rule(self, padding)
        self.data_format = checks.channels_last(self, data_format)

    def build(self, input_shape):
        checks.rank(self, input_shape, 3)

    def call(self, inputs):
        checks.rank(self, checks.one_tensor(self, inputs), 3)
        checks.floating(self, inputs)
        rows = self._pooled(expand_dims(inputs, 1), (1, self.pool_size), (1, self.strides), self.padding.upper())
        return squeeze(rows, axis=1)

    def _pooled(self, images, size, strides, padding):
        raise NotImplementedError


class MaxPooling1D(_Pooling1D):
    """The largest value of each window of steps.

    Args:
        pool_size, strides: int > 0; strides None is the pool_size. padding: "valid" or "same".
        data_format: "channels_last".

    Input shape: (batch, steps, features), floating. Output shape: (batch, new steps, features).
    """

    def _pooled(self, images, size, strides, padding):
        return max_pool2d(images, size, strides, padding)


class AveragePooling1D(_Pooling1D):
    """The mean of each window of steps. Arguments and shapes: as for ``MaxPooling1D``."""

    def _pooled(self, images, size, strides, padding):
        return avg_pool2d(images, size, strides, padding)


class _GlobalPooling(Layer):
    """Base: one value for each channel, over all axes between the batch and the channels."""

    _config = ("data_format", "keepdims")
    axes = 4  # of the inputs

    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = checks.channels_last(self, data_format)
        self.keepdims = keepdims

    def build(self, input_shape):
        checks.rank(self, input_shape, self.axes)

    def _checked(self, inputs):
        checks.rank(self, checks.one_tensor(self, inputs), self.axes)
        return {"axis": tuple(range(1, self.axes - 1)), "keepdims": self.keepdims}


class _GlobalAverage(_GlobalPooling):
    def call(self, inputs):
        options = self._checked(inputs)
        return reduce_mean(inputs if inputs.dtype.is_floating else cast(inputs, self.dtype), **options)


class _GlobalMax(_GlobalPooling):
    def call(self, inputs):
        return reduce_max(inputs, **self._checked(inputs))


class GlobalAveragePooling2D(_GlobalAverage):
    """The mean over height and width.

    Args:
        data_format: "channels_last". keepdims: bool, keep both axes with size 1.

    Input shape: (batch, height, width, channels). Output shape: (batch, channels).
    """


class GlobalMaxPooling2D(_GlobalMax):
    """The largest value over height and width. Arguments and shapes: as for ``GlobalAveragePooling2D``."""


class GlobalAveragePooling1D(_GlobalAverage):
    """The mean over the steps, of those that a mask counts if there is one.

    Args:
        data_format: "channels_last". keepdims: bool, keep the axis with size 1.

    Input shape: (batch, steps, features). Output shape: (batch, features).
    """

    axes = 3

    def compute_mask(self, inputs, mask=None):
        return None

    def call(self, inputs, mask=None):
        if mask is None:
            return super().call(inputs)
        options = self._checked(inputs)
        weights = expand_dims(cast(mask, inputs.dtype), -1)
        return reduce_sum(inputs * weights, **options) / reduce_sum(weights, **options)


class GlobalMaxPooling1D(_GlobalMax):
    """The largest value over the steps. Arguments and shapes: as for ``GlobalAveragePooling1D``."""

    axes = 3


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
MaxPool1D = MaxPooling1D
AvgPool1D = AveragePooling1D
