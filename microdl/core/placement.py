"""Where ops run and where their results live: ``tf.device``, and what goes between the CPU and a GPU.

An op runs on the device that ``with tf.device(...)`` names; outside of that on the GPU if one of its inputs lives
there, else on the CPU. What it needs from elsewhere is copied to it. A write runs where the variable lives. What a GPU
has no kernel for runs on the CPU, which is said once for each op.

There is no GPU before somebody asks for one: it takes time to find out, and who needs none should not wait.
"""

import importlib
from typing import Any

import numpy as np

from microdl.core import device as devices
from microdl.core.context import context, warn
from microdl.core.errors import InvalidArgumentError, NoDeviceError
from microdl.core.locks import new_lock

CPU_NAME = devices.CPU.name


class Placement:
    """The CPU and a GPU; stands in ``device.current`` for both. For what is no op, and for names, it is the CPU."""

    def __init__(self, cpu, gpu):
        self.cpu, self.gpu = cpu, gpu
        self.name, self.kernels = cpu.name, cpu.kernels
        self._told = set()  # names of ops that ran on the CPU though they should not

    def run(self, op, arrays, specs, attrs, prepared=None):
        """The arrays of an op's outputs, as ``CPU.run`` gives them."""
        if self._is_for_gpu(op, arrays, specs):
            return self._run_on_gpu(op, arrays, specs, attrs, prepared)
        return self._run_on_cpu(op, arrays, specs, attrs, prepared)

    def replay(self, plan, slots):
        """Runs the steps of a plan that was settled on the CPU."""
        self.cpu.replay(plan, slots)

    def launch(self, plan):
        """Runs the steps of a ``compile.on_gpu.OnGPU``."""
        plan.replay()

    def gpu_for(self, op, arrays, specs):
        """The GPU on which an op runs by itself, or None for the CPU."""
        return self.gpu if self._is_for_gpu(op, arrays, specs) else None

    def _is_for_gpu(self, op, arrays, specs):
        if op.host:
            return False
        if op.mutates:
            return self._lives_on_gpu(op, arrays)
        chosen = context.device if context.graph is None else None
        if not (chosen is self.gpu if chosen is not None else any(map(is_on_gpu, arrays))):
            return False
        if any(y.dtype.as_numpy_dtype is np.object_ for y in specs):
            return False
        return not any(x.dtype.hasobject for x in arrays)

    def _lives_on_gpu(self, op, arrays):
        """Whether what an op writes to is on the GPU. Raises: InvalidArgumentError if that is so for a part of it."""
        there = [is_on_gpu(arrays[i]) for i in op.written(len(arrays))]
        if any(there) and not all(there):
            raise InvalidArgumentError(
                f"{op.name}: {sum(there)} of the {len(there)} variables that it writes to are on {self.gpu.name}, the "
                f"others on {self.cpu.name}; one op cannot write on two devices: make all of them under one tf.device"
            )
        return there[0]

    def _run_on_gpu(self, op, arrays, specs, attrs, prepared):
        gpu, before = self.gpu, self.gpu.launches
        around, context.streams = context.streams, _Drawn() if op.stateful else None
        try:
            return gpu.run(op, [self._on_gpu(x, op) for x in arrays], specs, attrs)
        except NotImplementedError as missing:  # a NoKernel, or what kernels say of dtypes
            if op.mutates and gpu.launches != before:
                raise
            self._tell(op, arrays, missing)
            if context.streams is not None:
                context.streams.rewind()
            outputs = self._run_on_cpu(op, arrays, specs, attrs, prepared)
        finally:
            context.streams = around
        return [y if y.dtype.hasobject else gpu.array(y) for y in outputs]

    def _on_gpu(self, array, op):
        """An array on the GPU. A number is copied once: for each copy the host waits until the GPU has come to it."""
        if is_on_gpu(array):
            return array
        return self.gpu.array(array) if array.ndim or op.view else self.gpu.table(array)

    def _run_on_cpu(self, op, arrays, specs, attrs, prepared):
        hosted = [on_host(x) for x in arrays]
        outputs = self.cpu.run(op, hosted, specs, attrs, prepared)
        for i in op.written(len(arrays)) if op.mutates else ():
            if hosted[i] is not arrays[i]:
                arrays[i].write(hosted[i])
        return outputs

    def _tell(self, op, arrays, missing):
        if op.name not in self._told:
            self._told.add(op.name)
            kinds = ", ".join(dict.fromkeys(str(x.dtype) for x in arrays))
            warn(
                f"{op.name} runs on the CPU, and what it reads and makes is copied: {short_name(self.gpu)} has no "
                f"kernel for it ({missing}; inputs: {kinds or 'none'})"
            )


class _Drawn:
    """Random streams that an op was given: should it run a second time, on the CPU, it gets the same ones."""

    def __init__(self):
        self._given, self._next = [], 0

    def add(self, draw):
        if self._next == len(self._given):
            self._given.append(draw())
        self._next += 1
        return self._given[self._next - 1]

    def rewind(self):
        self._next = 0


def is_on_gpu(array):
    """Whether an array is a ``gpu.array.DeviceArray``."""
    return type(array) is not np.ndarray


def can_look(array):
    """Whether a check may look at values. Those on a GPU it would have to wait for; kernels there pass over them."""
    return not is_on_gpu(array)


def on_host(array):
    """An array in the CPU's memory: itself, or a copy of one on a GPU."""
    return array.numpy() if is_on_gpu(array) else array


def placed(array):
    """An array, or its copy on the device that ``with tf.device`` names."""
    chosen = context.device
    if chosen is None or device_of(array) is chosen or array.dtype.hasobject:
        return array
    return on_host(array) if chosen is devices.the_cpu else chosen.array(array)


def device_of(array):
    """The device on which an array lives."""
    return array.gpu if is_on_gpu(array) else devices.the_cpu


def short_name(found):
    """``GPU:0``"""
    return found.name.rpartition("device:")[2]


class _Asked:
    """The GPU, once somebody has asked for one, or why there is none."""

    gpu: Any = None
    missing: str | None = None
    lock = new_lock()


class _Hidden:
    """What ``tf.config.set_visible_devices`` has hidden."""

    gpu = False


hidden = _Hidden()


def the_gpu():
    """The GPU of this process. Raises: NoDeviceError, which says what is missing, or that it is hidden."""
    if hidden.gpu:
        raise NoDeviceError("tf.config.set_visible_devices has hidden it")
    return found_gpu()


def found_gpu():
    """The GPU of this process, hidden or not. Raises: NoDeviceError, which says what is missing."""
    with _Asked.lock:
        if _Asked.missing is not None:
            raise NoDeviceError(_Asked.missing)
        if _Asked.gpu is None:
            found: Any = importlib.import_module("microdl.gpu.device")
            try:
                _Asked.gpu = found.the_gpu()
            except NoDeviceError as error:
                _Asked.missing = f"{error}; MICRODL_GPU=emulate, set before Python starts, emulates a GPU"
                raise NoDeviceError(_Asked.missing) from error.__cause__
            _install(_Asked.gpu)
    return _Asked.gpu


def known_gpu():
    """The GPU if somebody has asked for it, else None."""
    return _Asked.gpu


def standing():
    """(object, attribute) of ``device.current`` and of all that stands behind it: recorders, logs, then a device."""
    holder: Any = devices
    name = "current"
    while True:
        yield holder, name
        holder, name = getattr(holder, name), "inner"
        if not hasattr(holder, name):
            return


def _install(gpu):
    *_, (holder, name) = standing()
    setattr(holder, name, Placement(devices.the_cpu, gpu))


def device(device_name):
    """A context in which ops run on a device, and variables and constants are made there: ``tf.device("/gpu:0")``.

    A device that is not there is replaced by the CPU, as in TensorFlow (``soft_placement``), with a warning once.

    Raises: ValueError if the name is none. InvalidArgumentError (a ValueError) for a device that is not there, without
    soft placement.
    """
    if device_name is None:
        return _Scope(None)
    if not isinstance(device_name, str):
        raise ValueError(f"device: a name such as '/cpu:0' or '/gpu:0' is expected, got {device_name!r}")
    short = (device_name or "cpu").lower().removeprefix("/job:localhost/replica:0/task:0").lstrip("/")
    kind, _, index = short.removeprefix("device:").partition(":")
    if kind not in ("cpu", "gpu", "tpu") or not (index or "0").isdigit():
        raise ValueError(f"device: {device_name!r} is no device; names are '/cpu:0' and '/gpu:0' (or 'CPU:0', 'GPU:0')")
    if (kind, index or "0") == ("cpu", "0"):
        return _Scope(devices.the_cpu if device_name else None)
    name, reason = f"{kind.upper()}:{index or 0}", None
    if (kind, index or "0") == ("gpu", "0"):
        try:
            return _Scope(the_gpu())
        except NoDeviceError as error:
            reason = error
    elif kind == "gpu":
        reason = "one GPU is used, GPU:0; several are not supported yet"
    if not soft_placement.on:
        raise InvalidArgumentError(
            f"device: Could not satisfy device specification '{device_name}'; available is {available()}"
            + (f"; {reason}" if reason else "")
        )
    if name not in soft_placement.told:
        soft_placement.told.add(name)
        warn(f"there is no {name}: what is placed on it runs on the CPU" + (f" ({reason})" if reason else ""))
    return _Scope(devices.the_cpu)


def available():
    """The names of the devices, as text."""
    return CPU_NAME if _Asked.gpu is None else f"{CPU_NAME}, {_Asked.gpu.name}"


def beside(variable):
    """A context in which what is made lives on the device of a Variable."""
    return _Scope(device_of(variable.known_array()))


class _Scope:
    """``with tf.device(...)``: may be entered again, also inside itself."""

    def __init__(self, chosen):
        self._chosen, self._outer = chosen, []

    def __enter__(self):
        self._outer.append(context.device)
        context.device = self._chosen
        return self

    def __exit__(self, *error):
        context.device = self._outer.pop()


class _SoftPlacement:
    """Whether the CPU stands in for devices that are not there, and for which ones that was said."""

    def __init__(self):
        self.on, self.told = True, set()


soft_placement = _SoftPlacement()
