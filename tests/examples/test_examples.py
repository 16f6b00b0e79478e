"""The examples run as a user runs them, on few images."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SHORT = ("--limit", 3600, "--epochs", 2, "--learning-rate", 0.003)  # 52 to 57 steps an epoch: enough for 92 to 94 %
PICTURES = ["confusion.png", "curves.png", "filters_conv1.png", "filters_conv2.png", "mistakes.png"]


def run(script, *arguments, **environment):
    """What an example prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MICRODL_QUIET": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout), "a file gets no control characters"
    return done.stdout


def accuracy_in(output):
    """The figure in the last line."""
    return float(re.fullmatch(r"test accuracy: (\d+\.\d\d) %", output.splitlines()[-1])[1])


def test_mnist_cnn_trains_saves_and_draws(tmp_path):
    output = run("mnist_cnn.py", *SHORT, "--threads", 1, "--out", tmp_path / "out")
    assert accuracy_in(output) > 90
    assert "Epoch 2/2 - 52/52" in output
    assert re.search(r"trained [\d,]+ images per second", output)
    assert "loaded into a fresh model and verified" in output
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *PICTURES[:4],
        "mistakes.png",
        "mnist_cnn.npz",
    ]
    assert all((tmp_path / "out" / name).stat().st_size > 5000 for name in PICTURES)
    with np.load(tmp_path / "out" / "mnist_cnn.npz") as weights:
        assert weights["layers/0/kernel"].shape == (5, 5, 1, 16)


def test_mnist_cnn_is_the_same_again_and_follows_its_seed():
    outputs = [run("mnist_cnn.py", "--limit", 256, "--epochs", 1, "--seed", seed) for seed in (1, 1, 2)]
    losses = [re.search(r"loss: (\S+) .*val_loss: (\S+)", output).groups() for output in outputs]
    assert losses[0] == losses[1] != losses[2]


def test_mnist_cnn_without_matplotlib_says_what_to_install(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'matplotlib' else found(name, *rest)\n"
    )
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    output = run("mnist_cnn.py", "--limit", 128, "--epochs", 1, "--out", tmp_path / "out", PYTHONPATH=path)
    assert "no pictures: they need matplotlib (pip install matplotlib)" in output
    assert output.splitlines()[-1].startswith("test accuracy: ")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mnist_cnn.npz"]


def test_mnist_tape_trains():
    output = run("mnist_tape.py", *SHORT)
    assert accuracy_in(output) > 90
    assert re.search(r"^epoch 2/2  [\d.]+ s  [\d,]+ images per second  loss [\d.]+$", output, re.MULTILINE)


def test_linear_regression_prints_the_losses_of_the_tutorial():
    output = run("linear_regression.py")
    losses = re.findall(r"iteration +\d+ is (\d+\.\d+)", output)
    expected = ["15.1603", "0.2243", "0.0586", "0.0161", "0.0046", "0.0013", "0.0004", "0.0001", *["0.0000"] * 3]
    assert losses == expected
    weights = re.findall(r"\[ ?([\d.e+-]+)\]", output)
    assert np.allclose(np.array(weights, float), [3.1751457e-03, 1.0003914, 2.0022070, 2.9992850, 3.9944589], atol=1e-5)


@pytest.mark.parametrize("script", ["mnist_cnn.py", "mnist_tape.py"])
def test_help_names_every_option(script):
    output = run(script, "--help")
    for option in ("--epochs", "--batch-size", "--learning-rate", "--seed", "--limit"):
        assert option in output
