"""Launches of kernels: arguments packed as the GPU reads them, and one call of the driver.

A kernel takes addresses and numbers. They lie one after the other in a buffer, each at a multiple of its size as in a
C struct; the driver copies that buffer when a kernel is launched (``CU_LAUNCH_PARAM_BUFFER_POINTER`` in cuda.h). A
launch packs it anew; a ``Bound`` launch, as plans are made of, was packed once.
"""

import ctypes
import re
import reprlib
import struct

from microdl.core.errors import NoKernel
from microdl.gpu.allocator import in_words
from microdl.gpu.stream import located

ELEMENTS = 2**31 - 2**20  # of an array at most: positions are 32-bit numbers, those of threads beyond its end too
LIMIT = 48 << 10  # bytes of dynamic shared memory that need no permission
FORMATS = {"float32": "f", "float64": "d", "int32": "i", "int64": "q"}
FORMATS |= {"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q"}
BUFFER_POINTER, BUFFER_SIZE, END = 1, 2, None  # keys of ``extra`` in cuda.h


class Parameters:
    """How the arguments of a kernel lie in memory.

    Args: kinds: the type of each argument, such as ``"float32*"`` or ``"int32"``; a star stands for an address, for
        which None is 0.
    Attributes: addresses: (position, type of what lies there) of the arguments that are addresses.

    Raises: ValueError for another type.
    """

    def __init__(self, kinds):
        self.kinds = tuple(kinds)
        for kind in self.kinds:
            if kind.removesuffix("*") not in FORMATS:
                raise ValueError(f"kernels take {', '.join(FORMATS)} and addresses of them (float32*), not {kind!r}")
        self.struct = struct.Struct("@" + "".join("P" if kind[-1] == "*" else FORMATS[kind] for kind in self.kinds))
        self.addresses = [(i, kind[:-1]) for i, kind in enumerate(self.kinds) if kind[-1] == "*"]

    def check(self, name, args):
        """Raises NoKernel if an array among the arguments has another dtype than the kernel ``name`` takes, or is too
        large for it."""
        for i, wanted in self.addresses:
            found = getattr(args[i], "dtype", None)
            if found is None:
                continue
            if args[i].size > ELEMENTS:
                raise NoKernel(f"{name} of {args[i].size} elements, at most {ELEMENTS} can be")
            if found == wanted:
                continue
            if wanted[0] != "u" or found.itemsize != int(wanted[4:]) // 8:  # unsigned numbers can be others' bits
                raise NoKernel(f"{name} of {found}")


class Packed:
    """A buffer of arguments, and ``extra``: the address of the list that tells the driver where the buffer is."""

    __slots__ = ("_list", "_size", "buffer", "extra")

    def __init__(self, nbytes):
        self.buffer, self._size = ctypes.create_string_buffer(max(nbytes, 1)), ctypes.c_size_t(nbytes)
        entries = BUFFER_POINTER, ctypes.addressof(self.buffer), BUFFER_SIZE, ctypes.addressof(self._size), END
        self._list = (ctypes.c_void_p * len(entries))(*entries)
        self.extra = ctypes.addressof(self._list)


class Function:
    """A kernel on the GPU: ``relu((blocks, 1, 1), x, y, n)``.

    Args:
        stream: the Stream on which it is launched. handle: as the driver gives it. name: for messages.
        kinds: types of its arguments, see ``Parameters``. threads: of a block, (x, y, z).
        shared: int, bytes of dynamic shared memory.
    """

    def __init__(self, stream, handle, name, kinds, threads, shared=0):
        self.stream, self.handle, self.name, self.threads, self.shared = stream, handle, name, tuple(threads), shared
        self.parameters = Parameters(kinds)
        self._pack_into = self.parameters.struct.pack_into
        self._packed = Packed(self.parameters.struct.size)
        if shared > LIMIT:
            stream.driver.allow_shared(handle, shared)

    def __call__(self, grid, *args):
        """Launches it with ``grid`` blocks, (x, y, z). args: arrays of the GPU, addresses and numbers."""
        stream, packed = self.stream, self._packed
        with stream.lock:  # it guards the buffer too
            self._pack(packed, args)
            stream.driver.launch(self.handle, grid, self.threads, self.shared, stream.handle, packed.extra)

    def bind(self, grid, *args):
        """The launch with these blocks and arguments as a function without any."""
        packed = Packed(self.parameters.struct.size)
        self._pack(packed, args)
        return Bound(self, tuple(grid), packed, args)

    def _pack(self, packed, args):
        try:
            values = list(args)
            for i, _ in self.parameters.addresses:
                values[i] = located(values[i])
            self._pack_into(packed.buffer, 0, *values)
        except (struct.error, OverflowError, TypeError, IndexError) as error:
            raise TypeError(self._wrong(args, error)) from error

    def _wrong(self, args, error):
        kinds = self.parameters.kinds
        if len(args) != len(kinds):
            return f"{self.name} takes {len(kinds)} arguments ({', '.join(kinds)}), got {len(args)}"
        for i, (kind, arg) in enumerate(zip(kinds, args, strict=True)):
            try:
                Parameters([kind]).struct.pack(located(arg) if kind[-1] == "*" else arg)
            except (struct.error, OverflowError, TypeError):
                return f"{self.name}: argument {i} is {_shown(arg)}, which is no {kind}{_way_out(kind, arg)}"
        return f"{self.name}: {error}"

    def __repr__(self):
        shared = f", {in_words(self.shared)} of dynamic shared memory" if self.shared else ""
        return f"<Function {self.name}({', '.join(self.parameters.kinds)}), blocks of {self.threads}{shared}>"


def _shown(arg):
    """An argument in words: of an array not its elements."""
    if hasattr(arg, "shape"):
        return f"a {type(arg).__name__} of shape {tuple(arg.shape)}"
    return reprlib.repr(arg)


def _way_out(kind, arg):
    """For an array that is not on the GPU, or something around one that is, how to get at what a kernel takes."""
    if kind[-1] != "*" or not hasattr(arg, "shape"):
        return ""
    if hasattr(arg, "gpu"):
        return ": kernels take the array of a tensor on the GPU, x.gpu().array"
    return ": kernels take arrays on the GPU, and device().array(x) copies one there"


class Bound:
    """A launch whose arguments are packed. It keeps them alive."""

    __slots__ = ("_args", "_extra", "_packed", "function", "grid")

    def __init__(self, function, grid, packed, args):
        self.function, self.grid = function, grid
        self._packed, self._extra, self._args = packed, packed.extra, args

    def __call__(self):
        function = self.function
        stream = function.stream
        with stream.lock:
            stream.driver.launch(
                function.handle, self.grid, function.threads, function.shared, stream.handle, self._extra
            )

    def __repr__(self):
        return f"<Bound {self.function.name} on {self.grid} blocks>"


class Module:
    """Machine code for the GPU, loaded once. image: bytes, PTX or a cubin.

    Raises: CaptureError inside a capture: a kernel must have run once before.
    """

    def __init__(self, stream, image):
        stream.forbid_in_capture("loads a kernel that has not run before")
        self.stream, self._handle = stream, stream.driver.load(image)

    def function(self, name, kinds, threads, shared=0, entry=None):
        """The Function ``name``, whose symbol in the image is ``entry`` (``name``, if it is not said)."""
        handle = self.stream.driver.function(self._handle, entry or name)
        return Function(self.stream, handle, name, kinds, threads, shared)


def entry(ptx):
    """The symbol of the first kernel in the text of a PTX module.

    Raises: ValueError if there is none.
    """
    found = re.search(r"\.entry\s+([A-Za-z_$%][\w$]*)", ptx)
    if found is None:
        raise ValueError("there is no kernel (.entry) in this PTX")
    return found[1]
