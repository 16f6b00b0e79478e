"""``tf.metrics``: values over many batches, in local variables. Each gives a Tensor and the operation that goes on.

Run ``local_variables_initializer()``, then the second result for each batch, then the first.
"""

from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.initializers import zeros_initializer
from microdl.compat.v1.naming import in_graph
from microdl.compat.v1.scopes import variable_scope
from microdl.compat.v1.variables import GraphKeys, Variable
from microdl.core import dtypes
from microdl.core.tensor import convert
from microdl.ops import array, math

_LOCAL = [GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES]


def _total(name):
    return Variable(lambda: zeros_initializer()(()), trainable=False, collections=_LOCAL, name=name)


def _collect(collections, value):
    for name in collections or ():
        get_default_graph().add_to_collection(name, value)


def _quotient(name, numerator, denominator):
    return in_graph(_divided, name)(numerator, denominator)


def _divided(numerator, denominator):
    return math.divide_no_nan(convert(numerator), math.maximum(convert(denominator), 0.0))


def _weights(values, weights):
    """Weights of the values' shape."""
    ones = array.ones_like(values)
    return ones if weights is None else ones * array.cast(convert(weights), dtypes.float32)


def _weighted_sum(values, weights):
    return math.reduce_sum(values * _weights(values, weights))


def _weight(values, weights):
    return math.reduce_sum(_weights(values, weights))


def mean(values, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """The mean of all ``values`` so far, weighted.

    Returns: (Tensor, Tensor that takes in these values and gives the new mean).
    """
    with variable_scope(name, "mean"):
        total, count = _total("total"), _total("count")
        values = in_graph(array.cast, "ToFloat")(values, dtypes.float32)
        more = in_graph(_weighted_sum, "Sum")(values, weights)
        number = in_graph(_weight, "Size")(values, weights)
        value = _quotient("value", total, count)
        update = _quotient("update_op", total.assign_add(more), count.assign_add(number))
    _collect(metrics_collections, value)
    _collect(updates_collections, update)
    return value, update


def accuracy(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """How many ``predictions`` so far are equal to their ``labels``: as ``mean``."""
    hits = in_graph(_equal, "Cast")(labels, predictions)
    return mean(hits, weights, metrics_collections, updates_collections, name or "accuracy")


def _equal(labels, predictions):
    predictions = convert(predictions)
    labels = array.cast(convert(labels), predictions.dtype)
    return array.cast(math.equal(predictions, labels), dtypes.float32)


def mean_squared_error(
    labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean of ``(predictions - labels)^2`` so far: as ``mean``."""
    errors = in_graph(math.squared_difference)(predictions, labels)
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_squared_error")


def mean_absolute_error(
    labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None
):
    """The mean of ``|predictions - labels|`` so far: as ``mean``."""
    errors = in_graph(_absolute, "Abs")(predictions, labels)
    return mean(errors, weights, metrics_collections, updates_collections, name or "mean_absolute_error")


def _absolute(predictions, labels):
    return math.abs(convert(predictions) - labels)


def precision(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """Which part of the positive ``predictions`` so far is right: as ``mean``."""
    return _part("precision", "false_positives", labels, predictions, weights, metrics_collections,
                 updates_collections, name)  # fmt: skip


def recall(labels, predictions, weights=None, metrics_collections=None, updates_collections=None, name=None):
    """Which part of the positive ``labels`` so far was found: as ``mean``."""
    return _part("recall", "false_negatives", labels, predictions, weights, metrics_collections, updates_collections,
                 name)  # fmt: skip


def _part(label, wrong, labels, predictions, weights, metrics_collections, updates_collections, name):
    with variable_scope(name, label):
        labels, predictions = (in_graph(array.cast)(x, dtypes.bool) for x in (labels, predictions))
        totals, updates = [], []
        for kind in ("true_positives", wrong):
            with variable_scope(kind):
                totals.append(_total("count"))
                more = in_graph(_COUNTS[kind], "Sum")(labels, predictions, weights)
                updates.append(totals[-1].assign_add(more))
        value = in_graph(_share, "value")(*totals)
        update = in_graph(_share, "update_op")(*updates)
    _collect(metrics_collections, value)
    _collect(updates_collections, update)
    return value, update


def _share(right, wrong):
    right = convert(right)
    return math.divide_no_nan(right, right + wrong)


def _true_positives(labels, predictions, weights):
    return _weighted_sum(array.cast(math.logical_and(labels, predictions), dtypes.float32), weights)


def _false_positives(labels, predictions, weights):
    return _weighted_sum(array.cast(math.logical_and(math.logical_not(labels), predictions), dtypes.float32), weights)


def _false_negatives(labels, predictions, weights):
    return _false_positives(predictions, labels, weights)


_COUNTS = {
    "true_positives": _true_positives,
    "false_positives": _false_positives,
    "false_negatives": _false_negatives,
}
