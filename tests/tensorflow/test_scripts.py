"""TensorFlow 2's tutorials as scripts: under microdl they compute what they compute under TensorFlow 2.21."""

import json
import random

import numpy as np
import pytest

from microdl.core.random_state import random_state
from tests.tensorflow.scripts import FROZEN, SCRIPTS, run
from tests.tensorflow.test_frozen import differences

STORED = json.loads(FROZEN.read_text())
TOLERANCE = 1e-4


@pytest.fixture(autouse=True)
def _own_folder_and_seeds(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = random.getstate(), np.random.get_state()
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])
    random_state.set_seed(None)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_computes_what_it_computes_under_tensorflow(script):
    if script == "save_and_restore":
        pytest.importorskip("h5py")
    losses, results = run(script, "microdl")
    stored = STORED["scripts"][script]
    np.testing.assert_allclose(losses, stored["losses"], rtol=0, atol=TOLERANCE)
    found = list(differences(json.loads(json.dumps(results)), stored["results"], TOLERANCE))
    assert not found, "\n".join(found)


def test_all_scripts_are_frozen_and_train_for_fifty_steps():
    assert set(STORED["scripts"]) == set(SCRIPTS)
    assert STORED["versions"]["tensorflow"].startswith("2.21")
    trained = [len(one["losses"]) for one in STORED["scripts"].values() if one["losses"]]
    assert len(trained) >= 8
    assert min(trained) >= 50
