"""Operators and slices of tensors and variables: values from NumPy, dtypes and refusals from TensorFlow."""

import operator

import numpy as np
import pytest
from hypothesis import given, strategies as st

import microdl as tf
from microdl.core.errors import InvalidArgumentError

X = [1.0, -2.0, 3.5]
Y = [2.0, 4.0, -0.5]
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
MAKERS = {
    "tensor": lambda values, dtype: tf.constant(values, dtype),
    "variable": lambda values, dtype: tf.Variable(values, dtype=dtype),
    "array": lambda values, dtype: np.array(values, dtype),
    "list": lambda values, dtype: np.array(values, dtype).tolist(),
}
PAIRS = [("tensor", other) for other in MAKERS] + [(other, "tensor") for other in MAKERS if other != "tensor"]
PAIRS += [("variable", other) for other in MAKERS if other != "tensor"] + [("array", "variable")]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("function", ARITHMETIC + COMPARISONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize(("left", "right"), PAIRS, ids=lambda kind: kind)
def test_operators_take_what_numpy_takes_on_either_side(function, left, right, dtype):
    x, y = ([int(v) or 3 for v in values] if "int" in dtype else values for values in (X, Y))
    result = function(MAKERS[left](x, dtype), MAKERS[right](y, dtype))
    assert isinstance(result, tf.Tensor)
    expected = function(np.array(x, dtype), np.array(y, dtype))
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)
    assert result.dtype == expected.dtype


@pytest.mark.parametrize("function", [*ARITHMETIC, operator.pow, *COMPARISONS], ids=lambda f: f.__name__)
@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.float64(2), np.int64(2), np.array(2.0)])
def test_numbers_take_the_tensors_dtype_on_either_side(function, number):
    x = tf.constant([0.5, 2.0, 3.0])
    for result, expected in (
        (function(x, number), function(x.numpy(), np.float32(2))),
        (function(number, x), function(np.float32(2), x.numpy())),
    ):
        assert isinstance(result, tf.Tensor)
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)
        assert result.dtype == expected.dtype


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint32", "uint64"])
def test_integers_divide_truly(dtype):
    x = tf.constant([1, 2, 3], dtype)
    expected = "float32" if np.dtype(dtype).itemsize <= 2 else "float64"
    for quotient, values in ((x / 2, [0.5, 1.0, 1.5]), (6 / x, [6.0, 3.0, 2.0]), (x / x, [1.0, 1.0, 1.0])):
        assert quotient.dtype == expected
        assert quotient.numpy().tolist() == values


def test_integers_are_floored_and_take_the_divisors_sign():
    x = tf.constant([-3, -1, 1, 3])
    assert (x // 2).numpy().tolist() == [-2, -1, 0, 1]
    assert (x % 2).numpy().tolist() == [1, 1, 1, 1]
    assert (x % -2).numpy().tolist() == [-1, -1, -1, -1]
    assert (x**2).numpy().tolist() == [9, 1, 1, 9]
    assert (2 ** tf.constant([0, 3])).numpy().tolist() == [1, 8]


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # NumPy's, where kernels run as Python
def test_division_by_zero():
    assert (tf.constant([1.0, -1.0]) / 0.0).numpy().tolist() == [np.inf, -np.inf]
    with pytest.raises(InvalidArgumentError, match="Integer division by zero"):
        tf.constant([1, 2]) // 0


MIXTURES = [
    lambda f, i: f + i,
    lambda f, i: i + f,
    lambda f, i: i * f,
    lambda f, i: f / i,
    lambda f, i: i / f,
    lambda f, i: i // f,
    lambda f, i: f**i,
    lambda f, i: f == i,
    lambda f, i: f < i,
    lambda f, i: f @ i,
    lambda f, i: f + tf.constant([[1.0]], tf.float64),
    lambda f, i: i + tf.constant([[1]], tf.int64),
    lambda f, i: i / tf.constant([[1]], tf.int64),
    lambda f, i: tf.Variable([[1.0]]) + i,
]


@pytest.mark.parametrize("mixture", MIXTURES)
def test_dtypes_do_not_mix(mixture):
    with pytest.raises(InvalidArgumentError, match=r"dtypes do not mix: use tf\.cast$"):
        mixture(tf.constant([[1.0]]), tf.constant([[1]]))


def test_a_mixture_is_refused_in_these_words():
    with pytest.raises(InvalidArgumentError) as raised:
        tf.constant([1.0, 2.0]) + tf.constant(1)
    assert str(raised.value) == (
        "AddV2: x is float32 but y is int32 (shapes (2,) and ()); dtypes do not mix: use tf.cast"
    )


LOSSES = [
    lambda i: i + 1.5,
    lambda i: 1.5 + i,
    lambda i: i * 1.0,
    lambda i: i / 2.5,
    lambda i: 2.5 / i,
    lambda i: i == 2.5,
]
LOSSES += [lambda i: i + [0.5, 1.5], lambda i: i + np.float32(2.5), lambda i: np.float64(2.5) * i]


@pytest.mark.parametrize("loss", LOSSES)
def test_floats_are_not_cut_to_integers(loss):
    with pytest.raises(TypeError, match=r"^cannot convert .* to dtype int32; use tf\.cast$"):
        loss(tf.constant([1, 2]))


@pytest.mark.parametrize("loss", [lambda i: i + np.array([0.5, 1.5]), lambda i: np.array([0.5, 1.5]) + i])
def test_float_arrays_are_not_cut_to_integers(loss):
    with pytest.raises(InvalidArgumentError, match="dtypes do not mix"):
        loss(tf.constant([1, 2]))


@pytest.mark.parametrize("number", [300, -1, 2**40])
def test_numbers_that_do_not_fit_the_dtype_are_refused(number):
    with pytest.raises(TypeError, match=rf"^{number} does not fit into dtype uint8 \[0, 255\]$"):
        tf.constant([1, 2], tf.uint8) + number


@pytest.mark.parametrize("other", [None, "x", object(), {}, 1j])
def test_what_is_no_number_is_refused(other):
    for use in (lambda: tf.constant(1.0) + other, lambda: other * tf.constant(1.0), lambda: tf.constant(1.0) < other):
        with pytest.raises((TypeError, ValueError)):
            use()


def test_nothing_equals_none():
    for x in (tf.constant(1.0), tf.Variable(1.0)):
        assert (x == None) is False
        assert (x != None) is True


def test_truth_values_combine():
    a, b = tf.constant([True, True, False, False]), tf.constant([True, False, True, False])
    assert (a & b).numpy().tolist() == [True, False, False, False]
    assert (a | b).numpy().tolist() == [True, True, True, False]
    assert (a ^ b).numpy().tolist() == [False, True, True, False]
    assert (a ^ True).numpy().tolist() == (True ^ a).numpy().tolist() == (~a).numpy().tolist()
    assert (~a).numpy().tolist() == [False, False, True, True]
    assert (a & True).numpy().tolist() == (True & a).numpy().tolist() == a.numpy().tolist()
    assert (b | False).numpy().tolist() == (False | b).numpy().tolist() == b.numpy().tolist()
    assert (a == b).numpy().tolist() == [True, False, False, True]


@pytest.mark.parametrize("use", [lambda b: b + b, lambda b: -b, lambda b: b < b, lambda b: b / b, lambda b: abs(b)])
def test_truth_values_are_no_numbers(use):
    with pytest.raises((InvalidArgumentError, TypeError)):
        use(tf.constant([True, False]))


@pytest.mark.parametrize("use", [lambda x: ~x, lambda x: x & x, lambda x: x | 1, lambda x: x ^ 1])
def test_numbers_are_no_truth_values(use):
    with pytest.raises(InvalidArgumentError, match="expected a bool tensor"):
        use(tf.constant([1.0, 0.0]))


def test_bits_of_integers_combine():
    a, b = tf.constant([5, 3]), tf.constant([1, 2])
    assert (a & b).numpy().tolist() == [1, 2]
    assert (a | 8).numpy().tolist() == (8 | a).numpy().tolist() == [13, 11]
    assert (a ^ 1).numpy().tolist() == (1 ^ a).numpy().tolist() == [4, 2]
    assert (~a).numpy().tolist() == [-6, -4]
    assert (~tf.constant([5], tf.uint8)).numpy().tolist() == [250]


def test_integer_matrices_multiply():
    a, b = tf.constant([[1, 2]]), tf.constant([[3], [4]])
    with tf.GradientTape() as tape:
        product = a @ b
    assert (product.dtype, product.numpy().tolist()) == (tf.int32, [[11]])
    assert tape.gradient(product, a) is None


def test_signs():
    x = tf.constant([-1.5, 0.0, 2.0])
    assert (-x).numpy().tolist() == [1.5, 0.0, -2.0]
    assert abs(x).numpy().tolist() == [1.5, 0.0, 2.0]
    assert (+x).numpy().tolist() == x.numpy().tolist()


def test_comparisons_with_nan():
    x = tf.constant([np.nan, 1.0])
    assert (x == x).numpy().tolist() == [False, True]
    assert (x != x).numpy().tolist() == [True, False]
    assert (x < 2.0).numpy().tolist() == [False, True]
    assert (x >= 2.0).numpy().tolist() == [False, False]


def test_matrices_multiply_from_both_sides():
    a, b = np.array([[1.0, 2.0]], "float32"), np.array([[3.0], [4.0]], "float32")
    for product in (tf.constant(a) @ tf.constant(b), a @ tf.constant(b), tf.constant(a) @ b, tf.Variable(a) @ b):
        assert isinstance(product, tf.Tensor)
        assert product.numpy().tolist() == [[11.0]]


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(
        InvalidArgumentError, match=r"shapes \(3,\) and \(2,\) do not broadcast: axis -1 has sizes 2 and 3"
    ):
        tf.constant([1.0, 2.0, 3.0]) + tf.constant([1.0, 2.0])


def test_operands_broadcast():
    x = tf.constant([[1.0], [2.0]])
    assert (x + [10.0, 20.0]).numpy().tolist() == [[11.0, 21.0], [12.0, 22.0]]
    assert (np.ones((2, 1, 3), "float32") * x).shape == (2, 2, 3)
    assert (x * np.zeros((2, 0), "float32")).shape == (2, 0)


# Slices.

A = np.arange(24, dtype="float32").reshape(2, 3, 4)
INDICES = [
    np.s_[0], np.s_[-1], np.s_[1, 2], np.s_[1, 2, 3], np.s_[..., 0], np.s_[0, ...], np.s_[0, ..., 1:3], np.s_[...],
    np.s_[()], np.s_[:], np.s_[:, 1], np.s_[:, :, 1:3], np.s_[None], np.s_[:, None, ..., None], np.s_[..., None],
    np.s_[::-1], np.s_[:, ::-2], np.s_[0, 5:1:-1], np.s_[0, 0, 10:], np.s_[0, 0, 1:-1], np.s_[0, 0, -100:100],
    np.s_[0, 0, 100:-100:-1], np.s_[0, 0, 3:0:-2], np.s_[0, 0, 2:2], np.s_[0, 0, 3:1],
    np.s_[1:, :2, ::3], np.s_[0, None, 1],
]  # fmt: skip


@pytest.mark.parametrize("make", [tf.constant, tf.Variable], ids=["tensor", "variable"])
@pytest.mark.parametrize("index", INDICES, ids=str)
def test_slices_are_numpys(make, index):
    part = make(A)[index]
    assert isinstance(part, tf.Tensor)
    np.testing.assert_array_equal(part.numpy(), A[index])
    assert part.shape == A[index].shape


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_the_gradient_of_a_slice_goes_where_it_was_taken(index):
    x = tf.constant(A)
    weights = np.random.default_rng(0).normal(size=A[index].shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x[index] * weights
    expected = np.zeros_like(A)
    expected[index] = weights
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), expected)


ENDS = st.none() | st.integers(-7, 7)


@given(ENDS, ENDS, st.none() | st.integers(-3, 3).filter(bool))
def test_any_slice_is_pythons(start, stop, step):
    x = np.arange(5)
    np.testing.assert_array_equal(tf.constant(x)[start:stop:step].numpy(), x[start:stop:step])


def test_positions_may_be_tensors_and_numpy_integers():
    x = tf.constant(A)
    one = tf.constant(1)
    assert float(x[one, 0, np.int64(0)]) == 12.0
    assert x[0:one, 0, 0].numpy().tolist() == [0.0]
    assert float(x[tf.constant(1, tf.int64)][0][0]) == 12.0


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (np.s_[2], "index 2 is out of bounds for axis 0 with size 2"),
        (np.s_[-3], "index -3 is out of bounds for axis 0 with size 2"),
        (np.s_[0, 3], "index 3 is out of bounds for axis 1 with size 3"),
        (np.s_[0, 0, 0, 0], "4 indices for a tensor of 3 axes"),
        (np.s_[..., ...], "an index can only have a single ellipsis"),
        (np.s_[0, 0, ::0], "the step of a slice must not be 0"),
    ],
    ids=str,
)
def test_indices_out_of_range_are_refused(index, words):
    with pytest.raises(InvalidArgumentError, match=words) as raised:
        tf.constant(A)[index]
    assert str(raised.value).startswith("StridedSlice: ")


@pytest.mark.parametrize("index", [1.5, "x", [0, 1], np.array([0, 1]), np.s_[0:1.5]])
def test_other_indices_are_refused_with_a_way_out(index):
    with pytest.raises(TypeError, match=r"for a list of positions use tf\.gather, for a mask tf\.boolean_mask$"):
        tf.constant(A)[index]


def test_a_scalar_has_no_positions():
    x = tf.constant(1.0)
    assert float(x[()]) == float(x[...]) == 1.0
    assert x[None].shape == (1,)
    with pytest.raises(InvalidArgumentError):
        x[0]
