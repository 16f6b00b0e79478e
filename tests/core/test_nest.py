"""Nested structures: order of leaves, and structures rebuilt around new ones."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from microdl.core.nest import flatten, pack_as

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("structure", "leaves"),
    [
        (7, [7]),
        (None, [None]),
        ("abc", ["abc"]),
        ([], []),
        ([1, [2, (3,)], []], [1, 2, 3]),
        ({"b": 1, "a": [2, (3,)]}, [2, 3, 1]),
        (Point(1, [2]), [1, 2]),
        ([{"z": 1, "y": Point(2, {"k": 3})}, 4], [2, 3, 1, 4]),
    ],
)
def test_leaves_come_depth_first_and_dicts_in_the_order_of_their_keys(structure, leaves):
    assert flatten(structure) == leaves


def test_arrays_are_leaves():
    array = np.arange(3)
    assert flatten([array])[0] is array


@pytest.mark.parametrize(
    "structure",
    [1, [1, 2], (1, (2, [3])), {"b": 1, "a": {"d": [2], "c": 3}}, Point(1, Point(2, 3)), [], {}, [[], {"a": ()}]],
)
def test_packing_the_leaves_gives_the_structure_back(structure):
    packed = pack_as(structure, flatten(structure))
    assert packed == structure
    assert type(packed) is type(structure)


def test_packing_puts_new_leaves_at_the_old_places():
    assert pack_as({"b": 1, "a": [2, (3,)]}, [10, 20, 30]) == {"a": [10, (20,)], "b": 30}
    assert pack_as(Point(1, [2]), "ab") == Point("a", ["b"])


def test_packing_keeps_the_order_of_a_dicts_keys():
    assert list(pack_as({"b": 1, "a": 2}, [10, 20]).items()) == [("b", 20), ("a", 10)]


def test_packing_keeps_ordered_dicts():
    packed = pack_as(OrderedDict(b=1, a=2), [10, 20])
    assert packed == OrderedDict(b=20, a=10)
    assert type(packed) is OrderedDict


def test_packing_consumes_any_iterable():
    assert pack_as([0, (0, 0)], iter(range(3))) == [0, (1, 2)]


def test_leaves_may_be_structures_of_their_own():
    assert pack_as([1, 2], [[3], {"a": 4}]) == [[3], {"a": 4}]
