"""CUDA graphs: what a step may do, what it may not, and what a replay costs."""

import gc
import threading

import numpy as np
import pytest

from microdl.gpu.capture import Replay, Step, capture
from microdl.gpu.errors import CaptureError, DriverError
from microdl.gpu.launch import Module
from microdl.gpu.scalars import Scalars
from microdl.gpu.stream import Event, Stream, pinned

VECTORS = ["float32*", "float32*", "float32*", "int32"]


class Training:
    """w -= rate * g and g *= 0.5, as launches on the GPU's memory."""

    def __init__(self, stream, allocator, n=8):
        self.stream, self.allocator, self.n = stream, allocator, n
        self.slab = allocator.allocate(2048, "plan of a step", exact=True)
        self.w, self.g = self.slab.address, self.slab.address + 512
        self.scalars = Scalars(stream, allocator, {"rate": "f4", "step": "i8"})
        module = Module(stream, b"image")
        axpy, scale = (
            module.function("axpy", VECTORS, (256, 1, 1)),
            module.function("scale", ["float32*", "float32", "int32"], (256, 1, 1)),
        )
        grid = (1, 1, 1)
        self.steps = [
            Step("AssignSub", axpy.bind(grid, self.scalars.address("rate"), self.g, self.w, n)),
            Step("Mul", scale.bind(grid, self.g, 0.5, n)),
        ]
        stream.write(self.w, np.zeros(n, np.float32))
        stream.write(self.g, np.ones(n, np.float32))

    def weights(self):
        result = np.empty(self.n, np.float32)
        self.stream.read(self.w, result)
        return result


@pytest.fixture
def training(stream, allocator):
    return Training(stream, allocator)


def test_a_replayed_step_is_one_launch_of_a_graph_and_nothing_else(driver, stream, training):
    replay = Replay(stream, "train_step", training.steps)
    training.scalars.set(rate=-1.0)
    training.scalars.upload()
    replay()
    replay()
    asked = training.allocator.driver_calls
    driver.calls.clear()
    for _ in range(10):
        training.scalars.upload()  # unchanged
        replay()
    assert driver.calls == {"GraphLaunch": 10}
    assert training.allocator.driver_calls == asked
    np.testing.assert_allclose(training.weights(), -2 * (1 - 0.5**12), rtol=1e-6)


def test_the_first_run_launches_the_second_captures(driver, stream, training):
    replay = Replay(stream, "train_step", training.steps)
    training.scalars.upload()
    driver.calls.clear()
    replay()
    assert driver.calls == {"LaunchKernel": 2}
    driver.calls.clear()
    replay()
    assert driver.calls == {
        "StreamBeginCapture": 1, "LaunchKernel": 2, "StreamIsCapturing": 2, "StreamEndCapture": 1,
        "GraphInstantiate": 1, "GraphDestroy": 1, "GraphLaunch": 1,
    }  # fmt: skip
    stream.synchronize()
    assert [name for name, *_ in driver.launches] == ["axpy", "scale"] * 2


def test_scalars_change_between_replays_by_one_copy(driver, stream, training):
    replay = Replay(stream, "train_step", training.steps)
    expected, gradient = 0.0, 1.0
    for step in range(100):  # more than there are pinned copies; nothing runs until the end
        rate = float(np.float32(-0.1 * (step + 1)))
        training.scalars.set(rate=rate, step=step)
        driver.calls.clear()
        assert training.scalars.upload()
        assert driver.calls["MemcpyHtoDAsync"] == 1
        replay()
        expected, gradient = expected + rate * gradient, gradient * 0.5
    assert driver.calls["GraphLaunch"] == 1
    np.testing.assert_allclose(training.weights(), expected, rtol=1e-5)
    assert training.scalars["step"] == 99


def breakers(driver, stream, allocator):
    """What steps do that a graph cannot hold, and what is said about it."""
    block, values = allocator.allocate(64), np.zeros(4, np.float32)
    event = Event(stream)
    before = Event(stream)
    before.record(stream)
    other = Stream(driver)

    def fork():
        event.record(stream)
        event.hold(other)

    def read_captured():
        event.record(stream)
        event.synchronize()

    return {
        "allocate": (lambda: allocator.allocate(64), "allocates memory of the GPU"),
        "pinned": (lambda: pinned(stream, (4,), "f4"), "allocates memory of the host"),
        "wait": (stream.synchronize, "waits for the GPU"),
        "write": (lambda: stream.write(block.address, values), "copies from an array of the host"),
        "read": (lambda: stream.read(block.address, values), "reads values on the host"),
        "load": (lambda: Module(stream, b"image"), "loads a kernel that has not run before"),
        "driver": (
            lambda: driver.allocate(64),
            "makes a call that a graph cannot hold .cuMemAlloc: CUDA_ERROR_STREAM_",
        ),
        "paged": (
            lambda: driver.copy_in(block.address, values.ctypes.data, 16, stream.handle),
            "makes a call that a graph cannot hold .cuMemcpyHtoDAsync",
        ),
        "before": (lambda: before.hold(stream), "waits for work that is not part of the graph"),
        "event": (read_captured, "waits for an event that is only noted down"),
        "fork": (fork, "starts work on another stream and does not wait for it"),
    }


@pytest.mark.parametrize(
    "kind", ["allocate", "pinned", "wait", "write", "read", "load", "driver", "paged", "before", "event", "fork"]
)
def test_what_breaks_a_capture_is_named_and_the_function_runs_without(driver, stream, allocator, training, kind):
    call, why = breakers(driver, stream, allocator)[kind]
    steps = [*training.steps, Step("BadOp", call)]
    replay = Replay(stream, "train_step", steps)
    training.scalars.set(rate=1.0)
    training.scalars.upload()
    replay()
    name = "the function" if kind == "fork" else "BadOp"  # that nobody waits comes out at the end
    with pytest.warns(UserWarning, match=f"^train_step runs without a CUDA graph: {name} {why}[^\n]*$"):
        replay()
    replay()  # says it once
    assert replay.graph is None
    assert replay.hindrance.step == name
    assert driver.calls["StreamBeginCapture"] == driver.calls["StreamEndCapture"] == 1
    np.testing.assert_allclose(training.weights(), 1.75)  # each run did its work once
    assert allocator.allocate(64)
    assert not stream.capturing


def test_a_silent_call_that_ends_the_capture_is_found(driver, stream, training):
    def another_library():
        stream.handle.capture.valid = stream.handle.capture is None

    driver_calls = [training.steps[0], Step("PyFunction", another_library), training.steps[1]]
    with pytest.raises(
        CaptureError, match=r"^PyFunction makes a call that a graph cannot hold, which has ended"
    ) as caught:
        capture(stream, driver_calls)
    assert caught.value.step == "PyFunction"
    stream.synchronize()


def test_work_of_the_host_hinders_before_anything_is_captured(driver, stream, training):
    replay = Replay(stream, "train_step", [*training.steps, Step("RandomUniform", lambda: None, "draws a seed")])
    replay()
    with pytest.warns(UserWarning, match="RandomUniform draws a seed in every run, which a graph cannot"):
        replay()
    assert driver.calls["StreamBeginCapture"] == 0


def test_other_errors_in_a_capture_are_not_hidden(driver, stream, training):
    def bug():
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        capture(stream, [training.steps[0], Step("Add", bug)])
    driver.fail("LaunchKernel", 700)
    with pytest.raises(DriverError, match="ILLEGAL_ADDRESS"):
        capture(stream, training.steps)
    assert not stream.capturing
    assert capture(stream, training.steps).launch() is None


@pytest.mark.parametrize("call", ["begin_capture", "end_capture"])
def test_an_interruption_ends_a_capture(driver, stream, training, monkeypatch, call):
    begin = driver.begin_capture

    def interrupted(stream):
        monkeypatch.undo()
        if call == "begin_capture":
            begin(stream)
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, call, interrupted)
    with pytest.raises(KeyboardInterrupt):
        capture(stream, training.steps)
    driver.fail("StreamBeginCapture", 2)
    with pytest.raises(DriverError, match="cuStreamBeginCapture"):
        capture(stream, training.steps)
    assert not stream.capturing
    capture(stream, training.steps).launch()
    stream.synchronize()
    assert [name for name, *_ in driver.launches] == ["axpy", "scale"]


def test_a_graph_that_cannot_be_made_is_told(driver, stream, training):
    driver.fail("GraphInstantiate", 2)
    with pytest.raises(
        CaptureError, match=r"the function cannot be made a graph: cuGraphInstantiate failed with .*\(2\)"
    ):
        capture(stream, training.steps)
    assert driver.calls["GraphDestroy"] == 1


def test_finalizers_make_no_calls_in_a_capture(driver, stream, allocator, training):
    kept = [Event(stream), pinned(stream, (4,), "f4"), allocator.allocate(64), capture(stream, training.steps)]
    calls = {}

    def drop():
        before = driver.calls.copy()
        kept.clear()
        gc.collect()
        stream.run_later()
        calls.update(driver.calls - before)

    graph = capture(stream, [*training.steps, Step("Drop", drop)])
    assert calls == {}
    assert driver.calls["GraphExecDestroy"] == 0
    stream.synchronize()
    assert (driver.calls["GraphExecDestroy"], driver.calls["EventDestroy"], driver.calls["MemFreeHost"]) == (1, 1, 1)
    graph.launch()


@pytest.mark.parametrize("kind", ["launch", "write", "read", "copy", "clear"])
def test_another_thread_does_not_get_into_a_graph(driver, stream, training, kind):
    inside, outside, values = threading.Event(), [], np.zeros(4, np.float32)
    issue = {
        "launch": training.steps[1].call,
        "write": lambda: stream.write(training.slab.address + 1024, values),
        "read": lambda: stream.read(training.slab.address + 1024, values),
        "copy": lambda: stream.copy(training.slab.address + 1024, training.w, 16),
        "clear": lambda: stream.clear(training.slab.address + 1024, 16),
    }[kind]

    def launch():
        inside.wait(5)
        issue()
        outside.append(stream.handle.capture)

    thread = threading.Thread(target=launch)
    thread.start()

    def slow():
        inside.set()
        thread.join(0.2)
        assert thread.is_alive()  # it waits for the stream

    graph = capture(stream, [training.steps[0], Step("Slow", slow)])
    thread.join(5)
    assert outside == [None]
    stream.synchronize()
    driver.launches.clear()
    driver.calls.clear()
    graph.launch()
    stream.synchronize()
    assert [name for name, *_ in driver.launches] == ["axpy"]


def test_a_thread_that_waits_does_not_spoil_a_graph(driver, stream, allocator, training):
    block, values = allocator.allocate(16), np.arange(4, dtype=np.float32)
    waits, captured = threading.Event(), threading.Event()
    wait = driver.synchronize_event

    def slow(event):
        waits.set()
        captured.wait(5)
        wait(event)

    thread = threading.Thread(target=stream.write, args=(block.address, values))
    driver.synchronize_event = slow
    thread.start()
    waits.wait(5)
    driver.synchronize_event = wait

    def let_it_wait():
        captured.set()
        thread.join(5)

    graph = capture(stream, [*training.steps, Step("Slow", let_it_wait)])
    graph.launch()
    np.testing.assert_array_equal(driver.view(block.address, 4, "f4"), values)
