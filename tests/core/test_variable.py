"""Variables: assignment, and that what was read before a write keeps its values without needless copies.

Texts and values were checked with TensorFlow 2.21.
"""

import copy
import gc
import pickle
import tracemalloc
import weakref

import numpy as np
import pytest

import microdl as tf
from microdl.core.errors import InvalidArgumentError
from microdl.core.node import Graph


def values(x):
    return x.numpy().tolist()


# Making one.


@pytest.mark.parametrize(
    ("value", "options", "representation"),
    [
        (6.1, {}, "'Variable:0' shape=() dtype=float32, numpy=6.099999904632568"),
        (3, {}, "'Variable:0' shape=() dtype=int32, numpy=3"),
        (True, {}, "'Variable:0' shape=() dtype=bool, numpy=True"),
        ([1.0, 2.0], {}, "'Variable:0' shape=(2,) dtype=float32, numpy=array([1., 2.], dtype=float32)"),
        ([[1, 2], [3, 4]], {"name": "w", "dtype": tf.float32},
         "'w:0' shape=(2, 2) dtype=float32, numpy=\narray([[1., 2.],\n       [3., 4.]], dtype=float32)"),
        (np.zeros((0, 2)), {}, "'Variable:0' shape=(0, 2) dtype=float64, numpy=array([], shape=(0, 2), dtype=float64)"),
    ],
)  # fmt: skip
def test_variables_print_as_in_tensorflow(value, options, representation):
    variable = tf.Variable(value, **options)
    assert repr(variable) == str(variable) == f"{variable}" == f"<tf.Variable {representation}>"


def test_scalars_take_a_number_format():
    assert f"{tf.Variable(6.1):.3f}" == "6.100"


def test_the_initial_value_may_be_anything_that_makes_a_tensor():
    for value in (3.0, np.float32(3.0), tf.constant(3.0), tf.Variable(3.0), lambda: 3.0, lambda: tf.constant(3.0)):
        variable = tf.Variable(value)
        assert (float(variable), variable.dtype, variable.shape) == (3.0, tf.float32, ())


@pytest.mark.parametrize("make", [np.array, tf.constant, tf.Variable])
def test_a_variable_does_not_share_memory_with_its_initial_value(make):
    value = make([1.0, 2.0])
    variable = tf.Variable(value)
    variable.assign([3.0, 4.0])
    assert np.asarray(value).tolist() == [1.0, 2.0]


def test_an_array_may_change_after_it_was_assigned():
    array = np.array([1.0, 2.0], "float32")
    variable = tf.Variable(array)
    variable.assign(array)
    array[:] = 9.0
    assert values(variable) == [1.0, 2.0]


def test_names_and_attributes():
    variable = tf.Variable([[1.0, 2.0]], name="kernel")
    assert (variable.name, tf.Variable(1.0).name) == ("kernel:0", "Variable:0")
    assert (variable.shape, variable.dtype, variable.ndim, len(variable)) == ((1, 2), tf.float32, 2, 1)


def test_floats_are_trainable_unless_told_otherwise():
    assert tf.Variable(1.0).trainable is True
    assert tf.Variable(1.0, trainable=False).trainable is False
    assert tf.Variable(1).trainable is False
    assert tf.Variable(1, trainable=True).trainable is True


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tf.Variable([1.0, 2.0], shape=(3,), name="w"), ValueError,
         "Variable 'w': the initial value has shape (2,), not the given (3,)"),
        (lambda: tf.Variable([1.0, 2.0], shape=3), ValueError,
         "Variable None: the initial value has shape (2,), not the given (3,)"),
        (lambda: tf.Variable(1.5, dtype=tf.int32), TypeError,
         "cannot convert 1.5 of dtype float64 to dtype int32; use tf.cast"),
        (lambda: tf.Variable(tf.constant(1.0), dtype=tf.float64), ValueError,
         "tensor conversion requested dtype float64 for a tensor of dtype float32; use tf.cast"),
        (lambda: tf.Variable(None), ValueError, "None cannot be converted to a tensor"),
    ],
)  # fmt: skip
def test_what_is_no_initial_value_is_refused(make, error, message):
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value) == message


# Assignment.


def test_assignments_change_the_value_and_return_the_variable():
    variable = tf.Variable([1.0, 2.0])
    assert variable.assign([3.0, 4.0]) is variable
    assert values(variable) == [3.0, 4.0]
    assert variable.assign_add([1.0, 1.0]) is variable
    assert values(variable) == [4.0, 5.0]
    assert variable.assign_sub(tf.constant([4.0, 3.0])) is variable
    assert values(variable) == [0.0, 2.0]


@pytest.mark.parametrize("value", [[1, 2], np.array([1, 2]), np.array([1.0, 2.0]), (1.0, 2), range(1, 3)])
def test_assigned_numbers_take_the_variables_dtype(value):
    variable = tf.Variable([0.0, 0.0])
    variable.assign(value)
    assert (values(variable), variable.dtype) == ([1.0, 2.0], tf.float32)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8", "int64", "uint8"])
def test_every_number_dtype_can_be_assigned_added_and_subtracted(dtype):
    variable = tf.Variable([1, 2], dtype=dtype)
    variable.assign([5, 6])
    variable.assign_add([2, 2])
    variable.assign_sub([1, 1])
    assert (values(variable), variable.dtype) == ([6, 7], dtype)


def test_a_variable_can_be_assigned_from_itself():
    variable = tf.Variable([1.0, 2.0, 3.0])
    assert values(variable.assign(variable)) == [1.0, 2.0, 3.0]
    assert values(variable.assign(variable[::-1])) == [3.0, 2.0, 1.0]
    assert values(variable.assign_add(variable)) == [6.0, 4.0, 2.0]
    assert values(variable.assign_sub(variable * 0.5)) == [3.0, 2.0, 1.0]
    assert values(variable.assign_sub(variable)) == [0.0, 0.0, 0.0]


def test_assignments_chain():
    assert float(tf.Variable(1.0).assign_add(2.0).assign_sub(1.0).assign_add(3.0)) == 5.0


METHODS = {"assign": "AssignVariableOp", "assign_add": "AssignAddVariableOp", "assign_sub": "AssignSubVariableOp"}


@pytest.mark.parametrize(
    ("value", "shape", "dtype"),
    [
        ([1.0, 2.0, 3.0], (3,), "float32"),
        (1.0, (), "float32"),
        ([[1.0, 2.0]], (1, 2), "float32"),
        (tf.constant([1, 2]), (2,), "int32"),
        (tf.constant([1.0, 2.0], tf.float64), (2,), "float64"),
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_another_shape_or_dtype_is_refused_and_changes_nothing(method, value, shape, dtype):
    variable = tf.Variable([7.0, 8.0], name="w")
    with pytest.raises(InvalidArgumentError) as raised:
        getattr(variable, method)(value)
    assert isinstance(raised.value, ValueError)
    assert str(raised.value) == (
        f"{METHODS[method]}: variable w:0 has shape (2,) and dtype float32, "
        f"the value has shape {shape} and dtype {dtype}"
    )
    assert values(variable) == [7.0, 8.0]


@pytest.mark.parametrize("method", METHODS)
def test_values_that_would_lose_something_are_refused(method):
    with pytest.raises(TypeError, match=r"^cannot convert 1\.5 of dtype float64 to dtype int32; use tf\.cast$"):
        getattr(tf.Variable(1), method)(1.5)
    with pytest.raises(ValueError, match=r"^None cannot be converted to a tensor$"):
        getattr(tf.Variable(1.0), method)(None)


def test_variables_cannot_be_written_to_in_a_graph():
    variable = tf.Variable(1.0, name="w")
    with Graph(), pytest.raises(RuntimeError, match=r"^variable w:0 cannot be written to in a graph"):
        variable.assign(2.0)
    assert float(variable) == 1.0


def test_there_is_no_assignment_to_elements():
    with pytest.raises(TypeError, match=r"^the elements of Variable:0 cannot be assigned one by one; "):
        tf.Variable([1.0])[0] = 2.0


# What was read keeps its values.

READS = {
    "read": lambda v: v.read(),
    "read_value": lambda v: v.read_value(),
    "value": lambda v: v.value(),
    "convert": tf.convert_to_tensor,
    "constant": tf.constant,
    "slice": lambda v: v[:],
    "ellipsis": lambda v: v[...],
    "plus": lambda v: +v,
    "reshape": lambda v: tf.reshape(v, (3, 1)),
    "identity": lambda v: tf.identity(v),
    "stop_gradient": lambda v: tf.stop_gradient(v),
    "expand": lambda v: tf.expand_dims(v, 0),
    "reshape of read": lambda v: tf.reshape(v.read(), (1, 3)),
    "view of view": lambda v: tf.reshape(tf.identity(v), (3, 1)),
    "cast": lambda v: tf.cast(v, tf.float32),
    "numpy": lambda v: v.numpy(),
    "asarray": np.asarray,
    "array": np.array,
    "asarray of read": lambda v: np.asarray(v.read()),
    "asarray of reshape": lambda v: np.asarray(tf.reshape(v, (3,))),
    "element": lambda v: list(v),
    "packed": lambda v: tf.convert_to_tensor([v, v]),
    "copied": lambda v: copy.copy(v.read()),
    "deeply copied": lambda v: copy.deepcopy(v.read()),
}


@pytest.mark.parametrize("write", ["assign", "assign_add", "assign_sub"])
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_was_read_stays_when_the_variable_changes(read, write):
    variable = tf.Variable([1.0, 2.0, 3.0])
    before = read(variable)
    expected = np.array(before)
    for _ in range(2):
        getattr(variable, write)([10.0, 20.0, 30.0])
    np.testing.assert_array_equal(np.array(before), expected)


def test_each_read_shows_its_own_moment():
    variable = tf.Variable(0.0)
    moments = []
    for step in range(4):
        variable.assign(float(step))
        moments.append(variable.read())
    assert [float(x) for x in moments] == [0.0, 1.0, 2.0, 3.0]


def test_a_tape_holds_the_value_that_it_saw():
    variable = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = variable * variable
    variable.assign(100.0)
    assert float(tape.gradient(y, variable)) == 6.0


def test_every_layer_of_a_step_sees_the_weights_from_before_the_update():
    w, x = tf.Variable([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[1.0, 1.0]])
    with tf.GradientTape(persistent=True) as tape:
        y = (x @ w) @ w
    before = tape.gradient(y, w)
    w.assign_sub(before)
    assert values(tape.gradient(y, w)) == values(before)


def address(variable):
    return variable.known_array().__array_interface__["data"][0]


def test_the_buffer_keeps_its_place():
    variable = tf.Variable([1.0, 2.0])
    place, held = address(variable), variable.read()
    for write in (variable.assign, variable.assign_add, variable.assign_sub):
        write([3.0, 4.0])
        held = variable.read()  # noqa: F841 (a reader at every write)
    assert address(variable) == place
    assert variable.read().known_array().__array_interface__["data"][0] == place


def test_reading_makes_no_copy():
    variable = tf.Variable([1.0, 2.0])
    assert np.shares_memory(variable.read().known_array(), variable.known_array())
    first = variable.read()
    assert variable.read() is first


def most_bytes(run):
    """Memory that ``run`` needs at its peak, beyond what was there."""
    run()  # compiles
    gc.collect()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


SIZE = 100_000


@pytest.mark.parametrize("write", ["assign", "assign_add", "assign_sub"])
def test_writing_copies_nothing_if_nobody_holds_the_value(write):
    variable, delta = tf.Variable(np.zeros(SIZE, "float32")), tf.constant(np.ones(SIZE, "float32"))
    variable.read()
    assert most_bytes(lambda: getattr(variable, write)(delta)) < SIZE


def test_writing_copies_once_if_somebody_holds_the_value():
    variable, delta = tf.Variable(np.zeros(SIZE, "float32")), tf.constant(np.ones(SIZE, "float32"))
    held = []

    def run():
        held.append(variable.read())
        variable.assign_add(delta)
        variable.assign_add(delta)

    assert 4 * SIZE <= most_bytes(run) < 5 * SIZE
    assert [float(x[0]) for x in held] == [0.0, 2.0]


def test_a_tape_that_does_not_need_the_value_costs_no_copy():
    variable, delta = tf.Variable(np.zeros(SIZE, "float32")), tf.constant(np.ones(SIZE, "float32"))
    with tf.GradientTape() as tape:
        y = variable - delta  # a difference's gradient reads neither side
        assert most_bytes(lambda: variable.assign_add(delta)) < SIZE
    assert float(tape.gradient(y, variable)[0]) == 1.0


def test_values_are_freed_with_their_last_reader():
    variable = tf.Variable([1.0])
    held = variable.read()
    variable.assign([2.0])
    gone = weakref.ref(held)
    del held
    assert gone() is None


def test_variables_are_freed():
    variable = tf.Variable([1.0])
    with tf.GradientTape() as tape:
        y = variable * 2.0
    tape.gradient(y, variable)
    gone = weakref.ref(variable)
    del variable, tape, y
    gc.collect()
    assert gone() is None


# Copies, keys, protocols.


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_are_variables_of_their_own(duplicate):
    original = tf.Variable([1.0, 2.0], name="w", trainable=False)
    held = original.read()
    other = duplicate(original)
    other.assign([5.0, 6.0])
    original.assign_add([10.0, 10.0])
    assert (values(original), values(other), values(held)) == ([11.0, 12.0], [5.0, 6.0], [1.0, 2.0])
    assert (other.name, other.trainable, other.dtype) == ("w:0", False, tf.float32)


def test_a_copy_is_another_source_to_a_tape():
    original = tf.Variable(3.0)
    other = copy.deepcopy(original)
    with tf.GradientTape() as tape:
        y = original * original + other
    assert [float(g) for g in tape.gradient(y, [original, other])] == [6.0, 1.0]


def test_copies_of_structures_keep_shared_variables_shared():
    variable = tf.Variable(1.0)
    first, second = copy.deepcopy([variable, variable])
    assert first is second
    assert first is not variable


def test_references_are_keys():
    v, w = tf.Variable(1.0), tf.Variable(1.0)
    with pytest.raises(TypeError) as raised:
        hash(v)
    assert str(raised.value) == "Variable is unhashable (== compares elementwise); use .ref() as the key"
    assert {v.ref(): "v", w.ref(): "w"}[v.ref()] == "v"
    assert v.ref() != w.ref()
    assert v.ref().deref() is v


def test_python_protocols():
    assert (bool(tf.Variable(0.0)), int(tf.Variable(3)), float(tf.Variable(3.5))) == (False, 3, 3.5)
    assert [float(x) for x in tf.Variable([1.0, 2.0])] == [1.0, 2.0]
    assert np.asarray(tf.Variable([1.0, 2.0]), dtype="float64").dtype == "float64"


def test_numpy_cannot_reach_the_buffer():
    variable = tf.Variable([1.0, 2.0])
    for array in (variable.numpy(), np.array(variable), np.asarray(variable)):
        assert not np.shares_memory(array, variable.known_array())
