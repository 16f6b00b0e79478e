"""Callbacks in ``fit``: what is called when, backups, and what they refuse. Keras's own results: tests/reference."""

import numpy as np
import pytest

from microdl import keras
from microdl.keras import callbacks

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = X.sum(1, keepdims=True)
HOOKS = [name for name in dir(callbacks.Callback) if name.startswith("on_")]


def model():
    keras.utils.set_random_seed(3)
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "tanh"), keras.layers.Dropout(0.5, name="drop")])
    made.add(keras.layers.Dense(1))
    made.compile(keras.optimizers.Adam(0.05), "mse")
    return made


class Recorder(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []


def _recording(name):
    return lambda self, *args: self.calls.append(name)


for _name in HOOKS:
    setattr(Recorder, _name, _recording(_name))


def test_every_hook_is_called_in_its_turn():
    recorder = Recorder()
    network = model()
    options = {"batch_size": 6, "verbose": 0, "callbacks": [recorder]}
    network.fit(X, Y, epochs=1, validation_data=(X[:6], Y[:6]), **options)
    batch, test = ["on_train_batch_begin", "on_train_batch_end"], ["on_test_batch_begin", "on_test_batch_end"]
    assert recorder.calls == [
        "on_train_begin", "on_epoch_begin", *batch, *batch, "on_test_begin", *test, "on_test_end", "on_epoch_end",
        "on_train_end",
    ]  # fmt: skip
    recorder.calls = []
    network.predict(X, **options)
    step = ["on_predict_batch_begin", "on_predict_batch_end"]
    assert recorder.calls == ["on_predict_begin", *step, *step, "on_predict_end"]


def test_batches_have_shorter_names_too():
    class Old(callbacks.Callback):
        seen = 0

        def on_batch_end(self, batch, logs=None):
            self.seen += 1

    old = Old()
    model().fit(X, Y, batch_size=4, verbose=0, callbacks=[old])
    assert old.seen == 3


def test_callbacks_of_functions():
    seen = []
    made = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs))), on_test_begin=lambda logs: seen.append(0)
    )
    model().fit(X, Y, epochs=2, verbose=0, callbacks=made)
    assert seen == [(0, ["loss"]), (1, ["loss"])]
    model().evaluate(X, Y, verbose=0, callbacks=[made])
    assert seen[-1] == 0


def test_a_list_of_callbacks_is_called_as_one():
    recorder = Recorder()
    several = callbacks.CallbackList([recorder], add_history=True, model=model(), epochs=1)
    several.on_train_begin()
    several.on_epoch_end(0, {"loss": 2.0})
    several.append(last := Recorder())
    several.on_train_end({})
    assert recorder.calls == ["on_train_begin", "on_epoch_end", "on_train_end"]
    assert (last.calls, several.history.history) == (["on_train_end"], {"loss": [2.0]})
    with pytest.raises(AttributeError, match=r"^CallbackList has no attribute 'on_nothing'$"):
        several.on_nothing()


class Interrupted(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_an_interrupted_training_goes_on_where_it_was(tmp_path):
    whole = model()
    expected = whole.fit(X, Y, epochs=5, batch_size=4, verbose=0).history["loss"]

    first, backup = model(), callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt):
        first.fit(X, Y, epochs=5, batch_size=4, verbose=0, callbacks=[backup, Interrupted()])
    second = model()
    keras.utils.set_random_seed(99)
    history = second.fit(
        X, Y, epochs=5, batch_size=4, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path / "backup")]
    )
    assert history.epoch == [3, 4]
    assert history.history["loss"] == expected[3:]
    for ours, theirs in zip(second.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not (tmp_path / "backup").exists()


def test_whole_models_are_saved_and_loaded(tmp_path):
    network = model()
    saver = callbacks.ModelCheckpoint(tmp_path / "models" / "{epoch}.keras", save_freq="epoch")
    network.fit(X, Y, epochs=2, verbose=0, callbacks=[saver])
    again = keras.models.load_model(tmp_path / "models" / "2.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), network.predict(X, verbose=0))


def test_loss_that_is_no_number_can_be_an_error():
    network = model()
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 0"):
        network.fit(X, Y * np.nan, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])


def test_directions_come_from_the_metrics():
    network = model()
    network.compile("sgd", "mse", metrics=["mae", keras.metrics.R2Score(name="fit")])
    stopping = callbacks.EarlyStopping("fit", patience=100)
    network.fit(X, Y, epochs=3, verbose=0, callbacks=[stopping])
    assert stopping.best == max(network.history.history["fit"])
    watching = callbacks.EarlyStopping("lr")
    watching.set_model(network)
    with pytest.raises(ValueError, match="EarlyStopping callback received monitor=lr, but it isn't clear"):
        watching.on_epoch_end(0, {"lr": 1.0})


def test_a_missing_value_is_warned_of():
    network = model()
    with pytest.warns(UserWarning, match="Early stopping conditioned on metric `val_loss` which is not available"):
        network.fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping()])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: callbacks.ModelCheckpoint("a.txt"), "ModelCheckpoint: with save_weights_only=False the filepath must"),
        (lambda: callbacks.ModelCheckpoint("a.keras", save_freq="batch"), "ModelCheckpoint: unrecognized save_freq"),
        (lambda: callbacks.BackupAndRestore(""), "BackupAndRestore: empty `backup_dir`"),
        (lambda: callbacks.ReduceLROnPlateau(factor=1.0), "ReduceLROnPlateau does not support a factor >= 1.0"),
    ],
)
def test_misuse_is_explained(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value).startswith(message)
