"""The real TensorBoard, started on this machine: what a training wrote comes back through its HTTP interface."""

import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import numpy as np
import pytest

import microdl as tf

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

SECONDS = 90  # until it answers


@contextlib.contextmanager
def tensorboard(folder):
    """The address of a server for ``folder``."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    log = folder / "server.log"
    with open(log, "w") as file:
        server = subprocess.Popen([*command, "--load_fast", "false"], stdout=file, stderr=file)
    try:
        yield _address(server, log)
    finally:
        server.terminate()
        server.wait(timeout=30)


def _address(server, log):
    for _ in range(SECONDS * 5):
        if found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()):
            return found[0]
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(f"no address after {SECONDS} seconds: {log.read_text()}")


def ask(address, path, **query):
    url = f"{address}data/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        return answer.read().decode()


def loaded(address, run):
    """Waits until the server has read the run's scalars."""
    for _ in range(SECONDS * 2):
        if json.loads(ask(address, "plugin/scalars/tags")).get(run):
            return
        time.sleep(0.5)
    raise AssertionError("the server did not find the run")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(folder, history) of a training that was watched by the callback TensorBoard."""
    folder = tmp_path_factory.mktemp("logs")
    keras = tf.keras
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu", name="hidden"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    callback = keras.callbacks.TensorBoard(folder, histogram_freq=1, update_freq="batch")
    history = model.fit(x, x.sum(1), epochs=2, batch_size=16, validation_split=0.5, verbose=0, callbacks=[callback])
    return folder, history.history


def test_the_server_shows_what_was_trained(trained):
    folder, history = trained
    with tensorboard(folder) as address:
        loaded(address, "train")
        tags = json.loads(ask(address, "plugin/scalars/tags"))
        assert {"epoch_loss", "epoch_learning_rate", "batch_loss"} <= set(tags["train"])
        assert "epoch_loss" in tags["validation"]

        points = json.loads(ask(address, "plugin/scalars/scalars", run="train", tag="epoch_loss"))
        assert [(step, value) for _, step, value in points] == list(enumerate(history["loss"]))
        points = json.loads(ask(address, "plugin/scalars/scalars", run="validation", tag="epoch_loss"))
        assert [(step, value) for _, step, value in points] == list(enumerate(history["val_loss"]))

        histograms = json.loads(ask(address, "plugin/histograms/tags"))
        tag = next(tag for tag in histograms["train"] if "hidden" in tag and "kernel" in tag)
        found = json.loads(ask(address, "plugin/histograms/histograms", run="train", tag=tag))
        assert [step for _, step, _ in found] == [0, 1]
        assert [sum(count for _, _, count in table) for _, _, table in found] == [12, 12]

        graph = ask(address, "plugin/graphs/graph", run="train", conceptual="false", large_attrs_key="_too_large_attrs")
        assert 'op: "MatMul"' in graph
        assert 'name: "variables/hidden/kernel"' in graph
        assert json.loads(ask(address, "plugin/graphs/info"))["train"]["run_graph"]


def test_the_server_draws_the_layers(trained):
    folder, _ = trained
    with tensorboard(folder) as address:
        loaded(address, "train")
        layers = ask(address, "plugin/graphs/graph", run="train", tag="keras", conceptual="true")
        assert "hidden" in layers
        assert 's: "Dense"' in layers
