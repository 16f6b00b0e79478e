"""``tf.test``: whether there is a GPU. Tests themselves are pytest's or unittest's, with ``np.testing``."""

from importlib.util import find_spec as _find_spec

from microdl.core import later as _later
from microdl.core.missing import missing as _missing
from microdl.core.placement import the_gpu as _the_gpu
from microdl.gpu.settings import list_logical_devices as _list_logical_devices


def is_built_with_cuda():
    """Whether kernels for NVIDIA's GPUs can be compiled here: the package numba-cuda is installed."""
    return _find_spec("_numba_cuda_redirector") is not None


def is_built_with_gpu_support():
    """Whether kernels for GPUs can be compiled here."""
    return is_built_with_cuda()


def is_built_with_rocm():
    """Whether kernels for AMD's GPUs can be compiled: False."""
    return False


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    """Whether there is a GPU that can be used, emulated ones among them.

    TensorFlow has put ``tf.config.list_physical_devices("GPU")`` in its place.

    Args: cuda_only: accepted. min_cuda_compute_capability: (major, minor) that it must have at least, or None.
    """
    if not _list_logical_devices("GPU"):
        return False
    least = min_cuda_compute_capability
    return least is None or _the_gpu().driver.properties().capability >= tuple(least)


def gpu_device_name():
    """``"/device:GPU:0"``, or ``""`` if there is no GPU that can be used."""
    return next((device.name for device in _list_logical_devices("GPU")), "")


__getattr__ = _missing(__name__, globals(), _later.TEST.split())
