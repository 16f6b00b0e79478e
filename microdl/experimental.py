"""What TensorFlow keeps under ``tf.experimental``: ``dlpack``, arrays of other libraries without a copy."""

from microdl.core.tensor import convert as _convert
from microdl.gpu.exchange import from_dlpack as _from_dlpack


class dlpack:
    """Tensors from and to other libraries (PyTorch, CuPy, JAX, NumPy)."""

    @staticmethod
    def to_dlpack(tf_tensor):
        """A capsule that shows a tensor's memory; whoever opens it must not write there."""
        return _convert(tf_tensor).__dlpack__()

    @staticmethod
    def from_dlpack(dlcapsule):
        """A tensor that shares the memory of a capsule, or of an array with ``__dlpack__``; on a GPU, if it is there.

        Nobody may write to that memory while the tensor lives. An array that is not C-contiguous, or that may only be
        read, is copied if it is in the memory of the CPU.

        Raises: TypeError for something else. ValueError for what kernels cannot take, or another device.
        """
        return _from_dlpack(dlcapsule)
