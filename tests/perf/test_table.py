"""The benchmark's table: it covers every kernel, calls each as it wants to be called, and counts its bytes."""

import ast
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from harness.bars import BARS, SLOWEST
from harness.case import Array, Table, case
from harness.cases import table

ROOT = Path(__file__).parents[2]
FAMILIES = {path.stem: ast.parse(path.read_text()) for path in sorted((ROOT / "kernels/cpu").glob("*.py"))}

INSIDE_ONLY = ("inner", "exact", "compiled_as")  # decorators of what kernels are made of


def _returns(function):
    return any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(function))


@cache
def kernels():
    """family.kernel -> number of arguments, for what writes its outputs and returns nothing."""
    found = {}
    for family, tree in FAMILIES.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not _returns(node):
                decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
                if not any(decorator.startswith(INSIDE_ONLY) for decorator in decorators):
                    numbered = any("tasks=" in decorator for decorator in decorators)  # the task's number comes first
                    found[f"{family}.{node.name}"] = len(node.args.args) - numbered
    return found


# What has no row: whole families, and single kernels.
UNMEASURED = {
    "text": "strings: Python's own work",
    "matrices": "LAPACK's work, called through NumPy",
    "special": "series of special functions; nobody has asked how fast they are",
    "scatter": "not measured yet",
    "recurrent": "not measured yet, but for whole layers by hand",
    "layer_norm": "not measured yet",
    **dict.fromkeys(
        (f"optimizer.{name}" for name in ("adadelta", "adagrad", "adamax", "ftrl", "lion", "nadam")),
        "not measured yet",
    ),
    "random.skip": "an addition to two numbers",
    **dict.fromkeys(("random.shuffle_through", "random.stream_words"), "perf/data.py measures whole passes"),
}


def test_every_kernel_that_ops_call_has_a_row():
    sources = "".join(path.read_text() for path in (ROOT / "microdl").rglob("*.py"))
    families, words = set(re.findall(r"kernels\.(\w+)", sources)), set(re.findall(r"\w+", sources))
    called = {name for name in kernels() if families.issuperset(name.split(".")[:1]) and name.split(".")[1] in words}
    assert len(called) > 100
    rowless = called - {name for row in table().values() for name in row.kernels}
    assert {name for name in rowless if not UNMEASURED.keys() & {name, name.split(".")[0]}} == set()
    assert {key for key in UNMEASURED if not any(key in (name, name.split(".")[0]) for name in rowless)} == set()


@pytest.mark.parametrize("name", sorted({name for row in table().values() for name in row.kernels}))
def test_rows_pass_what_the_kernel_takes(name):
    passed = {len(arguments) for row in table().values() for kernel, arguments in row.calls if kernel == name}
    assert passed == {kernels()[name]}


def test_every_goal_is_about_a_row():
    for bar in BARS:
        start = bar.row.removeprefix(SLOWEST)
        assert bar.row in table() or any(name.startswith(start) for name in table() if start != bar.row), bar.row


def test_arrays_that_a_row_names_exist():
    for row in table().values():
        assert set(row.outputs) <= set(row.arrays), row.name
        named = {part for _, arguments in row.calls for part in arguments if isinstance(part, str)}
        assert named - set(row.arrays) <= {"reflect", "relu"}, row.name


def test_every_side_draws_the_same():
    row = table()["conv2d forward 1x28x28x1 5x5 16"]
    first, again, other = row.make(), row.make(), row.make(1)
    np.testing.assert_array_equal(first["x"], again["x"])
    assert not np.array_equal(first["x"], other["x"])
    assert first["x"].dtype == np.float32
    assert not first["y"].any()


def test_bytes_count_each_array_as_it_is_used():
    one, zeros = Array((10,)), Array((10,), "zeros")
    copied = case("", [("f.copy", ("x", "y"))], {"x": one, "y": zeros}, ["y"], 0)
    assert (copied.read, copied.written, copied.updated, copied.bytes) == (40, 40, 0, 80)
    in_place = case(
        "", [("f.sgd", (Table((("g",), ("w",))), 0.1))], {"g": one, "w": Array((10,), updated=True)}, ["w"], 0
    )
    assert (in_place.read, in_place.written, in_place.updated, in_place.bytes) == (40, 0, 40, 120)
    calls = [("f.statistics", ("x", "m")), ("f.normalize", ("x", "m", "y"))]
    in_a_row = case("", calls, {"x": one, "m": zeros, "y": zeros}, ["y"], 0, dtype="float64")
    assert (in_a_row.read, in_a_row.written) == (3 * 80, 2 * 80)


def test_a_convolution_counts_its_multiply_adds_twice():
    row = table()["conv2d forward 64x14x14x16 5x5 36"]
    assert row.flops == 2 * 64 * 14 * 14 * 36 * 5 * 5 * 16
    assert row.counts_flops
    assert table()["conv2d forward+input+filter 64x14x14x16 5x5 36"].flops == 3 * row.flops
