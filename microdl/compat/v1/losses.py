"""``tf.losses``: losses that are collected, each the weighted mean over a batch."""

from microdl.compat.v1.functions import add_n
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.naming import in_graph
from microdl.compat.v1.nn import nn
from microdl.compat.v1.shapes import TensorShape
from microdl.compat.v1.variables import GraphKeys
from microdl.core import dtypes
from microdl.core.tensor import Operand, apply, convert
from microdl.ops import array, creation, math


class Reduction:
    """How losses become one number."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"

    @classmethod
    def all(cls):
        return cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def validate(cls, key):
        if key not in cls.all():
            raise ValueError(f"Invalid Reduction Key {key}.")


_BY_WEIGHTS = Reduction.SUM_BY_NONZERO_WEIGHTS


def compute_weighted_loss(losses, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_BY_WEIGHTS):
    """``losses`` times ``weights``, reduced, and added to a collection.

    Args:
        weights: number or Tensor: a scalar, or of the losses' rank with sizes that are theirs or 1.
        reduction: see ``Reduction``; by default the sum divided by the number of elements with a weight.
    """
    return _collected("weighted_loss", _weighted, (losses, weights, reduction), scope, loss_collection)


def _collected(label, function, args, scope, collection):
    loss = in_graph(function, f"{label}/value")(*args, scope=scope)
    if collection is not None:
        get_default_graph().add_to_collection(collection, loss)
    return loss


def _weighted(losses, weights, reduction, scope=None):
    Reduction.validate(reduction)
    losses, weights = convert(losses), convert(weights)
    _check_weights(TensorShape(losses.shape), TensorShape(weights.shape))
    weights = array.cast(weights, dtypes.float32)
    given, losses = losses.dtype, array.cast(losses, dtypes.float32)
    products = losses * weights
    if reduction == Reduction.NONE:
        return array.cast(products, given)
    loss = math.reduce_sum(products)
    everywhere = apply("OnesLike", losses)
    if reduction == Reduction.MEAN:
        loss = math.divide_no_nan(loss, math.reduce_sum(everywhere * weights))
    elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
        loss = math.divide_no_nan(loss, math.reduce_sum(everywhere))
    elif reduction == _BY_WEIGHTS:
        counted = array.cast(math.not_equal(weights, 0.0), dtypes.float32)
        loss = math.divide_no_nan(loss, math.reduce_sum(everywhere * counted))
    return array.cast(loss, given)


def _check_weights(values, weights):
    if weights.rank in (None, 0) or values.rank is None:
        return
    pairs = zip(values.as_list(), weights.as_list(), strict=True) if values.rank == weights.rank else [(0, -1)]
    if not all(w == 1 or v is None or w is None or v == w for v, w in pairs):
        raise ValueError(
            f"weights can not be broadcast to values. values.rank={values.rank}. weights.rank={weights.rank}. "
            f"values.shape={values}. weights.shape={weights}."
        )


def _floats(predictions, labels):
    """Both as float32. Raises ValueError if their shapes differ."""
    predictions, labels = convert(predictions), convert(labels)
    ours, theirs = TensorShape(predictions.shape), TensorShape(labels.shape)
    if not ours.is_compatible_with(theirs):
        raise ValueError(f"Shapes {ours} and {theirs} are incompatible")
    return array.cast(predictions, dtypes.float32), array.cast(labels, dtypes.float32)


def _both(**given):
    for name, value in given.items():
        if value is None:
            raise ValueError(f"Argument `{name}` must not be None.")


def mean_squared_error(
    labels, predictions, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_BY_WEIGHTS
):
    """``(predictions - labels)^2``"""
    _both(labels=labels, predictions=predictions)
    args = labels, predictions, weights, reduction
    return _collected("mean_squared_error", _squared, args, scope, loss_collection)


def _squared(labels, predictions, weights, reduction, scope=None):
    predictions, labels = _floats(predictions, labels)
    return _weighted(math.squared_difference(predictions, labels), weights, reduction)


def absolute_difference(
    labels, predictions, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_BY_WEIGHTS
):
    """``|predictions - labels|``"""
    _both(labels=labels, predictions=predictions)
    args = labels, predictions, weights, reduction
    return _collected("absolute_difference", _absolute, args, scope, loss_collection)


def _absolute(labels, predictions, weights, reduction, scope=None):
    predictions, labels = _floats(predictions, labels)
    return _weighted(math.abs(predictions - labels), weights, reduction)


def huber_loss(
    labels, predictions, weights=1.0, delta=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_BY_WEIGHTS
):
    """``d^2 / 2`` for ``d = |predictions - labels|`` up to ``delta``, and from there a straight line: Huber, 1964."""
    _both(labels=labels, predictions=predictions)
    args = labels, predictions, weights, delta, reduction
    return _collected("huber_loss", _huber, args, scope, loss_collection)


def _huber(labels, predictions, weights, delta, reduction, scope=None):
    predictions, labels = _floats(predictions, labels)
    error = math.abs(predictions - labels)
    near = math.minimum(error, delta)
    return _weighted(0.5 * near * near + delta * (error - near), weights, reduction)


def log_loss(
    labels,
    predictions,
    weights=1.0,
    epsilon=1e-7,
    scope=None,
    loss_collection=GraphKeys.LOSSES,
    reduction=_BY_WEIGHTS,
):
    """``-labels log(predictions + epsilon) - (1 - labels) log(1 - predictions + epsilon)``"""
    _both(labels=labels, predictions=predictions)
    args = labels, predictions, weights, epsilon, reduction
    return _collected("log_loss", _log_loss, args, scope, loss_collection)


def _log_loss(labels, predictions, weights, epsilon, reduction, scope=None):
    predictions, labels = _floats(predictions, labels)
    right, wrong = math.log(predictions + epsilon), math.log(1.0 - predictions + epsilon)
    return _weighted(-labels * right - (1.0 - labels) * wrong, weights, reduction)


def hinge_loss(labels, logits, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_BY_WEIGHTS):
    """``max(0, 1 - s * logits)``, s being 1 for the label 1 and -1 for the label 0."""
    _both(labels=labels, logits=logits)
    return _collected("hinge_loss", _hinge, (labels, logits, weights, reduction), scope, loss_collection)


def _hinge(labels, logits, weights, reduction, scope=None):
    logits, labels = _floats(logits, labels)
    return _weighted(nn.relu(1.0 - (2.0 * labels - 1.0) * logits), weights, reduction)


def sigmoid_cross_entropy(
    multi_class_labels,
    logits,
    weights=1.0,
    label_smoothing=0,
    scope=None,
    loss_collection=GraphKeys.LOSSES,
    reduction=_BY_WEIGHTS,
):
    """Cross entropy of ``multi_class_labels`` and sigmoid(``logits``); smoothed labels are nearer to 1/2."""
    _both(multi_class_labels=multi_class_labels, logits=logits)
    args = multi_class_labels, logits, weights, label_smoothing, reduction
    return _collected("sigmoid_cross_entropy_loss", _sigmoid, args, scope, loss_collection)


def _sigmoid(labels, logits, weights, label_smoothing, reduction, scope=None):
    labels, logits = _same_shape(labels, logits)
    if _is_positive(label_smoothing):
        labels = labels * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return _weighted(nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits), weights, reduction)


def softmax_cross_entropy(
    onehot_labels,
    logits,
    weights=1.0,
    label_smoothing=0,
    scope=None,
    loss_collection=GraphKeys.LOSSES,
    reduction=_BY_WEIGHTS,
):
    """Cross entropy of ``onehot_labels`` and softmax(``logits``), (batch, classes); smoothed labels lie nearer."""
    _both(onehot_labels=onehot_labels, logits=logits)
    args = onehot_labels, logits, weights, label_smoothing, reduction
    return _collected("softmax_cross_entropy_loss", _softmax, args, scope, loss_collection)


def _softmax(labels, logits, weights, label_smoothing, reduction, scope=None):
    labels, logits = _same_shape(labels, logits)
    if _is_positive(label_smoothing):
        labels = labels * (1.0 - label_smoothing) + label_smoothing / logits.shape[-1]
    losses = nn.softmax_cross_entropy_with_logits(labels=array.stop_gradient(labels), logits=logits)
    return _weighted(losses, weights, reduction)


def sparse_softmax_cross_entropy(
    labels, logits, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=_BY_WEIGHTS
):
    """Cross entropy of class numbers ``labels``, (batch,) or (batch, 1), and softmax(``logits``), (batch, classes)."""
    _both(labels=labels, logits=logits)
    args = labels, logits, weights, reduction
    return _collected("sparse_softmax_cross_entropy_loss", _sparse, args, scope, loss_collection)


def _sparse(labels, logits, weights, reduction, scope=None):
    labels, logits = convert(labels), convert(logits)
    if labels.ndim == logits.ndim:
        labels = array.squeeze(labels, [-1])
    losses = nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return _weighted(losses, weights, reduction)


def _same_shape(labels, logits):
    labels, logits = convert(labels), convert(logits)
    ours, theirs = TensorShape(logits.shape), TensorShape(labels.shape)
    if not ours.is_compatible_with(theirs):
        raise ValueError(f"Shapes {ours} and {theirs} are incompatible")
    return array.cast(labels, logits.dtype), logits


def _is_positive(smoothing):
    return isinstance(smoothing, Operand) or smoothing > 0


# Collections


def add_loss(loss, loss_collection=GraphKeys.LOSSES):
    """Adds a loss of one's own to the collection."""
    if loss_collection:
        get_default_graph().add_to_collection(loss_collection, loss)


def get_losses(scope=None, loss_collection=GraphKeys.LOSSES):
    """The losses that were collected, in a scope or all."""
    return get_default_graph().get_collection(loss_collection, scope)


def get_regularization_losses(scope=None):
    """What the regularizers of variables gave."""
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope=None, name="total_regularization_loss"):
    """Their sum; 0 if there are none."""
    losses = get_regularization_losses(scope)
    return add_n(losses, name=name) if losses else in_graph(creation.zeros, "Const")((), name=None)


def get_total_loss(add_regularization_losses=True, name="total_loss", scope=None):
    """The sum of the losses that were collected, by default with those of regularizers."""
    losses = get_losses(scope) + (get_regularization_losses(scope) if add_regularization_losses else [])
    return add_n(losses, name=name)
