"""Arrays on the GPU, and arrays of other libraries there: the same memory, nothing copied."""

import gc
import threading

import numpy as np
import pytest

from microdl.gpu import dlpack, exchange
from microdl.gpu.array import Lender, Lent
from microdl.gpu.device import GPU
from microdl.gpu.errors import CaptureError
from tests.gpu.fake_driver import FakeDriver


@pytest.fixture
def gpu(driver):
    return GPU(driver)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", "bool", "float16"])
def test_values_come_back(gpu, dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    array = gpu.array(values)
    assert (array.shape, array.ndim, array.size, array.nbytes) == ((2, 3), 2, 6, values.nbytes)
    np.testing.assert_array_equal(array.numpy(), values, strict=True)


def test_arrays_of_any_order_are_copied_in(gpu):
    values = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(gpu.array(values).numpy(), values)
    with pytest.raises(ValueError, match=r"of shape \(3, 2\) on the GPU cannot be set to one of \(2, 3\)"):
        gpu.array(values).write(values.T)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2)])
def test_scalars_and_empty_arrays(gpu, shape):
    array = gpu.array(np.full(shape, 2.5, np.float32))
    np.testing.assert_array_equal(array.numpy(), np.full(shape, 2.5, np.float32), strict=True)
    np.testing.assert_array_equal(array.copy().numpy(), array.numpy(), strict=True)


def test_other_shapes_share_the_memory_and_keep_it(gpu):
    array = gpu.array(np.arange(6, dtype=np.float32))
    other = array.reshape((2, -1))
    del array
    gpu.empty((6,), np.float32).write(np.zeros(6))
    np.testing.assert_array_equal(other.numpy(), [[0, 1, 2], [3, 4, 5]])
    assert other.ravel().shape == (6,)
    with pytest.raises(ValueError, match=r"of shape \(2, 3\) cannot be reshaped to \(4, 2\)"):
        other.reshape((4, 2))
    del other
    assert gpu.allocator.in_use == 0


def test_numpy_does_not_read_the_gpus_memory_by_itself(gpu):
    with pytest.raises(TypeError, match=r"\.numpy\(\) copies it"):
        np.asarray(gpu.array([1.0]))


def test_reading_in_a_capture_is_refused(gpu):
    array = gpu.array([1.0])
    with gpu.stream.capture(), pytest.raises(CaptureError, match="reads values on the host"):
        array.numpy()


# Other libraries


class Interface:
    """An array of another library that has ``__cuda_array_interface__``."""

    def __init__(self, address, shape, **more):
        self.__cuda_array_interface__ = {
            "shape": shape, "typestr": "<f4", "data": (address, False), "version": 3, **more
        }  # fmt: skip


def test_the_interface_shows_address_shape_and_stream(gpu, driver):
    array = gpu.array(np.zeros((2, 3), np.float32))
    assert array.__cuda_array_interface__ == {
        "shape": (2, 3), "typestr": "<f4", "data": (array.address, False), "strides": None, "version": 3,
        "stream": 0x1000,
    }  # fmt: skip
    assert driver.stream_number(gpu.stream.handle) == 0x1000


def test_an_array_with_the_interface_is_shared(gpu, driver):
    own = gpu.array(np.arange(4, dtype=np.float32))
    shared = gpu.share(Interface(own.address, (2, 2), stream=7, strides=(8, 4)))
    assert (shared.address, shared.shape, driver.waited_for) == (own.address, (2, 2), [7])
    np.testing.assert_array_equal(shared.numpy(), [[0, 1], [2, 3]])
    again = gpu.share(own)
    assert (again.address, again.changes, own.changes) == (own.address, True, False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"strides": (4, 8)}, r"strides \(4, 8\) is not C-contiguous"),
        ({"data": (4096, True)}, "may not be written to"),
        ({"mask": 1}, "with a mask"),
        ({"typestr": ">f4"}, "cannot be shared"),
        ({"typestr": "<c8"}, "arrays of complex64 cannot be shared"),
    ],
)
def test_arrays_that_kernels_cannot_take_are_refused(gpu, more, message):
    with pytest.raises(ValueError, match=message):
        gpu.share(Interface(4096, (2, 2), **more))


def test_what_is_no_array_of_a_gpu_is_refused(gpu):
    with pytest.raises(TypeError, match="list has neither __cuda_array_interface__ nor __dlpack__"):
        gpu.share([1.0])
    with pytest.raises(
        ValueError, match=r"is on the device \(1, 0\) of DLPack's, not on .*GPU:0, which is \(2, 0\) there"
    ):
        gpu.share(np.zeros(3))


class Elsewhere:
    """An array on this GPU that only DLPack tells of."""

    def __init__(self, array):
        self.__dlpack__, self.__dlpack_device__ = array.__dlpack__, array.__dlpack_device__


def given():
    """What others hold of ours, by address; what nobody took is let go first, also what other tests have left."""
    gc.collect()
    dlpack._sweep()
    return set(dlpack._given)


def test_dlpack_shares_the_memory_and_gives_it_back(gpu, driver):
    before = given()
    array = gpu.array(np.arange(6, dtype=np.int32).reshape(2, 3))
    address = array.address
    driver.calls.clear()
    shared = gpu.share(Elsewhere(array))
    assert driver.calls == {}  # the same stream: nobody waits, nothing is copied
    del array
    gc.collect()
    assert (shared.address, shared.shape, shared.dtype) == (address, (2, 3), np.int32)
    assert gpu.allocator.in_use == 512
    np.testing.assert_array_equal(shared.numpy(), [[0, 1, 2], [3, 4, 5]])
    gpu.clear(shared)
    del shared
    gc.collect()
    gpu.empty((1024,), np.float32)
    assert len(given() - before) == 1  # the GPU has work to do on it
    gpu.stream.synchronize()
    gpu.stream.run_later()
    assert (gpu.allocator.in_use, given() - before) == (0, set())


def test_a_capsule_that_nobody_takes_holds_its_array_until_there_is_another(gpu):
    array = gpu.array([1.0])
    kept = gpu.array([1.0]).__dlpack__(stream=-1)
    gpu.array([1.0]).__dlpack__(stream=-1)
    assert gpu.allocator.in_use == 3 * 512
    capsule = array.__dlpack__(stream=-1)
    gpu.stream.run_later()
    assert gpu.allocator.in_use == 2 * 512
    dlpack.opened(capsule)
    dlpack.opened(kept)


def test_who_refuses_an_array_says_so(gpu):
    with pytest.raises((BufferError, RuntimeError), match=r"(?i)unsupported device"):
        np.from_dlpack(gpu.array([1.0]))


def test_a_capsule_is_taken_once(gpu):
    capsule = gpu.array([1.0]).__dlpack__()
    dlpack.opened(capsule)
    with pytest.raises(ValueError, match="PyCapsule_GetPointer"):
        dlpack.opened(capsule)


def test_readers_on_another_stream_find_complete_elements(gpu, driver):
    array = gpu.array([1.0])
    gpu.stream.clear(array.address, 8)
    driver.calls.clear()
    array.__dlpack__(stream=1)
    assert driver.calls == {"EventRecord": 1, "EventSynchronize": 1}
    assert not driver.view(array.address, 1, "f8").any()
    with pytest.raises(BufferError, match=r"is on \(2, 0\), not on \(1, 0\)"):
        array.__dlpack__(dl_device=(1, 0))
    copied = dlpack.opened(array.__dlpack__(stream=-1, copy=True))
    assert copied.address != array.address


def test_a_copy_for_another_library_is_complete_when_it_is_given(gpu, driver):
    array = gpu.array([1.0, 2.0])
    found = dlpack.opened(array.__dlpack__(stream=1, copy=True))
    assert found.address != array.address
    np.testing.assert_array_equal(driver.view(found.address, 2, "f8"), [1.0, 2.0])


class Library:
    """Another library that works on the default stream, on memory of its own or of others."""

    def __init__(self, driver):
        self.driver, self.stream = driver, driver.default_stream()

    def array(self, gpu, value, kind):
        """An array on which the work is under way."""
        array = gpu.array(np.zeros(4, np.float32))
        self.fill(array, value)
        if kind == "capsule":
            return array.__dlpack__(stream=-1)
        old = Interface(array.address, (4,), version=2)
        old.array = array
        if kind == "dlpack":  # and an interface too, of an old version, as PyTorch has it
            old.__dlpack_device__ = array.__dlpack_device__
            old.__dlpack__ = lambda stream: (self.wait_for(stream), array.__dlpack__(stream=-1))[1]
        return old

    def wait_for(self, number):
        event = self.driver.create_event()
        self.driver.record(event, self.stream)
        self.driver.wait(self.driver._streams[number - 0x1000], event)

    def fill(self, array, value):
        def work():
            self.driver.view(array.address, 4, "f4")[:] = value

        self.stream.queue.append((work, None))

    def total(self, address, seen):
        self.stream.queue.append((lambda: seen.append(float(self.driver.view(address, 4, "f4").sum())), None))


@pytest.mark.parametrize("kind", ["interface", "dlpack", "capsule"])
def test_work_of_another_library_is_waited_for_before_its_array_is_read(driver, monkeypatch, kind):
    gpu = GPU(driver)
    monkeypatch.setattr(exchange, "the_gpu", lambda: gpu)
    given = Library(driver).array(gpu, 3, kind)
    array = gpu.share(given) if kind == "interface" else exchange.from_dlpack(given).known_array()
    np.testing.assert_array_equal(array.numpy(), 3)


@pytest.mark.parametrize("kind", ["interface", "dlpack", "capsule"])
def test_another_library_gets_its_array_back_when_the_gpu_has_read_it(driver, monkeypatch, kind):
    gpu = GPU(driver)
    monkeypatch.setattr(exchange, "the_gpu", lambda: gpu)
    given = Library(driver).array(gpu, 3, kind)
    array = gpu.share(given) if kind == "interface" else exchange.from_dlpack(given).known_array()
    copy = array.copy()
    held = gpu.allocator.in_use
    del array, given
    gc.collect()
    gpu.stream.run_later()
    assert gpu.allocator.in_use == held
    gpu.stream.synchronize()
    gpu.stream.run_later()
    assert gpu.allocator.in_use == held - 512
    np.testing.assert_array_equal(copy.numpy(), 3)


@pytest.mark.parametrize("kind", ["interface", "dlpack"])
def test_memory_that_another_library_still_reads_is_not_written_to(driver, kind):
    gpu, library, seen = GPU(driver), Library(driver), []
    array = gpu.array(np.full(4, 2, np.float32))
    taken = dlpack.opened(array.__dlpack__(stream=1)) if kind == "dlpack" else array.__cuda_array_interface__
    address = array.address
    library.total(address, seen)
    del array, taken
    gc.collect()
    following = gpu.array(np.full(4, 9, np.float32))
    assert following.address == address  # the same memory
    gpu.stream.synchronize()
    assert seen == [8.0]


def test_a_result_that_is_lent_is_read_where_it_lies_then(gpu):
    block = gpu.empty((16,), np.uint8)
    block.view().write(np.arange(16, dtype=np.uint8))
    result, read = Lent(gpu, block.address, (16,), np.uint8, Lender(block)), []
    thread = threading.Thread(target=lambda: read.extend([result.copy().numpy(), result.numpy()]))
    with gpu.stream.lock:  # the thread has begun when the lender runs again
        thread.start()
        thread.join(0.1)
        result.keep()
        gpu.clear(block)
    thread.join(5)
    np.testing.assert_array_equal(read, [range(16), range(16)])


@pytest.mark.parametrize("kind", ["interface", "dlpack"])
def test_a_result_that_is_lent_stays_where_others_see_it(gpu, driver, kind):
    block = gpu.array(np.arange(4, dtype=np.uint8))
    result = Lent(gpu, block.address, (4,), np.uint8, Lender(block))
    if kind == "dlpack":
        address = dlpack.opened(result.__dlpack__()).address
    else:
        address, _ = result.__cuda_array_interface__["data"]
    gpu.clear(block)
    gpu.stream.synchronize()
    np.testing.assert_array_equal(driver.view(address, 4, "u1"), range(4))


class OnTheHost:
    """A NumPy array that hands itself over by the code for DeviceArrays: NumPy is a reader to test it with."""

    def __init__(self, array):
        self.array, self.address = array, array.ctypes.data
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __dlpack_device__(self):
        return 1, 0

    def __dlpack__(self, **options):
        return dlpack.capsule(self)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint8", "uint32", "bool"])
def test_numpy_reads_our_capsules_and_we_read_its(dtype):
    values, before = np.arange(6).reshape(2, 3).astype(dtype), given()
    seen = np.from_dlpack(OnTheHost(values))
    np.testing.assert_array_equal(seen, values, strict=True)
    assert seen.ctypes.data == values.ctypes.data
    del seen
    assert given() <= before
    found = dlpack.opened(values.T.__dlpack__())
    assert (found.address, found.shape, found.strides, found.dtype) == (values.ctypes.data, (3, 2), (1, 3), dtype)


def test_dtypes_that_have_no_place_here_are_refused():
    with pytest.raises(ValueError, match="code 5, 64 bits and 1 lanes is not known"):
        dlpack.opened(np.zeros(3, np.complex64).__dlpack__())


def test_a_limit_is_passed_on():
    gpu = GPU(FakeDriver(), limit=1 << 20)
    with pytest.raises(MemoryError, match="the limit that was set is 1 MiB"):
        gpu.empty((1 << 20,), np.float32, "Conv2D")
