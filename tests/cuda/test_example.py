"""The example that steps through a tiled product."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
EXAMPLE = Path(__file__).parents[2] / "examples" / "cuda_emulator.py"


def test_the_example_shows_shared_memory_and_finds_the_mistake(gpu, capsys):
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().out
    assert said.count("A's slab beside B's") == 2
    assert "24   25   26   27   |      0    0    0    1" in said
    assert "A times the unit matrix is A: True" in said
    assert "careless writes 4 bytes out of bounds, 0 bytes after the end of y, 8 elements of float32" in said
    costs = {line.split(":")[-1].strip(): line.split("%")[0].split()[-3:] for line in said.splitlines()[-6:]}
    assert costs["c[row * n + column] = total"] == ["4.00", "2.00", "50"]
