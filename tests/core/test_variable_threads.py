"""One thread writes to a variable, others read it: a Tensor stays what it was, and no one sees half of a write."""

import threading

import numpy as np
import pytest

import microdl as tf

SIZE = 1 << 17  # long enough for a thread to be overtaken in the middle
WRITES = 150


def while_written_to(v, check, readers=3):
    """Runs ``check`` again and again in threads while this one adds 1 to ``v``; what went wrong in them."""
    writing, errors = threading.Event(), []
    writing.set()

    def read():
        try:
            while writing.is_set():
                check()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    one = tf.ones(v.shape)
    for _ in range(WRITES):
        v.assign_add(one)
    writing.clear()
    for thread in threads:
        thread.join()
    return errors


def uniform(array):
    """The number that every element of the array is: all writes add the same everywhere."""
    assert array.min() == array.max(), "old and new values are mixed"
    return array.flat[0]


@pytest.fixture
def v():
    return tf.Variable(np.zeros(SIZE, np.float32))


def test_a_tensor_keeps_its_values_while_another_thread_writes(v):
    def check():
        tensor = v.read()
        first = uniform(tensor.numpy())
        for _ in range(3):
            assert uniform(tensor.numpy()) == uniform(np.asarray(tensor)) == first

    assert while_written_to(v, check) == []
    assert uniform(v.numpy()) == WRITES


def test_ops_see_all_of_a_write_or_nothing(v):
    doubled = tf.constant(2.0) * v  # compiled before the clock ticks

    def check():
        uniform((2.0 * v).numpy())
        uniform(tf.reshape(v, (2, -1)).numpy())
        uniform(v.numpy())

    assert while_written_to(v, check) == []
    assert uniform(doubled.numpy()) == 0.0


def test_writers_do_not_lose_each_others_writes(v):
    one = tf.ones(v.shape)
    assert while_written_to(v, lambda: v.assign_add(one), readers=0) == []
    threads = [threading.Thread(target=lambda: [v.assign_add(one) for _ in range(50)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert uniform(v.numpy()) == WRITES + 3 * 50


def test_a_variable_added_to_itself_is_doubled():
    v = tf.Variable([1.0, 2.0])
    held = v.read()
    v.assign_add(v)
    assert v.numpy().tolist() == [2.0, 4.0]
    assert held.numpy().tolist() == [1.0, 2.0]
