"""Losses against NumPy in float64, how they are looked up, and what they say when shapes do not fit.

Agreement with Keras's own values and gradients is in tests/reference.
"""

import warnings

import numpy as np
import pytest

import microdl as tf
from microdl.core.op import Spec
from microdl.keras import losses

RANDOM = np.random.default_rng(3)
LOGITS = RANDOM.normal(size=(6, 4))
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
LABELS = np.array([0, 3, 1, 1, 2, 0])
ONE_HOT = np.eye(4)[LABELS]
WEIGHT = np.array([1, 0, 2, 0.5, 1, 3])
CROSS_ENTROPY = -np.log(PROBABILITIES[np.arange(6), LABELS])
# In float64 the values below pass through fewer than 100 roundings of numbers of order one.
TOLERANCE = 100 * np.finfo(np.float64).eps


def close(result, expected, tolerance=TOLERANCE):
    return np.allclose(np.asarray(result), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float32])
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_sparse_labels_may_have_any_number_type_and_be_a_column(dtype, shape):
    labels = LABELS.astype(dtype).reshape(shape)
    assert close(losses.sparse_categorical_crossentropy(labels, LOGITS, from_logits=True), CROSS_ENTROPY)
    assert close(losses.sparse_categorical_crossentropy(labels, PROBABILITIES), CROSS_ENTROPY)


def test_sparse_and_categorical_agree():
    assert close(losses.categorical_crossentropy(ONE_HOT, LOGITS, from_logits=True), CROSS_ENTROPY)
    assert close(losses.categorical_crossentropy(ONE_HOT, 3 * PROBABILITIES), CROSS_ENTROPY)


def test_categorical_crossentropy_on_another_axis():
    result = losses.categorical_crossentropy(ONE_HOT.T.copy(), PROBABILITIES.T.copy(), axis=0)
    assert close(result, CROSS_ENTROPY)


def test_ignored_class_costs_nothing_and_is_not_counted():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    labels = LABELS.copy()
    labels[[0, 4]] = 255
    assert close(loss(labels, LOGITS), CROSS_ENTROPY[[1, 2, 3, 5]].mean())
    assert close(loss(np.full(6, 255), LOGITS), 0)


def test_probabilities_are_clipped():
    certain = np.float64([[1, 0], [0, 1]])
    result = losses.sparse_categorical_crossentropy([0, 0], certain)
    assert close(result, [-np.log1p(-1e-7), -np.log(1e-7)], 1e-8)  # log(1 - 1e-7) loses 9 of 16 digits
    assert np.isfinite(losses.binary_crossentropy(certain, certain[::-1].copy()).numpy()).all()


def test_huber_is_quadratic_near_zero_and_straight_beyond():
    errors = np.float64([0, 0.5, -1, 1.5, -4])
    expected = [0, 0.125, 0.5, 1.0, 3.5]
    assert close(losses.huber(np.zeros((5, 1)), errors[:, None]), expected)
    assert close(
        losses.Huber(delta=0.5, reduction="sum")(np.zeros((5, 1)), errors[:, None]), 0.5 * (0.25 + 0.75 + 1.25 + 3.75)
    )


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum_over_batch_size", (WEIGHT * CROSS_ENTROPY).sum() / 6),
        ("mean", (WEIGHT * CROSS_ENTROPY).sum() / 6),
        ("mean_with_sample_weight", (WEIGHT * CROSS_ENTROPY).sum() / WEIGHT.sum()),
        ("sum", (WEIGHT * CROSS_ENTROPY).sum()),
        ("none", WEIGHT * CROSS_ENTROPY),
        (None, WEIGHT * CROSS_ENTROPY),
    ],
)
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_reductions_with_sample_weights(reduction, expected, shape):
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction=reduction)
    assert close(loss(LABELS, LOGITS, WEIGHT.reshape(shape)), expected)


def test_weights_of_samples_apply_to_all_their_values():
    loss = losses.MeanSquaredError(reduction="sum")
    y_pred = RANDOM.normal(size=(3, 5, 2))
    expected = ((y_pred**2).mean(axis=-1) * np.float64([1, 2, 0])[:, None]).sum()
    assert close(loss(np.zeros_like(y_pred), y_pred, [1, 2, 0]), expected)


def test_own_loss_needs_only_call():
    class Tilted(losses.Loss):
        def call(self, y_true, y_pred):
            return (y_pred - y_true) * 2.0

    loss = Tilted()
    assert loss.name == "tilted"
    assert close(loss(np.float64([1, 2]), tf.constant(np.float64([2, 5]))), 4)


def test_gradient_flows_through_the_reduction():
    y_pred = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        value = losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, y_pred)
    assert close(tape.gradient(value, y_pred), (PROBABILITIES - ONE_HOT) / 6)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", losses.mean_squared_error),
        ("MAE", losses.mean_absolute_error),
        ("bce", losses.binary_crossentropy),
        ("huber", losses.huber),
        ("sparse_categorical_crossentropy", losses.sparse_categorical_crossentropy),
        (None, None),
    ],
)
def test_get_by_name(name, expected):
    assert losses.get(name) is expected


def test_get_makes_classes_and_keeps_objects():
    assert isinstance(losses.get("Huber"), losses.Huber)
    assert isinstance(losses.get(losses.MeanSquaredError), losses.MeanSquaredError)
    assert losses.get({"class_name": "Huber", "config": {"delta": 3.0}}).kwargs == {"delta": 3.0}
    given = losses.MeanAbsoluteError()
    assert losses.get(given) is given


@pytest.mark.parametrize("name", [item.__name__ for item in losses._CLASSES])
def test_config_makes_an_equal_loss(name):
    loss = losses.get(name)
    assert type(loss).from_config(loss.get_config()).get_config() == loss.get_config()


def test_wrapped_function_has_its_name_in_the_config():
    loss = losses.LossFunctionWrapper("huber", delta=2.0)
    assert loss.get_config() == {"name": "huber", "reduction": "sum_over_batch_size", "fn": "huber", "delta": 2.0}
    again = losses.LossFunctionWrapper.from_config(loss.get_config())
    assert (again.fn, again.get_config()) == (losses.huber, loss.get_config())


@pytest.mark.parametrize(
    ("y_true", "y_pred", "expected"),
    [
        ((6,), (6, 1), losses.binary_crossentropy),
        ((6,), (6, 4), losses.sparse_categorical_crossentropy),
        ((6, 1), (6, 4), losses.sparse_categorical_crossentropy),
        ((6, 4), (6, 4), losses.categorical_crossentropy),
    ],
)
def test_crossentropy_is_chosen_by_shapes(y_true, y_pred, expected):
    loss = losses.get_for("crossentropy", Spec(y_true, tf.float32), Spec(y_pred, tf.float32))
    assert (loss.fn, loss.name) == (expected, "crossentropy")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.sparse_categorical_crossentropy(ONE_HOT, LOGITS),
            "sparse_categorical_crossentropy: y_true holds class numbers, so for y_pred of shape (6, 4) its shape must "
            "be (6,), got (6, 4); for one-hot labels use categorical_crossentropy",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy(LABELS[:4], LOGITS),
            "sparse_categorical_crossentropy: y_true holds class numbers, so for y_pred of shape (6, 4) its shape must "
            "be (6,), got (4,); give one label per prediction",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy(0, 1.0),
            "sparse_categorical_crossentropy: y_pred needs an axis of classes, got a scalar",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy(LABELS, LOGITS, axis=0),
            "sparse_categorical_crossentropy: the classes must lie on the last axis of y_pred (shape (6, 4)), got "
            "axis=0; move it there with tf.transpose",
        ),
        (
            lambda: losses.categorical_crossentropy(LABELS, LOGITS),
            "categorical_crossentropy: y_true must have the shape of y_pred, (6, 4), got (6,); for class numbers use "
            "sparse_categorical_crossentropy, or make the labels one-hot with tf.one_hot",
        ),
        (
            lambda: losses.mean_squared_error(LABELS, LOGITS),
            "mean_squared_error: y_true must have the shape of y_pred, (6, 4), got (6,); give both the same shape: "
            "nothing is broadcast here",
        ),
        (
            lambda: losses.MeanSquaredError()(LOGITS, LOGITS, [1, 2, 3]),
            "mean_squared_error: sample_weight of shape (3,) does not fit values of shape (6,); give one weight "
            "per sample",
        ),
        (
            lambda: losses.MeanSquaredError(reduction="average"),
            "MeanSquaredError: reduction must be one of ('sum_over_batch_size', 'mean', 'mean_with_sample_weight', "
            "'sum', 'none', None), got 'average'",
        ),
        (
            lambda: losses.get("mean_square_error"),
            "there is no loss 'mean_square_error'; did you mean mean_squared_error, MeanSquaredError, "
            "mean_squared_logarithmic_error?",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError) as error:
        call()
    assert str(error.value) == message


def test_get_refuses_what_is_no_loss():
    with pytest.raises(TypeError, match="a loss is given by name, as a function or as an object, got 3"):
        losses.get(3)


@pytest.mark.parametrize(
    "loss", [losses.SparseCategoricalCrossentropy(), losses.get_for("sparse_categorical_crossentropy", LABELS, LOGITS)]
)
def test_logits_taken_for_probabilities_are_noticed_once(loss):
    hint = r"no softmax or sigmoid, use keras\.losses\.SparseCategoricalCrossentropy\(from_logits=True\)"
    with pytest.warns(UserWarning, match=hint):
        loss(LABELS, LOGITS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(LABELS, LOGITS)


def test_what_may_be_negative_or_is_a_probability_brings_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses.SparseCategoricalCrossentropy()(LABELS, PROBABILITIES)
        losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS, LOGITS)
        losses.MeanSquaredError()(ONE_HOT, LOGITS)
