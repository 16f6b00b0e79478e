"""Convolutions of images (batch, height, width, channels) with filters (height, width, in channels, out channels)."""

from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints, require_floating
from microdl.ops.windows import check_images, padding_attribute, pair, place


def _check(op, x, w):
    """Raises the user's error for shapes and dtypes that a convolution cannot take."""
    check_images(op, "input", x, "NHWC")
    require_floating(op, x, w)
    if w.rank != 4:
        raise InvalidArgumentError(
            f"{op}: filter has 4 axes (height, width, in channels, out channels), got shape {tuple(w.shape)}; "
            "add a missing axis with tf.newaxis"
        )
    if w.shape[2] != x.shape[3]:
        raise InvalidArgumentError(
            f"{op}: filter expects {w.shape[2]} input channels (axis 2 of shape {tuple(w.shape)}) but input has "
            f"{x.shape[3]} (axis 3 of shape {tuple(x.shape)}); make the filter's third size {x.shape[3]}"
        )
    if not w.shape[0] or not w.shape[1]:
        raise InvalidArgumentError(f"{op}: filter needs at least one row and one column, got shape {tuple(w.shape)}")


def _geometry(op, image, window, strides, padding, dilations):
    """The arguments strides, dilations and padding of the kernels."""
    return strides, dilations, place(op, image, window, strides, padding, dilations).pad


def _cost(products, *specs):
    return 2 * products, sum(spec.nbytes for spec in specs)


@register_op("Conv2D")
class _Conv2D:
    inputs = ("input", "filter")
    by_shape = True
    keeps = ("input", "filter")

    @staticmethod
    def infer(x, w, strides, padding, dilations):
        _check("conv2d", x, w)
        size = place("conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilations).size
        return Spec((x.shape[0], *size, w.shape[3]), x.dtype)

    @staticmethod
    def run(kernels, x, w, y, strides, padding, dilations):
        geometry = _geometry("conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilations)
        kernels.convolution.conv2d(x, w, *geometry, y)

    @staticmethod
    def gradient(node, dy):
        x, w = node.inputs
        dx = apply("Conv2DGradInput", dy, w, size=tuple(x.shape[1:3]), **node.attrs) if node.wants[0] else None
        dw = apply("Conv2DGradFilter", x, dy, window=tuple(w.shape[:2]), **node.attrs) if node.wants[1] else None
        return dx, dw

    @staticmethod
    def cost(x, w, strides, padding, dilations):
        y = _Conv2D.infer(x, w, strides, padding, dilations)
        return _cost(y.size * w.size // max(1, w.shape[3]), x, w, y)


@register_op("Conv2DGradInput")
class _Conv2DGradInput:
    """The gradient that arrives at the input; ``size`` is the images' (height, width)."""

    inputs = ("dy", "filter")
    by_shape = True
    keeps = ("dy", "filter")

    @staticmethod
    def infer(dy, w, size, strides, padding, dilations):
        return Spec((dy.shape[0], *size, w.shape[2]), dy.dtype)

    @staticmethod
    def run(kernels, dy, w, dx, size, strides, padding, dilations):
        geometry = _geometry("conv2d", size, w.shape[:2], strides, padding, dilations)
        kernels.convolution.conv2d_grad_input(dy, w, *geometry, dx)

    @staticmethod
    def gradient(node, ddx):
        (dy, w), attrs = node.inputs, _without(node.attrs, "size")
        ddy = apply("Conv2D", ddx, w, **attrs) if node.wants[0] else None
        dw = apply("Conv2DGradFilter", ddx, dy, window=tuple(w.shape[:2]), **attrs) if node.wants[1] else None
        return ddy, dw

    @staticmethod
    def cost(dy, w, size, strides, padding, dilations):
        dx = _Conv2DGradInput.infer(dy, w, size, strides, padding, dilations)
        return _cost(dy.size * w.size // max(1, w.shape[3]), dy, w, dx)


@register_op("Conv2DGradFilter")
class _Conv2DGradFilter:
    """The gradient that arrives at the filter; ``window`` is the filter's (height, width)."""

    inputs = ("input", "dy")
    by_shape = True
    keeps = ("input", "dy")

    @staticmethod
    def infer(x, dy, window, strides, padding, dilations):
        return Spec((*window, x.shape[3], dy.shape[3]), x.dtype)

    @staticmethod
    def run(kernels, x, dy, dw, window, strides, padding, dilations):
        geometry = _geometry("conv2d", x.shape[1:3], window, strides, padding, dilations)
        kernels.convolution.conv2d_grad_filter(x, dy, *geometry, dw)

    @staticmethod
    def gradient(node, ddw):
        (x, dy), attrs = node.inputs, _without(node.attrs, "window")
        dx = apply("Conv2DGradInput", dy, ddw, size=tuple(x.shape[1:3]), **attrs) if node.wants[0] else None
        ddy = apply("Conv2D", x, ddw, **attrs) if node.wants[1] else None
        return dx, ddy

    @staticmethod
    def cost(x, dy, window, strides, padding, dilations):
        dw = _Conv2DGradFilter.infer(x, dy, window, strides, padding, dilations)
        return _cost(dy.size * window[0] * window[1] * x.shape[3], x, dy, dw)


@register_op("DepthwiseConv2dNative")
class _DepthwiseConv2D:
    """Each channel with its own filters: output channel c * multiplier + q is channel c with filter[..., c, q]."""

    inputs = ("input", "filter")
    keeps = ("input", "filter")

    @staticmethod
    def infer(x, w, strides, padding, dilations):
        _check("depthwise_conv2d", x, w)
        size = place("depthwise_conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilations).size
        return Spec((x.shape[0], *size, w.shape[2] * w.shape[3]), x.dtype)

    @staticmethod
    def run(kernels, x, w, y, strides, padding, dilations):
        geometry = _geometry("depthwise_conv2d", x.shape[1:3], w.shape[:2], strides, padding, dilations)
        kernels.depthwise.depthwise_conv2d(x, w, *geometry, y)

    @staticmethod
    def gradient(node, dy):
        x, w = node.inputs
        dx = apply("DepthwiseConv2dGradInput", dy, w, size=tuple(x.shape[1:3]), **node.attrs) if node.wants[0] else None
        dw = (
            apply("DepthwiseConv2dGradFilter", x, dy, window=tuple(w.shape[:2]), **node.attrs)
            if node.wants[1]
            else None
        )
        return dx, dw

    @staticmethod
    def cost(x, w, strides, padding, dilations):
        y = _DepthwiseConv2D.infer(x, w, strides, padding, dilations)
        return _cost(y.size * w.shape[0] * w.shape[1], x, w, y)


@register_op("DepthwiseConv2dGradInput")
class _DepthwiseConv2DGradInput:
    """The gradient that arrives at the input; ``size`` is the images' (height, width)."""

    inputs = ("dy", "filter")
    keeps = ("dy", "filter")

    @staticmethod
    def infer(dy, w, size, strides, padding, dilations):
        return Spec((dy.shape[0], *size, w.shape[2]), dy.dtype)

    @staticmethod
    def run(kernels, dy, w, dx, size, strides, padding, dilations):
        geometry = _geometry("depthwise_conv2d", size, w.shape[:2], strides, padding, dilations)
        kernels.depthwise.depthwise_conv2d_grad_input(dy, w, *geometry, dx)

    @staticmethod
    def gradient(node, ddx):
        (dy, w), attrs = node.inputs, _without(node.attrs, "size")
        ddy = apply("DepthwiseConv2dNative", ddx, w, **attrs) if node.wants[0] else None
        dw = apply("DepthwiseConv2dGradFilter", ddx, dy, window=tuple(w.shape[:2]), **attrs) if node.wants[1] else None
        return ddy, dw

    @staticmethod
    def cost(dy, w, size, strides, padding, dilations):
        dx = _DepthwiseConv2DGradInput.infer(dy, w, size, strides, padding, dilations)
        return _cost(dy.size * w.shape[0] * w.shape[1], dy, w, dx)


@register_op("DepthwiseConv2dGradFilter")
class _DepthwiseConv2DGradFilter:
    """The gradient that arrives at the filter; ``window`` is the filter's (height, width)."""

    inputs = ("input", "dy")
    keeps = ("input", "dy")

    @staticmethod
    def infer(x, dy, window, strides, padding, dilations):
        return Spec((*window, x.shape[3], dy.shape[3] // max(1, x.shape[3])), x.dtype)

    @staticmethod
    def run(kernels, x, dy, dw, window, strides, padding, dilations):
        geometry = _geometry("depthwise_conv2d", x.shape[1:3], window, strides, padding, dilations)
        kernels.depthwise.depthwise_conv2d_grad_filter(x, dy, *geometry, dw)

    @staticmethod
    def gradient(node, ddw):
        (x, dy), attrs = node.inputs, _without(node.attrs, "window")
        dx = apply("DepthwiseConv2dGradInput", dy, ddw, size=tuple(x.shape[1:3]), **attrs) if node.wants[0] else None
        ddy = apply("DepthwiseConv2dNative", x, ddw, **attrs) if node.wants[1] else None
        return dx, ddy

    @staticmethod
    def cost(x, dy, window, strides, padding, dilations):
        dw = _DepthwiseConv2DGradFilter.infer(x, dy, window, strides, padding, dilations)
        return _cost(dy.size * window[0] * window[1], x, dy, dw)


def _without(attrs, name):
    return {key: value for key, value in attrs.items() if key != name}


def _windows(op, x, strides, padding, data_format, dilations):
    """Attributes of the ops from TensorFlow's arguments."""
    check_images(op, "input", x, data_format or "NHWC")
    return {
        "strides": pair(op, "strides", strides),
        "padding": padding_attribute(op, padding),
        "dilations": pair(op, "dilations", 1 if dilations is None else dilations),
    }


def conv2d(input, filters, strides, padding, data_format="NHWC", dilations=None, name=None):
    """y[n, h, w, o] = sum over i, j, c of input[n, h * stride + i * dilation, ..., c] * filters[i, j, c, o].

    Args:
        input: float, (batch, height, width, in channels).
        filters: as input, (filter height, filter width, in channels, out channels).
        strides: int, (height, width) or (1, height, width, 1): step between the windows.
        padding: "VALID" for windows inside of the image only, "SAME" for ceil(size / stride) windows along each axis
            (zeros around, the odd one at the end), or explicit amounts [[0, 0], [above, below], [left, right], [0, 0]].
        dilations: as strides: distance between the taps of a filter.

    Returns: (batch, new height, new width, out channels).

    Raises:
        InvalidArgumentError (a ValueError): if shapes, dtypes or arguments do not fit, or for another ``data_format``.
    """
    x = convert(input)
    return apply("Conv2D", x, filters, **_windows("conv2d", x, strides, padding, data_format, dilations))


def depthwise_conv2d(input, filter, strides, padding, data_format=None, dilations=None, name=None):
    """``conv2d`` of every channel by itself: output channel c * multiplier + q is channel c with filter[:, :, c, q].

    Args:
        filter: as input, (filter height, filter width, in channels, multiplier).
        input, strides, padding, data_format, dilations: as for ``conv2d``.

    Returns: (batch, new height, new width, in channels * multiplier).

    Raises:
        InvalidArgumentError (a ValueError): as ``conv2d``.
    """
    x = convert(input)
    attrs = _windows("depthwise_conv2d", x, strides, padding, data_format, dilations)
    return apply("DepthwiseConv2dNative", x, filter, **attrs)


@reads_sizes
def conv2d_transpose(
    input, filters, output_shape, strides, padding="SAME", data_format="NHWC", dilations=None, name=None
):
    """The gradient of ``conv2d`` with respect to its input: each pixel adds a window of filters times its value.

    Args:
        input: float, (batch, height, width, in channels). filters: (filter height, filter width, out channels, in
            channels), the other way round than for ``conv2d``.
        output_shape: (batch, new height, new width, out channels), of which ``conv2d`` makes the input's shape.
        strides, padding, data_format, dilations: as for ``conv2d``.

    Raises:
        InvalidArgumentError (a ValueError): if shapes, dtypes or arguments do not fit.
    """
    x, w = convert(input), convert(filters)
    attrs = _windows("conv2d_transpose", x, strides, padding, data_format, dilations)
    shape = constant_ints("conv2d_transpose", "output_shape", output_shape)
    if w.ndim != 4 or len(shape) != 4 or (shape[0], shape[3], x.shape[3]) != (x.shape[0], w.shape[2], w.shape[3]):
        raise InvalidArgumentError(
            f"conv2d_transpose: input {x.shape} and filters {w.shape}, (height, width, out channels, in channels), do "
            f"not fit output_shape {shape}: batch, out channels and in channels must agree"
        )
    fits = place("conv2d_transpose", shape[1:3], w.shape[:2], **attrs).size
    if fits != tuple(x.shape[1:3]):
        raise InvalidArgumentError(
            f"conv2d_transpose: of output_shape {shape} conv2d makes a height and width of {fits}, but input has "
            f"{tuple(x.shape[1:3])}; strides {attrs['strides']}, padding {attrs['padding']}"
        )
    return apply("Conv2DGradInput", x, w, size=shape[1:3], **attrs)


def convolution(input, filters, strides=None, padding="VALID", data_format=None, dilations=None, name=None):
    """``conv2d`` by its name for any number of axes; images are supported."""
    return conv2d(input, filters, 1 if strides is None else strides, padding, data_format or "NHWC", dilations)
