"""GradientTape.gradient: targets, sources, weights, and what is not connected.

Values are worked out by hand; where TensorFlow's behaviour is a choice, it was checked with TensorFlow 2.21.
"""

import numpy as np
import pytest

import microdl as tf
from microdl.core.errors import InvalidArgumentError


def number(x):
    return None if x is None else float(x)


def numbers(xs):
    return [number(x) for x in xs]


def gradient_at(f, x, **options):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, x, **options)


# Targets and sources.


def test_gradients_have_the_structure_of_the_sources():
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = a * a * b
    assert number(tape.gradient(y, a)) == 12.0
    assert numbers(tape.gradient(y, [a, b])) == [12.0, 4.0]
    assert type(tape.gradient(y, (a, b))) is tuple
    assert tape.gradient(y, []) == []
    nested = tape.gradient(y, {"q": b, "p": [a, (b,)]})
    assert list(nested) == ["q", "p"]
    assert (number(nested["q"]), number(nested["p"][0]), number(nested["p"][1][0])) == (4.0, 12.0, 4.0)


def test_a_source_may_be_named_twice():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert numbers(tape.gradient(y, [x, x])) == [4.0, 4.0]


def test_the_gradients_of_several_targets_add_up():
    x = tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y, z = x * x, x * x * x
    assert number(tape.gradient([y, z], x)) == 4.0 + 12.0
    assert number(tape.gradient({"y": y, "more": (z, y)}, x)) == 4.0 + 12.0 + 4.0
    assert number(tape.gradient([y, y], x)) == 8.0


def test_targets_of_several_elements_are_summed():
    np.testing.assert_array_equal(gradient_at(lambda x: x * x, [1.0, 2.0, 3.0]), [2.0, 4.0, 6.0])


def test_a_target_may_be_a_source():
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
    assert number(tape.gradient(x, x)) == 1.0
    assert number(tape.gradient(y, y)) == 1.0
    assert numbers(tape.gradient([y, x], [x, y])) == [7.0, 1.0]


def test_a_variable_may_be_a_target():
    x = tf.Variable([3.0, 4.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
    np.testing.assert_array_equal(tape.gradient(x, x), [1.0, 1.0])


def test_sources_may_lie_on_the_way():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        z = y * y
    assert numbers(tape.gradient(z, [x, y])) == [4 * 27.0, 18.0]


def test_a_source_on_the_way_may_be_used_after_and_before():
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
        z = y * x + y
        w = z * y
    # w = x^5 + x^4 with y = x^2: dw/dy = dz/dy y + z = (x + 1) y + z
    assert numbers(tape.gradient(w, [x, y, z])) == [5 * 16 + 4 * 8.0, 3 * 4 + 12.0, 4.0]


def test_every_path_counts():
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x
        for _ in range(10):
            y = y + y
    assert number(tape.gradient(y, x)) == 1024.0


def test_an_input_used_twice_by_one_op_counts_twice():
    assert number(gradient_at(lambda x: x * x, 3.0)) == 6.0
    assert number(gradient_at(lambda x: x - x, 3.0)) == 0.0
    assert number(gradient_at(lambda x: tf.add_n([x, x, x]), 3.0)) == 3.0


def test_long_chains_do_not_exhaust_the_stack():
    def chain(x):
        for _ in range(5000):
            x = x + 1.0
        return x

    assert number(gradient_at(chain, 0.0)) == 1.0


def test_gradients_are_summed_over_broadcast_axes():
    x = tf.Variable([[1.0], [2.0]])
    with tf.GradientTape() as tape:
        y = x * tf.constant([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(tape.gradient(y, x), [[6.0], [6.0]])


def test_gradients_have_the_sources_dtype_and_shape():
    for dtype in ("float32", "float64"):
        x = tf.Variable([[1.0, 2.0]], dtype=dtype)
        with tf.GradientTape() as tape:
            y = tf.cast(x * x, tf.float32)
        gradient = tape.gradient(y, x)
        assert (gradient.dtype, gradient.shape) == (dtype, (1, 2))


def test_empty_tensors_have_empty_gradients():
    assert gradient_at(lambda x: x * 2.0, np.zeros((0, 3), "float32")).shape == (0, 3)


@pytest.mark.parametrize("which", ["target", "source"])
@pytest.mark.parametrize("thing", [None, 2.0, "x", np.ones(2)])
def test_targets_and_sources_are_tensors_or_variables(which, thing):
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = x * x
    arguments = (thing, x) if which == "target" else (y, [x, thing])
    with pytest.raises(TypeError) as raised:
        tape.gradient(*arguments)
    kind = type(thing).__name__
    assert str(raised.value) == (
        f"gradient: a {which}: a tf.Tensor or tf.Variable is expected, got {thing!r} of type {kind}"
    )
    assert number(tape.gradient(y, x)) == 2.0  # the tape can still be used


# output_gradients


def test_output_gradients_weigh_the_targets():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, z = x * x, 3.0 * x
    np.testing.assert_array_equal(tape.gradient(y, x, output_gradients=tf.constant([10.0, 1.0])), [20.0, 4.0])
    np.testing.assert_array_equal(tape.gradient(y, x, output_gradients=np.array([1.0, 2.0])), [2.0, 8.0])
    weights = [tf.constant([1.0, 0.0]), tf.constant([0.0, 1.0])]
    np.testing.assert_array_equal(tape.gradient([y, z], x, output_gradients=weights), [2.0, 3.0])
    np.testing.assert_array_equal(tape.gradient([y, z], x, output_gradients=[None, weights[1]]), [2.0, 7.0])


def test_output_gradients_of_a_target_that_is_a_source():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = x * x
    both = tape.gradient([y, x], x, output_gradients=[tf.constant([1.0, 1.0]), tf.constant([5.0, 6.0])])
    np.testing.assert_array_equal(both, [7.0, 10.0])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([1.0, 2.0], ValueError, "gradient: 2 output_gradients were given for 1 targets"),
        (tf.constant([1.0]), InvalidArgumentError,
         "gradient: output_gradients has shape (1,) and dtype float32, its target (2,) and float32"),
        (tf.constant([1.0, 2.0], tf.float64), InvalidArgumentError,
         "gradient: output_gradients has shape (2,) and dtype float64, its target (2,) and float32"),
    ],
)  # fmt: skip
def test_output_gradients_must_fit_the_targets(given, error, message):
    with pytest.raises(error) as raised:
        gradient_at(lambda x: x * x, [1.0, 2.0], output_gradients=given)
    assert str(raised.value) == message


# What is not connected.


@pytest.mark.parametrize("choice", ["none", "NONE"])
def test_unconnected_gradients_are_none(choice):
    x, z = tf.Variable([1.0, 2.0]), tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = z * z
    assert tape.gradient(y, x, unconnected_gradients=choice) is None


class UnconnectedGradients:
    """As TensorFlow's enumeration of this name: members have a value."""

    value = "zero"


@pytest.mark.parametrize("choice", ["zero", "ZERO", UnconnectedGradients])
def test_unconnected_gradients_may_be_zeros(choice):
    x, z = tf.Variable([1.0, 2.0], dtype=tf.float64), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = z * z
    dx, dz = tape.gradient(y, [x, z], unconnected_gradients=choice)
    assert (dx.numpy().tolist(), dx.dtype, number(dz)) == ([0.0, 0.0], tf.float64, 6.0)


def test_unconnected_integers_have_zeros_too():
    n = tf.constant([3, 4])
    with tf.GradientTape() as tape:
        y = tf.cast(n, tf.float32) * 2.0
    zeros = tape.gradient(y, n, unconnected_gradients="zero")
    assert (zeros.numpy().tolist(), zeros.dtype) == ([0, 0], tf.int32)


def test_other_choices_are_refused():
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = x * x
    with pytest.raises(ValueError) as raised:
        tape.gradient(y, x, unconnected_gradients="ones")
    assert str(raised.value) == 'gradient: unconnected_gradients must be "none" or "zero", got \'ones\''


def test_no_target_reaches_nothing():
    x = tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
    assert tape.gradient([], x) is None
    assert number(tape.gradient([], x, unconnected_gradients="zero")) == 0.0


def test_integers_have_no_gradients():
    x = tf.Variable(3.5)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
        n = tf.cast(y, tf.int32)
    assert tape.gradient(n, x) is None
    assert number(tape.gradient(n, x, unconnected_gradients="zero")) == 0.0
    assert number(tape.gradient([n, y], x)) == 7.0
    assert tape.gradient(y, n) is None


def test_integers_end_a_path():
    assert gradient_at(lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), 3.5) is None


def test_a_path_beside_integers_goes_on():
    assert number(gradient_at(lambda x: x * tf.cast(tf.cast(x, tf.int32), tf.float32), 3.5)) == 3.0


def test_comparisons_and_choices():
    assert gradient_at(lambda x: tf.cast(x > 0.0, tf.float32), 3.5) is None
    chosen = gradient_at(lambda x: tf.where(x > 0.0, x * x, -x), [2.0, -3.0])
    np.testing.assert_array_equal(chosen, [4.0, -1.0])


def test_stop_gradient():
    assert number(gradient_at(lambda x: tf.stop_gradient(x * x) * x, 5.0)) == 25.0
    assert gradient_at(tf.stop_gradient, 5.0) is None


def test_arrays_end_a_path():
    assert gradient_at(lambda x: tf.constant(x.numpy()) * 2.0, 5.0) is None


def test_a_seed_of_another_shape_does_not_use_the_tape_up():
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = x * x
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"output_gradients has shape \(3,\)"):
        tape.gradient(y, x, output_gradients=tf.ones(3))
    np.testing.assert_array_equal(tape.gradient(y, x, output_gradients=tf.ones(2)).numpy(), [2.0, 4.0])
