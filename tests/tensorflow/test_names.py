"""The count of TensorFlow's public names."""

import subprocess
import sys
from pathlib import Path

from tests.tensorflow.names import STORED, counts, table


def test_names_are_offered_tested_or_left_out():
    found = counts()
    for count in found.values():
        assert len(count.offered) + len(count.left_out) == len(count.names)
        assert set(count.tested) <= set(count.offered)
    assert {"relu", "conv2d"} <= set(found["nn"].tested)
    assert "reduce_sum" in found["math"].tested
    assert "Dense" in found["keras.layers"].tested
    assert "placeholder" in found["compat.v1"].tested
    assert "RaggedTensor" in found["tf"].left_out
    assert not found["tpu" if "tpu" in found else "distribute"].here
    assert STORED["versions"]["tensorflow"].startswith("2.21")
    assert len(table(found).splitlines()) == len(found) + 3


def test_one_command_prints_them():
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.tensorflow.names", "saved_model"]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("saved_model: ")
