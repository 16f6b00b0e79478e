"""How a CUDA kernel is declared and launched.

    @kernel("float32* float32* int32")          # what each argument is; a star stands for an address
    def _relu(x, y, n):                         # the work of one thread
        ...

    _relu(blocks, x, y, n)                      # on ``device``: a GPU, or the emulator

Kernels take addresses and 32-bit numbers, not arrays: a launch then costs no more than packing them, and indices are
computed with 32-bit numbers, which are the fast ones on a GPU. As in ``kernels/cpu``, ``relu`` calls ``_relu`` with a
number of blocks that depends on the problem's size alone.
"""

import functools
import os
import re
from typing import Any

from . import target
from .emulator.machine import Emulator

THREADS = 256  # in a block, where nothing else is said
MOST = 2**31 - 1  # elements of an array, which kernels count with 32 bits
_TYPE = re.compile(r"(float(32|64)|u?int(8|16|32|64))(\*|\[\d+\])?")
kernels: list["Kernel"] = []  # all that modules have declared, for the table of resources


def kernel(signature, threads=THREADS, blocks_at_once=None, shared=0, capability=(7, 5)):
    """Declares the decorated function a kernel.

    Args:
        signature: str, the arguments' types in order: ``float32*``, ``int32``; ``int32[6]`` for a tuple of six. Where
            a function of Numba wants an array (atomics), ``intrinsics.as_array`` makes one of an address.
        threads: int, or up to three along x, y and z: threads of a block.
        blocks_at_once: int, blocks that shall find room on a multiprocessor; limits registers. None: no limit.
        shared: int, bytes of dynamic shared memory.
        capability: least compute capability of GPUs that have its instructions.
    """

    if not isinstance(signature, str):
        raise TypeError('kernel: say the types of the arguments: @kernel("float32* float32* int32")')

    def declare(function):
        declared = Kernel(function, signature, threads, blocks_at_once, shared, capability)
        kernels.append(declared)
        return declared

    return declare


class Kernel:
    """A function of one thread, called for all threads of a number of blocks.

    Attributes:
        signature: the arguments' types. kinds, names: types and names of what is passed, in which each element of a
            tuple stands by itself.
    """

    def __init__(self, function, signature, threads, blocks_at_once, shared, capability=(7, 5)):
        functools.update_wrapper(self, function)
        self.function, self.blocks_at_once, self.shared = function, blocks_at_once, shared
        self.capability = capability
        self.signature = tuple(map(_type, signature.split()))
        count = function.__code__.co_argcount
        if len(self.signature) != count:
            raise TypeError(
                f"kernel {function.__name__}: {signature!r} has {len(self.signature)} types, the function "
                f"{count} parameters"
            )
        parameters = list(zip(function.__code__.co_varnames, map(_members, self.signature), strict=False))
        self.kinds = tuple(_passed(kind) for _, members in parameters for kind in members)
        self.names = tuple(name for name, members in parameters for _ in members)
        self._tuples = len(self.kinds) != len(self.signature)
        self.threads = _three(threads)
        self.name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"

    def __call__(self, blocks, *args):
        """Runs the kernel: ``blocks`` is a number, or up to three along x, y and z. Without blocks nothing is done."""
        grid = _three(blocks)
        if min(grid) > 0:
            if self._tuples:
                args = tuple(part for arg in args for part in (arg if type(arg) is tuple else (arg,)))
            try:
                device().launch(self, grid, self.threads, self.shared, args)
            except (OverflowError, TypeError) as error:
                if any(kind is target.int32 and arg > MOST for kind, arg in zip(self.kinds, args, strict=False)):
                    raise NotImplementedError(f"{self.name} of more than {MOST} elements") from error
                raise

    def __getitem__(self, sizes):
        raise TypeError(
            f"{self.name}: blocks are the first argument, {self.function.__name__}(blocks, ...); threads stand in "
            "@kernel(..., threads=128)"
        )

    def __repr__(self):
        return f"<Kernel {self.name}>"


def _type(name):
    """The type of that name: ``float32``, ``float32*`` for an address, ``int32[6]`` for a tuple."""
    if not _TYPE.fullmatch(name):
        raise ValueError(
            f"kernel: {name!r} is no type of an argument; there are numbers such as float32 and int32, addresses of "
            "them (float32*) and tuples (int32[6]), with spaces between arguments only"
        )
    name, bracket, count = name.rstrip("]").partition("[")
    if bracket:
        kind = getattr(target.types, name)
        return target.types.UniTuple(kind, int(count))
    return target.pointer(getattr(target.types, name[:-1])) if name.endswith("*") else getattr(target.types, name)


def _passed(kind):
    """A type as who passes an argument sees it: of short numbers an address is one of bits."""
    short = {target.types.int8: target.types.uint8, target.types.int16: target.types.uint16}
    return target.pointer(short.get(kind.dtype, kind.dtype)) if isinstance(kind, target.types.CPointer) else kind


def _members(kind):
    return tuple(kind) if isinstance(kind, target.types.UniTuple) else (kind,)


def _three(sizes):
    sizes = tuple(sizes) if isinstance(sizes, (tuple, list)) else (sizes,)
    return (*sizes, 1, 1)[:3]


def address(array):
    """Where an array's elements lie, in the memory of the device that it belongs to."""
    found = getattr(array, "address", None)
    return array.__array_interface__["data"][0] if found is None else found


def ceildiv(a, b):
    """a / b, rounded up."""
    return -(-a // b)


def within_reach(*arrays):
    """For arrays of which a kernel reads or writes a part: their size is not among its arguments.

    Raises: NotImplementedError if one has more elements than 32 bits can count.
    """
    for array in arrays:
        if array.size > MOST:
            raise NotImplementedError(f"arrays of more than {MOST} elements, such as one of shape {array.shape}")


_used: list[Any] = []  # the device that kernels run on, if one was chosen


def use(gpu):
    """Kernels run on ``gpu`` from now on: what has the methods ``launch``, ``empty``, ``array`` and ``table``.

    None leaves the choice to the environment, as at first.
    """
    _used[:] = [] if gpu is None else [gpu]


def device():
    """What kernels run on: what ``use`` was called with, else the bare emulator if MICRODL_GPU=emulate."""
    if not _used:
        chosen = os.environ.get("MICRODL_GPU", "")
        if chosen != "emulate":
            raise RuntimeError(
                "microdl: no GPU was chosen for kernels to be launched on; MICRODL_GPU=emulate, set before Python "
                f"starts, runs them on the CPU (MICRODL_GPU is {chosen!r})"
            )
        use(Emulator())
    return _used[0]
