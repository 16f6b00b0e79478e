"""A GPU as a device: where arrays live, and how ops and kernels run there. Beside it: ``core/device.CPU``."""

import contextlib
import math
import threading
from typing import Any

import numpy as np

from microdl.core.kernels import Kernels, support
from microdl.gpu.allocator import Allocator
from microdl.gpu.array import DeviceArray, imported
from microdl.gpu.capture import Step
from microdl.gpu.driver import Driver
from microdl.gpu.launch import Module, entry
from microdl.gpu.stream import Stream


class GPU:
    """Arrays are DeviceArrays on one GPU; kernels are those of ``kernels/cuda``.

    Args:
        driver: the Driver, by default of the GPU ``ordinal``. kernels: the families of kernels.
        limit: int, bytes of memory to take at most; None: what there is.

    Attributes:
        stream: the Stream of all work. allocator: the Allocator of all memory.
    """

    def __init__(self, driver=None, ordinal=0, kernels=None, limit=None):
        self.driver: Any = Driver(ordinal) if driver is None else driver
        self.kernels = Kernels("cuda") if kernels is None else kernels
        self.name = f"/job:localhost/replica:0/task:0/device:GPU:{self.driver.ordinal}"
        self.stream = Stream(self.driver)
        self.allocator = Allocator(self.stream, limit)
        self._functions = {}  # Kernel -> Function
        self._local = _Local()

    # Arrays

    def empty(self, shape, dtype, what="an array"):
        """A new array, its elements arbitrary. what: what for, for messages about memory."""
        dtype = np.dtype(dtype)
        block = self.allocator.allocate(math.prod(shape) * dtype.itemsize, what)
        return DeviceArray(self, block.address, shape, dtype, block)

    def array(self, values):
        """A copy of an array of the host."""
        values = np.asarray(values)
        result = self.empty(values.shape, values.dtype)
        result.write(values)
        return result

    def share(self, array):
        """A DeviceArray with the memory of another library's array on this GPU; see ``array.imported``."""
        return imported(self, array)

    # Ops

    def run(self, op, arrays, specs, attrs, prepared=None):
        """The arrays of an op's outputs, as ``CPU.run`` gives them."""
        self.driver.attach()
        if op.view:
            return (op.run(self.kernels, *arrays, **attrs),)
        outputs = [self.empty(spec.shape, spec.dtype.as_numpy_dtype, op.name) for spec in specs]
        op.run(self.kernels, *arrays, *outputs, **attrs)
        return outputs

    # Kernels

    def launch(self, kernel, grid, threads, shared, args):
        """Launches a ``kernels.cuda.launch.Kernel``, which is compiled and loaded when it is first launched."""
        function = self._functions.get(kernel)
        if function is None:
            function = self._functions[kernel] = self._loaded(kernel, threads, shared)
        noted = self._local.noted
        if noted is None:
            function(grid, *args)
        else:
            noted.append(Step(kernel.name, function.bind(grid, *args)))
            noted[-1].call()

    def _loaded(self, kernel, threads, shared):
        self.stream.forbid_in_capture(f"compiles and loads the kernel {kernel.name}, which has not run before")
        text = compiled(kernel, threads, self.driver.properties().capability)
        kinds = [str(kind) for kind in kernel.signature]
        return Module(self.stream, text.encode()).function(kernel.name, kinds, threads, shared, entry(text))

    @contextlib.contextmanager
    def recording(self):
        """Yields a list, to which this thread's launches inside are added as Steps (``capture.py``). They run too."""
        around, self._local.noted = self._local.noted, []
        try:
            yield self._local.noted
        finally:
            self._local.noted = around


class _Local(threading.local):
    noted: list | None = None  # the Steps of this thread's recording


def compiled(kernel, threads, capability):
    """The PTX of a kernel for blocks of ``threads`` on GPUs of a compute capability."""
    threads = math.prod(threads)
    return support("cuda.target").ptx(kernel.function, kernel.signature, capability, threads, kernel.blocks_at_once)
