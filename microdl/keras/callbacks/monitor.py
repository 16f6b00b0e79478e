"""Callbacks that watch one number: whether it still improves."""

import math
import sys
from typing import Any

import numpy as np

from microdl.core.context import warn
from microdl.core.tensor import convert
from microdl.keras.callbacks.base import Callback


def say(message):
    """Prints a line that a ``verbose`` callback has to say."""
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def rate_of(optimizer):
    """An optimizer's learning rate now, as a float."""
    return float(convert(optimizer.learning_rate).numpy())


class MonitorCallback(Callback):
    """Base of callbacks that compare ``logs[monitor]`` with the best value so far.

    Args:
        monitor: str, a name in the logs. mode: "min", "max", or "auto": as the metric of that name says itself.
        baseline: float, what counts as the best before the first value, or None.
        min_delta: float >= 0; a smaller change is no improvement.
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0.0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warn(f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.")
            mode = "auto"
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)
        self._sign: Any = None  # 1 if larger is better, -1 if smaller is

    def _improves(self, value, reference):
        if self._sign is None:
            self._sign = self._direction()
        return reference is None or self._sign * (value - reference) > self.min_delta

    def _direction(self):
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        for metric in getattr(self.model, "metrics", ()):
            if metric.name == name and getattr(metric, "_direction", None):
                return 1 if metric._direction == "up" else -1
        if name == "loss":
            return -1
        raise ValueError(
            f"{type(self).__name__} callback received monitor={self.monitor}, but it isn't clear whether that metric "
            "should be maximized or minimized. Pass `mode='max'` in order to monitor based on the highest metric "
            "value, or pass `mode='min'` in order to use the lowest value."
        )


class EarlyStopping(MonitorCallback):
    """Ends training when a number has not improved for ``patience`` epochs.

    Args:
        monitor, min_delta, mode: see MonitorCallback. patience: int epochs. verbose: 1 to say so.
        baseline: float; an epoch that does not beat it counts as one without improvement.
        restore_best_weights: whether the model gets back the weights of its best epoch, also if it was not stopped.
        start_from_epoch: int; earlier epochs are not looked at.

    Attributes: best, best_epoch, best_weights, stopped_epoch, wait: what it knows, for those who look at it later.
    """

    def __init__(
        self,
        monitor="val_loss",
        min_delta=0,
        patience=0,
        verbose=0,
        mode="auto",
        baseline=None,
        restore_best_weights=False,
        start_from_epoch=0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        current = self._current(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self._improves(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._improves(current, self.baseline):
                self.wait = 0
            return
        if self.restore_best_weights and self.best_weights is None:  # nothing compares with NaN
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def _current(self, logs):
        if self.monitor not in logs:
            warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. Available metrics are: "
                f"{','.join(logs)}"
            )
        return logs.get(self.monitor)


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by ``factor`` when a number has not improved for ``patience`` epochs.

    Args:
        monitor, min_delta, mode: see MonitorCallback. factor: float < 1. patience: int epochs. verbose: 1 to say so.
        cooldown: int epochs after a reduction that do not count. min_lr: float, the smallest learning rate.
    """

    def __init__(
        self,
        monitor="val_loss",
        factor=0.1,
        patience=10,
        verbose=0,
        mode="auto",
        min_delta=1e-4,
        cooldown=0,
        min_lr=0.0,
    ):
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = (
            factor,
            patience,
            verbose,
            cooldown,
            min_lr,
        )
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs=None):
        self.best = None
        self.cooldown_counter = self.wait = 0

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        logs["learning_rate"] = rate_of(self.model.optimizer)
        current = logs.get(self.monitor)
        if current is None:
            warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available. Available "
                f"metrics are: {','.join(logs)}."
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch):
        """Whether there was anything left to take away."""
        old = rate_of(self.model.optimizer)
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True

    def in_cooldown(self):
        """Whether a reduction is so fresh that epochs do not count."""
        return self.cooldown_counter > 0


class TerminateOnNaN(Callback):
    """Ends training when the loss is NaN or infinite. raise_error: bool, whether that is a RuntimeError."""

    def __init__(self, raise_error=False):
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating training immediately."
            )
        say(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args: schedule: function ``(epoch, learning rate)`` -> float, or of the epoch alone. verbose: 1 to say so.
    Raises: ValueError in training if ``schedule`` gives no float.
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        optimizer = self.model.optimizer
        try:
            rate = self.schedule(epoch, rate_of(optimizer))
        except TypeError:  # a function of the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.floating)):
            raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")
        optimizer.learning_rate = rate
        if self.verbose > 0:
            say(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["learning_rate"] = rate_of(self.model.optimizer)
