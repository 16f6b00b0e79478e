"""What the kernel tests share."""

import numba
import numpy as np
import pytest

from microdl.core.kernels import support


@pytest.fixture
def same_bits(monkeypatch):
    """Checks that ``run() -> arrays`` gives the same bits with one thread and with all of them.

    Every kernel with tasks spreads them over threads for that, however small its problem is.
    """
    if numba.config.DISABLE_JIT:
        pytest.skip("the JIT is off: kernels are plain Python, on one thread")
    threads = numba.get_num_threads()
    if threads < 2:
        pytest.skip("only one thread is available: there is nothing to compare")
    kernel = support("jit").Kernel
    call, ran = kernel.__call__, []

    def in_parallel(self, *args):
        bound, self.serial_below = self.serial_below, 0
        ran.append(self)
        try:
            call(self, *args)
        finally:
            self.serial_below = bound

    def check(run):
        numba.set_num_threads(1)
        alone = run()
        numba.set_num_threads(threads)
        for a, b in zip(alone, run(), strict=True):
            np.testing.assert_array_equal(a.view(np.uint8), b.view(np.uint8))
        assert ran, "no kernel ran"

    monkeypatch.setattr(kernel, "__call__", in_parallel)
    yield check
    numba.set_num_threads(threads)
