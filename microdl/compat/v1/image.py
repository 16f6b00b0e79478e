"""``tf.image``: a few operations on images (H, W, C) and batches of them (N, H, W, C)."""

from microdl.compat.v1.naming import in_graph
from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import apply, convert
from microdl.ops import array, math, random


@in_graph
@reads_sizes
def flip_left_right(image):
    """The mirror image."""
    return array.reverse(image, [-2])


@in_graph
@reads_sizes
def flip_up_down(image):
    """Upside down."""
    return array.reverse(image, [-3])


@in_graph
@reads_sizes
def random_flip_left_right(image, seed=None):
    """``image`` or its mirror image, each with probability 1/2."""
    image = convert(image)
    return array.where(random.uniform((), seed=seed) < 0.5, array.reverse(image, [-2]), image)


@in_graph
@reads_sizes
def transpose_image(image):
    """Rows become columns."""
    image = convert(image)
    axes = [*range(image.ndim - 3), image.ndim - 2, image.ndim - 3, image.ndim - 1]
    return array.transpose(image, axes)


@in_graph
@reads_sizes
def per_image_standardization(image):
    """``(image - mean) / max(standard deviation, 1 / sqrt(number of its elements))``"""
    image = array.cast(image, dtypes.float32)
    axes, count = [-3, -2, -1], 1
    for n in image.shape[-3:]:
        count *= n
    mean = math.reduce_mean(image, axis=axes, keepdims=True)
    deviation = apply("Sqrt", math.reduce_mean(math.squared_difference(image, mean), axis=axes, keepdims=True))
    return (image - mean) / math.maximum(deviation, count**-0.5)


@in_graph
@reads_sizes
def rgb_to_grayscale(images, name=None):
    """``0.2989 red + 0.587 green + 0.114 blue``, one channel."""
    images = convert(images)
    weights = convert([0.2989, 0.587, 0.114], dtypes.float32)
    return array.cast(math.reduce_sum(array.cast(images, dtypes.float32) * weights, -1, True), images.dtype)


@in_graph
@reads_sizes
def random_brightness(image, max_delta, seed=None):
    """``image + d`` with d uniform over ``[-max_delta, max_delta)``."""
    return convert(image) + random.uniform((), -max_delta, max_delta, seed=seed)
