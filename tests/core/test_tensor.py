"""Tensors: how they print, that they never change, and Python's protocols.

Texts and values were checked with TensorFlow 2.21 and NumPy 2.4.
"""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import microdl as tf
from microdl.core.errors import OperatorNotAllowedInGraphError
from microdl.core.node import Graph
from microdl.core.op import Spec
from microdl.core.tensor import Tensor, apply

PRINTED = [  # value, dtype, repr, str
    (6.1, "float32", "shape=(), dtype=float32, numpy=6.099999904632568", "6.1, shape=(), dtype=float32"),
    (6.1, "float64", "shape=(), dtype=float64, numpy=6.1", "6.1, shape=(), dtype=float64"),
    (6.1, "float16", "shape=(), dtype=float16, numpy=6.1015625", "6.1, shape=(), dtype=float16"),
    (1e10, "float32", "shape=(), dtype=float32, numpy=10000000000.0", "1e+10, shape=(), dtype=float32"),
    (-0.0, "float32", "shape=(), dtype=float32, numpy=-0.0", "-0.0, shape=(), dtype=float32"),
    (np.nan, "float32", "shape=(), dtype=float32, numpy=nan", "nan, shape=(), dtype=float32"),
    (np.inf, "float32", "shape=(), dtype=float32, numpy=inf", "inf, shape=(), dtype=float32"),
    (2**24, "float32", "shape=(), dtype=float32, numpy=16777216.0", "1.6777216e+07, shape=(), dtype=float32"),
    (3, "int32", "shape=(), dtype=int32, numpy=3", "3, shape=(), dtype=int32"),
    (6, "uint8", "shape=(), dtype=uint8, numpy=6", "6, shape=(), dtype=uint8"),
    (True, "bool", "shape=(), dtype=bool, numpy=True", "True, shape=(), dtype=bool"),
    ([1, 2], "float32", "shape=(2,), dtype=float32, numpy=array([1., 2.], dtype=float32)",
     "[1. 2.], shape=(2,), dtype=float32"),
    ([6, 0, -1], "int8", "shape=(3,), dtype=int8, numpy=array([ 6,  0, -1], dtype=int8)",
     "[ 6  0 -1], shape=(3,), dtype=int8"),
    ([6, 0], "int64", "shape=(2,), dtype=int64, numpy=array([6, 0])", "[6 0], shape=(2,), dtype=int64"),
    ([True, False], "bool", "shape=(2,), dtype=bool, numpy=array([ True, False])",
     "[ True False], shape=(2,), dtype=bool"),
    ([], "float32", "shape=(0,), dtype=float32, numpy=array([], dtype=float32)", "[], shape=(0,), dtype=float32"),
    ([[]], "float32", "shape=(1, 0), dtype=float32, numpy=array([], shape=(1, 0), dtype=float32)",
     "[], shape=(1, 0), dtype=float32"),
    ([[1, 2], [3, 4]], "float32",
     "shape=(2, 2), dtype=float32, numpy=\narray([[1., 2.],\n       [3., 4.]], dtype=float32)",
     "\n[[1. 2.]\n [3. 4.]], shape=(2, 2), dtype=float32"),
    ([[[1], [2]]], "float32",
     "shape=(1, 2, 1), dtype=float32, numpy=\narray([[[1.],\n        [2.]]], dtype=float32)",
     "\n[[[1.]\n  [2.]]], shape=(1, 2, 1), dtype=float32"),
    ([6, 0, 2**64 - 1], "uint64",
     "shape=(3,), dtype=uint64, numpy=\narray([                   6,                    0, 18446744073709551615],\n"
     "      dtype=uint64)",
     "[                   6                    0 18446744073709551615], shape=(3,), dtype=uint64"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "dtype", "representation", "text"), PRINTED)
def test_tensors_print_as_in_tensorflow(value, dtype, representation, text):
    tensor = tf.constant(value, dtype)
    assert repr(tensor) == f"<tf.Tensor: {representation}>"
    assert str(tensor) == f"tf.Tensor({text})"
    assert "%s" % tensor == str(tensor)  # noqa: UP031


def test_long_tensors_are_abbreviated():
    text = str(tf.constant(np.zeros(2000, "float32")))
    assert text == "tf.Tensor([0. 0. 0. ... 0. 0. 0.], shape=(2000,), dtype=float32)"


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [
        (6.1, ".2f", "6.10"),
        (6.1, "", "6.099999904632568"),
        (6, "4d", "   6"),
        (6, "", "6"),
        (True, "", "True"),
        (0.25, ".0%", "25%"),
        ([1.0, 2.0], "", "[1. 2.]"),
    ],
)
def test_tensors_are_formatted_as_their_values(value, spec, text):
    assert format(tf.constant(value), spec) == text


def test_several_values_do_not_take_a_number_format():
    with pytest.raises(TypeError, match="unsupported format string"):
        format(tf.constant([1.0, 2.0]), ".2f")


def test_symbolic_tensors_print_shape_and_dtype():
    tensor = Tensor(Spec((2, 3), tf.float32))
    assert repr(tensor) == str(tensor) == "<tf.Tensor: shape=(2, 3), dtype=float32>"


# Tensors never change.


def test_numpy_gives_a_copy():
    tensor = tf.constant([1.0, 2.0])
    array = tensor.numpy()
    array[0] = 9.0
    assert tensor.numpy().tolist() == [1.0, 2.0]


def test_numpy_of_a_scalar_is_a_numpy_number():
    assert type(tf.constant(1.0).numpy()) is np.float32
    assert type(tf.constant(True).numpy()) is np.bool_


def test_asarray_is_read_only_and_no_copy():
    tensor = tf.constant([1.0, 2.0])
    array = np.asarray(tensor)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 9.0
    assert np.shares_memory(array, np.asarray(tensor))


def test_an_array_made_from_a_tensor_is_ones_own():
    tensor = tf.constant([1.0, 2.0])
    for array in (np.array(tensor), np.asarray(tensor, dtype="float64"), np.array(tensor, copy=True)):
        array[0] = 9.0
    assert tensor.numpy().tolist() == [1.0, 2.0]


def test_numpy_functions_take_tensors():
    tensor = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    assert np.sum(tensor) == 10.0
    assert np.stack([tensor, tensor]).shape == (2, 2, 2)
    assert np.array([tf.constant(1.0), tf.constant(2.0)]).tolist() == [1.0, 2.0]


def test_elements_cannot_be_assigned():
    tensor = tf.constant([1.0, 2.0])
    with pytest.raises(TypeError, match=r"^tensors are immutable: their elements cannot be assigned; "):
        tensor[0] = 9.0


@pytest.mark.parametrize("name", ["shape", "dtype", "ndim", "device", "anything"])
def test_attributes_cannot_be_assigned(name):
    with pytest.raises(AttributeError):
        setattr(tf.constant(1.0), name, None)


@pytest.mark.parametrize("update", ["+=", "-=", "*=", "/=", "//=", "%=", "**=", "@="])
def test_updating_operators_make_a_new_tensor(update):
    values = {"x": tf.constant([[2.0]]), "y": tf.constant([[2.0]])}
    before = values["x"]
    exec(f"x {update} y", values)
    assert before.numpy() == 2.0
    assert values["x"] is not before


def test_slices_do_not_share_what_numpy_may_change():
    tensor = tf.constant([1.0, 2.0, 3.0])
    part = tensor[1:].numpy()
    part[:] = 9.0
    assert tensor.numpy().tolist() == [1.0, 2.0, 3.0]


# Copies and pickles.


def test_copies_are_the_tensor_itself():
    tensor = tf.constant([1.0, 2.0])
    assert copy.copy(tensor) is copy.deepcopy(tensor) is tensor
    assert copy.deepcopy([tensor])[0] is tensor


@pytest.mark.parametrize("value", [1.5, [[1, 2]], [True], []])
def test_a_pickled_tensor_comes_back_equal(value):
    tensor = tf.constant(value)
    loaded = pickle.loads(pickle.dumps(tensor))
    assert repr(loaded) == repr(tensor)


def test_a_loaded_tensor_is_another_one_to_a_tape():
    x = tf.constant(3.0)
    loaded = pickle.loads(pickle.dumps(x))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * loaded
    assert float(tape.gradient(y, x)) == 3.0
    assert tape.gradient(y, loaded) is None


def test_a_pickle_of_a_variables_value_stays_as_it_is():
    variable = tf.Variable([1.0, 2.0])
    pickled = pickle.dumps(variable.read())
    variable.assign([3.0, 4.0])
    assert pickle.loads(pickled).numpy().tolist() == [1.0, 2.0]


def test_tensors_are_freed_at_once():
    tensor = tf.constant([1.0]) * 2.0
    gone = weakref.ref(tensor)
    gc.disable()
    try:
        del tensor
        assert gone() is None
    finally:
        gc.enable()


# What tensors say of themselves.


def test_shape_dtype_rank_and_device():
    tensor = tf.constant([[1.0, 2.0, 3.0]])
    assert (tensor.shape, tensor.get_shape()) == ((1, 3), (1, 3))
    assert type(tensor.shape) is tf.TensorShape
    assert (tensor.dtype, tensor.ndim) == (tf.float32, 2)
    assert tensor.device == "/job:localhost/replica:0/task:0/device:CPU:0"


# Python's protocols.


def test_len_is_the_size_of_the_first_axis():
    assert [len(tf.constant(value)) for value in ([1, 2, 3], [[1, 2]], [], np.zeros((0, 4)))] == [3, 1, 0, 0]


def test_scalars_have_no_len_and_no_elements():
    with pytest.raises(TypeError, match=r"^a scalar tensor has no len\(\)$"):
        len(tf.constant(1.0))
    with pytest.raises(TypeError, match=r"^a scalar tensor cannot be iterated over$"):
        iter(tf.constant(1.0))


def test_iteration_gives_the_slices_of_the_first_axis():
    rows = list(tf.constant([[1, 2], [3, 4]]))
    assert [row.numpy().tolist() for row in rows] == [[1, 2], [3, 4]]
    first, second, third = tf.constant([1.0, 2.0, 3.0])
    assert (float(first), float(second), float(third)) == (1.0, 2.0, 3.0)
    assert list(tf.constant([])) == []


def test_iteration_can_be_differentiated():
    x = tf.constant([2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        a, b = x
        y = a * b
    assert tape.gradient(y, x).numpy().tolist() == [3.0, 2.0]


@pytest.mark.parametrize(("value", "truth"), [(0.0, False), (2.5, True), (0, False), (True, True), ([1.0], True)])
def test_truth_is_that_of_the_single_value(value, truth):
    assert bool(tf.constant(value)) is truth


def test_several_values_are_neither_true_nor_false():
    with pytest.raises(ValueError, match=r"^a tensor of shape \(2,\) has 2 truth values; "):
        bool(tf.constant([1.0, 2.0]))


@pytest.mark.parametrize(("value", "dtype"), [(2.7, tf.float32), (2, tf.int32), (True, tf.bool), (2.7, tf.float64)])
def test_scalars_become_python_numbers(value, dtype):
    tensor = tf.constant(value, dtype)
    assert int(tensor) == int(value)
    assert float(tensor) == pytest.approx(float(value), rel=1e-6)
    assert (type(int(tensor)), type(float(tensor))) == (int, float)


@pytest.mark.parametrize("number", [int, float])
def test_several_values_are_no_python_number(number):
    with pytest.raises(TypeError):
        number(tf.constant([1.0, 2.0]))


def test_integer_scalars_are_indices():
    assert [10, 20, 30][tf.constant(1)] == 20
    assert range(5)[tf.constant(2, tf.int64)] == 2
    assert "x" * tf.constant(3, tf.uint8).__index__() == "xxx"


@pytest.mark.parametrize("value", [1.0, True, [1]])
def test_other_tensors_are_no_indices(value):
    with pytest.raises(TypeError, match=r"^only integer scalar tensors can be indices, got shape "):
        [10, 20, 30][tf.constant(value)]


def test_tensors_cannot_be_keys_but_their_references_can():
    x, y = tf.constant(1.0), tf.constant(1.0)
    with pytest.raises(TypeError) as raised:
        hash(x)
    assert str(raised.value) == "Tensor is unhashable (== compares elementwise); use .ref() as the key"
    table = {x.ref(): "x", y.ref(): "y"}
    assert (table[x.ref()], table[y.ref()]) == ("x", "y")


def test_references_equal_those_of_the_same_tensor_only():
    x, y = tf.constant(1.0), tf.constant(1.0)
    assert x.ref() == x.ref()
    assert x.ref() != y.ref()
    assert hash(x.ref()) == hash(x.ref())
    assert x.ref().deref() is x
    assert repr(x.ref()) == "<Reference wrapping <tf.Tensor: shape=(), dtype=float32, numpy=1.0>>"


def test_a_reference_keeps_its_tensor_alive():
    reference = tf.constant(5.0).ref()
    assert float(reference.deref()) == 5.0


def test_membership_looks_for_the_value():
    assert 2.0 in tf.constant([1.0, 2.0])
    assert 3.0 not in tf.constant([1.0, 2.0])


# Inside a graph.


def test_symbolic_tensors_have_no_value():
    x = tf.constant([1.0, 2.0])
    with Graph() as graph:
        y = x + 1.0
    assert (y.shape, y.dtype, len(graph.nodes)) == ((2,), tf.float32, 1)
    for use in (y.numpy, lambda: np.asarray(y), lambda: pickle.dumps(y)):
        with pytest.raises(TypeError, match=r"^a symbolic tensor of shape \(2,\) has no value until its graph runs \("):
            use()
    with pytest.raises(OperatorNotAllowedInGraphError, match="cannot become a Python float"):
        float(y)


def test_there_is_no_op_of_an_unknown_name():
    with pytest.raises(ValueError, match=r"^there is no op 'Nonsense'$"):
        apply("Nonsense", 1.0)
