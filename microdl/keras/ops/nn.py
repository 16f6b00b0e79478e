"""Functions that networks are made of."""

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.keras import activations, losses
from microdl.keras.activations import (
    elu as elu,
    hard_sigmoid as hard_sigmoid,
    hard_silu as hard_silu,
    leaky_relu as leaky_relu,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    softplus as softplus,
    softsign as softsign,
    tanh as tanh,
)
from microdl.ops import array, convolution, math, normalization, pooling

hard_swish, swish = hard_silu, silu


@reads_sizes
def gelu(x, approximate=True):
    """x P(X <= x) for a standard normal X; ``approximate`` takes the formula with tanh."""
    return activations.gelu(convert(x), approximate=approximate)


@reads_sizes
def relu(x):
    """max(x, 0)."""
    return activations.relu(convert(x))


@reads_sizes
def softmax(x, axis=-1):
    """exp(x) / sum(exp(x)) along an axis."""
    return activations.softmax(x, axis=axis)


@reads_sizes
def log_softmax(x, axis=-1):
    """The logarithm of ``softmax``."""
    return activations.log_softmax(x, axis=axis)


@reads_sizes
def log_sigmoid(x):
    """log(sigmoid(x)), without underflow."""
    return -activations.softplus(-convert(x))


@reads_sizes
def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """Rows that are 1 at the place that ``x`` says, else 0; float32 by default."""
    if sparse:
        raise NotImplementedError("one_hot: sparse tensors are not supported")
    return array.one_hot(x, num_classes, axis=axis, dtype=dtypes.as_dtype(dtype or "float32"))


@reads_sizes
def binary_crossentropy(target, output, from_logits=False):
    """-t log(p) - (1 - t) log(1 - p) of each element."""
    target, output = array.expand_dims(target, -1), array.expand_dims(output, -1)
    return losses.binary_crossentropy(target, output, from_logits=from_logits)


@reads_sizes
def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum of t log(p) along an axis."""
    return losses.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


@reads_sizes
def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log(p[target])."""
    return losses.sparse_categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


@reads_sizes
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The largest element in each window of (batch, height, width, channels)."""
    return _pooled(pooling.max_pool2d, inputs, pool_size, strides, padding, data_format)


@reads_sizes
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None):
    """The mean of each window."""
    return _pooled(pooling.avg_pool2d, inputs, pool_size, strides, padding, data_format)


def _pooled(function, inputs, pool_size, strides, padding, data_format):
    _last(data_format)
    return function(inputs, pool_size, pool_size if strides is None else strides, padding.upper())


@reads_sizes
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution. inputs: (batch, height, width, channels); kernel: (height, width, channels, outputs)."""
    _last(data_format)
    return convolution.conv2d(inputs, kernel, strides, padding.upper(), dilations=dilation_rate)


@reads_sizes
def depthwise_conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1):
    """Convolution of each channel by itself. kernel: (height, width, channels, outputs of each)."""
    _last(data_format)
    strides, rates = (n if isinstance(n, (list, tuple)) else (n, n) for n in (strides, dilation_rate))
    return convolution.depthwise_conv2d(inputs, kernel, (1, *strides, 1), padding.upper(), dilations=rates)


@reads_sizes
def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset; those four have the size of ``axis``."""
    x = convert(x)
    sizes = [n if i == axis % x.ndim else 1 for i, n in enumerate(x.shape)]
    parts = [None if part is None else array.reshape(part, sizes) for part in (mean, variance, offset, scale)]
    return normalization.batch_normalization(x, *parts, variance_epsilon=epsilon)


@reads_sizes
def dot_product_attention(query, key, value, bias=None, mask=None, scale=None, is_causal=False):
    """softmax(query key^T scale + bias) value for each head; all (batch, steps, heads, size).

    Args: mask: bool, (batch, heads, query steps, key steps), or what broadcasts to it. scale: by default
        1 / sqrt(size). is_causal: whether a step sees itself and those before it alone.
    """
    query, key, value = (array.transpose(x, [0, 2, 1, 3]) for x in (query, key, value))  # (batch, heads, steps, size)
    scale = float(query.shape[-1]) ** -0.5 if scale is None else scale
    logits = query @ array.transpose(key, [0, 1, 3, 2]) * scale
    if bias is not None:
        logits = logits + bias
    if is_causal:
        rows, columns = array.range(logits.shape[-2])[:, None], array.range(logits.shape[-1])
        seen = math.greater_equal(rows, columns)
        mask = seen if mask is None else math.logical_and(mask, seen)
    if mask is not None:
        logits = array.where(mask, logits, array.zeros_like(logits) - 1e9)
    return array.transpose(activations.softmax(logits) @ value, [0, 2, 1, 3])


def _last(data_format):
    if data_format not in (None, "channels_last"):
        raise ValueError(f"data_format must be 'channels_last', got {data_format!r}")
