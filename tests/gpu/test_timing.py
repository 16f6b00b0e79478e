"""When a GPU does its work: the fake driver takes a millisecond for each piece of it."""

import numpy as np
import pytest

from microdl.gpu.capture import Step
from microdl.gpu.errors import DriverError
from microdl.gpu.stream import Event
from microdl.gpu.timing import Clock, TimedSteps


def clears(stream, allocator, count):
    block = allocator.allocate(64)
    return [Step(f"clear {i}", lambda: stream.clear(block.address, 64), keep=(block,)) for i in range(count)]


def test_points_between_work_are_told_apart(stream, allocator):
    clear = clears(stream, allocator, 1)[0].call
    clock = Clock(stream)
    before = clock.mark()
    clear()
    between = clock.mark()
    clear(), clear()
    after = clock.mark()
    seconds = [clock.seconds(number) for number in (before, between, after)]
    np.testing.assert_allclose(np.diff(seconds), [2e-3, 3e-3])  # a record is a piece of work, too
    assert clock.seconds(clock.mark()) > seconds[-1]
    assert clock.seconds(between) == seconds[1]


def test_steps_are_timed_launch_by_launch_and_then_in_a_graph(driver, stream, allocator):
    a, b, c = clears(stream, allocator, 3)
    steps, clock = TimedSteps(stream, "step", [[a], [], [b, c]]), Clock(stream)
    for run in range(4):
        times, _ = clock.times(steps)
        np.testing.assert_allclose(np.diff(times), [2e-3, 1e-3, 3e-3])
        assert driver.calls["GraphLaunch"] == run
    assert driver.calls["EventRecordWithFlags"] == 4


def test_what_cannot_be_a_graph_is_timed_all_the_same(driver, stream, allocator):
    (a,) = clears(stream, allocator, 1)
    steps, clock = TimedSteps(stream, "step", [[a], [Step("Print", lambda: None, "prints")]]), Clock(stream)
    clock.times(steps)
    with pytest.warns(UserWarning, match="step, profiled, runs without a CUDA graph: Print prints"):
        np.testing.assert_allclose(np.diff(clock.times(steps)[0]), [2e-3, 1e-3])


def test_an_event_becomes_a_node_of_a_graph_in_a_capture_alone(driver, stream):
    event = Event(stream, timing=True)
    event.note(stream)
    event.synchronize()
    assert event.happened
    with pytest.raises(DriverError, match="INVALID_VALUE"):
        driver.record_in_graph(event.handle, stream.handle)
