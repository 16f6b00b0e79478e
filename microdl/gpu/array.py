"""Arrays in the GPU's memory, and their way from and to other libraries without a copy."""

import math
import weakref

import numpy as np

from microdl.core.errors import NoKernel
from microdl.core.exchange import hold
from microdl.gpu import dlpack

_KINDS = "biuf"  # of dtypes: what kernels compute with


class DeviceArray:
    """An array on a GPU, C-contiguous. Kernels take its ``address``; ``numpy()`` copies it to the host.

    Args:
        gpu: the GPU. address: of its first element. shape: tuple. dtype: NumPy's.
        owner: what keeps the memory: a Block, or Theirs, or Shown.

    Attributes:
        size: how many elements.

    It shows itself to other libraries by ``__cuda_array_interface__`` and DLPack (PyTorch, CuPy, Numba).
    """

    __slots__ = ("__weakref__", "address", "dtype", "gpu", "owner", "shape", "size")

    def __init__(self, gpu, address, shape, dtype, owner):
        self.gpu, self.address, self.owner = gpu, address, owner
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.size = math.prod(self.shape)

    @property
    def itemsize(self):
        """Bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self):
        return self.size * self.dtype.itemsize

    @property
    def ndim(self):
        return len(self.shape)

    def numpy(self):
        """A copy on the host; waits for the GPU."""
        self._needs_elements("ndarray.numpy")
        result = np.empty(self.shape, self.dtype)
        self.gpu.stream.read(self, result)
        return result

    def write(self, values):
        """Copies an array of the host, of this shape, into this one."""
        self._needs_elements("an array of the host")
        values = np.asarray(values, self.dtype, order="C")
        if values.shape != self.shape:
            raise ValueError(f"an array of shape {self.shape} on the GPU cannot be set to one of {values.shape}")
        self.gpu.stream.write(self, values)

    def copy(self):
        """A new array with the same elements."""
        result = self.gpu.empty(self.shape, self.dtype)
        self.gpu.copy(result, self)
        return result

    def reshape(self, *shape):
        """The same memory in another shape, which has as many elements: ``reshape((2, 3))``, ``reshape(2, 3)``."""
        shape = tuple(shape[0]) if len(shape) == 1 and hasattr(shape[0], "__len__") else shape
        if -1 in shape:
            known = math.prod(n for n in shape if n != -1)
            shape = tuple(self.size // max(known, 1) if n == -1 else n for n in shape)
        if math.prod(shape) != self.size:
            raise ValueError(f"an array of shape {self.shape} cannot be reshaped to {shape}")
        return DeviceArray(self.gpu, self.address, shape, self.dtype, self.owner)

    def ravel(self):
        """The same memory as one row."""
        return self.reshape((self.size,))

    def squeeze(self, axis=None):
        """The same memory without the axes of size 1 that ``axis`` names, or without all of them."""
        if axis is None:
            return self.reshape(tuple(n for n in self.shape if n != 1))
        axes = {k % self.ndim for k in (axis if isinstance(axis, tuple) else (axis,))}
        return self.reshape(tuple(n for k, n in enumerate(self.shape) if k not in axes))

    def view(self, dtype=None):
        """The same memory as numbers of another dtype of the same size."""
        dtype = self.dtype if dtype is None else np.dtype(dtype)
        if dtype.itemsize != self.dtype.itemsize:
            raise NoKernel(f"a view of {self.dtype} as {dtype}")
        return DeviceArray(self.gpu, self.address, self.shape, dtype, self.owner)

    def fill(self, value):
        """Sets all elements to a number."""
        if value == 0 and not np.signbit(value):
            self.gpu.clear(self)
        else:
            self.gpu.kernels.array.fill(self.dtype.type(value), self.ravel())

    def __iadd__(self, other):
        self.gpu.kernels.elementwise.add(self.ravel(), other.ravel(), None, self.ravel())
        return self

    def __isub__(self, other):
        self.gpu.kernels.elementwise.subtract(self.ravel(), other.ravel(), None, self.ravel())
        return self

    def _no_operator(self, other):
        raise NoKernel("Python's operators of arrays")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _no_operator
    __lt__ = __le__ = __gt__ = __ge__ = __and__ = __or__ = __matmul__ = __pow__ = __imul__ = __itruediv__ = _no_operator

    # What NumPy's functions ask for. Elements cannot be had one by one: what wants that runs on the CPU, on a copy.

    def __array_function__(self, function, types, args, kwargs):
        if function is np.copyto and set(kwargs) <= {"dst", "src"}:
            return _copy(*args, **kwargs)
        raise NoKernel(f"numpy.{function.__name__}")

    def __array_ufunc__(self, function, method, *args, **kwargs):
        raise NoKernel(f"numpy.{function.__name__}")

    def __array__(self, dtype=None, copy=None):
        raise NoKernel("this array is on the GPU; .numpy() copies it to the host")

    def __getitem__(self, index):
        """The same memory: all of it, with further axes of size 1 (None), or successive rows of the first axis."""
        entries = index if isinstance(index, tuple) else (index,)
        shape, start = list(self.shape), 0
        added = len([entry for entry in entries if entry is None])
        rest = [entry for entry in entries if entry is not None and entry is not Ellipsis]
        if added and (rest or entries[:added] != (None,) * added):
            raise NoKernel("this index")
        for entry in rest:
            if type(entry) is slice and entry.step in (None, 1) and entry is rest[-1] and shape:
                first, stop, _ = entry.indices(shape[0])
                start, shape[0] = start + first * math.prod(shape[1:]), max(stop - first, 0)
            elif isinstance(entry, (int, np.integer)) and shape and -shape[0] <= entry < shape[0]:
                start, shape = start + (int(entry) % shape[0]) * math.prod(shape[1:]), shape[1:]
            else:
                raise NoKernel("this index")
        if rest and entries[-1] is Ellipsis and type(rest[-1]) is slice:
            raise NoKernel("this index")
        whole = self.reshape(self.shape)  # of a result that is lent, what stays
        address = whole.address + start * self.itemsize
        return DeviceArray(self.gpu, address, (1,) * added + tuple(shape), self.dtype, whole.owner)

    def __setitem__(self, index, value):
        part = self[index]
        if isinstance(value, (DeviceArray, np.ndarray)) and value.shape == part.shape:
            _copy(part, value)
        elif not isinstance(value, DeviceArray) and np.ndim(value) == 0:
            part.fill(value)
        else:
            raise NoKernel("an assignment that broadcasts")

    def __bool__(self):
        return bool(self._number())

    def __int__(self):
        return int(self._number())

    __index__ = __int__

    def __float__(self):
        return float(self._number())

    def _number(self):
        """The only element."""
        if self.size != 1:
            raise NoKernel("elements one by one")
        return self.numpy().item()

    def _needs_elements(self, what):
        """Raises NoKernel while work is only noted down: what the host reads or writes now is not what it will be."""
        if self.gpu.is_noting:
            raise NoKernel(f"{what}, for a function on the GPU")

    def __iter__(self):
        raise NoKernel("elements one by one")

    def __len__(self):
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(f"a DeviceArray has no {name}")
        raise NoKernel(f"ndarray.{name}")

    # Other libraries

    @property
    def changes(self):
        """Whether another library, whose memory this is, may write to it at any time."""
        return type(self.owner.memory if type(self.owner) is Shown else self.owner) is Theirs

    def show(self):
        """Lets other libraries have the memory, which stays where it is: what they still do with it, once they have
        dropped it, is waited for. Returns itself."""
        if type(self.owner) is not Shown:
            self.owner = Shown(self.gpu.stream, self.owner)
        return self

    @property
    def __cuda_array_interface__(self):
        """Version 3: the reader waits for the stream."""
        self.show()
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self.address, False),
            "strides": None,
            "version": 3,
            "stream": self.gpu.driver.stream_number(self.gpu.stream.handle),
        }

    def __dlpack_device__(self):
        return dlpack.CUDA, self.gpu.driver.ordinal

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """A capsule for ``from_dlpack`` of another library, whose work on ``stream`` finds the elements complete."""
        if dl_device not in (None, self.__dlpack_device__()):
            raise BufferError(f"this array is on {self.__dlpack_device__()}, not on {dl_device}")
        array = (self.copy() if copy else self).show()
        if stream not in (-1, self.gpu.driver.stream_number(self.gpu.stream.handle)):
            self.gpu.stream.synchronize()
        return dlpack.capsule(array)

    def __repr__(self):
        return f"<DeviceArray of shape {self.shape}, {self.dtype}, on {self.gpu.name}>"


class Lent(DeviceArray):
    """An array that its lender, a plan, will write to again. Before that ``keep`` gives it memory of its own.

    So a result that nobody looks at any more, such as the loss of a step long past, is never copied.
    """

    __slots__ = ()

    def keep(self):
        """Copies the elements to memory of its own, unless that was done before."""
        if isinstance(self.owner, Lender):
            own = self.gpu.empty(self.shape, self.dtype)
            with self.gpu.stream.lock:  # whoever issues work reads the address under it
                if isinstance(self.owner, Lender):  # no other thread was faster
                    self.gpu.stream.copy(own, self, self.nbytes)
                    self.address, self.owner = own.address, own.owner

    def reshape(self, *shape):
        self.keep()
        return super().reshape(*shape)

    def view(self, dtype=None):
        self.keep()
        return super().view(dtype)

    def show(self):
        self.keep()
        return super().show()


class Lender:
    """What owns memory that is lent: keeps ``block`` alive."""

    def __init__(self, block):
        self.block = block


class Shown:
    """What owns memory of this GPU that other libraries were shown; ``memory``: its owner before.

    When nobody has it any more, work that they have issued may still read it. So the owner is held until the next
    memory is asked for, and what is issued from then on follows that work.
    """

    def __init__(self, stream, memory):
        self.memory = memory
        weakref.finalize(self, stream.later, _given_up, stream, memory).atexit = False


def _given_up(stream, memory):
    stream.follow_others()


class Theirs:
    """What owns memory of another library: ``array``, which is held until the GPU has done what was issued here."""

    def __init__(self, stream, array):
        weakref.finalize(self, stream.after_work, hold, array).atexit = False


def _copy(dst, src):
    """``numpy.copyto`` where an array on the GPU takes part."""
    shape, dtype = getattr(src, "shape", None), getattr(src, "dtype", None)
    if not isinstance(dst, DeviceArray) or shape != dst.shape or dtype != dst.dtype:
        raise NoKernel("numpy.copyto between these arrays")
    if isinstance(src, DeviceArray):
        dst.gpu.copy(dst, src)
    else:
        dst.write(src)


def imported(gpu, array):
    """A DeviceArray that shares the memory of another library's array on the same GPU.

    array: what has ``__dlpack__``, whose library lets this GPU's stream wait for the work that makes the array, or
    ``__cuda_array_interface__``, which before its version 3 says nothing of that work: then what is on the default
    stream is waited for. An array that is not C-contiguous, or that may not be written to, is refused.

    Raises: TypeError, ValueError.
    """
    if isinstance(array, DeviceArray) and array.gpu is gpu:  # whoever has it may launch kernels that write to it
        own = array.view()
        return DeviceArray(gpu, own.address, own.shape, own.dtype, Theirs(gpu.stream, own))
    if hasattr(array, "__dlpack__"):
        return _from_dlpack(gpu, array)
    if hasattr(array, "__cuda_array_interface__"):
        return _from_interface(gpu, array)
    raise TypeError(f"{type(array).__name__} has neither __cuda_array_interface__ nor __dlpack__")


def _from_interface(gpu, array):
    seen = array.__cuda_array_interface__
    shape, dtype, (address, read_only) = tuple(seen["shape"]), np.dtype(seen["typestr"]), seen["data"]
    if seen.get("mask") is not None or read_only:
        raise ValueError("an array with a mask, or one that may not be written to, cannot be shared: copy it first")
    _check(shape, dtype, seen.get("strides"), dtype.itemsize)
    if seen.get("stream") is not None:
        gpu.stream.forbid_in_capture("waits for a stream of another library")
        gpu.driver.synchronize_number(seen["stream"])
    elif seen["version"] < 3:
        gpu.stream.follow_others()
    return DeviceArray(gpu, address, shape, dtype, Theirs(gpu.stream, array))


def _from_dlpack(gpu, array):
    theirs, ours = tuple(map(int, array.__dlpack_device__())), (dlpack.CUDA, gpu.driver.ordinal)
    if theirs != ours:
        raise ValueError(f"this array is on the device {theirs} of DLPack's, not on {gpu.name}, which is {ours} there")
    capsule = array.__dlpack__(stream=gpu.driver.stream_number(gpu.stream.handle))
    found = dlpack.opened(capsule)
    _check(found.shape, found.dtype, found.strides, 1)
    return DeviceArray(gpu, found.address, found.shape, found.dtype, Theirs(gpu.stream, found))


def _check(shape, dtype, strides, unit):
    """Refuses what kernels cannot take. ``strides``: None, or of which one from an element to the next is ``unit``."""
    if dtype.kind not in _KINDS or not dtype.isnative:
        raise ValueError(f"arrays of {dtype} cannot be shared; bools, integers and floats of this machine can")
    if strides is None or 0 in shape:
        return
    step = unit
    for n, stride in zip(reversed(shape), reversed(tuple(strides)), strict=True):
        if n != 1 and stride != step:
            raise ValueError(f"an array with strides {tuple(strides)} is not C-contiguous: copy it first")
        step *= n
