"""A GPU as a device: where arrays live, and how ops and kernels run there. Beside it: ``core/device.CPU``."""

import contextlib
import importlib
import math
import os
import threading
from functools import partial
from typing import Any

import numpy as np

from microdl.core.errors import NoDeviceError, NoKernel
from microdl.core.kernels import Kernels, support
from microdl.gpu import timing
from microdl.gpu.allocator import Allocator
from microdl.gpu.array import DeviceArray, imported
from microdl.gpu.capture import Step
from microdl.gpu.driver import Driver
from microdl.gpu.errors import UNSUPPORTED_PTX, DriverError
from microdl.gpu.launch import Module, entry
from microdl.gpu.stream import Stream

TABLES = 4096  # that are kept


class GPU:
    """Arrays are DeviceArrays on one GPU; kernels are those of ``kernels/cuda``.

    Args:
        driver: the Driver, by default of the GPU ``ordinal``. kernels: the families of kernels.
        limit: int, bytes of memory to take at most; None: what there is.

    Attributes:
        emulated: bool, whether the CPU plays its part.
        stream: the Stream of all computing. copying: the Stream of copies that do not wait for it.
        allocator: the Allocator of all memory.
    """

    emulated = False

    def __init__(self, driver=None, ordinal=0, kernels=None, limit=None):
        self.driver: Any = Driver(ordinal) if driver is None else driver
        self.kernels: Any = Families("cuda") if kernels is None else kernels
        self.name = f"/job:localhost/replica:0/task:0/device:GPU:{self.driver.ordinal}"
        self.stream = Stream(self.driver)
        self.copying = Stream(self.driver, self.stream)
        self.allocator = Allocator(self.stream, limit)
        self._functions = {}  # Kernel -> Function
        self._tables = {}  # shape, dtype and bytes -> DeviceArray
        self._local = _Local()

    # Arrays

    def empty(self, shape, dtype, what="an array", exact=False):
        """A new array, its elements arbitrary. shape: tuple, or an int. what, exact: as the Allocator takes them."""
        dtype, shape = np.dtype(dtype), (shape,) if type(shape) is int else shape
        block = self.allocator.allocate(math.prod(shape) * dtype.itemsize, what, exact)
        return DeviceArray(self, block.address, shape, dtype, block)

    def array(self, values):
        """A copy of an array of the host."""
        values = np.asarray(values)
        result = self.empty(values.shape, values.dtype)
        self.stream.write(result, np.asarray(values, order="C"))
        return result

    def table(self, values):
        """A shared copy of a small array of numbers by which kernels find their way, which nobody writes to."""
        values = np.asarray(values)
        key = values.shape, values.dtype.str, values.tobytes()
        table = self._tables.get(key)
        if table is None:
            if len(self._tables) >= TABLES:
                self._tables.clear()
            table = self._tables[key] = self.array(values)
        return table

    def copy(self, target, source):
        """Copies the elements of one DeviceArray to another of the same size."""
        self._issue("copy", partial(self.stream.copy, target, source, source.nbytes), (target, source))

    def clear(self, array):
        """Sets all elements to zero."""
        self._issue("clear", partial(self.stream.clear, array, array.nbytes), (array,))

    def share(self, array):
        """A DeviceArray with the memory of another library's array on this GPU; see ``array.imported``."""
        return imported(self, array)

    def clock(self):
        """A ``timing.Clock`` of this GPU, from now on."""
        return timing.Clock(self.stream)

    # Ops

    def run(self, op, arrays, specs, attrs, prepared=None):
        """The arrays of an op's outputs, as ``CPU.run`` gives them."""
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
        function.parameters.check(kernel.name, args)
        self._local.launches += 1
        if self._local.noted is None:
            function(grid, *args)
        else:
            self._issue(kernel.name, function.bind(grid, *args), args)

    @property
    def launches(self):
        """How many kernels this thread has launched, or noted down."""
        return self._local.launches

    @property
    def is_noting(self):
        """Whether this thread notes down what it issues."""
        return self._local.noted is not None

    def _issue(self, name, call, arrays):
        """Makes a call that issues work; while this thread notes down, it notes the call down instead."""
        noted = self._local.noted
        if noted is None:
            call()
        else:
            noted.append(Step(name, call, keep=arrays))

    def _loaded(self, kernel, threads, shared):
        self.stream.forbid_in_capture(f"compiles and loads the kernel {kernel.name}, which has not run before")
        capability = self.driver.properties().capability
        text = compiled(kernel, threads, capability)
        try:
            module = Module(self.stream, text.encode())
        except DriverError as error:
            if error.code != UNSUPPORTED_PTX:
                raise
            text = compiled(kernel, threads, capability, anew=True)  # a newer toolkit than today's may have made it
            module = Module(self.stream, text.encode())
        kinds = [str(kind) for kind in kernel.kinds]
        return module.function(kernel.name, kinds, threads, shared, entry(text))

    @contextlib.contextmanager
    def noting(self):
        """Yields a list, to which this thread's work inside is added as Steps (``capture.py``); it is not done."""
        around = self._local.noted
        try:
            self._local.noted = []
            yield self._local.noted
        finally:
            self._local.noted = around


class Families(Kernels):
    """The families of kernels of a GPU. What they have not raises NoKernel."""

    def __getattr__(self, family):
        try:
            module = super().__getattr__(family)
        except ModuleNotFoundError as error:
            raise NoKernel(f"kernels.{family}") from error
        setattr(self, family, _Family(family, module))
        return getattr(self, family)


class _Family:
    """A module of kernels; its functions become attributes when they are first asked for."""

    def __init__(self, name, module):
        self._name, self._module = name, module

    def __getattr__(self, name):
        found = getattr(self._module, name, None)
        if found is None:
            raise NoKernel(f"kernels.{self._name}.{name}")
        setattr(self, name, found)
        return found


class _Local(threading.local):
    noted: list | None = None  # the Steps of this thread's recording
    launches = 0


def compiled(kernel, threads, capability, anew=False):
    """The PTX of a kernel for blocks of ``threads`` on GPUs of a compute capability; kept on disk, unless ``anew``."""
    return support("cuda.stored").ptx(kernel, math.prod(threads), capability, anew)


def the_gpu():
    """The GPU that the environment asks for: ``MICRODL_GPU`` is ``emulate``, ``off``, or nothing for a real one.

    Raises: NoDeviceError, which says what is missing. ValueError for another word.
    """
    chosen = os.environ.get("MICRODL_GPU", "")
    if chosen not in ("", "emulate", "off"):
        raise ValueError(f"MICRODL_GPU is {chosen!r}; it can be emulate, off, or nothing for a GPU that is there")
    if chosen == "off":
        raise NoDeviceError("MICRODL_GPU is off")
    gpu: Any = None if chosen == "emulate" else GPU()
    try:
        launch = support("cuda.launch")
    except ImportError as error:
        raise NoDeviceError(str(error)) from error
    if gpu is None:
        gpu = importlib.import_module("microdl.gpu.emulated").EmulatedGPU()
    launch.use(gpu)
    return gpu
