"""How the documents' scripts run: in a folder of their own, without windows, beside stand-ins for other packages."""

import random
import runpy
from pathlib import Path

import numpy as np
import pytest

from microdl.core.random_state import random_state

FOLDER = Path(__file__).parent


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a script by its name. Returns its variables and what it printed."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.syspath_prepend(FOLDER / "packages")
    monkeypatch.chdir(tmp_path)
    before = random.getstate(), np.random.get_state()

    def run_script(name):
        variables = runpy.run_path(str(FOLDER / "scripts" / f"{name}.py"))
        return variables, capsys.readouterr().out

    yield run_script
    random.setstate(before[0])
    np.random.set_state(before[1])
    random_state.set_seed(None)
