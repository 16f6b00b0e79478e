"""The CPU device: what it allocates, what it refuses."""

import numpy as np
import pytest

import microdl as tf


def test_float16_is_stored_and_cast_but_not_computed_with():
    x = tf.constant([1.0, 2.0], dtype=tf.float16)
    np.testing.assert_array_equal(tf.cast(x, tf.float32).numpy(), [1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        x + x
    assert str(raised.value) == (
        "AddV2: float16 tensors can be stored, moved and cast, but the CPU's kernels do not compute with them; "
        "convert them first: tf.cast(x, tf.float32)"
    )


def test_an_error_of_an_op_that_is_not_about_float16_passes_through():
    with pytest.raises(NotImplementedError, match="batch_dims"):
        tf.gather(tf.zeros((2, 2)), tf.zeros((2,), tf.int32), batch_dims=1)


def test_a_view_shares_memory_and_other_outputs_do_not():
    x = tf.constant([[1.0, 2.0]])
    assert np.shares_memory(tf.reshape(x, (2,)).known_array(), x.known_array())
    assert not np.shares_memory((x + 0.0).known_array(), x.known_array())


def test_tensors_say_where_they_are():
    assert tf.constant(1.0).device == "/job:localhost/replica:0/task:0/device:CPU:0"
