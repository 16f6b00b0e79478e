"""Regularizers, constraints and losses that layers add: values in NumPy, what training makes of them."""

import copy

import numpy as np
import pytest

import microdl as tf
from microdl.keras import constraints, layers, regularizers

W = np.random.default_rng(0).normal(size=(4, 3))


def cosines(rows):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.abs(unit @ unit.T)[np.triu_indices(len(rows), 1)].mean()


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (regularizers.L1(0.5), 0.5 * np.abs(W).sum()),
        (regularizers.L2(0.5), 0.5 * (W**2).sum()),
        (regularizers.L1L2(0.25, 0.5), 0.25 * np.abs(W).sum() + 0.5 * (W**2).sum()),
        (regularizers.get("l1_l2"), 0.01 * np.abs(W).sum() + 0.01 * (W**2).sum()),
        (regularizers.OrthogonalRegularizer(0.5), 0.5 * cosines(W)),
        (regularizers.OrthogonalRegularizer(0.5, mode="columns"), 0.5 * cosines(W.T)),
    ],
)
def test_a_penalty_is_its_formula(regularizer, expected):
    assert float(regularizer(tf.constant(W))) == pytest.approx(expected, rel=1e-9)
    again = regularizers.get(regularizers.serialize(regularizer))
    assert float(again(tf.constant(W))) == pytest.approx(expected, rel=1e-9)


NORMS = np.linalg.norm(W, axis=0)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (constraints.NonNeg(), np.maximum(W, 0)),
        (constraints.UnitNorm(), W / NORMS),
        (constraints.MaxNorm(1.5), W * np.minimum(NORMS, 1.5) / NORMS),
        (constraints.MinMaxNorm(1.8, 2.0, rate=0.5), W * (np.clip(NORMS, 1.8, 2.0) / NORMS + 1) / 2),
        (constraints.UnitNorm(axis=[0, 1]), W / np.linalg.norm(W)),
    ],
)
def test_a_constrained_weight_is_its_formula(constraint, expected):
    for made in (constraint, constraints.get(constraints.serialize(constraint))):
        assert np.allclose(made(tf.constant(W)), expected, atol=1e-6)


def test_unknown_names_and_factors_are_refused():
    with pytest.raises(ValueError, match=r"^there is no regularizer 'l3'; did you mean L1"):
        regularizers.get("l3")
    with pytest.raises(ValueError, match=r"^there is no constraint 'nonneg'; did you mean non_neg"):
        constraints.get("nonneg")
    with pytest.raises(ValueError, match=r"^L2: l2 must be a finite float >= 0, got -1$"):
        regularizers.L2(-1)
    with pytest.raises(TypeError, match=r"^a regularizer is given by name"):
        regularizers.get(3)


def test_a_layers_losses_are_penalties_of_its_weights_and_outputs():
    layer = layers.Dense(2, kernel_regularizer="l2", bias_regularizer=lambda b: 3.0 + 0 * tf.reduce_sum(b))
    layer.activity_regularizer = regularizers.L1(0.5)
    y = layer(np.ones((5, 3), np.float32)).numpy()
    activity, kernel, bias = [float(loss) for loss in layer.losses]
    assert activity == pytest.approx(0.5 * np.abs(y).sum() / 5, rel=1e-6)
    assert kernel == pytest.approx(0.01 * (layer.kernel.numpy() ** 2).sum(), rel=1e-6)
    assert bias == 3.0


def test_a_layers_configuration_holds_regularizers_and_constraints():
    layer = layers.Conv2D(2, 3, kernel_regularizer=regularizers.L1(0.5), bias_constraint="unit_norm")
    config = layer.get_config()
    names = {"module": "keras.regularizers", "class_name": "L1", "registered_name": None}
    assert config["kernel_regularizer"] == {**names, "config": {"l1": 0.5}}
    again = layers.Conv2D.from_config(config)
    assert again.kernel_regularizer.l1 == 0.5
    assert isinstance(again.bias_constraint, constraints.UnitNorm)
    assert again.kernel_constraint is None


class Penalized(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        y = self.dense(inputs)
        self.add_loss(tf.reduce_mean(y * y))
        return y


def test_each_call_starts_with_no_added_losses():
    model = Penalized()
    for _ in range(3):
        y = model(np.ones((2, 3), np.float32))
    assert [float(loss) for loss in model.losses] == [pytest.approx(np.mean(y.numpy() ** 2), rel=1e-6)]


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_added_losses_are_trained_without_any_other_loss(run_eagerly):
    model = Penalized()
    model.compile(tf.keras.optimizers.SGD(0.1), run_eagerly=run_eagerly)
    history = model.fit(np.ones((8, 3), np.float32), epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.1 * history[0]


def test_fit_minimises_the_loss_with_penalties_and_reports_both():
    x, y = np.ones((4, 2), np.float32), np.zeros((4, 1), np.float32)
    layer = layers.Dense(1, use_bias=False, kernel_regularizer=regularizers.L2(0.5), kernel_initializer="ones")
    model = tf.keras.Sequential([layer])
    model.compile(tf.keras.optimizers.SGD(0.1), "mse")
    history = model.fit(x, y, epochs=1, verbose=0).history["loss"]
    assert history == [pytest.approx(4.0 + 0.5 * 2)]  # (1 + 1)^2 and the penalty
    assert np.allclose(layer.kernel, 1 - 0.1 * (4 + 1))  # its gradient: 2 (w1 + w2) x + 2 * 0.5 w


def test_constraints_hold_after_each_step():
    layer = layers.Dense(3, kernel_constraint="non_neg", bias_constraint=constraints.MaxNorm(0.01))
    model = tf.keras.Sequential([layer])
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(32, 4)), rng.normal(size=(32, 3)), epochs=2, verbose=0)
    assert layer.kernel.numpy().min() >= 0
    assert np.linalg.norm(layer.bias.numpy()) <= 0.0101


def test_a_copied_layer_keeps_the_constraints_of_its_weights():
    layer = layers.Dense(2, kernel_constraint="non_neg", kernel_regularizer="l1")
    layer.build((None, 3))
    again = copy.deepcopy(layer)
    assert isinstance(again.kernel.constraint, constraints.NonNeg)
    assert isinstance(again.kernel.regularizer, regularizers.L1)
