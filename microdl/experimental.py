"""What TensorFlow keeps under ``tf.experimental``: ``dlpack``, arrays of other libraries without a copy."""

import numpy as np

from microdl.core import dtypes
from microdl.core.op import Spec
from microdl.core.placement import the_gpu
from microdl.core.tensor import Tensor, convert
from microdl.gpu.dlpack import CUDA, device_kind

_HOST = 1, 3  # kDLCPU, kDLCUDAHost


class dlpack:
    """Tensors from and to other libraries (PyTorch, CuPy, JAX, NumPy)."""

    @staticmethod
    def to_dlpack(tf_tensor):
        """A capsule that shows a tensor's memory; whoever opens it must not write there."""
        return convert(tf_tensor).__dlpack__()

    @staticmethod
    def from_dlpack(dlcapsule):
        """A tensor that shares the memory of a capsule, or of an array with ``__dlpack__``; on a GPU, if it is there.

        Nobody may write to that memory while the tensor lives. An array that is not C-contiguous, or that may only be
        read, is copied if it is in the memory of the CPU.

        Raises: TypeError for something else. ValueError for what kernels cannot take, or another device.
        """
        if hasattr(dlcapsule, "__dlpack__"):
            kind, source = int(dlcapsule.__dlpack_device__()[0]), dlcapsule
        elif type(dlcapsule).__name__ == "PyCapsule":
            kind = device_kind(dlcapsule)
            source = _Given(dlcapsule, kind)
        else:
            raise TypeError(f"from_dlpack: a capsule, or an array with __dlpack__, is expected, got {dlcapsule!r}")
        if kind == CUDA:
            array = the_gpu().share(source)
        elif kind in _HOST:
            array = np.from_dlpack(source)
            if not (array.flags.c_contiguous and array.flags.writeable):
                array = np.array(array, order="C")
        else:
            raise ValueError(
                f"from_dlpack: memory of the CPU or of a CUDA GPU is expected, this is DLPack's kind {kind}"
            )
        return Tensor(Spec(tuple(array.shape), dtypes.as_dtype(array.dtype)), array)


class _Given:
    """A capsule as an object that gives it."""

    def __init__(self, capsule, kind):
        self._capsule, self._kind = capsule, kind

    def __dlpack__(self, **how):
        return self._capsule

    def __dlpack_device__(self):
        return self._kind, 0
