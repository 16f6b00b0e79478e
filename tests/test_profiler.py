"""tf.profiler: what is recorded, that it adds up, the reports, and that nothing is left behind when it is off."""

import json
import time

import numpy as np
import pytest

import microdl as tf
from microdl import warmup
from microdl.compile import concrete
from microdl.core import device, optional
from microdl.core.kernels import support
from microdl.core.op import Spec, get_op
from microdl.profiler import record, reports
from microdl.profiler.memory import Memory, timeline
from microdl.profiler.recorder import Once, OpRun, Recorder
from microdl.profiler.roofs import Roofs

ROOFS = Roofs(100e9, [("L1", 1 << 15, 200e9), ("memory", 0, 20e9)])


def make_step():
    """A training step of a small network as plain Python, and its arguments."""
    model = tf.keras.Sequential(
        [tf.keras.Input((32,)), tf.keras.layers.Dense(64, activation="relu"), tf.keras.layers.Dense(4)]
    )
    optimizer = tf.keras.optimizers.Adam(0.01)

    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True))
            loss = tf.reduce_mean(losses)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(256, 32)).astype(np.float32))
    return step, (x, tf.constant(rng.integers(0, 4, 256).astype(np.int32)))


def profiled(step, arguments, times=3):
    step(*arguments)
    with tf.profiler.profile() as p:
        for _ in range(times):
            step(*arguments)
    return p


@pytest.fixture(scope="module")
def eager():
    return profiled(*make_step())


@pytest.fixture(scope="module")
def traced():
    step, arguments = make_step()
    return profiled(tf.function(step), arguments)


@pytest.fixture(params=["eager", "traced"])
def p(request):
    return request.getfixturevalue(request.param)


def test_every_phase_of_a_step_is_there(p):
    by_phase = {}
    for row in p.rows():
        by_phase.setdefault(row.phase, set()).add(row.name)
    assert "SparseSoftmaxCrossEntropyWithLogits" in by_phase["forward"]
    assert "BatchMatMulV2" in by_phase["backward"]
    assert "ResourceApplyAdam" in by_phase["optimizer"]


def test_calls_and_costs_are_those_of_the_ops(p):
    (adam,) = [row for row in p.rows() if row.name == "ResourceApplyAdam"]
    assert adam.calls == 3
    product = next(row for row in p.rows() if row.outputs[:1] and tuple(row.outputs[0].shape) == (256, 64))
    assert product.flops >= 2 * 256 * 32 * 64 or product.name != "_FusedMatMul"


def test_times_add_up_to_the_wall(p):
    """Ops, overhead and what happens once partition this thread's time."""
    ops = sum(row.seconds for row in p.rows())
    total = ops + sum(p.overhead.values()) + sum(p.once.values())
    assert total == pytest.approx(p.seconds, rel=1e-6)
    assert p.accounted == pytest.approx(
        1 - (p.overhead.get(record.BETWEEN, 0) + p.overhead[record.OUTSIDE]) / p.seconds
    )


@pytest.mark.skipif(support("jit").config.DISABLE_JIT, reason="a step takes minutes")
def test_a_step_of_a_network_is_accounted_for():
    """At least 95 %; of a few profiles, because others may use the machine just then."""
    model = warmup.perceptron()
    step, batch = tf.function(warmup.by_tape(model)), tuple(map(tf.constant, warmup.batch_for(model, 256)))
    assert max(profiled(step, batch).accounted for _ in range(5)) >= 0.95


def test_what_is_traced_later_is_in_no_earlier_profile():
    step, arguments = make_step()
    p = profiled(step, arguments)
    tf.function(step)(*arguments)
    assert record.TRACING not in {event.name for event in p.events}


def test_overhead_has_names(eager, traced):
    assert {record.TAPE, record.WALK, record.OPTIMIZER, record.BETWEEN} <= set(eager.overhead)
    assert {record.PLAN, record.BETWEEN} <= set(traced.overhead)


def test_events_of_a_plan_lie_inside_it(traced):
    plans = [event for event in traced.events if event.name == record.PLAN]
    assert len(plans) == 3
    for event in traced.events:
        assert event.name == record.PLAN or any(one.start <= event.start <= event.end <= one.end for one in plans)


def test_tracing_and_what_happens_once_are_told_apart():
    step, arguments = make_step()
    with tf.profiler.profile() as p:
        tf.function(step)(*arguments)
    assert p.overhead[record.TRACING] > 0
    assert set(p.once) == {"imports", "loads", "compiles"}


def test_what_happens_once_is_no_time_of_the_op():
    spec = Spec((4,), tf.float32)
    times = (1, 10.0, 13.0, Once(0.5, 0.5, 1.0))
    run = OpRun(get_op("Neg"), {}, [((4,), np.dtype("f4"))], (spec,), "forward", False, *times)
    (event,) = record.events_of([], [run], [], 10.0)
    assert (event.seconds, event.own) == (3.0, 1.0)


def test_compiles_are_counted_once():
    jit = support("jit")
    recorder = Recorder(device.current)
    jit.compiles.append(("a kernel", 2.0))
    try:
        assert recorder._once() == Once(0, 0, 2.0)
        assert recorder._once() == Once(0, 0, 0)
    finally:
        jit.compiles.pop()


def test_what_is_compiled_while_a_plan_is_made_is_no_tracing():
    (traced,) = record.traces_of([("step", 11.0, 5.0)], [(10.5, Once(9, 9, 9)), (16.5, Once(0, 1, 2))], 10.0, 1)
    (event,) = record.events_of([traced], [], [], 10.0)
    assert (event.name, event.once, event.own) == (record.TRACING, Once(0, 1, 2), 2.0)


def test_off_means_off():
    before = device.current
    with tf.profiler.profile():
        assert device.current is not before
    assert device.current is before
    with pytest.raises(ZeroDivisionError), tf.profiler.profile():
        raise ZeroDivisionError
    assert device.current is before


def test_one_profile_at_a_time():
    with tf.profiler.profile(), pytest.raises(RuntimeError, match="another profile is on"), tf.profiler.profile():
        pass
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        tf.profiler.profile().rows()


def test_the_same_bits_with_a_profile_and_without():
    x = tf.constant(np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32))
    plain = tf.matmul(x, x).numpy()
    with tf.profiler.profile():
        np.testing.assert_array_equal(tf.matmul(x, x).numpy(), plain)


def test_control_flow_counts_what_runs_inside_only_once():
    @tf.function
    def count(n):
        return tf.while_loop(lambda i: i < n, lambda i: (i + 1,), (tf.constant(0),))

    p = profiled(count, (tf.constant(5),))
    assert sum(row.seconds for row in p.rows()) + sum(p.overhead.values()) + sum(p.once.values()) == pytest.approx(
        p.seconds, rel=1e-6
    )


def test_the_trace_is_chrome_s_format(p, tmp_path):
    path = tmp_path / "step.json"
    assert p.trace(path) == path
    trace = json.loads(path.read_text())
    assert set(trace) == {"traceEvents", "displayTimeUnit"}
    complete = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert len(complete) == len(p.events)
    for event in complete:
        assert {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"} == set(event)
        assert event["ts"] >= 0
        assert event["dur"] >= 0
    last = max(event["ts"] + event["dur"] for event in complete)
    assert last <= p.seconds * 1e6
    assert {event["ph"] for event in trace["traceEvents"]} == {"M", "X", "C"}


@pytest.mark.parametrize("rich", [True, False])
def test_the_table_has_speeds_and_what_is_no_op(p, rich, monkeypatch, capsys):
    if rich:
        pytest.importorskip("rich")
    monkeypatch.setattr(reports, "is_there", lambda package: rich)
    reports.print_table(p, ROOFS, most=3)
    out = capsys.readouterr().out
    for expected in ("GFLOP/s", "% of roof", "calls", "more", record.BETWEEN, "roofs of the CPU, measured now: 100 GFLOP/s"):
        assert expected in out
    assert f"{p.accounted:.1%}" in out


def test_roofs_take_the_smallest_memory_that_holds_the_bytes():
    assert ROOFS.least_seconds(0, 1 << 14) == (1 << 14) / 200e9
    assert ROOFS.least_seconds(0, 1 << 20) == (1 << 20) / 20e9
    assert ROOFS.least_seconds(1e9, 8) == 0.01


def test_roofs_are_measured():
    flops, levels = support("roofs").measure()
    assert flops > 1e6
    assert [name for name, _, _ in levels][-1] == "memory"
    assert all(speed > 1e6 for _, _, speed in levels)


def test_the_roofline_is_drawn(eager, tmp_path):
    pytest.importorskip("matplotlib")
    from_path = tmp_path / "roof.png"
    assert eager.roofline(from_path) == from_path
    assert from_path.read_bytes().startswith(b"\x89PNG")


def test_memory_tells_the_peak_and_its_owners(eager, traced):
    for p in (eager, traced):
        use = p.memory()
        assert use.peak == sum(use.owners.values()) == max(total for _, total in use.timeline)
        assert "peak of arrays" in str(use)
        assert [seconds for seconds, _ in use.timeline] == sorted(seconds for seconds, _ in use.timeline)
    assert "memory of plans" in traced.memory().owners
    assert eager.memory().peak >= 256 * 64 * 4


def test_memory_of_an_array_ends_with_its_last_view():
    memory = Memory()
    array = np.empty(10_000, np.float32)
    memory.made([array], "Op", 0.0)
    view = array.reshape(100, 100)
    memory.known([view])
    del array
    assert sum(size for _, size, _ in memory.changes) == 40_000
    del view
    assert sum(size for _, size, _ in memory.changes) == 0
    _, owners = timeline(memory.changes, 0.0)
    assert owners == {"Op": 40_000}


def test_the_callback_records_steps_of_fit():
    model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    watch = tf.profiler.Callback(first=2, steps=3)
    x = np.zeros((20, 8), np.float32)
    model.fit(x, np.zeros((20, 2), np.float32), batch_size=2, epochs=1, verbose=0, callbacks=[watch])
    assert not isinstance(device.current, Recorder)
    updates = [row for row in watch.profile.rows() if row.phase == "optimizer" and row.calls % 3 == 0]
    assert updates


def test_the_callback_stops_where_an_epoch_ends():
    model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    watch = tf.profiler.Callback(first=0, steps=1000)
    x, y = np.zeros((4, 8), np.float32), np.zeros((4, 2), np.float32)
    model.fit(x, y, batch_size=2, verbose=0, validation_data=(x, y), callbacks=[watch])
    assert watch.profile.seconds > 0
    assert not isinstance(device.current, Recorder)


def test_traces_have_a_name_and_seconds():
    @tf.function
    def doubled(x):
        return 2 * x

    before, start = len(concrete.traces), time.perf_counter()
    doubled(tf.constant(1.0))
    (name, began, seconds), *_ = concrete.traces[before:]
    assert name == "doubled"
    assert start <= began
    assert 0 < seconds < time.perf_counter() - start


def test_what_is_missing_is_named():
    with pytest.raises(
        ImportError, match=r"^pictures needs no_such, which is not installed: .* -m pip install no_such$"
    ):
        optional.require("no_such.module", "pictures")
