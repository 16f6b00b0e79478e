"""Small names of TensorFlow's: what they give was checked with TensorFlow 2.21."""

import numpy as np
import pytest

import microdl as tf


@pytest.mark.parametrize("choice", [tf.UnconnectedGradients.ZERO, "zero", tf.UnconnectedGradients("zero")])
def test_unconnected_gradients_can_be_zeros(choice):
    x, z = tf.Variable([1.0, 2.0]), tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        y = z * z
    assert tape.gradient(y, x, unconnected_gradients=choice).numpy().tolist() == [0.0, 0.0]
    assert tape.gradient(y, x, unconnected_gradients=tf.UnconnectedGradients.NONE) is None


@pytest.mark.parametrize(
    ("shape", "other", "compatible"),
    [
        ([2, None], [2, 3], True),
        ([2, 3], [None, 3], True),
        ([2, 3], [2], False),
        ([2, 3], [2, 4], False),
        ([2, 3], None, True),
        ([], [], True),
    ],
)
def test_shapes_are_compatible(shape, other, compatible):
    assert tf.TensorShape(shape).is_compatible_with(other) is compatible


@pytest.mark.parametrize("method", ["assign", "assign_add", "assign_sub"])
def test_a_write_gives_the_variable_if_it_is_to_be_read(method):
    v = tf.Variable([1.0])
    assert getattr(v, method)([1.0], use_locking=True, name="write") is v
    assert getattr(v, method)([1.0], read_value=True) is v
    assert getattr(v, method)([1.0], read_value=False) is None
    assert v.numpy().tolist() == {"assign": [1.0], "assign_add": [4.0], "assign_sub": [-2.0]}[method]


def test_tensors_and_variables_are_tensors():
    assert tf.is_tensor(tf.Variable(1.0))
    assert tf.is_tensor(tf.constant(1.0))
    assert not tf.is_tensor(1.0)
    assert not tf.is_tensor(np.ones(1))


@pytest.mark.parametrize(
    "name", [None, "/cpu:0", "CPU", "cpu:0", "/device:CPU:0", "/job:localhost/replica:0/task:0/device:CPU:0"]
)
def test_the_cpu_can_be_named(name):
    with tf.device(name):
        x = tf.constant([1.0, 2.0]) * 2.0
    assert x.numpy().tolist() == [2.0, 4.0]
    with tf.device(x.device):
        pass


def test_modules_show_the_same_functions():
    for name in ("sigmoid", "tanh", "softplus", "softsign", "softmax", "log_softmax", "l2_normalize"):
        assert getattr(tf.math, name) is getattr(tf.nn, name)
    for name in ("initializers", "losses", "metrics", "optimizers"):
        assert getattr(tf, name) is getattr(tf.keras, name)
    assert tf.norm is tf.linalg.norm
    assert (tf.half, tf.double) == (tf.float16, tf.float64)
    assert isinstance(tf.float32, tf.DType)


def test_a_product_without_nan_has_gradients_without_nan():
    x, y = tf.Variable([np.nan, 2.0, 5.0]), tf.Variable([0.0, 3.0, 0.0])
    with tf.GradientTape() as tape:
        z = tf.math.multiply_no_nan(x, y)
    dx, dy = tape.gradient(z, [x, y])
    assert z.numpy().tolist() == [0.0, 6.0, 0.0]
    assert dx.numpy().tolist() == [0.0, 3.0, 0.0]
    np.testing.assert_array_equal(dy.numpy(), [np.nan, 2.0, 5.0])
