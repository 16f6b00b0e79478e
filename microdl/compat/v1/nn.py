"""``tf.nn`` with TensorFlow 1's arguments."""

from microdl import nn as modern
from microdl.compat.v1.naming import Namespace, in_graph
from microdl.core import dtypes
from microdl.core.tensor import convert
from microdl.ops import array, math


def _needs(name, **given):
    for argument, value in given.items():
        if value is None:
            raise ValueError(f"{name}: both `labels` and `logits` must be provided, by name; `{argument}` is missing")


def _only_named(name, sentinel):
    if sentinel is not None:
        raise ValueError(f"Only call `{name}` with named arguments (labels=..., logits=..., ...)")


@in_graph
def softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, dim=-1, name=None, axis=None):
    """Cross entropy of ``labels`` (..., classes) and softmax(``logits``) along the last axis. Labels are constants."""
    _only_named("softmax_cross_entropy_with_logits", _sentinel)
    _needs("softmax_cross_entropy_with_logits", labels=labels, logits=logits)
    labels = array.stop_gradient(convert(labels, hint=getattr(logits, "dtype", None)))
    return modern.softmax_cross_entropy_with_logits(labels, convert(logits), axis=dim if axis is None else axis)


@in_graph
def softmax_cross_entropy_with_logits_v2(labels=None, logits=None, axis=None, name=None, dim=None):
    """The same, but gradients reach ``labels``, too."""
    _needs("softmax_cross_entropy_with_logits_v2", labels=labels, logits=logits)
    axis = dim if axis is None else axis
    return modern.softmax_cross_entropy_with_logits(labels, convert(logits), axis=-1 if axis is None else axis)


@in_graph
def sparse_softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """Cross entropy of class numbers ``labels`` (...) and softmax(``logits``), (..., classes)."""
    _only_named("sparse_softmax_cross_entropy_with_logits", _sentinel)
    _needs("sparse_softmax_cross_entropy_with_logits", labels=labels, logits=logits)
    return modern.sparse_softmax_cross_entropy_with_logits(labels, logits)


@in_graph
def sigmoid_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """Cross entropy of probabilities ``labels`` and sigmoid(``logits``), element by element."""
    _only_named("sigmoid_cross_entropy_with_logits", _sentinel)
    _needs("sigmoid_cross_entropy_with_logits", labels=labels, logits=logits)
    return modern.sigmoid_cross_entropy_with_logits(labels, logits)


@in_graph
def conv2d(
    input,
    filter=None,
    strides=None,
    padding=None,
    use_cudnn_on_gpu=True,
    data_format="NHWC",
    dilations=(1, 1, 1, 1),
    name=None,
    filters=None,
):
    """Convolution of images (N, H, W, C) with filters (kh, kw, C, O). strides: four sizes, or as in TensorFlow 2."""
    return modern.conv2d(input, filter if filters is None else filters, strides, padding, data_format, list(dilations))


@in_graph
def max_pool(value=None, ksize=None, strides=None, padding=None, data_format="NHWC", name=None, input=None):
    """The largest value of each window of images (N, H, W, C)."""
    return modern.max_pool(value if input is None else input, ksize, strides, padding, data_format)


@in_graph
def avg_pool(value=None, ksize=None, strides=None, padding=None, data_format="NHWC", name=None, input=None):
    """The mean of each window of images (N, H, W, C)."""
    return modern.avg_pool(value if input is None else input, ksize, strides, padding, data_format)


@in_graph
def dropout(x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None):
    """``x`` with each element kept with probability ``keep_prob`` (1 - rate) and divided by it, else 0."""
    if (keep_prob is None) == (rate is None):
        raise ValueError("dropout: give keep_prob or rate, one of the two")
    return modern.dropout(x, rate if keep_prob is None else 1 - keep_prob, noise_shape, seed)


@in_graph
def moments(x, axes, shift=None, name=None, keep_dims=None, keepdims=None):
    """Mean and variance over ``axes``."""
    return modern.moments(x, axes, keepdims=bool(keep_dims or keepdims))


@in_graph
def fused_batch_norm(
    x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format="NHWC", is_training=True, name=None
):
    """(y, mean, variance) of images (N, H, W, C): y normalized by the batch's, or, unless ``is_training``, those given.

    The variance that is returned for a running one is that of the whole population: times n / (n - 1).
    """
    if data_format != "NHWC":
        raise ValueError(f"fused_batch_norm: data_format must be 'NHWC', got {data_format!r}")
    x = convert(x)
    if not is_training:
        if mean is None or variance is None:
            raise ValueError("Both `mean` and `variance` must be a 1D tensor when `is_training` is False.")
        return modern.batch_normalization(x, mean, variance, offset, scale, epsilon), mean, variance
    mean, variance = modern.moments(x, [0, 1, 2])
    count = math.reduce_prod(array.shape(x)[:3])
    ratio = array.cast(count, x.dtype) / array.cast(math.maximum(count - 1, 1), x.dtype)
    return modern.batch_normalization(x, mean, variance, offset, scale, epsilon), mean, variance * ratio


@in_graph
def log_softmax(logits, axis=None, name=None, dim=None):
    """log(softmax(logits)) along ``axis``, by default the last."""
    axis = dim if axis is None else axis
    return modern.log_softmax(logits, axis=-1 if axis is None else axis)


@in_graph
def softmax(logits, axis=None, name=None, dim=None):
    """exp(logits) divided by their sum along ``axis``, by default the last."""
    axis = dim if axis is None else axis
    return modern.softmax(logits, axis=-1 if axis is None else axis)


@in_graph
def in_top_k(predictions, targets, k, name=None):
    """Whether fewer than ``k`` of a row of ``predictions`` (N, classes) are larger than that of its target, (N,)."""
    predictions = convert(predictions)
    own = math.reduce_sum(predictions * array.one_hot(targets, predictions.shape[-1]), axis=1, keepdims=True)
    return math.reduce_sum(array.cast(predictions > own, dtypes.int32), axis=1) < k


@in_graph
def xw_plus_b(x, weights, biases, name=None):
    """``x @ weights + biases``"""
    return modern.bias_add(convert(x) @ weights, biases)


@in_graph
def relu_layer(x, weights, biases, name=None):
    """``relu(x @ weights + biases)``"""
    return modern.relu(modern.bias_add(convert(x) @ weights, biases))


_HELPERS = ("Namespace", "array", "convert", "dtypes", "in_graph", "math", "modern")
_OWN = {name: value for name, value in globals().items() if not name.startswith("_") and name not in _HELPERS}
nn = Namespace(modern, _OWN)
