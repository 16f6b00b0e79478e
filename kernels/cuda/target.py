"""The one door to Numba's CUDA target: what kernels are written with, and the way from a function to IR and PTX.

Numba's CUDA target is a package of its own, numba-cuda; the ``numba.cuda`` that comes with Numba is an older one that
cannot compile all of these kernels. Nothing here asks for a GPU or a driver: compiling to PTX needs libNVVM, which is
a package too, and getting a kernel's IR, which the emulator runs, needs numba-cuda alone.
"""

import contextlib
import importlib.util
import re
import types as python_types
from typing import Any

import numpy as np

INSTALL = 'python -m pip install "microdl[cuda]"'
COMPUTE_CAPABILITY = (9, 0)  # whose IR the emulator runs; a kernel's IR is the same for all

if not hasattr(np, "row_stack"):  # numba-cuda 0.30 names it; NumPy 2.5 has it no more
    setattr(np, "row_stack", np.vstack)  # noqa: B010 (type checkers know that there is none)


def _numba_cuda() -> Any:
    """numba-cuda's ``numba.cuda``."""
    if importlib.util.find_spec("_numba_cuda_redirector") is None:
        raise ImportError(
            "microdl: kernels for GPUs, emulated ones too, are compiled by the package numba-cuda, which is not "
            f"installed: {INSTALL}"
        )
    importlib.import_module("_numba_cuda_redirector")  # a .pth file does it too, but not everywhere
    with _runtime_or_none():
        module: Any = importlib.import_module("numba.cuda")
    if module.implementation != "NVIDIA":
        raise ImportError(
            f"microdl: numba.cuda is Numba's own ({module.__file__}), not numba-cuda's, because it was imported before "
            "microdl could choose: import numba.cuda later"
        )
    return module


@contextlib.contextmanager
def _runtime_or_none():
    """At import numba-cuda asks CUDA's runtime library for its version, by which it knows what debuggers can read.

    Nothing here needs that library, and without a toolkit it is not there; then its version is 0.
    """
    runtime: Any = importlib.import_module("cuda.bindings.runtime")
    asked = runtime.getLocalRuntimeVersion

    def version():
        try:
            return asked()
        except Exception:  # whatever cuda-pathfinder says of a library that it does not find
            return 0, 0

    runtime.getLocalRuntimeVersion = version
    try:
        yield
    finally:
        runtime.getLocalRuntimeVersion = asked


cuda = _numba_cuda()
types = cuda.types
float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 = (
    getattr(types, name)
    for name in ("float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
)
intrinsic = importlib.import_module("numba.cuda.extending").intrinsic
cgutils = importlib.import_module("numba.cuda.cgutils")
_compiler: Any = importlib.import_module("numba.cuda.compiler")
_dispatcher: Any = importlib.import_module("numba.cuda.dispatcher")
_config: Any = importlib.import_module("numba.cuda.core.config")
_nvvm: Any = importlib.import_module("numba.cuda.cudadrv.nvvm")
libdevice = cuda.libdevice
errors = importlib.import_module("numba.cuda.core.errors")


def pointer(kind):
    """The type of an address of numbers of type ``kind``: what kernels take in place of arrays."""
    return types.CPointer(kind)


def device(function):
    """Makes ``function`` callable from kernels, compiled into each of them. Operations keep their order, as written."""
    return cuda.jit(device=True, lineinfo=True)(function)


_cuda_paths: Any = importlib.import_module("numba.cuda.cuda_paths")
_find_nvrtc = _cuda_paths._get_nvrtc_path


def _nvrtc_or_none():
    """Where NVRTC is, which compiles C++: nothing here needs it, but numba-cuda gives up where it is not."""
    try:
        return _find_nvrtc()
    except Exception:
        return _cuda_paths._env_path_tuple("none", None)


_cuda_paths._get_nvrtc_path = _nvrtc_or_none


class _NoLibNVVM:
    """What a kernel's IR depends on in libNVVM, where there is none: the versions of its dialect."""

    data_layout = getattr(_nvvm, "_datalayout")  # noqa: B009

    def get_ir_version(self):
        return 2, 0, 3, 2


@contextlib.contextmanager
def _compiling_for(capability, ir_only=False):
    """numba-cuda, as if a GPU of that compute capability were there; for IR alone, without libNVVM."""
    asked, nvvm, forced = _dispatcher.get_current_device, _nvvm.NVVM, _config.FORCE_CUDA_CC
    _config.FORCE_CUDA_CC = capability  # else NVRTC, yet another library, is asked what it knows
    _dispatcher.get_current_device = lambda: python_types.SimpleNamespace(compute_capability=capability)
    if ir_only:
        _nvvm.NVVM = _NoLibNVVM
    try:
        yield
    finally:
        _dispatcher.get_current_device, _nvvm.NVVM, _config.FORCE_CUDA_CC = asked, nvvm, forced


def lower(function, signature):
    """(IR texts, name of the kernel in them): a kernel, typed and lowered for a GPU, with its source lines.

    The same for all GPUs, and for the emulator.
    """
    with _compiling_for(COMPUTE_CAPABILITY, ir_only=True):
        library, _ = _compiler._compile_pyfunc_with_fixup(
            function, signature, device=False, abi="numba", cc=COMPUTE_CAPABILITY, lineinfo=True
        )
        return list(library.llvm_strs), library._entry_name


# Types of variables, for debuggers: of large kernels libNVVM cannot write them ("unsupported characters" of a symbol).
_VARIABLES = re.compile(r'^.*call void @"llvm\.dbg\..*$', re.MULTILINE)


def ptx(lowered, capability=COMPUTE_CAPABILITY, threads=None, blocks=None):
    """The PTX of what ``lower`` made, for GPUs of a compute capability, by libNVVM; with the lines of the source.

    threads: most threads in a block. blocks: that many blocks shall find room on a multiprocessor at once, which limits
    registers.
    """
    texts, entry = lowered
    bounds = {"maxntidx": threads, "minctasm": blocks}
    texts = [_VARIABLES.sub("", text) for text in texts]
    texts[0] = _bounded(texts[0], entry, {name: bound for name, bound in bounds.items() if bound is not None})
    options = {"opt": 3, "fma": 0, "arch": f"compute_{capability[0]}{capability[1]}"}  # fma: rounded as written
    with _compiling_for(capability):
        return _nvvm.compile_ir(texts, **options).decode().strip("\x00").strip()


def _bounded(text, entry, bounds):
    """A module with bounds of its kernel's launches among its annotations."""
    (kernel,) = re.findall(rf'^!\d+ = !\{{ (.* @"{re.escape(entry)}"), !"kernel", i32 1 \}}$', text, re.MULTILINE)
    last = max(map(int, re.findall(r"^!(\d+) = ", text, re.MULTILINE)))
    nodes = {last + 1 + i: f'{kernel}, !"{name}", i32 {bound}' for i, (name, bound) in enumerate(bounds.items())}
    more = "".join(f", !{number}" for number in nodes)
    text = re.sub(r"^(!nvvm\.annotations = !\{ [^}]*?) \}$", rf"\1{more} }}", text, flags=re.MULTILINE)
    return text + "".join(f"\n!{number} = !{{ {node} }}" for number, node in nodes.items())


def missing_libnvvm():
    """Why nothing can be compiled to PTX here, or None if it can."""
    try:
        versions = _nvvm.NVVM().get_ir_version()
    except Exception as error:  # it may be absent, too old, or for another machine: whatever it says
        reason = re.sub(r"\s+", " ", str(error)).strip()
        return f"libNVVM cannot be loaded ({reason[:200]}): {INSTALL}"
    return None if versions else "libNVVM does not tell its version"
