"""Launches: arguments lie as in a C struct, and reach the kernel."""

import ctypes
import threading

import numpy as np
import pytest
from hypothesis import given, strategies as st

import microdl as tf
from microdl.gpu.errors import CaptureError, DriverError
from microdl.gpu.launch import FORMATS, Function, Module, Packed, Parameters, entry
from microdl.gpu.stream import Stream
from tests.gpu.fake_driver import FakeDriver

C_TYPES = {
    "float32": ctypes.c_float, "float64": ctypes.c_double, "int32": ctypes.c_int32, "int64": ctypes.c_int64,
    "uint8": ctypes.c_uint8, "uint16": ctypes.c_uint16, "uint32": ctypes.c_uint32, "uint64": ctypes.c_uint64,
}  # fmt: skip
RANGES = {kind: (np.iinfo(kind).min, np.iinfo(kind).max) for kind in FORMATS if kind[0] != "f"}


@st.composite
def signatures(draw):
    kinds = draw(st.lists(st.sampled_from([*FORMATS, "float32*", "int32*"]), max_size=20))
    values = []
    for kind in kinds:
        if kind[-1] == "*":
            values.append(draw(st.integers(0, 2**63)))
        elif kind[0] == "f":
            values.append(draw(st.floats(width=32, allow_nan=False)))
        else:
            values.append(draw(st.integers(*RANGES[kind])))
    return kinds, values


@given(signatures())
def test_arguments_lie_as_in_a_c_struct(signature):
    kinds, values = signature
    types = [ctypes.c_void_p if kind[-1] == "*" else C_TYPES[kind] for kind in kinds]
    structure = type("Arguments", (ctypes.Structure,), {"_fields_": [(f"a{i}", t) for i, t in enumerate(types)]})
    parameters = Parameters(kinds)
    packed = Packed(parameters.struct.size)
    parameters.struct.pack_into(packed.buffer, 0, *values)
    read = structure.from_buffer_copy(packed.buffer.raw.ljust(ctypes.sizeof(structure), b"\0"))
    assert [getattr(read, f"a{i}") or 0 for i in range(len(kinds))] == values
    if kinds:
        last = getattr(structure, f"a{len(kinds) - 1}")
        assert parameters.struct.size == last.offset + last.size


def test_kinds_that_kernels_do_not_take_are_refused():
    with pytest.raises(ValueError, match=r"kernels take float32, .*not 'complex64\*'"):
        Parameters(["complex64*"])


@pytest.fixture
def module(stream):
    return Module(stream, b"image")


def test_arguments_reach_the_kernel(driver, stream, module):
    kinds = ["float32", "float32*", "int32", "uint64", "uint8", "float64", "int32*", "uint32"]
    mixed = module.function("mixed", kinds, (64, 2, 1))
    arguments = (1.5, 4096, -7, 2**64 - 1, 255, 1e300, 0, 2**32 - 1)
    mixed((3, 2, 1), *arguments)
    stream.synchronize()
    assert driver.launches == [("mixed", (3, 2, 1), (64, 2, 1), 0, arguments)]


def test_a_launch_does_not_see_the_arguments_of_the_next(driver, stream, allocator, module):
    scale = module.function("scale", ["float32*", "float32", "int32"], (256, 1, 1))
    block = allocator.allocate(16)
    stream.clear(block.address, 16)
    for factor in (2.0, 3.0, 4.0):  # nothing runs before the end
        scale((1, 1, 1), block, factor, 4)
    stream.synchronize()
    assert [arguments for *_, arguments in driver.launches] == [(block.address, f, 4) for f in (2.0, 3.0, 4.0)]


def test_a_bound_launch_keeps_its_arguments_alive(driver, stream, allocator, module):
    block, result = allocator.allocate(16), np.empty(4, np.float32)
    bound = module.function("scale", ["float32*", "float32", "int32"], (32, 1, 1)).bind((1, 1, 1), block, 2.0, 4)
    address = block.address
    stream.write(address, np.arange(4, dtype=np.float32))
    del block
    assert allocator.in_use == 512
    bound()
    bound()
    stream.read(address, result)
    np.testing.assert_array_equal(result, [0, 4, 8, 12])
    del bound
    assert allocator.in_use == 0


def test_a_launch_is_one_call_of_the_driver(driver, stream, module):
    scale = module.function("scale", ["float32*", "float32", "int32"], (32, 1, 1))
    bound = scale.bind((1, 1, 1), 0, 2.0, 0)
    driver.calls.clear()
    bound()
    scale((1, 1, 1), 0, 2.0, 0)
    assert driver.calls == {"LaunchKernel": 2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1.0), r"scale takes 3 arguments \(float32\*, float32, int32\), got 2"),
        ((0, 1.0, 2**31), "scale: argument 2 is 2147483648, which is no int32"),
        ((0, "one", 1), "scale: argument 1 is 'one', which is no float32"),
        (
            (np.zeros(3), 1.0, 1),
            r"scale: argument 0 is a ndarray of shape \(3,\), which is no float32\*: .*device\(\).array\(x\)",
        ),
        (
            (tf.zeros((2, 2)), 1.0, 1),
            r"scale: argument 0 is a \w*Tensor of shape \(2, 2\), which is no float32\*: .* x.gpu\(\).array",
        ),
        (([1.0] * 100, 1.0, 1), r"scale: argument 0 is \[1.0, 1.0, .*\.\.\.\], which is no float32\*"),
    ],
)
def test_wrong_arguments_are_named(module, arguments, message):
    scale = module.function("scale", ["float32*", "float32", "int32"], (32, 1, 1))
    with pytest.raises(TypeError, match=message):
        scale((1, 1, 1), *arguments)
    with pytest.raises(TypeError, match=message):
        scale.bind((1, 1, 1), *arguments)


def test_much_shared_memory_is_asked_for_once(driver, module):
    small = module.function("scale", ["float32*", "float32", "int32"], (32, 1, 1), shared=48 << 10)
    assert driver.calls["FuncSetAttribute"] == 0
    large = module.function("axpy", ["float32*", "float32*", "float32*", "int32"], (32, 1, 1), shared=100 << 10)
    for _ in range(3):
        large((1, 1, 1), 0, 0, 0, 0)
    small((1, 1, 1), 0, 0.0, 0)
    assert driver.shared_limits == {"axpy": 100 << 10}
    assert driver.calls["FuncSetAttribute"] == 1
    assert repr(large).endswith("100 KiB of dynamic shared memory>")


def test_errors_of_a_launch_say_what_may_be_wrong(module):
    scale = module.function("scale", ["float32*", "float32", "int32"], (1025, 1, 1))
    with pytest.raises(DriverError, match=r"CUDA_ERROR_INVALID_VALUE \(1\): .*more than 1024 threads") as caught:
        scale((1, 1, 1), 0, 1.0, 1)
    assert (caught.value.call, caught.value.code) == ("cuLaunchKernel", 1)


def test_a_kernel_is_not_loaded_in_a_capture(stream):
    with stream.capture(), pytest.raises(CaptureError, match="loads a kernel that has not run before"):
        Module(stream, b"image")


def test_threads_do_not_mix_their_arguments():
    driver = FakeDriver(kernels={"note": ("@QQ", lambda view, a, b: None)})
    stream, launch = Stream(driver), driver.launch
    note = Function(stream, "note", "note", ["uint64", "uint64"], (1, 1, 1))
    other = threading.Thread(target=note, args=((1, 1, 1), 3, 4))

    def interrupted(*args):
        driver.launch = launch
        other.start()
        other.join(0.2)  # it would have time to pack its arguments
        launch(*args)

    driver.launch = interrupted
    note((1, 1, 1), 1, 2)
    other.join(5)
    stream.synchronize()
    assert [arguments for *_, arguments in driver.launches] == [(1, 2), (3, 4)]


def test_the_entry_of_a_ptx_module_is_found():
    assert entry(".version 9.0\n.visible .entry _ZN3relu$x(\n.param .u64 a)") == "_ZN3relu$x"
    with pytest.raises(ValueError, match="no kernel"):
        entry(".version 9.0")
