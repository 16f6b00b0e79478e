"""Ops on a GPU: their outputs are allocated there, their kernels compiled once, launched, and replayed as a graph."""

import threading
import types
from collections import namedtuple

import numpy as np
import pytest

from microdl.core import dtypes
from microdl.core.errors import NoKernel
from microdl.core.kernels import support
from microdl.core.op import Spec
from microdl.gpu import device
from microdl.gpu.array import DeviceArray
from microdl.gpu.capture import Replay
from microdl.gpu.device import GPU
from microdl.gpu.errors import CaptureError, DriverError
from tests.gpu.conftest import KERNELS
from tests.gpu.fake_driver import FakeDriver


class Kernel(namedtuple("Kernel", "name kinds function blocks_at_once")):
    """What the GPU asks of a ``kernels.cuda.launch.Kernel``."""

    signature = property(lambda self: self.kinds)  # without tuples, the same


AXPY = Kernel("blas.axpy", ("float32*", "float32*", "float32*", "int32"), None, None)
SCALE = Kernel("blas.scale", ("float32*", "float32", "int32"), None, None)


class Scaled:
    """y = 3 x."""

    name, view = "Scaled", False

    @staticmethod
    def run(kernels, x, y, factor):
        kernels.blas.scaled(x, factor, y)


class Reshape:
    name, view = "Reshape", True

    @staticmethod
    def run(kernels, x, shape):
        return x.reshape(shape)


@pytest.fixture
def gpu(monkeypatch):
    """A GPU whose kernels need no compiler: their PTX is a line that names them."""
    made = GPU(FakeDriver(kernels=KERNELS), kernels=types.SimpleNamespace())
    made.compiled = []

    def compiled(kernel, threads, capability, anew=False):
        made.compiled.append((kernel.name, threads, capability, *["anew"] * anew))
        return f".visible .entry {kernel.name.partition('.')[2]}("

    def scaled(x, factor, y):
        one = (1, 1, 1)
        made.stream.copy(y.address, x.address, x.nbytes)
        made.launch(SCALE, one, (256, 1, 1), 0, (y, factor, y.size))

    monkeypatch.setattr(device, "compiled", compiled)
    made.kernels.blas = types.SimpleNamespace(scaled=scaled)
    return made


def spec(*shape):
    return Spec(shape, dtypes.float32)


def test_an_op_runs_on_arrays_of_the_gpu(gpu):
    assert gpu.name == "/job:localhost/replica:0/task:0/device:GPU:0"
    x = gpu.array(np.arange(6, dtype=np.float32).reshape(2, 3))
    (y,) = gpu.run(Scaled, [x], [spec(2, 3)], {"factor": 3.0})
    np.testing.assert_array_equal(y.numpy(), 3 * x.numpy())
    (row,) = gpu.run(Reshape, [y], [spec(6)], {"shape": (6,)})
    assert row.address == y.address
    assert gpu.allocator.holdings() == [(512, "Scaled", 1), (512, "an array", 1)]


def test_a_kernel_is_compiled_once(gpu):
    x = gpu.array(np.ones(4, np.float32))
    for factor in (1.0, 2.0):
        gpu.run(Scaled, [x], [spec(4)], {"factor": factor})
    assert gpu.compiled == [("blas.scale", (256, 1, 1), (9, 0))]
    assert gpu.driver.calls["ModuleLoadData"] == 1


def test_a_kernel_that_a_newer_toolkit_left_on_disk_is_compiled_again(gpu):
    x = gpu.array(np.ones(4, np.float32))
    gpu.driver.fail("ModuleLoadData", 222)
    gpu.run(Scaled, [x], [spec(4)], {"factor": 2.0})
    wanted = "blas.scale", (256, 1, 1), (9, 0)
    assert gpu.compiled == [wanted, (*wanted, "anew")]
    made = GPU(gpu.driver)
    gpu.driver.fail("ModuleLoadData", 218)
    with pytest.raises(DriverError, match=r"\(218\)"):
        made.launch(SCALE, (1, 1, 1), (256, 1, 1), 0, (x, 2.0, 4))
    assert len(gpu.compiled) == 3


def test_a_recorded_step_is_replayed_as_a_graph_and_allocates_nothing(gpu):
    x, w = gpu.array(np.ones(4, np.float32)), gpu.array(np.zeros(4, np.float32))
    rate = gpu.array(np.float32(0.5))
    grid, threads = (1, 1, 1), (256, 1, 1)
    with gpu.noting() as steps:
        gpu.launch(AXPY, grid, threads, 0, (rate, x, w, 4))
        gpu.launch(SCALE, grid, threads, 0, (x, 2.0, 4))
    assert [step.name for step in steps] == ["blas.axpy", "blas.scale"]
    np.testing.assert_array_equal(w.numpy(), 0)
    replay = Replay(gpu.stream, "train_step", steps)
    replay()  # launch by launch
    replay()  # noted down, and launched as a graph
    in_use = gpu.allocator.in_use
    gpu.driver.calls.clear()
    for _ in range(3):
        replay()
    assert gpu.driver.calls == {"GraphLaunch": 3}
    np.testing.assert_array_equal(w.numpy(), 0.5 * (2**5 - 1))
    address = w.address
    del x, w, rate, steps
    assert gpu.allocator.in_use == in_use  # the graph keeps what it addresses
    assert address not in {gpu.empty(4, np.float32).address for _ in range(3)}
    del replay
    assert gpu.allocator.in_use == 0


def test_a_first_launch_in_a_capture_is_named(gpu):
    x = gpu.array(np.ones(4, np.float32))
    with gpu.stream.capture(), pytest.raises(CaptureError, match=r"compiles and loads the kernel blas\.scale"):
        gpu.launch(SCALE, (1, 1, 1), (256, 1, 1), 0, (x, 2.0, 4))


def test_what_is_noted_is_not_done_and_what_is_issued_otherwise_is_not_noted(gpu):
    x = gpu.array(np.ones(4, np.float32))
    with gpu.noting() as outer:
        gpu.launch(SCALE, (1, 1, 1), (256, 1, 1), 0, (x, 2.0, 4))
        with gpu.noting() as inner:
            gpu.clear(x)
            gpu.copy(x, gpu.array(np.full(4, 5, np.float32)))
    gpu.launch(SCALE, (1, 1, 1), (256, 1, 1), 0, (x, 3.0, 4))
    assert [[step.name for step in steps] for steps in (outer, inner)] == [["blas.scale"], ["clear", "copy"]]
    np.testing.assert_array_equal(x.numpy(), 3)
    for step in outer + inner[1:]:
        step.call()
    np.testing.assert_array_equal(x.numpy(), 5)


def test_while_work_is_noted_down_the_host_neither_reads_nor_writes_elements(gpu):
    x = gpu.array(np.ones(4, np.float32))
    with gpu.noting():
        for attempt in (x.numpy, lambda: x.write(np.zeros(4)), lambda: np.copyto(x, np.zeros(4, np.float32))):
            with pytest.raises(NoKernel, match="for a function on the GPU"):
                attempt()
        table = gpu.table(np.arange(4))
    np.testing.assert_array_equal(x.numpy(), 1)
    np.testing.assert_array_equal(table.numpy(), range(4))


def test_a_real_kernel_is_compiled_and_its_arguments_packed():
    try:
        target = support("cuda.target")
    except ImportError as error:
        pytest.skip(str(error))
    if (missing := target.missing_libnvvm()) is not None:
        pytest.skip(missing)

    def triple(x, y, n):
        i = target.cuda.grid(1)
        if i < n:
            y[i] = x[i] * target.float32(3)

    kinds = target.pointer(target.float32), target.pointer(target.float32), target.int32
    kernel = Kernel("test.triple", kinds, triple, None)
    text = device.compiled(kernel, (256, 1, 1), (9, 0))
    assert device.compiled(kernel, (256, 1, 1), (9, 0)) == text  # a second compilation would give it another symbol
    assert device.compiled(kernel, (128, 1, 1), (9, 0)) != text
    assert len(device.compiled(kernel, (256, 1, 1), (9, 0), anew=True)) == len(text)
    symbol = device.entry(text)
    gpu = GPU(FakeDriver(kernels={symbol: ("@PPi", lambda view, x, y, n: None)}))
    x, y = gpu.array(np.ones(4, np.float32)), gpu.empty((4,), np.float32)
    gpu.launch(kernel, (1, 1, 1), (256, 1, 1), 0, (x, y, 4))
    gpu.stream.synchronize()
    assert gpu.driver.launches == [(symbol, (1, 1, 1), (256, 1, 1), 0, (x.address, y.address, 4))]
    assert text.count(".param .u64") >= 2


def test_an_array_with_more_elements_than_kernels_can_count_is_refused(gpu):
    large = DeviceArray(gpu, 512, (2**16, 2**15), np.float32, None)
    with pytest.raises(NoKernel, match=r"blas\.scale of 2147483648 elements, at most 2146435072"):
        gpu.launch(SCALE, (1, 1, 1), (256, 1, 1), 0, (large, 2.0, 4))
    assert gpu.driver.launches == []


def test_each_thread_counts_its_own_launches(gpu):
    x = gpu.array(np.ones(4, np.float32))
    thread = threading.Thread(target=gpu.launch, args=(SCALE, (1, 1, 1), (256, 1, 1), 0, (x, 2.0, 4)))
    thread.start()
    thread.join()
    assert gpu.launches == 0
    gpu.launch(SCALE, (1, 1, 1), (256, 1, 1), 0, (x, 2.0, 4))
    assert gpu.launches == 1
    np.testing.assert_array_equal(x.numpy(), 4)
