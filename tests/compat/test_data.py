"""``tf.data`` in graphs. The values are those of TensorFlow 2.21's compat.v1."""

import numpy as np
import pytest

import microdl.compat.v1 as tf


@pytest.fixture(autouse=True)
def _graph_of_its_own():
    tf.reset_default_graph()
    yield
    tf.reset_default_graph()


def numbered(count):
    return tf.data.Dataset.from_tensor_slices(np.arange(count))


def test_one_element_serves_all_of_a_run_and_a_pass_ends_with_an_error():
    data = numbered(6).map(lambda x: (tf.cast(x, tf.float32), tf.reduce_sum(tf.one_hot(x, 3)), tf.constant(1)))
    assert (data.output_types, data.output_shapes) == ((tf.float32, tf.float32, tf.int32), ((), (), ()))
    x, known, one = data.batch(4).make_one_shot_iterator().get_next()
    total = tf.Variable(0.0)
    add = tf.assign_add(total, tf.reduce_sum(x))
    assert x.shape.as_list() == [None]
    for _ in range(2):  # each session has its own pass
        with tf.Session() as session:
            session.run(total.initializer)
            assert session.run(one * 2, {one: [5]}).tolist() == [10]  # fed, so nothing is taken
            found = [session.run([add, known]) for _ in range(2)]
            assert [a for a, _ in found] == [6.0, 15.0]
            assert [b.tolist() for _, b in found] == [[1.0, 1.0, 1.0, 0.0], [0.0, 0.0]]
            with pytest.raises(tf.errors.OutOfRangeError, match="End of sequence"):
                session.run(add)
            assert session.run(total) == 15.0


def test_an_iterator_of_a_structure_changes_between_data_sets():
    first, second = tf.data.Dataset.range(3), tf.data.Dataset.range(10, 12).repeat()
    iterator = tf.data.Iterator.from_structure(first.output_types, first.output_shapes)
    x = iterator.get_next()
    begin_first, begin_second = iterator.make_initializer(first), iterator.make_initializer(second)
    with pytest.raises(ValueError, match="does not have an initializer"):
        assert iterator.initializer
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="has not been initialized"):
            session.run(x)
        session.run(begin_first)
        assert [session.run(x), session.run([x, x + 1]), session.run(x * 2)] == [0, [1, 2], 4]
        session.run(tf.group(begin_second))
        assert [session.run(x) for _ in range(4)] == [10, 11, 10, 11]


def test_initializing_begins_a_pass():
    data = tf.data.Dataset.from_tensor_slices({"f": np.ones((3, 2), np.float32), "l": [1, 2, 3]}).batch(2)
    iterator = tf.data.make_initializable_iterator(data)
    element = iterator.get_next()
    assert element["f"].shape.as_list() == [None, 2]
    with tf.Session() as session:
        for _ in range(2):
            session.run(iterator.initializer)
            assert [session.run(element)["l"].tolist() for _ in range(2)] == [[1, 2], [3]]


def test_training_on_a_data_set_in_a_graph_of_its_own():
    with tf.Graph().as_default() as graph:
        rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
        data = tf.data.Dataset.from_tensor_slices((rows, rows.sum(1)))
        data = data.map(lambda x, y: (x, tf.expand_dims(y, 0) * tf.constant(2.0))).repeat().batch(10)
        x, y = tf.data.make_one_shot_iterator(data).get_next()
        w = tf.get_variable("w", [3, 1], initializer=tf.zeros_initializer())
        loss = tf.reduce_mean(tf.squared_difference(tf.matmul(x, w), y))
        train = tf.train.GradientDescentOptimizer(0.2).minimize(loss)
        operations = len(graph.get_operations())
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            losses = [session.run([loss, train])[0] for _ in range(60)]
            assert losses[-1] < 1e-6 < losses[0]
        assert len(graph.get_operations()) == operations + 1  # the initializer: functions of the data add nothing
