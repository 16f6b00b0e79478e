"""The examples run as a user runs them, on few images."""

import contextlib
import importlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SHORT = ("--limit", 3600, "--epochs", 2, "--learning-rate", 0.003)  # 52 to 57 steps an epoch: enough for 92 to 94 %
PICTURES = ["confusion.png", "curves.png", "filters_conv1.png", "filters_conv2.png", "mistakes.png"]


def start(script, *arguments, **environment):
    """The process of an example."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(ROOT / "examples" / script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MICRODL_QUIET": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def started(script, *arguments, **environment):
    """As ``start``, for a process that the test ends, which it does even if it fails."""
    with start(script, *arguments, **environment) as process:
        try:
            yield process
        finally:
            process.kill()


def run(script, *arguments, **environment):
    """What an example prints."""
    process = start(script, *arguments, **environment)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", output), "a file gets no control characters"
    return output


def accuracy_in(output):
    """The figure in the last line."""
    return float(re.fullmatch(r"test accuracy: (\d+\.\d\d) %", output.splitlines()[-1])[1])


def test_mnist_cnn_trains_saves_and_draws(tmp_path):
    output = run("mnist_cnn.py", *SHORT, "--threads", 1, "--out", tmp_path / "out")
    assert accuracy_in(output) > 90
    assert "Epoch 2/2\n52/52 " in output
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
    for option in ("--epochs", "--batch-size", "--learning-rate", "--seed", "--threads", "--limit"):
        assert option in output


def test_linear_regression_has_help():
    assert run("linear_regression.py", "--help").startswith("usage: linear_regression.py [-h]")


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--epochs", "0", "must be at least 1 and a whole number, got '0'"),
        ("--batch-size", "1.5", "must be at least 1 and a whole number, got '1.5'"),
        ("--limit", "1", "must be at least 2 and a whole number, got '1'"),
        ("--learning-rate", "-1", "must be a number above 0, got '-1'"),
        ("--learning-rate", "nan", "must be a number above 0, got 'nan'"),
        ("--learning-rate", "fast", "must be a number above 0, got 'fast'"),
        ("--threads", "0", r"set_intra_op_parallelism_threads: from 1 to \d+ threads are available here, got 0"),
        ("--out", __file__, rf"{re.escape(__file__)} is no folder to write to \(File exists\)"),
    ],
)
def test_a_wrong_option_is_refused_before_training(option, value, reason):
    process = start("mnist_cnn.py", option, value)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (2, "")
    assert re.fullmatch(f"mnist_cnn.py: error: argument {option}: {reason}", errors.splitlines()[-1])


def test_the_fewest_images_are_enough(tmp_path):
    output = run("mnist_cnn.py", "--limit", 2, "--epochs", 1, "--out", tmp_path)
    assert "wrote " in output
    assert 0 <= accuracy_in(output) <= 100


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("script", ["mnist_cnn.py", "mnist_tape.py"])
def test_ctrl_c_ends_with_one_line_and_keeps_the_weights(tmp_path, script):
    # A shell's background jobs, and what they start, ignore SIGINT.
    heeding = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    (tmp_path / "sitecustomize.py").write_text(heeding)
    keeps = script == "mnist_cnn.py"
    out = ("--out", tmp_path / "out") if keeps else ()
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    with started(script, "--limit", 300, "--epochs", 5000, *out, PYTHONPATH=path) as process:
        assert any(line.lower().startswith("epoch 2/5000") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    kept = re.escape(f"; the weights reached so far are in {tmp_path / 'out' / 'mnist_cnn.npz'}") if keeps else ""
    stopped = re.fullmatch(rf"stopped after (\d+) of 5000 epochs{kept}\n", errors)
    assert stopped, errors
    assert int(stopped[1]) >= 1  # the signal may come before the epoch whose line was read is counted
    if keeps:
        with np.load(tmp_path / "out" / "mnist_cnn.npz") as weights:
            assert weights["layers/0/kernel"].shape == (5, 5, 1, 16)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("script", ["mnist_cnn.py", "mnist_tape.py"])
def test_a_reader_that_leaves_ends_it_without_a_word(script):
    with started(script, "--limit", 300, "--epochs", 5000) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == -signal.SIGPIPE
        assert process.stderr.read() == ""


def test_the_blocks_of_the_readme_run_alone(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    tape, keras, gradients, data, functions, graph, kernel, profiled, saved, sequences, *others = blocks
    (tmp_path / "tape.py").write_text(tape)
    (tmp_path / "keras.py").write_text(keras.replace("epochs=2", "epochs=1"))
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)[1]
    printed = run(tmp_path / "tape.py")
    losses = re.compile(r"\d\.\d{4}$", re.MULTILINE)
    assert losses.sub("", printed) == losses.sub("", shown)
    assert np.allclose(np.array(losses.findall(printed), float), np.array(losses.findall(shown), float), atol=2e-4)
    assert "1875/1875 " in run(tmp_path / "keras.py")
    (tmp_path / "functions.py").write_text(functions)
    run(tmp_path / "functions.py")
    (tmp_path / "kernel.py").write_text(kernel + "assert np.array_equal(y, np.minimum(x * x, np.float32(1)))\n")
    run(tmp_path / "kernel.py")
    (tmp_path / "profiled.py").write_text(profiled.replace('"step.json"', repr(str(tmp_path / "step.json"))))
    assert "_FusedMatMul" in run(tmp_path / "profiled.py")
    assert json.loads((tmp_path / "step.json").read_text())["traceEvents"]
    for name in ("model.keras", "weights.safetensors", "ckpts"):
        saved = saved.replace(f'"{name}"', repr(str(tmp_path / name)))
    (tmp_path / "saved.py").write_text(saved)
    run(tmp_path / "saved.py")
    assert (tmp_path / "ckpts" / "ckpt-1.safetensors").exists()
    named = [(f"other{i}", block) for i, block in enumerate([gradients, *others])]
    for name, block in (("data", data), ("graph", graph), ("sequences", sequences), *named):
        block = block.replace('"line"', repr(str(tmp_path / "line")))
        (tmp_path / f"{name}.py").write_text(block)
        run(tmp_path / f"{name}.py", MICRODL_GPU="emulate")  # the GPU that one of them asks for


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_curves_count_whole_epochs_and_cut_no_marker(epochs, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    plots = importlib.import_module("plots")
    falling = [0.2 / epoch for epoch in range(1, epochs + 1)]
    rising = [1 - loss for loss in falling]
    figure = plots.curves({"loss": falling, "val_loss": [0.19] * epochs, "accuracy": rising, "val_accuracy": rising})
    figure.canvas.draw()
    for axis in figure.axes:
        low, high = axis.get_xlim()
        assert [tick for tick in axis.get_xticks() if low <= tick <= high] == [*range(1, epochs + 1)]
        marker = axis.lines[0].get_markersize() / 72 * figure.dpi / 2  # its radius in pixels
        inside = axis.get_window_extent().padded(-marker)
        for line in axis.lines:
            assert all(inside.contains(*point) for point in axis.transData.transform(line.get_xydata()))
    plots.plt.close(figure)
