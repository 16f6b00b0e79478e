"""Layers and training steps of the user's whose control flow depends on tensors."""

import numpy as np

import microdl as tf


class Gated(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(2)

    def call(self, inputs, training=False):
        x = self.dense(inputs)
        if tf.reduce_mean(x) > 0.0 and training:
            return x * 0.5
        total = tf.zeros_like(x)
        for _ in range(2):
            total = total + x
        while tf.reduce_sum(total) > 10.0:
            total = total * 0.5
        return total

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
        gradients = tape.gradient(loss, self.trainable_variables)
        if loss > 1.0:
            gradients = [0.1 * g for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def test_the_call_of_a_layer_and_a_train_step_may_depend_on_tensors(rng):
    x, y = rng.normal(size=(32, 3)).astype("float32"), rng.normal(size=(32, 2)).astype("float32")
    trained = []
    for eagerly in (True, False):
        tf.keras.utils.set_random_seed(1)
        model = Gated()
        model.compile(optimizer="sgd", run_eagerly=eagerly)
        history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]
        trained.append((history, model.predict(x, verbose=0)))
    (eager_loss, eager), (loss, predicted) = trained
    np.testing.assert_allclose(loss, eager_loss, rtol=1e-5)
    np.testing.assert_allclose(predicted, eager, rtol=1e-5, atol=1e-6)


def test_a_layer_with_an_if_has_a_shape_before_it_runs():
    class Choose(tf.keras.layers.Layer):
        def call(self, inputs):
            if tf.reduce_sum(inputs) > 0.0:
                return inputs * 2.0
            return -inputs

    model = tf.keras.Sequential([tf.keras.Input((3,)), Choose(), tf.keras.layers.Dense(2)])
    assert model.output_shape == (None, 2)
    assert model.predict(np.ones((4, 3), np.float32), verbose=0).shape == (4, 2)
