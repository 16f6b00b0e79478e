"""Max and average pooling of images (batch, height, width, channels)."""

from microdl.core import dtypes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_floating
from microdl.ops.windows import check_images, padding_attribute, pair, place


def _check(op, spec, ksize, padding):
    """Raises the user's error where a kernel could not tell."""
    check_images(op, "input", spec, "NHWC")
    require_floating(op, spec)
    if not isinstance(padding, str):
        for axis, amounts in enumerate(padding):
            if max(amounts) >= ksize[axis]:
                raise InvalidArgumentError(
                    f"{op}: a padding of {max(amounts)} makes windows of {('height', 'width')[axis]} {ksize[axis]} "
                    "that see nothing of the image; padding must be smaller than the window"
                )


def _pooled(op, spec, ksize, strides, padding):
    """Shape of the output."""
    _check(op, spec, ksize, padding)
    n, h, w, c = spec.shape
    return (n, *place(op, (h, w), ksize, strides, padding).size, c)


def _geometry(image, ksize, strides, padding):
    """The arguments window, stride and pad of the kernels, for ``image`` (N, H, W, C)."""
    return ksize, strides, place("pooling", image.shape[1:3], ksize, strides, padding).pad


def _winner_dtype(ksize):
    """Of the winners' places in windows of size ``ksize``."""
    return dtypes.uint8 if ksize[0] * ksize[1] <= 256 else dtypes.int32


@register_op("MaxPool")
class _MaxPool:
    """Outputs: y, and for each window which of its elements was the (first) maximum, in a byte if that suffices."""

    inputs = ("input",)
    by_shape = True
    keeps = ("output1",)

    @staticmethod
    def infer(x, ksize, strides, padding):
        shape = _pooled("max_pool2d", x, ksize, strides, padding)
        return Spec(shape, x.dtype), Spec(shape, _winner_dtype(ksize))

    @staticmethod
    def run(kernels, x, y, winner, ksize, strides, padding):
        kernels.pooling.max_pool2d(x, *_geometry(x, ksize, strides, padding), y, winner)

    @staticmethod
    def gradient(node, dy, dwinner):
        return apply("MaxPoolGrad", dy, node.outputs[1], size=tuple(node.inputs[0].shape[1:3]), **node.attrs)

    @staticmethod
    def cost(x, ksize, strides, padding):
        windows = Spec(_pooled("max_pool2d", x, ksize, strides, padding), x.dtype)
        return windows.size * ksize[0] * ksize[1], x.nbytes + windows.nbytes + _winner_dtype(ksize).size * windows.size


@register_op("MaxPoolGrad")
class _MaxPoolGrad:
    """dy goes to the winners; ``size`` is (height, width) of the result."""

    inputs = ("dy", "winner")
    by_shape = True
    keeps = ("winner",)
    same_dtype = False

    @staticmethod
    def infer(dy, winner, size, ksize, strides, padding):
        return Spec((dy.shape[0], *size, dy.shape[3]), dy.dtype)

    @staticmethod
    def run(kernels, dy, winner, dx, size, ksize, strides, padding):
        kernels.pooling.max_pool2d_grad(dy, winner, *_geometry(dx, ksize, strides, padding), dx)

    @staticmethod
    def gradient(node, ddx):
        attrs = {name: node.attrs[name] for name in ("ksize", "strides", "padding")}
        return apply("MaxPoolGradGrad", ddx, node.inputs[1], **attrs), None

    @staticmethod
    def cost(dy, winner, size, ksize, strides, padding):
        dx = dy.shape[0] * size[0] * size[1] * dy.shape[3]
        return dy.size * ksize[0] * ksize[1], dx * dy.dtype.size + dy.nbytes + winner.nbytes


@register_op("MaxPoolGradGrad")
class _MaxPoolGradGrad:
    """What the winners hold in ``ddx``: the transpose of MaxPoolGrad."""

    inputs = ("ddx", "winner")
    keeps = ("winner",)
    same_dtype = False

    @staticmethod
    def infer(ddx, winner, ksize, strides, padding):
        return Spec(winner.shape, ddx.dtype)

    @staticmethod
    def run(kernels, ddx, winner, ddy, ksize, strides, padding):
        kernels.pooling.max_pool2d_grad_grad(ddx, winner, *_geometry(ddx, ksize, strides, padding), ddy)

    @staticmethod
    def gradient(node, dddy):
        return apply("MaxPoolGrad", dddy, node.inputs[1], size=tuple(node.inputs[0].shape[1:3]), **node.attrs), None

    @staticmethod
    def cost(ddx, winner, ksize, strides, padding):
        return 0, winner.nbytes + 2 * winner.size * ddx.dtype.size


@register_op("AvgPool")
class _AvgPool:
    inputs = ("input",)

    @staticmethod
    def infer(x, ksize, strides, padding):
        return Spec(_pooled("avg_pool2d", x, ksize, strides, padding), x.dtype)

    @staticmethod
    def run(kernels, x, y, ksize, strides, padding):
        kernels.pooling.avg_pool2d(x, *_geometry(x, ksize, strides, padding), y)

    @staticmethod
    def gradient(node, dy):
        return apply("AvgPoolGrad", dy, size=tuple(node.inputs[0].shape[1:3]), **node.attrs)

    @staticmethod
    def cost(x, ksize, strides, padding):
        windows = Spec(_pooled("avg_pool2d", x, ksize, strides, padding), x.dtype)
        return windows.size * ksize[0] * ksize[1], x.nbytes + windows.nbytes


@register_op("AvgPoolGrad")
class _AvgPoolGrad:
    """dy, spread evenly over each window; ``size`` is (height, width) of the result."""

    inputs = ("dy",)

    @staticmethod
    def infer(dy, size, ksize, strides, padding):
        return Spec((dy.shape[0], *size, dy.shape[3]), dy.dtype)

    @staticmethod
    def run(kernels, dy, dx, size, ksize, strides, padding):
        kernels.pooling.avg_pool2d_grad(dy, *_geometry(dx, ksize, strides, padding), dx)

    @staticmethod
    def gradient(node, ddx):
        return apply("AvgPool", ddx, **{name: node.attrs[name] for name in ("ksize", "strides", "padding")})

    @staticmethod
    def cost(dy, size, ksize, strides, padding):
        dx = dy.shape[0] * size[0] * size[1] * dy.shape[3]
        return 2 * dy.size * ksize[0] * ksize[1], dx * dy.dtype.size + dy.nbytes


def _windows(op, x, ksize, strides, padding, data_format):
    """Attributes of the pooling ops from TensorFlow's arguments."""
    check_images(op, "input", x, data_format)
    return {
        "ksize": pair(op, "ksize", ksize),
        "strides": pair(op, "strides", strides),
        "padding": padding_attribute(op, padding),
    }


def max_pool2d(input, ksize, strides, padding, data_format="NHWC", name=None):
    """The largest value of each window, channel by channel. Among equal ones the first gets the gradient.

    Args:
        input: float, (batch, height, width, channels).
        ksize, strides: int, (height, width) or (1, height, width, 1): size of the windows, and the step between them.
        padding: "VALID" for whole windows only, "SAME" for ceil(size / stride) windows along each axis, or explicit
            amounts [[0, 0], [above, below], [left, right], [0, 0]]. Padding never wins.

    Returns: (batch, new height, new width, channels). As in TensorFlow on CPUs a NaN is passed over beside numbers.

    Raises:
        InvalidArgumentError (a ValueError): if shapes, dtype or arguments do not fit.
    """
    x = convert(input)
    return apply("MaxPool", x, **_windows("max_pool2d", x, ksize, strides, padding, data_format))[0]


def avg_pool2d(input, ksize, strides, padding, data_format="NHWC", name=None):
    """The mean of each window, channel by channel; only values inside the image count. Arguments as ``max_pool2d``."""
    x = convert(input)
    return apply("AvgPool", x, **_windows("avg_pool2d", x, ksize, strides, padding, data_format))


def max_pool(input, ksize, strides, padding, data_format=None, name=None):
    """``max_pool2d`` by its name for any number of axes; images are supported."""
    return max_pool2d(input, ksize, strides, padding, data_format or "NHWC")


def avg_pool(input, ksize, strides, padding, data_format=None, name=None):
    """``avg_pool2d`` by its name for any number of axes; images are supported."""
    return avg_pool2d(input, ksize, strides, padding, data_format or "NHWC")
