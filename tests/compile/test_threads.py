"""Functions in several threads: whose turn it is, what a run may share, and what a forked child finds."""

import multiprocessing
import os
import threading
import warnings

import numpy as np
import pytest

import microdl as tf
from microdl.compile.budget import budget
from microdl.core.writing import in_turn, share_turn

SECONDS = 60  # more than any of this takes


def in_threads(*functions):
    """Runs the functions at the same time; raises what one of them raised."""
    errors = []

    def run(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive(), "threads wait for each other"
    if errors:
        raise errors[0]


def test_a_plan_waits_for_its_own_variables_only():
    mine, others = tf.Variable([1.0]), tf.Variable([2.0])
    add, read = tf.function(lambda: mine.assign_add([1.0])), tf.function(lambda: others * 2.0)
    add()
    read()

    def meanwhile():
        in_threads(lambda: read(), lambda: others.assign([5.0]), lambda: others.numpy())

    in_turn(mine, meanwhile)
    assert float(read()[0]) == 10.0


def test_a_plan_waits_for_each_of_its_variables():
    a, b = tf.Variable([1.0]), tf.Variable([2.0])
    total = tf.function(lambda: a + b)
    total()
    for held in (a, b):
        ran = threading.Event()
        thread = threading.Thread(target=lambda ran=ran: (total(), ran.set()))

        def meanwhile(ran=ran, thread=thread):
            thread.start()
            assert not ran.wait(0.05)

        in_turn(held, meanwhile)
        thread.join(SECONDS)
        assert ran.is_set()


def test_turns_are_shared_once_variables_are_used_together():
    a, b, c, d = (tf.Variable([float(i)]) for i in range(4))
    first, second = share_turn([a, b]), share_turn([c, d])
    assert first is not second
    joint = share_turn([b, c])
    assert {id(share_turn([v])) for v in (a, b, c, d)} >= {id(joint)}
    seen = []
    for v in (a, b, c, d):
        in_turn(v, lambda v=v: seen.append(v.turn))
    assert seen == [joint] * 4


def test_nobody_sees_half_of_a_run_whatever_the_variables_share():
    """Plans that overlap in one variable each, made while others run."""
    variables = [tf.Variable(np.zeros(20_000, np.float32)) for _ in range(4)]

    def worker(i):
        pair = variables[i], variables[(i + 1) % 4]

        def work():
            add = tf.function(lambda: [v.assign_add(tf.ones([20_000])) for v in pair] and None)
            read = tf.function(lambda: tf.stack([tf.stack([tf.reduce_min(v), tf.reduce_max(v)]) for v in pair]))
            for _ in range(30):
                add()
                low, high = read().numpy().T
                assert (low == high).all()

        return work

    in_threads(*map(worker, range(4)))
    assert [set(v.numpy()) for v in variables] == [{60.0}] * 4


def test_copies_between_variables_never_mix_old_and_new():
    a, b = (tf.Variable(np.zeros(100_000, np.float32)) for _ in range(2))
    one, stop = tf.ones([100_000]), threading.Event()

    def write():
        for _ in range(200):
            a.assign_add(one)
        stop.set()

    def copy():
        while not stop.is_set():
            b.assign(a)
            assert len(set(b.numpy()[[0, 50_000, -1]])) == 1
            b.assign_add(a)
            assert len(set(b.numpy()[[0, 50_000, -1]])) == 1

    in_threads(write, copy)


def test_two_models_train_at_once_as_they_do_one_after_the_other(rng):
    x, y = rng.normal(size=(32, 6)).astype("f"), rng.integers(0, 3, 32)

    def training():
        layers = tf.keras.layers
        model = tf.keras.Sequential([tf.keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
        for v in model.variables:
            v.assign(np.arange(v.numpy().size, dtype=np.float32).reshape(v.shape) / 64)
        model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model, lambda: model.fit(x, y, epochs=5, batch_size=8, verbose=0, shuffle=False)

    (one, train_one), (two, train_two), (three, train_three) = training(), training(), training()
    train_one()
    in_threads(train_two, train_three)
    for v, w, u in zip(one.variables, two.variables, three.variables, strict=True):
        assert v.numpy().tobytes() == w.numpy().tobytes() == u.numpy().tobytes()


def test_threads_call_one_function_without_variables_at_once():
    f = tf.function(lambda x: tf.cumsum(tf.cumsum(x) * 2.0) + x)
    inputs = [tf.fill([3000], float(i)) for i in range(4)]
    expected = [f(x).numpy() for x in inputs]

    def call(x, y):
        return lambda: [np.testing.assert_array_equal(f(x).numpy(), y) for _ in range(60)]

    in_threads(*(call(x, y) for x, y in zip(inputs, expected, strict=True)))


def test_a_function_that_is_traced_by_several_threads_is_traced_once():
    traces, barrier = [], threading.Barrier(4)

    @tf.function
    def f(x):
        traces.append(1)
        return x * 2.0

    def call():
        barrier.wait(SECONDS)
        assert float(f(tf.constant(3.0))) == 6.0

    in_threads(*[call] * 4)
    assert len(traces) == 1


# What goes wrong half-way


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_run_that_ends_half_way_leaves_a_plan_that_works(kind, monkeypatch):
    v = tf.Variable([1.0])
    f = tf.function(lambda x: v.assign_add(tf.cumsum(x) * 2.0))
    x = tf.constant([1.0])
    f(x)
    step = f.get_concrete_function(x).plan.steps[0]

    def fail(slots):
        raise kind("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(step, "call", fail)
        with pytest.raises(kind, match="in the middle"):
            f(x)
    assert v.numpy().tolist() == [3.0]
    f(x)
    in_threads(lambda: f(x))  # the turn has been given back
    assert v.numpy().tolist() == [7.0]


def test_labels_that_are_refused_in_one_step_do_not_harm_the_next():
    f = tf.function(
        lambda x, y: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reverse(y, [0]), logits=x * 2.0)
    )
    x, good = tf.ones([2, 3]), tf.constant([0, 2])
    expected = f(x, good).numpy()
    with pytest.raises(ValueError, match="label 7 is outside"):
        f(x, tf.constant([0, 7]))
    np.testing.assert_array_equal(f(x, good).numpy(), expected)


def test_a_plan_can_run_while_it_runs(monkeypatch):
    """A signal's handler, or what is called when an object dies, may call the function that it interrupts."""
    v = tf.Variable([1.0])
    f = tf.function(lambda x: tf.cumsum(tf.reverse(tf.cumsum(x), [0])) + v)
    x, other = tf.constant([1.0, 2.0, 3.0]), tf.constant([5.0, 5.0, 5.0])
    expected, inner = f(x).numpy(), f(other).numpy()
    steps = f.get_concrete_function(x).plan.steps
    call, seen = steps[1].call, []

    def interrupted(slots):
        if not seen:
            seen.append(None)
            seen.append(f(other).numpy())
        call(slots)

    monkeypatch.setattr(steps[1], "call", interrupted)
    np.testing.assert_array_equal(f(x).numpy(), expected)
    np.testing.assert_array_equal(seen[1], inner)


def test_a_function_may_call_itself_with_other_arguments():
    @tf.function
    def power(x, n):
        return x if n == 0 else x * power(x, n - 1)

    assert float(power(tf.constant(2.0), 4)) == 32.0

    @tf.function
    def endless(x):
        return endless(x) + 1.0

    with pytest.raises(RecursionError):
        endless(tf.constant(1.0))
    assert float(power(tf.constant(3.0), 2)) == 27.0


# Forked children


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_runs_functions_that_other_threads_were_running():
    v = tf.Variable(np.ones(8, np.float32))
    f, g = tf.function(lambda x: v.assign_add(x)), tf.function(lambda x: tf.cumsum(x) * 2.0)
    x = tf.ones([8])
    f(x)
    g(x)
    holding, done = threading.Event(), threading.Event()

    def hold():
        def wait():
            holding.set()
            done.wait(SECONDS)

        with f._lock, g._lock, budget._lock:
            in_turn(v, wait)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert holding.wait(SECONDS)
    context = multiprocessing.get_context("fork")
    results = context.Queue()

    def child():
        f(x)
        results.put((g(x).numpy().tolist(), v.numpy().tolist(), g(tf.ones([2])).numpy().tolist()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12: a fork with threads
        process = context.Process(target=child)
        process.start()
    try:
        assert results.get(timeout=SECONDS) == ([2.0 * i for i in range(1, 9)], [3.0] * 8, [2.0, 4.0])
        process.join(SECONDS)
        assert process.exitcode == 0
    finally:
        done.set()
        process.kill()
        thread.join(SECONDS)
