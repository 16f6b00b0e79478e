"""Metrics: accumulation over batches, weights, lookup, messages. Keras's own values are in tests/reference."""

import numpy as np
import pytest

import microdl as tf
from microdl.core.op import Spec
from microdl.keras import losses, metrics

SCORES = np.float32([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.3, 0.4, 0.3]])
LABELS = np.array([1, 2, 2, 0])  # right, wrong, right, wrong


def value(metric):
    return float(metric.result())


def test_mean_accumulates_and_starts_anew():
    mean = metrics.Mean()
    assert value(mean) == 0  # nothing seen: no NaN
    mean.update_state([1.0, 3.0])
    mean.update_state(8.0)
    assert value(mean) == 4
    mean.reset_state()
    assert float(mean(5)) == 5


def test_mean_counts_samples_with_weights():
    mean = metrics.Mean()
    mean.update_state([1.0, 2.0, 6.0], sample_weight=[1, 0, 3])
    assert value(mean) == 19 / 4
    mean.reset_state()
    mean.update_state(np.float32([[1, 2], [3, 4]]), sample_weight=np.float32([1, 3]))
    assert value(mean) == (1.5 + 3 * 3.5) / 4
    mean.reset_state()
    mean.update_state(np.float32([[1, 2], [3, 5]]), sample_weight=np.float32([[1, 0], [1, 2]]))
    assert value(mean) == 14 / 4


def test_mean_takes_empty_batches():
    mean = metrics.Mean()
    mean.update_state(np.zeros((0, 3), np.float32))
    mean.update_state([2.0])
    assert value(mean) == 2


def test_sum_of_weighted_values():
    total = metrics.Sum()
    total.update_state([1.0, 2.0])
    total.update_state(np.float32([[1, 2], [3, 4]]), sample_weight=[1, 0])
    assert value(total) == 6


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float32])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_sparse_categorical_accuracy_of_any_label_type(dtype, shape):
    accuracy = metrics.SparseCategoricalAccuracy()
    accuracy.update_state(LABELS.astype(dtype).reshape(shape), SCORES)
    assert value(accuracy) == 0.5
    accuracy.update_state(LABELS[:1].astype(dtype), SCORES[:1])
    assert value(accuracy) == pytest.approx(3 / 5)


def test_categorical_accuracy():
    accuracy = metrics.CategoricalAccuracy()
    accuracy.update_state(np.eye(3)[LABELS], SCORES, sample_weight=[1, 1, 0, 0])
    assert value(accuracy) == 0.5


def test_binary_accuracy_has_a_threshold():
    labels, scores = np.array([1, 0, 1, 0]), np.float32([0.9, 0.6, 0.4, 0.1])
    assert float(metrics.BinaryAccuracy()(labels, scores)) == 0.5
    assert float(metrics.BinaryAccuracy(threshold=0.3)(labels[:, None], scores[:, None])) == 0.75
    with pytest.raises(ValueError, match="BinaryAccuracy: threshold must lie between 0 and 1, got 1"):
        metrics.BinaryAccuracy(threshold=1)


def test_top_k_accuracy():
    assert [float(metrics.SparseTopKCategoricalAccuracy(k)(LABELS, SCORES)) for k in (1, 2, 3)] == [0.5, 0.75, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_top_k_accuracy_of_a_diverged_model_is_zero(bad):
    scores = np.float32([[bad, bad, bad], [bad, 0.1, 0.2], [0.1, bad, 0.2]])
    assert float(metrics.SparseTopKCategoricalAccuracy(5)([0, 1, 0], scores)) == 0


@pytest.mark.parametrize("label", [-1, 3])
def test_top_k_accuracy_of_what_is_no_class_is_zero(label):
    assert float(metrics.SparseTopKCategoricalAccuracy(5)([label] * 4, SCORES)) == 0


def test_accuracy_compares_values():
    assert float(metrics.Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]])) == 0.75
    assert float(metrics.Accuracy()([1, 2], [1, 3], sample_weight=[1, 0])) == 1


def test_metrics_of_losses():
    expected = np.mean((SCORES - 1) ** 2)
    assert float(metrics.MeanSquaredError()(np.ones_like(SCORES), SCORES)) == pytest.approx(expected, rel=1e-6)
    assert value(metrics.MeanMetricWrapper(losses.huber, delta=1.0)) == 0


def test_updates_leave_no_trace_on_a_tape():
    scores = tf.Variable(SCORES)
    with tf.GradientTape() as tape:
        metric = metrics.SparseCategoricalAccuracy()
        metric.update_state(LABELS, scores * 2.0)
        y = scores * 3.0
    assert np.all(tape.gradient(y, scores).numpy() == 3)
    assert not any(v.trainable for v in metric.variables)


def test_own_metric_gets_state_reset_and_call():
    class Positives(metrics.Metric):
        def __init__(self, name=None):
            super().__init__(name=name)
            self.found = self.add_weight(name="found", initializer="zeros")
            self.inner = metrics.Mean()

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.found.assign_add(float(np.sum(np.asarray(y_pred) > 0)))
            self.inner.update_state(y_pred)

        def result(self):
            return self.found

    metric = Positives(name="positives")
    assert float(metric(None, np.float32([1, -1, 2]))) == 2
    assert [v.name for v in metric.variables] == ["positives/found:0", "mean/total:0", "mean/count:0"]
    metric.reset_state()
    assert [float(v) for v in metric.variables] == [0, 0, 0]


@pytest.mark.parametrize(
    ("y_true", "y_pred", "expected"),
    [
        ((4,), (4, 1), metrics.BinaryAccuracy),
        ((4, 1), (4, 1), metrics.BinaryAccuracy),
        ((4,), (4, 3), metrics.SparseCategoricalAccuracy),
        ((4, 1), (4, 3), metrics.SparseCategoricalAccuracy),
        ((4, 3), (4, 3), metrics.CategoricalAccuracy),
    ],
)
@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_accuracy_is_chosen_by_shapes(y_true, y_pred, expected, name):
    metric = metrics.get_for(name, Spec(y_true, tf.float32), Spec(y_pred, tf.float32))
    assert type(metric) is expected
    assert metric.name == name


def test_get_for_names_metrics_as_keras_does():
    spec = Spec((4, 3), tf.float32)
    assert metrics.get_for("mse", spec, spec).name == "mse"
    assert metrics.get_for("categorical_accuracy", spec, spec).name == "categorical_accuracy"
    assert metrics.get_for(lambda y_true, y_pred: y_pred, spec, spec).name == "<lambda>"
    assert metrics.get_for(metrics.CategoricalAccuracy, spec, spec).name == "categorical_accuracy"
    given = metrics.Mean(name="mine")
    assert metrics.get_for(given, spec, spec) is given
    with pytest.raises(ValueError, match="a metric is expected"):
        metrics.get_for(None, spec, spec)


ARGUMENTS = {
    "IoU": (4, [0, 1]), "MeanIoU": (4,), "OneHotIoU": (4, [2]), "OneHotMeanIoU": (4,), "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,), "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,),
}  # fmt: skip


@pytest.mark.parametrize("name", [item.__name__ for item in metrics._CLASSES])
def test_config_makes_an_equal_metric(name):
    metric = getattr(metrics, name)(*ARGUMENTS.get(name, ()))
    assert type(metric).from_config(metric.get_config()).get_config() == metric.get_config()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.SparseCategoricalAccuracy()(np.eye(3)[LABELS], SCORES),
            "sparse_categorical_accuracy: y_true holds class numbers, so for y_pred of shape (4, 3) its shape must be "
            "(4,), got (4, 3); for one-hot labels use categorical_accuracy",
        ),
        (
            lambda: metrics.CategoricalAccuracy()(LABELS, SCORES),
            "categorical_accuracy: y_true must have the shape of y_pred, (4, 3), got (4,); for class numbers use "
            "sparse_categorical_accuracy",
        ),
        (
            lambda: metrics.Mean(name="speed")([1.0, 2.0], sample_weight=[1, 2, 3]),
            "speed: sample_weight of shape (3,) does not fit values of shape (2,); give one weight per sample",
        ),
        (
            lambda: metrics.get("acuracy"),
            "there is no metric 'acuracy'; did you mean accuracy, Accuracy, BinaryAccuracy?",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message
