"""Summaries of numbers, distributions, images and text, to the default writer.

Each function returns a bool Tensor: whether there is a writer that takes it. ``step``: int, or an integer Tensor or
Variable; None for that of ``tf.summary.experimental.set_step``.
"""

from microdl.core.constant import constant
from microdl.core.context import context
from microdl.core.dtypes import string
from microdl.core.tensor import Operand, convert
from microdl.summary import records
from microdl.summary.writers import record


def scalar(name, data, step=None, description=None):
    """A number. ``name``: str, put after the name scopes around; ``data``: scalar. Raises ValueError for others."""
    data = convert(data)
    if data.ndim:
        raise ValueError(f"summary.scalar: {name!r} must be a scalar, got a tensor of shape {data.shape}")
    tag = context.scope + name
    return record(lambda array: records.scalar(tag, array, description), data, step)


def histogram(name, data, step=None, buckets=None, description=None):
    """The distribution of all elements of ``data`` over ``buckets`` (30 by default) intervals of one width."""
    tag = context.scope + name
    return record(lambda array: records.histogram(tag, array, buckets, description), data, step)


def image(name, data, step=None, max_outputs=3, description=None):
    """Images, (N, height, width, 1 to 4 channels): uint8, or floats from 0 to 1; the first ``max_outputs`` of them."""
    tag = context.scope + name
    return record(lambda array: records.image(tag, array, max_outputs, description), data, step)


def text(name, data, step=None, description=None):
    """Text in Markdown: a str, or a Tensor or list of strings, shown as a table."""
    tag = context.scope + name
    data = data if isinstance(data, Operand) else constant(data, string)
    return record(lambda array: records.text(tag, array, description), data, step)


def write(tag, tensor, step=None, metadata=None, name=None):
    """A tensor with TensorBoard's SummaryMetadata, for plugins. ``tensor``: Tensor, or a function that gives it."""
    value = tensor() if callable(tensor) else tensor
    return record(lambda array: records.tensor(tag, array, metadata), value, step)
