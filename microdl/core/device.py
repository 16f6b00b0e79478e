"""Devices: where arrays live, and which kernels run there."""

import contextlib
from functools import partial

import numpy as np

from microdl.core import memory
from microdl.core.errors import InvalidArgumentError
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
        except NotImplementedError as error:  # what Numba says of a dtype that it has no machine type for
            if not any(array.dtype == np.float16 for array in [*arrays, *outputs]):
                raise
            raise InvalidArgumentError(
                f"{op.name}: float16 tensors can be stored, moved and cast, but the CPU's kernels do not compute with "
                "them; convert them first: tf.cast(x, tf.float32)"
            ) from error
        return outputs

    def replay(self, plan, slots):
        """Runs the steps of a ``compile.plan.Plan`` on its ``slots``."""
        for step in plan.steps:
            step.call(slots)


current = CPU()


def device(device_name):
    """A context in which ops run on a device: ``with tf.device("/cpu:0"):``. There is one, the CPU.

    Raises: InvalidArgumentError (a ValueError) for every other device.
    """
    name = str(device_name or "cpu").lower()
    short = name.removeprefix("/job:localhost/replica:0/task:0").lstrip("/").removeprefix("device:")
    if short not in ("cpu", "cpu:0"):
        gpu = "; GPUs are not supported yet" if "gpu" in short else ""
        raise InvalidArgumentError(f"device: there is one device, '/cpu:0', got {device_name!r}{gpu}")
    return contextlib.nullcontext()
