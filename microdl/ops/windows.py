"""Where windows lie that slide over images: the geometry that pooling and convolution share, by TensorFlow's rules."""

import contextlib
import functools
import operator
from typing import NamedTuple

from microdl.core.errors import InvalidArgumentError


class Placement(NamedTuple):
    """Output size (height, width), and padding (above, left): window (0, 0) starts that far outside of the image."""

    size: tuple
    pad: tuple


def pair(op, name, value):
    """(height, width) from an int, one or two ints, or four for NHWC, all >= 1."""
    try:
        given = (operator.index(value),) if not hasattr(value, "__iter__") else tuple(map(operator.index, value))
    except TypeError:
        given = ()
    if len(given) == 4 and given[0] == given[3] == 1:
        given = given[1:3]
    if len(given) not in (1, 2) or min(given) < 1:
        raise InvalidArgumentError(
            f"{op}: {name} is a positive int, a pair (height, width) or (1, height, width, 1), got {value!r}"
        )
    return given * 2 if len(given) == 1 else given


def padding_attribute(op, padding):
    """``padding`` as a hashable value: "SAME", "VALID" or ((above, below), (left, right))."""
    if isinstance(padding, str):
        if padding.upper() in ("SAME", "VALID"):
            return padding.upper()
    else:
        amounts: tuple = ()
        with contextlib.suppress(TypeError):
            amounts = tuple(tuple(map(operator.index, axis)) for axis in padding)
        if [len(axis) for axis in amounts] == [2] * 4 and not any(amounts[0] + amounts[3]):
            amounts = amounts[1:3]
        if [len(axis) for axis in amounts] == [2] * 2 and min(amounts[0] + amounts[1]) >= 0:
            return amounts
    raise InvalidArgumentError(
        f'{op}: padding is "SAME", "VALID" or [[0, 0], [above, below], [left, right], [0, 0]], got {padding!r}'
    )


@functools.lru_cache(maxsize=1024)
def place(op, image, window, strides, padding, dilations=(1, 1)):
    """Placement of windows on an image.

        SAME:   size = ceil(image / stride), padding spread evenly, the odd row or column below or to the right
        other:  size = floor((above + image + below - extent) / stride) + 1,  extent = (window - 1) * dilation + 1

    Args:
        op: name for messages. image, window, strides, dilations: (height, width). padding: see ``padding_attribute``.

    Raises:
        InvalidArgumentError: if not even one window fits.
    """
    sizes, pads = [], []
    for axis in range(2):
        length, stride = image[axis], strides[axis]
        extent = (window[axis] - 1) * dilations[axis] + 1
        if padding == "SAME":
            size = -(-length // stride)
            before = max((size - 1) * stride + extent - length, 0) // 2
        else:
            before, after = (0, 0) if padding == "VALID" else padding[axis]
            size = (before + length + after - extent) // stride + 1
            if size < 1:
                raise InvalidArgumentError(
                    f"{op}: a window of {('height', 'width')[axis]} {extent} does not fit into "
                    f"{before + length + after} {('rows', 'columns')[axis]} (image {image}, padding {padding!r}); "
                    'make the window smaller or use padding="SAME"'
                )
        sizes.append(size)
        pads.append(before)
    return Placement(tuple(sizes), tuple(pads))


def check_images(op, name, spec, data_format):
    """Raises InvalidArgumentError unless ``spec`` is (batch, height, width, channels)."""
    if data_format != "NHWC":
        raise InvalidArgumentError(
            f'{op}: data_format is "NHWC", got {data_format!r}; bring the channels to the end with '
            "tf.transpose(x, (0, 2, 3, 1))"
        )
    if len(spec.shape) != 4:
        raise InvalidArgumentError(
            f"{op}: {name} has 4 axes (batch, height, width, channels), got shape {tuple(spec.shape)}; "
            "add a missing axis with tf.newaxis"
        )
