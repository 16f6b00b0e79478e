"""What becomes of Python numbers, lists and arrays: TensorFlow's dtypes, but nothing is cut off silently.

Facts about TensorFlow were checked with TensorFlow 2.21.
"""

import numpy as np
import pytest

import microdl as tf
from microdl.core.errors import InvalidArgumentError
from microdl.core.values import hashable_index

both = pytest.mark.parametrize("convert", [tf.constant, tf.convert_to_tensor])


def is_tensor(tensor, dtype, values):
    """Whether a tensor has this dtype and exactly these values (and so this shape)."""
    expected = np.array(values, dtype)
    got = tensor.numpy()
    return (
        tensor.dtype == dtype and got.dtype == dtype and got.shape == expected.shape and np.array_equal(got, expected)
    )


@both
@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "float32"),
        (1, "int32"),
        (True, "bool"),
        ([1.0, 2.0], "float32"),
        ([1, 2], "int32"),
        ([True, False], "bool"),
        ([1, 2.5], "float32"),
        ([2.5, 1], "float32"),
        ([], "float32"),
        ([[], []], "float32"),
        ((1, 2), "int32"),
        (range(3), "int32"),
        ([(1, 2), [3, 4]], "int32"),
        (2**31 - 1, "int32"),
        (-(2**31), "int32"),
        (2**31, "int64"),
        (-(2**31) - 1, "int64"),
        ([1, 2**40], "int64"),
        ([1, -(2**63)], "int64"),
        (2**63 - 1, "int64"),
        (float("inf"), "float32"),
    ],
)
def test_python_numbers_have_tensorflows_default_dtypes(convert, value, dtype):
    assert is_tensor(convert(value), dtype, value)


@both
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint16", "uint64", "bool"])
def test_arrays_and_numpy_numbers_keep_their_dtype(convert, dtype):
    assert is_tensor(convert(np.array([[0, 1]], dtype)), dtype, [[0, 1]])
    assert is_tensor(convert(np.dtype(dtype).type(1)), dtype, 1)
    assert is_tensor(convert(np.zeros((2, 0), dtype)), dtype, np.zeros((2, 0)))


@both
@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([np.float64(1.5), 2.0], "float64"),
        ([2.0, np.float64(1.5)], "float32"),
        ([np.float32(1.5), np.float64(2.5)], "float32"),
        ([np.float16(1.5)], "float16"),
        ([[np.float64(1.5)]], "float64"),
        ([1, np.float64(2.5)], "float32"),
        ([np.array([1.0, 2.0]), [3.0, 4.0]], "float64"),
        ([np.array([1.0, 2.0], "float32"), np.array([3.0, 4.0])], "float32"),
        ([np.array(1.5)], "float64"),
        ([np.array([])], "float32"),
        ([np.array([1, 2]), [3, 4]], "int32"),
        ([np.int64(1), 2], "int32"),
        ([np.uint8(1)], "int32"),
        ([np.int64(2**40)], "int64"),
        ([np.bool_(True)], "bool"),
    ],
)
def test_in_lists_numpys_floats_count_if_they_come_first(convert, value, dtype):
    assert is_tensor(convert(value), dtype, value)


@both
@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1, "float32"),
        (1, "float64"),
        (1, "int8"),
        (2**40, "float32"),
        (255, "uint8"),
        (2**64 - 1, "uint64"),
        ([2**64 - 1, 0], "uint64"),
        ([1, 0], "float16"),
        ([1, 2.5], "float64"),
        ([], "int32"),
        ([], "bool"),
        (np.arange(3), "float32"),
        (np.arange(3), "int32"),
        (np.arange(3), "uint8"),
        (np.arange(3.0), "float32"),
        (np.float64(1.5), "float32"),
        (np.int64(3), "float32"),
        (np.array([], "float64"), "int32"),
    ],
)
def test_values_take_the_dtype_that_is_asked_for(convert, value, dtype):
    assert is_tensor(convert(value, dtype=tf.as_dtype(dtype)), dtype, value)


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32"), tf.float32, float])
def test_the_dtype_may_be_named_in_many_ways(dtype):
    assert tf.constant(1, dtype).dtype is tf.float32
    assert tf.constant(1, dtype=dtype).dtype is tf.float32
    assert tf.Variable(1, dtype=dtype).dtype is tf.float32


def test_beyond_the_largest_float_lies_infinity():
    assert is_tensor(tf.constant(1e39, tf.float32), "float32", np.inf)
    assert is_tensor(tf.constant([-1e39], tf.float32), "float32", [-np.inf])
    assert is_tensor(tf.constant(np.array([1e300]), tf.float32), "float32", [np.inf])
    assert is_tensor(tf.constant(1e5, tf.float16), "float16", np.inf)
    assert is_tensor(tf.constant(65504, tf.float16), "float16", 65504)


REFUSED = [  # value, dtype, error, message
    (1.0, "int32", TypeError, "cannot convert 1.0 of dtype float64 to dtype int32; use tf.cast"),
    (1.5, "int32", TypeError, "cannot convert 1.5 of dtype float64 to dtype int32; use tf.cast"),
    (float("nan"), "int32", TypeError, "cannot convert nan of dtype float64 to dtype int32; use tf.cast"),
    ([1, 2.5], "int32", TypeError, "cannot convert [1, 2.5] of dtype float64 to dtype int32; use tf.cast"),
    (1, "bool", TypeError, "cannot convert 1 of dtype int64 to dtype bool; use tf.cast"),
    (True, "float32", TypeError, "cannot convert True of dtype bool to dtype float32; use tf.cast"),
    (np.arange(3.0), "int32", TypeError,
     "cannot convert array([0., 1., 2.]) of dtype float64 to dtype int32; use tf.cast"),
    (300, "uint8", TypeError, "300 does not fit into dtype uint8 [0, 255]"),
    (-1, "uint8", TypeError, "-1 does not fit into dtype uint8 [0, 255]"),
    (2**64, "uint64", TypeError, f"{2**64} does not fit into dtype uint64 [0, {2**64 - 1}]"),
    ([300], "int8", TypeError, "300 does not fit into dtype int8 [-128, 127]; use tf.cast"),
    (np.array([1, -2]), "uint16", TypeError, "-2 does not fit into dtype uint16 [0, 65535]; use tf.cast"),
    (np.array([2**63], "uint64"), "int64", TypeError,
     f"{2**63} does not fit into dtype int64 [{-(2**63)}, {2**63 - 1}]; use tf.cast"),
    (None, None, ValueError, "None cannot be converted to a tensor"),
    (None, "float32", ValueError, "None cannot be converted to a tensor"),
    ([1, 2**63], None, ValueError, f"{2**63} in {[1, 2**63]} does not fit into int64; give dtype=tf.uint64"),
    (2**63, None, ValueError, f"{2**63} in {2**63} does not fit into int64; give dtype=tf.uint64"),
    (1e39, None, ValueError, "1e+39 does not fit into float32; give dtype=tf.float64"),
    ([True, 2], None, ValueError, "[True, 2] mixes bools with numbers"),
    ([[True], [2.5]], None, ValueError, "[[True], [2.5]] mixes bools with numbers"),
    ("x", "float32", TypeError, "cannot convert 'x' of dtype string to dtype float32; use tf.strings.to_number"),
    (1, "string", TypeError, "cannot convert 1 of dtype int64 to dtype string; use tf.strings.as_string"),
    (["a", 1], None, ValueError, "a tensor of strings holds str and bytes, got 1 in ['a', 1]"),
    ([1, "a"], None, TypeError, "[1, 'a'] (a list) cannot be converted to a tensor of numbers"),
    ([1, None], None, TypeError, "[1, None] (a list) cannot be converted to a tensor of numbers"),
    (1 + 2j, None, TypeError, "(1+2j) (a complex) cannot be converted to a tensor of numbers"),
    ({"a": 1}, None, TypeError, "{'a': 1} (a dict) cannot be converted to a tensor of numbers"),
    ({1}, "float32", TypeError, "{1} (a set) cannot be converted to a tensor of numbers"),
]  # fmt: skip


@both
@pytest.mark.parametrize(("value", "dtype", "error", "message"), REFUSED)
def test_what_does_not_fit_is_refused_in_these_words(convert, value, dtype, error, message):
    with pytest.raises(error) as raised:
        convert(value, dtype=dtype if dtype is None else tf.as_dtype(dtype))
    assert str(raised.value) == message


@both
@pytest.mark.parametrize(
    "ragged", [[[1, 2], [3]], [[1, 2], 3], [1, [2]], [[[]], [1]], [["a"], ["b", "c"]], ["a", ["b"]]]
)
def test_ragged_lists_are_refused(convert, ragged):
    with pytest.raises(ValueError) as raised:
        convert(ragged)
    assert str(raised.value).startswith(f"{ragged} is not rectangular: it has ")


def test_long_values_are_shortened_in_messages():
    with pytest.raises(TypeError) as raised:
        tf.constant([0.5] * 1000, tf.int32)
    assert len(str(raised.value)) < 150


def test_generators_are_no_sequences():
    with pytest.raises(TypeError, match=r"\(a generator\) cannot be converted"):
        tf.constant(x for x in [1, 2])


def test_object_arrays_hold_strings_or_are_refused():
    assert tf.constant(np.array(["a", b"b"], dtype=object)).numpy().tolist() == [b"a", b"b"]
    with pytest.raises(ValueError, match="holds str and bytes, got 1 in"):
        tf.constant(np.array([1, 2], dtype=object))


@both
@pytest.mark.parametrize(
    "given", ["dé", b"d\xc3\xa9", np.str_("dé"), np.array("dé"), np.array(b"d\xc3\xa9"), np.array("dé", dtype=object)]
)
def test_strings_are_bytes_in_utf_8(convert, given):
    tensor = convert(given)
    assert (tensor.dtype, tensor.shape, tensor.numpy()) == (tf.string, (), b"d\xc3\xa9")


def test_arrays_of_strings_keep_zeros_at_the_end_and_their_shape():
    tensor = tf.constant([["a\0", b"b"], ["", "ccc"]])
    assert tensor.numpy().dtype == object
    assert tensor.numpy().tolist() == [[b"a\0", b"b"], [b"", b"ccc"]]
    assert f"{tensor[0, 1]}" == "b'b'"


def test_byte_order_and_strides_are_made_native_and_contiguous():
    swapped = np.arange(6, dtype=">i4").reshape(2, 3).T[::-1]
    tensor = tf.constant(swapped)
    assert is_tensor(tensor, "int32", swapped)
    assert tensor.numpy().flags.c_contiguous


@both
def test_a_tensor_does_not_share_memory_with_the_array_it_was_made_from(convert):
    array = np.array([1.0, 2.0], "float32")
    tensor = convert(array)
    array[0] = 9.0
    assert is_tensor(tensor, "float32", [1.0, 2.0])


def test_masked_arrays_and_matrices_are_arrays():
    assert is_tensor(tf.constant(np.ma.array([1.0, 2.0])), "float64", [1.0, 2.0])


class Quacks:
    """An object that NumPy can turn into an array."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0], "float16")


@both
def test_objects_with_an_array_method_are_arrays(convert):
    assert is_tensor(convert(Quacks()), "float16", [1.0, 2.0])


# constant(shape=...)


@pytest.mark.parametrize(
    ("value", "shape", "expected"),
    [
        (3, (2, 2), [[3, 3], [3, 3]]),
        ([1, 2, 3, 4], (2, 2), [[1, 2], [3, 4]]),
        ([[1, 2], [3, 4]], [4], [1, 2, 3, 4]),
        ([1, 2], [2], [1, 2]),
        ([7], [], 7),
        (7, [], 7),
        (7, (0,), np.zeros(0)),
        (7, 2, [7, 7]),
        (7, np.int64(2), [7, 7]),
        (7, tf.constant([1, 2]), [[7, 7]]),
        ([1, 2], np.array([2, 1]), [[1], [2]]),
        (np.arange(4, dtype="int32"), (2, 2), [[0, 1], [2, 3]]),
    ],
)
def test_constants_fill_or_take_the_shape_given(value, shape, expected):
    assert is_tensor(tf.constant(value, shape=shape), "int32", expected)


def test_empty_constants_take_an_empty_shape():
    assert is_tensor(tf.constant([], shape=(0, 3)), "float32", np.zeros((0, 3)))


def test_constants_that_do_not_fill_the_shape_are_refused():
    with pytest.raises(TypeError) as raised:
        tf.constant([1, 2, 3], shape=(2, 2))
    assert str(raised.value) == "constant: a value of shape (3,) has 3 elements, which do not fill shape (2, 2)"


# Lists of tensors.


def test_lists_of_tensors_are_packed():
    packed = tf.convert_to_tensor([tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])])
    assert is_tensor(packed, "float32", [[1.0, 2.0], [3.0, 4.0]])


def test_numbers_among_tensors_take_their_dtype():
    x, y = tf.constant(1.0, tf.float64), tf.Variable(4.0, dtype=tf.float64)
    assert is_tensor(tf.convert_to_tensor([[x, 2], [3.0, y]]), "float64", [[1.0, 2.0], [3.0, 4.0]])
    assert is_tensor(tf.convert_to_tensor([2, x]), "float64", [2.0, 1.0])
    assert is_tensor(tf.convert_to_tensor([tf.constant([1, 2]), [3, 4]]), "int32", [[1, 2], [3, 4]])


def test_packing_can_be_differentiated():
    x, y = tf.constant(3.0), tf.Variable(4.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = tf.convert_to_tensor([x * x, 1.0, y]) * tf.constant([1.0, 10.0, 100.0])
    dx, dy = tape.gradient(z, [x, y])
    assert (float(dx), float(dy)) == (6.0, 100.0)


def test_packing_lists_in_lists_can_be_differentiated():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        z = tf.convert_to_tensor([[x, 2.0 * x], [x * x, [0.0, 0.0]]])
    assert z.shape == (2, 2, 2)
    assert is_tensor(tape.gradient(z, x), "float32", [1 + 2 + 2.0, 1 + 2 + 4.0])


def test_arithmetic_with_lists_of_tensors():
    x = tf.constant(2.0)
    assert is_tensor(tf.constant([1.0, 1.0]) + [x, 3.0], "float32", [3.0, 4.0])


def test_packing_tensors_of_two_dtypes_is_refused():
    with pytest.raises(InvalidArgumentError, match="dtypes"):
        tf.convert_to_tensor([tf.constant(1.0), tf.constant(2)])


def test_packing_tensors_of_two_shapes_is_refused():
    with pytest.raises(InvalidArgumentError):
        tf.convert_to_tensor([tf.constant([1.0, 2.0]), tf.constant([3.0])])


def test_a_float_among_integer_tensors_is_refused():
    with pytest.raises(TypeError, match=r"cannot convert 2\.5 of dtype float64 to dtype int32"):
        tf.convert_to_tensor([tf.constant(1), 2.5])


# Tensors and Variables.


def test_a_tensor_converts_to_itself():
    x = tf.constant(1.0)
    assert tf.convert_to_tensor(x) is tf.constant(x) is x


def test_a_variable_converts_to_its_value():
    assert is_tensor(tf.convert_to_tensor(tf.Variable([1.0, 2.0])), "float32", [1.0, 2.0])


@pytest.mark.parametrize("make", [tf.constant, tf.Variable])
def test_converting_a_tensor_to_another_dtype_is_refused(make):
    with pytest.raises(ValueError) as raised:
        tf.convert_to_tensor(make(1.0), dtype=tf.float64)
    assert str(raised.value) == ("tensor conversion requested dtype float64 for a tensor of dtype float32; use tf.cast")


# Indices.


def test_indices_become_hashable():
    index = hashable_index((np.int64(1), slice(None, tf.constant(3), -1), None, Ellipsis, tf.constant(2)))
    assert index == (1, (None, 3, -1), None, Ellipsis, 2)
    assert hash(index) is not None
    assert hashable_index(5) == (5,)


@pytest.mark.parametrize("index", [1.5, "x", True, [0, 1], np.array([0, 1]), slice(1.5), slice(0, "x"), (0, 2.0)])
def test_what_is_no_index_is_refused(index):
    wrong = index.stop if isinstance(index, slice) else index[-1] if isinstance(index, tuple) else index
    with pytest.raises(TypeError) as raised:
        hashable_index(index)
    assert str(raised.value) == (
        f"tensors are indexed with integers, slices, tf.newaxis and ..., got {wrong!r}; "
        "for a list of positions use tf.gather, for a mask tf.boolean_mask"
    )


def test_a_number_that_comes_again_is_what_it_was():
    """Arrays of factors are kept; zeros of both signs, ints and floats that are equal must not be taken for another."""
    x = tf.constant([1.0, -1.0])
    for zero, signs in ((0.0, [False, True]), (-0.0, [True, False])) * 2:
        np.testing.assert_array_equal(np.signbit((x * zero).numpy()), signs)
    for _ in range(2):
        np.testing.assert_array_equal((tf.constant([3]) * 2).numpy(), [6])
        with pytest.raises(TypeError):
            tf.constant([3]) * 2.0
        np.testing.assert_array_equal((tf.constant([3.5]) * 2).numpy(), [7.0])


def test_numbers_of_one_value_are_tensors_of_their_own():
    with tf.GradientTape() as tape:
        a, b = (tf.convert_to_tensor(2.0, tf.float32) for _ in range(2))
        tape.watch(a)
        y = a * b
    assert tape.gradient(y, [a, b])[0].numpy() == 2.0
