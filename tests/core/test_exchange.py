"""Tensors and other libraries' arrays share memory."""

import numpy as np
import pytest

import microdl as tf

dlpack = tf.experimental.dlpack


def test_numpy_takes_a_tensor_without_a_copy():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    array = np.from_dlpack(x)
    assert np.shares_memory(array, x.known_array())
    np.testing.assert_array_equal(array, [[1.0, 2.0], [3.0, 4.0]])


def test_what_is_taken_from_a_variable_does_not_change_with_it():
    v = tf.Variable([1.0, 2.0])
    array = np.from_dlpack(tf.convert_to_tensor(v))
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(array, [1.0, 2.0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "bool"])
def test_capsules_go_there_and_back(dtype):
    x = tf.constant(np.array([[1, 0, 3]], dtype))
    y = dlpack.from_dlpack(dlpack.to_dlpack(x))
    assert (y.dtype, y.shape) == (x.dtype, x.shape)
    np.testing.assert_array_equal(y, x)


def test_arrays_are_shared_unless_kernels_could_not_take_them():
    array = np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(dlpack.from_dlpack(array).known_array(), array)
    turned = dlpack.from_dlpack(array.T)
    assert not np.shares_memory(turned.known_array(), array)
    np.testing.assert_array_equal(turned, array.T)


def test_other_things_are_refused():
    with pytest.raises(
        TypeError, match=r"^from_dlpack: a capsule, or an array with __dlpack__, is expected, got \[1, 2"
    ):
        dlpack.from_dlpack([1, 2])
    assert not hasattr(tf.constant(1.0), "__cuda_array_interface__")
