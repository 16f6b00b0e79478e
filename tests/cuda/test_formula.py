"""Generated kernels on the emulated GPU: the bits of the CPU's."""

import ast

import numpy as np
import pytest

from microdl.core.kernels import Kernels
from microdl.ops.broadcast import layout

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
cpu = Kernels("cpu")
Input, Step = cpu.formula.Input, cpu.formula.Step


def run(cuda, gpu, inputs, steps, results, arrays, *shapes):
    """What both families' kernels write into outputs of the shape of the first array."""
    table, found = (layout(*shapes),) if shapes else (), []
    for family in (cuda, cpu):
        outputs = [gpu.empty(arrays[0].size, steps[k].dtype) for k in results]
        family.formula.kernel_for(inputs, steps, results)(*[x.ravel() for x in arrays], *table, *outputs)
        found.append(outputs)
    for y, expected in zip(*found, strict=True):
        np.testing.assert_array_equal(y, expected)


def test_a_chain_with_one_number_and_a_row(cuda, gpu, rng):
    inputs = Input("whole", "float32"), Input("one", "float32"), Input("stretched", "float32")
    steps = (
        Step("Mul", ("x0", "x1"), "float32"), Step("AddV2", ("t0", "x2"), "float32"),
        Step("LeakyRelu", ("t1",), "float32", (("alpha", 0.2),)), Step("Greater", ("t1", np.float32(0)), "bool"),
    )  # fmt: skip
    x, one, row = rng.normal(size=(13, 20)), rng.normal(size=1), rng.normal(size=20)
    arrays = [a.astype(np.float32) for a in (x, one, row)]
    run(cuda, gpu, inputs, steps, (2, 3), arrays, (13, 20), (20,))
    run(cuda, gpu, inputs[:2], steps[:1], (0,), arrays[:2])


OPS = sorted(set(cpu.formula.EXPRESSIONS) - {"AddN", "SelectV2", "DropoutGrad", "Cast"})
TESTS = {"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "IsNan", "IsInf", "IsFinite"}
NUMBERS = ("alpha", 0.3), ("scale", 1.1), ("beta", 0.7), ("low", -1.0), ("high", 0.5), ("count", 7)


@pytest.mark.parametrize("first", range(0, len(OPS), 11))
def test_every_op(first, cuda, gpu, rng):
    x, y = (np.concatenate([3 * rng.normal(size=60), [0, -0.0, 1]]).astype(np.float32) for _ in range(2))
    y[::4] = x[::4]
    steps = []
    for op in OPS[first : first + 11]:
        logical = op.startswith("Logical")
        operands = (("x2", "x3") if logical else ("x0", "x1"))[: 2 if "{1}" in cpu.formula.EXPRESSIONS[op] else 1]
        steps.append(Step(op, operands, "bool" if logical or op in TESTS else "float32", NUMBERS))
    inputs = tuple(Input("whole", a) for a in ("float32", "float32", "bool", "bool"))
    run(cuda, gpu, inputs, tuple(steps), tuple(range(len(steps))), [x, y, x > 0, y > 0])


def test_integers_and_choices(cuda, gpu, rng):
    inputs = Input("whole", "int32"), Input("whole", "int64"), Input("whole", "bool"), Input("whole", "float32")
    steps = (
        Step("Mul", ("x0", np.int32(123456789)), "int32"), Step("Cast", ("x1",), "int32"),
        Step("SelectV2", ("x2", "t0", "t1"), "int32"), Step("Cast", ("t2",), "float32"),
        Step("AddN", ("t3", "x3", "x3"), "float32"), Step("LogicalNot", ("x2",), "bool"),
        Step("SelectV2", ("t5", "x2", np.bool_(True)), "bool"), Step("Sign", ("x1",), "int64"),
    )  # fmt: skip
    x = rng.integers(-99, 99, 1030)
    arrays = [x.astype(np.int32), 3 * x, x > 0, rng.normal(size=1030).astype(np.float32)]
    run(cuda, gpu, inputs, steps, (2, 4, 6, 7), arrays)


def test_more_axes_than_a_kernel_takes(cuda, gpu, rng):
    shape, other = (2,) * 8, (1, 2) * 4
    arrays = [rng.normal(size=n).astype(np.float32) for n in (shape, other, other[::-1])]
    inputs = Input("whole", "float32"), Input("stretched", "float32"), Input("stretched", "float32")
    steps = Step("Sub", ("x0", "x1"), "float32"), Step("Maximum", ("t0", "x2"), "float32")
    run(cuda, gpu, inputs, steps, (1,), arrays, shape, other, other[::-1])


def test_the_source_is_a_documented_module_with_short_lines(cuda):
    inputs = Input("whole", "float32"), Input("stretched", "float32")
    steps = Step("Mul", ("x0", "x1"), "float32"), Step("Exp", ("t0",), "float32")
    title, source = cuda.formula.write(inputs, steps, (0, 1))
    assert ast.get_docstring(ast.parse(source))
    assert max(map(len, source.splitlines())) <= 120
    assert "t1 = exp_of(t0)  # Exp" in source
    assert title == "mul_exp"
