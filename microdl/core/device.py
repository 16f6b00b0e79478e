"""Devices: where arrays live, and which kernels run there."""

import contextlib
from functools import partial

import numpy as np

from microdl.core import memory
from microdl.core.context import warn
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

    def replay(self, plan, slots):
        """Runs the steps of a ``compile.settled.Settled`` on its ``slots``."""
        for step in plan.steps:
            step.call(slots)


def _explained(op, arrays, error):
    """For ``error`` about a dtype that Numba has no machine type for, one that says what a user can do; else None."""
    if isinstance(error, NotImplementedError) and any(array.dtype == np.float16 for array in arrays):
        return InvalidArgumentError(
            f"{op.name}: float16 tensors can be stored, moved and cast, but the CPU's kernels do not compute with "
            "them; convert them first: tf.cast(x, tf.float32)"
        )
    if any(array.dtype.hasobject for array in arrays):
        return InvalidArgumentError(f"{op.name}: string tensors have no such op; numbers in them: tf.strings.to_number")
    return None


current = CPU()


def device(device_name):
    """A context in which ops run on a device: ``with tf.device("/cpu:0"):``.

    A device that is not there is replaced by the CPU, as in TensorFlow (``soft_placement``), with a warning once.

    Raises: ValueError if the name is none. InvalidArgumentError (a ValueError) for a device that is not there, without
    soft placement.
    """
    if device_name is not None and not isinstance(device_name, str):
        raise ValueError(f"device: a name such as '/cpu:0' is expected, got {device_name!r}")
    short = (device_name or "cpu").lower().removeprefix("/job:localhost/replica:0/task:0").lstrip("/")
    kind, _, index = short.removeprefix("device:").partition(":")
    if kind not in ("cpu", "gpu", "tpu") or not (index or "0").isdigit():
        raise ValueError(f"device: {device_name!r} is no device; there are names such as '/cpu:0' and '/gpu:0'")
    if (kind, index or "0") != ("cpu", "0"):
        name = f"{kind.upper()}:{index or 0}"
        if not soft_placement.on:
            raise InvalidArgumentError(
                f"device: Could not satisfy device specification '{device_name}'; available is {current.name}"
            )
        if name not in soft_placement.told:
            soft_placement.told.add(name)
            warn(f"there is no {name}: what is placed on it runs on the CPU")
    return contextlib.nullcontext()


class _SoftPlacement:
    """Whether the CPU stands in for devices that are not there, and for which ones that was said."""

    def __init__(self):
        self.on, self.told = True, set()


soft_placement = _SoftPlacement()
