"""Metrics of yes-or-no predictions at thresholds: what is found, and what is wrong.

``T`` is the number of thresholds, ``L`` that of labels. A prediction above the threshold is a positive one.
"""

from typing import Any

import numpy as np

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.keras.metrics.base import Metric
from microdl.keras.targets import align_weight, matched
from microdl.ops import activation, array, math

KINDS = "true_positives", "false_positives", "true_negatives", "false_negatives"
BELOW_ALL = -1e10  # what a prediction becomes that is none of the largest k; also their threshold


@reads_sizes
def counted(name, kinds, y_true, y_pred, sample_weight, thresholds, **options):
    """The weights of the samples of each of ``kinds`` at each threshold: a list of (T,), or of (T, L).

    Args:
        y_true, y_pred: of one shape, (N, ...); labels other than 0 are positive. sample_weight: (N,) or that shape.
        thresholds: T floats. options: see ``_prepared``.
    """
    labels, y_pred, weight = _prepared(name, y_true, y_pred, sample_weight, **options)
    limits = array.reshape(convert(np.asarray(thresholds, np.float32)), (-1,) + (1,) * y_pred.ndim)
    positive = array.cast(math.greater(array.expand_dims(y_pred, 0), limits), y_pred.dtype)  # (T, n) or (T, N, L)
    yes, no = labels * weight, (1.0 - labels) * weight
    of_kind = {
        "true_positives": lambda: positive * yes,
        "false_positives": lambda: positive * no,
        "true_negatives": lambda: (1.0 - positive) * no,
        "false_negatives": lambda: (1.0 - positive) * yes,
    }
    return [math.reduce_sum(of_kind[kind](), axis=1) for kind in kinds]


def _prepared(
    name, y_true, y_pred, sample_weight, top_k=None, class_id=None, multi_label=False, label_weights=None, logits=False
):
    """Labels (0 or 1), predictions and weights, (n,); with multi_label (N, L).

    Args:
        top_k: int k; only the k largest predictions of a sample can be positive. class_id: int, the only class that
            counts. label_weights: a factor for each label. logits: whether a sigmoid is to be taken of predictions.
    """
    y_true, y_pred = matched(name, y_true, y_pred)
    if logits:
        y_pred = activation.sigmoid(y_pred)
    if top_k is not None:
        y_pred = array.where(_among_largest(y_pred, top_k), y_pred, BELOW_ALL * array.ones_like(y_pred))
    if class_id is not None:
        if y_pred.ndim < 2:
            raise ValueError(f"{name}: class_id needs predictions of shape (samples, classes), got {y_pred.shape}")
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    labels = array.cast(math.not_equal(y_true, 0.0), y_pred.dtype)
    weight = array.ones_like(y_pred)
    if sample_weight is not None:
        weight = weight * align_weight(name, y_pred, sample_weight)
    if label_weights is not None:
        weight = weight * convert(np.asarray(label_weights, np.float32))
    if multi_label:
        return labels, y_pred, weight
    return tuple(array.reshape(x, (-1,)) for x in (labels, y_pred, weight))


def _among_largest(x, k):
    """Whether an element is one of the k largest over the last axis; of equal ones the first ones are. (..., C)."""
    one, other = array.expand_dims(x, -1), array.expand_dims(x, -2)  # (..., C, 1), (..., 1, C)
    places = np.arange(x.shape[-1])
    earlier = convert(places[None, :] < places[:, None])
    ahead = math.logical_or(math.greater(other, one), math.logical_and(math.equal(other, one), earlier))
    return math.less(math.reduce_sum(array.cast(ahead, x.dtype), axis=-1), float(k))


def _thresholds(name, given, default):
    """A list of thresholds from one, several, or None for the ``default``."""
    if given is None:
        return [default]
    found = [float(x) for x in (given if isinstance(given, (list, tuple, np.ndarray)) else [given])]
    if wrong := [x for x in found if not 0 <= x <= 1]:
        raise ValueError(f"{name}: thresholds must lie in [0, 1], got {wrong}")
    return found


class _Counting(Metric):
    """Base: sums of weights of some of KINDS, in variables of those names."""

    kinds: tuple = ()

    def __init__(self, name, dtype, thresholds, **options):
        super().__init__(dtype, name)
        self.thresholds, self._options = thresholds, options
        for kind in self.kinds:
            setattr(self, kind, self.add_weight((len(thresholds),), name=kind))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. y_true, y_pred: (N, ...). sample_weight: (N,), or their shape; None for 1."""
        found = counted(self.name, self.kinds, y_true, y_pred, sample_weight, self.thresholds, **self._options)
        for kind, value in zip(self.kinds, found, strict=True):
            getattr(self, kind).assign_add(array.cast(value, self.dtype))

    def _single(self, values):
        """The value of a single threshold as a scalar."""
        values = convert(values)
        return values[0] if len(self.thresholds) == 1 else values

    def _ratio(self, part, other):
        """part / (part + other), 0 where both are."""
        part, other = getattr(self, part), getattr(self, other)
        return math.divide_no_nan(part, part + other)


class _Count(_Counting):
    def __init__(self, thresholds=None, name=None, dtype=None):
        self._given = thresholds
        super().__init__(name, dtype, _thresholds(type(self).__name__, thresholds, 0.5))

    def result(self):
        return self._single(getattr(self, self.kinds[0]))

    def get_config(self):
        return {**super().get_config(), "thresholds": self._given}


class TruePositives(_Count):
    """The weight of positive samples that are predicted so. thresholds: float or list, 0.5 by default."""

    kinds = KINDS[:1]


class FalsePositives(_Count):
    """The weight of negative samples that are predicted as positive. thresholds: float or list, 0.5 by default."""

    kinds = KINDS[1:2]


class TrueNegatives(_Count):
    """The weight of negative samples that are predicted so. thresholds: float or list, 0.5 by default."""

    kinds = KINDS[2:3]


class FalseNegatives(_Count):
    """The weight of positive samples that are predicted as negative. thresholds: float or list, 0.5 by default."""

    kinds = KINDS[3:]


class _Share(_Counting):
    _direction = "up"

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        self._given = {"thresholds": thresholds, "top_k": top_k, "class_id": class_id}
        default = 0.5 if top_k is None else BELOW_ALL
        found = _thresholds(type(self).__name__, thresholds, default)
        super().__init__(name, dtype, found, top_k=top_k, class_id=class_id)

    def result(self):
        return self._single(self._ratio(*self.kinds))

    def get_config(self):
        return {**super().get_config(), **self._given}


class Precision(_Share):
    """TP / (TP + FP): how many of the positive predictions are right.

    Args:
        thresholds: float in [0, 1] or a list of them, 0.5 by default. top_k: int k; only the k largest predictions of a
            sample can be positive. class_id: int, the only class that counts.
    """

    kinds = "true_positives", "false_positives"


class Recall(_Share):
    """TP / (TP + FN): how many of the positive samples are found. Args: see `Precision`."""

    kinds = "true_positives", "false_negatives"


class _AtValue(_Counting):
    """Base: the largest value of one share among the thresholds at which another one is at least ``value``."""

    _direction = "up"
    kinds = KINDS
    wanted: tuple = ()  # kinds of the two shares, the first of the sum of both
    given: tuple = ()
    argument = ""

    def __init__(self, value, num_thresholds=200, class_id=None, name=None, dtype=None):
        kind = type(self).__name__
        if not 0 <= value <= 1:
            raise ValueError(f"{kind}: {self.argument} must be in the range [0, 1], got {value}")
        if num_thresholds <= 0:
            raise ValueError(f"{kind}: num_thresholds must be an integer > 0, got {num_thresholds}")
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        even = np.arange(num_thresholds) / (num_thresholds - 1) if num_thresholds > 1 else [0.5]
        super().__init__(name, dtype, list(even), class_id=class_id)

    def result(self):
        wanted, given = self._ratio(*self.wanted), self._ratio(*self.given)
        return math.reduce_max(array.where(math.greater_equal(given, self.value), wanted, array.zeros_like(wanted)))

    def get_config(self):
        own = {self.argument: self.value, "num_thresholds": self.num_thresholds, "class_id": self.class_id}
        return {**super().get_config(), **own}


_SENSITIVITY, _SPECIFICITY = ("true_positives", "false_negatives"), ("true_negatives", "false_positives")
_PRECISION = "true_positives", "false_positives"


class SensitivityAtSpecificity(_AtValue):
    """The best TP / (TP + FN) among thresholds at which TN / (TN + FP) >= ``specificity``."""

    wanted, given, argument = _SENSITIVITY, _SPECIFICITY, "specificity"

    def __init__(self, specificity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_AtValue):
    """The best TN / (TN + FP) among thresholds at which TP / (TP + FN) >= ``sensitivity``."""

    wanted, given, argument = _SPECIFICITY, _SENSITIVITY, "sensitivity"

    def __init__(self, sensitivity, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_AtValue):
    """The best TP / (TP + FP) among thresholds at which TP / (TP + FN) >= ``recall``."""

    wanted, given, argument = _PRECISION, _SENSITIVITY, "recall"

    def __init__(self, recall, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_AtValue):
    """The best TP / (TP + FN) among thresholds at which TP / (TP + FP) >= ``precision``."""

    wanted, given, argument = _SENSITIVITY, _PRECISION, "precision"

    def __init__(self, precision, num_thresholds=200, class_id=None, name=None, dtype=None):
        super().__init__(precision, num_thresholds, class_id, name, dtype)


class AUC(Metric):
    """The area under a curve of points, one for each threshold: an estimate that gets better with their number.

    Args:
        num_thresholds: int > 1, from 0 to 1 at even distances. thresholds: those between instead, floats.
        curve: "ROC": TP / (TP + FN) over FP / (FP + TN), or "PR": TP / (TP + FP) over TP / (TP + FN).
        summation_method: "interpolation" between points, "minoring" or "majoring": the lower or higher of two.
        multi_label: whether predictions are (N, L), and the areas of L curves are averaged, with ``label_weights``;
            else these weigh the labels in a single one. num_labels: int L. from_logits: take a sigmoid first.

    Davis and Goadrich, "The Relationship Between Precision-Recall and ROC Curves", 2006, section 4.
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="interpolation",
        name=None,
        dtype=None,
        thresholds=None,
        multi_label=False,
        num_labels=None,
        label_weights=None,
        from_logits=False,
    ):
        super().__init__(dtype, name)
        if curve not in ("ROC", "PR"):
            raise ValueError(f'AUC: curve is "ROC" or "PR", got {curve!r}')
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ValueError(f"AUC: summation_method is interpolation, minoring or majoring, got {summation_method!r}")
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(f"AUC: num_thresholds must be an integer > 1, got {num_thresholds}")
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        between = [i / (num_thresholds - 1) for i in range(1, num_thresholds - 1)]
        between = between if thresholds is None else _thresholds("AUC", sorted(thresholds), 0.5)
        self.thresholds = [-1e-7, *between, 1 + 1e-7]  # the ends: everything, and nothing
        self._chosen = thresholds is not None
        self.curve, self.summation_method, self.multi_label = curve, summation_method, multi_label
        self.num_thresholds, self.num_labels = len(self.thresholds), num_labels
        self.label_weights, self.from_logits = label_weights, from_logits
        self._built = False
        if not multi_label or num_labels:
            self._build((num_labels,) if multi_label else ())

    def _build(self, shape):
        for kind in KINDS:
            setattr(self, kind, self.add_weight((self.num_thresholds, *shape), name=kind))
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch. y_true, y_pred: (N, ...), with multi_label (N, L). sample_weight: (N,); None for 1."""
        if not self._built:
            self._build(tuple(convert(y_pred).shape[1:]))
        options: dict[str, Any] = {"multi_label": self.multi_label, "logits": self.from_logits}
        if not self.multi_label:
            options["label_weights"] = self.label_weights
        found = counted(self.name, KINDS, y_true, y_pred, sample_weight, self.thresholds, **options)
        for kind, value in zip(KINDS, found, strict=True):
            getattr(self, kind).assign_add(array.cast(value, self.dtype))

    def result(self):
        tp, fp, tn, fn = (getattr(self, kind).read_value() for kind in KINDS)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._averaged(self._interpolated(tp, fp, fn))
        recall = math.divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            x, y = math.divide_no_nan(fp, fp + tn), recall
        else:
            x, y = recall, math.divide_no_nan(tp, tp + fp)
        heights = {
            "interpolation": lambda a, b: (a + b) / 2.0,
            "minoring": math.minimum,
            "majoring": math.maximum,
        }[self.summation_method](y[:-1], y[1:])
        return self._averaged((x[:-1] - x[1:]) * heights)

    def _interpolated(self, tp, fp, fn):
        """Areas between thresholds, with TP a linear function of TP + FP between two of them."""
        p = tp + fp
        slope = math.divide_no_nan(tp[:-1] - tp[1:], math.maximum(p[:-1] - p[1:], 0.0))
        intercept = tp[1:] - slope * p[1:]
        both = math.logical_and(math.greater(p[:-1], 0.0), math.greater(p[1:], 0.0))
        ratio = array.where(both, math.divide_no_nan(p[:-1], math.maximum(p[1:], 0.0)), array.ones_like(slope))
        area = slope * (tp[:-1] - tp[1:] + intercept * math.log(ratio))
        return math.divide_no_nan(area, math.maximum(tp[1:] + fn[1:], 0.0))

    def _averaged(self, areas):
        if not self.multi_label:
            return math.reduce_sum(areas)
        by_label = math.reduce_sum(areas, axis=0)
        if self.label_weights is None:
            return math.reduce_mean(by_label)
        weights = convert(np.asarray(self.label_weights, np.float32))
        return math.divide_no_nan(math.reduce_sum(by_label * weights), math.reduce_sum(weights))

    def get_config(self):
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
        }
        if self._chosen:
            own["thresholds"] = self.thresholds[1:-1]
        return {**super().get_config(), **own}
