"""The same on a real GPU, where there is one: memory, launches, graphs, scalars and batches, with a kernel in PTX."""

import time

import numpy as np
import pytest

from microdl.core.errors import NoDeviceError
from microdl.gpu.capture import Replay, Step
from microdl.gpu.device import GPU
from microdl.gpu.errors import DriverError
from microdl.gpu.launch import Module
from microdl.gpu.scalars import Scalars
from microdl.gpu.staging import AHEAD_FROM, inlet
from microdl.gpu.timing import TimedSteps

AXPY = b"""
.version 7.0
.target sm_70
.address_size 64
.visible .entry axpy(.param .u64 pa, .param .u64 px, .param .u64 py, .param .s32 pn)
{
    .reg .pred %done;
    .reg .s32 %n, %i, %block, %threads, %thread;
    .reg .f32 %a, %x, %y;
    .reg .s64 %pa, %px, %py, %offset;
    ld.param.s32 %n, [pn];
    mov.u32 %block, %ctaid.x;
    mov.u32 %threads, %ntid.x;
    mov.u32 %thread, %tid.x;
    mad.lo.s32 %i, %block, %threads, %thread;
    setp.ge.s32 %done, %i, %n;
    @%done bra END;
    ld.param.u64 %pa, [pa];
    ld.param.u64 %px, [px];
    ld.param.u64 %py, [py];
    mul.wide.s32 %offset, %i, 4;
    add.s64 %px, %px, %offset;
    add.s64 %py, %py, %offset;
    ld.global.f32 %a, [%pa];
    ld.global.f32 %x, [%px];
    ld.global.f32 %y, [%py];
    fma.rn.f32 %y, %a, %x, %y;
    st.global.f32 [%py], %y;
END:
    ret;
}
"""  # y += a x, with a in memory
N = 1000


@pytest.fixture(scope="module")
def gpu():
    try:
        return GPU()
    except NoDeviceError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def axpy(gpu):
    return Module(gpu.stream, AXPY).function("axpy", ["float32*"] * 3 + ["int32"], (256, 1, 1))


def test_properties_and_memory(gpu):
    seen = gpu.driver.properties()
    free, total = gpu.driver.memory()
    assert seen.name
    assert seen.capability >= (7, 0)
    assert 0 < free <= total <= seen.nbytes


def test_values_come_back(gpu, rng):
    values = rng.normal(size=(33, 77)).astype(np.float32)
    array = gpu.array(values)
    np.testing.assert_array_equal(array.numpy(), values)
    np.testing.assert_array_equal(array.copy().reshape((-1,)).numpy(), values.ravel())


def test_a_kernel_gets_its_arguments(gpu, axpy):
    x, y, a = gpu.array(np.arange(N, dtype=np.float32)), gpu.array(np.ones(N, np.float32)), gpu.array(np.float32(2))
    axpy((4, 1, 1), a, x, y, N)
    axpy.bind((4, 1, 1), a, x, y, N)()
    np.testing.assert_array_equal(y.numpy(), 1 + 4 * np.arange(N))


def test_a_graph_reads_scalars_anew(gpu, axpy):
    x, y = gpu.array(np.ones(N, np.float32)), gpu.array(np.zeros(N, np.float32))
    scalars = Scalars(gpu.stream, gpu.allocator, {"step": "i8", "rate": "f4"})
    step = Step("axpy", axpy.bind((4, 1, 1), scalars.address("rate"), x, y, N))
    replay = Replay(gpu.stream, "train_step", [step] * 3)
    for rate in range(100):
        scalars.set(rate=rate)
        scalars.upload()
        replay()
    assert replay.graph is not None
    np.testing.assert_array_equal(y.numpy(), 3 * 99 * 100 / 2)


def test_what_the_driver_refuses_in_a_capture_is_named(gpu, axpy):
    x, y, a = (gpu.array(np.ones(N, np.float32)) for _ in range(3))
    steps = [
        Step("axpy", axpy.bind((4, 1, 1), a, x, y, N)),
        Step("BadOp", lambda: gpu.driver.free(gpu.driver.allocate(512))),
    ]
    replay = Replay(gpu.stream, "train_step", steps)
    replay()
    with pytest.warns(UserWarning, match="train_step runs without a CUDA graph: BadOp makes a call"):
        replay()
    np.testing.assert_array_equal(y.numpy(), 3)


@pytest.mark.parametrize("n", [N, AHEAD_FROM])
def test_batches_arrive(gpu, axpy, n):
    total, one = gpu.array(np.zeros(n, np.float32)), gpu.array(np.float32(1))
    batch = gpu.empty((n,), np.float32)
    send, values = inlet(gpu, batch).send, np.empty(n, np.float32)
    for i in range(50):
        values.fill(i)  # one array for all, as loaders have
        send(values)
        axpy((n // 256 + 1, 1, 1), one, batch, total, n)
    np.testing.assert_array_equal(total.numpy(), 49 * 50 / 2)


def test_steps_are_timed_in_their_graph(gpu, axpy):
    x, y, a = gpu.array(np.ones(N, np.float32)), gpu.array(np.zeros(N, np.float32)), gpu.array(np.float32(1))
    one = Step("axpy", axpy.bind((4, 1, 1), a, x, y, N))
    steps, clock = TimedSteps(gpu.stream, "train_step", [[one], [one] * 50]), gpu.clock()
    started = time.perf_counter()
    for _ in range(5):
        (begun, first, last), issued = clock.times(steps)
        assert started < issued
        assert 0 < first - begun < last - first
    assert steps.replay.graph is not None
    assert last <= time.perf_counter() + 1e-4
    np.testing.assert_array_equal(y.numpy(), 5 * 51)


def test_too_much_memory_is_refused_and_the_rest_works(gpu):
    kept = gpu.array(np.ones(N, np.float32))
    _, total = gpu.driver.memory()
    with pytest.raises(MemoryError, match=r"^the GPU has no room for .* \(too much\): .* are in use"):
        gpu.empty((total,), np.float32, "too much")
    np.testing.assert_array_equal(kept.numpy(), 1)


def test_errors_of_a_launch_have_names(gpu):
    function = Module(gpu.stream, AXPY).function("axpy", ["float32*"] * 3 + ["int32"], (2048, 1, 1))
    with pytest.raises(DriverError, match="CUDA_ERROR_INVALID_VALUE"):
        function((1, 1, 1), 0, 0, 0, 0)


def test_work_of_others_on_the_default_stream_is_followed(gpu):
    x = gpu.array(np.zeros(1 << 24, np.float32))
    gpu.driver.fill(x.address, 255, x.nbytes, gpu.driver.default_stream())
    gpu.stream.follow_others()
    assert np.isnan(x.copy().numpy()).all()
