"""The benchmarks on a GPU, as far as they can be tried without one: an emulated one runs the rows, and is not timed."""

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import accuracy
import bench
import numba
import peers
import pytest
from harness import machine, report, roofline
from harness.bars import GPU_BARS
from harness.cases import find, gpu_table, table
from harness.gpu import clock
from steps.networks import rows

from tests.gpu.on_gpu import make_gpu, used

PERF = Path(__file__).parents[2] / "perf"
needs_cuda_target = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT) or importlib.util.find_spec("_numba_cuda_redirector") is None,
    reason="CUDA kernels need numba-cuda and the JIT",
)


class FakeGPU:
    """A queue: calls take ``each`` seconds of the GPU, copies COPY, and events tell when all before them is done."""

    COPY = 1e-4

    def __init__(self, each):
        self.now, self.each, self.log = 0.0, each, []

    def clock(self):
        return clock.EventClock(lambda: self.now, lambda start, end: end - start, self.copy)

    def copy(self):
        self.now += self.COPY
        self.log.append("copy")

    def call(self):
        self.now += self.each
        self.log.append("call")


@pytest.mark.parametrize("script", [bench, peers, accuracy])
def test_an_emulated_gpu_is_not_timed(script, monkeypatch):
    monkeypatch.setenv("MICRODL_GPU", "emulate")
    monkeypatch.setattr(sys, "argv", ["script", "--device", "gpu"])
    with pytest.raises(SystemExit, match="says nothing about a real one"):
        script.main()


@needs_cuda_target
def test_a_dry_run_runs_rows_and_prints_no_figure():
    arguments = ["--device", "gpu", "--dry-run", "--threads", "1", "--filter", "^(relu 64Ki|matmul 64x128x10)$"]
    result = subprocess.run(
        [sys.executable, str(PERF / "bench.py"), *arguments],
        env={**os.environ, "MICRODL_GPU": "emulate"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.stderr == ""
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["matmul", "64x128x10", "microdl:", "ran"],
        ["relu", "64Ki", "microdl:", "ran"],
    ]


def test_rows_of_a_gpu_are_those_of_the_cpu_and_larger_ones(capsys, monkeypatch):
    assert find("matmul 4096x4096x4096").flops == 2 * 4096**3
    assert find("adam MNIST CNN") is table()["adam MNIST CNN"]
    assert {bar.row for bar in GPU_BARS} <= set(gpu_table())
    monkeypatch.setattr(sys, "argv", ["bench.py", "--device", "gpu", "--list", "--filter", "matmul 4096.*tf32"])
    bench.main()
    assert capsys.readouterr().out == "matmul 4096x4096x4096 tf32\n"


def test_steps_on_a_gpu_are_training_at_three_sizes_and_inference_at_one():
    assert [name for name in rows("gpu") if name.startswith("mlp")] == [
        "mlp train 64", "mlp train 256", "mlp train 1024", "mlp infer 1",
    ]  # fmt: skip


def test_tensor_cores_have_no_roof():
    roofs = {"flops": {"float32": 1e12}, "levels": [["memory", 0, 1e9, 1e9]]}
    case, figure = find("matmul 4096x4096x4096 tf32"), {"variant": "", "min": 1e-3, "median": 1e-3}
    assert roofline.least_seconds(case, roofs) is None
    assert "137.4 TFLOP/s" in report.line(case, {"microdl": figure}, [], roofs)
    assert "%" not in report.line(case, {"microdl": figure}, [], roofs)


def test_a_gpu_is_named_before_the_processor_that_feeds_it():
    about = {"processor": "P", "threads": 2}
    assert machine.described(about) == "P, 2 threads"
    assert machine.described({**about, "gpu": "G"}) == "G (with P)"


def test_a_group_stands_behind_copies_and_is_timed_without_them():
    gpu = FakeGPU(2e-5)
    timer = gpu.clock()
    group = timer.group_of([gpu.call])
    assert len(group) == 50  # a millisecond
    group.copies, gpu.log = 3, []
    samples = timer.batch(group, 0.0)
    assert samples == pytest.approx([2e-5])
    assert gpu.log == 2 * (["copy"] * 3 + ["call"] * 50)  # the first time to warm up


def test_a_group_has_room_in_the_queue():
    gpu = FakeGPU(1e-9)
    assert len(gpu.clock().group_of([gpu.call])) == clock.MOST


def test_steps_are_timed_until_the_gpu_is_done():
    waits = []
    timer = clock.WaitingClock(lambda: waits.append(1))
    assert len(timer.batch([lambda: None] * 4, 0.0)) == 1
    assert len(waits) == 2


@needs_cuda_target
def test_roofs_are_operations_and_bytes_by_seconds():
    class Second(clock.NoClock):
        def batch(self, group, seconds):
            super().batch(group, seconds)
            return [1.0]

    with used(make_gpu()) as gpu:
        roofs = importlib.import_module("harness.gpu.roofs")
        found = roofs.measure(gpu, Second(), steps=1, large=1024)
        threads = gpu.driver.properties().multiprocessors * roofs.BLOCKS * roofs.THREADS
    assert found["flops"]["float32"] == 2 * roofs.CHAINS * roofs.TURNS * threads
    assert found["levels"][-1] == ["memory", 0, 2 * 4 * 1024, 4 * 1024]
