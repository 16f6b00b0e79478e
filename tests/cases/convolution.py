"""Rows of the op table: convolutions."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, inputs


def _windows(x, window, strides, padding, dilations):
    """What each window sees: (n, h, w, kh, kw, c). TensorFlow's rules for SAME and VALID, written out."""
    before, after, sizes = [], [], []
    for axis in range(2):
        length, extent = x.shape[1 + axis], (window[axis] - 1) * dilations[axis] + 1
        if padding == "SAME":
            size = int(np.ceil(length / strides[axis]))
            total = max((size - 1) * strides[axis] + extent - length, 0)
            above, below = total // 2, total - total // 2
        else:
            above, below = (0, 0) if padding == "VALID" else padding[1 + axis]
            size = (length + above + below - extent) // strides[axis] + 1
        before.append(above)
        after.append(below)
        sizes.append(size)
    x = np.pad(x, ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0)))
    rows, columns = (np.arange(sizes[i])[:, None] * strides[i] + np.arange(window[i]) * dilations[i] for i in range(2))
    return x[:, rows[:, None, :, None], columns[None, :, None, :], :]


def conv2d(x, w, strides, padding, dilations):
    return np.einsum("nhwijc,ijco->nhwo", _windows(x, w.shape[:2], strides, padding, dilations), w)


def depthwise_conv2d(x, w, strides, padding, dilations):
    y = np.einsum("nhwijc,ijcm->nhwcm", _windows(x, w.shape[:2], strides, padding, dilations), w)
    return y.reshape(*y.shape[:3], w.shape[2] * w.shape[3])


def _drawn(draw, rng, outputs):
    window, strides, dilations = (tuple(draw(st.integers(1, 3)) for _ in range(2)) for _ in range(3))
    padding = draw(st.sampled_from(["SAME", "VALID", "explicit"]))
    if padding == "explicit":
        padding = [[0, 0], *([draw(st.integers(0, 3)), draw(st.integers(0, 3))] for _ in range(2)), [0, 0]]
    least = [1 if padding == "SAME" else (k - 1) * d + 1 for k, d in zip(window, dilations, strict=True)]
    size = [draw(st.integers(n, n + 5)) for n in least]
    images, channels = draw(st.integers(0, 2)), draw(st.integers(1, 3))
    x = rng.uniform(-1, 1, (images, *size, channels))
    w = rng.uniform(-1, 1, (*window, channels, draw(outputs)))
    return [x, w], {"strides": strides, "padding": padding, "dilations": dilations}


@inputs
def images_and_filters(draw, rng):
    return _drawn(draw, rng, st.sampled_from([1, 2, 5, 17]))


@inputs
def images_and_depthwise_filters(draw, rng):
    return _drawn(draw, rng, st.integers(1, 3))


def _refused(change, message, name="conv2d"):
    """(call, exception, message) for arguments with one change."""
    arguments = {"x": (1, 8, 8, 3), "w": (5, 5, 3, 4), "strides": 1, "padding": "SAME", **change}

    def call(tf):
        given = dict(arguments)
        x, w = (tf.ones(given.pop(key), dtype=given.pop(f"{key}_dtype", "float32")) for key in "xw")
        return getattr(tf.nn, name)(x, w, **given)

    return call, InvalidArgumentError, message


CASES = [
    Case(
        "Conv2D",
        lambda tf, x, w, **options: tf.nn.conv2d(x, w, **options),
        conv2d,
        images_and_filters(),
        covers=("Conv2DGradInput", "Conv2DGradFilter"),
        errors=(
            _refused(
                {"w": (5, 5, 16, 36)},
                "conv2d: filter expects 16 input channels (axis 2 of shape (5, 5, 16, 36)) but input has 3 "
                "(axis 3 of shape (1, 8, 8, 3)); make the filter's third size 3",
            ),
            _refused(
                {"x": (8, 8, 3)},
                "conv2d: input has 4 axes (batch, height, width, channels), got shape (8, 8, 3); "
                "add a missing axis with tf.newaxis",
            ),
            _refused(
                {"w": (5, 3, 4)},
                "conv2d: filter has 4 axes (height, width, in channels, out channels), got shape (5, 3, 4); "
                "add a missing axis with tf.newaxis",
            ),
            _refused(
                {"x_dtype": "uint8", "w_dtype": "uint8"},
                "conv2d: expected a floating-point tensor, got uint8 of shape (1, 8, 8, 3); "
                "convert it first: tf.cast(x, tf.float32)",
            ),
            _refused(
                {"data_format": "NCHW"},
                "conv2d: data_format is \"NHWC\", got 'NCHW'; bring the channels to the end with "
                "tf.transpose(x, (0, 2, 3, 1))",
            ),
            _refused(
                {"w": (9, 5, 3, 4), "padding": "VALID"},
                "conv2d: a window of height 9 does not fit into 8 rows (image (8, 8), padding 'VALID'); "
                'make the window smaller or use padding="SAME"',
            ),
            _refused(
                {"w": (0, 5, 3, 4)},
                "conv2d: filter needs at least one row and one column, got shape (0, 5, 3, 4)",
            ),
        ),
    ),
    Case(
        "DepthwiseConv2dNative",
        lambda tf, x, w, **options: tf.nn.depthwise_conv2d(x, w, **options),
        depthwise_conv2d,
        images_and_depthwise_filters(),
        covers=("DepthwiseConv2dGradInput", "DepthwiseConv2dGradFilter"),
        errors=(
            _refused(
                {"w": (3, 3, 2, 1)},
                "depthwise_conv2d: filter expects 2 input channels (axis 2 of shape (3, 3, 2, 1)) but input has 3 "
                "(axis 3 of shape (1, 8, 8, 3)); make the filter's third size 3",
                "depthwise_conv2d",
            ),
        ),
    ),
]
