"""The kernel decorator: one thread or several by size, and a disk cache that is shared by processes and never stale.

Each test gives its processes a cache folder of their own, and most a small package of kernels made for it.
"""

import importlib.util
import os
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest

from microdl.core.kernels import support

ROOT = Path(__file__).parents[2]

HELPER = """
from ..jit import inner

@inner
def plus(x):
    return x + {amount}
"""

KERNELS = """
from ..jit import kernel
from .helper import plus

@kernel(tasks=lambda x, y: x.size, serial_below=4)
def shifted(i, x, y):
    y[i] = plus(x[i])
"""

RUN = """
import importlib.util, sys
import numpy as np
spec = importlib.util.spec_from_file_location("small", "small/__init__.py", submodule_search_locations=["small"])
sys.modules["small"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["small"])
from small.cpu.shift import shifted
from small import jit
x = np.arange({size}, dtype=np.{dtype})
y = np.empty_like(x)
shifted(x, y)
print(len(jit.compiles), *y)
"""


@pytest.fixture
def package(tmp_path):
    """A package laid out like ``kernels``: the real files of the decorator beside one kernel and one helper."""
    folder = tmp_path / "small"
    (folder / "cpu").mkdir(parents=True)
    for file in ("__init__.py", "cpu/__init__.py"):
        (folder / file).write_text("")
    for file in ("jit.py", "launch.py", "linking.py", "recording.py", "threads.py"):
        (folder / file).write_text((ROOT / "kernels" / file).read_text())
    (folder / "cpu" / "shift.py").write_text(KERNELS)
    (folder / "cpu" / "helper.py").write_text(HELPER.format(amount=1))
    return folder


def start(package, cache=None, size=3, dtype="float32", **environment):
    cache = package.parent / "cache" if cache is None else cache
    return subprocess.Popen(
        [sys.executable, "-c", RUN.format(size=size, dtype=dtype)],
        cwd=package.parent,
        env={**os.environ, "NUMBA_DISABLE_JIT": "0", "MICRODL_CACHE_DIR": str(cache), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """(signatures compiled, result, lines on stderr)"""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    compiled, *numbers = output.split()
    return int(compiled), [float(n) for n in numbers], errors.splitlines()


def run(package, **options):
    return finish(start(package, **options))


def entries(package):
    return sorted((package.parent / "cache").glob("kernels-*/*"))


def test_a_second_process_compiles_nothing(package):
    assert run(package) == (1, [1, 2, 3], [])
    assert run(package) == (0, [1, 2, 3], [])


def test_an_edited_helper_compiles_its_callers_again(package):
    run(package)
    (package / "cpu" / "helper.py").write_text(HELPER.format(amount=10))
    assert run(package) == (1, [10, 11, 12], [])
    (package / "cpu" / "helper.py").write_text(HELPER.format(amount=1))
    assert run(package) == (0, [1, 2, 3], [])  # the former version is still there


def test_a_helper_of_a_helper_counts_too(package):
    (package / "cpu" / "deep.py").write_text(HELPER.format(amount=1))
    (package / "cpu" / "helper.py").write_text("from . import (  # one name a line\n    deep,\n)\n\nplus = deep.plus\n")
    assert run(package)[:2] == (1, [1, 2, 3])
    (package / "cpu" / "deep.py").write_text(HELPER.format(amount=5))
    assert run(package)[:2] == (1, [5, 6, 7])


def test_an_edit_after_the_import_does_not_pass_off_old_code_as_new(package):
    """A process imports ``shift``; ``helper`` is edited; the process imports another kernel that uses it."""
    (package / "cpu" / "other.py").write_text(KERNELS.replace("shifted", "moved"))
    (package.parent / "edit.py").write_text(
        RUN.format(size=3, dtype="float32")
        + f"open('small/cpu/helper.py', 'w').write({HELPER.format(amount=10)!r})\n"
        + "from small.cpu.other import moved\nmoved(x, y)\n"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "0", "MICRODL_CACHE_DIR": str(package.parent / "cache")}
    subprocess.run([sys.executable, "edit.py"], cwd=package.parent, env=environment, check=True, capture_output=True)
    (package / "cpu" / "shift.py").write_text("from .other import moved as shifted\n")
    assert run(package)[:2] == (1, [10, 11, 12])  # what the first process compiled is not taken for it


def test_an_edited_decorator_compiles_again(package):
    run(package)
    (package / "jit.py").write_text((package / "jit.py").read_text().replace('"contract", ', ""))
    assert run(package)[:2] == (1, [1, 2, 3])


def test_one_thread_or_several_share_an_entry(package):
    assert run(package, size=3)[0] == 1  # under the bound: serial
    assert run(package, size=4) == (0, [1, 2, 3, 4], [])
    assert len(entries(package)) == 1


def test_each_signature_has_an_entry(package):
    assert run(package, dtype="float32")[0] == 1
    assert run(package, dtype="float64")[0] == 1
    assert run(package, dtype="float64")[0] == 0


@pytest.mark.parametrize("setting", ["NUMBA_OPT", "NUMBA_BOUNDSCHECK", "NUMBA_LOOP_VECTORIZE"])
def test_settings_that_change_the_code_have_a_cache_of_their_own(package, setting):
    value = "0" if setting == "NUMBA_LOOP_VECTORIZE" else "1"
    assert run(package)[0] == 1
    assert run(package, **{setting: value})[:2] == (1, [1, 2, 3])


def cut(data):
    return data[: len(data) // 2]


def emptied(data):
    return b""


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("damage", [cut, emptied, flipped])
def test_a_damaged_entry_is_compiled_again_and_replaced(package, damage):
    run(package)
    (entry,) = entries(package)
    sound = entry.read_bytes()
    entry.write_bytes(damage(sound))
    assert run(package) == (1, [1, 2, 3], [])
    assert run(package) == (0, [1, 2, 3], [])


def test_an_entry_that_cannot_be_read_is_no_error(package):
    run(package)
    (entry,) = entries(package)
    entry.unlink()
    entry.mkdir()  # reading and replacing it fails, for root too
    assert run(package)[:2] == (1, [1, 2, 3])


def test_eight_processes_may_start_at_once_on_an_empty_cache(package):
    processes = [start(package, size=5) for _ in range(8)]
    for process in processes:
        assert finish(process)[1:] == ([1, 2, 3, 4, 5], [])
    assert [entry.suffix for entry in entries(package)] == [".nbc"]  # one entry, no temporary file left
    assert run(package, size=5) == (0, [1, 2, 3, 4, 5], [])


def test_a_cache_that_cannot_be_written_costs_one_line(package):
    file = package.parent / "file"
    file.write_text("")
    place = file / "below"  # no folder can be made under a file, not even by root
    line = f"microdl: cannot write to {place}: kernels are compiled anew by every process"
    assert run(package, cache=place) == (1, [1, 2, 3], [line])
    assert run(package, cache=place) == (1, [1, 2, 3], [line])


def test_a_folder_that_goes_away_is_made_again(package):
    script = RUN.replace("x = np", "import shutil; shutil.rmtree('cache')\nx = np", 1)
    process = subprocess.run(
        [sys.executable, "-c", script.format(size=3, dtype="float32")],
        cwd=package.parent,
        env={**os.environ, "NUMBA_DISABLE_JIT": "0", "MICRODL_CACHE_DIR": "cache"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (process.returncode, process.stdout.split(), process.stderr) == (0, ["1", "1.0", "2.0", "3.0"], "")
    assert run(package)[0] == 0


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_a_temporary_folder_that_others_can_write_to_is_not_trusted(package, monkeypatch, tmp_path):
    jit = load_module(package / "jit.py")
    monkeypatch.setattr(jit.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = jit._temporary_cache()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(OSError, match="can be written to by others"):
        jit._temporary_cache()


def test_a_write_that_fails_leaves_nothing_behind(package, monkeypatch, tmp_path):
    jit = load_module(package / "jit.py")

    def full(*paths):
        raise OSError("no space left on device")

    monkeypatch.setattr(jit.os, "replace", full)
    folder = tmp_path / "cache"
    folder.mkdir()
    with pytest.raises(OSError, match="no space"):
        jit.write_whole(folder / "entry", b"contents")
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="user ids")
def test_a_user_without_home_and_temporary_folder_can_run_kernels(package, monkeypatch, capsys):
    jit = load_module(package / "jit.py")
    monkeypatch.delenv("MICRODL_CACHE_DIR", raising=False)

    def no_home():
        raise RuntimeError("could not determine home directory")

    def no_folder():
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(jit, "_user_cache", no_home)
    monkeypatch.setattr(jit, "_temporary_cache", no_folder)
    assert jit.cache_folder() is jit.cache_folder() is None
    assert capsys.readouterr().err == (
        "microdl: cannot write to a home or temporary folder: kernels are compiled anew by every process\n"
    )


def load_module(path):
    """A second, independent jit.py, as a part of the package that it lies in."""
    package = f"package_{uuid.uuid4().hex}"
    for name in (package, f"{package}.jit"):
        file = path.parent / "__init__.py" if name == package else path
        spec = importlib.util.spec_from_file_location(name, file)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def test_the_cache_lies_where_the_platform_keeps_caches(package, monkeypatch, tmp_path):
    jit = load_module(package / "jit.py")
    monkeypatch.delenv("MICRODL_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert jit.cache_folder().parent == tmp_path / "xdg" / "microdl"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert jit._user_cache() == tmp_path / ".cache" / "microdl"


def test_only_the_newest_versions_of_an_entry_are_kept(package):
    for amount in range(1, 6):
        (package / "cpu" / "helper.py").write_text(HELPER.format(amount=amount))
        assert run(package)[:2] == (1, [amount, amount + 1, amount + 2])
    assert len(entries(package)) == 4
    assert run(package)[0] == 0


def announcing(package, seconds):
    """The package's jit.py with another bound for compiles worth a line."""
    source = (package / "jit.py").read_text()
    (package / "jit.py").write_text(source.replace("ANNOUNCE_SECONDS = 1.0", f"ANNOUNCE_SECONDS = {seconds}"))


def test_a_long_compile_is_announced_in_one_line(package):
    announcing(package, 0.0)
    (line,) = run(package, MICRODL_QUIET="")[2]
    assert line.startswith("microdl: compiled small.cpu.shift.shifted in ")
    (entry,) = entries(package)
    assert line.endswith(f" s (cached in {entry.parent})")
    assert run(package, MICRODL_QUIET="")[2] == []  # loaded, not compiled


def test_microdl_quiet_silences_announcements(package):
    announcing(package, 0.0)
    assert run(package, MICRODL_QUIET="1") == (1, [1, 2, 3], [])


def test_several_short_compiles_are_announced_together(monkeypatch, capsys):
    jit = support("jit")
    monkeypatch.setattr(jit, "_unannounced", [])
    monkeypatch.delenv("MICRODL_QUIET", raising=False)
    for _ in range(7):
        jit._announce("cpu.some.kernel", 0.8, "cached in a folder")
    assert capsys.readouterr().err == "microdl: compiled 4 more kernels in 3.2 s (cached in a folder)\n"


def test_short_compiles_are_not_announced(package):
    announcing(package, 1000.0)
    assert run(package, MICRODL_QUIET="")[2] == []


def test_kernels_run_as_python_with_the_jit_off(package):
    assert run(package, size=5, NUMBA_DISABLE_JIT="1") == (0, [1, 2, 3, 4, 5], [])
    assert entries(package) == []


def python_function(task, x, y):
    """Any function."""


@pytest.fixture
def launched(monkeypatch):
    """A kernel whose launches are recorded, not run: its maker, and the list of (tasks, threads)."""
    monkeypatch.setattr(support("threads"), "unguarded", True)
    monkeypatch.setattr(support("threads"), "limit", 8)
    launches = []

    def make(work=None):
        kernel = support("jit").Kernel(python_function, lambda x, y: x.size, work, serial_below=10)
        monkeypatch.setattr(kernel, "_launch", lambda tasks, threads, *args: launches.append((tasks, threads)))
        return kernel

    return make, launches


def test_the_size_of_the_last_argument_decides_on_threads(launched):
    make, launches = launched
    for size in (0, 9, 10, 11):
        make()(np.empty(3), np.empty(size))
    assert launches == [(3, 1), (3, 1), (3, 8), (3, 8)]


def test_the_work_decides_on_threads_where_a_kernel_says_what_it_is(launched):
    make, launches = launched
    kernel = make(lambda x, y: x.size * y.size)
    kernel(np.empty(3), np.empty(3))
    kernel(np.empty(5), np.empty(2))
    assert launches == [(3, 1), (5, 8)]


def test_one_task_needs_no_threads_and_no_task_no_launch(launched):
    make, launches = launched
    make()(np.empty(1), np.empty(100))
    make()(np.empty(0), np.empty(100))
    assert launches == [(1, 1)]


def test_a_single_element_needs_no_kernel_where_another_function_knows_it(monkeypatch):
    kernel = support("jit").kernel(python_function, tasks=lambda x, y: 1, single=lambda x, y: np.copyto(y, x + 1))
    monkeypatch.setattr(kernel, "_launch", lambda tasks, threads, x, y: np.copyto(y, x + 2))
    for size, added in ((1, 1), (2, 2)):
        y = np.zeros(size)
        calls = support("recording").recorded(kernel, np.ones(size), y)
        assert (y == 1 + added).all()
        y.fill(0)
        for call in calls:
            call()
        assert (y == 1 + added).all()
    assert support("recording").listed([lambda: kernel(np.ones(1), np.ones(1))]) == []


def test_a_kernel_keeps_the_name_and_text_of_its_function():
    kernel = support("jit").Kernel(python_function, len, None, 0)
    assert (kernel.__name__, kernel.__doc__, kernel.py_func) == ("python_function", "Any function.", python_function)
    assert repr(kernel) == f"<Kernel {__name__}.python_function>"


def test_hidden_settings_of_the_compiler_keep_nan_and_infinity():
    assert not {"nnan", "ninf", "fast"} & set(support("jit").FASTMATH)
