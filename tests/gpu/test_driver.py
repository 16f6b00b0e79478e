"""The calls of CUDA's driver: their arguments, results and errors, on a stand-in for cuda-bindings."""

import enum
import inspect
import re
import sys
import threading
import types

import pytest

from microdl.core.errors import NoDeviceError
from microdl.gpu import driver as driver_module
from microdl.gpu.driver import Driver
from microdl.gpu.errors import DriverError
from tests.gpu.fake_driver import FakeDriver


class CUresult(enum.IntEnum):
    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_NOT_INITIALIZED = 3
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_NOT_READY = 600
    CUDA_ERROR_UNKNOWN = 999


ATTRIBUTES = {16: 132, 75: 9, 76: 0, 97: 232448, 38: 50 << 20}
RESULTS = {
    "cuDeviceGetCount": (2,),
    "cuDeviceGet": ("device",),
    "cuDevicePrimaryCtxRetain": ("context",),
    "cuDeviceGetName": (b"A GPU\0\0\0",),
    "cuDriverGetVersion": (13010,),
    "cuDeviceTotalMem": (1 << 30,),
    "cuMemGetInfo": (5, 7),
    "cuMemAlloc": (4096,),
    "cuMemHostAlloc": (8192,),
    "cuStreamCreate": (77,),
    "cuEventCreate": ("event",),
    "cuEventElapsedTime": (1.5,),
    "cuModuleLoadData": ("module",),
    "cuModuleGetFunction": ("function",),
    "cuStreamEndCapture": ("graph",),
    "cuStreamIsCapturing": (1,),
    "cuGraphInstantiate": ("executable",),
}


class Bindings(types.SimpleNamespace):
    """``cuda.bindings.driver``: notes its calls."""

    def __init__(self):
        mode = types.SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL="thread local")
        super().__init__(
            calls=[],
            errors={},
            CUstreamCaptureMode=mode,
            CUfunction_attribute=int,
            CUdevice_attribute=int,
            CUstream=int,
        )

    def __getattr__(self, name):
        if not name.startswith("cu"):
            raise AttributeError(name)

        def call(*args):
            self.calls.append((name, *args))
            error = CUresult(self.errors.get(name, 0))
            results = (ATTRIBUTES[args[0]],) if name == "cuDeviceGetAttribute" else RESULTS.get(name, ())
            return (error, *results)

        return call


@pytest.fixture
def bindings(monkeypatch):
    found = Bindings()
    monkeypatch.setattr(driver_module, "_bindings", lambda: found)
    return found


CALLS = [  # (call, its arguments and result, what the driver is asked)
    (lambda d: d.memory(), (5, 7), ("cuMemGetInfo",)),
    (lambda d: d.allocate(100), 4096, ("cuMemAlloc", 100)),
    (lambda d: d.free(4096), None, ("cuMemFree", 4096)),
    (lambda d: d.allocate_host(100), 8192, ("cuMemHostAlloc", 100, 0)),
    (lambda d: d.copy_in(1, 2, 3, 77), None, ("cuMemcpyHtoDAsync", 1, 2, 3, 77)),
    (lambda d: d.copy_out(2, 1, 3, 77), None, ("cuMemcpyDtoHAsync", 2, 1, 3, 77)),
    (lambda d: d.copy(1, 2, 3, 77), None, ("cuMemcpyDtoDAsync", 1, 2, 3, 77)),
    (lambda d: d.fill(1, 0, 3, 77), None, ("cuMemsetD8Async", 1, 0, 3, 77)),
    (lambda d: d.create_stream(), 77, ("cuStreamCreate", 1)),
    (lambda d: d.create_event(), "event", ("cuEventCreate", 2)),
    (lambda d: d.create_event(timing=True), "event", ("cuEventCreate", 0)),
    (lambda d: d.wait(77, "event"), None, ("cuStreamWaitEvent", 77, "event", 0)),
    (lambda d: d.record("event", 77), None, ("cuEventRecord", "event", 77)),
    (lambda d: d.record_in_graph("event", 77), None, ("cuEventRecordWithFlags", "event", 77, 1)),
    (lambda d: d.milliseconds("a", "b"), 1.5, ("cuEventElapsedTime", "a", "b")),
    (lambda d: d.happened("event"), True, ("cuEventQuery", "event")),
    (lambda d: d.load(b".version 9.0"), "module", ("cuModuleLoadData", b".version 9.0\0")),
    (lambda d: d.load(b"\x7fELF..."), "module", ("cuModuleLoadData", b"\x7fELF...")),
    (lambda d: d.function("module", "relu"), "function", ("cuModuleGetFunction", "module", b"relu")),
    (lambda d: d.allow_shared("f", 9), None, ("cuFuncSetAttribute", "f", 8, 9)),
    (
        lambda d: d.launch("f", (1, 2, 3), (4, 5, 6), 7, 77, 8),
        None,
        ("cuLaunchKernel", "f", 1, 2, 3, 4, 5, 6, 7, 77, 0, 8),
    ),
    (lambda d: d.begin_capture(77), None, ("cuStreamBeginCapture", 77, "thread local")),
    (lambda d: d.is_capturing(77), True, ("cuStreamIsCapturing", 77)),
    (lambda d: d.end_capture(77), "graph", ("cuStreamEndCapture", 77)),
    (lambda d: d.instantiate("graph"), "executable", ("cuGraphInstantiate", "graph", 0)),
    (lambda d: d.launch_graph("executable", 77), None, ("cuGraphLaunch", "executable", 77)),
    (lambda d: d.synchronize_number(1), None, ("cuStreamSynchronize", 1)),
]


@pytest.mark.parametrize(("call", "result", "asked"), CALLS, ids=[asked[0] for *_, asked in CALLS])
def test_each_call_asks_the_driver_once(bindings, call, result, asked):
    driver = Driver()
    bindings.calls.clear()
    found = call(driver)
    assert found == result
    assert bindings.calls == [asked]


@pytest.mark.parametrize(("call", "result", "asked"), CALLS, ids=[asked[0] for *_, asked in CALLS])
def test_each_error_names_the_call(bindings, call, result, asked):
    driver = Driver()
    bindings.errors[asked[0]] = 999
    with pytest.raises(DriverError, match=re.escape(f"{asked[0]} failed with CUDA_ERROR_UNKNOWN (999)")):
        call(driver)


def test_a_child_of_a_process_that_used_the_gpu_is_told_what_to_do(bindings):
    driver = Driver()
    bindings.errors["cuMemAlloc"] = 3  # as CUDA answers in a child that was forked
    with pytest.raises(DriverError, match=r"was forked from one that used a GPU .*set_start_method\('spawn'\)"):
        driver.allocate(8)


def test_an_event_that_has_not_happened_is_no_error(bindings):
    bindings.errors["cuEventQuery"] = 600
    assert Driver().happened("event") is False


def test_properties_tell_what_the_gpu_is(bindings):
    assert Driver().properties() == ("A GPU", (9, 0), 132, 1 << 30, 232448, (13, 1), 50 << 20)


@pytest.mark.parametrize(("call", "result", "asked"), CALLS, ids=[asked[0] for *_, asked in CALLS])
def test_every_call_makes_the_gpu_current_in_a_new_thread(bindings, call, result, asked):
    driver = Driver(1)
    assert ("cuDeviceGet", 1) in bindings.calls
    bindings.calls.clear()
    thread = threading.Thread(target=lambda: [call(driver) for _ in range(2)])
    thread.start()
    thread.join()
    assert bindings.calls == [("cuCtxSetCurrent", "context"), asked, asked]


def test_what_is_missing_is_named(bindings, monkeypatch):
    with pytest.raises(NoDeviceError, match="there is no GPU 2; those here: 0, 1"):
        Driver(2)
    bindings.errors["cuInit"] = 100
    with pytest.raises(NoDeviceError, match="there is no GPU that CUDA can use here"):
        Driver()
    bindings.errors["cuInit"] = 999
    with pytest.raises(
        NoDeviceError, match=r"CUDA's driver does not start: cuInit failed with CUDA_ERROR_UNKNOWN \(999\)"
    ):
        Driver()

    def no_library(flags):
        raise RuntimeError("libcuda.so.1 is not there")

    bindings.cuInit = no_library
    with pytest.raises(NoDeviceError, match=r"NVIDIA's driver is not installed here \(libcuda.so.1 is not there\)"):
        Driver()


def test_without_cuda_bindings_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings.driver", None)
    monkeypatch.setattr(driver_module, "library", lambda: None)  # the driver comes first
    with pytest.raises(NoDeviceError, match=r"NVIDIA's driver is not installed here \(no \w+[.\w]*\)"):
        Driver()
    monkeypatch.setattr(driver_module, "library", object)
    with pytest.raises(
        NoDeviceError, match=re.escape("cuda-bindings (") + ".*" + re.escape('pip install "microdl[cuda]"')
    ):
        Driver()


def test_the_fake_driver_has_the_same_calls():
    def calls(kind):
        functions = inspect.getmembers(kind, inspect.isfunction)
        return {name: list(inspect.signature(f).parameters) for name, f in functions if not name.startswith("_")}

    fake = calls(FakeDriver)
    for own in ("fail", "view"):
        del fake[own]
    assert fake == calls(Driver)


def test_cuda_bindings_has_all_the_calls():
    reason = "cuda-bindings is not installed, whose calls this compares"
    real = pytest.importorskip("cuda.bindings.driver", reason=reason, exc_type=ImportError)
    used = set(re.findall(r"\bcu[A-Z]\w+", inspect.getsource(driver_module)))
    assert len(used) > 30
    assert {name for name in used if not hasattr(real, name)} == set()
