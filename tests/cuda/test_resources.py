"""What CUDA kernels need on a GPU, told by libNVVM and ptxas without one."""

import pytest

from microdl.core.kernels import support

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
found = support("cuda.resources")
KERNELS = found.all_kernels()
LARGE = [kernel for kernel in KERNELS if kernel.name.startswith("matmul._128x128")]


@pytest.fixture(scope="module", autouse=True)
def _compilers():
    reason = found.missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module", params=[(9, 0), (7, 5)], ids=["sm_90", "sm_75"])
def needs(request):
    """The resources of all kernels on GPUs of one architecture."""
    return {kernel.name: found.resources(kernel, request.param) for kernel in found.kernels_for(request.param)}


def test_nothing_is_spilled_and_nothing_lies_on_a_stack(needs):
    assert {name: r for name, r in needs.items() if r.spills or r.stack} == {}


def test_no_kernel_computes_with_float64(needs):
    assert {name: r.float64 for name, r in needs.items() if r.float64} == {}


def test_registers_leave_room_for_as_many_blocks_as_are_wanted(needs):
    """On a multiprocessor, which has 65536: four of 256 threads where a kernel says nothing else."""
    most = {kernel.name: 65536 // (256 * (kernel.blocks_at_once or 4)) for kernel in KERNELS}
    assert {name: r.registers for name, r in needs.items() if r.registers > most[name]} == {}


def test_memory_is_accessed_by_16_bytes(needs):
    for name, r in needs.items():
        if name.startswith("activation."):
            assert (r.wide_loads, r.wide_stores) == (2 if name.endswith("_grad") else 1, 1), name
    for kernel in LARGE:
        assert needs[kernel.name].wide_loads >= 8  # four of memory, four of shared memory
        assert needs[kernel.name].wide_stores >= 16  # the tile


def test_the_table_has_a_line_for_every_kernel():
    lines = list(found.table(families=("optimizer",)))
    assert len(lines) == 1 + sum(kernel.name.startswith("optimizer.") for kernel in KERNELS)
