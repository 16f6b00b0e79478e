"""Rules that every kernel keeps, read off the sources."""

import ast
from pathlib import Path

import pytest

from microdl.core.kernels import support

FILES = sorted(Path(support("jit").__file__).parent.glob("cpu/*.py"))


def parallel_regions(tree):
    """What makes Numba itself start threads."""
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
        if name == "prange" or (isinstance(node, ast.keyword) and node.arg == "parallel"):
            yield ast.unparse(node)


def test_the_rule_finds_what_it_is_for():
    source = "@njit(parallel=True)\ndef f(x):\n    for i in prange(4): x[i] = 1\n    for i in numba.prange(4): x[i] = 1"
    assert sorted(parallel_regions(ast.parse(source))) == ["numba.prange", "parallel=True", "prange"]


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_threads_come_from_launch_alone(file):
    """Numba's own parallel regions compile four times as long, and cut reductions by the number of threads."""
    assert list(parallel_regions(ast.parse(file.read_text()))) == []
