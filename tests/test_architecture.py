"""What the tree promises: layers import downwards only, one door to the kernels, small files, a quick import."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
import tomllib
import types
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from microdl.core.kernels import support

ROOT = Path(__file__).parents[1]
TREES = ("microdl", "kernels", "examples", "perf", "tests")
LINES = 400  # non-blank lines of one file

# Lowest first; a module belongs to the longest prefix that fits.
LAYERS = (
    ("kernels",),
    ("microdl.core.kernels",),
    ("microdl.core",),
    ("microdl.gpu",),
    ("microdl.compile",),
    ("microdl.ops",),
    ("microdl.saving",),
    (
        "microdl.keras", "microdl.config", "microdl.data", "microdl.doctor", "microdl.profiler", "microdl.warmup",
        "microdl.distribute", "microdl.summary",
    ),
    ("microdl",),
    ("microdl.compat",),  # all of microdl once more, as functions that add to a graph
    ("examples", "tests", "perf"),
)  # fmt: skip

# Imports inside functions: optional packages, which must not be needed by (nor slow down) who does not use them.
INSIDE_FUNCTIONS = {
    "matplotlib": "pictures are optional",
    "torch": "a peer in a benchmark; most machines do not have it",
    "tensorflow": "a peer in a benchmark; most machines do not have it",
}
# Imports inside functions of single files, each for a reason of its own.
INSIDE_FUNCTIONS_OF = {
    ("tests/conftest.py", "microdl"): "the lines above it make microdl importable from a checkout",
    ("perf/accuracy.py", "microdl"): "peers run in processes without it",
    ("perf/accuracy.py", "harness"): "what imports torch, in the process of PyTorch alone",
    ("perf/accuracy.py", "mnist_cnn"): "the example's network, in the process of microdl alone",
    ("perf/profile_step.py", "microdl"): "the lines above it make microdl importable from a checkout",
    ("examples/mnist_cnn.py", "plots"): "beside the example; needs matplotlib, which training does not",
}


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(path): path for tree in TREES for path in sorted((ROOT / tree).rglob("*.py"))}
PACKAGE = [name for name in FILES if name.startswith(("microdl", "kernels"))]
SYNTAX = {name: ast.parse(path.read_text(), str(path)) for name, path in FILES.items()}
modules = pytest.mark.parametrize("name", PACKAGE)


def is_package(name):
    return FILES[name].name == "__init__.py"


def real(target):
    """``microdl.kernels.x`` is the folder ``kernels`` (see pyproject.toml)."""
    return target.removeprefix("microdl.") if f"{target}.".startswith("microdl.kernels.") else target


def targets(name, node):
    """Modules that an import statement in module ``name`` loads."""
    if isinstance(node, ast.Import):
        return [real(alias.name) for alias in node.names]
    base = node.module or ""
    if node.level:
        package = name if is_package(name) else name.rpartition(".")[0]
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*parents, *filter(None, [base])])
    base = real(base)
    return [f"{base}.{alias.name}" if f"{base}.{alias.name}" in FILES else base for alias in node.names]


def imports(name):
    found = [node for node in ast.walk(SYNTAX[name]) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return [target for node in found for target in targets(name, node)]


def is_ours(target):
    return target.split(".")[0] in TREES


def rank(name):
    fits = [(len(p), i) for i, layer in enumerate(LAYERS) for p in layer if f"{name}.".startswith(f"{p}.")]
    return max(fits)[1]


@modules
def test_imports_point_downwards(name):
    upwards = [target for target in imports(name) if is_ours(target) and rank(target) > rank(name)]
    assert upwards == [], f"{name} imports from a layer above it"


def test_keras_and_compat_do_not_see_each_other():
    for name in PACKAGE:
        for here, there in (("microdl.keras", "microdl.compat"), ("microdl.compat", "microdl.keras")):
            if name.startswith(here):
                assert not [target for target in imports(name) if target.startswith(there)]


def test_imports_form_no_cycle():
    graph = {name: {t for t in imports(name) if t in FILES and t != name} for name in FILES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which shows the cycle


def test_one_door_leads_to_the_kernels():
    outside = [name for name in PACKAGE if not name.startswith("kernels")]
    assert [n for n in outside if any(rank(t) == 0 for t in imports(n) if is_ours(t))] == ["microdl.core.kernels"]


@pytest.mark.parametrize("name", [name for name in PACKAGE if name.startswith("kernels")])
def test_kernels_know_numpy_and_numba_only(name):
    foreign = {t.split(".")[0] for t in imports(name) if not is_ours(t)} - set(sys.stdlib_module_names)
    assert foreign <= {"numpy", "numba", "llvmlite"}


@pytest.mark.parametrize("name", [name for name in PACKAGE if name.startswith("kernels.")])
def test_the_kernel_cache_sees_every_import_of_a_kernel_module(name):
    jit = support("jit")
    expected = {FILES[target].resolve() for target in imports(name) if is_ours(target)}
    assert expected <= {module.resolve() for module in jit._imported(FILES[name])}


@pytest.mark.parametrize("name", FILES)
def test_imports_stand_at_the_top(name):
    hidden = []
    for function in ast.walk(SYNTAX[name]):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found = [node for node in ast.walk(function) if isinstance(node, (ast.Import, ast.ImportFrom))]
            hidden += [target.split(".")[0] for node in found for target in targets(name, node)]
    file = FILES[name].relative_to(ROOT).as_posix()
    allowed = {package for path, package in INSIDE_FUNCTIONS_OF if path == file}
    assert set(hidden) - set(INSIDE_FUNCTIONS) - allowed == set(), f"{file} hides imports inside functions"


def test_every_exception_to_the_rule_is_in_use():
    for file, package in INSIDE_FUNCTIONS_OF:
        assert package in (ROOT / file).read_text(), f"{file} does not import {package} any more"


@pytest.mark.parametrize("name", FILES)
def test_files_are_short(name):
    lines = sum(bool(line.strip()) for line in FILES[name].read_text().splitlines())
    assert lines <= LINES, f"{FILES[name].relative_to(ROOT)} has {lines} non-blank lines"


def test_every_package_is_installed():
    with open(ROOT / "pyproject.toml", "rb") as file:
        listed = tomllib.load(file)["tool"]["setuptools"]["packages"]
    folders = {module_name(path) for top in ("microdl", "kernels") for path in (ROOT / top).rglob("__init__.py")}
    assert set(listed) == {f"microdl.{name}" if name.startswith("kernels") else name for name in folders}
    assert len(listed) == len(set(listed))


def test_every_folder_with_modules_is_a_package():
    folders = {path.parent for top in ("microdl", "kernels") for path in (ROOT / top).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("module", ["microdl", "microdl.keras"])
def test_importing_does_not_load_heavy_packages(module):
    code = f"import sys, {module}; print(*sorted({{n.partition('.')[0] for n in sys.modules}}))"
    result = python(code)
    assert result.stderr == ""
    assert not {"numba", "llvmlite", "matplotlib", "rich", "tqdm", "PIL", "pandas", "scipy"} & set(
        result.stdout.split()
    )


def test_the_kernels_have_no_second_name():
    result = python("import kernels")
    assert "this package is microdl.kernels, not kernels" in result.stderr


# microdl and the modules of TensorFlow's names beside it (microdl.nn, microdl.math...), and Keras's.
REEXPORTS = [n for n in PACKAGE if rank(n) == rank("microdl") or (n.startswith("microdl.keras") and is_package(n))]
PUBLIC = sorted({*REEXPORTS, *(n for n in PACKAGE if n.startswith("microdl.keras.") and n.count(".") == 2)})
SUBMODULES = {"compile", "core", "gpu", "ops", "saving"}  # packages, added as attributes when they are imported
OF_KERAS = {"initializers", "losses", "metrics", "optimizers"}  # modules of Keras that TensorFlow shows as its own


def public_names(module):
    return {name: value for name, value in vars(importlib.import_module(module)).items() if not name.startswith("_")}


@pytest.mark.parametrize("module", REEXPORTS)
def test_modules_of_others_do_not_leak_as_public_names(module):
    found = {n: v.__name__ for n, v in public_names(module).items() if isinstance(v, types.ModuleType)}
    assert {n: v for n, v in found.items() if not v.startswith("microdl.")} == {}


def test_microdl_shows_the_modules_that_tensorflow_has():
    found = {n for n, v in public_names("microdl").items() if isinstance(v, types.ModuleType)}
    beside = {path.stem for path in (ROOT / "microdl").glob("*.py")}
    packages = {"autograph", "keras", "data", "compat", "kernels", "profiler", "summary"}
    assert found - SUBMODULES - OF_KERAS <= beside | packages


@pytest.mark.parametrize("module", PUBLIC)
def test_everything_public_is_documented(module):
    bare = []
    for name, value in public_names(module).items():
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__.startswith("microdl"):
            bare += [] if (value.__doc__ or "").strip() else [name]
    assert bare == [], f"{module}: without a docstring"


@modules
def test_every_module_says_what_it_is(name):
    empty = not FILES[name].read_text().strip()
    assert empty or ast.get_docstring(SYNTAX[name]), f"{name} has no docstring"
