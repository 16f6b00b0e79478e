"""``custom_gradient`` and ``stop_gradient``: derivatives that a user decides on. Checked with TensorFlow 2.21."""

import numpy as np
import pytest

import microdl as tf


def number(x):
    return None if x is None else float(x)


def numbers(xs):
    return [number(x) for x in xs]


@tf.custom_gradient
def tripled(x):
    """x^2 with three times its derivative."""
    return x * x, lambda dy: dy * 6.0 * x


def test_the_function_computes_as_without_the_decorator():
    assert number(tripled(tf.constant(3.0))) == 9.0
    assert number(tripled(3.0)) == 9.0
    assert tripled(np.array([1.0, 2.0])).numpy().tolist() == [1.0, 4.0]


def test_the_gradient_is_the_users():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = tripled(x)
    assert number(tape.gradient(y, x)) == 18.0


def test_the_gradient_stands_in_a_chain():
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = 5.0 * tripled(x * 3.0)
    assert number(tape.gradient(y, x)) == 5.0 * 6.0 * 6.0 * 3.0


def test_names_and_documentation_are_kept():
    assert tripled.__name__ == "tripled"
    assert tripled.__doc__.startswith("x^2 with")


def test_an_output_that_is_the_input_has_the_users_gradient():
    @tf.custom_gradient
    def clipped(x):
        return x, lambda dy: tf.clip_by_value(dy, -1.0, 1.0)

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = clipped(x) * 50.0
    assert clipped(x) is not x
    assert number(tape.gradient(y, x)) == 1.0


def test_a_variable_given_and_returned_keeps_its_value():
    @tf.custom_gradient
    def same(x):
        return x, lambda dy: dy

    v = tf.Variable([1.0, 2.0])
    y = same(v)
    v.assign([5.0, 6.0])
    assert y.numpy().tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # NumPy's, where kernels run as Python
def test_a_stable_logarithm_of_one_plus_exp():
    @tf.custom_gradient
    def log1pexp(x):
        e = tf.exp(x)
        return tf.math.log(1.0 + e), lambda dy: dy * (1.0 - 1.0 / (1.0 + e))

    x = tf.Variable(100.0)
    with tf.GradientTape() as tape:
        y = log1pexp(x)
    assert number(tape.gradient(y, x)) == 1.0  # plain differentiation gives NaN: inf / inf


# Several arguments and outputs.


@tf.custom_gradient
def sum_and_product(x, y):
    def gradient(d_sum, d_product):
        return d_sum * 10.0 + d_product, d_product * 100.0

    return (x + y, x * y), gradient


def test_several_outputs():
    x, y = tf.constant(5.0), tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, y])
        total, product = sum_and_product(x, y)
    assert (number(total), number(product)) == (7.0, 10.0)
    assert numbers(tape.gradient(total, [x, y])) == [10.0, 0.0]  # an output that is not used comes with zeros
    assert numbers(tape.gradient(product, [x, y])) == [1.0, 100.0]
    assert numbers(tape.gradient([total, product], [x, y])) == [11.0, 100.0]


def test_outputs_may_be_nested():
    @tf.custom_gradient
    def parts(x):
        return {"b": x * 2.0, "a": [x * 3.0]}, lambda da, db: da * 1000.0 + db

    x = tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        out = parts(x)
    assert (number(out["b"]), number(out["a"][0])) == (2.0, 3.0)
    assert number(tape.gradient(out["a"][0], x)) == 1000.0
    assert number(tape.gradient(out["b"], x)) == 1.0


def test_integer_outputs_come_with_zeros():
    @tf.custom_gradient
    def with_sign(x):
        return (x * 2.0, tf.cast(tf.sign(x), tf.int32)), lambda dy, dsign: dy * 2.0

    x = tf.Variable(-3.0)
    with tf.GradientTape() as tape:
        y, sign = with_sign(x)
    assert (number(sign), number(tape.gradient(y, x))) == (-1.0, 2.0)


def test_arguments_may_have_no_gradient():
    @tf.custom_gradient
    def scaled(x, factor):
        return x * factor, lambda dy: (dy * factor, None)

    x, factor = tf.constant(5.0), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch([x, factor])
        y = scaled(x, factor)
    assert numbers(tape.gradient(y, [x, factor])) == [3.0, None]


def test_named_arguments_are_settings():
    @tf.custom_gradient
    def scaled(x, factor=2.0):
        return x * factor, lambda dy: dy * factor

    x = tf.Variable(5.0)
    with tf.GradientTape() as tape:
        y = scaled(x, factor=3.0)
    assert number(tape.gradient(y, x)) == 3.0


def test_a_wrong_number_of_gradients_is_refused():
    @tf.custom_gradient
    def product(x, y):
        return x * y, lambda dy: dy

    x = tf.Variable(5.0)
    with tf.GradientTape() as tape:
        z = product(x, x)
    with pytest.raises(ValueError) as raised:
        tape.gradient(z, x)
    assert str(raised.value) == (
        "custom_gradient product: expected gradients of 2 arguments and 0 variables, got 1 and 0"
    )


# Variables that the function reads.


def layer(w):
    @tf.custom_gradient
    def times(x):
        def gradient(dy, variables):
            assert [v.ref() for v in variables] == [w.ref()]
            return dy * w * 10.0, [dy * x * 100.0]

        return x * w, gradient

    return times


def test_variables_are_handed_to_the_gradient():
    w, x = tf.Variable(2.0), tf.constant(5.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(w)(x)
    assert numbers(tape.gradient(y, [x, w])) == [20.0, 500.0]
    assert [v.ref() for v in tape.watched_variables()] == [w.ref()]


def test_a_gradient_that_takes_no_variables_is_refused_at_once():
    w = tf.Variable(2.0, name="w")

    @tf.custom_gradient
    def times(x):
        return x * w, lambda dy: dy

    with pytest.raises(TypeError) as raised:
        times(tf.constant(5.0))
    assert str(raised.value) == (
        "custom_gradient times: it reads w:0, so its gradient must take the argument `variables` "
        "and return two things: gradients of the arguments, of the variables"
    )


def test_variables_that_are_not_trainable_are_constants():
    w, x = tf.Variable(2.0, trainable=False), tf.Variable(5.0)

    @tf.custom_gradient
    def times(x):
        return x * w, lambda dy: dy * w

    with tf.GradientTape() as tape:
        y = times(x)
    assert numbers(tape.gradient(y, [x, w])) == [2.0, None]


def test_a_variable_among_the_arguments_is_an_argument():
    w = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = tripled(w)
    assert number(tape.gradient(y, w)) == 18.0


def test_a_wrong_number_of_variable_gradients_is_refused():
    w = tf.Variable(2.0)

    @tf.custom_gradient
    def times(x):
        return x * w, lambda dy, variables: (dy, [])

    with tf.GradientTape() as tape:
        y = times(tf.constant(5.0))
    with pytest.raises(ValueError, match=r"expected gradients of 1 arguments and 1 variables, got 1 and 0$"):
        tape.gradient(y, w)


# Within one another, and twice.


def test_custom_gradients_within_one_another():
    @tf.custom_gradient
    def outer(x):
        return tripled(x) + 1.0, lambda dy: dy * 7.0

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = outer(x)
    assert (number(y), number(tape.gradient(y, x))) == (10.0, 7.0)


def test_a_gradient_may_use_custom_gradients():
    @tf.custom_gradient
    def f(x):
        return x, lambda dy: dy * tripled(x)

    x = tf.constant(3.0)
    with tf.GradientTape() as second:
        second.watch(x)
        with tf.GradientTape() as first:
            first.watch(x)
            y = f(x)
        dy = first.gradient(y, x)
    assert (number(dy), number(second.gradient(dy, x))) == (9.0, 18.0)


def test_second_derivatives_come_from_the_gradient_as_written():
    x = tf.constant(3.0)
    with tf.GradientTape() as second:
        second.watch(x)
        with tf.GradientTape() as first:
            first.watch(x)
            y = tripled(x)
        dy = first.gradient(y, x)
    assert (number(dy), number(second.gradient(dy, x))) == (18.0, 6.0)


def test_second_derivatives_through_what_the_function_computed():
    @tf.custom_gradient
    def exp(x):
        y = tf.exp(x)
        return y, lambda dy: dy * y

    x = tf.constant(1.0, tf.float64)
    with tf.GradientTape() as second:
        second.watch(x)
        with tf.GradientTape() as first:
            first.watch(x)
            y = exp(x)
        dy = first.gradient(y, x)
    assert number(dy) == pytest.approx(np.e, rel=1e-15)
    assert number(second.gradient(dy, x)) == pytest.approx(np.e, rel=1e-15)


def test_the_functions_own_ops_do_not_count_beside_the_users_gradient():
    @tf.custom_gradient
    def without(x):
        return tf.exp(x) * 100.0, lambda dy: dy * 0.0

    x = tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        y = without(x) + x
    assert number(tape.gradient(y, x)) == 1.0


def test_a_function_that_is_not_followed_is_not_differentiated():
    @tf.custom_gradient
    def loud(x):
        def gradient(dy):
            raise AssertionError("nobody asked")

        return x * 2.0, gradient

    x, z = tf.constant(1.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = loud(x) * z
    assert number(tape.gradient(y, z)) == 2.0


def test_an_error_inside_leaves_no_tape_behind():
    @tf.custom_gradient
    def broken(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken(tf.constant(1.0))


# stop_gradient


def test_stop_gradient_passes_values_on():
    x = tf.constant([1.0, 2.0])
    assert tf.stop_gradient(x).numpy().tolist() == [1.0, 2.0]


def test_stop_gradient_lets_other_paths_be():
    x = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        y = x * tf.stop_gradient(x) + tf.stop_gradient(x * x)
    np.testing.assert_array_equal(tape.gradient(y, x), [2.0, 3.0])


def test_a_straight_through_rounding():
    x = tf.Variable([0.2, 0.7])
    with tf.GradientTape() as tape:
        y = x + tf.stop_gradient(tf.round(x) - x)
    np.testing.assert_array_equal(y.numpy(), [0.0, 1.0])
    np.testing.assert_array_equal(tape.gradient(y, x), [1.0, 1.0])


def test_stop_gradient_stops_second_derivatives_too():
    x = tf.Variable(3.0)
    with tf.GradientTape() as second:
        with tf.GradientTape() as first:
            y = x * x * x
        dy = tf.stop_gradient(first.gradient(y, x)) * x
    assert number(second.gradient(dy, x)) == 27.0


# In traced functions.


@tf.custom_gradient
def steep(x):
    y = tf.exp(x)
    return y, lambda dy: dy * y * 100.0  # reads a value from inside


def test_a_custom_gradient_counts_inside_of_a_trace_and_through_its_call():
    x = tf.constant([0.5, 1.0])
    expected = np.exp(x.numpy()) * 100 * x.numpy() + np.exp(x.numpy())

    @tf.function
    def value(x):
        return steep(x) * x

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = steep(x) * x
        return tape.gradient(y, x)

    np.testing.assert_allclose(slope(x).numpy(), expected, rtol=1e-6)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = value(x)
    np.testing.assert_allclose(y.numpy(), np.exp(x.numpy()) * x.numpy(), rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), expected, rtol=1e-6)


def test_a_custom_gradient_of_variables_counts_inside_of_a_trace():
    v = tf.Variable(3.0)

    @tf.custom_gradient
    def scaled(x):
        def gradient(dy, variables):
            return dy * 10.0, [dy * 20.0]

        return x * v, gradient

    @tf.function
    def slopes(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = scaled(x) * 2.0
        return tape.gradient(y, [x, v])

    assert [float(g) for g in slopes(tf.constant(1.0))] == [20, 40]
