"""Batches copied ahead: whatever the streams do first, the GPU computes with the right numbers."""

import gc

import numpy as np
import pytest
from hypothesis import given, strategies as st

from microdl.gpu import staging
from microdl.gpu.allocator import Allocator
from microdl.gpu.array import DeviceArray
from microdl.gpu.device import GPU
from microdl.gpu.errors import CaptureError
from microdl.gpu.launch import Module
from microdl.gpu.scalars import Scalars
from microdl.gpu.staging import AHEAD_FROM, Inlet, InletAhead
from microdl.gpu.stream import Event, Stream, pinned
from tests.gpu.conftest import KERNELS
from tests.gpu.fake_driver import FakeDriver

SHAPE = (3, 4)


class Memory:
    """A stream that computes, one that copies, and a total to which arrays on the GPU are added."""

    is_noting = False

    def __init__(self, chance):
        self.driver = FakeDriver(kernels=KERNELS, chance=chance)
        self.stream, self.copying = Stream(self.driver), Stream(self.driver)
        self.allocator = Allocator(self.stream)
        axpy = Module(self.stream, b"image").function("axpy", ["float32*"] * 3 + ["int32"], (256, 1, 1))
        total, one = self.place(0), self.place(1)
        self.add = lambda x: axpy((1, 1, 1), one.address, x.address, total.address, 12)
        self.total = lambda: total.numpy()

    def place(self, value=None):
        """A new array of SHAPE on the GPU."""
        block = self.allocator.allocate(48)
        array = DeviceArray(self, block.address, SHAPE, np.float32, block)
        if value is not None:
            array.write(np.full(SHAPE, value, np.float32))
        return array

    def inlet(self, ahead, target):
        return InletAhead(self.stream, self.copying, self.allocator, target) if ahead else Inlet(self.stream, target)


@given(st.integers(0, 10**6), st.integers(0, 9), st.booleans())
def test_every_batch_arrives_whatever_runs_first(chance, count, ahead):
    memory = Memory(chance)
    target, batch = memory.place(), np.empty(SHAPE, np.float32)
    inlet = memory.inlet(ahead, target)
    for i in range(count):
        batch.fill(i + 1)  # one array for all, as loaders have
        inlet.send(batch)
        memory.add(target)
    np.testing.assert_array_equal(memory.total(), count * (count + 1) / 2)


@given(st.integers(0, 10**6), st.integers(1, 5), st.booleans())
def test_places_of_batches_serve_others_when_an_inlet_is_dropped(chance, count, ahead):
    memory = Memory(chance)
    target = memory.place()
    inlet = memory.inlet(ahead, target)
    for i in range(count):
        inlet.send(np.full(SHAPE, i + 1, np.float32))
        memory.add(target)
    del inlet
    others = [memory.place(1) for _ in range(4)]  # may lie where batches were
    for other in others:
        memory.add(other)
    np.testing.assert_array_equal(memory.total(), count * (count + 1) / 2 + 4)


@given(st.integers(0, 10**6), st.booleans())
def test_a_batch_does_not_replace_what_is_still_to_be_read(chance, ahead):
    memory = Memory(chance)
    target, old = memory.place(7), memory.place(5)
    memory.add(target)
    memory.add(old)
    del old
    memory.inlet(ahead, target).send(np.ones(SHAPE, np.float32))
    np.testing.assert_array_equal(memory.total(), 12)
    np.testing.assert_array_equal(target.numpy(), 1)


def test_large_batches_are_copied_while_the_gpu_computes():
    gpu = GPU(FakeDriver())
    small, large = (gpu.empty((n,), np.uint8) for n in (AHEAD_FROM - 1, AHEAD_FROM))
    assert type(staging.inlet(gpu, small)) is Inlet
    ahead = staging.inlet(gpu, large)
    gpu.stream.synchronize()
    for _ in range(2):
        ahead.send(np.ones(AHEAD_FROM, np.uint8))
    gpu.copying.synchronize()
    assert not gpu.copying.handle.queue
    assert gpu.stream.handle.queue  # nobody has waited for what computes


def test_a_large_batch_has_a_way_where_there_is_no_room_to_copy_it_ahead():
    gpu = GPU(FakeDriver(), limit=2 * AHEAD_FROM)
    place = gpu.empty((AHEAD_FROM,), np.uint8)
    way = staging.inlet(gpu, place)
    assert type(way) is Inlet
    way.send(np.ones(AHEAD_FROM, np.uint8))
    assert place.numpy().all()
    assert gpu.allocator.in_use == AHEAD_FROM


@given(st.integers(0, 10**6), st.integers(1, 120))
def test_scalars_arrive_in_order_whatever_runs_first(chance, count):
    driver = FakeDriver(kernels=KERNELS, chance=chance)
    stream = Stream(driver)
    allocator = Allocator(stream)
    scalars = Scalars(stream, allocator, {"step": "i4", "rate": "f4", "seed": "u8"})
    total, one = allocator.allocate(4), allocator.allocate(4)
    stream.clear(total.address, 4)
    stream.write(one.address, np.ones(1, np.float32))
    axpy = Module(stream, b"image").function("axpy", ["float32*"] * 3 + ["int32"], (256, 1, 1))
    for i in range(count):
        scalars.set(rate=i + 1, seed=2**64 - 1 - i)
        assert scalars.upload()
        assert not scalars.upload()
        axpy((1, 1, 1), scalars.address("rate"), one, total, 1)
    result = np.empty(1, np.float32)
    stream.read(total.address, result)
    assert result == count * (count + 1) / 2
    assert scalars["seed"] == 2**64 - count


def test_scalars_are_not_set_in_a_capture(stream, allocator):
    scalars = Scalars(stream, allocator, {"rate": "f4"})
    with stream.capture(), pytest.raises(CaptureError, match="changes scalars"):
        scalars.upload()


def test_pinned_memory_lives_as_long_as_its_last_view(driver, stream):
    whole = pinned(stream, (2, 3), np.float32)
    part = whole[1]
    part[:] = 7
    del whole
    gc.collect()
    stream.run_later()
    assert driver.calls["MemFreeHost"] == 0
    np.testing.assert_array_equal(part, 7)
    del part
    stream.synchronize()
    assert driver.calls["MemFreeHost"] == 1


def test_much_pinned_memory_is_freed_at_once(driver, stream):
    arrays = [pinned(stream, (1,), np.float32) for _ in range(1000)]
    arrays.clear()
    stream.synchronize()
    assert driver.calls["MemFreeHost"] == 1000


def test_a_copy_that_is_on_its_way_holds_up_freeing(driver, stream, allocator):
    block, source = allocator.allocate(16), pinned(stream, (4,), np.float32)
    source[:] = 3
    driver.copy_in(block.address, source.ctypes.data, 16, stream.handle)
    del source
    driver.calls.clear()
    stream.run_later()
    assert driver.calls["EventSynchronize"] == driver.calls["MemFreeHost"] == 0  # nobody waits for it
    result = np.empty(4, np.float32)
    stream.read(block.address, result)
    np.testing.assert_array_equal(result, 3)
    stream.run_later()
    assert driver.host.pieces == {}


def test_what_a_copying_stream_has_held_is_freed_with_the_others(driver):
    gpu = GPU(driver)
    ahead = staging.inlet(gpu, gpu.empty((AHEAD_FROM,), np.uint8))
    ahead.send(np.ones(AHEAD_FROM, np.uint8))
    assert len(driver.host.pieces) == 2
    del ahead
    gpu.stream.synchronize()
    gpu.copying.synchronize()
    gpu.empty((8,), np.float32)
    assert driver.host.pieces == {}
    with gpu.stream.capture():
        assert gpu.copying.capturing


def test_events_tell_when_work_is_done(driver, stream, allocator):
    block, event = allocator.allocate(64), Event(stream, timing=True)
    assert event.happened
    stream.clear(block.address, 64)
    event.record(stream)
    assert not event.happened
    event.synchronize()
    assert event.happened
    assert not driver.view(block.address, 16, "f4").any()


def test_copies_within_the_gpu_keep_the_order(driver, stream, allocator):
    a, b = allocator.allocate(16), allocator.allocate(16)
    stream.write(a.address, np.arange(4, dtype=np.float32))
    stream.copy(b.address, a.address, 16)
    stream.clear(a.address, 16)
    result = np.empty(4, np.float32)
    stream.read(b.address, result)
    np.testing.assert_array_equal(result, [0, 1, 2, 3])
    for nothing in (lambda: stream.copy(0, 0, 0), lambda: stream.clear(0, 0), lambda: stream.write(0, result[:0])):
        nothing()
