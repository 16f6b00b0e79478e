"""Labels, predictions and weights as losses and metrics take them: converted, compared, aligned.

``N`` is the number of samples, ``C`` that of classes. Keras broadcasts labels and predictions of different shapes in
some places; here they must agree, because (N, 1) against (N,) would silently become (N, N).
"""

from microdl.core.deferred import reads_sizes
from microdl.core.dtypes import float32, int64
from microdl.core.errors import InvalidArgumentError
from microdl.core.tensor import convert
from microdl.ops import array


def floats(y_pred):
    """Predictions as a Tensor of their own floating dtype; anything else becomes float32."""
    y_pred = convert(y_pred)
    return y_pred if y_pred.dtype.is_floating else array.cast(y_pred, float32)


@reads_sizes
def matched(name, y_true, y_pred, hint="give both the same shape: nothing is broadcast here"):
    """Both as Tensors of y_pred's floating dtype and of one shape; (N,) and (N, 1) count as the same.

    Raises: InvalidArgumentError naming the loss or metric, both shapes and the ``hint``.
    """
    y_pred = floats(y_pred)
    y_true = convert(y_true, hint=y_pred.dtype)
    if y_true.dtype is not y_pred.dtype:
        y_true = array.cast(y_true, y_pred.dtype)
    y_true, y_pred = _same_rank(y_true, y_pred)
    y_pred, y_true = _same_rank(y_pred, y_true)
    if y_true.spec.shape != y_pred.spec.shape:
        raise InvalidArgumentError(
            f"{name}: y_true must have the shape of y_pred, {y_pred.shape}, got {y_true.shape}; {hint}"
        )
    return y_true, y_pred


def _same_rank(a, b):
    """(N,) and (N, 1) both as (N, 1); else b loses a last axis of size 1 that a does not have."""
    if b.ndim != a.ndim + 1 or b.shape[-1] != 1:
        return a, b
    return (array.expand_dims(a, -1), b) if a.ndim == 1 else (a, array.squeeze(b, axis=-1))


@reads_sizes
def class_labels(name, y_true, y_pred):
    """Class numbers as int64, (N, ...), and predictions as a float Tensor, (N, ..., C).

    Raises: InvalidArgumentError naming the loss or metric, both shapes and what they point to.
    """
    y_pred, labels = floats(y_pred), convert(y_true)
    expected = y_pred.spec.shape[:-1]
    if not y_pred.ndim:
        raise InvalidArgumentError(f"{name}: y_pred needs an axis of classes, got a scalar")
    if labels.ndim == y_pred.ndim and labels.spec.shape[-1] == 1:
        labels = array.squeeze(labels, axis=-1)
    if labels.spec.shape != expected:
        one_hot = labels.shape == y_pred.shape
        hint = f"for one-hot labels use {name.replace('sparse_', '')}" if one_hot else "give one label per prediction"
        raise InvalidArgumentError(
            f"{name}: y_true holds class numbers, so for y_pred of shape {y_pred.shape} its shape must be {expected}, "
            f"got {labels.shape}; {hint}"
        )
    return (labels if labels.dtype is int64 else array.cast(labels, int64)), y_pred


@reads_sizes
def align_weight(name, values, sample_weight):
    """``sample_weight`` as a Tensor that multiplies ``values``: its axes are aligned at the front, with the samples.

    A single value, of a function that has summed up by itself, meets each of the weights.

    Raises: InvalidArgumentError if one of its sizes is neither 1 nor that of ``values``.
    """
    weight = convert(sample_weight, hint=values.dtype)
    if weight.dtype is not values.dtype:
        weight = array.cast(weight, values.dtype)
    given, shape = weight.spec.shape, values.spec.shape
    if weight.ndim == values.ndim + 1 and given[-1] == 1:
        weight = array.squeeze(weight, axis=-1)
    if weight.ndim < values.ndim:
        weight = array.reshape(weight, weight.spec.shape + (1,) * (values.ndim - weight.ndim))
    if not shape:
        return weight
    if weight.ndim > values.ndim or any(w not in (1, n) for w, n in zip(weight.spec.shape, shape, strict=True)):
        raise InvalidArgumentError(
            f"{name}: sample_weight of shape {given} does not fit values of shape {values.shape}; "
            "give one weight per sample"
        )
    return weight


def label_kind(y_true, y_pred):
    """ "binary", "sparse" or "categorical", by the shapes of labels and predictions alone."""
    labels, predictions = tuple(y_true.shape), tuple(y_pred.shape)
    if not predictions or predictions[-1] == 1:
        return "binary"
    if len(labels) < len(predictions) or labels[-1] == 1:
        return "sparse"
    return "categorical"
