"""GradientTape: what it records, when, and for how long.

Values are worked out by hand; where TensorFlow's behaviour is a choice, it was checked with TensorFlow 2.21.
"""

import threading

import numpy as np
import pytest

import microdl as tf
from microdl.core.context import context


def number(x):
    return None if x is None else float(x)


def numbers(xs):
    return [number(x) for x in xs]


# What is followed.


def test_variables_are_followed_by_themselves():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert number(tape.gradient(y, x)) == 6.0


def test_tensors_are_followed_when_watched():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert number(tape.gradient(y, x)) == 6.0


def test_tensors_are_not_followed_unless_watched():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert tape.gradient(y, x) is None


def test_a_constant_beside_a_watched_tensor_has_no_gradient():
    x, c = tf.constant(3.0), tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * c
    assert numbers(tape.gradient(y, [x, c])) == [2.0, None]


def test_what_came_before_watching_is_not_recorded():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        before = x * x
        tape.watch(x)
        after = 5.0 * x
        y = before + after
    assert number(tape.gradient(y, x)) == 5.0


def test_what_comes_after_the_block_is_not_recorded():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    z = y * 2.0
    assert tape.gradient(z, x) is None


def test_structures_can_be_watched():
    a, b, c = tf.constant(1.0), tf.constant(2.0), tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        tape.watch({"first": [a, (b,)], "second": c})
        y = a * b * c
    assert numbers(tape.gradient(y, [a, b, c])) == [6.0, 3.0, 2.0]


@pytest.mark.parametrize("dtype", ["int32", "int64", "bool", "uint8"])
def test_watching_a_tensor_without_gradient_warns(dtype):
    x, w = tf.constant([1, 0]) > 0 if dtype == "bool" else tf.constant([1, 0], dtype), tf.constant([1.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        with pytest.warns(UserWarning, match="must be floating") as warned:
            tape.watch([x, w])
        y = tf.cast(x, tf.float32) * w
    assert [(str(w.message), w.filename) for w in warned] == [
        (f"tape.watch: a tensor must be floating to have a gradient, got dtype {dtype}; use tf.cast", __file__)
    ]
    assert tape.gradient(y, x) is None
    assert tape.gradient(y, w).numpy().tolist() == [1.0, 0.0]
    assert tape.explain(y, x) == (
        f"the source has dtype {dtype}; only floating tensors have gradients: use tf.cast first"
    )


@pytest.mark.parametrize("thing", [3.0, "x", None, np.zeros(2)])
def test_only_tensors_and_variables_can_be_watched(thing):
    with tf.GradientTape() as tape, pytest.raises(ValueError) as raised:
        tape.watch([thing])
    kind = type(thing).__name__
    assert str(raised.value) == f"watch: a tf.Tensor or tf.Variable is expected, got {thing!r} of type {kind}"


def test_variables_that_are_not_trainable_are_not_followed():
    x, n = tf.Variable(2.0), tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        y = x * n
    assert numbers(tape.gradient(y, [x, n])) == [3.0, None]


def test_variables_that_are_not_trainable_can_be_watched():
    n = tf.Variable(3.0, trainable=False)
    with tf.GradientTape() as tape:
        tape.watch(n)
        y = n * n
    assert number(tape.gradient(y, n)) == 6.0


def test_accessed_variables_are_not_followed_if_that_is_turned_off():
    x, w = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(w)
        y = x * w
    assert numbers(tape.gradient(y, [x, w])) == [None, 2.0]
    assert [v.ref() for v in tape.watched_variables()] == [w.ref()]


def test_watched_variables_come_in_the_order_in_which_they_were_made():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    n = tf.Variable(1.0, trainable=False)
    with tf.GradientTape() as tape:
        assert tape.watched_variables() == ()
        y = b * n + a * b  # noqa: F841
    assert [v.ref() for v in tape.watched_variables()] == [a.ref(), b.ref()]


def test_reading_a_variable_as_an_array_counts_as_use():
    x = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        x.numpy()
    assert [v.ref() for v in tape.watched_variables()] == [x.ref()]


# Once, several times, again.


def test_a_tape_gives_gradients_once():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    with pytest.raises(RuntimeError) as raised:
        tape.gradient(y, x)
    assert str(raised.value) == "GradientTape.gradient can only be called once on non-persistent tapes."


def test_a_persistent_tape_gives_gradients_again():
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
        z = y * y
    for _ in range(2):
        assert (number(tape.gradient(y, x)), number(tape.gradient(z, x)), number(tape.gradient(z, y))) == (6, 108, 18)


def test_gradients_may_be_asked_for_while_recording():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        assert number(tape.gradient(y, x)) == 6.0
        z = x * x  # the tape has ended
    with pytest.raises(RuntimeError, match="only be called once"):
        tape.gradient(z, x)
    assert context.tapes == ()


def test_a_persistent_tape_records_its_own_gradients():
    x = tf.constant(3.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x * x
        dy = tape.gradient(y, x)
        ddy = tape.gradient(dy, x)
    assert (number(dy), number(ddy), number(tape.gradient(ddy, x))) == (27.0, 18.0, 6.0)


def test_entering_again_goes_on_recording():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    with tape:
        z = y * 2.0
    assert number(tape.gradient(z, x)) == 12.0


def test_entering_after_the_gradient_starts_anew():
    x = tf.Variable(3.0)
    tape = tf.GradientTape()
    for power in (2, 3):
        with tape:
            y = x**power
        assert number(tape.gradient(y, x)) == power * 3.0 ** (power - 1)
    with tape:
        z = x * 2.0
    assert tape.gradient([y, z], x).numpy() == 2.0  # y was recorded before


def test_reset_makes_a_tape_usable_again():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    tape.gradient(y, x)
    tape.reset()
    assert tape.gradient(y, x) is None


def test_a_recording_tape_cannot_be_entered():
    with tf.GradientTape() as tape, pytest.raises(ValueError, match=r"^this tape is recording already$"):
        tape.__enter__()


def test_reset_forgets():
    x = tf.Variable(3.0)
    c = tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(c)
        y = x * c
        tape.reset()
        assert tape.watched_variables() == ()
        z = x * x * c
    assert tape.gradient(y, x) is None
    assert numbers(tape.gradient(z, [x, c])) == [12.0, None]


def test_an_error_in_the_block_ends_the_recording():
    tape = tf.GradientTape()
    with pytest.raises(ZeroDivisionError), tape:
        raise ZeroDivisionError
    assert context.tapes == ()


# stop_recording


def test_what_happens_while_stopped_is_not_recorded():
    x = tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        with tape.stop_recording():
            z = y * y
        w = y * 3.0 + z
    assert (number(tape.gradient(w, x)), tape.gradient(z, x)) == (12.0, None)


def test_stopping_one_tape_does_not_stop_another():
    x = tf.constant(2.0)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        outer.watch(x)
        inner.watch(x)
        with inner.stop_recording():
            y = x * x
    assert (number(outer.gradient(y, x)), inner.gradient(y, x)) == (4.0, None)


def test_recording_goes_on_after_an_error_while_stopped():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        with pytest.raises(ZeroDivisionError), tape.stop_recording():
            raise ZeroDivisionError
        y = x * x
    assert number(tape.gradient(y, x)) == 4.0


def test_only_a_recording_tape_can_be_stopped():
    tape = tf.GradientTape()
    with pytest.raises(RuntimeError, match=r"^stop_recording: the tape is not recording$"), tape.stop_recording():
        pass
    with tape, tape.stop_recording(), pytest.raises(RuntimeError, match="not recording"), tape.stop_recording():
        pass


# Threads.


def in_thread(function):
    result = []
    thread = threading.Thread(target=lambda: result.append(function()))
    thread.start()
    thread.join()
    return result[0]


def test_a_tape_records_its_own_thread_only():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        elsewhere = in_thread(lambda: x * x)
    assert tape.gradient(elsewhere, x) is None


def test_a_tape_may_be_used_by_another_thread_afterwards():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert number(in_thread(lambda: tape.gradient(y, x))) == 6.0


def test_threads_have_tapes_of_their_own():
    x = tf.Variable(3.0)
    barrier = threading.Barrier(4, timeout=30)
    results = [None] * 4

    def work(i):
        for _ in range(20):
            with tf.GradientTape() as tape:
                barrier.wait()
                y = x * float(i)
                barrier.wait()
                y = y * x
            results[i] = number(tape.gradient(y, x))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [6.0 * i for i in range(4)]
