"""A GPU on the CPU: the driver's calls, done at once by this process, and its kernels by ``kernels/cuda/emulator``.

Everything above the driver is what a real GPU has: streams, the allocator, packed arguments, captures. So a program
that runs here takes the same way through the host's code, and its kernels have the same bounds; nothing is said about
speed.
"""

import ctypes
import itertools

import numpy as np

from microdl.core.kernels import support
from microdl.gpu.allocator import Allocator
from microdl.gpu.device import GPU
from microdl.gpu.driver import Properties
from microdl.gpu.errors import OUT_OF_MEMORY, DriverError
from microdl.gpu.launch import Function, Parameters
from microdl.gpu.timing import EmulatedClock

ALIGNMENT = 512
MEMORY = 8 << 30  # bytes that the emulated GPU has
UNWRITTEN = 255  # what its bytes are before anybody writes to them: NaN, and -1


class EmulatedDriver:
    """What ``driver.Driver`` is, without a GPU. Streams and events are numbers; functions are Kernels."""

    ordinal = 0

    def __init__(self):
        self.emulator = support("cuda.emulator.machine").Emulator()
        self._numbers = itertools.count(1)
        self._memory = {}  # address -> (bytes, array that holds them)
        self._noted = {}  # stream that is captured -> the calls
        self._parameters = {}  # Kernel -> Parameters

    def properties(self):
        return Properties("emulated GPU", (9, 0), 1, MEMORY, 227 << 10, (13, 0))

    # Memory

    def memory(self):
        return MEMORY - sum(nbytes for nbytes, _ in self._memory.values()), MEMORY

    def allocate(self, nbytes):
        if nbytes > self.memory()[0]:
            raise DriverError("cuMemAlloc", OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY")
        array = np.empty(nbytes + ALIGNMENT, np.uint8)
        address = -(-array.ctypes.data // ALIGNMENT) * ALIGNMENT
        self._memory[address] = nbytes, array
        return address

    def free(self, address):
        self.emulator.forget(address)
        del self._memory[address]

    def holds(self, address):
        """Whether an address lies in memory of the emulated GPU."""
        return any(start <= address < start + nbytes for start, (nbytes, _) in self._memory.items())

    allocate_host, free_host = allocate, free

    # Copies

    def copy_in(self, address, host, nbytes, stream):
        self._do(stream, ctypes.memmove, address, host, nbytes)

    copy = copy_in

    def copy_out(self, host, address, nbytes, stream):
        self._do(stream, ctypes.memmove, host, address, nbytes)

    def fill(self, address, byte, nbytes, stream):
        self._do(stream, ctypes.memset, address, byte, nbytes)

    def _do(self, stream, function, *args):
        noted = self._noted.get(stream)
        if noted is None:
            function(*args)
        else:
            noted.append((function, args))

    # Streams and events: everything has happened when a call returns

    def create_stream(self):
        return next(self._numbers)

    def default_stream(self):
        return 0

    def stream_number(self, stream):
        return stream

    def create_event(self, timing=False):
        return next(self._numbers)

    def happened(self, event):
        return True

    def milliseconds(self, start, end):
        raise NotImplementedError("an emulated GPU has no clock: its speed tells nothing about a real one's")

    def _nothing(self, *args):
        pass

    destroy_event = record = wait = synchronize_event = synchronize_number = _nothing

    # Kernels

    def allow_shared(self, function, nbytes):
        pass

    def launch(self, function, grid, threads, shared, stream, extra):
        parameters = self._parameters.get(function)
        if parameters is None:
            parameters = self._parameters[function] = Parameters(map(str, function.kinds))
        buffer = ctypes.cast(extra, ctypes.POINTER(ctypes.c_void_p))[1]
        values = parameters.struct.unpack(ctypes.string_at(buffer, parameters.struct.size))
        self._do(stream, self.emulator.launch, function, grid, threads, shared, values)

    # Graphs: lists of calls

    def begin_capture(self, stream):
        self._noted[stream] = []

    def is_capturing(self, stream):
        return stream in self._noted

    def end_capture(self, stream):
        return self._noted.pop(stream, [])

    def instantiate(self, graph):
        return graph

    destroy_graph = destroy_executable = _nothing

    def launch_graph(self, executable, stream):
        for function, args in executable:
            function(*args)


class Watched(Allocator):
    """Tells the emulator of every block, which kernels then may use: as many bytes as were asked for, not one more."""

    def allocate(self, nbytes, what="an array", exact=False):
        block = super().allocate(nbytes, what, exact)
        if nbytes:
            self.driver.emulator.name(block.address, nbytes, f"{what}, {nbytes} bytes")
            ctypes.memset(block.address, UNWRITTEN, nbytes)
        return block


class EmulatedGPU(GPU):
    """A GPU whose driver is an ``EmulatedDriver``."""

    emulated = True

    def __init__(self, limit=None):
        super().__init__(EmulatedDriver(), limit=limit)
        self.allocator = Watched(self.stream, limit)

    def clock(self):
        return EmulatedClock()

    def share(self, array):
        found = super().share(array)
        if not self.driver.holds(found.address):
            raise TypeError("this array is not in the memory of the emulated GPU; copy it: tf.constant(x).gpu()")
        return found

    def _loaded(self, kernel, threads, shared):
        return Function(self.stream, kernel, kernel.name, map(str, kernel.kinds), threads, shared)
