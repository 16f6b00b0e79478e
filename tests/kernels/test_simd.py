"""Vectors against NumPy, at every width that a CPU may have, and the code for a CPU that is not this one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from llvmlite import binding as llvm

from microdl.core import kernels

simd = kernels.cpu.simd
kernel = kernels.support("jit").kernel
vectors = kernels.cpu.vectors
load, load_some, store, store_some = vectors.load, vectors.load_some, vectors.store, vectors.store_some
lanes, broadcast, fma, select = vectors.lanes, vectors.broadcast, vectors.fma, vectors.select
maximum, minimum, total, greatest = vectors.maximum, vectors.minimum, vectors.total, vectors.greatest
FLOATS = ["float32", "float64"]
JIT_OFF = numba.config.DISABLE_JIT


@kernel
def _arithmetic(x, i, value, out):
    a, b = load(x, i), broadcast(value, x)
    n = lanes(x)
    store(a + b, out, 0)
    store(a - b, out, n)
    store(a * b, out, 2 * n)
    store(a / b, out, 3 * n)
    store(-a, out, 4 * n)
    store(fma(a, b, b), out, 5 * n)
    a *= b
    a -= b
    store(a, out, 6 * n)


@kernel
def _choices(x, value, out):
    a, b, n = load(x, 0), broadcast(value, x), lanes(x)
    store(maximum(a, b), out, 0)
    store(minimum(a, b), out, n)
    store(select((a < b) | (a == b), a, b), out, 2 * n)
    store(select((a >= b) & (a != b), a, b), out, 3 * n)
    store(select(a <= b, b, a), out, 4 * n)
    store(select(a > b, a, -a), out, 5 * n)


@kernel
def _tail(x, i, j, count, y):
    store_some(load_some(x, i, count), y, j, count)
    store(load_some(x, i, count), y, 0)


@kernel
def _reduced(x, out):
    out[0], out[1] = total(load(x, 0)), greatest(load(x, 0))


@pytest.mark.parametrize("dtype", FLOATS)
def test_arithmetic_equals_numpys(dtype, rng):
    n = simd.VECTOR_BYTES // np.dtype(dtype).itemsize
    x, value, out = rng.normal(size=n + 1).astype(dtype), np.dtype(dtype).type(1.5), np.empty(7 * n, dtype)
    _arithmetic(x, 1, value, out)
    a = x[1:].astype("float64")
    expected = [a + 1.5, a - 1.5, a * 1.5, a / 1.5, -a, a * 1.5 + 1.5, a * 1.5 - 1.5]
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(out.reshape(7, n), expected, rtol=2 * eps, atol=2 * eps)


@pytest.mark.parametrize("dtype", FLOATS)
def test_choices_keep_nan(dtype):
    n = simd.VECTOR_BYTES // np.dtype(dtype).itemsize
    x, out = np.resize(np.array([0, np.nan, 1, 5, -np.inf, np.inf], dtype), n), np.empty(6 * n, dtype)
    _choices(x, x.dtype.type(1), out)
    one = np.ones_like(x)
    expected = [np.maximum(x, one), np.minimum(x, one), np.where(x <= 1, x, one), np.where(x > 1, x, one)]
    expected += [np.where(x <= 1, one, x), np.where(x > 1, x, -x)]
    np.testing.assert_array_equal(out.reshape(6, n), expected)


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "uint8"])
def test_tails_touch_their_elements_only(dtype):
    n = simd.VECTOR_BYTES // np.dtype(dtype).itemsize
    x = np.arange(1, n + 4).astype(dtype)
    for count in (-1, 0, 1, n - 1, n):
        y = np.full(2 * n, 7, dtype)
        _tail(x, 3, n, count, y)
        kept = max(count, 0)
        np.testing.assert_array_equal(y[:n], np.where(np.arange(n) < kept, x[3:], 0))
        np.testing.assert_array_equal(y[n:], np.where(np.arange(n) < kept, x[3:], 7))


@kernel
def _as_bytes(x, y):
    vectors.store_as(load(x, 0), y, 0, lanes(x))


def test_bytes_made_of_floats_leave_vectors_of_bytes_as_they_are():
    """A type of few lanes of bytes, next to the one of a whole vector of them."""
    y = np.zeros(simd.VECTOR_BYTES, "uint8")
    _as_bytes(np.full(simd.VECTOR_BYTES // 4, 3, "float32"), y)
    np.testing.assert_array_equal(y[: simd.VECTOR_BYTES // 4], 3)
    assert not y[simd.VECTOR_BYTES // 4 :].any()
    test_tails_touch_their_elements_only("uint8")


@pytest.mark.parametrize("dtype", FLOATS)
def test_lanes_are_summed_and_compared(dtype, rng):
    x, out = rng.normal(size=64).astype(dtype), np.empty(2, dtype)
    _reduced(x, out)
    n = simd.VECTOR_BYTES // x.itemsize
    np.testing.assert_allclose(out[0], x[:n].astype("float64").sum(), atol=n * np.finfo(dtype).eps)
    assert out[1] == x[:n].max()
    x[0] = np.nan
    _reduced(x, out)
    assert np.isnan(out).all()


@pytest.mark.skipif(JIT_OFF, reason="no machine code")
@pytest.mark.parametrize("width", [16, 32, 64])
def test_kernels_are_right_at_any_width(width):
    """In a process of its own: the rest of this file, tiles and products, and what this CPU would not choose."""
    if width == simd.VECTOR_BYTES:
        pytest.skip("the width of this process")
    here = Path(__file__).parent
    files = [here / f"test_{name}.py" for name in ("simd", "tiles", "matmul", "convolution", "winograd")]
    chosen = "not any_width and not threads and not float64"
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-k", chosen, *[str(f) for f in files if f.exists()]]
    environment = os.environ | {"MICRODL_VECTOR_BYTES": str(width), "MICRODL_QUIET": "1"}
    run = subprocess.run(command, cwd=here.parents[1], env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:]
    assert "passed" in run.stdout


def test_a_wrong_width_is_refused():
    command = [sys.executable, "-c", "from microdl.core.kernels import cpu; cpu.simd"]
    environment = os.environ | {"MICRODL_VECTOR_BYTES": "24"}
    run = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, check=False
    )
    assert "MICRODL_VECTOR_BYTES must be 16, 32 or 64 (bytes in a vector), got '24'" in run.stderr


@pytest.mark.skipif(JIT_OFF, reason="no machine code")
def test_vectors_compile_for_aarch64():
    """The LLVM IR of a kernel, without what Numba needs to call it from Python, told to be of another machine."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
    except RuntimeError:
        pytest.skip("this llvmlite has no AArch64")
    machine = target.create_target_machine(cpu="cortex-a72", opt=2)
    x = np.zeros(64, "float32")
    jit = kernels.support("jit")
    arithmetic = jit.CompiledKernel(_arithmetic.py_func, jit.FLAGS)  # what comes from the disk has no IR to look at
    arithmetic(x, 0, np.float32(1), np.zeros(7 * 16, "float32"))
    code = next(iter(arithmetic.inspect_llvm().values()))
    function = code[code.index("\ndefine ") :].partition("\n}\n")[0]  # the first; callers from Python follow
    others = [line for line in code.splitlines() if line.startswith(("@", "declare ", "!")) and "x86" not in line]
    source = re.sub(r" #\d+", "", "\n".join([*others, function, "}"]))
    module = llvm.parse_assembly(
        f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n{source}'
    )
    assembly = machine.emit_assembly(module)
    assert "fmla\tv" in assembly
    assert "fdiv\tv" in assembly
