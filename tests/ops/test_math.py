"""Arithmetic and reductions where the op table is silent: dtypes, ties, edges."""

import numpy as np
import pytest

import microdl as tf


def equal(tensor, expected, dtype=None):
    np.testing.assert_array_equal(tensor.numpy(), expected)
    assert dtype is None or tensor.dtype is dtype


def gradient(function, *sources):
    sources = [tf.constant(x) for x in sources]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        y = function(*sources)
    return tape.gradient(y, sources)


@pytest.mark.parametrize(
    ("dtype", "quotient"), [("int8", tf.float32), ("uint16", tf.float32), ("int32", tf.float64), ("int64", tf.float64)]
)
def test_true_division_of_integers_gives_floats(dtype, quotient):
    equal(tf.divide(tf.constant([1, 3], dtype), tf.constant([2, 2], dtype)), [0.5, 1.5], quotient)


def test_python_numbers_take_the_tensors_dtype():
    assert tf.add(1, tf.ones(2, tf.float64)).dtype is tf.float64
    assert tf.maximum(tf.ones(2, tf.int64), 0).dtype is tf.int64
    assert tf.divide(1, 2).dtype is tf.float64
    assert tf.divide(1, tf.ones(2)).dtype is tf.float32


def test_integers_refuse_python_floats():
    with pytest.raises(TypeError):
        tf.add(tf.constant([1]), 1.5)
    with pytest.raises(TypeError):
        tf.clip_by_value(tf.constant([1]), 0.5, 2)


def test_division_of_floats_by_zero_follows_ieee():
    equal(tf.constant([1.0, -1.0, 0.0]) / 0.0, np.array([np.inf, -np.inf, np.nan], np.float32))
    equal(tf.constant([1.0]) // 0.0, [np.inf])


def test_remainders_have_the_divisors_sign():
    equal(tf.math.floormod(tf.constant([-7, 7]), tf.constant([3, -3])), [2, -2])
    equal(tf.constant([-7.0, 7.0]) % tf.constant([3.0, -3.0]), [2, -2])


def test_ties_of_maximum_and_minimum_go_to_the_first():
    for function in (tf.maximum, tf.minimum):
        dx, dy = gradient(function, [1.0, 2.0], [1.0, 2.0])
        equal(dx, [1, 1])
        equal(dy, [0, 0])


def test_ties_of_reductions_share():
    for function in (tf.reduce_max, tf.reduce_min):
        (dx,) = gradient(function, [2.0, 2.0, 2.0, 2.0])
        equal(dx, [0.25] * 4)


def test_gradients_of_products_with_zeros():
    (dx,) = gradient(tf.reduce_prod, [2.0, 0.0, 3.0])
    equal(dx, [0, 6, 0])
    (dx,) = gradient(tf.reduce_prod, [0.0, 0.0, 3.0])
    equal(dx, [0, 0, 0])


def test_power_of_zero_has_finite_gradients():
    dx, dy = gradient(tf.pow, [0.0, -2.0], [2.0, 2.0])
    equal(dx, [0, -4])
    equal(dy, [0, 0])


def test_reductions_of_nothing():
    nothing = tf.zeros((0,))
    equal(tf.reduce_sum(nothing), 0)
    equal(tf.reduce_prod(nothing), 1)
    equal(tf.reduce_max(nothing), -np.inf)
    equal(tf.reduce_mean(nothing), np.nan)
    equal(tf.reduce_logsumexp(nothing), -np.inf)
    equal(tf.reduce_all(tf.zeros((0,), tf.bool)), True)
    equal(tf.reduce_min(tf.zeros((0,), tf.int32)), 2**31 - 1)


def test_reductions_keep_the_dtype_of_integers():
    equal(tf.reduce_mean([1, 2, 2]), 1, tf.int32)
    equal(tf.reduce_sum(tf.constant([200, 100], tf.uint8)), 44, tf.uint8)


def test_reductions_over_axes_that_do_not_lie_side_by_side():
    x = np.arange(24.0).reshape(2, 3, 4)
    equal(tf.reduce_sum(x, [0, 2]), x.sum((0, 2)))
    equal(tf.reduce_max(x, (2, 0), keepdims=True), x.max((0, 2), keepdims=True))


def test_variance_refuses_integers():
    with pytest.raises(
        ValueError, match=r"^reduce_variance: expected a floating-point tensor, got int32 of shape \(2,\)"
    ):
        tf.math.reduce_variance([1, 2])


def test_positions_have_the_asked_dtype():
    assert tf.argmax([1.0, 2.0]).dtype is tf.int64
    equal(tf.argmin([[3, 1], [2, 5]], 1, output_type=tf.int32), [1, 0], tf.int32)


def test_round_leaves_integers_alone():
    equal(tf.round([1, 2]), [1, 2], tf.int32)
    equal(tf.round([0.5, 1.5, -2.5]), [0, 2, -2])


def test_clipped_elements_have_no_gradient():
    (dx,) = gradient(lambda x: tf.clip_by_value(x, 0.0, 1.0), [-1.0, 0.0, 0.5, 1.0, 2.0])
    equal(dx, [0, 1, 1, 1, 0])


def test_third_derivative_of_an_exponential():
    x = tf.constant(0.5, tf.float64)
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                y = tf.exp(x * x)
            dy = first.gradient(y, x)
        ddy = second.gradient(dy, x)
    expected = (12 * 0.5 + 8 * 0.5**3) * np.exp(0.25)
    np.testing.assert_allclose(third.gradient(ddy, x), expected, rtol=1e-12)
