"""What Datasets say of themselves and refuse, and what functions in them see."""

from collections import namedtuple

import numpy as np
import pytest

import microdl as tf
from tests.reference.pipelines import X, Y, plain

Dataset = tf.data.Dataset
InvalidArgumentError = tf.errors.InvalidArgumentError


def elements(dataset):
    return [plain(element) for element in dataset.as_numpy_iterator()]


def test_elements_are_tensors_in_their_structure():
    x, y = next(iter(Dataset.from_tensor_slices((X, {"y": Y}))))
    assert isinstance(x, tf.Tensor)
    assert x.shape == (2,)
    assert y["y"].dtype == tf.int64


def test_named_tuples_stay_named():
    pair = namedtuple("pair", "image label")
    batch = next(iter(Dataset.from_tensor_slices(pair(X, Y)).shuffle(3).map(lambda image, label: pair(label, image))))
    assert batch.image.shape == ()
    assert batch.label.shape == (2,)


def test_numpy_iterators_give_scalars_and_arrays():
    element = next(Dataset.from_tensor_slices((X, Y)).as_numpy_iterator())
    assert isinstance(element[0], np.ndarray)
    assert isinstance(element[1], np.int64)


@pytest.mark.parametrize(
    ("dataset", "length"),
    [
        (Dataset.range(5).batch(2), 3),
        (Dataset.range(5).batch(2, drop_remainder=True).repeat(2), 4),
        (Dataset.zip((Dataset.range(5).repeat(), Dataset.range(4).skip(1))), 3),
        (Dataset.range(9).window(2, shift=4), 3),
        (Dataset.range(9).take(-1).shard(4, 1).enumerate(), 2),
    ],
)
def test_length(dataset, length):
    assert len(dataset) == len(elements(dataset.map(lambda *x: 0))) == length
    assert dataset.cardinality().dtype == tf.int64
    assert tf.data.experimental.cardinality(dataset) == length
    assert dataset


def test_lengths_that_are_none():
    endless, unknown = Dataset.range(3).repeat(), Dataset.range(3).filter(lambda x: x > 1)
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY == tf.data.experimental.INFINITE_CARDINALITY
    assert unknown.cardinality() == tf.data.UNKNOWN_CARDINALITY == tf.data.experimental.UNKNOWN_CARDINALITY
    with pytest.raises(TypeError, match=r"^The dataset is infinite\.$"):
        len(endless)
    with pytest.raises(TypeError, match=r"^The dataset length is unknown\.$"):
        len(unknown)
    wrong = unknown.apply(tf.data.experimental.assert_cardinality(2))
    with pytest.raises(InvalidArgumentError, match="expected to contain 2 elements but contained only 1 elements"):
        elements(wrong)


def test_reduce():
    total = Dataset.range(5).reduce(np.int64(0), lambda total, x: total + x)
    assert isinstance(total, tf.Tensor)
    assert int(total) == 10
    count, last = Dataset.from_tensor_slices((X, Y)).reduce(
        (0, tf.zeros(2)), lambda state, element: (state[0] + 1, element[0])
    )
    assert int(count) == 6
    assert last.numpy().tolist() == [10, 11]
    with pytest.raises(TypeError, match=r"must match the initial state. Expected int32; got float32"):
        Dataset.range(2).reduce(0, lambda state, x: 1.0)


def test_the_single_element():
    assert int(Dataset.range(4, 5).get_single_element()) == 4
    with pytest.raises(InvalidArgumentError, match=r"Dataset was empty."):
        Dataset.range(0).get_single_element()
    with pytest.raises(InvalidArgumentError, match=r"Dataset had more than one element."):
        Dataset.range(3).get_single_element()


def test_the_end_of_an_iterator():
    iterator = iter(Dataset.range(1))
    assert iter(iterator) is iterator
    assert iterator.get_next() == 0
    for _ in range(2):
        with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
            iterator.get_next()
        assert next(iterator, None) is None


def test_windows_are_data_sets():
    windows = list(Dataset.range(5).window(3))
    assert [elements(window) for window in windows] == [[0, 1, 2], [3, 4]]
    (labels, rows) = next(iter(Dataset.from_tensor_slices((Y, X)).window(2)))
    assert len(labels) == len(rows) == 2
    assert "DatasetSpec(TensorSpec(shape=(), dtype=tf.int64, name=None), TensorShape([]))" in repr(
        Dataset.range(5).window(3)
    )


def test_functions_see_values_and_may_look_at_them():
    odd = Dataset.range(6).filter(lambda x: bool(x % 2)).map(lambda x: np.sqrt(x.numpy()))
    assert elements(odd) == pytest.approx([1, 3**0.5, 5**0.5])
    assert odd.element_spec == tf.TensorSpec((), tf.float64)


def test_elements_keep_the_values_that_variables_had():
    counter = tf.Variable(0)

    def count(x):
        counter.assign_add(1)
        return counter

    assert elements(Dataset.range(3).map(count)) == [1, 2, 3]
    first, second = Dataset.range(2).map(count)
    assert (int(first), int(second)) == (4, 5)


def test_a_spec_of_open_sizes_comes_from_two_tries():
    batches = Dataset.from_tensor_slices((X, Y)).batch(4)
    assert batches.map(lambda x, y: tf.matmul(x, x, transpose_b=True)).element_spec == tf.TensorSpec((None, None))
    assert batches.map(lambda x, y: tf.reduce_sum(x, axis=0)).element_spec == tf.TensorSpec((2,))
    rows = Dataset.range(4).map(lambda n: tf.fill([int(n)], 1.0))  # a size that only the value tells
    assert rows.element_spec == tf.TensorSpec((None,))


def test_asking_for_the_spec_uses_no_random_numbers():
    drawn = []
    for ask in (False, True):
        tf.random.set_seed(3)
        dataset = Dataset.range(4).shuffle(4).map(lambda x: tf.random.uniform(()))
        if ask:
            repr(dataset)
        drawn.append(elements(dataset))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dataset.from_tensor_slices(3), InvalidArgumentError, r"only supported for rank >= 1"),
        (lambda: Dataset.from_tensor_slices((X, Y[:4])), ValueError, r"6 and 4 are not compatible.*\(6, 2\), \(4,\)"),
        (lambda: Dataset.from_tensor_slices(()), ValueError, "should not be empty"),
        (lambda: Dataset.from_tensor_slices([[1], [2, 3]]), ValueError, "rows of lengths 1 and 2"),
        (lambda: Dataset.range(), ValueError, "between 1 and 3"),
        (lambda: Dataset.range(1, 5, 0), InvalidArgumentError, "step must be a non-zero integer"),
        (lambda: Dataset.range(3).batch(0), InvalidArgumentError, "Batch size must be greater than zero, got 0"),
        (lambda: Dataset.range(3).shuffle(0), InvalidArgumentError, "must be greater than zero"),
        (lambda: Dataset.range(3).shard(2, 2), InvalidArgumentError, r"between 0 and 1 \(currently index = 2"),
        (lambda: Dataset.range(3).shard(0, 0), InvalidArgumentError, "shards must be greater than zero"),
        (lambda: Dataset.range(3).window(2, stride=0), InvalidArgumentError, "Window stride must be greater than zero"),
        (lambda: Dataset.range(3).interleave(lambda x: x, 0), InvalidArgumentError, "must be greater than zero"),
        (lambda: Dataset.range(3).map(3), ValueError, "map: a function is expected, got 3 of type int"),
        (lambda: Dataset.range(3).apply(lambda d: 3), TypeError, "a Dataset is expected, got 3"),
        (lambda: Dataset.range(3).concatenate([1]), TypeError, r"concatenate: a Dataset is expected, got \[1\]"),
        (lambda: Dataset.zip(3), TypeError, "zip: a Dataset is expected, got 3"),
        (lambda: Dataset.range(3).cache("file"), ValueError, "in memory only, not in a file"),
        (lambda: Dataset.range(3).prefetch(-2), InvalidArgumentError, "buffer_size must be >= 0 or AUTOTUNE, got -2"),
        (lambda: Dataset.from_generator(3), TypeError, "must be a Python callable"),
        (lambda: Dataset.from_generator(list), TypeError, "`output_signature` or `output_types`"),
        (
            lambda: Dataset.sample_from_datasets([Dataset.range(3)], weights=[1, 2]),
            ValueError,
            "as many weights, got 2",
        ),
        (
            lambda: Dataset.range(3).group_by_window(lambda x: x, lambda k, w: w),
            ValueError,
            "either `window_size` or `window_size_func`",
        ),
        (lambda: tf.data.TFRecordDataset, AttributeError, "'TFRecordDataset' is not in microdl yet"),
        (lambda: setattr(tf.data.Options(), "speed", 3), AttributeError, "Cannot set the property speed on Options"),
    ],
)
def test_wrong_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (
            Dataset.range(1, 4).map(lambda x: tf.fill([x], x)).batch(2),
            InvalidArgumentError,
            r"in component 0. First element had shape \[1\] and element 1 had shape \[2\]; padded_batch",
        ),
        (Dataset.range(3).filter(lambda x: x), ValueError, "must return a bool .* got int64 of shape"),
        (Dataset.range(3).flat_map(lambda x: x), TypeError, "must return a `Dataset`"),
        (Dataset.range(3).scan(0, lambda s, x: s), TypeError, "must return a pair"),
        (Dataset.range(4).window(2).batch(2), TypeError, "batch each of them, in flat_map"),
        (
            Dataset.range(3).map(lambda x: tf.fill([x], x)).padded_batch(3, padded_shapes=[1]),
            InvalidArgumentError,
            "component 0 has size 2 along axis 0, padded_shapes says 1",
        ),
        (
            Dataset.from_generator(lambda: [[1, 2]], output_signature=tf.TensorSpec((), tf.int32)),
            InvalidArgumentError,
            r"element of shape \(2,\) where an element of shape \(\) was expected",
        ),
        (
            Dataset.from_generator(lambda: [1.5], output_signature=tf.TensorSpec((), tf.int32)),
            InvalidArgumentError,
            "The expected type was int32, but the yielded element was 1.5",
        ),
        (
            Dataset.from_generator(lambda: [(1, 2, 3)], output_types=(tf.int32, tf.int32)),
            InvalidArgumentError,
            "did not match the expected structure",
        ),
        (Dataset.range(2).map(lambda x: next(iter(()))), RuntimeError, "in the pipeline raised StopIteration"),
        (
            Dataset.choose_from_datasets([Dataset.range(3)], Dataset.range(2)),
            ValueError,
            "chose data set 1 of 1",
        ),
    ],
)
def test_wrong_elements_are_refused_when_they_come(dataset, error, message):
    with pytest.raises(error, match=message):
        list(dataset)


def test_python_loops_over_data_sets_stay_outside_of_functions():
    dataset = Dataset.range(3)
    for do in (
        lambda: sum(x for x in dataset),
        lambda: next(dataset.as_numpy_iterator()),
        lambda: dataset.get_single_element(),
    ):
        with pytest.raises(tf.errors.OperatorNotAllowedInGraphError, match="be iterated over while a function is"):
            tf.function(do, autograph=False)()


def test_options_are_kept_and_merged():
    first, second = tf.data.Options(), tf.data.Options()
    first.deterministic = False
    first.threading.private_threadpool_size = 2
    second.experimental_optimization.map_fusion = True
    second.experimental_deterministic = True
    merged = Dataset.range(2).with_options(first).with_options(second).options()
    assert merged.deterministic is True
    assert merged.threading.private_threadpool_size == 2
    assert merged.experimental_optimization.map_fusion is True
    assert Dataset.range(2).options() == tf.data.Options()


def test_a_generator_is_closed_when_its_iterator_goes():
    closed = []

    def numbers():
        try:
            yield from range(10)
        finally:
            closed.append(True)

    iterator = iter(Dataset.from_generator(numbers, output_signature=tf.TensorSpec((), tf.int32)))
    next(iterator)
    del iterator
    assert closed == [True]
