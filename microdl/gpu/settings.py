"""Devices as ``tf.config`` shows them, and how much of a GPU's memory may be taken."""

from typing import NamedTuple

from microdl.core.errors import NoDeviceError
from microdl.core.kernels import support
from microdl.core.placement import known_gpu, the_gpu


class PhysicalDevice(NamedTuple):
    """A device that ops can run on."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A device as ``tf.device`` names it."""

    name: str
    device_type: str


class LogicalDeviceConfiguration(NamedTuple):
    """How a GPU is used. memory_limit: MiB that are taken at most; None: what there is."""

    memory_limit: float | None = None


CPU, GPU = PhysicalDevice("/physical_device:CPU:0", "CPU"), PhysicalDevice("/physical_device:GPU:0", "GPU")


def list_physical_devices(device_type=None):
    """The devices of a type ("CPU", "GPU"), or all: the CPU, and the first GPU if there is one that can be used.

    With MICRODL_GPU=emulate, set before Python starts, there is a GPU that the CPU emulates.
    """
    found = [CPU]
    if device_type in (None, "GPU") and _gpu() is not None:
        found.append(GPU)
    return [device for device in found if device_type in (None, device.device_type)]


def list_logical_devices(device_type=None):
    """The devices of a type as ``tf.device`` names them."""
    return [
        LogicalDevice(device.name.replace("/physical_device", "/device"), device.device_type)
        for device in list_physical_devices(device_type)
    ]


def set_logical_device_configuration(device, logical_devices):
    """Limits the memory that is taken of a GPU: ``[tf.config.LogicalDeviceConfiguration(memory_limit=1024)]``.

    It may be called at any time and holds from the next allocation on.

    Raises: ValueError for the CPU, and for more than one logical device.
    """
    gpu = _named("set_logical_device_configuration", device)
    if len(logical_devices) != 1:
        raise ValueError(
            f"set_logical_device_configuration: a GPU is one logical device here, got {len(logical_devices)} of them"
        )
    limit = logical_devices[0].memory_limit
    gpu.allocator.limit = None if limit is None else int(limit * 2**20)


def get_logical_device_configuration(device):
    """What ``set_logical_device_configuration`` was called with last for a GPU; None if it was not."""
    limit = _named("get_logical_device_configuration", device).allocator.limit
    return None if limit is None else [LogicalDeviceConfiguration(limit / 2**20)]


class experimental:
    """What TensorFlow has under this name."""

    @staticmethod
    def set_memory_growth(device, enable):
        """Accepted for a GPU: memory is taken when it is needed, always, as TensorFlow does it after ``True``."""
        _named("set_memory_growth", device)

    @staticmethod
    def get_memory_growth(device):
        """Whether memory is taken when it is needed: True."""
        _named("get_memory_growth", device)
        return True

    @staticmethod
    def get_memory_info(device):
        """{"current": bytes of arrays on a GPU now, "peak": at most}. device: such as ``"GPU:0"``."""
        return _named("get_memory_info", device).allocator.info()

    @staticmethod
    def reset_memory_stats(device):
        """Counts the peak of ``get_memory_info`` anew."""
        _named("reset_memory_stats", device).allocator.reset_peak()

    @staticmethod
    def get_device_details(device):
        """{"device_name": of a GPU, "compute_capability": (major, minor)}; {} for the CPU."""
        if getattr(device, "device_type", None) == "CPU":
            return {}
        found = _named("get_device_details", device).driver.properties()
        return {"device_name": found.name, "compute_capability": found.capability}

    @staticmethod
    def enable_tensor_float_32_execution(enabled):
        """Whether a GPU may round float32 to tf32 (ten bits after the point) in matrix products, which is faster.

        Unlike in TensorFlow it may not at first: results have float32's precision unless somebody asks for less.

        Raises: RuntimeError if there is no GPU. ValueError if it has no tensor cores for tf32.
        """
        gpu, cores = the_gpu(), support("cuda.tensor_cores")
        capability = gpu.driver.properties().capability
        if enabled and capability < cores.CAPABILITY:
            raise ValueError(
                f"enable_tensor_float_32_execution: compute capability {'.'.join(map(str, cores.CAPABILITY))} has "
                f"it, {gpu.name} has {'.'.join(map(str, capability))}"
            )
        cores.allow(bool(enabled))

    @staticmethod
    def tensor_float_32_execution_enabled():
        """Whether a GPU may round to tf32; False at first."""
        return known_gpu() is not None and support("cuda.tensor_cores").allowed()


def _gpu():
    """The GPU, or None."""
    try:
        return the_gpu()
    except NoDeviceError:
        return None


def _named(what, device):
    """The GPU that a PhysicalDevice or a name such as ``"GPU:0"`` stands for."""
    name = device if isinstance(device, str) else getattr(device, "name", None)
    if not isinstance(name, str):
        raise ValueError(f"{what}: a device, or a name such as 'GPU:0', is expected, got {device!r}")
    short = name.lower().rpartition("device:")[2].lstrip("/")
    if short not in ("gpu:0", "gpu"):
        raise ValueError(f"{what}: {name!r} is no GPU here; GPU:0 is the one that can be used")
    return the_gpu()
