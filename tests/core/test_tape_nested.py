"""Tapes within tapes: derivatives of any order; and variables that change under a tape.

Values are worked out by hand; where TensorFlow's behaviour is a choice, it was checked with TensorFlow 2.21.
"""

import numpy as np
import pytest

import microdl as tf


def number(x):
    return None if x is None else float(x)


def numbers(xs):
    return [number(x) for x in xs]


# Tapes within tapes.


def test_second_and_third_derivatives():
    x = tf.constant(2.0)
    with tf.GradientTape() as third:
        third.watch(x)
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                y = x * x * x * x
            dy = first.gradient(y, x)
        ddy = second.gradient(dy, x)
    assert (number(dy), number(ddy), number(third.gradient(ddy, x))) == (32.0, 48.0, 48.0)


def test_derivatives_of_functions_come_round():
    x = tf.constant(0.5, tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.sin(x) * tf.exp(x)
        dy = inner.gradient(y, x)
    s, c, e = np.sin(0.5), np.cos(0.5), np.exp(0.5)
    assert number(dy) == pytest.approx((s + c) * e, rel=1e-14)
    assert number(outer.gradient(dy, x)) == pytest.approx(2 * c * e, rel=1e-14)


def test_mixed_second_derivatives_agree():
    x, y = tf.Variable(2.0), tf.Variable(3.0)

    def mixed(a, b):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                z = x * x * y * y * y
            inside = inner.gradient(z, a)
        return number(outer.gradient(inside, b))

    assert mixed(x, y) == mixed(y, x) == 6 * 2.0 * 9.0


def test_a_gradient_that_becomes_constant_is_not_connected():
    x = tf.Variable(2.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = 3.0 * x
        dy = inner.gradient(y, x)
    assert number(dy) == 3.0
    assert outer.gradient(dy, x) is None


def test_a_penalty_on_the_gradient():
    w, x = tf.Variable([1.0, 2.0]), tf.constant([3.0, 4.0])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(w * w * x)
        dx = inner.gradient(y, x)  # w^2
        penalty = tf.reduce_sum(dx * dx)  # sum w^4
    np.testing.assert_array_equal(outer.gradient(penalty, w), [4.0, 32.0])


def test_both_tapes_record_the_same_ops():
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        y = x * x
    assert (number(outer.gradient(y, x)), number(inner.gradient(y, x))) == (6.0, 6.0)


def test_an_inner_tape_may_outlive_the_outer_one():
    x = tf.Variable(3.0)
    outer, inner = tf.GradientTape(), tf.GradientTape()
    outer.__enter__()
    inner.__enter__()
    y = x * x
    outer.__exit__(None, None, None)
    z = y * y
    inner.__exit__(None, None, None)
    assert (outer.gradient(z, x), number(inner.gradient(z, x))) == (None, 108.0)


def test_gradients_taken_outside_are_not_recorded():
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        y = x * x * x
    dy = inner.gradient(y, x)
    assert (number(dy), outer.gradient(dy, x)) == (27.0, None)


def test_newtons_method_finds_a_root_of_the_gradient():
    x = tf.Variable(3.0, dtype=tf.float64)
    for _ in range(8):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                y = tf.exp(x) - 2.0 * x
            dy = inner.gradient(y, x)
        x.assign_sub(dy / outer.gradient(dy, x))
    assert number(x) == pytest.approx(np.log(2.0), rel=1e-12)


# Variables that change.


def test_a_variable_assigned_in_between_has_one_gradient():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        x.assign(5.0)
        z = y + 2.0 * x + x * x
    assert number(tape.gradient(z, x)) == 6.0 + 2.0 + 10.0


def test_no_gradient_flows_through_an_assignment():
    x, s = tf.Variable(3.0), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        s.assign(x * x)
        y = s * 2.0
    assert numbers(tape.gradient(y, [x, s])) == [None, 2.0]


def test_training_goes_down_the_slope():
    x = tf.Variable([5.0, -3.0])
    for _ in range(50):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum((x - [1.0, 2.0]) * (x - [1.0, 2.0]))
        x.assign_sub(0.2 * tape.gradient(y, x))
    np.testing.assert_allclose(x.numpy(), [1.0, 2.0], atol=1e-6)
