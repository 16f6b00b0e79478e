"""The CPU as a device: where arrays live, and which kernels run there. Beside it: ``gpu/device.GPU``."""

from functools import partial
from typing import Any

import numpy as np

from microdl.core import memory
from microdl.core.errors import InvalidArgumentError, OpError
from microdl.core.kernels import cpu, launcher


class CPU:
    """Arrays are NumPy's, C-contiguous and writable; kernels are those of ``kernels/cpu``."""

    name = "/job:localhost/replica:0/task:0/device:CPU:0"
    kernels = cpu

    def __init__(self):
        memory.keep_freed_memory()

    def run(self, op, arrays, specs, attrs, prepared=None):
        """The arrays of an op's outputs: filled by its kernel, or for a view sharing memory with its input.

        prepared: what is known of such a run from earlier ones, if anybody keeps it.
        """
        if prepared is not None and prepared.launch is not None:
            return prepared.launch(*arrays)
        if op.view:
            return (op.run(self.kernels, *arrays, **attrs),)
        outputs = [np.empty(spec.shape, spec.dtype.as_numpy_dtype) for spec in specs]
        try:
            if prepared is not None and prepared.waiting:
                prepared.waiting = False
                prepared.launch = launcher(partial(op.run, self.kernels, **attrs), arrays, outputs)
            else:
                op.run(self.kernels, *arrays, *outputs, **attrs)
        except OpError:
            raise
        except Exception as error:
            explained = _explained(op, [*arrays, *outputs], error)
            if explained is None:
                raise
            raise explained from error
        return outputs

    def gpu_for(self, op, arrays, specs):
        """The GPU on which an op runs by itself, or None."""
        return None

    def replay(self, plan, slots):
        """Runs the steps of a ``compile.settled.Settled`` on its ``slots``."""
        for step in plan.steps:
            step.call(slots)


def _explained(op, arrays, error):
    """For ``error`` about a dtype that Numba has no machine type for, one that says what a user can do; else None."""
    if isinstance(error, (NotImplementedError, KeyError)) and any(array.dtype == np.float16 for array in arrays):
        return InvalidArgumentError(
            f"{op.name}: float16 tensors can be stored, moved and cast, but the CPU's kernels do not compute with "
            "them; convert them first: tf.cast(x, tf.float32)"
        )
    if any(array.dtype.hasobject for array in arrays):
        return InvalidArgumentError(f"{op.name}: string tensors have no such op; numbers in them: tf.strings.to_number")
    return None


the_cpu = CPU()
current: Any = the_cpu  # what runs ops; once there is a GPU, what chooses between the two: ``core/placement.py``
