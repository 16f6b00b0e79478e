"""Arrays on the GPU, and arrays of other libraries there: the same memory, nothing copied."""

import gc

import numpy as np
import pytest

from microdl.gpu import dlpack
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
    assert gpu.share(own) is own


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


def test_dlpack_shares_the_memory_and_gives_it_back(gpu, driver):
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
    del shared
    gc.collect()
    assert (gpu.allocator.in_use, dlpack._given) == (0, {})


def test_a_capsule_that_nobody_takes_holds_nothing(gpu):
    capsule = gpu.array([1.0]).__dlpack__(stream=-1)
    assert gpu.allocator.in_use == 512
    del capsule
    assert gpu.allocator.in_use == 0


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
    values = np.arange(6).reshape(2, 3).astype(dtype)
    seen = np.from_dlpack(OnTheHost(values))
    np.testing.assert_array_equal(seen, values, strict=True)
    assert seen.ctypes.data == values.ctypes.data
    del seen
    gc.collect()
    assert dlpack._given == {}
    found = dlpack.opened(values.T.__dlpack__())
    assert (found.address, found.shape, found.strides, found.dtype) == (values.ctypes.data, (3, 2), (1, 3), dtype)


def test_dtypes_that_have_no_place_here_are_refused():
    with pytest.raises(ValueError, match="code 5, 64 bits and 1 lanes is not known"):
        dlpack.opened(np.zeros(3, np.complex64).__dlpack__())


def test_a_limit_is_passed_on():
    gpu = GPU(FakeDriver(), limit=1 << 20)
    with pytest.raises(MemoryError, match="the limit that was set is 1 MiB"):
        gpu.empty((1 << 20,), np.float32, "Conv2D")
