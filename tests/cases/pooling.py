"""Pooling: loops over windows as the oracle, all paddings, windows that overlap or leave gaps."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, distinct, inputs


def spans(length, window, stride, padding):
    """[first, last) of each window along one axis, by TensorFlow's definition of SAME and VALID."""
    if padding == "SAME":
        count = -(-length // stride)
        before = max((count - 1) * stride + window - length, 0) // 2
    else:
        before, after = (0, 0) if padding == "VALID" else padding
        count = (before + length + after - window) // stride + 1
    starts = [i * stride - before for i in range(count)]
    return [(max(first, 0), min(first + window, length)) for first in starts]


def pool(x, reduce, ksize, strides, padding):
    """``reduce`` of each window over its two axes."""
    (height, width), (down, right) = np.broadcast_to(ksize, 2), np.broadcast_to(strides, 2)
    amounts = (padding, padding) if isinstance(padding, str) else padding[1:3]
    rows = spans(x.shape[1], height, down, amounts[0])
    columns = spans(x.shape[2], width, right, amounts[1])
    y = np.zeros((x.shape[0], len(rows), len(columns), x.shape[3]))
    for i, (top, bottom) in enumerate(rows):
        for j, (first, last) in enumerate(columns):
            y[:, i, j] = reduce(x[:, top:bottom, first:last], (1, 2))
    return y


@inputs
def images(draw, rng, explicit=False):
    ksize = draw(st.sampled_from([2, 3, (2, 3), (3, 1), (1, 1)]))
    strides = draw(st.sampled_from([1, 2, 3, (2, 1)]))
    height, width = np.broadcast_to(ksize, 2)
    n, c = draw(st.integers(0, 2)), draw(st.integers(0, 3))
    shape = (n, draw(st.integers(int(height), 7)), draw(st.integers(int(width), 7)), c)
    choices = ["SAME", "VALID"]
    if explicit:
        above, left = draw(st.integers(0, int(height) - 1)), draw(st.integers(0, int(width) - 1))
        choices = [((0, 0), (above, int(height) - 1), (left, 0), (0, 0))]
    options = {"ksize": ksize, "strides": strides, "padding": draw(st.sampled_from(choices))}
    return [distinct(rng, shape)], options


def max_pool(x, **options):
    return pool(x, np.max, **options)


def avg_pool(x, **options):
    return pool(x, np.mean, **options)


def zeros(tf, *shape, dtype="float32"):
    return tf.constant(np.zeros(shape, dtype))


CASES = [
    Case(
        "MaxPool",
        lambda tf, x, **options: tf.nn.max_pool2d(x, **options),
        max_pool,
        images(),
        error=0,
        covers=("MaxPoolGrad", "MaxPoolGradGrad"),
        errors=(
            (
                lambda tf: tf.nn.max_pool2d(zeros(tf, 5, 5, 3), 2, 2, "SAME"),
                InvalidArgumentError,
                "max_pool2d: input has 4 axes (batch, height, width, channels), got shape (5, 5, 3); "
                "add a missing axis with tf.newaxis",
            ),
            (
                lambda tf: tf.nn.max_pool2d(zeros(tf, 1, 5, 5, 3), (6, 2), 2, "VALID"),
                InvalidArgumentError,
                "max_pool2d: a window of height 6 does not fit into 5 rows (image (5, 5), padding 'VALID'); "
                'make the window smaller or use padding="SAME"',
            ),
            (
                lambda tf: tf.nn.max_pool2d(zeros(tf, 1, 5, 5, 3), 2, 2, [[0, 0], [2, 0], [0, 0], [0, 0]]),
                InvalidArgumentError,
                "max_pool2d: a padding of 2 makes windows of height 2 that see nothing of the image; "
                "padding must be smaller than the window",
            ),
            (
                lambda tf: tf.nn.max_pool2d(zeros(tf, 1, 5, 5, 3), 2, 2, "FULL"),
                InvalidArgumentError,
                'max_pool2d: padding is "SAME", "VALID" or [[0, 0], [above, below], [left, right], [0, 0]], '
                "got 'FULL'",
            ),
            (
                lambda tf: tf.nn.max_pool2d(zeros(tf, 1, 5, 5, 3), 0, 2, "SAME"),
                InvalidArgumentError,
                "max_pool2d: ksize is a positive int, a pair (height, width) or (1, height, width, 1), got 0",
            ),
            (
                lambda tf: tf.nn.max_pool2d(zeros(tf, 1, 3, 5, 5), 2, 2, "SAME", data_format="NCHW"),
                InvalidArgumentError,
                "max_pool2d: data_format is \"NHWC\", got 'NCHW'; bring the channels to the end with "
                "tf.transpose(x, (0, 2, 3, 1))",
            ),
        ),
    ),
    Case(
        "MaxPool",
        lambda tf, x, **options: tf.nn.max_pool(x, **options),
        max_pool,
        images(explicit=True),
        error=0,
        label="explicit",
    ),
    Case(
        "AvgPool",
        lambda tf, x, **options: tf.nn.avg_pool2d(x, **options),
        avg_pool,
        images(),
        covers=("AvgPoolGrad",),
        errors=(
            (
                lambda tf: tf.nn.avg_pool2d(zeros(tf, 1, 4, 4, 1, dtype="int32"), 2, 2, "SAME"),
                InvalidArgumentError,
                "avg_pool2d: expected a floating-point tensor, got int32 of shape (1, 4, 4, 1); "
                "convert it first: tf.cast(x, tf.float32)",
            ),
        ),
    ),
    Case(
        "AvgPool",
        lambda tf, x, **options: tf.nn.avg_pool(x, **options),
        avg_pool,
        images(explicit=True),
        label="explicit",
    ),
]
