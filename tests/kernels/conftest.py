"""What the kernel tests share."""

import numba
import numpy as np
import pytest


@pytest.fixture
def same_bits():
    """Checks that ``run() -> arrays`` gives the same bits with one thread and with all of them."""
    threads = numba.get_num_threads()

    def check(run):
        numba.set_num_threads(1)
        alone = run()
        numba.set_num_threads(threads)
        for a, b in zip(alone, run(), strict=True):
            np.testing.assert_array_equal(a.view(np.uint8), b.view(np.uint8))

    yield check
    numba.set_num_threads(threads)
