"""What a parallel kernel must not do outside of its prange: become parallel where nobody wrote so.

Numba turns array expressions, reductions, array constructors and assignments to slices into parallel regions of their
own. They cost compile time, and cut reductions by the number of threads, on which the bits then depend.
"""

import ast
from pathlib import Path

import pytest

from microdl.core.kernels import support

FILES = sorted(Path(support("jit").__file__).parent.glob("cpu/*.py"))
REDUCTIONS = {"sum", "prod", "mean", "var", "std", "min", "max", "argmin", "argmax", "any", "all", "dot", "fill"}
CONSTRUCTORS = {"zeros", "ones", "full", "arange", "linspace", "zeros_like", "ones_like", "full_like"}


def parallel_kernels(tree):
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and any(
            "parallel=True" in ast.unparse(d) for d in function.decorator_list
        ):
            yield function


def outside_prange(node):
    """All nodes below ``node`` that are not in the body of a loop over prange."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.For) and "prange(" in ast.unparse(child.iter)):
            yield child
            yield from outside_prange(child)


def hidden_regions(function):
    for node in outside_prange(ast.Module(function.body, [])):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found = node.func.attr in REDUCTIONS | CONSTRUCTORS
        else:
            stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
            found = stored and any(isinstance(part, ast.Slice) for part in ast.walk(node))
        if found:
            yield ast.unparse(node)


def test_the_rule_finds_what_it_is_for():
    lines = [
        "y[2:] = 1",
        "partials = np.zeros(4)",
        "for i in prange(4):",
        "    y[:] = x.sum()",
        "y[0] = partials.sum()",
    ]
    function = ast.parse("def f(x, y):\n    " + "\n    ".join(lines)).body[0]
    assert list(hidden_regions(function)) == ["y[2:]", "np.zeros(4)", "partials.sum()"]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_parallel_kernels_are_parallel_in_their_prange_only(file):
    found = {k.name: list(hidden_regions(k)) for k in parallel_kernels(ast.parse(file.read_text()))}
    assert {name: regions for name, regions in found.items() if regions} == {}
