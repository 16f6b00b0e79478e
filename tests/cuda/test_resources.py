"""What CUDA kernels need on a GPU, told by libNVVM and ptxas without one."""

import pytest

from microdl.core.kernels import support

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
found = support("cuda.resources")
KERNELS = found.all_kernels()
FAMILIES = sorted({kernel.name.partition(".")[0] for kernel in KERNELS})
CAPABILITIES = (9, 0), (7, 5)


@pytest.fixture(scope="module", autouse=True)
def _compilers():
    reason = found.missing()
    if reason:
        pytest.skip(reason)


def some_kernels(family):
    """A family's kernels; of one function for several dtypes the first. Numba takes its time for each.

    All of them: that is what ``python -m microdl.kernels.cuda.resources`` is for.
    """
    kernels = [kernel for kernel in KERNELS if kernel.name.partition(".")[0] == family]
    return {kernel.function: kernel for kernel in reversed(kernels)}.values()


@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_spill_nothing_and_compute_with_float32(family):
    """Nothing on a stack, and registers for four blocks of 256 threads, or for as many as a kernel says."""
    for kernel in some_kernels(family):
        for capability in CAPABILITIES:
            if kernel.capability <= capability:
                check(kernel, found.resources(kernel, capability))


def check(kernel, needs):
    assert (needs.spills, needs.stack) == (0, 0), kernel.name
    assert not needs.float64 or "float64" in kernel.name, kernel.name
    assert needs.registers <= 65536 // (256 * (kernel.blocks_at_once or 4)), kernel.name
    if kernel.name.startswith("activation."):
        loads = 2 if kernel.name.endswith("_grad") else 1
        assert (needs.wide_loads, needs.wide_stores) == (loads, 1), kernel.name
    if kernel.name.startswith("matmul._128x128"):
        assert needs.wide_loads >= 8  # four of memory, four of shared memory
        assert needs.wide_stores >= 16  # the tile
    if kernel.name.startswith(("correlation._forward", "correlation._backward", "filters._wide")):
        assert needs.wide_loads >= 10, kernel.name  # of memory, and of two or more steps in shared memory
        assert needs.wide_stores >= 5, kernel.name


def test_the_table_has_a_line_for_every_kernel():
    lines = list(found.table(families=("bias",)))
    assert len(lines) == 1 + sum(kernel.name.startswith("bias.") for kernel in KERNELS)


@pytest.mark.parametrize("arguments", [["matmull"], ["sm_9", "matmul"], ["--help"]])
def test_who_asks_for_kernels_that_there_are_not_is_told_which_there_are(arguments):
    with pytest.raises(SystemExit, match=f"{arguments[0]}: no such kernels; arguments are sm_90 .*, matmul,"):
        found.main(arguments)
