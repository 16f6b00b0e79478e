"""Callbacks told of given losses: run by Keras and by microdl alike, which must do the same."""

import os
from pathlib import Path

import numpy as np

LOSSES = [1.0, 0.8, 0.81, 0.79, 0.8, 0.8, 0.8, 0.5, 0.6, 0.6, 0.6, 0.6]
RISING = [0.1, 0.3, 0.2, 0.35, 0.3, 0.3, 0.3, 0.6, 0.5, 0.5]

CASES = [  # (callback, its arguments, the losses)
    ("EarlyStopping", {"patience": 2, "verbose": 1}, LOSSES),
    ("EarlyStopping", {"patience": 3, "restore_best_weights": True, "verbose": 1}, LOSSES),
    ("EarlyStopping", {"patience": 1, "min_delta": 0.05}, LOSSES),
    ("EarlyStopping", {"patience": 0}, LOSSES),
    ("EarlyStopping", {"patience": 2, "start_from_epoch": 4}, LOSSES),
    ("EarlyStopping", {"patience": 2, "baseline": 0.7}, LOSSES),
    ("EarlyStopping", {"patience": 2, "mode": "max"}, RISING),
    ("EarlyStopping", {"patience": 2, "monitor": "val_hits", "mode": "max", "restore_best_weights": True}, RISING),
    ("ReduceLROnPlateau", {"patience": 1, "verbose": 1}, LOSSES),
    ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5, "cooldown": 2}, LOSSES),
    ("ReduceLROnPlateau", {"patience": 1, "factor": 0.2, "min_lr": 0.01, "verbose": 1}, LOSSES),
    ("ReduceLROnPlateau", {"patience": 1, "mode": "max", "min_delta": 0.1}, RISING),
    ("LearningRateScheduler", {"schedule": "halves", "verbose": 1}, LOSSES[:4]),
    ("LearningRateScheduler", {"schedule": "by epoch"}, LOSSES[:4]),
    ("ModelCheckpoint", {"filepath": "{epoch:02d}-{val_loss:.2f}.weights.h5", "save_weights_only": True}, LOSSES[:4]),
    (
        "ModelCheckpoint",
        {"filepath": "best.weights.h5", "save_weights_only": True, "save_best_only": True, "verbose": 1},
        LOSSES[:4],
    ),
    (
        "ModelCheckpoint",
        {
            "filepath": "{epoch}.weights.h5",
            "save_weights_only": True,
            "save_best_only": True,
            "initial_value_threshold": 0.8,
        },
        LOSSES,
    ),
    (
        "ModelCheckpoint",
        {"filepath": "{epoch}-{batch}.weights.h5", "save_weights_only": True, "save_freq": 3},
        LOSSES[:4],
    ),
    ("CSVLogger", {"filename": "log.csv"}, LOSSES[:3]),
    ("CSVLogger", {"filename": "log.csv", "separator": ";", "append": True}, LOSSES[:2]),
    ("TerminateOnNaN", {}, [1.0, float("nan"), 1.0]),
]
SCHEDULES = {"halves": lambda epoch, rate: rate / 2, "by epoch": lambda epoch: 0.1 / (epoch + 1)}


def play(keras, case, folder):
    """What is left behind: epochs, learning rates, the weight, files and attributes."""
    name, options, losses = case
    options = dict(options)
    for key in ("filepath", "filename"):
        if key in options:
            options[key] = os.path.join(folder, options[key])
    if "schedule" in options:
        options["schedule"] = SCHEDULES[options["schedule"]]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    callback = getattr(keras.callbacks, name)(**options)
    history = keras.callbacks.History()
    watchers = keras.callbacks.CallbackList([callback, history], model=model, epochs=len(losses), steps=2)
    model.stop_training = False
    saved, rates = {}, []
    watchers.on_train_begin()
    for epoch, loss in enumerate(losses):
        watchers.on_epoch_begin(epoch)
        rates.append(float(model.optimizer.learning_rate.numpy()))
        model.set_weights([np.full((1, 1), epoch, np.float32)])
        for batch in range(2):
            watchers.on_train_batch_begin(batch)
            watchers.on_train_batch_end(batch, {"loss": loss})
        watchers.on_epoch_end(epoch, {"loss": 2 * loss, "val_loss": loss, "val_hits": loss})
        for file in set(os.listdir(folder)) - set(saved):
            saved[file] = epoch
        if model.stop_training:
            break
    watchers.on_train_end()
    kept = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
    texts = {file: Path(folder, file).read_text() for file in saved if file.endswith(".csv")}
    return {
        "epochs": history.epoch,
        "history": {key: list(map(float, values)) for key, values in history.history.items()},
        "rates": rates,
        "weight": float(model.get_weights()[0][0][0]),
        "files": saved,
        "texts": texts,
        "attributes": {key: getattr(callback, key) for key in kept if hasattr(callback, key)},
    }
