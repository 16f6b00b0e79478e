"""Shapes: TensorShape's manners, and the rules that ops share."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, strategies as st

import microdl as tf
from microdl.core.errors import InvalidArgumentError
from microdl.core.shapes import TensorShape, as_shape, broadcast_shapes, normalize_axis, size_of

SIZES = st.lists(st.integers(0, 5), max_size=4)


@pytest.mark.parametrize(
    ("sizes", "representation", "text"),
    [
        ([2, 3], "TensorShape([2, 3])", "(2, 3)"),
        ([3], "TensorShape([3])", "(3,)"),
        ([], "TensorShape([])", "()"),
        ([None, 3], "TensorShape([None, 3])", "(None, 3)"),
    ],
)
def test_shapes_print_as_in_tensorflow(sizes, representation, text):
    shape = TensorShape(sizes)
    assert (repr(shape), str(shape), f"{shape}") == (representation, text, text)


def test_shapes_equal_lists_and_tuples():
    assert TensorShape([2, 3]) == [2, 3]
    assert TensorShape([2, 3]) == (2, 3)
    assert [2, 3] == TensorShape([2, 3])
    assert (2, 3) == TensorShape([2, 3])
    assert not TensorShape([2, 3]) != [2, 3]


def test_shapes_differ_from_other_sizes_and_things():
    for other in ([2], [3, 2], (2, 3, 1), None, 6, "(2, 3)"):
        assert TensorShape([2, 3]) != other


def test_shapes_are_keys_like_tuples():
    assert {TensorShape([2, 3]): "here"}[2, 3] == "here"
    assert hash(TensorShape([2])) == hash(TensorShape((2,)))


def test_parts_of_shapes():
    shape = TensorShape([2, 3, 4])
    assert (shape[0], shape[-1], len(shape), list(shape)) == (2, 4, 3, [2, 3, 4])
    assert repr(shape[1:]) == "TensorShape([3, 4])"
    first, *rest = shape
    assert (first, rest) == (2, [3, 4])


def test_shapes_add_up_from_both_sides():
    assert repr(TensorShape([2]) + [3]) == repr(TensorShape([2]) + TensorShape([3])) == "TensorShape([2, 3])"
    assert repr([1] + TensorShape([2])) == repr((1,) + TensorShape([2])) == "TensorShape([1, 2])"


def test_rank_dims_and_elements():
    shape = TensorShape([2, 3])
    assert (shape.rank, shape.ndims, shape.dims, shape.as_list(), shape.num_elements()) == (2, 2, [2, 3], [2, 3], 6)
    assert (TensorShape([]).num_elements(), TensorShape([0, 5]).num_elements()) == (1, 0)


def test_unknown_sizes():
    shape = TensorShape([None, 3])
    assert (shape.num_elements(), shape.is_fully_defined()) == (None, False)
    assert TensorShape([2, 3]).is_fully_defined()


def test_copies_and_pickles_are_equal():
    shape = TensorShape([2, 3])
    for other in (copy.copy(shape), copy.deepcopy(shape), pickle.loads(pickle.dumps(shape))):
        assert other == shape
        assert type(other) is TensorShape


def test_reshape_takes_a_tensors_shape():
    assert np.zeros(tf.constant([[1.0, 2.0]]).shape).shape == (1, 2)


@given(SIZES)
def test_the_number_of_elements_is_the_product(sizes):
    assert size_of(sizes) == int(np.prod(sizes))


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ((2, 3), (2, 3)),
        ([2, 3], (2, 3)),
        (4, (4,)),
        (np.int64(4), (4,)),
        (np.array([2, 3]), (2, 3)),
        ((None, 3), (None, 3)),
        ((np.int32(2), 3), (2, 3)),
        (TensorShape([2, 3]), (2, 3)),
        ([], ()),
        (range(2), (0, 1)),
    ],
)
def test_shapes_may_be_given_in_many_ways(value, shape):
    result = as_shape(value)
    assert result == shape
    assert type(result) is tuple
    assert all(n is None or type(n) is int for n in result)


def test_shapes_may_be_tensors():
    assert as_shape(tf.constant(4)) == (4,)


@pytest.mark.parametrize("value", [2.0, [2.5], ["a"], "ab", [[1, 2]], object()])
def test_what_is_no_shape_is_refused(value):
    with pytest.raises(TypeError) as raised:
        as_shape(value)
    assert str(raised.value) == f"a shape is a sequence of integer sizes, got {value!r}"


def test_none_is_no_shape():
    with pytest.raises(TypeError, match=r"^a shape is expected \(a sequence of sizes\), got None$"):
        as_shape(None)


def test_axes_count_from_both_ends():
    assert [normalize_axis("op", axis, 3) for axis in (0, 2, -1, -3)] == [0, 2, 2, 0]


@pytest.mark.parametrize(("axis", "rank"), [(3, 3), (-4, 3), (0, 0), (-1, 0)])
def test_axes_out_of_range_are_refused(axis, rank):
    with pytest.raises(InvalidArgumentError) as raised:
        normalize_axis("Sum", axis, rank)
    assert str(raised.value) == f"Sum: axis {axis} is out of range for a tensor of {rank} axes [{-rank}, {rank})"


@given(st.lists(SIZES, min_size=1, max_size=3))
def test_broadcasting_is_numpys(shapes):
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(InvalidArgumentError):
            broadcast_shapes("op", *shapes)
    else:
        assert broadcast_shapes("op", *shapes) == expected


def test_shapes_that_do_not_broadcast_are_named_with_the_axis():
    with pytest.raises(ValueError, match=r"^AddV2") as raised:
        broadcast_shapes("AddV2", (2, 3, 4), (5, 1))
    assert str(raised.value) == (
        "AddV2: shapes (2, 3, 4) and (5, 1) do not broadcast: axis -2 has sizes 3 and 5; "
        "sizes must be equal or 1 (insert axes with tf.newaxis, reorder them with tf.transpose)"
    )
