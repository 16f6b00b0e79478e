"""CUDA's driver: the few of its calls that are needed, with Python's numbers in and out.

The rest of this package sees a ``Driver`` and nothing else of CUDA, so tests put a fake one in its place. Addresses are
ints; streams, events, modules, functions and graphs are what the package cuda-bindings makes them, passed on unread.
That package is imported when a ``Driver`` is made, not before.
"""

import ctypes
import importlib
import sys
import threading
from typing import Any, NamedTuple

from microdl.core.errors import NoDeviceError
from microdl.gpu.errors import NO_DEVICE, NOT_READY, DriverError

INSTALL = 'python -m pip install "microdl[cuda]"'
LIBRARIES = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1", "libcuda.so")

# From cuda.h: CUdevice_attribute, flags, modes.
_MULTIPROCESSORS, _MAJOR, _MINOR, _SHARED_BYTES, _L2_BYTES = 16, 75, 76, 97, 38
_NON_BLOCKING = 1  # a stream that does not wait for the default stream
_DISABLE_TIMING = 2  # makes an event cheaper
_LEGACY = 1  # the default stream, by whichever name a program's own has
_EXTERNAL = 1  # a record of an event that is a node of a graph
_DYNAMIC_SHARED_BYTES = 8  # CUfunction_attribute
_CAPTURING = 1  # CUstreamCaptureStatus


class Properties(NamedTuple):
    """What a GPU is.

    Attributes:
        name: by its maker. capability: compute capability, (major, minor). multiprocessors: how many.
        nbytes: of its memory. shared_nbytes: of shared memory that one block may have. driver: version of CUDA that the
            driver knows, (major, minor). l2_nbytes: of the cache before its memory; 0 where that means nothing.
    """

    name: str
    capability: tuple[int, int]
    multiprocessors: int
    nbytes: int
    shared_nbytes: int
    driver: tuple[int, int]
    l2_nbytes: int = 0


class _Attached(threading.local):
    done = False  # whether the GPU is the one of this thread's calls


class Driver:
    """One GPU through its primary context, which other libraries in the process share.

    Args: ordinal: int, which GPU.
    Raises: NoDeviceError if there is none, naming what is missing.
    """

    def __init__(self, ordinal=0):
        self._cuda = cuda = _bindings()
        self._attached, self._context = _Attached(), None
        self._thread_local = cuda.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        self._shared_attribute = cuda.CUfunction_attribute(_DYNAMIC_SHARED_BYTES)
        self._launch, self._launch_graph = cuda.cuLaunchKernel, cuda.cuGraphLaunch
        try:
            self._call("cuInit", 0)
            count = self._call("cuDeviceGetCount")
        except DriverError as error:
            if error.code == NO_DEVICE:
                raise NoDeviceError("there is no GPU that CUDA can use here") from error
            raise NoDeviceError(f"CUDA's driver does not start: {error}") from error
        except RuntimeError as error:  # of cuda-bindings, which loads the driver's library at the first call
            raise NoDeviceError(f"NVIDIA's driver is not installed here ({error})") from error
        if not 0 <= ordinal < count:
            raise NoDeviceError(f"there is no GPU {ordinal}; those here: {', '.join(map(str, range(count))) or 'none'}")
        self._device = self._call("cuDeviceGet", ordinal)
        self.ordinal = ordinal
        self._context = self._call("cuDevicePrimaryCtxRetain", self._device)
        self._attach()

    def _call(self, name, *args) -> Any:
        self._attach()
        error, *results = getattr(self._cuda, name)(*args)
        if int(error):
            raise self._error(name, error)
        return results[0] if len(results) == 1 else results

    def _error(self, call, error):
        return DriverError(call, int(error), getattr(error, "name", "an unknown error"))

    def _attach(self):
        """Makes the GPU the one of this thread's calls, once."""
        if not self._attached.done and self._context is not None:
            (error,) = self._cuda.cuCtxSetCurrent(self._context)
            if int(error):
                raise self._error("cuCtxSetCurrent", error)
            self._attached.done = True

    def properties(self):
        """The ``Properties`` of the GPU."""
        multiprocessors, major, minor, shared, l2 = (
            self._call("cuDeviceGetAttribute", self._cuda.CUdevice_attribute(which), self._device)
            for which in (_MULTIPROCESSORS, _MAJOR, _MINOR, _SHARED_BYTES, _L2_BYTES)
        )
        name = self._call("cuDeviceGetName", 128, self._device).split(b"\0")[0].decode()
        version = self._call("cuDriverGetVersion")
        nbytes = int(self._call("cuDeviceTotalMem", self._device))
        return Properties(
            name, (major, minor), multiprocessors, nbytes, shared, (version // 1000, version % 1000 // 10), l2
        )

    # Memory

    def memory(self):
        """(free, total): bytes on the GPU, counting all processes."""
        free, total = self._call("cuMemGetInfo")
        return int(free), int(total)

    def allocate(self, nbytes):
        """The address of ``nbytes`` > 0 on the GPU, a multiple of 256."""
        return int(self._call("cuMemAlloc", nbytes))

    def free(self, address):
        """Gives memory back; waits for the work that was issued before."""
        self._call("cuMemFree", address)

    def allocate_host(self, nbytes):
        """The address of ``nbytes`` > 0 of pinned memory of the host, which the GPU copies from and to by itself."""
        return int(self._call("cuMemHostAlloc", nbytes, 0))

    def free_host(self, address):
        self._call("cuMemFreeHost", address)

    # Copies: issued, not awaited. Memory of the host must be pinned, or the call waits for the copy.

    def copy_in(self, address, host, nbytes, stream):
        """``nbytes`` from the host's memory at ``host`` to the GPU's at ``address``."""
        self._call("cuMemcpyHtoDAsync", address, host, nbytes, stream)

    def copy_out(self, host, address, nbytes, stream):
        self._call("cuMemcpyDtoHAsync", host, address, nbytes, stream)

    def copy(self, target, source, nbytes, stream):
        """``nbytes`` within the GPU's memory."""
        self._call("cuMemcpyDtoDAsync", target, source, nbytes, stream)

    def fill(self, address, byte, nbytes, stream):
        self._call("cuMemsetD8Async", address, byte, nbytes, stream)

    # Streams and events

    def create_stream(self):
        return self._call("cuStreamCreate", _NON_BLOCKING)

    def default_stream(self):
        """CUDA's default stream, the one that work of most libraries goes to."""
        return self._cuda.CUstream(_LEGACY)

    def stream_number(self, stream):
        """The stream as other libraries name it."""
        return int(stream)

    def synchronize_number(self, number):
        """Waits for a stream of another library, which names it by a number."""
        self._call("cuStreamSynchronize", self._cuda.CUstream(number))

    def create_event(self, timing=False):
        return self._call("cuEventCreate", 0 if timing else _DISABLE_TIMING)

    def destroy_event(self, event):
        self._call("cuEventDestroy", event)

    def record(self, event, stream):
        """The event will have happened when all that was issued on the stream so far is done."""
        self._call("cuEventRecord", event, stream)

    def record_in_graph(self, event, stream):
        """The same for a graph that is being captured: whenever it runs."""
        self._call("cuEventRecordWithFlags", event, stream, _EXTERNAL)

    def wait(self, stream, event):
        """What is issued on the stream from now on waits for the event; one that was never recorded has happened."""
        self._call("cuStreamWaitEvent", stream, event, 0)

    def synchronize_event(self, event):
        self._call("cuEventSynchronize", event)

    def happened(self, event):
        """Whether an event has happened."""
        self._attach()
        (error,) = self._cuda.cuEventQuery(event)
        if int(error) not in (0, NOT_READY):
            raise self._error("cuEventQuery", error)
        return int(error) == 0

    def milliseconds(self, start, end):
        """Between two events that were created with ``timing`` and have happened."""
        return float(self._call("cuEventElapsedTime", start, end))

    # Kernels

    def load(self, image):
        """A module. image: bytes, a cubin, or PTX, which the driver compiles."""
        return self._call("cuModuleLoadData", image if image.startswith(b"\x7fELF") else image + b"\0")

    def function(self, module, name):
        """The kernel ``name`` of a module."""
        return self._call("cuModuleGetFunction", module, name.encode())

    def allow_shared(self, function, nbytes):
        """Lets launches of a kernel ask for up to ``nbytes`` of dynamic shared memory; else 48 KiB are the most."""
        self._call("cuFuncSetAttribute", function, self._shared_attribute, nbytes)

    def launch(self, function, grid, threads, shared, stream, extra):
        """Launches a kernel. ``grid``, ``threads``: three ints each; ``extra``: the address of what cuda.h calls so."""
        self._attach()
        (error,) = self._launch(function, *grid, *threads, shared, stream, 0, extra)
        if int(error):
            raise self._error("cuLaunchKernel", error)

    # Graphs

    def begin_capture(self, stream):
        """What this thread issues on the stream is noted down from now on, not done; other threads are not hindered."""
        self._call("cuStreamBeginCapture", stream, self._thread_local)

    def is_capturing(self, stream):
        """Whether the stream is captured and nothing has spoiled it."""
        return int(self._call("cuStreamIsCapturing", stream)) == _CAPTURING

    def end_capture(self, stream):
        """The graph of what was noted down."""
        return self._call("cuStreamEndCapture", stream)

    def instantiate(self, graph):
        """A graph, made ready to be launched."""
        return self._call("cuGraphInstantiate", graph, 0)

    def destroy_graph(self, graph):
        self._call("cuGraphDestroy", graph)

    def destroy_executable(self, executable):
        self._call("cuGraphExecDestroy", executable)

    def launch_graph(self, executable, stream):
        self._attach()
        (error,) = self._launch_graph(executable, stream)
        if int(error):
            raise self._error("cuGraphLaunch", error)


def library():
    """The driver as a library that ctypes has loaded, or None where it is not installed."""
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _bindings() -> Any:
    try:
        return importlib.import_module("cuda.bindings.driver")
    except ImportError as error:
        if library() is None:  # first things first: without it the package would be of no use
            raise NoDeviceError(f"NVIDIA's driver is not installed here (no {LIBRARIES[0]})") from error
        raise NoDeviceError(f"GPUs are reached through the package cuda-bindings ({error}): {INSTALL}") from error
