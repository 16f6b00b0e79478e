"""A profile of what runs on a GPU: each op by itself and in a function, and what the host does meanwhile."""

import json
import warnings

import numpy as np
import pytest

import microdl as tf
from microdl.core import device
from microdl.profiler import on_gpu, record

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _there_is_a_gpu(gpu0):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def step():
    with tf.device("/gpu:0"):
        w = tf.Variable(tf.ones((4, 2)))

    def run(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
        w.assign_sub(0.1 * tape.gradient(loss, w))
        return loss

    return run


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
def test_ops_on_the_gpu_have_its_time_and_the_host_its_own(step, traced, tmp_path):
    x = tf.ones((8, 4)).gpu()
    run = tf.function(step) if traced else step
    expected = [float(run(x)) for _ in range(3)][-1]
    with tf.profiler.profile() as p:
        losses = [run(x) for _ in range(3)]
    assert float(losses[0]) < expected
    rows = [row for row in p.rows() if row.device == "GPU:0"]
    (product,) = [row for row in rows if row.name == "BatchMatMulV2" and row.phase == "forward"]
    assert (product.calls, product.flops, product.inputs[0].shape) == (3, 2 * 8 * 4 * 2, (8, 4))
    assert [row.calls for row in rows if row.name == "AssignSubVariableOp"] == [3]
    assert all(row.seconds > 0 for row in rows)
    on_host = record.PLAN if traced else on_gpu.LAUNCHES
    assert sum(1 for event in p.events if event.name == on_host and event.device == "CPU") >= 3
    assert set(p.overhead) <= {on_host, on_gpu.WAITS, record.TAPE, record.DISPATCH, record.WALK, *record.UNNAMED}
    assert 0.0 < p.accounted <= 1.0  # what the machine does between steps is the rest
    trace = json.loads(p.trace(tmp_path / "trace.json").read_text())["traceEvents"]
    (track,) = [event["tid"] for event in trace if event["ph"] == "M" and event["args"]["name"] == "GPU:0"]
    shown = [event for event in trace if event["ph"] == "X" and event["tid"] == track]
    assert len(shown) == sum(row.calls for row in rows)
    ends = [event["ts"] + event["dur"] for event in shown]
    assert all(start["ts"] >= end - 1e-3 for end, start in zip(ends, shown[1:], strict=False))  # one after the other
    assert max(ends) <= p.seconds * 1e6


def test_a_profile_leaves_nothing_behind(gpu0, step):
    before = device.current
    with tf.profiler.profile():
        step(tf.ones((8, 4)).gpu())
        assert gpu0.stream.waits is not None
    assert gpu0.stream.waits is None
    assert device.current is before


def test_what_a_branch_runs_is_part_of_it_and_the_cpu_has_rows_of_its_own(gpu0):
    @tf.function
    def f(x):
        if tf.reduce_sum(x) > 0.0:
            return x * 3.0
        return x

    x, y = tf.ones(4).gpu(), tf.ones(4)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* asks the host which way to go")
        f(x), f(x)
        with tf.profiler.profile() as p:
            np.testing.assert_array_equal(f(x), 3.0)
            tf.sqrt(y)
    names = {(row.name, row.device) for row in p.rows()}
    assert ("If", "GPU:0") in names
    assert ("Mul", "GPU:0") not in names
    assert ("Sqrt", "CPU") in names


def test_a_gpu_asked_for_in_the_middle_of_a_profile_is_in_it(capsys):
    with tf.profiler.profile() as p, tf.device("/gpu:0"):
        tf.nn.relu(tf.ones(3))
    assert {row.device for row in p.rows() if row.name == "Relu"} == {"GPU:0"}
    p.table()
    printed = capsys.readouterr().out
    assert "GPU:0" in printed
    assert ("the GPU is emulated: its times are those of the emulation" in printed) == p.emulated
