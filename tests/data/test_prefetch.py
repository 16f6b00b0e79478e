"""A thread works ahead only where a number asks for it, passes errors on, and ends when nobody waits for it."""

import gc
import threading
import time

import pytest

import microdl as tf

Dataset = tf.data.Dataset


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "tf.data prefetch"]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert settles(lambda: not workers())


def settles(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        gc.collect()
        time.sleep(0.002)
    return condition()


def test_elements_come_in_order():
    assert [int(x) for x in Dataset.range(50).prefetch(3)] == list(range(50))


def test_it_works_ahead_as_far_as_asked():
    seen = []

    def look(x):
        seen.append(int(x))
        return x

    iterator = iter(Dataset.range(20).map(look).prefetch(4))
    assert int(next(iterator)) == 0
    assert settles(lambda: len(seen) == 5)
    time.sleep(0.02)
    assert len(seen) == 5
    assert int(next(iterator)) == 1


@pytest.mark.parametrize("size", [0, tf.data.AUTOTUNE])
def test_without_a_number_there_is_no_thread(size):
    iterator = iter(Dataset.range(3).prefetch(size))
    next(iterator)
    assert workers() == []


def test_an_error_is_raised_in_the_place_of_its_element():
    def fail(x):
        if x == 2:
            raise KeyError("element two")
        return x

    iterator = iter(Dataset.range(4).map(fail).prefetch(8))
    assert [int(next(iterator)), int(next(iterator))] == [0, 1]
    with pytest.raises(KeyError, match="element two") as error:
        next(iterator)
    assert error.traceback[-1].name == "fail"
    assert int(next(iterator)) == 3  # as without a thread
    with pytest.raises(StopIteration):
        next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


def test_dropped_iterators_end_their_threads():
    dataset = Dataset.range(10**6).prefetch(2).map(lambda x: x).prefetch(2)
    for _ in range(5):
        next(iter(dataset))
    assert settles(lambda: not workers())


def test_a_loop_that_is_left_ends_its_thread():
    for x in Dataset.range(10**6).prefetch(2):
        if x == 3:
            break
    del x
    assert settles(lambda: not workers())


def test_threads_of_the_pipeline_are_eager_and_untaped():
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        (y,) = Dataset.range(1).map(lambda n: x * x).prefetch(1)
        (z,) = Dataset.range(1).map(lambda n: x * x)
        assert float(y) == float(z) == 4
    assert tape.gradient([y, z], x, unconnected_gradients="zero") == 0
