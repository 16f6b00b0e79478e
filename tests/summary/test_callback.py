"""keras.callbacks.TensorBoard: which tags are written, at which steps; its profile; what it refuses."""

import gzip
import json
import sys

import numpy as np
import pytest

from microdl import keras

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

from tests.summary import events

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)


def train(folder, **options):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="hidden"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = keras.callbacks.TensorBoard(folder, **options)
    model.fit(X, X.sum(1), epochs=2, batch_size=4, verbose=0, validation_data=(X, X.sum(1)), callbacks=[callback])


def steps(folder, tag):
    return [step for name, step, _ in events.values(folder) if name == tag]


def test_epochs_alone(tmp_path):
    train(tmp_path, write_graph=False)
    tags = {tag for tag, _, _ in events.values(tmp_path / "train")}
    assert tags == {"epoch_loss", "epoch_learning_rate"}
    assert steps(tmp_path / "train", "epoch_loss") == [0, 1]
    assert steps(tmp_path / "validation", "evaluation_loss_vs_iterations") == [3, 6]


def test_every_second_batch(tmp_path):
    train(tmp_path, update_freq=2, write_steps_per_second=True)
    assert steps(tmp_path / "train", "batch_loss") == [2, 4, 6]
    assert steps(tmp_path / "train", "batch_steps_per_second") == [2, 4, 6]
    assert len(steps(tmp_path / "train", "epoch_steps_per_second")) == 2
    assert steps(tmp_path / "train", "keras") == [0]


def test_weights_and_a_profile(tmp_path):
    train(tmp_path, histogram_freq=2, write_images=True, profile_batch=(2, 3))
    tags = [(tag, step) for tag, step, _ in events.values(tmp_path / "train") if "hidden" in tag]
    names = [f"hidden/{weight}/{kind}" for weight in ("kernel", "bias") for kind in ("histogram", "image")]
    assert [(tag.partition("hidden")[1] + tag.partition("hidden")[2], step) for tag, step in tags] == [
        (name, 0) for name in names
    ]
    (profile,) = (tmp_path / "train" / "plugins" / "profile").glob("*/*.trace.json.gz")
    with gzip.open(profile) as file:
        assert json.load(file)["traceEvents"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"profile_batch": (3, 2)}, "profile_batch must be a non-negative integer or 2-tuple"),
        ({"embeddings_freq": 1}, "TensorBoard: embeddings are not in microdl yet"),
    ],
)
def test_misuse_is_explained(options, message):
    with pytest.raises(ValueError, match=message):
        keras.callbacks.TensorBoard(**options)


def test_without_the_package_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"^the callback TensorBoard needs tensorboard, which is .* pip"):
        keras.callbacks.TensorBoard()
