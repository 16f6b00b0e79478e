"""What the tests of the host's side share: a GPU made of a fake driver."""

import pytest

from microdl.gpu.allocator import Allocator
from microdl.gpu.stream import Stream
from tests.gpu.fake_driver import FakeDriver
from tests.gpu.on_gpu import make_gpu, used


def _axpy(view, a, x, y, n):
    """y += a x."""
    view(y, n, "f4")[:] += view(a, 1, "f4")[0] * view(x, n, "f4")


def _scale(view, x, factor, n):
    view(x, n, "f4")[:] *= factor


KERNELS = {"axpy": ("@PPPi", _axpy), "scale": ("@Pfi", _scale), "mixed": ("@fPiQBdPI", lambda view, *args: None)}


@pytest.fixture
def driver():
    return FakeDriver(kernels=KERNELS)


@pytest.fixture
def stream(driver):
    return Stream(driver)


@pytest.fixture
def allocator(stream):
    return Allocator(stream)


@pytest.fixture(scope="session")
def one_gpu():
    return make_gpu()


@pytest.fixture
def gpu0(one_gpu):
    """The process's GPU 0, for ``tf.device("/gpu:0")``."""
    with used(one_gpu):
        yield one_gpu
