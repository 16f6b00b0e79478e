"""Branches that do not fit the sizes that an open trace meets, and need not, as they are not taken."""

import numpy as np
import pytest

import microdl as tf

SIGNATURE = [tf.TensorSpec([None]), tf.TensorSpec([])]


def assigns(x, flag):
    y = -1.0
    if flag > 0:
        y = x[2]
    return y


def returns(x, flag):
    if flag > 0:
        return x[2], tf.reduce_sum(x)
    return tf.reduce_sum(x), 0.0


def calls_cond(x, flag):
    return tf.cond(flag > 0, lambda: x[2], lambda: tf.reduce_sum(x))


def nests(x, flag):
    if flag > 0:
        if flag > 1:  # noqa: SIM108
            y = x[3] * x[1:][1]
        else:
            y = x[2]
    else:
        y = tf.reduce_sum(x)
    return y


def loops(x, flag):
    y = flag
    if flag > 0:
        for _ in tf.range(tf.shape(x)[0]):
            y += x[2]
    return y


@pytest.mark.parametrize("function", [assigns, returns, calls_cond, nests, loops])
def test_a_branch_that_is_not_taken_need_not_fit(function):
    traced = tf.function(function, input_signature=SIGNATURE)
    for size, flag in [(1, -1.0), (5, 1.0), (5, 2.0), (5, -1.0)]:
        x = np.arange(1.0, size + 1, dtype=np.float32)
        expected = tf.nest.flatten(function(tf.constant(x), tf.constant(flag)))
        for got, wanted in zip(tf.nest.flatten(traced(x, flag)), expected, strict=True):
            np.testing.assert_allclose(got, wanted)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"index [23] is out of bounds"):
        traced(np.ones(1, np.float32), 1.0)


def test_what_the_sizes_decide():
    @tf.function(input_signature=[tf.TensorSpec([None])])
    def last_of_three(x):
        count = tf.shape(x)[0]
        if count == 1:
            return x[0]
        elif count == 2:
            return x[1]
        return x[2]

    assert [float(last_of_three(np.arange(n, dtype=np.float32))) for n in (1, 2, 3, 7)] == [0, 1, 2, 2]


def test_gradients_through_the_branch_that_fits():
    @tf.function(input_signature=SIGNATURE)
    def chosen(x, flag):
        with tf.GradientTape() as tape:
            tape.watch(x)
            if flag > 0:  # noqa: SIM108
                y = x[2] * x[2]
            else:
                y = tf.reduce_sum(x * x)
        return tape.gradient(y, x)

    assert chosen(np.ones(1, np.float32), -1.0).numpy().tolist() == [2]
    assert chosen(np.ones(4, np.float32), 1.0).numpy().tolist() == [0, 0, 2, 0]


def test_a_trace_for_one_size_is_refused_as_before():
    with pytest.raises(tf.errors.InvalidArgumentError, match="index 2 is out of bounds"):
        tf.function(assigns)(tf.ones(1), tf.constant(-1.0))
