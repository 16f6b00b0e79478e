"""What training says about itself: a bar on a terminal, only the finished one anywhere else.

Own code rather than rich or tqdm: the core depends on NumPy and Numba alone, a bar is one line that is written over,
and a file never receives a control character, whatever is installed. The look is that of Keras:

    Epoch 2/5
    412/938 ━━━━━━━━━─────────── 5s 11ms/step - accuracy: 0.9791 - loss: 0.0668

and with verbose=2

    938/938 - 10s - 11ms/step - accuracy: 0.9791 - loss: 0.0668

The seconds are those still to go, in the finished line those that passed. Drawing happens at most ten times a second;
other batches cost one look at the clock.
"""

import shutil
import sys
import time
from typing import Any

from microdl.keras.callbacks.base import Callback

WIDTH = 20  # characters of the bar
INTERVAL = 0.1  # seconds between two drawings
NARROWEST = 20  # columns a terminal is taken to have if it claims to have fewer


class ProgressBar:
    """One line of a terminal that shows how far a loop has come.

    Args:
        total: int, steps of the loop, None if unknown.
        stream: text file, sys.stdout by default. live: bool, whether the line is drawn before the loop has finished:
            by default where ``stream`` is a terminal.
        brief: bool, whether there is no bar in the final line.
    """

    def __init__(self, total=None, stream=None, live=None, brief=False):
        self.total = total
        self.stream = sys.stdout if stream is None else stream
        self.live = is_terminal(self.stream) if live is None else live
        self.brief = brief
        self.started = time.perf_counter()
        self._first = None  # (when the first steps were done, how many they were)
        self._drawn_at = -INTERVAL
        self._drawn = 0  # characters on the line
        self._full, self._empty = _bar_characters(self.stream)

    def update(self, step, values=None):
        """Shows that ``step`` steps are done.

        Args:
            step: int. values: dict from names to numbers, shown behind the times.
        """
        if not self.live and self._first is not None:
            return
        now = time.perf_counter()
        self._first = self._first or (now, step)
        if not self.live or now - self._drawn_at < INTERVAL:
            return
        self._drawn_at = now
        self._draw(self._counts(step) + self._times(step, now, running=True), values)

    def finish(self, step, values=None):
        """Writes the final line. ``step``, ``values``: as for ``update``."""
        self.total = self.total or step
        times = self._times(step, time.perf_counter(), running=False)
        if self.brief:
            text = f"{step}/{self.total}" + times.replace(" ", " - ") + _values_text(values)
        else:
            text = self._counts(step) + times + _values_text(values)
        if self.live:
            self._write(text)
            self.stream.write("\n")
        else:
            self.stream.write(text + "\n")
        self.stream.flush()

    def abandon(self):
        """Leaves the line as it is, so that what is written next starts on a new one."""
        if self._drawn:
            self.stream.write("\n")
            self.stream.flush()
            self._drawn = 0

    def _counts(self, step):
        if self.total is None:
            return f"{step}/Unknown"
        done = min(WIDTH * step // max(self.total, 1), WIDTH)
        bar = self._full * done + self._empty * (WIDTH - done)
        return f"{step:>{len(str(self.total))}}/{self.total} {bar}"

    def _times(self, step, now, running):
        elapsed = now - self.started
        seconds_per_step = elapsed / max(step, 1)
        if self._first is not None and step > self._first[1]:  # the first step compiles, or loads what was compiled
            seconds_per_step = (now - self._first[0]) / (step - self._first[1])
        if running and self.total is not None:
            return f" {_seconds_text(seconds_per_step * (self.total - step))} {_step_text(seconds_per_step)}"
        return f" {_seconds_text(elapsed)} {_step_text(seconds_per_step)}"

    def _draw(self, text, values):
        columns = max(shutil.get_terminal_size().columns, NARROWEST)
        self._write((text + _values_text(values))[: columns - 1])  # a line that wraps could not be written over

    def _write(self, text):
        """``text`` in the place of what was drawn last."""
        self.stream.write("\r" + text + " " * (self._drawn - len(text)))
        self.stream.flush()
        self._drawn = len(text)


class Progbar:
    """A bar for loops of one's own, with means of what they measure.

    Args:
        target: int, steps of the loop, None if unknown. verbose: 0 nothing, 1 a bar, 2 one line at the end.
        stateful_metrics: names of values that are shown as they are; of others the mean over the steps so far.
        width, interval, unit_name: accepted.

    >>> bar = Progbar(2, verbose=2)
    >>> bar.add(1, [("loss", 2.0)])
    """

    def __init__(self, target, width=20, verbose=1, interval=0.05, stateful_metrics=None, unit_name="step"):
        self.target, self.verbose, self.stateful_metrics = target, verbose, set(stateful_metrics or ())
        self._bar = ProgressBar(target, live=None if verbose == 1 else False, brief=verbose == 2)
        self._values, self._seen = {}, 0  # name -> (sum, weight)

    def update(self, current, values=None, finalize=None):
        """``current`` steps are done. values: pairs (name, number). finalize: whether it was the last one."""
        for name, value in values or ():
            total, weight = self._values.get(name, (0.0, 0))
            steps = max(current - self._seen, 1)
            kept = name in self.stateful_metrics
            self._values[name] = (float(value), 1) if kept else (total + float(value) * steps, weight + steps)
        self._seen = current
        if not self.verbose:
            return
        means = {name: total / weight for name, (total, weight) in self._values.items()}
        if finalize or (finalize is None and self.target is not None and current >= self.target):
            self._bar.finish(current, means)
        elif self.verbose == 1:
            self._bar.update(current, means)

    def add(self, n, values=None):
        """``n`` more steps are done."""
        self.update(self._seen + n, values)


class ProgbarLogger(Callback):
    """Shows the progress of ``fit``, ``evaluate`` or ``predict``.

    Args:
        live, brief: bool, see ProgressBar. stream: text file, sys.stdout by default.
    """

    def __init__(self, live=None, stream=None, brief=False):
        super().__init__()
        self._live, self._stream, self._brief = live, stream, brief
        self._bar: Any = None  # a ProgressBar while a loop runs
        self._training = False
        self._steps = 0

    def on_train_begin(self, logs=None):
        self._training = True

    def on_epoch_begin(self, epoch, logs=None):
        self._start()
        if self.params["epochs"] > 1:
            self._bar.stream.write(f"Epoch {epoch + 1}/{self.params['epochs']}\n")

    def on_train_batch_end(self, batch, logs=None):
        self._steps = batch + 1
        self._bar.update(self._steps, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._bar.finish(self._steps, logs)
        self._bar = None

    def on_test_begin(self, logs=None):
        if not self._training:
            self._start()

    def on_test_batch_end(self, batch, logs=None):
        if not self._training:
            self.on_train_batch_end(batch, logs)

    def on_test_end(self, logs=None):
        if not self._training:
            self.on_epoch_end(0, logs)

    def on_predict_begin(self, logs=None):
        self._start()

    def on_predict_batch_end(self, batch, logs=None):
        self.on_train_batch_end(batch)

    def on_predict_end(self, logs=None):
        self.on_epoch_end(0)

    def abandon(self):
        """Ends the line of a loop that an error or the user interrupted."""
        if self._bar is not None:
            self._bar.abandon()

    def _start(self):
        self._steps = 0
        self._bar = ProgressBar(self.params.get("steps"), self._stream, self._live, self._brief)


def logger_for(verbose):
    """The ProgbarLogger that a ``verbose`` argument asks for, or None.

    Args:
        verbose: "auto" or 1: a bar, drawn while it grows on a terminal alone; 2: one line an epoch; 0: nothing.
    """
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f'verbose is "auto", 0, 1 or 2, got {verbose!r}')
    return ProgbarLogger(live=False if verbose == 2 else None, brief=verbose == 2) if verbose else None


def is_terminal(stream):
    """Whether what is written to ``stream`` appears on a terminal."""
    return bool(getattr(stream, "isatty", None) and stream.isatty())


def _bar_characters(stream):
    """Those of Keras where the stream's encoding has them."""
    try:
        "━─".encode(getattr(stream, "encoding", None) or "utf-8")
        return "━─"
    except (UnicodeEncodeError, LookupError):
        return "=."


def _values_text(values):
    return "".join(f" - {name}: {_number_text(value)}" for name, value in (values or {}).items())


def _number_text(value):
    return f"{value:.4f}" if value == 0 or abs(value) > 1e-3 else f"{value:.4e}"


def _seconds_text(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}" if minutes else f"{seconds}s"


def _step_text(seconds):
    if seconds >= 1:
        return f"{seconds:.0f}s/step"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/step"
    return f"{seconds * 1e6:.0f}us/step"
