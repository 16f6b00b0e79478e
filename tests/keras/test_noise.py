"""Layers that act only in training: what they draw, and what they leave as it is."""

import numpy as np
import pytest

import microdl as tf
from microdl.core.random_state import random_state
from microdl.keras import layers

X = np.random.default_rng(0).normal(size=(200, 500)).astype(np.float32)
NOISY = [
    layers.GaussianNoise(0.5),
    layers.GaussianDropout(0.3),
    layers.AlphaDropout(0.3),
    layers.SpatialDropout1D(0.3),
    layers.SpatialDropout2D(0.3),
]


@pytest.mark.parametrize("layer", NOISY, ids=lambda layer: type(layer).__name__)
def test_nothing_changes_outside_of_training(layer):
    x = X.reshape(20, 10, 500) if layer.name.endswith("1d") else X.reshape(20, 10, 10, 50) if "2d" in layer.name else X
    assert np.array_equal(layer(x), x)
    assert not np.array_equal(layer(x, training=True), x)


def test_gaussian_noise_has_its_deviation():
    noise = layers.GaussianNoise(0.5)(X, training=True).numpy() - X
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.5, rel=0.01)


def test_gaussian_dropout_multiplies_by_noise_of_mean_1():
    factor = layers.GaussianDropout(0.2)(np.ones_like(X), training=True).numpy()
    assert factor.mean() == pytest.approx(1, rel=0.01)
    assert factor.std() == pytest.approx(0.5, rel=0.01)


def test_alpha_dropout_keeps_mean_and_variance():
    y = layers.AlphaDropout(0.3)(X, training=True).numpy()
    assert y.mean() == pytest.approx(X.mean(), abs=0.02)
    assert y.std() == pytest.approx(X.std(), rel=0.02)
    rows = layers.AlphaDropout(0.5, noise_shape=(None, 1))(X, training=True).numpy()
    assert 50 < (rows.std(axis=1) == 0).sum() < 150  # whole rows are dropped


@pytest.mark.parametrize(
    ("layer", "shape"), [(layers.SpatialDropout1D(0.5), (20, 6, 50)), (layers.SpatialDropout2D(0.5), (20, 3, 4, 50))]
)
def test_spatial_dropout_drops_whole_channels(layer, shape):
    y = layer(np.ones(shape, np.float32), training=True).numpy().reshape(20, -1, 50)
    assert set(np.unique(y)) == {0.0, 2.0}
    assert np.array_equal(y.min(axis=1), y.max(axis=1))
    assert 0.4 < (y[:, 0] == 0).mean() < 0.6


def test_random_flip_reverses_some_images():
    x = np.random.default_rng(0).normal(size=(64, 3, 4, 1)).astype(np.float32)
    y = layers.RandomFlip("horizontal", seed=1)(x, training=True).numpy()
    flipped = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(y, x, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(y, x, strict=True)])
    assert np.all(flipped ^ same)
    assert 10 < flipped.sum() < 54
    assert np.array_equal(layers.RandomFlip("vertical")(x, training=False), x)


def test_traced_training_draws_anew_at_each_call():
    layer = layers.GaussianNoise(0.5)
    run = tf.function(lambda x: layer(x, training=True))
    assert not np.array_equal(run(X), run(X))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.GaussianNoise(-1, name="n"), r"^n \(GaussianNoise\): stddev must be in \[0, 1\], got -1$"),
        (lambda: layers.GaussianDropout(1, name="n"), r"^n \(GaussianDropout\): rate must be in \[0, 1\), got 1$"),
        (lambda: layers.AlphaDropout(1.5, name="n"), r"^n \(AlphaDropout\): rate must be in \[0, 1\), got 1.5$"),
        (lambda: layers.SpatialDropout1D(2, name="n"), r"^n \(SpatialDropout1D\): rate is the share of values dropped"),
        (lambda: layers.SpatialDropout1D(0.5, name="n")(X), r"^n \(SpatialDropout1D\): expects 3 axes"),
    ],
)
def test_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_after_keras_seeding_dropout_draws_as_in_keras():
    """Numbers of TensorFlow 2.21 with Keras 3.15."""
    expected = [[[0.04252413, 0.46408385], [0.04252413, 0.46408385]], [[1.8354775, 1.1865357], [0, 0]]]
    for wrapped in (lambda model: model, tf.function):
        tf.keras.utils.set_random_seed(1)
        model = tf.keras.Sequential(
            [tf.keras.Input((4,)), layers.Flatten(), layers.Dense(3), layers.Dropout(0.5), layers.Dense(2)]
        )
        called = wrapped(lambda x, model=model: model(x, training=True))
        np.testing.assert_allclose([called(tf.ones((2, 4))).numpy() for _ in range(2)], expected, rtol=1e-6)


def test_the_count_of_calls_is_a_part_of_the_random_state():
    x, layer = np.ones((3, 5), np.float32), layers.Dropout(0.5, seed=3)
    before = random_state.state()
    first = layer(x, training=True).numpy()
    second = layer(x, training=True).numpy()
    random_state.restore(before)
    assert not np.array_equal(first, second)
    assert np.array_equal(layer(x, training=True), first)
