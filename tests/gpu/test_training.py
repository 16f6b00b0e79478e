"""The CNN that everyone begins with, trained on a GPU: the CPU's losses, step by step."""

import warnings

import numpy as np
import pytest

import microdl as tf

pytestmark = pytest.mark.gpu
BATCH, STEPS = 16, 50


@pytest.fixture(autouse=True)
def _there_is_a_gpu(gpu0):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no step on the CPU, nothing that keeps a step from being a graph
        yield


def network(dropout=0.0):
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(36, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(dropout),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )


def losses(device, images, labels):
    """Of STEPS steps with Adam."""
    tf.keras.utils.set_random_seed(1)
    with tf.device(device):
        model, optimizer = network(), tf.keras.optimizers.Adam(1e-3)

        @tf.function
        def step(x, y):
            with tf.GradientTape() as tape:
                entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True))
                loss = tf.reduce_mean(entropy)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        found = []
        for k in range(STEPS):
            batch = slice(k % 4 * BATCH, (k % 4 + 1) * BATCH)
            found.append(step(images[batch], labels[batch]))
    return np.array([float(loss) for loss in found])


def test_fifty_steps_have_the_losses_of_the_cpu():
    """On digits: on images of noise a rounding error grows to 8e-3 in 50 steps, on the CPU alone too."""
    (images, labels), _ = tf.keras.datasets.mnist.load_data()
    images, labels = (images[: 4 * BATCH, ..., None] / 255).astype(np.float32), labels[: 4 * BATCH].astype(np.int64)
    found, expected = losses("/gpu:0", images, labels), losses("/cpu:0", images, labels)
    assert expected[-1] < 0.1 * expected[0]  # it learns
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_keras_trains_on_a_gpu_and_draws_the_same_dropout(rng):
    images = rng.random((40, 28, 28, 1)).astype(np.float32)
    labels = rng.integers(0, 10, 40)

    def history(device):
        tf.keras.utils.set_random_seed(2)
        with tf.device(device):
            model = network(dropout=0.5)
            model.compile(
                tf.keras.optimizers.SGD(0.01, momentum=0.9),
                tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                metrics=["accuracy"],
            )
            told = model.fit(images, labels, batch_size=16, epochs=2, verbose=0).history  # the last batch is smaller
            return [*told["loss"], *told["accuracy"], *model.evaluate(images, labels, verbose=0)], model

    (found, model), (expected, _) = history("/gpu:0"), history("/cpu:0")
    assert {v.device.rpartition("device:")[2] for v in model.weights} == {"GPU:0"}
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    prediction = model.predict(images[:3], verbose=0)
    assert type(prediction) is np.ndarray
    assert prediction.shape == (3, 10)
