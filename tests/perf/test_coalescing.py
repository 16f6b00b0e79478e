"""The main kernels use a GPU's memory as well as perf/coalescing.py found."""

import coalescing
import pytest

from microdl.core.kernels import support
from microdl.gpu.emulated import EmulatedGPU
from tests.gpu.on_gpu import used

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

# Percent of the sectors of global memory that could not be saved: some less than there are.
FLOORS = {
    "add a row": 90, "bias_add backward": 95, "reduce_sum of columns": 80, "reduce_sum of long rows": 95,
    "argmax of columns": 80, "cumsum of rows": 95, "cumsum of columns": 95, "transpose": 85, "transpose outer axes": 90,
    "split of columns": 95, "gather": 95, "top_k": 65, "softmax 1000": 95, "matrix times vector": 95,
    "matmul 64 x 128 x 10 tt": 95, "matmul 512 x 256 x 512 tn": 95, "max_pool2d": 95, "batch norm": 95,
    "layer norm": 95,
}  # fmt: skip


@pytest.fixture(scope="module")
def gpu():
    if support("jit").config.DISABLE_JIT:
        pytest.skip("the JIT is off, which the emulated GPU needs")
    with used(EmulatedGPU()) as gpu:
        yield gpu


@pytest.mark.parametrize("name", FLOORS)
def test_neighbouring_threads_read_and_write_neighbouring_numbers(name, gpu):
    seen = coalescing.seen_of(coalescing.CASES[name], blocks=1)
    assert seen.rows("global")
    assert seen.efficiency("global") >= FLOORS[name]
    assert seen.efficiency("shared") >= 95
