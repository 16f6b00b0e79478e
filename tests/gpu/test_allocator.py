"""Memory of the GPU: blocks that do not overlap, come back, and are given up when there is no room."""

import gc
import itertools
import threading

import pytest
from hypothesis import given, strategies as st

from microdl.core.errors import ResourceExhaustedError
from microdl.gpu.allocator import ALIGNMENT, Allocator, in_words, size_class
from microdl.gpu.errors import CaptureError, DriverError
from microdl.gpu.stream import Stream
from tests.gpu.fake_driver import FakeDriver


def new_allocator(nbytes=1 << 24, limit=None):
    return Allocator(Stream(FakeDriver(nbytes)), limit)


@given(st.integers(1, 1 << 40))
def test_size_class_is_aligned_and_wastes_at_most_a_quarter(nbytes):
    size = size_class(nbytes)
    assert size % ALIGNMENT == 0
    assert nbytes <= size
    assert size - nbytes < max(nbytes / 4, 0) + ALIGNMENT
    assert size_class(size) == size


@given(st.integers(1, 1 << 40), st.integers(1, 1 << 40))
def test_size_class_never_falls(a, b):
    small, large = sorted((a, b))
    assert size_class(small) <= size_class(large)


def test_there_are_few_size_classes():
    assert len({size_class(512 * n) for n in range(1, 4097)}) <= 4 * 12


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 9), st.booleans()), max_size=60))
def test_blocks_are_aligned_and_never_overlap(wishes):
    allocator, held = new_allocator(), []
    for nbytes, dropped, exact in wishes:
        held.append((allocator.allocate(nbytes, exact=exact), nbytes))
        if dropped < len(held):
            del held[dropped]
        places = sorted((block.address, block.nbytes, asked) for block, asked in held)
        assert all(address % ALIGNMENT == 0 and asked <= size for address, size, asked in places)
        assert all(a + n <= b for (a, n, _), (b, _, _) in itertools.pairwise(places))
        assert allocator.in_use == sum(n for _, n, _ in places) <= allocator.taken
        assert allocator.peak >= allocator.in_use
    held.clear()
    assert allocator.in_use == 0
    taken = allocator.taken
    assert allocator.trim() == taken
    assert allocator.taken == 0
    assert allocator.driver.device.pieces == {}


def test_a_second_step_asks_the_driver_for_nothing():
    allocator = new_allocator()
    sizes = [100, 4000, 70000, 100, 513]
    for step in range(3):
        blocks = [allocator.allocate(n) for n in sizes]
        del blocks
        if step == 0:
            first = allocator.driver.calls.copy()
    assert allocator.driver.calls == first
    assert first["MemAlloc"] == len(sizes)


def test_nothing_is_allocated_for_an_empty_array():
    allocator = new_allocator()
    assert (allocator.allocate(0).address, allocator.in_use) == (0, 0)
    assert allocator.driver.calls["MemAlloc"] == 0


def test_exact_blocks_waste_less_than_the_alignment():
    assert new_allocator().allocate(1_000_001, exact=True).nbytes == 1_000_448


def test_info_tells_current_and_peak():
    allocator = new_allocator()
    a, b = allocator.allocate(1024), allocator.allocate(512)
    del a
    assert allocator.info() == {"current": 512, "peak": 1536}
    allocator.reset_peak()
    assert allocator.info() == {"current": 512, "peak": 512}
    assert b.what == "an array"


def test_cached_blocks_are_given_up_for_another_size():
    allocator = new_allocator(1 << 20)
    block = allocator.allocate(900 << 10)
    del block
    assert allocator.allocate(600 << 10).nbytes >= 600 << 10
    assert allocator.driver.calls["MemFree"] == 1
    assert allocator.driver_calls == 3


def test_memory_that_only_a_cycle_holds_is_found():
    allocator = new_allocator(1 << 20)
    cycle = [allocator.allocate(900 << 10)]
    cycle.append(cycle)
    gc.disable()
    try:
        del cycle
        assert allocator.allocate(800 << 10)
    finally:
        gc.enable()


def test_out_of_memory_says_what_is_held_and_changes_nothing():
    allocator = new_allocator(1 << 20)
    weights = [allocator.allocate(200 << 10, "Conv2D") for _ in range(4)]
    small = allocator.allocate(512, "Relu")
    with pytest.raises(ResourceExhaustedError) as caught:
        allocator.allocate(300 << 10, "MatMul (300, 256) float32")
    assert str(caught.value) == (
        "the GPU has no room for 320 KiB (MatMul (300, 256) float32): 896.5 KiB are in use, the driver has 127.5 KiB "
        "of 1 MiB free; smaller batches need less memory; held are\n  4 x 224 KiB: Conv2D\n  1 x 512 bytes: Relu"
    )
    assert allocator.in_use == sum(block.nbytes for block in [*weights, small])
    del weights
    assert allocator.allocate(300 << 10).nbytes == 320 << 10


def test_a_limit_holds_and_counts_what_is_cached():
    allocator = new_allocator(limit=1 << 20)
    block = allocator.allocate(800 << 10)
    with pytest.raises(ResourceExhaustedError, match="the limit that was set is 1 MiB"):
        allocator.allocate(400 << 10)
    del block
    assert allocator.allocate(400 << 10)
    assert allocator.taken <= 1 << 20
    allocator.limit = 2 << 20
    assert allocator.allocate(1 << 20)


@given(st.integers(0, 6), st.lists(st.integers(1, 300_000), min_size=1, max_size=8))
def test_a_failing_call_of_the_driver_is_survived(after, sizes):
    allocator = new_allocator()
    allocator.driver.fail("MemAlloc", 2, after)
    held = [allocator.allocate(n) for n in sizes]  # asked for again after caches were given up
    assert allocator.in_use == sum(block.nbytes for block in held)
    del held
    allocator.trim()
    assert allocator.taken == 0
    assert allocator.driver.device.pieces == {}


def test_other_errors_of_the_driver_are_not_taken_for_exhaustion():
    allocator = new_allocator()
    allocator.driver.fail("MemAlloc", 700)
    with pytest.raises(DriverError, match=r"cuMemAlloc failed with CUDA_ERROR_ILLEGAL_ADDRESS \(700\): a kernel read"):
        allocator.allocate(1)
    assert allocator.in_use == allocator.taken == 0


def test_a_capture_forbids_allocating_but_not_giving_back():
    allocator = new_allocator()
    block = allocator.allocate(512)
    with allocator.stream.capture():
        allocator.stream.step = "MatMul"
        del block
        with pytest.raises(CaptureError, match="MatMul allocates memory of the GPU"):
            allocator.allocate(512)
        with pytest.raises(CaptureError, match="MatMul gives memory back"):
            allocator.trim()
        assert allocator.in_use == 0
    assert allocator.allocate(512)
    assert allocator.driver_calls == 1


def test_threads_share_the_memory():
    allocator, errors = new_allocator(1 << 26), []

    def work():
        try:
            for i in range(200):
                blocks = [allocator.allocate(1 + 700 * ((i + j) % 5)) for j in range(4)]
                assert len({block.address for block in blocks}) == 4
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert allocator.in_use == 0


@pytest.mark.parametrize(
    ("nbytes", "text"), [(0, "0 bytes"), (1536, "1.5 KiB"), (3 << 20, "3 MiB"), (5 << 40, "5120 GiB")]
)
def test_bytes_in_words(nbytes, text):
    assert in_words(nbytes) == text
