"""Softmax and its logarithm over one axis."""

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import register_op
from microdl.core.shapes import normalize_axis, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.array import transpose
from microdl.ops.checks import require_floating


def matrix(x):
    """An array as (rows, entries of the last axis), without a copy."""
    return x.reshape(size_of(x.shape[:-1]), x.shape[-1])


def classes_last(op, tensor, axis):
    """``tensor`` with ``axis`` moved to the end, the others in their order.

    Raises:
        InvalidArgumentError: if there is no such axis.
    """
    rank = len(tensor.shape)
    if rank == 0:
        raise InvalidArgumentError(f"{op}: expected at least one axis, got a scalar; give it one with x[tf.newaxis]")
    axis = normalize_axis(op, axis, rank)
    return tensor if axis == rank - 1 else transpose(tensor, [i for i in range(rank) if i != axis] + [axis])


def _along(name, op, logits, axis):
    """The op ``name``, which works along the last axis, applied along ``axis``."""
    logits = convert(logits)
    axis = -1 if axis is None else axis
    y = apply(name, classes_last(op, logits, axis))
    rank = len(logits.shape)
    if axis % rank == rank - 1:
        return y
    back = list(range(rank - 1))
    back.insert(axis % rank, rank - 1)
    return transpose(y, back)


class _Rowwise:
    """Base of the records: the kernel ``name`` works on each row of (rows, classes)."""

    inputs = ("logits",)
    keeps = ("output",)
    name = ""

    @classmethod
    def infer(cls, logits):
        require_floating(cls.name, logits)
        return logits

    @classmethod
    def run(cls, kernels, x, y):
        getattr(kernels.softmax, cls.name)(matrix(x), matrix(y))

    @staticmethod
    def cost(logits):
        return 20 * logits.size, 2 * logits.nbytes


class _RowwiseGrad:
    """Base of the gradients' records, from the gradient that arrives and the output."""

    inputs = ("dy", "y")
    keeps = ("dy", "y")
    name = ""
    flops = 0  # per element

    @staticmethod
    def infer(dy, y):
        return y

    @classmethod
    def run(cls, kernels, dy, y, dx):
        getattr(kernels.softmax, cls.name)(matrix(dy), matrix(y), matrix(dx))

    @classmethod
    def cost(cls, dy, y):
        return cls.flops * y.size, 3 * y.nbytes


def softmax(logits, axis=None, name=None):
    """exp(logits) / sum(exp(logits)) along ``axis`` (None: the last)."""
    return _along("Softmax", "softmax", logits, axis)


@register_op("Softmax")
class _Softmax(_Rowwise):
    name = "softmax"

    @staticmethod
    def gradient(node, dy):
        return apply("SoftmaxGrad", dy, node.outputs[0])


@register_op("SoftmaxGrad")
class _SoftmaxGrad(_RowwiseGrad):
    """dx = y (dy - sum(dy y))."""

    name, flops = "softmax_grad", 4

    @staticmethod
    def gradient(node, ddx):
        dy, y = node.inputs
        by_dy = apply("SoftmaxGrad", ddx, y)  # the Jacobian is symmetric
        if not node.wants[1]:
            return by_dy, None
        return by_dy, ddx * (dy - _sum(dy * y)) - dy * _sum(ddx * y)


def log_softmax(logits, axis=None, name=None):
    """logits - log(sum(exp(logits))) along ``axis`` (None: the last)."""
    return _along("LogSoftmax", "log_softmax", logits, axis)


@register_op("LogSoftmax")
class _LogSoftmax(_Rowwise):
    name = "log_softmax"

    @staticmethod
    def gradient(node, dy):
        return apply("LogSoftmaxGrad", dy, node.outputs[0])


@register_op("LogSoftmaxGrad")
class _LogSoftmaxGrad(_RowwiseGrad):
    """dx = dy - exp(y) sum(dy)."""

    name, flops = "log_softmax_grad", 20

    @staticmethod
    def gradient(node, ddx):
        dy, y = node.inputs
        weighted = ddx * apply("Exp", y)
        return ddx - _sum(weighted), -(weighted * _sum(dy))


def _sum(x):
    """The sum over the last axis, which stays with size 1."""
    return apply("Sum", x, axis=(len(x.shape) - 1,), keepdims=True)
