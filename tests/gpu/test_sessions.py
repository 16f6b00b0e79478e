"""Sessions of TensorFlow 1 on a GPU: what a run needs runs there if an operation of it is placed there."""

import warnings

import numpy as np
import pytest

import microdl.compat.v1 as tf
from microdl.compile.on_gpu import OnGPU
from microdl.core.placement import soft_placement

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _there_is_a_gpu(gpu0):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def train(place, steps=4):
    """The losses of a softmax model, its weights, and the session that trained it."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(16, 5)).astype(np.float32)
    labels = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 16)]
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        with tf.device(place):
            x, y = tf.placeholder(tf.float32, [None, 5]), tf.placeholder(tf.float32, [None, 3])
            w = tf.Variable(tf.truncated_normal([5, 3], stddev=0.1))
            b = tf.Variable(tf.zeros([3]))
            logits = tf.matmul(x, w) + b
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
            step = tf.train.AdamOptimizer(0.1).minimize(loss)
        session = tf.Session()
        session.run(tf.global_variables_initializer())
        feeds = {x: data, y: labels}
        losses = [session.run([loss, step], feeds)[0] for _ in range(steps)]
        return losses, session.run(w), session


def test_a_model_trains_on_the_gpu_as_on_the_cpu():
    expected, weights, _ = train("/cpu:0")
    losses, found, session = train("/gpu:0")
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    np.testing.assert_allclose(found, weights, rtol=1e-4, atol=1e-6)
    plans = [plan for run in session._runs.values() for plan in run.function._plans.values()]
    assert any(type(settled) is OnGPU and settled.replay.graph for plan in plans for settled in plan._idle)
    assert {v.device.rpartition("device:")[2] for v in session._values.values()} == {"GPU:0"}


def test_variables_of_a_run_on_the_cpu_move_when_a_run_is_placed_on_the_gpu():
    with tf.Graph().as_default():
        v = tf.Variable([1.0, 2.0])
        add = tf.assign_add(v, [1.0, 1.0])
        with tf.device("/gpu:0"):
            doubled = v * 2.0
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(add)
            np.testing.assert_array_equal(session.run(doubled), [4.0, 6.0])
            session.run(add)
            np.testing.assert_array_equal(session.run([doubled, v])[0], [6.0, 8.0])


def test_another_gpu_than_the_first_is_not_taken_for_it(monkeypatch):
    monkeypatch.setattr(soft_placement, "told", set())
    with tf.Graph().as_default():
        with tf.device("/gpu:1"):
            x = tf.constant(2.0) * 3.0
        with tf.Session() as session, pytest.warns(UserWarning, match="there is no GPU:1: .*one GPU is used, GPU:0"):
            assert session.run(x) == 6.0
