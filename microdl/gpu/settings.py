"""Devices as ``tf.config`` shows them, and how much of a GPU's memory may be taken."""

from typing import NamedTuple

from microdl.core import placement
from microdl.core.errors import NoDeviceError


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
    """The visible devices of a type as ``tf.device`` names them."""
    return [
        LogicalDevice(device.name.replace("/physical_device", "/device"), device.device_type)
        for device in get_visible_devices(device_type)
    ]


def get_visible_devices(device_type=None):
    """The devices of a type, or all, that ``set_visible_devices`` has not hidden."""
    found = list_physical_devices(device_type)
    return [device for device in found if device != GPU or not placement.hidden.gpu]


def set_visible_devices(devices, device_type=None):
    """Hides the devices of a type, or all, that are not among ``devices``: ``set_visible_devices([], "GPU")``.

    A GPU that is hidden is one that is not there: the CPU stands in for it. What lives on it already stays there. It
    may be called at any time.

    Raises: ValueError for what is no device of this machine and of that type. ValueError if it would hide the CPU.
    """
    chosen = (
        list(devices) if isinstance(devices, (list, tuple)) and not isinstance(devices, PhysicalDevice) else [devices]
    )
    there = list_physical_devices(device_type)
    for device in chosen:
        if device not in there:
            known = ", ".join(map(str, there)) or "none"
            raise ValueError(f"set_visible_devices: Unrecognized device: {device!r}; there are: {known}")
    if device_type in (None, "CPU") and CPU not in chosen:
        raise ValueError("set_visible_devices: the CPU cannot be hidden; to hide GPUs: set_visible_devices([], 'GPU')")
    if device_type in (None, "GPU"):
        placement.hidden.gpu = GPU in there and GPU not in chosen


def set_logical_device_configuration(device, logical_devices):
    """Limits the memory that is taken of a GPU: ``[tf.config.LogicalDeviceConfiguration(memory_limit=1024)]``.

    It may be called at any time and holds from the next allocation on.

    Raises: ValueError for the CPU, and for more than one logical device.
    """
    what = "set_logical_device_configuration"
    gpu = named(what, device)
    if not isinstance(logical_devices, list) or not all(
        isinstance(found, LogicalDeviceConfiguration) for found in logical_devices
    ):
        raise ValueError(
            f"{what}: a list is expected, [tf.config.LogicalDeviceConfiguration(memory_limit=1024)], got "
            f"{logical_devices!r}"
        )
    if len(logical_devices) != 1:
        raise ValueError(f"{what}: a GPU is one logical device here, got {len(logical_devices)} of them")
    limit = logical_devices[0].memory_limit
    if limit is not None and not (isinstance(limit, (int, float)) and limit > 0):
        raise ValueError(f"{what}: memory_limit is a number of MiB above 0, or None for no limit, got {limit!r}")
    gpu.allocator.limit = None if limit is None else int(limit * 2**20)


def get_logical_device_configuration(device):
    """What ``set_logical_device_configuration`` was called with last for a GPU; None if it was not."""
    limit = named("get_logical_device_configuration", device).allocator.limit
    return None if limit is None else [LogicalDeviceConfiguration(limit / 2**20)]


def _gpu():
    """The GPU, or None."""
    try:
        return placement.found_gpu()
    except NoDeviceError:
        return None


def named(what, device):
    """The GPU that a PhysicalDevice or a name such as ``"GPU:0"`` stands for."""
    name = device if isinstance(device, str) else getattr(device, "name", None)
    if not isinstance(name, str):
        raise ValueError(f"{what}: a device, or a name such as 'GPU:0', is expected, got {device!r}")
    short = name.lower().rpartition("device:")[2].lstrip("/")
    if short not in ("gpu:0", "gpu"):
        raise ValueError(f"{what}: {name!r} is no GPU here; GPU:0 is the one that can be used")
    return placement.found_gpu()
