"""Rows of arrays are shuffled as numbers and gathered by the batch: with the results of element after element."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import microdl as tf
from microdl.data.rows import Rows
from tests.reference.pipelines import plain

Dataset = tf.data.Dataset
ROWS = (np.arange(22, dtype=np.float32).reshape(11, 2), {"label": np.arange(11)})

steps = st.one_of(
    st.tuples(st.just("shuffle"), st.integers(1, 15)),
    st.tuples(st.just("take"), st.integers(0, 12)),
    st.tuples(st.just("skip"), st.integers(0, 5)),
    st.tuples(st.just("repeat"), st.integers(0, 3)),
    st.tuples(st.just("shard"), st.integers(1, 3), st.just(0)),
)


def elements(dataset, passes=2):
    return [[plain(element) for element in dataset.as_numpy_iterator()] for _ in range(passes)]


@given(chain=st.lists(steps, max_size=4), batch=st.integers(1, 7), drop=st.booleans())
def test_any_chain_gives_what_single_elements_give(chain, batch, drop):
    results = []
    for one_by_one in (False, True):
        tf.random.set_seed(7)
        dataset = Dataset.from_tensor_slices(ROWS)
        if one_by_one:
            dataset = dataset.map(lambda x, y: (x, y))
        for name, *arguments in chain:
            dataset = getattr(dataset, name)(*arguments)
        results.append(elements(dataset.batch(batch, drop)))
    assert results[0] == results[1]


@given(chain=st.lists(steps, max_size=3), count=st.integers(1, 9))
def test_single_rows_and_stacks_of_them_can_be_mixed(chain, count):
    def cursor():
        tf.random.set_seed(7)
        dataset = Dataset.from_tensor_slices(np.arange(11))
        for name, *arguments in chain:
            dataset = getattr(dataset, name)(*arguments)
        return dataset.node.iterate()

    stacks, singles = cursor(), cursor()
    assert isinstance(stacks, Rows)
    taken = []
    for _ in range(3):
        stack = stacks.many(count)
        taken += stack.tolist()
        if len(stack):
            taken += [row.tolist() for row in (_next_or_none(stacks),) if row is not None]
    expected = [_next_or_none(singles) for _ in range(len(taken))]
    assert taken == [row.tolist() for row in expected]


def _next_or_none(cursor):
    try:
        return cursor.next()
    except tf.data.node.EndOfData:
        return None


@pytest.mark.parametrize(
    "dataset",
    [
        Dataset.zip((Dataset.from_tensor_slices(np.arange(5)), Dataset.from_tensor_slices(np.arange(7)))).shuffle(3),
        Dataset.from_tensor_slices(ROWS).cache().prefetch(tf.data.AUTOTUNE).shuffle(4).repeat(),
        Dataset.from_tensor_slices(ROWS).with_options(tf.data.Options()).shuffle(4),
    ],
)
def test_steps_that_change_no_order_do_not_stand_in_the_way(dataset):
    assert isinstance(dataset.node.iterate(), Rows)


def test_batches_of_slices_share_the_memory_of_the_arrays():
    dataset = Dataset.from_tensor_slices(np.arange(8))
    assert all(np.shares_memory(np.asarray(batch), dataset.node.arrays) for batch in dataset.batch(3))


def test_elements_do_not_change_with_the_arrays_they_came_from():
    array = np.arange(4)
    dataset = Dataset.from_tensor_slices(array)
    array[:] = 9
    assert elements(dataset, 1) == [[0, 1, 2, 3]]
    with pytest.raises(ValueError, match="read-only"):
        next(dataset.batch(2).as_numpy_iterator())[0] = 5


def test_a_buffer_larger_than_memory_is_no_larger_than_the_data():
    assert sorted(elements(Dataset.range(9).shuffle(10**15), 1)[0]) == list(range(9))
