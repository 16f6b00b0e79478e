"""What a plan leaves out, computes beforehand, and does in one step; the results stay those of eager execution."""

import numpy as np
import pytest

import microdl as tf


def steps(f, *args):
    """Names of the ops that a traced function runs."""
    return [step.node.op.name for step in f.get_concrete_function(*args).plan.steps]


def images(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))


def test_what_nobody_needs_does_not_run():
    @tf.function
    def f(x):
        tf.exp(x)
        return tf.sin(x)

    assert steps(f, tf.ones([3])) == ["Sin"]


def test_writes_and_random_draws_run_though_nobody_reads_their_results():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        tf.random.uniform([2])
        v.assign(x)
        return x

    assert steps(f, tf.constant(1.0)) == ["RandomUniform", "AssignVariableOp"]


def test_constants_are_computed_once():
    c = tf.constant(np.arange(1000, dtype="float32"))

    @tf.function
    def f(x):
        return x * tf.exp(tf.sqrt(c)) + tf.cast(tf.ones_like(x), tf.float32)

    assert not {"Exp", "Sqrt", "OnesLike", "Cast"} & set(steps(f, tf.ones([1000])))
    np.testing.assert_allclose(f(tf.ones([1000])).numpy(), np.exp(np.sqrt(c.numpy())) + 1, rtol=1e-5)


def test_equal_expressions_are_computed_once():
    @tf.function
    def f(x):
        return tf.cumsum(tf.exp(x)) + tf.reverse(tf.exp(x), [0])

    assert steps(f, tf.ones([5])).count("Exp") == 1


def test_random_draws_are_never_merged():
    f = tf.function(lambda: tf.random.uniform([4]) - tf.random.uniform([4]))
    assert np.any(f().numpy())


def test_the_images_get_no_gradient():
    filters = tf.Variable(images(3, 3, 1, 4))

    @tf.function
    def f(x):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.nn.conv2d(x, filters, 1, "SAME"))
        return tape.gradient(y, filters)

    assert "Conv2DGradInput" not in steps(f, images(2, 8, 8, 1))


def test_a_dense_layer_is_one_step():
    w, b = tf.Variable(images(8, 5)), tf.Variable(images(5))
    for activation, tail in ((tf.nn.relu, []), (lambda x: x, []), (tf.nn.softmax, ["Softmax"])):
        f = tf.function(lambda x, g=activation: g(tf.nn.bias_add(x @ w, b)))
        x = images(7, 8)
        assert steps(f, x) == ["_FusedMatMul", *tail]
        np.testing.assert_allclose(f(x).numpy(), activation(tf.nn.bias_add(x @ w, b)).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("rows", "depth", "columns"), [(3, 0, 5), (0, 4, 5), (3, 4, 0)])
def test_a_dense_layer_without_rows_inputs_or_outputs(rows, depth, columns):
    w, b = tf.Variable(images(depth, columns)), tf.Variable(images(columns))
    f, x = tf.function(lambda x: tf.nn.relu(tf.nn.bias_add(x @ w, b))), images(rows, depth)
    np.testing.assert_array_equal(f(x).numpy(), tf.nn.relu(tf.nn.bias_add(x @ w, b)).numpy())


def test_what_is_returned_from_within_is_not_fused_away():
    w, b = tf.Variable(images(8, 5)), tf.Variable(images(5))

    @tf.function
    def f(x):
        z = tf.nn.bias_add(x @ w, b)
        return z, tf.nn.relu(z)

    x = images(7, 8)
    assert steps(f, x) == ["_FusedMatMul", "Relu"]
    z, y = f(x)
    np.testing.assert_array_equal(np.maximum(z.numpy(), 0), y.numpy())


@pytest.mark.parametrize("channels", [1, 8])
def test_gradients_behind_a_pool_read_the_winners_where_that_pays(channels):
    filters, bias = tf.Variable(images(5, 5, channels, 12)), tf.Variable(images(12))

    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.relu(tf.nn.max_pool2d(tf.nn.bias_add(tf.nn.conv2d(x, filters, 1, "SAME"), bias), 2, 2, "VALID"))
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, [x, filters, bias])

    x, traced = images(4, 15, 14, channels), tf.function(f)
    names = steps(traced, x)
    assert {"_Conv2DPoolGradFilter", "_Conv2DPoolGradInput"} <= set(names)
    assert not {"_FusedBiasReluPoolGrad", "Conv2DGradFilter", "Conv2DGradInput"} & set(names)
    for ours, eager in zip(traced(x), f(x), strict=True):
        np.testing.assert_allclose(ours.numpy(), eager.numpy(), rtol=2e-4, atol=2e-3)


def test_a_bias_that_is_computed_has_its_gradient_before_that_of_the_filter():
    filters, bias = tf.Variable(images(5, 5, 8, 12)), tf.Variable(images(12))

    def f(x):
        with tf.GradientTape() as tape:
            z = tf.nn.bias_add(tf.nn.conv2d(x, filters, 1, "SAME"), 2.0 * bias)  # after the convolution
            y = tf.nn.relu(tf.nn.max_pool2d(z, 2, 2, "VALID"))
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, [filters, bias])

    x, traced = images(4, 14, 14, 8), tf.function(f)
    assert "_Conv2DPoolGradFilter" in steps(traced, x)
    for ours, eager in zip(traced(x), f(x), strict=True):
        np.testing.assert_allclose(ours.numpy(), eager.numpy(), rtol=2e-4, atol=2e-3)


LAYERS = {
    "pool, relu": lambda z: tf.nn.relu(tf.nn.max_pool2d(z, 2, 2, "VALID")),
    "relu, pool": lambda z: tf.nn.max_pool2d(tf.nn.relu(z), 2, 2, "VALID"),
    "relu, pool SAME": lambda z: tf.nn.max_pool2d(tf.nn.relu(z), 2, 2, "SAME"),
}


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("order", LAYERS)
def test_a_convolution_takes_bias_relu_and_pool_along_and_so_does_its_gradient(order, size):
    filters, bias = tf.Variable(images(3, 3, 2, 4)), tf.Variable(images(4))

    def f(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = LAYERS[order](tf.nn.bias_add(tf.nn.conv2d(x, filters, 1, "SAME"), bias))
            loss = tf.reduce_sum(y * y)
        return [y, *tape.gradient(loss, [x, filters, bias])]

    x, traced = images(3, size, size, 2), tf.function(f)
    fused = {"_FusedConv2DPool"} <= set(steps(traced, x))
    assert fused == (order != "relu, pool SAME" or size == 8)
    assert not fused or not {"MaxPoolGrad", "ReluGrad", "BiasAddGrad"} & set(steps(traced, x))
    for ours, eager in zip(traced(x), f(x), strict=True):
        np.testing.assert_allclose(ours.numpy(), eager.numpy(), rtol=1e-4, atol=1e-4)


def test_a_pool_of_other_windows_or_without_relu_stays_by_itself():
    filters, bias = tf.Variable(images(3, 3, 2, 4)), tf.Variable(images(4))
    z = lambda x: tf.nn.bias_add(tf.nn.conv2d(x, filters, 1, "SAME"), bias)  # noqa: E731
    for pool in (
        lambda x: tf.nn.relu(tf.nn.max_pool2d(x, 3, 3, "VALID")),
        lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
        lambda x: tf.nn.relu(tf.nn.max_pool2d(x, 2, 1, "VALID")),
    ):
        f = tf.function(lambda x, pool=pool: pool(z(x)))
        x = images(2, 8, 8, 2)
        assert "MaxPool" in steps(f, x)
        np.testing.assert_allclose(f(x).numpy(), pool(z(x)).numpy(), rtol=1e-4, atol=1e-5)


def test_second_derivatives_through_a_pool_are_not_fused_wrongly():
    filters = tf.Variable(images(3, 3, 1, 2))

    def f(x):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                z = tf.nn.bias_add(tf.nn.conv2d(x, filters, 1, "SAME"), tf.zeros([2]))
                y = tf.reduce_sum(tf.nn.relu(tf.nn.max_pool2d(z, 2, 2, "VALID")) ** 2)
            dx = inner.gradient(y, x)
            total = tf.reduce_sum(dx * dx)
        return outer.gradient(total, filters)

    x = images(2, 6, 6, 1)
    np.testing.assert_allclose(tf.function(f)(x).numpy(), f(x).numpy(), rtol=1e-4, atol=1e-4)


def test_a_value_read_before_a_write_is_kept_if_it_is_used_after_it():
    v = tf.Variable(images(16))

    @tf.function
    def f(x):
        y = v * 1.0 + tf.cumsum(x)
        v.assign_add(x)
        return tf.reverse(y, [0]) + v

    start, x = v.numpy(), images(16)
    expected = (start + np.cumsum(x.numpy()))[::-1] + start + x.numpy()
    np.testing.assert_allclose(f(x).numpy(), expected, rtol=1e-5, atol=1e-6)
