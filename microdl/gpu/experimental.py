"""``tf.config.experimental``: memory of a GPU and precision, and older names of what ``tf.config`` has."""

from microdl.core.kernels import support
from microdl.core.missing import missing as _missing
from microdl.core.placement import known_gpu, the_gpu
from microdl.gpu.settings import (
    LogicalDeviceConfiguration as VirtualDeviceConfiguration,
    get_logical_device_configuration as get_virtual_device_configuration,
    get_visible_devices as get_visible_devices,
    list_logical_devices as list_logical_devices,
    list_physical_devices as list_physical_devices,
    named,
    set_logical_device_configuration as set_virtual_device_configuration,
    set_visible_devices as set_visible_devices,
)

__all__ = ["VirtualDeviceConfiguration", "get_virtual_device_configuration", "set_virtual_device_configuration"]


def set_memory_growth(device, enable):
    """Accepted for a GPU: memory is taken when it is needed, always, as TensorFlow does it after ``True``."""
    named("set_memory_growth", device)


def get_memory_growth(device):
    """Whether memory is taken when it is needed: True."""
    named("get_memory_growth", device)
    return True


def get_memory_info(device):
    """{"current": bytes of arrays on a GPU now, "peak": at most}. device: such as ``"GPU:0"``."""
    return named("get_memory_info", device).allocator.info()


def get_memory_usage(device):
    """Bytes of arrays on a GPU now: the older name of ``get_memory_info(device)["current"]``."""
    return named("get_memory_usage", device).allocator.info()["current"]


def reset_memory_stats(device):
    """Counts the peak of ``get_memory_info`` anew."""
    named("reset_memory_stats", device).allocator.reset_peak()


def get_device_details(device):
    """{"device_name": of a GPU, "compute_capability": (major, minor)}; {} for the CPU."""
    if getattr(device, "device_type", None) == "CPU":
        return {}
    found = named("get_device_details", device).driver.properties()
    return {"device_name": found.name, "compute_capability": found.capability}


def enable_op_determinism():
    """Accepted: results have the same bits in every run, always."""


def enable_tensor_float_32_execution(enabled):
    """Whether a GPU may round float32 to tf32 (ten bits after the point) in matrix products, which is faster.

    Unlike in TensorFlow it may not at first: results have float32's precision unless somebody asks for less.

    Raises: RuntimeError if it is enabled and there is no GPU. ValueError if that has no tensor cores for tf32.
    """
    if not enabled and known_gpu() is None:
        return
    gpu, cores = the_gpu(), support("cuda.tensor_cores")
    capability = gpu.driver.properties().capability
    if enabled and capability < cores.CAPABILITY:
        raise ValueError(
            f"enable_tensor_float_32_execution: compute capability {'.'.join(map(str, cores.CAPABILITY))} has "
            f"it, {gpu.name} has {'.'.join(map(str, capability))}"
        )
    cores.allow(bool(enabled))


def tensor_float_32_execution_enabled():
    """Whether a GPU may round to tf32; False at first."""
    return known_gpu() is not None and support("cuda.tensor_cores").allowed()


_LATER = """
    ClusterDeviceFilters disable_mlir_bridge enable_mlir_bridge get_device_policy get_synchronous_execution
    set_device_policy set_synchronous_execution
"""

__getattr__ = _missing("microdl.config.experimental", globals(), _LATER.split())
