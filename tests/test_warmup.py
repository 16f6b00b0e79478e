"""python -m microdl.warmup: everything runs, and it says what was compiled and where that lies."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from microdl import config, warmup
from microdl.core.kernels import support
from microdl.keras import Input, Sequential, layers

ROOT = Path(__file__).parents[1]


def tiny():
    return Sequential([Input((3,)), layers.Dense(warmup.CLASSES)])


@pytest.fixture
def one_network(monkeypatch):
    monkeypatch.setattr(warmup, "NETWORKS", (tiny,))
    monkeypatch.setattr(warmup.argparse.ArgumentParser, "parse_args", lambda self: None)
    monkeypatch.setenv("MICRODL_QUIET", "1")


def test_jobs_train_evaluate_and_predict_in_both_ways(one_network):
    assert [done for done, _, _ in warmup.warm_up()] == [0, 1, 2, 3, 4]
    assert [description for description, _ in warmup.jobs()] == [
        "tiny: fit, evaluate, predict (function)",
        "tiny: a step with a tape (function)",
        "tiny: fit, evaluate, predict (eager)",
        "tiny: a step with a tape (eager)",
    ]


def test_it_prints_progress_seconds_and_the_folder(one_network, capsys):
    assert warmup.main() == 0
    out = capsys.readouterr().out
    assert re.search(r"^threads: \d+ of \d+ threads", out, re.MULTILINE)
    assert re.search(r"^ +\d+\.\d s   0/4  tiny: fit", out, re.MULTILINE)
    assert re.search(r"^compiled \d+ kernels in \d+\.\d s, found \d+; \d+\.\d s in all$", out, re.MULTILINE)
    assert str(support("jit").cache_folder()) in out


def test_there_is_a_bar_on_a_terminal(one_network, monkeypatch, capsys):
    pytest.importorskip("rich")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert warmup.main() == 0
    assert "compiled" in capsys.readouterr().out


def test_without_a_cache_it_fails(one_network, monkeypatch, capsys):
    monkeypatch.setattr(config, "cache", lambda: config.Cache(None, 0, 0))
    assert warmup.main() == 1
    assert "no cache" in capsys.readouterr().out


@pytest.mark.parametrize("network", warmup.NETWORKS, ids=lambda network: network.__name__)
def test_the_networks_have_batches(network):
    model = network()
    images, labels = warmup.batch_for(model, 4)
    assert len(images) == len(labels) == 4
    assert model(images).shape == (4, warmup.CLASSES)


def test_it_is_a_command():
    command = [sys.executable, "-m", "microdl.warmup", "--help"]
    result = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: python -m microdl.warmup")
