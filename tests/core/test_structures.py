"""``tf.nest``."""

from collections import OrderedDict, defaultdict, namedtuple

import pytest

import microdl as tf

Point = namedtuple("Point", "x y")


def test_flatten_goes_depth_first_in_the_order_of_sorted_keys():
    assert tf.nest.flatten({"b": [1, (2,)], "a": Point(3, None)}) == [3, None, 1, 2]
    assert tf.nest.flatten(5) == [5]
    assert tf.nest.flatten({1: "x", "a": "y"}) == ["x", "y"]
    ta = tf.TensorArray(tf.float32, 2)
    assert tf.nest.flatten([ta]) == [ta]


def test_pack_keeps_kinds_and_the_order_of_keys():
    structure = OrderedDict(b=[0, 0], a=Point(0, (0,)))
    packed = tf.nest.pack_sequence_as(structure, [1, 2, 3, 4])
    assert packed == OrderedDict(b=[3, 4], a=Point(1, (2,)))
    assert list(packed) == ["b", "a"]
    found = tf.nest.pack_sequence_as(defaultdict(list, a=1), ["x"])
    assert (found["a"], found["new"]) == ("x", [])
    with pytest.raises(ValueError, match="has 2 elements, but flat_sequence has 1"):
        tf.nest.pack_sequence_as([1, [2]], [1])


def test_map_structure_meets_leaves_at_the_same_place():
    total = tf.nest.map_structure(lambda *x: sum(x), {"a": (1, 2)}, {"a": (3, 4)}, {"a": (5, 6)})
    assert total == {"a": (9, 12)}
    with pytest.raises(TypeError, match="different types: list and tuple"):
        tf.nest.map_structure(lambda x, y: x, [1], (1,))
    assert tf.nest.map_structure(lambda x, y: x + y, [1], (2,), check_types=False) == [3]
    with pytest.raises(ValueError, match="at least one structure"):
        tf.nest.map_structure(len)


@pytest.mark.parametrize("other", [[1], [1, [2, 3]], [1, 2, 3], {"a": 1, "b": 2}, 5])
def test_structures_that_differ_are_refused(other):
    tf.nest.assert_same_structure([1, 2], [3, 4])
    with pytest.raises(ValueError, match="the structures differ"):
        tf.nest.assert_same_structure([1, 2], other)


def test_is_nested():
    assert [tf.nest.is_nested(x) for x in ([], (), {}, Point(1, 2), 1, "ab", {1}, tf.ones(2))] == [True] * 4 + [
        False
    ] * 4
