"""Pooling of images, (batch, height, width, channels)."""

from microdl.core.tensor import apply
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.pooling import avg_pool2d, max_pool2d
from microdl.ops.reduction import reduce_max, reduce_mean


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


class _GlobalPooling(Layer):
    def __init__(self, data_format=None, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.data_format = checks.channels_last(self, data_format)
        self.keepdims = keepdims

    def build(self, input_shape):
        checks.images(self, input_shape)

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean over height and width.

    Args:
        data_format: "channels_last". keepdims: bool, keep both axes with size 1.

    Input shape: (batch, height, width, channels). Output shape: (batch, channels).
    """

    def call(self, inputs):
        checks.images(self, checks.one_tensor(self, inputs))
        x = inputs if inputs.dtype.is_floating else apply("Cast", inputs, dtype=self.dtype)
        return reduce_mean(x, axis=(1, 2), keepdims=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest value over height and width. Arguments and shapes: as for ``GlobalAveragePooling2D``."""

    def call(self, inputs):
        checks.images(self, checks.one_tensor(self, inputs))
        return reduce_max(inputs, axis=(1, 2), keepdims=self.keepdims)


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
