"""Iterators that are saved and restored go on as if nothing had happened."""

import json

import numpy as np
import pytest

import microdl as tf
from tests.reference.pipelines import SEED, cases, plain

Dataset = tf.data.Dataset
CASES = cases(tf)
EXTRA = {
    "windows that wait": lambda: Dataset.range(12).window(3, shift=2).shuffle(4).flat_map(lambda w: w.batch(3)),
    "a window half used": lambda: Dataset.range(12).window(5).flat_map(lambda w: w),
    "nested interleave": lambda: Dataset.range(4).interleave(lambda x: Dataset.range(x, x + 5).skip(1), 2, 2),
    "elements ahead": lambda: Dataset.range(30).shuffle(9).map(lambda x: x + 1).prefetch(3).batch(2),
    "cache of a shuffle, repeated": lambda: Dataset.range(6).shuffle(6).map(lambda x: x * 2).cache().repeat(3).batch(4),
    "two groups": lambda: Dataset.range(20).group_by_window(lambda x: x % 3, lambda k, w: w.repeat(2), window_size=4),
    "strings that wait": lambda: Dataset.from_tensor_slices(["a", "b", "c", "d"]).map(lambda s: s).shuffle(3),
}


def through_json(state):
    """The state as a process that starts later would read it."""

    def default(array):
        assert isinstance(array, np.ndarray)
        return {"dtype": array.dtype.name, "array": plain(array)}

    def hook(value):
        if value.keys() != {"dtype", "array"}:
            return value
        array = np.array(value["array"], value["dtype"])
        return np.vectorize(str.encode, otypes=[object])(array) if array.dtype == object and array.size else array

    return json.loads(json.dumps(state, default=default), object_hook=hook)


def elements(iterator):
    return [plain(element) for element in iterator]


@pytest.mark.parametrize("name", [*CASES, *EXTRA])
def test_a_restored_iterator_gives_the_rest(name):
    make = (CASES | EXTRA)[name]
    tf.random.set_seed(SEED)
    length = len(elements(make().as_numpy_iterator()))
    for taken in sorted({0, 1, length // 2, length}):
        tf.random.set_seed(SEED)
        dataset = make()
        iterator = dataset.as_numpy_iterator()
        for _ in range(min(taken, length)):
            next(iterator)
        state = through_json(iterator.state())
        rest, following = elements(iterator), elements(dataset.as_numpy_iterator())
        tf.random.set_seed(SEED + 1)  # the state alone decides
        dataset = make()
        iterator = dataset.as_numpy_iterator()
        next(iterator, None)
        iterator.restore(state)
        assert elements(iterator) == rest
        assert elements(dataset.as_numpy_iterator()) == following


def test_a_state_is_not_changed_by_going_on():
    iterator = Dataset.range(20).shuffle(5).batch(3).as_numpy_iterator()
    next(iterator)
    state = iterator.state()
    rest = elements(iterator)
    for _ in range(2):
        iterator.restore(state)
        assert elements(iterator) == rest


def test_an_error_that_was_met_does_not_spoil_the_state():
    def fail_once(x):
        if x == 3 and not failed:
            failed.append(True)
            raise ValueError("not now")
        return x

    failed = []
    iterator = iter(Dataset.range(6).map(fail_once))
    assert [int(next(iterator)) for _ in range(3)] == [0, 1, 2]
    state = iterator.state()
    with pytest.raises(ValueError, match="not now"):
        next(iterator)
    iterator.restore(state)
    assert [int(x) for x in iterator] == [3, 4, 5]


def test_a_state_of_another_pipeline_is_refused():
    state = iter(Dataset.range(5).batch(2)).state()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"one of _BatchDataset\(_RangeDataset\(\)\), but"):
        iter(Dataset.range(5).shuffle(2)).restore(state)
    with pytest.raises(tf.errors.InvalidArgumentError, match="layout 1 is expected, got 0"):
        iter(Dataset.range(5).batch(2)).restore({**state, "version": 0})


def test_data_sets_that_cannot_be_saved_are_named():
    nested = Dataset.range(3).map(lambda x: Dataset.range(x)).shuffle(2)
    iterator = iter(nested)
    next(iterator)
    with pytest.raises(TypeError, match=r"itself a data set \(_RangeDataset\(\)\); only windows can be saved"):
        iterator.state()
