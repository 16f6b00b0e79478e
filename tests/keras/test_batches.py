"""Which batches fit sees: order, sizes, dtypes, and all the forms that data come in."""

import numpy as np
import pytest

import microdl as tf
from microdl.core.random_state import random_state
from microdl.keras.models import Model

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(10, 4)).astype(np.float32)
Y = RANDOM.normal(size=(10, 1)).astype(np.float32)
CLASSES = np.arange(10) % 3


class Recorder(Model):
    """Keeps every batch that it is trained or tested on, and learns nothing."""

    def __init__(self):
        super().__init__()
        self.batches, self.tested = [], []

    def train_step(self, data):
        self.batches.append(data)
        return {"loss": 0.0}

    def test_step(self, data):
        self.tested.append(data)
        return {"loss": 0.0}

    def rows(self, part=0):
        return [np.asarray(batch[part]).ravel().tolist() for batch in self.batches]


def recorder():
    model = Recorder()
    model.compile(run_eagerly=True)  # its steps look at values
    return model


def test_every_sample_once_an_epoch_in_a_new_order():
    random_state.set_seed(None)
    model = recorder()
    model.fit(np.arange(10), np.arange(10), batch_size=4, epochs=2, verbose=0)
    rows = model.rows()
    assert [len(batch) for batch in rows] == [4, 4, 2, 4, 4, 2]
    first, second = np.concatenate(rows[:3]).tolist(), np.concatenate(rows[3:]).tolist()
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert rows == model.rows(1)


def test_order_follows_from_the_seed():
    orders = []
    for seed in (1, 1, 2):
        tf.random.set_seed(seed)
        model = recorder()
        model.fit(np.arange(10), np.arange(10), verbose=0)
        orders.append(model.rows())
    assert orders[0] == orders[1] != orders[2]


def test_after_a_seed_the_order_is_that_of_keras_the_same_in_each_epoch():
    tf.keras.utils.set_random_seed(1)
    model = recorder()
    model.fit(np.arange(8), np.arange(8), batch_size=3, epochs=2, verbose=0)
    assert model.rows() == [[0, 4, 1], [5, 7, 6], [2, 3]] * 2  # by TensorFlow 2.21 with Keras 3.15


def test_without_shuffling_the_order_stays():
    model = recorder()
    model.fit(np.arange(10), np.arange(10), batch_size=4, shuffle=False, verbose=0)
    assert model.rows() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_steps_per_epoch_goes_on_where_the_last_epoch_ended():
    model = recorder()
    model.fit(np.arange(6), np.arange(6), batch_size=2, epochs=2, steps_per_epoch=2, shuffle=False, verbose=0)
    assert model.rows() == [[0, 1], [2, 3], [4, 5], [0, 1]]


def test_structures_of_arrays():
    model = recorder()
    model.fit({"a": X, "b": [CLASSES, X]}, (Y, CLASSES), batch_size=10, shuffle=False, verbose=0)
    x, y = model.batches[0]
    assert np.array_equal(x["b"][1], X)
    assert np.array_equal(x["b"][0], CLASSES)
    assert isinstance(y, tuple)
    assert np.array_equal(y[0], Y)


def test_dtypes_stay_but_float64():
    model = recorder()
    images = np.arange(10, dtype=np.uint8)
    model.fit([images, X.astype(np.float64)], np.arange(10), verbose=0)
    (first, second), y = model.batches[0]
    assert (first.dtype, second.dtype, y.dtype) == (tf.uint8, tf.float32, tf.int64)


def test_lists_of_numbers_and_tensors_are_arrays():
    model = recorder()
    model.fit([[1.0, 2.0], [3.0, 4.0]], tf.constant([0, 1]), shuffle=False, verbose=0)
    x, y = model.batches[0]
    assert np.asarray(x).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert np.asarray(y).tolist() == [0, 1]


def test_arrays_that_are_not_contiguous_or_of_other_byte_order():
    model = recorder()
    backwards = np.arange(6, dtype=">i4")[::-1]
    model.fit(backwards, np.asfortranarray(X[:6]), shuffle=False, verbose=0)
    x, y = model.batches[0]
    assert np.asarray(x).tolist() == [5, 4, 3, 2, 1, 0]
    assert np.array_equal(y, X[:6])


def test_batches_do_not_share_the_users_memory():
    data = np.zeros((4, 2), np.float32)
    model = recorder()
    model.fit(data, np.zeros(4), shuffle=False, verbose=0)
    data[:] = 1
    assert not np.asarray(model.batches[0][0]).any()


def endless():
    i = 0
    while True:
        yield np.full((2, 4), i, np.float32), np.zeros((2, 1), np.float32)
        i += 1


def test_generator_goes_on_from_epoch_to_epoch():
    model = recorder()
    model.fit(endless(), steps_per_epoch=3, epochs=2, verbose=0)
    assert [batch[0] for batch in model.rows()] == [0, 1, 2, 3, 4, 5]


def test_batches_may_be_lists():
    model = recorder()
    model.fit(iter([[X, Y], [X, Y, CLASSES]]), verbose=0)
    assert [len(batch) for batch in model.batches] == [2, 3]


def test_list_of_inputs_stays_one_x():
    class Sum(Model):
        def call(self, inputs):
            return inputs[0] + inputs[1]

    assert np.array_equal(Sum().predict([X, X], verbose=0), 2 * X)


def test_generator_may_reuse_its_buffer_or_yield_what_cannot_be_written_to():
    def reusing():
        buffer = np.zeros((2, 4))
        for i in range(3):
            buffer[:] = i
            yield buffer, np.frombuffer(bytes([i, i]), np.uint8)

    model = recorder()
    model.fit(reusing(), verbose=0)
    assert [batch[0] for batch in model.rows()] == [batch[0] for batch in model.rows(1)] == [0, 1, 2]
    assert all(part.known_array().flags.writeable for batch in model.batches for part in batch)


class DataSet:
    def __iter__(self):
        return (batch for batch, _ in zip(endless(), range(3), strict=False))


def test_data_set_starts_anew_each_epoch():
    model = recorder()
    history = model.fit(DataSet(), epochs=2, verbose=0)
    assert [batch[0] for batch in model.rows()] == [0, 1, 2, 0, 1, 2]
    assert history.params["steps"] == 3


def test_generator_that_ends_too_early_ends_training_with_a_warning():
    model = recorder()
    with pytest.warns(UserWarning, match="fit: x ended with epoch 1; for more epochs") as caught:
        history = model.fit(iter(DataSet()), epochs=5, verbose=0)
    assert caught[0].filename == __file__
    assert history.epoch == [0]


def test_too_few_steps_in_an_epoch_are_a_warning():
    with pytest.warns(UserWarning, match="the data ended after 3 of 5 batches of an epoch") as caught:
        recorder().fit(DataSet(), steps_per_epoch=5, verbose=0)
    assert caught[0].filename == __file__
