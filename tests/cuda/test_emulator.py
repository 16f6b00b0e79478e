"""The emulated GPU: what a block's threads do together, and what it says about kernels that are wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from microdl.core.kernels import support

target = pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
launch, intrinsics, emulator = support("cuda.launch"), support("cuda.intrinsics"), support("cuda.emulator")
switch = support("cuda.emulator.switch")
cuda, float32, int32, uint32 = target.cuda, target.float32, target.int32, target.uint32
ALL = 0xFFFFFFFF
ROOT = Path(__file__).parents[2]


@launch.kernel("float32* float32*", threads=64)
def reversed_by_shared(x, y):
    shared = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    shared[t] = x[t]
    cuda.syncthreads()
    y[t] = shared[63 - t]


@launch.kernel("float32* float32*", threads=64)
def reversed_without_barrier(x, y):
    shared = cuda.shared.array(64, float32)
    t = cuda.threadIdx.x
    shared[t] = x[t]
    y[t] = shared[63 - t]


@launch.kernel("float32* float32*", threads=64, shared=256)
def reversed_by_dynamic(x, y):
    shared = cuda.shared.array(0, float32)
    t = cuda.threadIdx.x
    shared[t] = x[t]
    cuda.syncthreads()
    y[t] = shared[63 - t]


@launch.kernel("float32* int32* float32* int32*", threads=64)
def polynomials(x, n, y, m):
    """Polynomials at a number that another thread gives: it runs while this one holds its coefficients in registers."""
    points = cuda.shared.array(64, int32)
    t = cuda.threadIdx.x
    a, b, c, d = x[t], x[64 + t], x[128 + t], x[192 + t]
    e, f, g, h = x[256 + t], x[320 + t], x[384 + t], x[448 + t]
    i, j, k, o = n[t], n[64 + t], n[128 + t], n[192 + t]
    p, q, r, u = n[256 + t], n[320 + t], n[384 + t], n[448 + t]
    points[t] = t % 5 - 2
    cuda.syncthreads()
    s = points[63 - t]
    z = float32(s)
    y[t] = ((((((h * z + g) * z + f) * z + e) * z + d) * z + c) * z + b) * z + a
    m[t] = ((((((u * s + r) * s + q) * s + p) * s + o) * s + k) * s + j) * s + i


@launch.kernel("int32* int32*", threads=96)
def counted(x, y):
    t = cuda.threadIdx.x
    count = cuda.syncthreads_count(x[t])
    every = cuda.syncthreads_and(x[t])
    some = cuda.syncthreads_or(x[t])
    if t == 0:
        y[0], y[1], y[2] = count, every, some


@launch.kernel("int32* int32*", threads=32)
def shuffled(x, y):
    t = cuda.threadIdx.x
    y[t] = cuda.shfl_sync(ALL, x[t], 5)
    y[32 + t] = cuda.shfl_up_sync(ALL, x[t], 3)
    y[64 + t] = cuda.shfl_down_sync(ALL, x[t], 3)
    y[96 + t] = cuda.shfl_xor_sync(ALL, x[t], 6)


@launch.kernel("int32* int32*", threads=32)
def voted(x, y):
    t = cuda.threadIdx.x
    ballot = cuda.ballot_sync(ALL, x[t] > 0)
    every, some = cuda.all_sync(ALL, x[t] > 0), cuda.any_sync(ALL, x[t] > 0)
    if t == 0:
        y[0], y[1], y[2] = ballot, every, some


@launch.kernel("float32* int32*", threads=64)
def added(total, count):
    count = intrinsics.as_array(count, 2)
    cuda.atomic.add(intrinsics.as_array(total, 1), 0, float32(0.5))
    cuda.atomic.add(count, 0, 2)
    cuda.atomic.max(count, 1, cuda.threadIdx.x)


@launch.kernel("float32* float32* int32")
def copied(x, y, n):
    i = cuda.grid(1)
    if i < n:
        y[i] = x[i]


@launch.kernel("float32* float32*", threads=32)
def misaligned(x, y):
    intrinsics.store4(y, cuda.threadIdx.x, intrinsics.load4(x, cuda.threadIdx.x * 4))


@launch.kernel("float32*", threads=64)
def hanging(y):
    if cuda.threadIdx.x < 32:
        cuda.syncwarp()
    else:
        cuda.syncthreads()
        cuda.syncwarp(3)
    y[cuda.threadIdx.x] = float32(1)


@launch.kernel("float32* float32*", threads=32)
def copied_by_lines(x, y):
    shared = cuda.shared.array(256, float32, alignment=16)
    t = uint32(cuda.threadIdx.x)
    intrinsics.copy16(shared, t * uint32(4), x, t * uint32(4))
    intrinsics.copy16_or_zeros(shared, uint32(128) + t * uint32(4), x, t * uint32(4), int32(16) if t < 16 else int32(0))
    intrinsics.commit_copies()
    intrinsics.wait_for_copies(0)
    cuda.syncthreads()
    for i in range(8):
        y[t + uint32(32 * i)] = shared[t + uint32(32 * i)]


@launch.kernel("float32* float32* float32*", threads=32)
def tiles(a, b, c):
    """c (16, 8) = a (16, 8) b (8, 8)."""
    t = cuda.threadIdx.x
    group, member = t // 4, t % 4
    left = (
        intrinsics.to_tf32(a[group * 8 + member]),
        intrinsics.to_tf32(a[(group + 8) * 8 + member]),
        intrinsics.to_tf32(a[group * 8 + member + 4]),
        intrinsics.to_tf32(a[(group + 8) * 8 + member + 4]),
    )
    right = intrinsics.to_tf32(b[member * 8 + group]), intrinsics.to_tf32(b[(member + 4) * 8 + group])
    zero = float32(0)
    d = intrinsics.multiply_tiles(left, right, (zero, zero, zero, zero))
    for i in range(4):
        c[(group + 8 * (i // 2)) * 8 + 2 * member + i % 2] = d[i]


@launch.kernel("int32*", threads=32)
def clocked(y):
    y[0] = cuda.nanosleep(int32(5)) or 0


def numbers(n):
    return np.arange(n, dtype=np.float32)


@pytest.mark.parametrize("kernel", [reversed_by_shared, reversed_by_dynamic], ids=lambda k: k.name)
def test_shared_memory_is_seen_by_all_threads_after_a_barrier(kernel, any_order):
    y = any_order.empty(64, np.float32)
    kernel(1, numbers(64), y)
    np.testing.assert_array_equal(y, numbers(64)[::-1])


def test_a_missing_barrier_gives_a_wrong_result(any_order):
    y = any_order.empty(64, np.float32)
    reversed_without_barrier(1, numbers(64), y)
    assert np.isnan(y).any()  # read before it was written


def test_what_a_thread_holds_in_registers_is_there_when_it_goes_on(any_order, rng):
    x, n = rng.integers(-3, 4, (8, 64)).astype(np.float32), rng.integers(-3, 4, (8, 64)).astype(np.int32)
    y, m = any_order.empty(64, np.float32), any_order.empty(64, np.int32)
    polynomials(1, x.ravel(), n.ravel(), y, m)
    powers = (np.arange(64)[::-1] % 5 - 2) ** np.arange(8)[:, None]
    np.testing.assert_array_equal(y, (x * powers).sum(axis=0))  # of small whole numbers: exact
    np.testing.assert_array_equal(m, (n * powers).sum(axis=0))


def test_barriers_count(any_order):
    y = any_order.empty(3, np.int32)
    counted(1, np.arange(96, dtype=np.int32) % 3, y)
    assert y.tolist() == [64, 0, 1]


def test_shuffles_read_registers_of_other_lanes(any_order):
    x, y = np.arange(32, dtype=np.int32) * 10, any_order.empty(128, np.int32)
    shuffled(1, x, y)
    lanes = np.arange(32)
    from_lane, up, down, butterfly = y.reshape(4, 32)
    assert (from_lane == 50).all()
    np.testing.assert_array_equal(up, np.where(lanes < 3, x, np.roll(x, 3)))
    np.testing.assert_array_equal(down, np.where(lanes > 28, x, np.roll(x, -3)))
    np.testing.assert_array_equal(butterfly, x[lanes ^ 6])


def test_votes(any_order):
    x, y = np.zeros(32, np.int32), any_order.empty(3, np.int32)
    x[[0, 5, 31]] = 1
    voted(1, x, y)
    assert y.view(np.uint32).tolist() == [1 | 1 << 5 | 1 << 31, 0, 1]


def test_atomics(any_order):
    total, count = any_order.array(np.zeros(1, np.float32)), any_order.array(np.zeros(2, np.int32))
    added(3, total, count)
    assert total[0] == 96
    assert count.tolist() == [384, 63]


def test_copies_by_lines(any_order):
    y = any_order.empty(256, np.float32)
    copied_by_lines(1, numbers(128), y)
    np.testing.assert_array_equal(y, np.concatenate([numbers(128), numbers(64), np.zeros(64)]))


def test_tensor_cores_multiply_tiles(any_order, rng):
    a, b = rng.normal(size=(16, 8)).astype(np.float32), rng.normal(size=(8, 8)).astype(np.float32)
    c = any_order.empty((16, 8), np.float32)
    tiles(1, a, b, c)
    np.testing.assert_allclose(c, a.astype(np.float64) @ b, atol=5e-3)
    assert not np.allclose(c, a.astype(np.float64) @ b, atol=1e-6)  # ten bits after the point


def test_an_access_out_of_bounds_is_told_with_its_thread_and_line(gpu):
    x, y = gpu.array(numbers(100)), gpu.empty(100, np.float32)
    with pytest.raises(emulator.KernelFault) as error:
        copied(1, x, y, 130)
    message = str(error.value)
    assert "kernel test_emulator.copied reads 4 bytes out of bounds, 0 bytes after the end of" in message
    assert "block (0, 0, 0), thread (100, 0, 0)" in message
    assert "test_emulator.py" in message
    assert "y[i] = x[i]" in message


def test_misaligned_access_is_told(gpu):
    with pytest.raises(emulator.KernelFault, match="not a multiple of its alignment"):
        misaligned(1, gpu.array(numbers(128)), gpu.empty(128, np.float32))


def test_hanging_kernels_are_told(gpu):
    with pytest.raises(emulator.KernelFault, match=r"names lanes that do not take part|hangs in block \(0, 0, 0\)"):
        hanging(1, gpu.empty(64, np.float32))


def test_what_it_does_not_know_is_named(gpu):
    with pytest.raises(NotImplementedError, match=r"the emulated GPU .*nanosleep.*clocked"):
        clocked(1, gpu.empty(1, np.int32))


def test_arguments_are_checked(gpu):
    with pytest.raises(TypeError, match="argument x is float64, not float32"):
        copied(1, np.zeros(3), gpu.empty(3, np.float32), 3)
    with pytest.raises(TypeError, match="takes 3 arguments, got 2"):
        copied(1, gpu.empty(3, np.float32), 3)
    with pytest.raises(NotImplementedError, match="copied of more than 2147483647 elements"):
        copied(1, gpu.empty(3, np.float32), gpu.empty(3, np.float32), 1 << 33)


def test_grids_that_no_gpu_takes_are_refused(gpu):
    with pytest.raises(ValueError, match=r"copied: a grid has up to \(2147483647, 65535, 65535\) blocks"):
        copied((1, 1 << 16), gpu.empty(3, np.float32), gpu.empty(3, np.float32), 3)


def test_barriers_can_be_watched(gpu):
    seen = []
    with gpu.watch(lambda barrier: seen.append((barrier.block, barrier.number, barrier.shared[0].copy()))):
        reversed_by_shared(1, numbers(64), gpu.empty(64, np.float32))
    ((block, number, shared),) = seen
    assert (block, number) == ((0, 0, 0), 1)
    np.testing.assert_array_equal(shared, numbers(64))


def test_memory_of_the_gpu_is_forgotten_with_its_array(gpu):
    gpu.empty(10, np.float32)
    assert gpu._held == {}


def test_without_the_setting_launches_say_what_to_do(monkeypatch):
    monkeypatch.delenv("MICRODL_GPU", raising=False)
    launch.use(None)
    with pytest.raises(RuntimeError, match="MICRODL_GPU=emulate, set before Python starts"):
        copied(1, None, None, 0)


@pytest.mark.parametrize(("name", "triple"), [("x86_64", "x86_64-linux-gnu"), ("aarch64", "aarch64-linux-gnu")])
def test_the_switch_assembles_for_every_processor(name, triple, tmp_path):
    assembler = shutil.which("llvm-mc")
    if assembler is None:
        pytest.skip("no llvm-mc: llvmlite's own assembler is the one of this processor alone")
    assembly, (words, resume, _) = switch.PROCESSORS[name]
    source = tmp_path / "switch.s"
    source.write_text(assembly)
    done = subprocess.run([assembler, f"-triple={triple}", str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert resume < words


def test_what_a_gpu_does_compiles_for_aarch64():
    code = """
import llvmlite.binding as llvm
from microdl.core.kernels import support
runtime = support("cuda.emulator.runtime")
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
module = llvm.parse_assembly(runtime.RUNTIME)
module.triple = "aarch64-unknown-linux-gnu"
module.verify()
print(len(llvm.Target.from_triple(module.triple).create_target_machine(opt=2).emit_object(module)))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


def _one(x, n):
    x[0] = n


@pytest.mark.parametrize(
    ("signature", "error", "message"),
    [
        (_one, TypeError, r'say the types of the arguments: @kernel\("float32\* '),
        ("float* int32", ValueError, r"'float\*' is no type of an argument; .* addresses of them \(float32\*\)"),
        ("float32 * int32", ValueError, r"'\*' is no type of an argument; .* spaces between arguments only"),
        ("float32*", TypeError, r"kernel _one: 'float32\*' has 1 types, the function 2 parameters"),
        ("float32* int32 int32", TypeError, "has 3 types, the function 2 parameters"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused_at_once(signature, error, message):
    count = len(launch.kernels)
    with pytest.raises(error, match=message):
        launch.kernel(signature)(_one)
    assert len(launch.kernels) == count


def test_numbas_way_to_launch_is_told_apart():
    declared = launch.Kernel(_one, "int32* int32", 32, None, 0)
    with pytest.raises(
        TypeError, match=r"blocks are the first argument, _one\(blocks, ...\); threads stand in @kernel"
    ):
        declared[1, 32]
