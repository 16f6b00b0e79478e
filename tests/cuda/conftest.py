"""What the tests of CUDA kernels share: the emulated GPU."""

import pytest

from microdl.core.kernels import Kernels, support


@pytest.fixture
def gpu(monkeypatch):
    """The emulated GPU, on which all kernels run; threads in order."""
    if support("jit").config.DISABLE_JIT:
        pytest.skip("the JIT is off, which the emulated GPU needs")
    launch = support("cuda.launch")
    monkeypatch.setenv("MICRODL_GPU", "emulate")
    launch.use(None)
    yield launch.device()
    launch.use(None)


@pytest.fixture(params=[0, 7], ids=["in order", "shuffled"])
def any_order(request, gpu):
    """The emulated GPU with threads in order, and in an order that changes."""
    gpu.seed = request.param
    return gpu


@pytest.fixture
def cuda(gpu):
    """The families of CUDA kernels."""
    return Kernels("cuda")
