"""Callbacks do what Keras's do (``make_callbacks.py``): epochs, learning rates, weights, files and what they print."""

import json
import math
from pathlib import Path

import pytest

from microdl import keras
from tests.reference.callback_script import CASES, play

RESULTS = json.loads(Path(__file__).with_name("callbacks.json").read_text())["results"]


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda i: f"{i}-{CASES[i][0]}")
def test_callbacks_do_what_keras_does(number, tmp_path, capsys):
    _, options, _ = CASES[number]
    if str(options.get("filepath", "")).endswith(".h5"):
        pytest.importorskip("h5py", reason="the extra keras-files is not installed")
    found, expected = play(keras, CASES[number], str(tmp_path)), dict(RESULTS[number])
    printed = capsys.readouterr().out.replace(str(tmp_path), "FOLDER")
    assert printed == expected.pop("printed")
    for key in ("epochs", "files", "texts", "weight"):
        assert found[key] == expected[key], key
    for key in ("rates", *expected["history"]):
        ours, theirs = (x[key] if key == "rates" else x["history"][key] for x in (found, expected))
        assert all(
            a == b or math.isclose(a, b, rel_tol=1e-6) or math.isnan(a) for a, b in zip(ours, theirs, strict=True)
        )
    assert {k: found["attributes"].get(k) for k in expected["attributes"]} == expected["attributes"]
