"""One small row from the command line to the file, with every process that takes part."""

import json
import subprocess
import sys
from pathlib import Path

import numba
import pytest

BENCH = str(Path(__file__).parents[2] / "perf" / "bench.py")


def bench(*arguments):
    return subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, timeout=300)


def test_rows_are_listed_by_pattern():
    result = bench("--list", "--filter", "^relu ")
    assert result.stdout.split("\n") == ["relu 4Ki", "relu 64Ki", "relu 16Mi", ""]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="the machine's peak is measured with compiled code")
def test_a_row_is_measured_beside_numpy_and_written_to_a_file(tmp_path):
    result = bench("--filter", "^relu 4Ki$", "--quick", "--threads", "1", "--json", str(tmp_path / "out.json"))
    assert result.stderr == ""
    assert "relu 4Ki" in result.stdout
    found = json.loads((tmp_path / "out.json").read_text())
    row = found["rows"]["relu 4Ki"]
    assert row["bytes"] == 2 * 4096 * 4
    assert 0 < row["least_seconds"] < row["sides"]["microdl"]["min"] <= row["sides"]["microdl"]["median"]
    assert row["sides"]["numpy"]["min"] > 0
    assert "differs" not in row["sides"]["numpy"]
    assert found["threads"] == 1
    assert found["roofs"]["flops"]["float32"] > 1e9
