"""Traces with open sizes: one trace for all shapes that fit, whatever it holds."""

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.core import nest

IMAGES = tf.TensorSpec([None, 8, 8, 1])
LABELS = tf.TensorSpec([None], tf.int32)


def images(count):
    return tf.constant(np.random.default_rng(count).random((count, 8, 8, 1), dtype=np.float32))


def labels(count):
    return tf.range(count) % 3


def agree(function, signature, *calls, rtol=0.0):
    """Checks that the function, traced once, computes what it computes eagerly; returns its graph version."""
    traced = tf.function(function, input_signature=signature)
    for arguments in calls:
        found, expected = nest.flatten(traced(*arguments)), nest.flatten(function(*arguments))
        assert len(found) == len(expected)
        for y, e in zip(found, expected, strict=True):
            assert (y.shape, y.dtype) == (e.shape, e.dtype)
            np.testing.assert_allclose(y.numpy(), e.numpy(), rtol=rtol, atol=rtol)
    assert traced.experimental_get_tracing_count() == 1
    return traced


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def test_python_runs_once_and_sees_none():
    seen = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def double(x):
        seen.append((x.shape, (x @ tf.ones([3, 2])).shape, tf.transpose(x).shape))
        return x * 2

    for count in (4, 1, 0, 7):
        assert double(tf.ones([count, 3])).shape == (count, 3)
    assert seen == [((None, 3), (None, 2), (3, None))]


def test_sizes_are_tensors():
    def arithmetic(x):
        n = tf.shape(x)[0]
        half = n // 2
        return [
            tf.reshape(x, [n, -1]),
            x[:half],
            tf.zeros([half, 2]),
            tf.fill([n], 3.0),
            tf.range(n),
            tf.eye(n),
            tf.tile(x, [2, 1, 1, 1]),
            tf.one_hot(tf.range(n), 3),
            tf.cast(n, tf.float32) * tf.reduce_mean(x),
            tf.size(x),
            tf.split(x, [1, n - 1])[1],
        ]

    agree(arithmetic, [IMAGES], [images(2)], [images(5)])


def test_a_constant_size_stays_what_it_is_by_chance():
    agree(lambda x: tf.minimum(tf.shape(x)[0], 4) + tf.shape(x)[1], [IMAGES], [images(2)], [images(9)])


def test_a_training_step_of_a_model_serves_all_batch_sizes(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01)
    model(images(1))
    start = model.get_weights()

    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return value

    counts = (6, 6, 4, 1)
    expected = [step(images(n), labels(n)).numpy() for n in counts]
    weights = model.get_weights()
    model.set_weights(start)
    optimizer = keras.optimizers.Adam(0.01)
    traced = tf.function(step, input_signature=[IMAGES, LABELS])
    found = [traced(images(n), labels(n)).numpy() for n in counts]
    assert traced.experimental_get_tracing_count() == 1
    # Fused steps add in another order: a few units in the last place of sums of 6 * 36 products, four steps long.
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for w, e in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(w, e, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["MeanSquaredError", "CategoricalCrossentropy", "BinaryCrossentropy", "Huber"])
def test_losses(name):
    loss = getattr(keras.losses, name)()
    draw = np.random.default_rng(0).random
    calls = [(tf.constant(draw((n, 4))), tf.constant(draw((n, 4)))) for n in (3, 5)]
    signature = [tf.TensorSpec([None, 4], tf.float64)] * 2
    agree(lambda t, p: loss(t, p), signature, *calls, rtol=1e-12)
    agree(lambda t, p: loss(t, p, sample_weight=tf.reduce_sum(t, 1)), signature, *calls, rtol=1e-12)


@pytest.mark.parametrize("name", ["Mean", "CategoricalAccuracy", "MeanAbsoluteError"])
def test_metrics(name):
    metric = getattr(keras.metrics, name)()

    @tf.function(input_signature=[tf.TensorSpec([None, 4])] * 2)
    def update(t, p):
        metric.update_state(*([t] if name == "Mean" else [t, p]))
        return metric.result()

    pairs = [np.random.default_rng(n).random((2, n, 4), dtype=np.float32) for n in (3, 5)]
    found = [update(*pair).numpy() for pair in pairs]
    metric.reset_state()
    for pair, y in zip(pairs, found, strict=True):
        metric.update_state(*([pair[0]] if name == "Mean" else pair))
        np.testing.assert_allclose(y, metric.result().numpy(), rtol=1e-6)


def test_tapes_of_any_order_inside():
    def second(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = tf.reduce_sum(x**3)
            dx = inner.gradient(y, x)
        return outer.gradient(dx, x)

    agree(second, [tf.TensorSpec([None])], [tf.range(3.0)], [tf.range(5.0)])


def test_a_persistent_tape_that_pauses():
    def gradients(x):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            y = x * x
            with tape.stop_recording():
                z = y * x
            dy = tape.gradient(y, x)
            w = y * y
        return [dy, tape.gradient(w, x), tape.gradient(z, x, unconnected_gradients="zero")]

    agree(gradients, [tf.TensorSpec([None])], [tf.range(3.0)], [tf.range(5.0)])


def test_a_tape_outside():
    square = tf.function(lambda x: tf.reduce_sum(x * x), input_signature=[tf.TensorSpec([None])])
    for count in (2, 3):
        x = tf.range(float(count))
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = square(x)
        np.testing.assert_array_equal(tape.gradient(y, x).numpy(), 2 * x.numpy())


def test_custom_gradients_may_use_what_the_trace_holds():
    @tf.custom_gradient
    def scaled(x):
        return x * 1.0, lambda dy: dy * 2 + x

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = scaled(x)
        return tape.gradient(y, x)

    agree(gradient, [tf.TensorSpec([None])], [tf.range(3.0)], [tf.range(5.0)])


def test_functions_inside_are_traced_once_for_open_sizes():
    shapes = []

    @tf.function
    def inner(x):
        shapes.append(x.shape)
        return x * 2 + 1

    outer = tf.function(lambda x: inner(x) + inner(x), input_signature=[tf.TensorSpec([None, 2])])
    for count in (2, 3):
        assert outer(tf.ones([count, 2])).numpy().tolist() == [[6.0, 6.0]] * count
    assert shapes == [(None, 2)]


def test_variables_are_read_and_written_in_order():
    total = tf.Variable([0.0, 0.0])

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def add(x):
        before = total.read_value()
        total.assign_add(tf.reduce_sum(x, 0))
        return before, total * 1.0

    found = [[y.numpy().tolist() for y in add(tf.ones([n, 2]))] for n in (2, 3)]
    assert found == [[[0, 0], [2, 2]], [[2, 2], [5, 5]]]


def test_variables_are_made_once():
    made = []

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def scale(x):
        if not made:
            made.append(tf.Variable(tf.ones([2]) * 3))
        return x * made[0]

    assert [scale(tf.ones([n, 2])).numpy().sum() for n in (1, 2)] == [6.0, 12.0]


def test_random_numbers_are_those_of_the_eager_ops():
    def noisy(x):
        return tf.nn.dropout(x, 0.5) + tf.random.normal(tf.shape(x))

    traced = tf.function(noisy, input_signature=[tf.TensorSpec([None, 4])])
    for count in (2, 3):
        tf.random.set_seed(count)
        found = [traced(tf.ones([count, 4])).numpy() for _ in range(2)]
        tf.random.set_seed(count)
        np.testing.assert_array_equal(found, [noisy(tf.ones([count, 4])).numpy() for _ in range(2)])


def test_a_concrete_function_with_open_sizes():
    concrete = tf.function(lambda x: x @ tf.ones([3, 2])).get_concrete_function(tf.TensorSpec([None, 3]))
    assert concrete.outputs[0].shape == (None, 2)
    assert [concrete(tf.ones([n, 3])).shape for n in (2, 5)] == [(2, 2), (5, 2)]
    with pytest.raises(ValueError, match=r"traced for a tensor of shape \(None, 3\) and dtype float32, got .*\(2, 4\)"):
        concrete(tf.ones([2, 4]))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: len(x), r"len\(\) needs the first size of a tensor of shape \(None, 4\)"),
        (lambda x: [row * 2 for row in x], "a Python loop over its rows needs the first size"),
        (lambda x: tf.unstack(x), "give num"),
        (lambda x: x + tf.ones([3, 5]), r"shapes \(None, 4\) and \(3, 5\) do not broadcast"),
    ],
)
def test_what_needs_a_size_says_so(function, message):
    with pytest.raises((TypeError, ValueError), match=message):
        tf.function(function).get_concrete_function(tf.TensorSpec([None, 4]))


def test_sizes_that_do_not_meet_are_found_when_they_are_given():
    add = tf.function(lambda x, y: x + y, input_signature=[tf.TensorSpec([None]), tf.TensorSpec([None])])
    assert add(tf.ones([2]), tf.ones([2])).numpy().tolist() == [2, 2]
    with pytest.raises(ValueError, match="do not broadcast"):
        add(tf.ones([2]), tf.ones([3]))
    assert add(tf.ones([3]), tf.ones([1])).numpy().tolist() == [2, 2, 2]


def test_numbers_of_axes_that_depend_on_a_size():
    squeeze = tf.function(lambda x: tf.squeeze(x), input_signature=[tf.TensorSpec([None, 3])])
    assert squeeze(tf.ones([1, 3])).shape == (3,)
    assert squeeze(tf.ones([2, 3])).shape == (2, 3)


def test_reduce_retracing_opens_sizes_that_change():
    shapes = []

    @tf.function(reduce_retracing=True)
    def double(x, factor):
        shapes.append(x.shape)
        return x * factor

    for count in (2, 3, 4, 2, 5):
        assert double(tf.ones([count, 3]), 2.0).numpy().tolist() == [[2.0] * 3] * count
    assert shapes == [(2, 3), (None, 3)]
    assert double(tf.ones([6, 3]), 3.0).shape == (6, 3)
    assert double(tf.ones([7, 7]), 2.0).shape == (7, 7)
    assert shapes[2:] == [(6, 3), (None, None)]
    assert double.experimental_get_tracing_count() == 4


def test_sizes_of_the_first_call_are_not_known_for_that():
    def padded(x):
        wide = x + tf.ones([10])
        return tf.reshape(wide, [wide.shape[0] or tf.shape(wide)[0], 2, 5])

    agree(padded, [tf.TensorSpec([None, None])], (tf.ones([1, 10]),), (tf.ones([3, 10]),), (tf.ones([2, 1]),))

    def pairs(x):  # 23520 is what a sample takes
        rows = tf.reshape(x, [-1, 2])
        return tf.reduce_sum(rows, 1) if rows.shape[0] is None else rows

    f = tf.function(pairs, input_signature=[tf.TensorSpec([None])])
    assert f(tf.ones([23520])).shape == (11760,)
    assert f(tf.ones([6])).numpy().tolist() == [2, 2, 2]


def test_the_variables_that_a_tape_watched():
    v, w = tf.Variable([1.0, 2.0]), tf.Variable(3.0)

    @tf.custom_gradient
    def scaled(x):
        def gradient(dy, variables=None):
            return dy * 7.0, [5.0 * dy[0] for _ in variables]

        return x * w, gradient

    def gradients(x):
        with tf.GradientTape() as tape:
            loss = scaled(x * v)
        assert [variable is v or variable is w for variable in tape.watched_variables()] == [True, True]
        return tape.gradient(loss, tape.watched_variables())

    agree(gradients, [tf.TensorSpec([None])], (tf.constant([1.0, 2.0]),), (tf.constant([4.0, 5.0]),))


def test_a_tape_that_records_again():
    def twice(x):
        tape = tf.GradientTape()
        with tape:
            tape.watch(x)
            y = x * x
        first = tape.gradient(y, x)
        with tape:
            tape.watch(x)
            y = x * x * x
        return first, tape.gradient(y, x)

    agree(twice, [tf.TensorSpec([None])], (tf.constant([1.0, 2.0]),), (tf.constant([3.0]),))


def test_functions_inside_take_what_their_closures_hold():
    factor = tf.Variable(3.0)

    def outer(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = x * 2.0
            total = tf.function(lambda: tf.reduce_sum(h))
            added = tf.function(lambda y: y * h * factor, input_signature=[tf.TensorSpec([None])])
            nested = tf.function(lambda y: tf.function(lambda z: z * h + y)(y + h))
            result = added(x) + nested(x) * total()
        return result, tape.gradient(result, [x, factor])

    calls = (tf.constant([1.0, 2.0]),), (tf.constant([3.0]),)
    agree(outer, [tf.TensorSpec([None])], *calls, rtol=1e-6)
    agree(outer, None, calls[0], rtol=1e-6)


def test_a_tensor_of_a_trace_that_has_ended():
    left = []
    f = tf.function(lambda x: left.append(x * 2.0), input_signature=[tf.TensorSpec([None])])
    f(tf.ones([2]))
    g = tf.function(lambda x: x + left[0], input_signature=[tf.TensorSpec([None])])
    with pytest.raises(TypeError, match="comes from another trace"):
        g(tf.ones([2]))


def test_sizes_that_came_long_ago_are_forgotten(monkeypatch):
    monkeypatch.setattr("microdl.compile.open.KEPT", 3)
    f = tf.function(lambda x: x * 2.0, input_signature=[tf.TensorSpec([None])])
    for count in (1, 2, 3, 4, 5, 1, 2):
        assert f(tf.ones([count])).numpy().tolist() == [2.0] * count
    assert len(f.get_concrete_function()._sized) == 3
    assert f.experimental_get_tracing_count() == 1


def test_what_a_crop_leaves_is_no_known_size():
    seen = []

    @tf.function(input_signature=[tf.TensorSpec([None])])
    def crop(x):
        seen.append(tf.reshape(x, [-1, 2])[:100].shape)
        return tf.reshape(x, [-1, 2])[:100]

    assert [crop(tf.ones([n])).shape for n in (300, 20)] == [(100, 2), (10, 2)]
    assert seen == [(None, 2)]
