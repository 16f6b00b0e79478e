"""Compiled kernels on disk: what Numba and LLVM make of a kernel takes seconds, and the next process can have it.

What a kernel's code depends on is its own source and signature, the functions that it calls and the numbers that it
names, and these go into the name of its file; so do the versions of Numba and numba-cuda, the emulator, and the files
in which instructions are made by hand. Files lie beside the compiled kernels of the CPU, in a folder that nobody
else can write to (``jit.cache_folder``).
"""

import contextlib
import functools
import hashlib
import importlib.metadata
import marshal
import pickle
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import numpy as np

from .. import jit
from . import target

HERE = Path(__file__).parent
NUMBERS = int, float, bool, str, tuple, np.generic


def ptx(kernel, threads, capability, anew=False):
    """The PTX of a ``launch.Kernel`` for blocks of so many threads on GPUs of a compute capability.

    anew: made now, because that of an earlier process is of no use.
    """
    options = capability, threads, kernel.blocks_at_once
    return kept("ptx", kernel, options, lambda: target.ptx(lowered(kernel), *options), anew)


def lowered(kernel):
    """What ``target.lower`` makes of a ``launch.Kernel``."""
    return kept("ir", kernel, (), lambda: target.lower(kernel.function, kernel.signature))


def kept(kind, kernel, options, make, anew=False):
    """``make()``, a picklable value for a kernel and options; unless ``anew``, what it gave to an earlier process."""
    folder = jit.cache_folder()
    if folder is None:
        return make()
    path = folder / f"{kind}-{fingerprint(kernel.function, (kernel.signature, options))}.pickle"
    with contextlib.suppress(OSError):  # there is none yet
        stored = b"" if anew else path.read_bytes()
        stamp, payload = stored[:32], stored[32:]
        if hashlib.sha256(payload).digest() == stamp:
            return pickle.loads(payload)
    made = make()
    payload = pickle.dumps(made)
    with contextlib.suppress(OSError):  # a disk that is full
        jit.write_whole(path, hashlib.sha256(payload).digest() + payload)
    return made


def fingerprint(function, how):
    """What a kernel's code depends on, as 32 letters. how: what else decides on it; its repr counts."""
    parts = [repr(how).encode(), *_toolchain()]
    _gather(function, parts, set())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


@functools.cache
def _toolchain():
    files = [HERE / "target.py", HERE / "intrinsics.py", *sorted(HERE.glob("emulator/*.py"))]
    versions = [importlib.metadata.version(name) for name in ("numba", "numba-cuda", "llvmlite", "numpy")]
    return [repr(versions).encode(), *map(Path.read_bytes, files)]


def _gather(function, parts, seen):
    """Adds what a function, and what it calls and names, consist of."""
    if function in seen:
        return
    seen.add(function)
    code = function.__code__
    parts.append(marshal.dumps(code, 2))  # with its lines, which messages quote; version 2 has no counts of references
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    for value in [*cells, *(function.__globals__.get(name) for name in sorted(_names(code)))]:
        called = getattr(value, "py_func", value)
        if isinstance(called, FunctionType):
            _gather(called, parts, seen)
        elif isinstance(value, (*NUMBERS, target.types.Type)):
            parts.append(repr(value).encode())
        elif isinstance(value, ModuleType) and value.__name__.startswith(__package__ or "kernels"):
            parts.append(Path(value.__file__ or "").read_bytes())


def _names(code):
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names(constant)
    return found
