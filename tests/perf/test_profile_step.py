"""perf/profile_step.py writes its files and says what a profile costs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("how", [[], ["--eager"]], ids=["function", "eager"])
def test_one_command_profiles_the_step(how, tmp_path):
    pytest.importorskip("matplotlib")
    command = [
        sys.executable,
        ROOT / "perf" / "profile_step.py",
        *how,
        "--batch",
        "8",
        "--steps",
        "2",
        "--out",
        tmp_path,
    ]
    environment = {**os.environ, "MICRODL_QUIET": "1"}
    result = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    names = {"step.json", "roofline.png"} | ({"plan.png", "plan.txt"} if not how else set())
    assert {path.name for path in tmp_path.iterdir()} == names
    assert json.loads((tmp_path / "step.json").read_text())["traceEvents"]
    assert "ResourceApplyAdam" in result.stdout
    assert "peak of arrays" in result.stdout
    assert re.search(r"^a step takes .* ms .*, with a profile .*%", result.stdout, re.MULTILINE)
