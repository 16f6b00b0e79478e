"""Sequences and images made larger or smaller."""

import numpy as np

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.array import broadcast_to, cast, expand_dims, gather, reshape
from microdl.ops.linalg import matmul

METHODS = ("nearest", "bilinear")


def _positions(size, new_size):
    """Where the new elements' centers lie among the old ones, half an element being the first one's center."""
    return (np.arange(new_size) + 0.5) * (size / new_size) - 0.5


def _bilinear(size, new_size, dtype):
    """The matrix (new_size, size) that interpolates between the two elements nearest to each position."""
    at = np.clip(_positions(size, new_size), 0, size - 1)
    lower = np.floor(at).astype(int)
    upper = np.minimum(lower + 1, size - 1)
    matrix = np.zeros((new_size, size))
    rows = np.arange(new_size)
    np.add.at(matrix, (rows, lower), 1 - (at - lower))
    np.add.at(matrix, (rows, upper), at - lower)
    return convert(matrix.astype(dtype.as_numpy_dtype))


def resized(images, size, method):
    """Images (batch, height, width, channels) of another size (height, width).

    Interpolation is linear along each axis, so it is a product with one matrix for each.
    """
    n, h, w, c = images.shape
    height, width = size
    if method == "nearest":
        for axis, (old, new) in enumerate(((h, height), (w, width)), 1):
            places = np.minimum(np.floor((np.arange(new) + 0.5) * (old / new)), old - 1)
            images = images if old == new else gather(images, places.astype(np.int32), axis=axis)
        return images
    x = images if images.dtype.is_floating else cast(images, "float32")
    x = reshape(matmul(_bilinear(h, height, x.dtype), reshape(x, (n, h, w * c))), (n * height, w, c))
    return reshape(matmul(_bilinear(w, width, x.dtype), x), (n, height, width, c))


class UpSampling1D(Layer):
    """Each step ``size`` times.

    Args:
        size: int > 0.

    Input shape: (batch, steps, features). Output shape: (batch, steps * size, features).
    """

    _config = ("size",)

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = checks.positive(self, "size", size)

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        checks.rank(self, shape, 3)
        n, steps, features = shape
        repeated = broadcast_to(expand_dims(inputs, 2), (n, steps, self.size, features))
        return reshape(repeated, (n, steps * self.size, features))


class UpSampling2D(Layer):
    """Each row and column several times, or images enlarged by interpolation.

    Args:
        size: int > 0, or two of them (height, width). data_format: "channels_last".
        interpolation: "nearest" or "bilinear".

    Input shape: (batch, height, width, channels). Output shape: with height and width times ``size``.
    """

    _config = ("size", "data_format", "interpolation")

    def __init__(self, size=(2, 2), data_format=None, interpolation="nearest", **kwargs):
        super().__init__(**kwargs)
        self.size = checks.pair(self, "size", size)
        self.data_format = checks.channels_last(self, data_format)
        self.interpolation = checks.one_of(self, "interpolation", interpolation, METHODS)

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        checks.images(self, shape)
        n, h, w, c = shape
        down, right = self.size
        if self.interpolation == "bilinear":
            return resized(inputs, (h * down, w * right), "bilinear")
        x = reshape(inputs, (n, h, 1, w, 1, c))
        return reshape(broadcast_to(x, (n, h, down, w, right, c)), (n, h * down, w * right, c))


class Resizing(Layer):
    """Images of another size.

    Args:
        height, width: int > 0. interpolation: "bilinear" or "nearest". data_format: "channels_last".
        crop_to_aspect_ratio, pad_to_aspect_ratio: not available, must be False.

    Input shape: (batch, height, width, channels) or one image without the batch axis. Output shape: with the new sizes.
    """

    _config = ("height", "width", "interpolation", "data_format")

    def __init__(
        self,
        height,
        width,
        interpolation="bilinear",
        crop_to_aspect_ratio=False,
        pad_to_aspect_ratio=False,
        data_format=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.height = checks.positive(self, "height", height)
        self.width = checks.positive(self, "width", width)
        self.interpolation = checks.one_of(self, "interpolation", interpolation, METHODS)
        self.data_format = checks.channels_last(self, data_format)
        if crop_to_aspect_ratio or pad_to_aspect_ratio:
            raise ValueError(f"{self._label}: cropping and padding to the aspect ratio are not available")

    @reads_sizes
    def call(self, inputs):
        single = len(checks.one_tensor(self, inputs)) == 3
        images = expand_dims(inputs, 0) if single else inputs
        checks.images(self, images.shape)
        y = resized(images, (self.height, self.width), self.interpolation)
        y = y if y.dtype is self.dtype else cast(y, self.dtype)
        return y[0] if single else y
