"""Generated kernels as files: written once, shared by processes, readable, and no condition for anything to work."""

import ast
import os
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

from microdl.core.kernels import cpu, support

ROOT = Path(__file__).parents[2]
generated = support("generated")
SCRIPT = """
import numpy as np, microdl as tf
from microdl.core.kernels import support
step = tf.function(lambda x, b: tf.tanh(x * 0.3 + b) / (1.0 + tf.abs(x)))
x, b = tf.reshape(tf.range(40000.0), (200, 200)) / 1e4 - 2.0, tf.range(200.0)
y = step(x, b).numpy()
np.testing.assert_array_equal(y, (tf.tanh(x * 0.3 + b) / (1.0 + tf.abs(x))).numpy())
print(sum("fused" in name for name, _ in support("jit").compiles))
"""


def start(folder, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MICRODL_CACHE_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def printed(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.strip(), errors


def test_processes_that_start_at_once_share_one_kernel_and_later_ones_compile_nothing(tmp_path):
    at_once = [start(tmp_path), start(tmp_path)]
    assert [printed(process)[1] for process in at_once] == ["", ""]
    assert printed(start(tmp_path)) == ("0", "")
    assert len(list(tmp_path.rglob("fused_*.py"))) == 1
    assert len(list(tmp_path.rglob("fused_*.nbc"))) == 1
    assert list(tmp_path.rglob("*.tmp")) == []


def test_it_works_without_the_compiler_and_without_a_folder(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    assert printed(start(tmp_path, NUMBA_DISABLE_JIT="1"))[0] == "0"
    output, errors = printed(start(nowhere))
    assert output == "1"
    assert "cannot write" in errors


FLOAT, STEP = cpu.formula.Input("whole", "float32"), cpu.formula.Step


def written():
    steps = [STEP("Mul", ("x0", np.float32(0.1)), "float32"), STEP("LeakyRelu", ("t0",), "float32", (("alpha", 0.2),))]
    return cpu.formula.write([FLOAT], steps, [0, 1])


def test_the_source_is_a_documented_module_with_short_lines():
    title, source = written()
    assert title == "mul_leakyrelu"
    assert "t0 = x0 * float32(0.1)  # Mul" in source
    assert "float32(0.2) * t0" in source
    tree = ast.parse(source)
    assert ast.get_docstring(tree)
    assert max(map(len, source.splitlines())) <= 120
    assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["formula", title]


def test_infinite_and_unknown_numbers_can_be_written():
    limits = [np.float32(np.inf), np.float32(-np.inf), np.float32(np.nan)]
    steps = [STEP("Minimum", ("x0", limits[0]), "float32"), STEP("Maximum", ("t0", limits[1]), "float32")]
    steps.append(STEP("AddV2", ("t1", limits[2]), "float32"))
    kernel = cpu.formula.load(*cpu.formula.write([FLOAT], steps, [1, 2]))
    x = np.array([1, np.inf, -np.inf], np.float32)
    same, unknown = np.empty_like(x), np.empty_like(x)
    kernel(x, same, unknown)
    np.testing.assert_array_equal(same, x)
    assert np.isnan(unknown).all()


def test_a_damaged_file_is_written_again(tmp_path, monkeypatch):
    monkeypatch.setattr(generated, "cache_folder", lambda: tmp_path)
    title, source = written()
    for damage in ("", "raise SystemExit"):
        generated.load.cache_clear()
        function = generated.load(title, source)
        file = Path(function.py_func.__code__.co_filename)
        assert file.parent == tmp_path
        assert file.read_text() == source
        file.write_text(damage)


@pytest.mark.parametrize("folder", [None, "gone"])
def test_a_traceback_shows_the_source_even_without_a_file(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(generated, "cache_folder", lambda: folder and tmp_path / folder)
    failing = generated.load("fails", f"def fails():\n    raise ValueError({folder!r})\n")
    with pytest.raises(ValueError) as error:
        failing()
    assert "raise ValueError" in "".join(traceback.format_tb(error.value.__traceback__))
