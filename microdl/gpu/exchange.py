"""Tensors made of other libraries' arrays, without a copy."""

import numpy as np

from microdl.core import dtypes
from microdl.core.op import Spec
from microdl.core.placement import the_gpu
from microdl.core.tensor import Tensor
from microdl.gpu.dlpack import CUDA, device_kind

HOST = 1, 3  # kDLCPU, kDLCUDAHost


def from_dlpack(given):
    """A Tensor with the memory of a capsule, or of an array with ``__dlpack__``: ``tf.experimental.dlpack``."""
    if hasattr(given, "__dlpack__"):
        kind, source = int(given.__dlpack_device__()[0]), given
    elif type(given).__name__ == "PyCapsule":
        kind = device_kind(given)
        source = _Given(given, kind)
    else:
        raise TypeError(f"from_dlpack: a capsule, or an array with __dlpack__, is expected, got {given!r}")
    if kind == CUDA:
        array = the_gpu().share(source)
    elif kind in HOST:
        array = np.from_dlpack(source)
        if not (array.flags.c_contiguous and array.flags.writeable):
            array = np.array(array, order="C")
    else:
        raise ValueError(f"from_dlpack: memory of the CPU or of a CUDA GPU is expected, this is DLPack's kind {kind}")
    return Tensor(Spec(tuple(array.shape), dtypes.as_dtype(array.dtype)), array)


class _Given:
    """A capsule as an object that gives it. A capsule cannot be asked to wait for the work that makes its array."""

    def __init__(self, capsule, kind):
        self._capsule, self._kind = capsule, kind

    def __dlpack__(self, **how):
        if self._kind == CUDA:
            the_gpu().stream.follow_others()
        return self._capsule

    def __dlpack_device__(self):
        return self._kind, 0
