"""Cross entropies of labels and probabilities, plain and focal."""

from microdl.core.deferred import reads_sizes
from microdl.core.dtypes import int64
from microdl.core.errors import InvalidArgumentError
from microdl.core.tensor import convert
from microdl.keras.losses.base import EPSILON, OF_PROBABILITIES, LossFunctionWrapper
from microdl.keras.targets import class_labels, matched
from microdl.ops import activation, array, loss, math, softmax


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """mean over ``axis`` of -t * log(p) - (1 - t) * log(1 - p).

    Args:
        y_true: t, (N, ..., D), 0 or 1 or between. label_smoothing: float s in [0, 1]: t becomes t * (1 - s) + s / 2.
        y_pred: p, (N, ..., D), kept in [1e-7, 1 - 1e-7]; with ``from_logits`` any numbers x, p = sigmoid(x).
    Returns: (N, ...).
    """
    y_true, y_pred = matched("binary_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        values = loss.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred)
    else:
        p = math.clip_by_value(y_pred, EPSILON, 1.0 - EPSILON)
        values = -(y_true * math.log(p) + (1.0 - y_true) * math.log(1.0 - p))
    return math.reduce_mean(values, axis=axis)


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum over ``axis`` of t * log(p): the labels are one probability for each class.

    Args:
        y_true: t, (N, ..., C), usually one-hot. label_smoothing: float s in [0, 1]: t becomes t * (1 - s) + s / C.
        y_pred: p, (N, ..., C); divided by its sum over ``axis`` and kept in [1e-7, 1 - 1e-7]. With ``from_logits`` any
            numbers x, p = softmax(x).
    Returns: (N, ...).
    """
    hint = "for class numbers use sparse_categorical_crossentropy, or make the labels one-hot with tf.one_hot"
    y_true, y_pred = matched("categorical_crossentropy", y_true, y_pred, hint)
    if label_smoothing:
        y_true = _smoothed(y_true, label_smoothing, axis)
    if from_logits:
        return loss.softmax_cross_entropy_with_logits(labels=y_true, logits=y_pred, axis=axis)
    p = y_pred / math.reduce_sum(y_pred, axis=axis, keepdims=True)
    return -math.reduce_sum(y_true * math.log(math.clip_by_value(p, EPSILON, 1.0 - EPSILON)), axis=axis)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, ignore_class=None, axis=-1):
    """-log(p[label]): the labels are numbers of classes.

    Args:
        y_true: class numbers 0 .. C - 1, (N, ...) or (N, ..., 1), integer (or float holding integers).
        y_pred: p, (N, ..., C); kept in [1e-7, 1 - 1e-7], then divided by its sum. With ``from_logits`` any numbers x,
            p = softmax(x).
        ignore_class: int; samples with this label get the loss 0.
        axis: must be the last one.
    Returns: (N, ...).
    """
    labels, y_pred = class_labels("sparse_categorical_crossentropy", y_true, y_pred)
    if axis not in (-1, y_pred.ndim - 1):
        raise InvalidArgumentError(
            f"sparse_categorical_crossentropy: the classes must lie on the last axis of y_pred (shape {y_pred.shape}), "
            f"got axis={axis}; move it there with tf.transpose"
        )
    counted = None if ignore_class is None else math.not_equal(labels, ignore_class)
    if counted is not None:
        labels = labels * array.cast(counted, labels.dtype)  # an ignored label may be no class at all, 255 say
    if not from_logits:
        y_pred = math.log(math.clip_by_value(y_pred, EPSILON, 1.0 - EPSILON))
    values = loss.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=y_pred)
    return values if counted is None else values * array.cast(counted, values.dtype)


def binary_focal_crossentropy(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
):
    """mean over ``axis`` of (1 - q)^gamma times the binary cross entropy, with q = t p + (1 - t) (1 - p).

    Args:
        y_true, y_pred, from_logits, label_smoothing: as for `binary_crossentropy`; t, p.
        apply_class_balancing: whether each term is multiplied by alpha t + (1 - alpha) (1 - t).
        alpha: float in [0, 1]. gamma: float >= 0, dimensionless.
    Returns: (N, ...).

    Lin et al., "Focal Loss for Dense Object Detection", 2017, eq. 4 and 5.
    """
    y_true, y_pred = matched("binary_focal_crossentropy", y_true, y_pred)
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    p = activation.sigmoid(y_pred) if from_logits else y_pred
    kept = math.clip_by_value(p, EPSILON, 1.0 - EPSILON)
    values = -(y_true * math.log(kept) + (1.0 - y_true) * math.log(1.0 - kept))
    values = values * math.pow(1.0 - (y_true * p + (1.0 - y_true) * (1.0 - p)), gamma)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return math.reduce_mean(values, axis=axis)


def categorical_focal_crossentropy(
    y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1
):
    """-sum over ``axis`` of alpha (1 - p)^gamma t log(p): what is predicted well counts less.

    Args:
        y_true, y_pred, from_logits, label_smoothing: as for `categorical_crossentropy`; t, p.
        alpha: float, or one for each class. gamma: float >= 0, dimensionless.
    Returns: (N, ...).

    Lin et al., "Focal Loss for Dense Object Detection", 2017, eq. 5.
    """
    hint = "make the labels one-hot with tf.one_hot"
    y_true, y_pred = matched("categorical_focal_crossentropy", y_true, y_pred, hint)
    if label_smoothing:
        y_true = _smoothed(y_true, label_smoothing, axis)
    if from_logits:
        y_pred = softmax.softmax(y_pred, axis=axis)
    p = y_pred / math.reduce_sum(y_pred, axis=axis, keepdims=True)
    p = math.clip_by_value(p, EPSILON, 1.0 - EPSILON)
    weights = math.pow(1.0 - p, gamma) * convert(alpha, hint=p.dtype)
    return -math.reduce_sum(weights * y_true * math.log(p), axis=axis)


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross entropy of class numbers and predictions: see `sparse_categorical_crossentropy`.

    >>> SparseCategoricalCrossentropy()([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]]).numpy().round(3)
    np.float32(1.177)
    """

    def __init__(
        self,
        from_logits=False,
        ignore_class=None,
        reduction="sum_over_batch_size",
        axis=-1,
        name="sparse_categorical_crossentropy",
    ):
        options = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, **options)

    def counted(self, y_true):
        ignored = self.kwargs["ignore_class"]
        return None if ignored is None else math.not_equal(array.cast(convert(y_true), int64), ignored)


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross entropy of one-hot (or soft) labels and predictions: see `categorical_crossentropy`."""

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_crossentropy",
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, **options)


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross entropy of yes-or-no labels and predictions: see `binary_crossentropy`."""

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_crossentropy",
    ):
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, **options)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Cross entropy of yes-or-no labels that attends to what is hard: see `binary_focal_crossentropy`."""

    def __init__(
        self,
        apply_class_balancing=False,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_focal_crossentropy",
    ):
        options = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma, "axis": axis}
        options |= {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(binary_focal_crossentropy, reduction, name, **options)


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Cross entropy of one-hot labels that attends to what is hard: see `categorical_focal_crossentropy`."""

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_focal_crossentropy",
    ):
        options = {"alpha": alpha, "gamma": gamma, "axis": axis}
        options |= {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(categorical_focal_crossentropy, reduction, name, **options)


OF_PROBABILITIES.update(
    {
        binary_crossentropy: BinaryCrossentropy,
        binary_focal_crossentropy: BinaryFocalCrossentropy,
        categorical_crossentropy: CategoricalCrossentropy,
        categorical_focal_crossentropy: CategoricalFocalCrossentropy,
        sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    }
)


@reads_sizes
def _smoothed(y_true, smoothing, axis):
    return y_true * (1.0 - smoothing) + smoothing / y_true.spec.shape[axis]
