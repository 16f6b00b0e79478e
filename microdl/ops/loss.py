"""Cross entropies of logits. The softmax kinds give loss and gradient in one pass; both are outputs of the op."""

from functools import partial

from microdl.core import dtypes
from microdl.core.errors import InvalidArgumentError
from microdl.core.kernels import settled
from microdl.core.op import Spec, register_op
from microdl.core.placement import can_look
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_floating
from microdl.ops.softmax import classes_last, matrix

SPARSE, DENSE = "sparse_softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits"
BINARY = "sigmoid_cross_entropy_with_logits"


def _rows(dloss):
    """(...) -> (..., 1): one factor for each row of logits."""
    return apply("Reshape", dloss, shape=(*dloss.shape, 1))


def _by_logits(node, dloss, dbackprop):
    """Gradient by the logits, through the loss and, in a second derivative, through the output ``backprop``."""
    total = None if dloss is None else apply("SoftmaxCrossEntropyGrad", dloss, node.outputs[1])
    if dbackprop is None:
        return total
    through = apply("SoftmaxGrad", dbackprop, apply("Softmax", node.inputs[0]))
    return through if total is None else total + through


@register_op("SoftmaxCrossEntropyGrad")
class _SoftmaxCrossEntropyGrad:
    """dlogits (..., classes) = dloss (...) times backprop (..., classes), row by row."""

    inputs = ("dloss", "backprop")
    by_shape = True
    keeps = ("dloss", "backprop")

    @staticmethod
    def infer(dloss, backprop):
        return backprop

    @staticmethod
    def run(kernels, dloss, backprop, dlogits):
        kernels.softmax.scale_rows(dloss.ravel(), matrix(backprop), matrix(dlogits))

    @staticmethod
    def gradient(node, ddlogits):
        dloss, backprop = node.inputs
        by_dloss = apply("Sum", ddlogits * backprop, axis=(len(backprop.shape) - 1,), keepdims=False)
        return by_dloss, apply("SoftmaxCrossEntropyGrad", dloss, ddlogits)

    @staticmethod
    def cost(dloss, backprop):
        return backprop.size, 2 * backprop.nbytes + dloss.nbytes


def _check_rank(op, logits):
    if not logits.shape:
        raise InvalidArgumentError(f"{op}: logits have at least one axis (..., classes), got a scalar")


@register_op("SparseSoftmaxCrossEntropyWithLogits")
class _SparseSoftmaxCrossEntropy:
    """Outputs: loss (...), and backprop = softmax(logits) - one_hot(labels), (..., classes)."""

    inputs = ("logits", "labels")
    keeps = ("logits", "output1")
    same_dtype = False

    @staticmethod
    def infer(logits, labels):
        if labels.dtype.is_floating and logits.dtype.is_integer:
            raise InvalidArgumentError(
                f"{SPARSE}: labels are {labels.dtype.name} {tuple(labels.shape)} and logits {logits.dtype.name} "
                f"{tuple(logits.shape)}; are they swapped? labels come first, or by name: labels=..., logits=..."
            )
        require_floating(f"{SPARSE}, logits", logits)
        _check_rank(SPARSE, logits)
        if labels.dtype not in (dtypes.int32, dtypes.int64):
            raise InvalidArgumentError(
                f"{SPARSE}: labels are int32 or int64, got {labels.dtype.name} (shape {tuple(labels.shape)}); use "
                f"tf.cast(labels, tf.int32) for class numbers, {DENSE} for one row of probabilities per sample"
            )
        if labels.shape != logits.shape[:-1]:
            raise InvalidArgumentError(
                f"{SPARSE}: labels have the shape of logits without its last axis, {tuple(logits.shape[:-1])}, "
                f"got labels {tuple(labels.shape)} and logits {tuple(logits.shape)}; "
                "drop an axis of size 1 with tf.squeeze(labels, -1), or give one-hot labels to " + DENSE
            )
        return Spec(labels.shape, logits.dtype), logits

    @staticmethod
    def run(kernels, logits, labels, loss, backprop):
        _check_labels(labels, _unsigned(labels), logits.shape)
        kernels.softmax.sparse_softmax_cross_entropy(matrix(logits), labels.ravel(), loss.ravel(), matrix(backprop))

    @classmethod
    def settle(cls, kernels, logits, labels, loss, backprop):
        if _unsigned(labels).max() >= logits.shape[-1]:  # constants or a variable: no kernel may see these labels
            return partial(cls.run, kernels, logits, labels, loss, backprop)
        compute = settled(
            kernels.softmax.sparse_softmax_cross_entropy,
            *(matrix(logits), labels.ravel(), loss.ravel(), matrix(backprop)),
        )
        unsigned, shape = _unsigned(labels), logits.shape

        def again():
            _check_labels(labels, unsigned, shape)
            compute()

        return again

    @staticmethod
    def gradient(node, dloss, dbackprop):
        return _by_logits(node, dloss, dbackprop), None

    @staticmethod
    def cost(logits, labels):
        return 20 * logits.size, 2 * logits.nbytes + labels.nbytes


def _unsigned(labels):
    """The same memory read as unsigned, so that a negative label is a huge one."""
    return labels.view(f"u{labels.itemsize}")


def _check_labels(labels, unsigned, shape):
    """Raises InvalidArgumentError if a label is no class of logits of that ``shape``."""
    if can_look(labels) and labels.size and unsigned.max() >= shape[-1]:
        wrong = labels[(labels < 0) | (labels >= shape[-1])]
        extent = f", between {wrong.min()} and {wrong.max()}" if wrong.min() < wrong.max() else ""
        raise InvalidArgumentError(
            f"{SPARSE}: label {wrong[0]} is outside of [0, {shape[-1]}), the classes of logits with shape "
            f"{shape}; {wrong.size} of {labels.size} labels {'is' if wrong.size == 1 else 'are'}{extent}"
        )


def sparse_softmax_cross_entropy_with_logits(labels, logits, name=None):
    """-log softmax(logits)[label] of each sample.

    Args:
        labels: int32 or int64 (...), numbers of classes. logits: float (..., classes).

    Returns: (...), nats.

    Raises:
        InvalidArgumentError (a ValueError): if shapes or dtypes do not fit, or a label is no class.
    """
    return apply("SparseSoftmaxCrossEntropyWithLogits", logits, labels)[0]


@register_op("SoftmaxCrossEntropyWithLogits")
class _SoftmaxCrossEntropy:
    """Outputs: loss (...), and backprop = softmax(logits) - labels, (..., classes)."""

    inputs = ("logits", "labels")
    keeps = ("logits", "output1")

    @staticmethod
    def infer(logits, labels):
        require_floating(DENSE, logits)
        _check_rank(DENSE, logits)
        if labels.shape != logits.shape:
            raise InvalidArgumentError(
                f"{DENSE}: labels and logits have one shape (..., classes), got labels {tuple(labels.shape)} and "
                f"logits {tuple(logits.shape)}; for class numbers use {SPARSE}, to repeat labels tf.broadcast_to"
            )
        return Spec(logits.shape[:-1], logits.dtype), logits

    @staticmethod
    def run(kernels, logits, labels, loss, backprop):
        kernels.softmax.softmax_cross_entropy(matrix(logits), matrix(labels), loss.ravel(), matrix(backprop))

    @staticmethod
    def gradient(node, dloss, dbackprop):
        dlabels = None
        if node.wants[1]:
            if dloss is not None:
                dlabels = -(_rows(dloss) * apply("LogSoftmax", node.inputs[0]))
            if dbackprop is not None:
                dlabels = -dbackprop if dlabels is None else dlabels - dbackprop
        return _by_logits(node, dloss, dbackprop) if node.wants[0] else None, dlabels

    @staticmethod
    def cost(logits, labels):
        return 22 * logits.size, 3 * logits.nbytes


def softmax_cross_entropy_with_logits(labels, logits, axis=-1, name=None):
    """-sum(labels * log softmax(logits)) along ``axis``.

    Args:
        labels: probabilities that add up to 1 along ``axis``, of logits' shape; cast to logits' dtype.
        logits: float, any shape with at least one axis.

    Returns: the shape of logits without ``axis``, nats. As in TensorFlow the gradient by the logits is
    softmax(logits) - labels, which holds for labels that add up to 1.

    Raises:
        InvalidArgumentError (a ValueError): if the shapes differ, or there is no such axis.
    """
    logits = convert(logits)
    labels = convert(labels, hint=logits.dtype)
    if labels.dtype is not logits.dtype:
        labels = apply("Cast", labels, dtype=logits.dtype)
    logits, labels = classes_last(DENSE, logits, axis), classes_last(DENSE, labels, axis)
    return apply("SoftmaxCrossEntropyWithLogits", logits, labels)[0]


@register_op("SigmoidCrossEntropyWithLogits")
class _SigmoidCrossEntropy:
    inputs = ("logits", "labels")
    keeps = ("logits", "labels")

    @staticmethod
    def infer(logits, labels):
        require_floating(BINARY, logits)
        if labels.shape != logits.shape:
            raise InvalidArgumentError(
                f"{BINARY}: labels and logits have one shape, got labels {tuple(labels.shape)} and logits "
                f"{tuple(logits.shape)}; reshape one of them, or repeat it with tf.broadcast_to"
            )
        return logits

    @staticmethod
    def run(kernels, logits, labels, loss):
        kernels.softmax.sigmoid_cross_entropy(logits.ravel(), labels.ravel(), loss.ravel())

    @staticmethod
    def gradient(node, dy):
        logits, labels = node.inputs
        dlogits = dy * (apply("Sigmoid", logits) - labels) if node.wants[0] else None
        return dlogits, -(dy * logits) if node.wants[1] else None

    @staticmethod
    def cost(logits, labels):
        return 40 * logits.size, 3 * logits.nbytes


def sigmoid_cross_entropy_with_logits(labels=None, logits=None, name=None):
    """-labels * log(sigmoid(logits)) - (1 - labels) * log(1 - sigmoid(logits)), element by element, nats.

    Args:
        labels: probabilities, of logits' shape and dtype. logits: float.

    Raises:
        ValueError: if one is missing. InvalidArgumentError (a ValueError): if the shapes differ.
    """
    if labels is None or logits is None:
        missing = "labels" if labels is None else "logits"
        raise ValueError(f"{BINARY}: {missing} are missing; pass both, labels=... and logits=...")
    return apply("SigmoidCrossEntropyWithLogits", logits, labels)
