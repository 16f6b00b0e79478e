"""The CPU device: what it allocates, what it refuses."""

import numpy as np
import pytest

import microdl as tf
from microdl.core.placement import _Asked, soft_placement


def test_float16_is_stored_and_cast_but_not_computed_with():
    x = tf.constant([1.0, 2.0], dtype=tf.float16)
    np.testing.assert_array_equal(tf.cast(x, tf.float32).numpy(), [1.0, 2.0])
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        x + x
    assert str(raised.value) == (
        "AddV2: float16 tensors can be stored, moved and cast, but the CPU's kernels do not compute with them; "
        "convert them first: tf.cast(x, tf.float32)"
    )


def test_matrices_of_float16_are_not_multiplied():
    x = tf.ones((2, 2), tf.float16)
    with pytest.raises(ValueError, match="BatchMatMulV2: float16 tensors can be stored, moved and cast"):
        x @ x


def test_an_error_of_an_op_that_is_not_about_float16_passes_through():
    def refuse(x):
        raise NotImplementedError("by this function")

    traced = tf.function(lambda x: tf.py_function(refuse, [x], tf.TensorSpec((), tf.float32)))
    with pytest.raises(NotImplementedError, match="by this function"):
        traced(tf.constant(1.0))


def test_a_view_shares_memory_and_other_outputs_do_not():
    x = tf.constant([[1.0, 2.0]])
    assert np.shares_memory(tf.reshape(x, (2,)).known_array(), x.known_array())
    assert not np.shares_memory((x + 0.0).known_array(), x.known_array())


def test_tensors_say_where_they_are():
    assert tf.constant(1.0).device == "/job:localhost/replica:0/task:0/device:CPU:0"


@pytest.fixture
def placement(monkeypatch):
    """A process that has looked for a GPU and found none."""
    monkeypatch.setattr(_Asked, "gpu", None)
    monkeypatch.setattr(_Asked, "missing", "no driver")
    yield
    tf.config.set_soft_device_placement(True)
    soft_placement.told.clear()


@pytest.mark.parametrize("name", [None, "", "cpu", "/cpu:0", "CPU:0", "/device:CPU:0", tf.constant(1.0).device])
def test_the_cpu_has_many_names(name):
    with tf.device(name):
        assert tf.identity(tf.constant(1.0)).device == tf.constant(1.0).device


def test_the_cpu_stands_in_for_devices_that_are_not_there_and_that_is_said_once(placement):
    soft_placement.told.clear()
    with pytest.warns(UserWarning, match=r"^there is no GPU:0: what is placed on it runs on the CPU \(no driver\)$"):
        placed = tf.device("/gpu:0")
    with placed, tf.device("/device:GPU:0"):
        assert tf.identity(tf.constant(1.0)).device.endswith("CPU:0")


def test_without_soft_placement_a_device_that_is_not_there_is_an_error(placement):
    assert tf.config.get_soft_device_placement()
    tf.config.set_soft_device_placement(False)
    assert not tf.config.get_soft_device_placement()
    with pytest.raises(tf.errors.InvalidArgumentError, match="Could not satisfy device specification '/gpu:0'"):
        tf.device("/gpu:0")


def test_devices_are_listed(placement):
    assert [device.name for device in tf.config.list_physical_devices()] == ["/physical_device:CPU:0"]
    assert [device.name for device in tf.config.list_logical_devices("CPU")] == ["/device:CPU:0"]
    assert tf.config.list_physical_devices("GPU") == tf.config.list_logical_devices("GPU") == []


def test_tensors_move_to_where_they_are(placement):
    x = tf.constant([1.0, 2.0])
    assert x.cpu() is x
    assert tf.Variable(x).cpu().numpy().tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match=r"^GPU:1 unknown device\. There is only /job"):
        x.gpu(1)
    with pytest.raises(RuntimeError) as raised:
        x.gpu()
    name = "/job:localhost/replica:0/task:0/device:CPU:0"
    assert str(raised.value) == f"GPU:0 unknown device. There is only {name} (no driver)"
