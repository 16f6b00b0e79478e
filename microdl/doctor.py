"""What microdl finds on this machine: CPU, threads, cache of compiled kernels, GPU, and what is missing for one.

python -m microdl.doctor
"""

import ctypes
import os
import platform
import sys
from importlib import metadata

from microdl.core.kernels import support
from microdl.gpu.driver import LIBRARIES, library


def findings():
    """Pairs of a name and what was found, in words; nothing is changed, compiled or started."""
    yield "python", f"{platform.python_version()} at {sys.executable}"
    yield "packages", ", ".join(f"{name} {_version(name)}" for name in ("microdl", "numpy", "numba", "llvmlite"))
    yield "cpu", _cpu()
    yield "threads", _threads()
    yield "cache", _cache()
    yield "driver", _driver()
    yield from _toolkit()
    yield "gpu", _gpu()


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "from a checkout" if package == "microdl" else "not installed"


def _cpu():
    simd = support("cpu.simd")
    name = simd.config.CPU_NAME or simd.llvm.get_host_cpu_name()
    return f"{name} ({platform.machine()}), {os.cpu_count()} cores, vectors of {simd.VECTOR_BYTES} bytes"


def _threads():
    limit = support("threads").limit
    limited = os.environ.get("NUMBA_NUM_THREADS")
    return f"{limit} for kernels" + (f" (NUMBA_NUM_THREADS={limited})" if limited else "")


def _cache():
    folder = support("jit").cache_folder()
    if folder is None:
        return "none: no folder can be written to, so every process compiles its kernels anew; set MICRODL_CACHE_DIR"
    files = list(folder.glob("*.nbc"))
    size = sum(file.stat().st_size for file in files) / 2**20
    return f"{folder}: {len(files)} compiled kernels, {size:.1f} MiB"


def _driver():
    driver, version = library(), ctypes.c_int()
    if driver is None:
        return f"none: no {LIBRARIES[0]} (it comes with NVIDIA's driver, not with a package of Python)"
    if driver.cuDriverGetVersion(ctypes.byref(version)):
        return "there, but it does not tell its version"
    return f"for CUDA {version.value // 1000}.{version.value % 1000 // 10}"


def _toolkit():
    try:
        resources = support("cuda.resources")
    except ImportError as error:
        yield "numba-cuda", f"missing. {error}"
        return
    yield "numba-cuda", _version("numba-cuda")
    yield "libNVVM", support("cuda.target").missing_libnvvm() or "there: kernels can be compiled for GPUs"
    yield "ptxas", resources.find_ptxas() or "none (only the table of kernels' resources needs it)"


def _gpu():
    chosen = os.environ.get("MICRODL_GPU", "")
    if chosen == "emulate":
        try:
            support("cuda.target")
        except ImportError:
            return "none: MICRODL_GPU=emulate needs numba-cuda too"
        return "emulated on the CPU (MICRODL_GPU=emulate)"
    if chosen == "off":
        return "none: MICRODL_GPU=off turns GPUs off"
    if chosen:
        return f"none: MICRODL_GPU is {chosen!r}; it can be emulate, off, or nothing for a GPU that is there"
    driver, count = library(), ctypes.c_int()
    if driver is None or driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "none; MICRODL_GPU=emulate runs CUDA kernels on the CPU, to test them and to learn"
    return ", ".join(map(_name, [driver] * count.value, range(count.value)))


def _name(driver, number):
    device, text = ctypes.c_int(), ctypes.create_string_buffer(128)
    if driver.cuDeviceGet(ctypes.byref(device), number) or driver.cuDeviceGetName(text, len(text), device):
        return f"number {number}, which does not tell its name"
    return text.value.decode()


def main():
    """Prints the findings."""
    for name, finding in findings():
        print(f"{name:12} {finding}")


if __name__ == "__main__":
    main()
