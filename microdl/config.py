"""Settings of the process, and what it runs on.

``tf.config.threading`` sets how many threads the kernels use (results do not depend on it), ``tf.config.threads()``
tells how many there are and why, ``cache()`` where compiled kernels lie, ``cpu()`` what the processor can do.
"""

import os
from pathlib import Path
from typing import NamedTuple

from microdl.compile import function as _function
from microdl.compile.budget import budget
from microdl.core import kernels, later as _later
from microdl.core.missing import missing as _missing
from microdl.core.placement import soft_placement as _soft_placement
from microdl.gpu import experimental as experimental
from microdl.gpu.settings import (
    LogicalDevice as LogicalDevice,
    LogicalDeviceConfiguration as LogicalDeviceConfiguration,
    PhysicalDevice as PhysicalDevice,
    get_logical_device_configuration as get_logical_device_configuration,
    get_visible_devices as get_visible_devices,
    list_logical_devices as list_logical_devices,
    list_physical_devices as list_physical_devices,
    set_logical_device_configuration as set_logical_device_configuration,
    set_visible_devices as set_visible_devices,
)


class threading:
    """Threads within one op. Numba keeps the number for each Python thread: set it in the one that trains."""

    @staticmethod
    def set_intra_op_parallelism_threads(num_threads):
        """Lets each op use up to ``num_threads`` threads.

        Args: num_threads: int, from 1 to the number of cores (or NUMBA_NUM_THREADS, if that is set).
        Raises: ValueError for other numbers. TypeError for something else than an int.
        """
        available = kernels.support("threads").available_threads()
        if isinstance(num_threads, bool) or not hasattr(num_threads, "__index__"):
            raise TypeError(f"set_intra_op_parallelism_threads: an int is expected, got {num_threads!r}")
        if not 1 <= num_threads <= available:
            raise ValueError(
                f"set_intra_op_parallelism_threads: from 1 to {available} threads are available here, got {num_threads}"
            )
        kernels.support("threads").set_threads(int(num_threads))

    @staticmethod
    def get_intra_op_parallelism_threads():
        """The number of threads that ops may use now, at least 1."""
        return kernels.support("threads").threads()


class Threads(NamedTuple):
    """The threads of kernels.

    Attributes:
        count: of kernels called from this Python thread. available: at most. limited_by: what sets that number.
        layer: Numba's threading layer, "omp", "tbb" or "workqueue". reason: why it is that one.
        quota: CPUs' worth of time that the container grants; infinity without a limit.
    """

    count: int
    available: int
    limited_by: str
    layer: str
    reason: str
    quota: float

    def __str__(self):
        quota = f"{self.quota:g} CPUs" if self.quota < float("inf") else "none"
        return (
            f"{self.count} of {self.available} threads (limited by {self.limited_by}; quota: {quota}), "
            f"layer {self.layer} ({self.reason})"
        )


def threads():
    """The ``Threads`` of kernels: number, limit, layer, and the reasons. Starts them, if nothing has so far."""
    here = kernels.support("threads")
    here.start()
    granted, cores = here.quota(), here.numba_config.NUMBA_NUM_THREADS
    if "NUMBA_NUM_THREADS" in os.environ:
        limited_by = "NUMBA_NUM_THREADS"
    else:
        limited_by = "the container's quota" if granted < cores else "the cores of this process"
    chosen = os.environ.get("NUMBA_THREADING_LAYER")
    order = ", ".join(here.numba_config.THREADING_LAYER_PRIORITY)
    reason = f"NUMBA_THREADING_LAYER={chosen}" if chosen else f"the first of {order} that loads"
    return Threads(here.threads(), here.available_threads(), limited_by, here.threading_layer(), reason, granted)


class Cache(NamedTuple):
    """Compiled kernels on disk. folder: Path, None if none can be written to. files, bytes: what lies in it."""

    folder: Path | None
    files: int
    bytes: int

    def __str__(self):
        if self.folder is None:
            return "no cache: no folder can be written to, kernels are compiled anew by every process"
        return f"{self.files} compiled kernels, {self.bytes / (1 << 20):.1f} MiB, in {self.folder}"


def cache():
    """The ``Cache`` of this process, in ``MICRODL_CACHE_DIR`` or the user's cache folder, for this CPU and versions."""
    folder = kernels.support("jit").cache_folder()
    found = [file.stat().st_size for file in folder.glob("*.nbc")] if folder else []
    return Cache(folder, len(found), sum(found))


class PlanMemory(NamedTuple):
    """What functions hold between their calls. plans: how many are ready to run. bytes: of all; limit: see below."""

    plans: int
    bytes: int
    limit: int

    def __str__(self):
        held, limit = self.bytes / (1 << 20), self.limit / (1 << 20)
        return f"{self.plans} plans hold {held:.1f} MiB, of {limit:.1f} MiB that they may"


def plan_memory():
    """The ``PlanMemory`` of this process: each shape that a function was called with has a plan."""
    return PlanMemory(*budget.held(), budget.limit)


def set_plan_memory_limit(nbytes):
    """Sets how many bytes plans may hold together; 512 MiB at first.

    Beyond it those that ran longest ago free theirs, but for the four latest. A plan without memory can still run: it
    takes two or three times as long, once.

    Args: nbytes: int. Raises: ValueError if it is negative. TypeError for something else than an int.
    """
    if isinstance(nbytes, bool) or not hasattr(nbytes, "__index__"):
        raise TypeError(f"set_plan_memory_limit: an int is expected, got {nbytes!r}")
    if nbytes < 0:
        raise ValueError(f"set_plan_memory_limit: at least 0 bytes, got {nbytes}")
    budget.limit = int(nbytes)
    budget.make_room(0)


class CPU(NamedTuple):
    """The processor. name: as LLVM knows it. vector_bytes: width of the kernels' vectors. features: what it can do."""

    name: str
    vector_bytes: int
    features: tuple

    def __str__(self):
        return f"{self.name}, vectors of {self.vector_bytes} bytes; {' '.join(self.features)}"


def cpu():
    """The ``CPU`` that kernels are compiled for."""
    host = kernels.support("jit").llvm
    features = tuple(sorted(name for name, there in host.get_host_cpu_features().items() if there))
    return CPU(host.get_host_cpu_name(), kernels.support("cpu.simd").VECTOR_BYTES, features)


def set_soft_device_placement(enabled):
    """Whether the CPU stands in for a device that ``tf.device`` names and that is not there; at first it does."""
    _soft_placement.on = bool(enabled)


def get_soft_device_placement():
    """What ``set_soft_device_placement`` was called with last; True at first."""
    return _soft_placement.on


def run_functions_eagerly(run_eagerly):
    """Whether every ``tf.function`` runs as plain Python from now on, for a debugger and for ``print``."""
    _function.eagerly = bool(run_eagerly)


def functions_run_eagerly():
    """What ``run_functions_eagerly`` was called with last; False at first."""
    return _function.eagerly


__getattr__ = _missing(__name__, globals(), _later.CONFIG.split())
