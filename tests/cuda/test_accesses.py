"""What the emulated GPU tells of accesses to memory: on small kernels the numbers of NVIDIA's documentation."""

import numpy as np
import pytest

import microdl as tf
from microdl import warmup
from microdl.core.kernels import support
from microdl.gpu.emulated import EmulatedGPU
from tests.gpu.on_gpu import used

target = pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
launch, intrinsics, accesses = support("cuda.launch"), support("cuda.intrinsics"), support("cuda.emulator").accesses
turns = support("cuda.emulator.turns")
cuda, float32, int32, uint32 = target.cuda, target.float32, target.int32, target.uint32
TILE, PADDED, SIDE = 32 * 32, 32 * 33, 32


@launch.kernel("float32* float32* int32 int32", threads=64)
def strided(x, y, stride, offset):
    t = uint32(cuda.threadIdx.x)
    y[t] = x[t * uint32(stride) + uint32(offset)]


@launch.kernel("float32* float32*", threads=64)
def in_fours(x, y):
    t = uint32(cuda.threadIdx.x)
    intrinsics.store4(y, t * uint32(4), intrinsics.load4(x, t * uint32(4)))


@launch.kernel("float32* float32*", threads=64)
def one_by_one(x, y):
    """What ``in_fours`` does, without its wide accesses."""
    t = uint32(cuda.threadIdx.x)
    for i in range(4):
        y[t * uint32(4) + uint32(i)] = x[t * uint32(4) + uint32(i)]


@launch.kernel("float32* float32*", threads=32)
def rows_and_columns(x, y):
    tile, padded = cuda.shared.array(TILE, float32), cuda.shared.array(PADDED, float32)
    t = uint32(cuda.threadIdx.x)
    for i in range(SIDE):
        tile[uint32(i * 32) + t] = x[t]
        padded[uint32(i * 33) + t] = x[t]
    cuda.syncthreads()
    total = float32(0)
    for i in range(SIDE):
        total += tile[t * uint32(32) + uint32(i)]
        total += padded[t * uint32(33) + uint32(i)]
        total += tile[uint32(i)]
        total += tile[uint32(t * uint32(2)) % uint32(64) + uint32(i * 16)]
    y[t] = total


@launch.kernel("float32* float32*", threads=32)
def wide_in_shared(x, y):
    tile = cuda.shared.array(TILE, float32, alignment=16)
    t = uint32(cuda.threadIdx.x)
    intrinsics.copy16(tile, t * uint32(4), x, t * uint32(4))
    intrinsics.wait_for_copies(0)
    cuda.syncthreads()
    a, b = intrinsics.load2(tile, t * uint32(2))
    c, _, _, d = intrinsics.load4(tile, t % uint32(4) * uint32(32))
    y[t] = a + b + c + d


@launch.kernel("float32* float32*", threads=64)
def gathered(x, totals):
    own, t = cuda.local.array(8, float32), uint32(cuda.threadIdx.x)
    for i in range(8):
        own[(uint32(i) + t) % uint32(8)] = x[t]
    cuda.atomic.add(intrinsics.as_array(totals, 2), t % uint32(2), own[t % uint32(8)])


@launch.kernel("int32* int32*", threads=64)
def counted(x, y):
    counts, t = cuda.shared.array(32, int32), uint32(cuda.threadIdx.x)
    if t < uint32(32):
        counts[t] = int32(0)
    cuda.syncthreads()
    cuda.atomic.add(counts, x[t], int32(1))
    cuda.syncthreads()
    if t < uint32(32):
        y[t] = counts[t]


@launch.kernel("float32* float32* int32", threads=32)
def skipping(x, y, n):
    """Every lane leaves something out: one turn, or the end of an inner loop."""
    t, total = uint32(cuda.threadIdx.x), float32(0)
    for i in range(n):
        if uint32(i) != t % uint32(4):
            total += x[uint32(i * 32) + t]
        for k in range(t % uint32(3)):
            total += y[uint32(i * 96) + uint32(k * 32) + t]
    y[t] = total


@launch.kernel("int64* uint8* int64*", threads=32)
def other_widths(x, b, y):
    t = uint32(cuda.threadIdx.x)
    e, f, g, h = intrinsics.load4(b, t * uint32(4))
    y[t] = x[t] + e + f + g + h


@launch.kernel("float32* float32* int32")
def ragged(x, y, n):
    i = uint32(cuda.grid(1))
    total = float32(0)
    while i < uint32(n):
        total += x[i]
        i += uint32(256)
    y[uint32(cuda.grid(1))] = total


def numbers(gpu, n):
    return gpu.array(np.arange(n, dtype=np.float32))


def each(row):
    """(requests, taken by each, least of each)."""
    return row.requests, row.taken / row.requests, row.least / row.requests


def row_of(seen, memory, verb, source=""):
    (row,) = (r for r in seen.rows(memory) if r.site.verb == verb and source in r.source)
    return row


@pytest.mark.parametrize(
    ("stride", "offset", "taken", "least", "percent"),
    [(1, 0, 4, 4, 100), (2, 0, 8, 4, 50), (32, 0, 32, 4, 12.5), (1, 1, 5, 4, 80), (0, 3, 1, 1, 100)],
    ids=["side by side", "every second", "every 32nd", "misaligned", "all the same"],
)
def test_global_memory_comes_in_sectors(stride, offset, taken, least, percent, any_order):
    y = any_order.empty(64, np.float32)
    with accesses() as seen:
        strided(1, numbers(any_order, 64 * 32), y, stride, offset)
    read, written = row_of(seen, "global", "reads"), row_of(seen, "global", "writes")
    assert each(read) == (2, taken, least)
    assert read.efficiency == percent
    assert each(written) == (2, 4, 4)
    assert read.source == "y[t] = x[t * uint32(stride) + uint32(offset)]"


def test_four_numbers_at_once_waste_nothing_and_one_by_one_three_quarters(gpu):
    x, y = numbers(gpu, 256), gpu.empty(256, np.float32)
    with accesses() as seen:
        in_fours(1, x, y)
    assert {(row.site.width, *each(row)) for row in seen.rows()} == {(16, 2, 16, 16)}
    with accesses() as seen:
        one_by_one(1, x, y)
    assert {(row.site.width, *each(row)) for row in seen.rows()} == {(4, 8, 16, 4)}
    assert seen.efficiency("global") == 25


def test_accesses_have_the_width_of_their_instruction(gpu):
    x, b, y = gpu.array(np.arange(32)), gpu.array(np.ones(128, np.uint8)), gpu.empty(32, np.int64)
    with accesses() as seen:
        other_widths(1, x, b, y)
    assert y[5] == 9
    widths = {(row.site.width, row.taken, row.least) for row in seen.rows() if row.site.verb == "reads"}
    assert widths == {(8, 8, 8), (4, 4, 4)}


def test_columns_of_a_tile_lie_in_one_bank_unless_rows_are_padded(any_order):
    y = any_order.empty(32, np.float32)
    with accesses() as seen:
        rows_and_columns(1, numbers(any_order, 32), y)
    reads = {row.source.partition("+= ")[2]: each(row) for row in seen.rows("shared") if row.site.verb == "reads"}
    assert list(reads.values()) == [(32, 32, 1), (32, 2, 1), (32, 1, 1), (32, 1, 1)]
    assert "tile[t * uint32(32)" in next(iter(reads))  # the worst comes first
    assert {each(row) for row in seen.rows("shared") if row.site.verb == "writes"} == {(32, 1, 1)}


def test_wide_accesses_of_shared_memory_go_by_halves_and_quarters_of_a_warp(any_order):
    y = any_order.empty(32, np.float32)
    with accesses() as seen:
        wide_in_shared(1, numbers(any_order, 128), y)
    assert each(row_of(seen, "global", "reads", "copy16")) == (1, 16, 16)
    assert each(row_of(seen, "shared", "writes", "copy16")) == (1, 4, 4)
    assert each(row_of(seen, "shared", "reads", "load2")) == (1, 2, 2)
    assert each(row_of(seen, "shared", "reads", "load4")) == (1, 16, 4)  # four places a quarter, all in the same banks
    assert y[5] == 10 + 11 + 32 + 35


def test_atomics_count_and_local_arrays_do_not(any_order):
    x, totals = numbers(any_order, 64), any_order.array(np.zeros(2, np.float32))
    with accesses() as seen:
        gathered(1, x, totals)
    assert totals.sum() == x.sum()
    assert each(row_of(seen, "global", "updates")) == (2, 1, 1)
    assert {row.site.verb for row in seen.rows()} == {"reads", "updates"}


@pytest.mark.parametrize(("bins", "taken"), [(32, 1), (4, 8), (1, 32)])
def test_lanes_that_update_one_word_of_shared_memory_take_turns(bins, taken, gpu):
    x, y = gpu.array(np.arange(64, dtype=np.int32) % bins), gpu.empty(32, np.int32)
    with accesses() as seen:
        counted(1, x, y)
    assert y[:bins].tolist() == [64 // bins] * bins
    assert each(row_of(seen, "shared", "updates")) == (2, taken, 1)


def test_lanes_whose_loops_end_earlier_are_missed_in_the_last_request_alone(any_order):
    y = any_order.empty(256, np.float32)
    with accesses() as seen:
        ragged(1, numbers(any_order, 1000), y, 1000)
    read = row_of(seen, "global", "reads")
    assert (read.requests, read.taken, read.least) == (3 * 8 + 8, 125, 125)  # 1000 floats, the last request's 8 in one


def test_lanes_that_skip_something_are_put_together_with_the_others_in_the_next_turn(any_order):
    x, y = numbers(any_order, 32 * 8), any_order.array(np.zeros(96 * 8, np.float32))
    with accesses() as seen:
        skipping(1, x, y, 8)
    assert each(row_of(seen, "global", "reads", "x[")) == (8, 4, 3.5)  # 24 of 32 lanes in half of the turns
    assert each(row_of(seen, "global", "reads", "y[")) == (16, 4, 2.5)  # 21 or 10 of 32 lanes


def test_loops_are_found_where_edges_lead_back():
    found = turns.loops_of({"a": ["b"], "b": ["c", "f"], "c": ["d"], "d": ["c", "e"], "e": ["b"], "f": []}, "a")
    assert found == {"b": {"b", "c", "d", "e"}, "c": {"c", "d"}}
    assert turns.loops_of({"a": ["a", "b"], "b": ["b"], "unreachable": ["a"]}, "a") == {"a": {"a"}, "b": {"b"}}


def test_some_blocks_of_a_launch_are_noted_and_as_many_accesses_as_were_asked_for(gpu, capsys):
    x, y = numbers(gpu, 256), gpu.empty(64, np.float32)
    with accesses(blocks=3, most=1) as seen:
        strided(10, x, y, 1, 0)
    assert [row.requests for row in seen.rows()] == [3 * 2]  # the writes found no room
    assert seen.missed == 3 * 64
    seen.print()
    assert "192 accesses more were not noted: a thread has room for 1 (most)" in capsys.readouterr().out


def test_the_table_begins_with_the_worst_line(gpu, capsys):
    with accesses() as seen:
        strided(1, numbers(gpu, 128), gpu.empty(64, np.float32), 2, 0)
    seen.print()
    heads, first, second = capsys.readouterr().out.splitlines()
    assert heads.split() == ["kernel", "memory", "access", "requests", "taken", "least", "efficiency", "line"]
    assert first.split()[:9] == ["test_accesses.strided", "global", "reads", "4", "bytes", "2", "8.00", "4.00", "50"]
    assert first.endswith("y[t] = x[t * uint32(stride) + uint32(offset)]")
    assert second.split()[8] == "100"


def test_outside_nothing_is_noted(gpu):
    machine = support("cuda.emulator.machine")
    with accesses() as seen:
        pass
    strided(1, numbers(gpu, 64), gpu.empty(64, np.float32), 1, 0)
    assert seen.rows() == []
    assert machine.notebooks == []
    assert seen.efficiency("global") == 100


# Percent of the sectors that a training step's kernels take of global memory that could not be saved, by family: some
# less than there are. Kernels of shared memory have hardly any conflicts.
FLOORS = {
    "activation": 99, "correlation": 70, "elementwise": 99, "filters": 85, "fused": 85, "matmul": 90, "optimizer": 99,
    "parts": 85, "reduction": 99, "softmax": 95,
}  # fmt: skip
SHARED_FLOOR = 95


def test_the_kernels_of_a_training_step_use_memory_well(rng):
    if support("jit").config.DISABLE_JIT:
        pytest.skip("the JIT is off, which the emulated GPU needs")
    images, labels = rng.random((16, 28, 28, 1)).astype(np.float32), rng.integers(0, 10, 16)
    with used(EmulatedGPU()), tf.device("/gpu:0"):
        model = warmup.mnist_cnn()
        model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        with accesses(blocks=1) as seen:
            model.train_on_batch(images, labels)
    assert seen.missed == 0
    families = {row.kernel.partition(".")[0] for row in seen.rows("global")}
    assert set(FLOORS) <= families
    for family in sorted(families):
        percent = seen.efficiency("global", family)
        assert percent >= FLOORS.get(family, 50), (family, percent)
    assert seen.efficiency("shared") >= SHARED_FLOOR
