"""Operators, comparisons and reductions of several dtypes on the emulated GPU: the bits of the CPU's."""

import numpy as np
import pytest

from microdl.core.kernels import cpu
from microdl.ops.broadcast import layout, layout_of_two

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

SHAPES = [((6, 7), (6, 7)), ((1030,), (1,)), ((), (37,)), ((5, 1, 3), (4, 1)), ((3, 1, 2, 1, 3), (1, 4, 1, 5, 1))]
MANY = (2, 1, 2, 1, 2, 1, 2, 1), (2, 1, 2, 1, 2, 1, 2)  # axes, so that no kernel takes them


def numbers(rng, shape, dtype):
    if dtype == "float32":
        return np.asarray(rng.normal(size=shape)).astype(dtype)
    return np.asarray(rng.integers(0, 2, shape) if dtype == "bool" else rng.integers(-40, 40, shape)).astype(dtype)


@pytest.fixture
def same(gpu, cuda):
    """Calls a function of both families, and compares what they write: output of ``shape`` and dtype."""

    def check(family, name, shape, dtype, *args, rtol=0):
        found, expected = gpu.empty(shape, dtype), gpu.empty(shape, dtype)
        getattr(getattr(cuda, family), name)(*args, found)
        getattr(getattr(cpu, family), name)(*args, expected)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)

    return check


def operate(same, name, a, b, dtype, rtol=0.0):
    shape, table = np.broadcast_shapes(a.shape, b.shape), layout_of_two(a.shape, b.shape)
    same("elementwise", name, (int(np.prod(shape)),), dtype, a.ravel(), b.ravel(), table, rtol=rtol)


FEW = ["add", "floormod", "maximum"]
MOST = [*FEW, "subtract", "multiply", "minimum", "squared_difference"]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for dtype, names in (("float32", MOST), ("int32", MOST), ("int64", FEW)) for name in names],
)
def test_operators(name, dtype, same, rng):
    for first, second in [*SHAPES, MANY][:: 1 if name == "add" else 3]:
        a, b = numbers(rng, first, dtype), numbers(rng, second, dtype)
        b[b == 0] = 3
        operate(same, name, a, b, dtype)


def test_divisions_and_powers(same, rng):
    for dtype in ("int32", "int64"):
        a, b = numbers(rng, 300, dtype), numbers(rng, 300, dtype)
        b[b == 0] = -1
        operate(same, "floordiv", a, b, dtype)
        operate(same, "pow", a, abs(b), dtype)
    a, b = numbers(rng, 300, "float32"), numbers(rng, 300, "float32")
    a[:4], b[2:6] = [np.inf, np.nan, 1, -1], [0, 0, np.inf, -np.inf]
    operate(same, "floordiv_real", a, b, "float32")
    operate(same, "floormod", a, b, "float32")
    operate(same, "multiply_no_nan", a, b, "float32")
    operate(same, "pow", abs(a), b, "float32", rtol=1e-6)
    operate(same, "pow", a, np.full(1, 2, np.float32), "float32")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("equal", "float32"), ("not_equal", "float32"), ("less", "float32"), ("less_equal", "float32"),
        ("equal", "bool"), ("not_equal", "int64"), ("less", "int32"), ("less_equal", "int64"),
    ],
)  # fmt: skip
def test_comparisons(name, dtype, same, rng):
    for first, second in SHAPES[::2]:
        a, b = numbers(rng, first, dtype), numbers(rng, second, dtype)
        if first == second and dtype == "float32":
            a[0], b[:, -1] = np.nan, a[:, -1]
        operate(same, name, a, b, "bool")


def test_logic(same, rng):
    a, b = numbers(rng, (4, 30), "bool"), numbers(rng, 30, "bool")
    for name in ("logical_and", "logical_or"):
        operate(same, name, a, b, "bool")


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool"])
@pytest.mark.parametrize("shapes", [((40, 3), (40, 3), (40, 3)), ((4, 1, 5), (4, 3, 1), ()), ((1030,), (1,), (1030,))])
def test_select(shapes, dtype, same, rng):
    shape = np.broadcast_shapes(*shapes)
    arrays = [numbers(rng, each, kind).ravel() for each, kind in zip(shapes, ["bool", dtype, dtype], strict=True)]
    same("elementwise", "select", (int(np.prod(shape)),), dtype, *arrays, layout(*shapes))


@pytest.mark.parametrize("shape", [(30, 5, 1), (2, 9000, 1), (2, 700, 3), (2, 0, 3)])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_reductions_of_integers(dtype, shape, same, any_order, rng):
    x = numbers(rng, shape, dtype)
    for name in ("sum", "prod", "max", "min", "mean") if dtype == "int32" else ("sum", "max"):
        same("reduction", f"reduce_{name}", (shape[0], shape[2]), dtype, x)


@pytest.mark.parametrize("shape", [(30, 5, 1), (2, 5000, 1), (2, 300, 3), (2, 0, 1)])
def test_any_and_all(shape, same, any_order, rng):
    x = rng.random(shape) < 2 / max(shape[1], 1)
    for name in ("any", "all"):
        same("reduction", f"reduce_{name}", (shape[0], shape[2]), bool, x)
        same("reduction", f"reduce_{name}", (shape[0], shape[2]), bool, ~x)


def test_many_rows_and_their_gradient(same, rng):
    x = numbers(rng, (3, 50, 1), "float32")
    same("reduction", "reduce_prod", (3, 1), "float32", x, rtol=1e-5)
    same("reduction", "mean_grad", (3, 50, 7), "float32", numbers(rng, (3, 7), "float32"), 50)
