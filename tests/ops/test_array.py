"""Functions on whole arrays where the op table is silent: dtypes, defaults, functions without an op of their own."""

import numpy as np
import pytest

import microdl as tf


def equal(tensor, expected, dtype=None):
    np.testing.assert_array_equal(tensor.numpy(), expected)
    assert dtype is None or tensor.dtype is dtype


def test_shape_size_and_rank_are_int32():
    x = tf.zeros((2, 3))
    equal(tf.shape(x), [2, 3], tf.int32)
    equal(tf.size(x), 6, tf.int32)
    equal(tf.rank(x), 2, tf.int32)
    equal(tf.shape(1.0), np.zeros(0), tf.int32)
    equal(tf.size([1, 2], out_type=tf.int64), 2, tf.int64)


def test_where_with_one_argument_lists_positions():
    equal(tf.where([[True, False], [True, True]]), [[0, 0], [1, 0], [1, 1]], tf.int64)
    equal(tf.where(False), np.zeros((0, 0)), tf.int64)


def test_where_gives_python_numbers_the_tensors_dtype():
    assert tf.where([True, False], tf.zeros(2, tf.float64), 1).dtype is tf.float64
    assert tf.where([True, False], 1, 2).dtype is tf.int32


@pytest.mark.parametrize(
    ("arguments", "expected", "dtype"),
    [
        ((3,), [0, 1, 2], tf.int32),
        ((0,), [], tf.int32),
        ((2, 8, 3), [2, 5], tf.int32),
        ((5, 0, -2), [5, 3, 1], tf.int32),
        ((0, 1, 0.25), [0, 0.25, 0.5, 0.75], tf.float32),
        ((np.int64(2),), [0, 1], tf.int64),
    ],
)
def test_range_takes_its_dtype_from_the_arguments(arguments, expected, dtype):
    equal(tf.range(*arguments), expected, dtype)


def test_range_takes_a_dtype():
    equal(tf.range(3, dtype=tf.float64), [0, 1, 2], tf.float64)


def test_linspace_of_ints_is_float64():
    equal(tf.linspace(0, 2, 5), [0, 0.5, 1, 1.5, 2], tf.float64)


def test_one_hot_with_values_of_its_own():
    equal(tf.one_hot([0, 2], 3, on_value=5, off_value=-1), [[5, -1, -1], [-1, -1, 5]], tf.int32)
    equal(tf.one_hot(1, 2, True, False, dtype=tf.bool), [False, True], tf.bool)
    assert tf.one_hot([0], 2, dtype=tf.float64).dtype is tf.float64


def test_like_takes_another_dtype():
    equal(tf.zeros_like([1.5, 2.5], tf.int32), [0, 0], tf.int32)
    equal(tf.ones_like([[1], [2]]), [[1], [1]], tf.int32)


def test_fill_has_its_values_dtype():
    equal(tf.fill((2, 1), 3), [[3], [3]], tf.int32)
    equal(tf.fill([2], True), [True, True], tf.bool)


def test_shapes_can_be_tensors():
    x = tf.reshape(tf.range(6), tf.constant([3, -1]))
    assert x.shape == (3, 2)
    assert tf.zeros(tf.shape(x)).shape == (3, 2)
    assert tf.transpose(x, tf.constant([1, 0])).shape == (2, 3)


def test_transpose_takes_negative_axes():
    assert tf.transpose(tf.zeros((2, 3, 4)), [-1, 0, 1]).shape == (4, 2, 3)


def test_split_works_one_size_out():
    assert [piece.shape for piece in tf.split(tf.zeros((5, 3)), [2, -1])] == [(2, 3), (3, 3)]
    assert [piece.shape for piece in tf.split(tf.zeros((6, 3)), 3)] == [(2, 3)] * 3


def test_unstack_of_an_empty_axis_is_empty():
    assert tf.unstack(tf.zeros((0, 3))) == []


def test_concat_of_one_tensor_is_that_tensor():
    equal(tf.concat([[1, 2]], 0), [1, 2])
    equal(tf.concat(tf.constant([3, 4])[tf.newaxis], 1), [[3, 4]])


def test_integers_cast_to_floats_have_no_gradient():
    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(tf.cast(x, tf.int32), tf.float32)
    assert tape.gradient(y, x) is None


def test_boolean_mask_of_a_later_axis():
    equal(tf.boolean_mask([[1, 2, 3], [4, 5, 6]], [True, False, True], axis=1), [[1, 3], [4, 6]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sorting_puts_nan_last_either_way(dtype):
    x = np.array([3, np.nan, -np.inf, 1, np.nan, np.inf, 2], dtype)
    rising = [-np.inf, 1, 2, 3, np.inf, np.nan, np.nan]
    assert np.array_equal(tf.sort(x), rising, equal_nan=True)
    assert np.array_equal(tf.argsort(x), [2, 3, 6, 0, 5, 1, 4])
    assert np.array_equal(tf.sort(x, direction="DESCENDING"), [*rising[4::-1], np.nan, np.nan], equal_nan=True)
    assert np.array_equal(tf.math.top_k(x, 2).indices, [5, 0])
