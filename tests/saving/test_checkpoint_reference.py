"""Checkpoints under microdl print what they print under TensorFlow."""

from pathlib import Path

import microdl as tf
from tests.reference.checkpoint_script import show

FROZEN = Path(__file__).parents[1] / "reference" / "checkpoints.txt"


def test_checkpoints_do_what_tensorflow_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    show(tf)
    expected = FROZEN.read_text().splitlines()[1:]
    assert capsys.readouterr().out.splitlines() == expected
    assert len(expected) > 60
