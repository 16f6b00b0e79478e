"""Devices: where arrays live, and which kernels run there."""

import numpy as np

from microdl.core.errors import InvalidArgumentError
from microdl.core.kernels import cpu


class CPU:
    """Arrays are NumPy's, C-contiguous and writable; kernels are those of ``kernels/cpu``."""

    name = "/job:localhost/replica:0/task:0/device:CPU:0"
    kernels = cpu

    def run(self, op, arrays, specs, attrs):
        """The arrays of an op's outputs: filled by its kernel, or for a view sharing memory with its input."""
        if op.view:
            return (op.run(self.kernels, *arrays, **attrs),)
        outputs = tuple(np.empty(spec.shape, spec.dtype.as_numpy_dtype) for spec in specs)
        try:
            op.run(self.kernels, *arrays, *outputs, **attrs)
        except NotImplementedError as error:  # what Numba says of a dtype that it has no machine type for
            if not any(array.dtype == np.float16 for array in arrays + list(outputs)):
                raise
            raise InvalidArgumentError(
                f"{op.name}: float16 tensors can be stored, moved and cast, but the CPU's kernels do not compute with "
                "them; convert them first: tf.cast(x, tf.float32)"
            ) from error
        return outputs


current = CPU()
