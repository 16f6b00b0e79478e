"""Shapes of outputs, worked out without running anything."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers
from microdl.keras.layers import Layer


class Scale(Layer):
    """x * factor, which starts as ones."""

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")

    def call(self, inputs):
        return inputs * self.factor


def test_compute_output_shape_runs_no_op_and_keeps_an_unknown_batch():
    class Sums(Layer):
        def call(self, inputs):
            return {"rows": inputs[:, 0], "all": inputs + 1.0}

    assert Sums().compute_output_shape((None, 3)) == {"rows": (None,), "all": (None, 3)}
    assert Sums().compute_output_shape([5, 3]) == {"rows": (5,), "all": (5, 3)}


def test_compute_output_shape_makes_weights_with_values():
    layer = Scale()
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    np.testing.assert_array_equal(layer.get_weights()[0], [1, 1, 1])


def test_compute_output_shape_needs_the_sizes_of_weights():
    with pytest.raises(ValueError, match=r"\(Scale\): weight 'factor' needs a shape of known sizes, got \(None,\)"):
        Scale().compute_output_shape((None, None))


def test_compute_output_shape_tells_what_depends_on_unknown_sizes():
    def summed(x):
        return [x, tf.reduce_sum(x, axis=1), x[:, 1:3]]

    shapes = tf.keras.layers.Lambda(summed).compute_output_shape((None, None, 251))
    assert shapes == [(None, None, 251), (None, 251), (None, 2, 251)]


@pytest.mark.parametrize(
    ("layer", "given", "expected"),
    [
        (layers.Conv1D(4, 3, padding="same", strides=2), (None, None, 3), (None, None, 4)),
        (layers.Conv2D(4, 3), (None, None, 8, 3), (None, None, 6, 4)),
        (layers.LSTM(5), (None, None, 3), (None, 5)),
        (layers.LSTM(5, return_sequences=True), (None, None, 3), (None, None, 5)),
        (layers.Embedding(10, 4), (None, None), (None, None, 4)),
        (layers.GlobalMaxPooling1D(), (2, None, 3), (2, 3)),
        (layers.UpSampling2D(3), (None, None, None, 2), (None, None, None, 2)),
        (layers.Bidirectional(layers.GRU(2, return_state=True)), (None, None, 3), [(None, 4), (None, 2), (None, 2)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_unknown_steps_stay_unknown(layer, given, expected):
    assert layer.compute_output_shape(given) == expected


def test_a_model_for_sequences_of_any_length():
    model = tf.keras.Sequential([tf.keras.Input((None,)), layers.Embedding(9, 4, mask_zero=True), layers.GRU(3)])
    assert model.output_shape == (None, 3)
    assert model(np.ones((2, 5))).shape == model(np.ones((2, 8))).shape == (2, 3)
