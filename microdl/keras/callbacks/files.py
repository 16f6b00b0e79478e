"""Callbacks that write files: models, weights, backups and tables."""

import csv
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from microdl.core.context import warn
from microdl.core.variable import Variable
from microdl.keras.callbacks.base import Callback
from microdl.keras.callbacks.monitor import MonitorCallback, say
from microdl.saving.checkpoint import Checkpoint
from microdl.saving.states import RandomState

WEIGHTS = (".weights.h5", ".safetensors", ".npz")


class _Batches:
    """Counts batches: ``due(batch)`` says whether ``every`` of them have gone by since it last said so."""

    def __init__(self, every):
        self._every, self._since, self._last = every, 0, -1

    def due(self, batch):
        self._since += batch + 1 if batch <= self._last else batch - self._last  # not all batches may be told of
        self._last = batch
        if self._since < self._every:
            return False
        self._since = 0
        return True


def _checked_frequency(name, save_freq):
    if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int)):
        raise ValueError(
            f"{name}: unrecognized save_freq: {save_freq}. Expected save_freq are 'epoch' or integer values"
        )


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, as it trains.

    Args:
        filepath: str or path, with the epoch (from 1), the batch and the logs where braces name them:
            ``"{epoch:02d}-{val_loss:.2f}.keras"``. It ends in ``.keras``; for weights in ``.weights.h5``,
            ``.safetensors`` or ``.npz``.
        monitor, mode: see MonitorCallback; they matter with save_best_only. verbose: 1 to say what is done.
        save_best_only: whether to save only when ``monitor`` improves. save_weights_only: bool.
        save_freq: "epoch", or an int number of batches. initial_value_threshold: float, what counts as the best so far.

    Raises: ValueError for other endings and frequencies. KeyError in training if the logs lack a name in ``filepath``.
    """

    def __init__(
        self,
        filepath,
        monitor="val_loss",
        verbose=0,
        save_best_only=False,
        save_weights_only=False,
        mode="auto",
        save_freq="epoch",
        initial_value_threshold=None,
    ):
        super().__init__(monitor, mode, initial_value_threshold)
        _checked_frequency("ModelCheckpoint", save_freq)
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only, self.save_freq = save_best_only, save_weights_only, save_freq
        endings = WEIGHTS if save_weights_only else (".keras",)
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: with save_weights_only={save_weights_only} the filepath must end in "
                f"{' or '.join(f'`{ending}`' for ending in endings)}. Received: filepath={self.filepath}"
            )
        self._batches = None if save_freq == "epoch" else _Batches(save_freq)
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self._batches is not None and self._batches.due(batch):
            self._save(self._epoch, logs or {}, batch=batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        if self._batches is None:
            self._save(epoch, logs or {})

    def _save(self, epoch, logs, **place):
        try:
            path = self.filepath.format(**{"epoch": epoch + 1, **place, **logs})
        except KeyError as error:
            raise KeyError(f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}') from error
        if not self._wanted(epoch, logs, path):
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _wanted(self, epoch, logs, path):
        text, wanted = f"saving model to {path}", True
        if self.save_best_only:
            current = logs.get(self.monitor)
            if current is None:
                warn(f"Can save best model only with {self.monitor} available.")
                return True
            best = "None" if self.best is None else f"{self.best:.5f}"
            wanted = self._improves(current, self.best)
            text = f"{self.monitor} improved from {best} to {current:.5f}, {text}"
            if not wanted:
                text = f"{self.monitor} did not improve from {best}"
            else:
                self.best = current
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: {text}")
        return wanted


class BackupAndRestore(Callback):
    """Keeps a backup, from which the next ``fit`` goes on if this one was interrupted: the same numbers come out.

    A backup holds the weights, the optimizer's state, the state of random numbers and the epoch; its file takes its
    place at once, so that there is always a whole one.

    Args:
        backup_dir: str or path, of this training alone. save_freq: "epoch", or an int number of batches; the epoch in
            which training was interrupted is repeated from its start. double_checkpoint: accepted; one is enough.
        delete_checkpoint: bool, whether the backup is removed when training has ended.
    """

    def __init__(self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True):
        super().__init__()
        if not backup_dir:
            raise ValueError("BackupAndRestore: empty `backup_dir` argument passed")
        _checked_frequency("BackupAndRestore", save_freq)
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._batches = None if save_freq == "epoch" else _Batches(save_freq)
        self._epoch = Variable(np.int64(0), trainable=False, name="epoch")

    def on_train_begin(self, logs=None):
        if not self.model.built:
            raise ValueError(
                "To use the BackupAndRestore callback, your model must be built before you call `fit()`. Model "
                f"{self.model} is unbuilt. You can build it beforehand by calling it on a batch of data."
            )
        self._epoch.assign(0)
        if Path(f"{self._path}.safetensors").exists():
            if not self.model.optimizer.built:
                self.model.optimizer.build(self.model.trainable_variables)
            self._checkpoint().read(self._path).assert_existing_objects_matched()
            self.model._initial_epoch = int(self._epoch.numpy())

    def on_train_batch_end(self, batch, logs=None):
        if self._batches is not None and self._batches.due(batch):
            self._write()

    def on_epoch_end(self, epoch, logs=None):
        self._epoch.assign(epoch + 1)
        if self._batches is None:
            self._write()

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)

    @property
    def _path(self):
        return os.path.join(self.backup_dir, "latest")

    def _checkpoint(self):
        return Checkpoint(
            model=self.model, optimizer=self.model.optimizer, epoch=self._epoch, random_state=RandomState()
        )

    def _write(self):
        Path(self.backup_dir).mkdir(parents=True, exist_ok=True)
        self._checkpoint().write(self._path)


class CSVLogger(Callback):
    """Writes each epoch's logs as a row of a table; the first row names the columns.

    Args: filename: str or path. separator: str between columns. append: whether rows are put after those of a file
        that exists.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self._file: Any = None
        self._writer: Any = None
        self._has_header = False

    def on_train_begin(self, logs=None):
        path = Path(self.filename)
        self._has_header = self.append and path.exists() and path.stat().st_size > 0
        self._close()
        self._file = open(path, "a" if self.append else "w", newline="")  # noqa: SIM115 (closed when training ends)

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self._writer is None:
            keys = sorted(logs)
            if not any(key.startswith("val_") for key in keys):
                keys += [f"val_{key}" for key in keys]  # epochs that validate may come later
            self._writer = csv.DictWriter(self._file, ["epoch", *keys], restval="NA", delimiter=self.sep)
            if not self._has_header:
                self._writer.writeheader()
        known = {key: _cell(logs[key]) for key in self._writer.fieldnames if key in logs}
        self._writer.writerow({"epoch": epoch, **known})
        self._file.flush()

    def on_train_end(self, logs=None):
        self._close()

    def _close(self):
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _cell(value):
    if isinstance(value, str) or getattr(value, "ndim", 1) == 0 or not isinstance(value, Iterable):
        return value
    return f'"[{", ".join(map(str, value))}]"'


class LambdaCallback(Callback):
    """A callback made of functions, each with its hook's arguments: ``LambdaCallback(on_epoch_end=print)``."""

    def __init__(
        self,
        on_epoch_begin=None,
        on_epoch_end=None,
        on_train_begin=None,
        on_train_end=None,
        on_train_batch_begin=None,
        on_train_batch_end=None,
        **kwargs,
    ):
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)
