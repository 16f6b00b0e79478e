"""Batches copied ahead: whatever the streams do first, the GPU computes with the right numbers."""

import gc

import numpy as np
import pytest
from hypothesis import given, strategies as st

from microdl.gpu.allocator import Allocator
from microdl.gpu.errors import CaptureError
from microdl.gpu.launch import Module
from microdl.gpu.scalars import Scalars
from microdl.gpu.staging import Staging
from microdl.gpu.stream import Event, Stream, pinned
from tests.gpu.conftest import KERNELS
from tests.gpu.fake_driver import FakeDriver

SHAPE = (3, 4)


def sums(chance, count, depth, stop=None):
    """The sum of the batches 0, 1, ... (each all one number) that the GPU adds up."""
    driver = FakeDriver(kernels=KERNELS, chance=chance)
    stream = Stream(driver)
    allocator = Allocator(stream)
    total, one = allocator.allocate(48), allocator.allocate(4)
    stream.clear(total.address, 48)
    stream.write(one.address, np.ones(1, np.float32))
    axpy = Module(stream, b"image").function("axpy", ["float32*"] * 3 + ["int32"], (256, 1, 1))
    batch = np.empty(SHAPE, np.float32)

    def batches():
        for i in range(count):
            batch.fill(i + 1)  # one array for all, as loaders have
            yield (batch,)

    staging = Staging(stream, allocator, [(SHAPE, np.float32)], depth)
    feed = staging.feed(batches())
    for i, (address,) in enumerate(feed):
        axpy((1, 1, 1), one, address, total, 12)
        if i == stop:
            feed.close()
            del staging, feed
            gc.collect()
            others = [allocator.allocate(48) for _ in range(4)]  # may lie where batches were
            for other in others:
                stream.clear(other.address, 48)
                axpy((1, 1, 1), one, other, total, 12)
            break
    result = np.empty(SHAPE, np.float32)
    stream.read(total.address, result)
    return result


@given(st.integers(0, 10**6), st.integers(0, 9), st.integers(2, 4))
def test_every_batch_arrives_whatever_runs_first(chance, count, depth):
    np.testing.assert_array_equal(sums(chance, count, depth), count * (count + 1) / 2)


@given(st.integers(0, 10**6), st.integers(0, 5))
def test_places_of_batches_that_nobody_wants_serve_others(chance, stop):
    np.testing.assert_array_equal(sums(chance, 9, 3, stop), (stop + 1) * (stop + 2) / 2)


@given(st.integers(0, 10**6))
def test_a_batch_does_not_replace_what_is_still_to_be_read(chance):
    driver = FakeDriver(kernels=KERNELS, chance=chance)
    stream = Stream(driver)
    allocator = Allocator(stream)
    old, total, one = allocator.allocate(48), allocator.allocate(48), allocator.allocate(4)
    for block, value in ((old, 5), (total, 0), (one, 1)):
        stream.write(block.address, np.full(block.nbytes // 4, value, np.float32))
    axpy = Module(stream, b"image").function("axpy", ["float32*"] * 3 + ["int32"], (256, 1, 1))
    axpy((1, 1, 1), one, old, total, 12)
    address = old.address
    del old, block
    staging = Staging(stream, allocator, [(SHAPE, np.float32)])
    addresses = {address for (address,) in staging.feed([(np.ones(SHAPE),)] * 3)}
    assert address in addresses
    result = np.empty(12, np.float32)
    stream.read(total.address, result)
    np.testing.assert_array_equal(result, 5)


def test_the_next_batch_is_copied_before_this_one_is_used(driver, stream, allocator):
    staging = Staging(stream, allocator, [(SHAPE, np.float32)])
    feed = staging.feed([(np.zeros(SHAPE),)] * 4)
    driver.calls.clear()
    next(feed)
    assert driver.calls["MemcpyHtoDAsync"] == 2
    next(feed)
    assert driver.calls["MemcpyHtoDAsync"] == 3


def test_a_batch_of_another_shape_is_refused(stream, allocator):
    staging = Staging(stream, allocator, [(SHAPE, np.float32)])
    with pytest.raises(ValueError, match=r"a batch of shape \(3, 4\) is expected, got \(4, 3\)"):
        list(staging.feed([(np.zeros((4, 3)),)]))
    with pytest.raises(ValueError, match="with a depth of 1 no batch is copied ahead"):
        Staging(stream, allocator, [], depth=1)


def test_empty_arrays_are_staged(stream, allocator):
    staging = Staging(stream, allocator, [((0, 3), np.float32)])
    assert list(staging.feed([(np.zeros((0, 3)),)] * 3)) == [(0,)] * 3


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
    stream.run_later()
    assert driver.calls["MemFreeHost"] == 1


def test_a_copy_that_is_on_its_way_holds_up_freeing(driver, stream, allocator):
    block, source = allocator.allocate(16), pinned(stream, (4,), np.float32)
    source[:] = 3
    driver.copy_in(block.address, source.ctypes.data, 16, stream.handle)
    del source
    stream.run_later()
    assert driver.host.pieces == {}
    result = np.empty(4, np.float32)
    stream.read(block.address, result)
    np.testing.assert_array_equal(result, 3)


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
