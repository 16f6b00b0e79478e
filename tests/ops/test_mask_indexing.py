"""``x[mask]`` with a mask of bools: what ``tf.boolean_mask`` gives. Expected values are TensorFlow 2.21's."""

import numpy as np
import pytest

import microdl as tf


@pytest.fixture
def x():
    return tf.reshape(tf.range(12.0), (3, 4))


def test_a_mask_picks_elements_or_rows(x):
    rows = np.array([True, False, True])
    assert x[x > 3].numpy().tolist() == list(range(4, 12))
    assert x[x > 100].shape == (0,)
    for mask in (rows, tf.constant(rows), tf.Variable(rows)):
        np.testing.assert_array_equal(x[mask], x.numpy()[rows])
    np.testing.assert_array_equal(tf.function(lambda x: x[tf.constant(rows)])(x), x.numpy()[rows])
    assert tf.constant(["a", "b"])[tf.constant([False, True])].numpy().tolist() == [b"b"]


def test_gradients_reach_what_was_picked(x):
    v, rows = tf.Variable(x), tf.constant([True, False, True])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        elements, some_rows, of_variable = (tf.reduce_sum(y * y) for y in (x[x > 3], x[rows], v[v > 3]))
    expected = np.where(x.numpy() > 3, 2 * x.numpy(), 0)
    np.testing.assert_array_equal(tape.gradient(elements, x), expected)
    np.testing.assert_array_equal(tape.gradient(of_variable, v), expected)
    np.testing.assert_array_equal(tape.gradient(some_rows, x), 2 * x.numpy() * [[1], [0], [1]])


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (True, ValueError, "mask cannot be scalar"),
        (tf.constant(True), ValueError, "mask cannot be scalar"),
        (tf.constant([True, False]), ValueError, r"mask has shape \(2,\), but tensor \(3, 4\)"),
        (tf.ones((3, 4, 1), tf.bool), ValueError, r"mask has shape \(3, 4, 1\)"),
        ([True, False, True], TypeError, "tensors are indexed with"),
        ((tf.constant([True, False, True]), 1), TypeError, "tensors are indexed with"),
        (np.bool_(True), TypeError, "tensors are indexed with"),
    ],
)
def test_errors(x, mask, error, message):
    with pytest.raises(error, match=message):
        x[mask]


def test_a_mask_without_values_is_refused(x):
    with pytest.raises(TypeError, match="depends on the values of the mask"):
        tf.function(lambda x: x[x > 3])(x)
