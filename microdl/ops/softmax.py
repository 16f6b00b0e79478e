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


def softmax(logits, axis=None, name=None):
    """exp(logits) / sum(exp(logits)) along ``axis`` (None: the last)."""
    return _along("Softmax", "softmax", logits, axis)


@register_op("Softmax")
class _Softmax:
    inputs = ("logits",)
    keeps = ("output",)

    @staticmethod
    def infer(logits):
        require_floating("softmax", logits)
        return logits

    @staticmethod
    def run(kernels, x, y):
        kernels.softmax.softmax(matrix(x), matrix(y))

    @staticmethod
    def gradient(node, dy):
        return apply("SoftmaxGrad", dy, node.outputs[0])

    @staticmethod
    def cost(logits):
        return 20 * logits.size, 2 * logits.nbytes


@register_op("SoftmaxGrad")
class _SoftmaxGrad:
    """dx = y (dy - sum(dy y))."""

    inputs = ("dy", "y")
    keeps = ("dy", "y")

    @staticmethod
    def infer(dy, y):
        return y

    @staticmethod
    def run(kernels, dy, y, dx):
        kernels.softmax.softmax_grad(matrix(dy), matrix(y), matrix(dx))

    @staticmethod
    def gradient(node, ddx):
        dy, y = node.inputs
        by_dy = apply("SoftmaxGrad", ddx, y)  # the Jacobian is symmetric
        if not node.wants[1]:
            return by_dy, None
        return by_dy, ddx * (dy - _sum(dy * y)) - dy * _sum(ddx * y)

    @staticmethod
    def cost(dy, y):
        return 4 * y.size, 3 * y.nbytes


def log_softmax(logits, axis=None, name=None):
    """logits - log(sum(exp(logits))) along ``axis`` (None: the last)."""
    return _along("LogSoftmax", "log_softmax", logits, axis)


@register_op("LogSoftmax")
class _LogSoftmax:
    inputs = ("logits",)
    keeps = ("output",)

    @staticmethod
    def infer(logits):
        require_floating("log_softmax", logits)
        return logits

    @staticmethod
    def run(kernels, x, y):
        kernels.softmax.log_softmax(matrix(x), matrix(y))

    @staticmethod
    def gradient(node, dy):
        return apply("LogSoftmaxGrad", dy, node.outputs[0])

    @staticmethod
    def cost(logits):
        return 20 * logits.size, 2 * logits.nbytes


@register_op("LogSoftmaxGrad")
class _LogSoftmaxGrad:
    """dx = dy - exp(y) sum(dy)."""

    inputs = ("dy", "y")
    keeps = ("dy", "y")

    @staticmethod
    def infer(dy, y):
        return y

    @staticmethod
    def run(kernels, dy, y, dx):
        kernels.softmax.log_softmax_grad(matrix(dy), matrix(y), matrix(dx))

    @staticmethod
    def gradient(node, ddx):
        dy, y = node.inputs
        weighted = ddx * apply("Exp", y)
        return ddx - _sum(weighted), -(weighted * _sum(dy))

    @staticmethod
    def cost(dy, y):
        return 20 * y.size, 3 * y.nbytes


def _sum(x):
    """The sum over the last axis, which stays with size 1."""
    return apply("Sum", x, axis=(len(x.shape) - 1,), keepdims=True)
