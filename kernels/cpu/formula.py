"""Several elementwise ops as one kernel, which is generated: one pass over memory instead of one for each op.

A formula is written as a function of one element, a line for each op, with the very functions that the ops' own kernels
use, and a kernel that calls it for all elements (see ``write``). It is compiled without fastmath, as its ops would
otherwise be merged and reordered: so it gives the bits that the ops give one after another.

Arrays are flat, in C order. An input has the outputs' size, or one element, or it is stretched along some axes, and
then a block of it is laid out in scratch first (``broadcast.py``).
"""

import re
import textwrap
from typing import NamedTuple

import numpy as np

from ..generated import load as load
from . import scalar

WHOLE, ONE, STRETCHED = "whole", "one", "stretched"  # kinds of inputs
DTYPES = {"bool", "uint8", "int32", "int64", "float32", "float64"}  # that generated kernels compute with

# What ops compute, by their names. {0}, {1}.. are the inputs, {sum} all of them; {zero}, {one}, {six} numbers of the
# first input's dtype; {dtype} the output's; other names are attributes. All are rounded as the ops' own kernels do it.
EXPRESSIONS = {
    "AddV2": "{0} + {1}",
    "BiasAdd": "{0} + {1}",
    "AddN": "{sum}",
    "Sub": "{0} - {1}",
    "Mul": "{0} * {1}",
    "SquaredDifference": "({0} - {1}) * ({0} - {1})",
    "Maximum": "np.maximum({0}, {1})",
    "Minimum": "np.minimum({0}, {1})",
    "Neg": "-{0}",
    "Abs": "np.abs({0})",
    "Sign": "{one} if {0} > {zero} else {dtype}(np.sign({0}))",
    "Square": "{0} * {0}",
    "ClipByValue": "np.maximum(np.minimum({0}, {high}), {low})",
    "BroadcastTo": "{0}",
    "Equal": "{0} == {1}",
    "NotEqual": "{0} != {1}",
    "Less": "{0} < {1}",
    "LessEqual": "{0} <= {1}",
    "Greater": "{0} > {1}",
    "GreaterEqual": "{0} >= {1}",
    "LogicalAnd": "{0} & {1}",
    "LogicalOr": "{0} | {1}",
    "LogicalNot": "not {0}",
    "SelectV2": "select({0}, {1}, {2})",
    "Cast": "{dtype}({0})",
}
# Ops of floats alone, as their first input.
FLOATING = {
    "RealDiv": "{0} / {1}",
    "MeanGrad": "{0} / {count}",
    "MulNoNan": "select({1} == {zero}, {1}, {0} * {1})",
    "Floor": "np.floor({0})",
    "Ceil": "np.ceil({0})",
    "Rint": "np.rint({0})",
    "Sqrt": "np.sqrt({0})",
    "Rsqrt": "{one} / np.sqrt({0})",
    "Reciprocal": "{one} / {0}",
    "SqrtGrad": "sqrt_grad_of({0}, {1})",
    "RsqrtGrad": "rsqrt_grad_of({0}, {1})",
    "ReciprocalGrad": "reciprocal_grad_of({0}, {1})",
    "Exp": "exp_of({0})",
    "Expm1": "expm1_of({0})",
    "Log": "log_of({0})",
    "Log1p": "log1p_of({0})",
    "Erf": "erf_of({0})",
    "IsNan": "np.isnan({0})",
    "IsInf": "np.isinf({0})",
    "IsFinite": "np.isfinite({0})",
    "Relu": "select({0} < {zero}, {zero}, {0})",
    "ReluGrad": "select({1} > {zero}, {0}, {zero})",
    "Relu6": "select({0} < {zero}, {zero}, select({0} > {six}, {six}, {0}))",
    "Relu6Grad": "select(({1} > {zero}) & ({1} < {six}), {0}, {zero})",
    "LeakyRelu": "select({0} > {zero}, {0}, {alpha} * {0})",
    "LeakyReluGrad": "select({1} > {zero}, {0}, {alpha} * {0})",
    "Elu": "elu_of({0}, {alpha}, {scale})",
    "EluGrad": "elu_grad_of({0}, {1}, {alpha}, {scale})",
    "Sigmoid": "sigmoid_of({0})",
    "SigmoidGrad": "sigmoid_grad_of({0}, {1})",
    "Tanh": "tanh_of({0})",
    "TanhGrad": "tanh_grad_of({0}, {1})",
    "Softplus": "softplus_of({0})",
    "SoftplusGrad": "softplus_grad_of({0}, {1})",
    "Softsign": "softsign_of({0})",
    "SoftsignGrad": "softsign_grad_of({0}, {1})",
    "Silu": "silu_of({0}, {beta})",
    "SiluGrad": "silu_grad_of({0}, {1}, {beta})",
    "Gelu": "gelu_of({0})",
    "GeluGrad": "gelu_grad_of({0}, {1})",
    "GeluTanh": "gelu_tanh_of({0})",
    "GeluTanhGrad": "gelu_tanh_grad_of({0}, {1})",
    "DropoutGrad": "select({1} != uint8(0), {0} * {scale}, {zero})",
}
EXPRESSIONS |= FLOATING

UNCHANGED = {"BroadcastTo", "SelectV2"}  # give one of their inputs: integers cannot have grown


class Input(NamedTuple):
    """What the kernel reads. kind: WHOLE (of the outputs' size), ONE (element) or STRETCHED."""

    kind: str
    dtype: str


class Step(NamedTuple):
    """One op. inputs: names (x0, x1.. inputs of the formula, t0, t1.. what steps gave) and constants, NumPy scalars.

    dtype: the output's name. numbers: (name, value) of the op's attributes that its expression names.
    """

    op: str
    inputs: tuple
    dtype: str
    numbers: tuple = ()


def kernel_for(inputs, steps, results):
    """The kernel of ``write``, called as its text says."""
    return load(*write(inputs, steps, results))


def write(inputs, steps, results):
    """The kernel that does all ``steps``, as text.

    Args:
        inputs: list of Input, named x0, x1.. steps: list of Step, in order; they give t0, t1.. results: numbers of the
            steps whose outputs the kernel writes.

    Returns: name and source of a kernel for ``load``; its arguments are the flat inputs, then, if one is STRETCHED, the
    table of their shapes as ``broadcast.py`` describes it (row 1: the outputs', then the stretched inputs'), then the
    flat outputs.
    """
    dtypes = {f"x{k}": x.dtype for k, x in enumerate(inputs)} | {f"t{k}": step.dtype for k, step in enumerate(steps)}
    lines = [f"    t{k} = {expression(step, dtypes)}  # {step.op}" for k, step in enumerate(steps)]
    names, outputs = [f"x{k}" for k in range(len(inputs))], [f"y{k}" for k in range(len(results))]
    stretched = [k for k, x in enumerate(inputs) if x.kind == STRETCHED]
    title = title_of(steps)
    arguments = ", ".join(["block", *names, *(["layout"] if stretched else []), *outputs])
    prepared = [f"    {y}s = part({y}, block)" for y in outputs]
    for k, x in enumerate(inputs):
        row = 2 + stretched.index(k) if x.kind == STRETCHED else 0
        prepared.append("    " + _PREPARED[x.kind].format(x=f"x{k}", row=row))
    elements = ", ".join(f"x{k}" if x.kind == ONE else f"x{k}s[i]" for k, x in enumerate(inputs))
    body = "\n".join(lines)
    kernel = f'''@exact
def formula({", ".join(names)}):
{body}
    return {", ".join(f"t{k}" for k in results)}


@kernel(tasks=output_blocks)
def {title}({arguments}):
    """{", ".join(outputs)} = formula({", ".join(names)}), element by element.

    {described(inputs, [steps[k].dtype for k in results])}
    """
{chr(10).join(prepared)}
    for i in range(y0s.size):
        {", ".join(f"{y}s[i]" for y in outputs)} = formula({elements})
'''
    return title, f"{headline(steps)}\n\n{imports(kernel, _MEMBERS, _NUMBERS)}\n\n\n{kernel}"


def title_of(steps):
    """What to call a kernel that does these steps."""
    return "_".join(list(dict.fromkeys(step.op.lower() for step in steps))[:5])


def headline(steps):
    """The docstring of its module."""
    ops = ", ".join(step.op for step in steps)
    return textwrap.fill(f'"""{ops}: one pass over memory, written by microdl for a traced function."""', 120)


_PREPARED = {
    WHOLE: "{x}s = part({x}, block)",
    ONE: "{x} = {x}[0]",
    STRETCHED: "{x}s = whole(int64({row}), {x}, layout, y0, block)",
}
_TEXTS = {WHOLE: "", ONE: ", one element", STRETCHED: ", stretched"}


def described(inputs, outputs):
    """The part of a docstring that says what the arrays hold."""
    texts = [f"x{k}: {x.dtype}{_TEXTS[x.kind]}, read." for k, x in enumerate(inputs)]
    texts += [f"y{k}: {dtype}, written." for k, dtype in enumerate(outputs)]
    return "\n    ".join(textwrap.wrap(" ".join(texts), 110))


def expression(step, dtypes, expressions=EXPRESSIONS):
    """What a Step computes, in Python."""
    first = step.inputs[0]
    dtype = dtypes[first] if isinstance(first, str) else first.dtype.name
    operands = [x if isinstance(x, str) else _literal(x, x.dtype.name) for x in step.inputs]
    names = {"zero": 0, "one": 1, "six": 6} | dict(step.numbers)
    literals = {name: _literal(value, dtype) for name, value in names.items()}
    pattern = "{0} != {zero}" if step.op == "Cast" and step.dtype == "bool" else expressions[step.op]
    text = pattern.format(*operands, sum=" + ".join(operands), dtype=step.dtype, **literals)
    wraps = "int" in step.dtype and step.op not in UNCHANGED and not text.startswith(f"{step.dtype}(")
    return f"{step.dtype}({text})" if wraps else text


def _literal(value, dtype):
    """A number as an expression of that dtype: ``float32(0.1)``."""
    if dtype == "bool":
        return f"np.bool_({bool(value)})"
    return f"{dtype}({getattr(np, dtype)(value)!s})"


def imports(kernel, members_of, of_numpy=frozenset()):
    """The import statements that the text of a kernel needs. members_of, of_numpy: module -> what it has; NumPy has."""
    words = set(re.findall(r"\w+", kernel))
    numbers = sorted(of_numpy & words)
    lines = ["from math import inf, nan", ""] if words & {"inf", "nan"} else []
    lines += ["import numpy as np"] if "np" in words else []
    lines += [f"from numpy import {', '.join(numbers)}"] if numbers else []
    lines += [""] if "np" in words or numbers else []
    for module, members in members_of.items():
        used = sorted(words.intersection(members))
        lines += [f"from microdl.kernels.{module} import {', '.join(used)}"] if used else []
    return "\n".join(lines)


_NUMBERS = frozenset(DTYPES - {"bool"})
_FUNCTIONS = set(re.findall(r"\b\w+_of\b", " ".join(EXPRESSIONS.values())))
_MEMBERS = {
    "cpu.broadcast": {"output_blocks", "part", "whole"},
    "cpu.pointwise": {name for name in _FUNCTIONS if not hasattr(scalar, name)},
    "cpu.scalar": {name for name in _FUNCTIONS if hasattr(scalar, name)},
    "cpu.vectors": {"select"},
    "jit": {"exact", "kernel"},
}
