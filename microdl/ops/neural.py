"""Functions of ``tf.nn`` that are made of others: losses, convolutions and pooling along one axis, moments."""

import math

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.op import Spec, register_op
from microdl.core.shapes import normalize_axis, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_number, sorted_axes
from microdl.ops.clip import clip_by_norm
from microdl.ops.convolution import conv2d, conv2d_transpose, depthwise_conv2d
from microdl.ops.diagonals import band_part
from microdl.ops.indexing import gather
from microdl.ops.linalg import matmul
from microdl.ops.pooling import avg_pool2d, max_pool2d
from microdl.ops.windows import padding_attribute, pair, place


def weighted_cross_entropy_with_logits(labels, logits, pos_weight, name=None):
    """``sigmoid_cross_entropy_with_logits`` with the loss of what is labelled 1 times ``pos_weight``."""
    logits = convert(logits)
    labels = convert(labels, hint=logits.dtype)
    weight = 1 + (pos_weight - 1) * labels
    softplus = apply("Log1p", apply("Exp", -apply("Abs", logits))) + apply("Relu", -logits)
    return (1 - labels) * logits + weight * softplus


def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    """e^log_input - targets log_input: the negative log likelihood of ``targets`` but for log(targets!).

    compute_full_loss: adds that, by Stirling's approximation, where targets > 1.
    """
    log_input = convert(log_input)
    targets = convert(targets, hint=log_input.dtype)
    loss = apply("Exp", log_input) - log_input * targets
    if not compute_full_loss:
        return loss
    small = apply("LogicalAnd", targets >= 0, targets <= 1)
    safe = apply("SelectV2", small, apply("OnesLike", targets), targets)
    stirling = safe * apply("Log", safe) - safe + 0.5 * apply("Log", 2 * math.pi * safe)
    return loss + apply("SelectV2", small, apply("ZerosLike", stirling), stirling)


@reads_sizes
def embedding_lookup(params, ids, max_norm=None, name=None):
    """The rows ``ids`` of ``params``, each with a norm of ``max_norm`` at most."""
    if isinstance(params, (list, tuple)):
        if len(params) != 1:
            raise ValueError(
                f"embedding_lookup: params is one tensor here, got a list of {len(params)}; join them first"
            )
        params = params[0]
    rows, ids = gather(params, ids), convert(ids)
    return rows if max_norm is None else clip_by_norm(rows, max_norm, axes=list(range(ids.ndim, rows.ndim)))


@reads_sizes
def local_response_normalization(input, depth_radius=5, bias=1, alpha=1, beta=0.5, name=None):
    """x / (bias + alpha s)^beta, where s sums the squares of ``depth_radius`` channels to both sides and the own.

    Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
    """
    x = convert(input)
    channels = x.shape[-1]
    near = band_part(apply("Fill", shape=(channels, channels), value=1, dtype=x.dtype), depth_radius, depth_radius)
    flat = apply("Reshape", apply("Square", x), shape=(size_of(x.shape[:-1]), x.shape[-1]))
    sums = apply("Reshape", matmul(flat, near), shape=tuple(x.shape))
    return x * (bias + alpha * sums) ** -beta


def crelu(features, axis=-1, name=None):
    """relu(x) and relu(-x) joined along ``axis``. Shang et al., arXiv:1603.05201."""
    x = convert(features)
    return apply("ConcatV2", apply("Relu", x), apply("Relu", -x), axis=normalize_axis("crelu", axis, x.ndim))


@register_op("MaxPoolWithArgmax")
class _MaxPoolWithArgmax:
    """Outputs: the maxima, and their places in the flat input (int64)."""

    inputs = ("input",)
    keeps = ("output1",)

    @staticmethod
    def infer(x, ksize, strides, padding):
        require_number("MaxPoolWithArgmax", x)
        size = place("MaxPoolWithArgmax", x.shape[1:3], ksize, strides, padding).size
        shape = (x.shape[0], *size, x.shape[3])
        return Spec(shape, x.dtype), Spec(shape, dtypes.int64)

    @staticmethod
    def run(kernels, x, y, argmax, ksize, strides, padding):
        pad = place("MaxPoolWithArgmax", x.shape[1:3], ksize, strides, padding).pad
        kernels.scatter.max_pool_with_argmax(x, ksize, strides, pad, y, argmax)

    @staticmethod
    def gradient(node, dy, dargmax):
        if dy is None:
            return None
        shape, size = tuple(node.inputs[0].shape), dy.spec.size
        places = apply("Reshape", node.outputs[1], shape=(size, 1))
        flat = apply("ScatterNd", places, apply("Reshape", dy, shape=(size,)), shape=(size_of(shape),))
        return apply("Reshape", flat, shape=shape)


def _single(op, name, value):
    """The int that is meant by an int, or a list of one, or of three for NWC."""
    given = tuple(value) if hasattr(value, "__iter__") else (value,)
    if len(given) == 3 and given[0] == given[2] == 1:
        given = given[1:2]
    if len(given) != 1:
        raise ValueError(f"{op}: {name} must be an int, [int] or [1, int, 1], got {value!r}")
    return int(given[0])


def _as_images(op, x, data_format):
    """(batch, width, channels) -> (batch, 1, width, channels)."""
    x = convert(x)
    if data_format not in (None, "NWC") or x.ndim != 3:
        raise ValueError(f'{op}: expected (batch, width, channels), data_format "NWC"; got {x.shape}, {data_format!r}')
    return apply("ExpandDims", x, axis=1)


@reads_sizes
def conv1d(input, filters, stride, padding, data_format="NWC", dilations=None, name=None):
    """``conv2d`` along one axis: (batch, width, in) with filters (width, in, out) gives (batch, new width, out)."""
    steps = 1, _single("conv1d", "stride", stride)
    spread = None if dilations is None else (1, _single("conv1d", "dilations", dilations))
    taps = apply("ExpandDims", convert(filters), axis=0)
    y = conv2d(_as_images("conv1d", input, data_format), taps, steps, padding, dilations=spread)
    return apply("Squeeze", y, axis=(1,))


@reads_sizes
def conv1d_transpose(
    input, filters, output_shape, strides, padding="SAME", data_format="NWC", dilations=None, name=None
):
    """``conv2d_transpose`` along one axis; filters: (width, out, in)."""
    batch, *rest = (int(n) for n in output_shape)
    steps = 1, _single("conv1d_transpose", "strides", strides)
    taps = apply("ExpandDims", convert(filters), axis=0)
    y = conv2d_transpose(
        _as_images("conv1d_transpose", input, data_format), taps, (batch, 1, *rest), steps, padding=padding
    )
    return apply("Squeeze", y, axis=(1,))


def atrous_conv2d(value, filters, rate, padding, name=None):
    """``conv2d`` whose taps lie ``rate`` pixels apart."""
    return conv2d(value, filters, 1, padding, dilations=rate)


def separable_conv2d(
    input, depthwise_filter, pointwise_filter, strides, padding, data_format=None, dilations=None, name=None
):
    """``depthwise_conv2d``, then ``conv2d`` with a filter of one pixel: pointwise_filter is (1, 1, channels, out)."""
    y = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return conv2d(y, pointwise_filter, 1, "VALID")


def _pool1d(op, function, x, ksize, strides, padding, data_format):
    sizes, steps = _single(op, "ksize", ksize), _single(op, "strides", strides)
    y = function(_as_images(op, x, data_format), (1, sizes), (1, steps), padding)
    return apply("Squeeze", y, axis=(1,))


@reads_sizes
def max_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):
    """The greatest of each window along the width: (batch, width, channels) -> (batch, new width, channels)."""
    return _pool1d("max_pool1d", max_pool2d, input, ksize, strides, padding, data_format)


@reads_sizes
def avg_pool1d(input, ksize, strides, padding, data_format="NWC", name=None):
    """The mean of each window along the width: (batch, width, channels) -> (batch, new width, channels)."""
    return _pool1d("avg_pool1d", avg_pool2d, input, ksize, strides, padding, data_format)


def pool(input, window_shape, pooling_type, strides=None, padding="VALID", data_format=None, dilations=None, name=None):
    """Pooling of type "MAX" or "AVG" along as many axes as ``window_shape`` has: one or two."""
    window = tuple(window_shape)
    steps = (1,) * len(window) if strides is None else tuple(strides)
    functions = {("MAX", 1): max_pool1d, ("AVG", 1): avg_pool1d, ("MAX", 2): max_pool2d, ("AVG", 2): avg_pool2d}
    if (pooling_type, len(window)) not in functions or any(n != 1 for n in dilations or ()):
        raise ValueError(
            f'pool: "MAX" or "AVG" along one or two axes without dilations, got {pooling_type!r}, {window}, {dilations}'
        )
    return functions[pooling_type, len(window)](input, window, steps, padding)


@reads_sizes
def max_pool_with_argmax(
    input,
    ksize,
    strides,
    padding,
    data_format="NHWC",
    output_dtype=dtypes.int64,
    include_batch_in_index=False,
    name=None,
):
    """``max_pool2d``, and where in the flat image (or batch, if ``include_batch_in_index``) each maximum was."""
    x = convert(input)
    if data_format != "NHWC" or x.ndim != 4:
        raise ValueError(f'max_pool_with_argmax: expected images (n, h, w, c), "NHWC"; got {x.shape}, {data_format!r}')
    values, whole = apply(
        "MaxPoolWithArgmax",
        x,
        ksize=pair("max_pool_with_argmax", "ksize", ksize),
        strides=pair("max_pool_with_argmax", "strides", strides),
        padding=padding_attribute("max_pool_with_argmax", padding),
    )
    argmax = whole if include_batch_in_index else whole % max(size_of(x.shape[1:]), 1)
    return values, apply("Cast", argmax, dtype=dtypes.as_dtype(output_dtype))


def _squeezed(x, axes, keepdims):
    return x if keepdims or not axes else apply("Squeeze", x, axis=axes)


@reads_sizes
def weighted_moments(x, axes, frequency_weights, keepdims=False, name=None):
    """Mean and variance over ``axes`` of elements that count as often as ``frequency_weights`` (broadcast) say."""
    x = convert(x)
    axes = sorted_axes("weighted_moments", axes, x.ndim)
    weights = apply("BroadcastTo", convert(frequency_weights, hint=x.dtype), shape=tuple(x.shape))
    total = apply("Sum", weights, axis=axes, keepdims=True)
    mean = apply("Sum", weights * x, axis=axes, keepdims=True) / total
    variance = apply("Sum", weights * apply("SquaredDifference", x, mean), axis=axes, keepdims=True) / total
    return _squeezed(mean, axes, keepdims), _squeezed(variance, axes, keepdims)


@reads_sizes
def sufficient_statistics(x, axes, shift=None, keepdims=False, name=None):
    """(count, sum of x - shift, sum of (x - shift)^2, shift) over ``axes``, for ``normalize_moments``."""
    x = convert(x)
    axes = sorted_axes("sufficient_statistics", axes, x.ndim)
    moved = x if shift is None else x - convert(shift, hint=x.dtype)
    count = constant(size_of(x.shape[i] for i in axes), x.dtype)
    sums = [apply("Sum", one, axis=axes, keepdims=bool(keepdims)) for one in (moved, apply("Square", moved))]
    return (count, *sums, None if shift is None else convert(shift, hint=x.dtype))


def normalize_moments(counts, mean_ss, variance_ss, shift, name=None):
    """Mean and variance from ``sufficient_statistics``."""
    mean = convert(mean_ss) / counts
    variance = convert(variance_ss) / counts - apply("Square", mean)
    return mean if shift is None else mean + shift, variance


@reads_sizes
def compute_average_loss(per_example_loss, sample_weight=None, global_batch_size=None):
    """The sum of ``per_example_loss``, times weights if given, divided by the batch size (None: its first size)."""
    loss = convert(per_example_loss)
    if not loss.ndim:
        raise ValueError("compute_average_loss: expected a loss for each example, got a scalar")
    if sample_weight is not None:
        loss = loss * convert(sample_weight, hint=loss.dtype)
    size = loss.shape[0] if global_batch_size is None else global_batch_size
    return apply("Sum", loss, axis=tuple(range(loss.ndim)), keepdims=False) / convert(size, hint=loss.dtype)


@reads_sizes
def scale_regularization_loss(regularization_loss):
    """The sum of ``regularization_loss``, divided by the number of replicas that train together: one."""
    loss = convert(regularization_loss)
    return apply("Sum", loss, axis=tuple(range(loss.ndim)), keepdims=False)


lrn = local_response_normalization
