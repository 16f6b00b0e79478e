"""The way to a machine without a package index: wheels and a checkout in parts, and what unpacks and runs them."""

import json
import platform
import subprocess
import sys
import zipfile

import numpy as np
import offline_gpu
import pytest
from offline import archive, wheels

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
NOISE = np.random.default_rng(0).bytes(40_000)  # which nothing compresses


@pytest.fixture
def tree(tmp_path):
    """A folder of wheels, and a checkout."""
    folder, checkout = tmp_path / "wheels", tmp_path / "tree"
    folder.mkdir()
    with zipfile.ZipFile(folder / "fake-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("fake/__init__.py", "SIZE = 7")
        wheel.writestr("fake/noise.bin", NOISE)
        wheel.writestr("fake/tests/test_fake.py", "")
        wheel.writestr("cuda/core/cu12/large.py", "")
    for name, text in {"microdl/__init__.py": "", "microdl/doctor.py": "print('doctor')", "kernels/k.py": ""}.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text)
    (checkout / "microdl" / "__pycache__").mkdir()
    return folder, checkout


def pack(tree, out, *more):
    arguments = ["pack", str(out), "--wheels", str(tree[0]), "--python", HERE, "--machine", platform.machine()]
    return offline_gpu.pack(offline_gpu.options([*arguments, "--level", "1", *more]), tree[1])


def run(out, *arguments):
    command = [sys.executable, str(out / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_parts_are_unpacked_once_and_the_command_finds_the_packages(tree, tmp_path):
    out = tmp_path / "out"
    parts = pack(tree, out, "--limit", "0.015")["parts"]
    assert [part["bytes"] for part in parts[:-1]] == [15_000] * (len(parts) - 1)
    assert len(parts) == 3
    script = "import fake, microdl, os; print(fake.SIZE, sorted(os.listdir()))"
    first, second = (run(out, "python", "-c", script) for _ in range(2))
    assert first.stderr == second.stderr == ""
    assert "unpacked into" in first.stdout
    assert "unpacked into" not in second.stdout
    assert "doctor\n" in first.stdout
    assert "7 ['kernels', 'microdl']" in first.stdout
    site = out / "unpacked" / "site"
    assert (site / "fake" / "noise.bin").read_bytes() == NOISE
    assert not (site / "fake" / "tests").exists()
    assert not (site / "cuda" / "core" / "cu12").exists()
    assert not (out / "unpacked" / "checkout" / "microdl" / "__pycache__").exists()


def test_a_failure_is_told_at_the_end(tree, tmp_path):
    pack(tree, tmp_path / "out")
    result = run(tmp_path / "out", "--into", str(tmp_path / "there"), "python", "-c", "raise SystemExit(3)")
    assert result.returncode == 1
    assert "ended with code 3" in result.stdout
    assert (tmp_path / "there" / "site").is_dir()


def test_a_checkout_may_come_another_way(tree, tmp_path):
    pack(tree, tmp_path / "out", "--packages-only")
    assert "name a checkout by --checkout" in run(tmp_path / "out", "python").stderr
    result = run(tmp_path / "out", "--checkout", str(tree[1]), "python", "-c", "import os; print(os.getcwd())")
    assert str(tree[1]) in result.stdout


def test_what_does_not_fit_is_said(tree, tmp_path):
    out = tmp_path / "out"
    manifest = pack(tree, out)
    (out / "manifest.json").write_text(json.dumps({**manifest, "python": "2.7"}))
    assert "pack them with --python" in run(out).stderr
    (out / "manifest.json").write_text(json.dumps({**manifest, "machine": "vax"}))
    assert "the packages are for vax" in run(out).stderr
    (out / "manifest.json").write_text(json.dumps(manifest))
    part = out / manifest["parts"][0]["name"]
    part.write_bytes(part.read_bytes()[:1000])
    assert "has 1000 bytes" in run(out).stderr
    part.unlink()
    assert "is missing" in run(out).stderr


def test_wheels_are_needed(tmp_path):
    with pytest.raises(wheels.CannotPack, match="no wheel"):
        wheels.install([], tmp_path)


def test_the_limit_is_a_number_above_zero(capsys):
    assert offline_gpu.options(["pack", "out", "--limit", "1.5"]).limit == 1_500_000
    with pytest.raises(SystemExit):
        offline_gpu.options(["pack", "out", "--limit", "0"])
    assert "more than 0 MB" in capsys.readouterr().err


def test_a_part_is_full_before_the_next_begins(tmp_path):
    with archive.Parts(tmp_path, "x", 10) as parts:
        parts.write(b"a" * 7)
        parts.write(b"b" * 17)
    assert [part["bytes"] for part in parts.written] == [10, 10, 4]
    assert b"".join((tmp_path / part["name"]).read_bytes() for part in parts.written) == b"a" * 7 + b"b" * 17
