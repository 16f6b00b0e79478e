"""A GPU for tests of the whole framework: the machine's, or an emulated one."""

import contextlib
import os

import pytest

from microdl.core import device, placement
from microdl.core.errors import NoDeviceError
from microdl.core.kernels import support
from microdl.gpu.device import GPU
from microdl.gpu.emulated import EmulatedGPU


def make_gpu():
    """A GPU of this machine; where there is none, or if MICRODL_GPU=emulate, an emulated one."""
    if support("jit").config.DISABLE_JIT:
        pytest.skip("the JIT is off, which CUDA kernels need")
    try:
        support("cuda.launch")
    except ImportError as error:
        pytest.skip(str(error))
    if os.environ.get("MICRODL_GPU") != "emulate":
        with contextlib.suppress(NoDeviceError):
            return GPU()
    return EmulatedGPU()


@contextlib.contextmanager
def used(gpu):
    """Inside, ``gpu`` is the process's GPU, as if ``tf.device`` had found it."""
    asked, launch = placement._Asked, support("cuda.launch")
    before = asked.gpu, asked.missing, device.current, list(launch._used)
    asked.gpu, asked.missing = gpu, None
    device.current = placement.Placement(device.the_cpu, gpu)
    launch.use(gpu)
    try:
        yield gpu
    finally:
        asked.gpu, asked.missing, device.current, launch._used[:] = before
