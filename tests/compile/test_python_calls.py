"""``tf.py_function`` and ``tf.numpy_function``: Python in the middle of traced functions."""

import numpy as np
import pytest

import microdl as tf
from microdl.errors import InvalidArgumentError


def test_py_function_runs_in_every_call_with_eager_tensors():
    seen = []

    def double(x):
        seen.append(x.numpy().tolist())
        return x * 2.0

    f = tf.function(lambda x: tf.py_function(double, [x], tf.float32) + 1.0)
    for value in ([1.0, 2.0], [3.0, 4.0], [3.0, 4.0]):
        assert f(tf.constant(value)).numpy().tolist() == [2 * v + 1 for v in value]
    assert seen[-3:] == [[1, 2], [3, 4], [3, 4]]


def test_py_function_with_several_results_and_none():
    def parts(x, n):
        return x * 2.0, n + 1

    for call in (tf.py_function, tf.function(tf.py_function)):
        y, n = call(parts, [tf.constant(2.0), tf.constant(3)], [tf.float32, tf.int32])
        assert (y.numpy(), n.numpy()) == (4.0, 4)
    assert tf.py_function(lambda x: None, [tf.constant(1.0)], []) == []


def test_py_function_shapes_from_tensor_specs():
    def pick(x):
        if not x.numpy().any():
            raise IndexError("nothing to pick")
        return x[0]

    f = tf.function(lambda x: tf.py_function(pick, [x], tf.TensorSpec([], tf.float32)))
    assert f(tf.constant([5.0, 6.0])).numpy() == 5.0
    with pytest.raises(
        ValueError, match=r"a call with zeros failed: IndexError: nothing to pick. Give it: Tout=tf.TensorSpec"
    ):
        tf.function(lambda x: tf.py_function(pick, [x], tf.float32))(tf.constant([5.0, 6.0]))


def test_py_function_has_gradients_eagerly_and_traced():
    def cube(x, y):
        return x * x * x + (y if x[0] > 0 else -y), x

    def f(x, y):
        a, b = tf.py_function(cube, [x, y], [tf.float32, tf.float32])
        return tf.reduce_sum(a * b)

    for x in ([1.0, 2.0], [-1.0, 3.0]):
        found = []
        for call in (f, tf.function(f)):
            inputs = tf.constant(x), tf.constant([5.0, 7.0])
            with tf.GradientTape() as tape:
                tape.watch(inputs)
                loss = call(*inputs)
            found.append([loss.numpy(), *np.ravel([dx.numpy() for dx in tape.gradient(loss, inputs)])])
        np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    x = tf.Variable([1.0, 2.0])

    @tf.function
    def inside():
        with tf.GradientTape() as tape:
            y = tf.py_function(lambda v: v * v, [x], tf.float32)
        return tape.gradient(y, x)

    assert inside().numpy().tolist() == [2.0, 4.0]


def test_numpy_function_takes_arrays_and_has_no_gradient():
    def sort(x):
        assert isinstance(x, np.ndarray)
        return np.sort(x)

    for call in (tf.numpy_function, tf.function(tf.numpy_function)):
        x = tf.constant([3.0, 1.0, 2.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(sort, [x], tf.float32)
        assert y.numpy().tolist() == [1, 2, 3]
        assert tape.gradient(y, x) is None


def test_results_that_do_not_fit_tout_are_refused():
    for call in (tf.numpy_function, tf.function(tf.numpy_function)):
        with pytest.raises(ValueError, match="Tout says float32, the function returned float64"):
            call(lambda x: x / 2, [tf.constant(3)], tf.float32)
    with pytest.raises(InvalidArgumentError, match="Tout has 2 entries, the function returned 1 values"):
        tf.py_function(lambda x: x, [tf.constant(3)], [tf.float32, tf.float32])
    with pytest.raises(TypeError, match="func must be callable, got 3"):
        tf.py_function(3, [], tf.float32)
    growing = []

    def longer(x):
        growing.append(0.0)
        return tf.constant(growing)

    f = tf.function(lambda x: tf.py_function(longer, [x], tf.float32))
    with pytest.raises(InvalidArgumentError, match=r"the function returned a tensor of shape \(\d,\); while tracing"):
        f(tf.constant(1.0))


def test_an_error_in_the_function_reaches_the_caller():
    f = tf.function(lambda x: tf.py_function(lambda v: 1.0 / v.numpy().item(), [x], tf.TensorSpec([], tf.float32)))
    assert f(tf.constant(4.0)).numpy() == 0.25
    with pytest.raises(ZeroDivisionError):
        f(tf.constant(0.0))


def test_in_loops_and_branches():
    @tf.function
    def f(x):
        for i in tf.range(3):
            if x > 0.0:
                x = x - tf.numpy_function(lambda v, k: np.float32(v / 2 + k), [x, i], tf.float32)
        return x

    x = 8.0
    for i in range(3):
        x = x - (x / 2 + i) if x > 0 else x
    assert f(tf.constant(8.0)).numpy() == x
