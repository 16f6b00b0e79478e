"""Data sets and iterators in traced functions. Expected values are TensorFlow 2.21's for the same programs."""

import threading

import numpy as np
import pytest

import microdl as tf
from microdl.errors import OutOfRangeError

BATCHES = tf.data.Dataset.from_tensor_slices(np.arange(10, dtype=np.float32)).batch(4)  # the last one is smaller


def test_a_loop_is_traced_once_for_all_data_sets_of_a_kind_and_for_all_sizes():
    traced = []

    @tf.function
    def total(dataset):
        traced.append("f")
        result = 0.0
        for x in dataset:
            traced.append(str(x.shape))
            result += tf.reduce_sum(x)
        return result

    results = [total(BATCHES), total(BATCHES.take(1)), total(BATCHES.map(lambda x: x + 1)), total(BATCHES.take(0))]
    assert [float(result) for result in results] == [45, 6, 55, 0]
    assert traced == ["f", "(None,)"]


def test_each_call_begins_a_new_pass_over_a_data_set_from_outside():
    shuffled = tf.data.Dataset.range(5).shuffle(5, seed=1)

    @tf.function
    def digits():
        number = tf.constant(0, tf.int64)
        for digit in shuffled:
            number = 10 * number + digit
        return number

    first, second = digits(), digits()
    assert sorted(str(int(first)).zfill(5)) == sorted(str(int(second)).zfill(5)) == list("01234")
    assert int(first) != int(second)


def test_jumps_leave_the_loop():
    @tf.function
    def broken():
        total = 0.0
        for x in BATCHES.repeat():  # without end
            if tf.reduce_sum(x) > 10.0:
                break
            total += tf.reduce_sum(x)
        return total

    @tf.function
    def continued():
        total = 0.0
        for x in BATCHES:
            if tf.reduce_sum(x) > 20.0:
                continue
            total += tf.reduce_sum(x)
        else:
            total += 100.0
        return total

    @tf.function
    def returned():
        for x in BATCHES:
            if tf.reduce_sum(x) > 10.0:
                return tf.reduce_sum(x)
        return -1.0

    assert [float(f()) for f in (broken, continued, returned)] == [6, 123, 22]


def test_enumerate_zip_and_len_know_data_sets():
    @tf.function
    def of_pairs(dataset):
        total = 0.0
        for i, (x, y) in enumerate(zip(dataset, dataset.skip(1), strict=False)):
            total += tf.cast(i + 1, tf.float32) * tf.reduce_sum(x) * tf.reduce_sum(y)
        return total, len(dataset)

    total, count = of_pairs(BATCHES)
    assert float(total) == 6 * 22 + 2 * 22 * 17
    assert int(count) == 3
    assert count.dtype is tf.int64


def test_reduce_and_functions_of_the_pipeline_use_tensors_of_the_trace():
    @tf.function
    def scaled(dataset, factor, values):
        total = dataset.reduce(0.0, lambda state, x: state + factor * tf.reduce_sum(x))
        for x in dataset.map(lambda x: x * factor):
            total += tf.reduce_sum(x)
        for x in tf.data.Dataset.from_tensor_slices(values).batch(3):
            total += tf.reduce_max(x)
        return total

    assert float(scaled(BATCHES, tf.constant(2.0), tf.range(7.0))) == 90 + 90 + 13
    assert float(scaled(BATCHES, tf.constant(1.0), tf.range(7.0))) == 45 + 45 + 13


def test_next_takes_one_element_in_each_call():
    @tf.function
    def following(iterator):
        return next(iterator)

    iterator = iter(BATCHES)
    assert [following(iterator).shape for _ in range(3)] == [(4,), (4,), (2,)]
    assert following.experimental_get_tracing_count() == 1
    with pytest.raises(OutOfRangeError, match="End of sequence"):
        following(iterator)
    assert following(iter(BATCHES)).numpy().tolist() == [0, 1, 2, 3]
    assert following.experimental_get_tracing_count() == 1


def test_next_inside_loops_and_branches():
    @tf.function
    def some(iterator, flag):
        total = 0.0
        for _ in tf.range(2):
            total += tf.reduce_sum(next(iterator))
        while total < 40.0:
            total += tf.reduce_sum(iterator.get_next())
        if flag:
            total += tf.reduce_sum(next(iterator))
        return total

    iterator = iter(BATCHES.repeat())
    assert float(some(iterator, tf.constant(False))) == 6 + 22 + 17
    assert float(some(iterator, tf.constant(True))) == 6 + 22 + 17 + 6
    assert next(iterator).numpy().tolist() == [4, 5, 6, 7]


def test_a_loop_over_an_iterator_goes_on_where_it_stands():
    captured = iter(BATCHES)

    @tf.function
    def until_large(iterator):
        total = 0.0
        for x in iterator:
            if tf.reduce_sum(x) > 10.0:
                break
            total += tf.reduce_sum(x)
        return total

    assert float(until_large(captured)) == 6
    assert [x.numpy().tolist() for x in captured] == [[8, 9]]


def test_iterators_and_data_sets_are_made_and_returned_inside():
    @tf.function
    def two(dataset):
        iterator = iter(dataset)
        return tf.reduce_sum(next(iterator)), tf.reduce_sum(next(iterator)), dataset.map(lambda x: 2 * x), iterator

    first, second, doubled, iterator = two(BATCHES)
    assert (float(first), float(second)) == (6, 22)
    assert [x.numpy().sum() for x in doubled] == [12, 44, 34]
    assert next(iterator).numpy().tolist() == [8, 9]


def test_elements_in_structures_of_unknown_rank_and_data_sets_as_elements():
    named = tf.data.Dataset.from_tensor_slices({"a": np.arange(4.0), "b": np.arange(4)}).batch(3)
    unranked = tf.data.Dataset.from_generator(lambda: [(1, 3)] * 3, (tf.int32, tf.int32))

    @tf.function
    def totals():
        total, distance, windows = tf.constant(0.0, tf.float64), tf.constant(0), tf.constant(0, tf.int64)
        for element in named:
            total += tf.reduce_sum(element["a"]) + tf.cast(tf.reduce_sum(element["b"]), tf.float64)
        for x, y in unranked:
            distance += tf.abs(y - x)
        for window in tf.data.Dataset.range(5).window(2):
            for x in window:
                windows = 10 * windows + x
        return total, distance, windows

    assert [float(x) for x in totals()] == [12, 6, 1234]


def model_and_step():
    tf.random.set_seed(7)
    weights, bias = tf.Variable(tf.random.normal((3, 2))), tf.Variable(tf.zeros(2))
    optimizer, metric = tf.keras.optimizers.Adam(0.1), tf.keras.metrics.Mean()

    def step(x, y):
        with tf.GradientTape() as tape:
            logits = tf.nn.dropout(x, 0.25) @ weights + bias
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
        optimizer.apply_gradients(zip(tape.gradient(loss, [weights, bias]), [weights, bias], strict=True))
        metric.update_state(loss)

    return [weights, bias, *optimizer.variables, metric.variables[0]], step


def test_training_in_the_function_equals_training_around_it():
    x = np.random.default_rng(0).normal(size=(22, 3)).astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices((x, (x[:, 0] > 0).astype(np.int32))).batch(4)
    around, step = model_and_step()
    for _ in range(2):
        for batch in data:
            step(*batch)
    inside, plain_step = model_and_step()

    @tf.function
    def train(dataset):
        for x, y in dataset:
            plain_step(x, y)

    for _ in range(2):
        train(data)
    nested, another_step = model_and_step()
    traced_step = tf.function(another_step)

    @tf.function
    def train_nested():
        for _ in tf.range(2):
            for x, y in data:
                traced_step(x, y)

    train_nested()
    for expected, a, b in zip(around, inside, nested, strict=True):
        np.testing.assert_allclose(a, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(a, b)


def test_other_open_sizes_around_the_loop():
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def total(x):
        result = tf.zeros_like(x)
        for y in BATCHES:
            result += x * tf.reduce_sum(y)
            if tf.shape(y)[0] < 4:
                result -= 1.0
        return result

    for shape in ((2, 3), (1, 1), (4, 4)):
        np.testing.assert_array_equal(total(tf.ones(shape)), np.full(shape, 44, np.float32))


def test_gradients_as_in_tensorflow():
    w = tf.Variable(3.0)

    @tf.function
    def outside():
        total = 0.0
        for x in BATCHES:
            total += w * tf.reduce_sum(x)
        return total

    with tf.GradientTape() as tape:
        y = outside()
    assert float(y) == 135
    assert tape.gradient(y, w) is None

    @tf.function
    def inside():
        for x in BATCHES:
            with tf.GradientTape() as tape:
                y = w * tf.reduce_sum(x)
            w.assign_sub(0.01 * tape.gradient(y, w))

    inside()
    assert abs(float(w) - 2.55) < 1e-6


def unset():
    for x in BATCHES:
        y = tf.reduce_sum(x)
    return y


def grown():
    result = tf.zeros(0)
    for x in BATCHES:
        result = tf.concat([result, x], 0)
    return result


def mixed():
    total = 0
    for x in BATCHES:
        total += tf.reduce_sum(x)
    return total


def appended():
    found = []
    for x in BATCHES:
        found.append(tf.reduce_sum(x))  # noqa: PERF401
    return found


def failing():
    total = 0.0
    for x in tf.data.Dataset.from_generator(numbers, output_signature=tf.TensorSpec((), tf.float32)):
        total += x
    return total


def numbers():
    yield 1.0
    raise ValueError("no further number")


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (unset, ValueError, r"test_elements.py:\d+: 'y' must be defined before the loop"),
        (grown, ValueError, r"known size, but shape \(None,\) depends on elements of unknown size"),
        (mixed, TypeError, "dtypes do not mix"),
        (appended, TypeError, "has no value outside of it"),
        (failing, ValueError, "no further number"),
    ],
)
def test_errors(function, error, message):
    with pytest.raises(error, match=message):
        tf.function(function)()


def test_other_threads_use_the_variables_between_the_elements():
    v, ready = tf.Variable(1.0), threading.Event()

    def slow(i):
        reader = threading.Thread(target=lambda: (float(v), v.assign_add(0.0), ready.set()))
        reader.start()
        assert ready.wait(20)
        return tf.cast(i, tf.float32)

    pipeline = tf.data.Dataset.range(4).map(lambda i: tf.cast(i, tf.float32) * v).prefetch(2)

    @tf.function
    def train(dataset):
        for x in dataset:
            v.assign_add(tf.sign(x) + 1.0)
        v.assign_add(10.0)
        return v.read_value()

    assert float(train(pipeline)) == 1 + 1 + 2 * 3 + 10
    element = tf.data.Dataset.range(2).map(lambda i: tf.py_function(slow, [i], tf.float32))
    assert float(train(element)) == 18 + 3 + 10


def test_the_signature_shows_what_elements_are():
    @tf.function
    def total(dataset, iterator, factor=2.0):
        result = tf.reduce_sum(next(iterator))
        for x in dataset:
            result += factor * tf.reduce_sum(x)
        return result

    concrete = total.get_concrete_function(BATCHES, iter(BATCHES))
    (dataset, iterator, factor), _ = concrete.structured_input_signature
    assert dataset == tf.data.DatasetSpec(tf.TensorSpec([None]))
    assert factor == 2.0
    assert iterator == tf.data.IteratorSpec(tf.TensorSpec([None]))
    assert f"iterator (POSITIONAL_OR_KEYWORD): {iterator!r}" in str(concrete)
    assert float(concrete(BATCHES.take(1), iter(BATCHES))) == 18
