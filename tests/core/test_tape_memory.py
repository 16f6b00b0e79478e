"""What a tape keeps alive: only values that gradients will read, and those no longer than needed."""

import gc
import weakref

import numpy as np
import pytest

import microdl as tf
from microdl.core.op import get_op


@pytest.fixture(autouse=True)
def _counting_only():
    """Everything below must be freed by reference counts alone: cycles would keep big arrays for a while."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def alive(references):
    return [reference() is not None for reference in references]


def test_values_that_no_gradient_reads_are_freed_while_recording():
    x = tf.Variable(np.ones(8, "float32"))
    with tf.GradientTape() as tape:
        a = x + 1.0
        b = a + 1.0
        c = b - a
        gone = [weakref.ref(value) for value in (a, b)]
        del a, b
        assert alive(gone) == [False, False]
    np.testing.assert_array_equal(tape.gradient(c, x), np.zeros(8))


def test_values_that_gradients_read_are_kept():
    x = tf.Variable(np.ones(8, "float32"))
    with tf.GradientTape() as tape:
        a = x + 1.0
        b = a * a
        kept = weakref.ref(a)
        del a
        assert kept() is not None
    np.testing.assert_array_equal(tape.gradient(b, x), np.full(8, 4.0))
    assert kept() is None


def test_an_op_that_reads_its_output_does_not_keep_its_input():
    assert get_op("Exp").keep_inputs == frozenset()
    x = tf.Variable(np.zeros(8, "float32"))
    with tf.GradientTape() as tape:
        a = x + 0.0
        b = tf.exp(a)
        references = [weakref.ref(a), weakref.ref(b)]
        c = tf.reduce_sum(b)
        del a, b
        assert alive(references) == [False, True]
    np.testing.assert_array_equal(tape.gradient(c, x), np.ones(8))


def test_the_walk_frees_what_it_has_passed():
    """When the gradient of an op runs, the values that later ops kept are gone."""
    seen = []

    @tf.custom_gradient
    def looks(x):
        def gradient(dy):
            seen.extend(alive(later))
            return dy

        return x + 0.0, gradient

    x = tf.Variable(np.full(8, 0.5, "float32"))
    with tf.GradientTape() as tape:
        y = looks(x)
        a = y + 0.0
        b = a * a
        c = b * b
        later = [weakref.ref(value) for value in (a, b)]
        del a, b
        assert alive(later) == [True, True]
    tape.gradient(c, x)
    assert seen == [False, False]


def test_a_persistent_tape_keeps_its_values_until_it_is_gone():
    x = tf.Variable(np.ones(8, "float32"))
    with tf.GradientTape(persistent=True) as tape:
        a = x + 1.0
        b = a * a
    kept = weakref.ref(a)
    del a
    tape.gradient(b, x)
    assert kept() is not None
    del tape
    assert kept() is None


@pytest.mark.parametrize("persistent", [False, True])
def test_a_tape_that_is_dropped_frees_everything(persistent):
    x = tf.Variable(np.ones(8, "float32"))
    with tf.GradientTape(persistent=persistent) as tape:
        a = x + 1.0
        b = a * a
    references = [weakref.ref(value) for value in (a, b, tape)]
    del a, b, tape
    assert alive(references) == [False] * 3


def test_reset_frees_everything():
    x = tf.Variable(np.ones(8, "float32"))
    with tf.GradientTape() as tape:
        a = x + 1.0
        b = a * a
        references = [weakref.ref(value) for value in (a, b)]
        del a, b
        tape.reset()
        assert alive(references) == [False, False]


def test_nothing_is_kept_of_what_is_not_followed():
    x = tf.constant(np.ones(8, "float32"))
    with tf.GradientTape():
        a = x * 2.0
        b = a * a
        gone = weakref.ref(a)
        del a
        assert gone() is None
    assert float(b[0]) == 4.0


def test_gradients_keep_nothing_alive():
    x = tf.Variable(np.ones(8, "float32"))
    with tf.GradientTape() as tape:
        a = x * 2.0
        b = a * a
    gone = weakref.ref(a)
    del a
    gradient = tape.gradient(b, x)
    del b
    assert gone() is None
    np.testing.assert_array_equal(gradient, np.full(8, 8.0))


def test_an_inner_tape_is_freed_under_an_outer_one():
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x * x * x
        dy = inner.gradient(y, x)
        gone = weakref.ref(inner)
        del inner
        assert gone() is None
    assert float(outer.gradient(dy, x)) == 18.0


def test_a_tape_used_step_after_step_does_not_grow():
    x = tf.Variable(3.0)
    tape = tf.GradientTape(persistent=True)
    sizes = []
    for _ in range(3):
        tape.reset()
        with tape:
            y = tf.stop_gradient(x) * x
            y.numpy()
        tape.gradient(y, x)
        sizes.append((len(tape._nodes), len(tape.followed), len(tape.lost), len(tape.cuts), len(tape.exits)))
    assert sizes[0] == sizes[1] == sizes[2]
