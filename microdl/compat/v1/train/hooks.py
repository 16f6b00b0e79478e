"""Hooks: what is called before and after each run of a monitored session, and when it begins and ends."""

import time
from typing import Any, NamedTuple

import numpy as np

from microdl.compat.v1 import logging
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.train.steps import get_global_step


class SessionRunArgs(NamedTuple):
    """What a hook wants of a run. fetches: any structure, or None. feed_dict: what it feeds, or None."""

    fetches: Any
    feed_dict: Any = None
    options: Any = None


class SessionRunValues(NamedTuple):
    """What a run gave. results: the hook's own fetches. The others stay None: nothing is told of single runs."""

    results: Any
    options: Any = None
    run_metadata: Any = None


class SessionRunContext:
    """A run as hooks see it.

    Attributes: original_args: SessionRunArgs of the caller. session: the Session. stop_requested: bool.
    """

    def __init__(self, original_args, session):
        self.original_args, self.session, self.stop_requested = original_args, session, False

    def request_stop(self):
        """The session's ``should_stop()`` is true after this run."""
        self.stop_requested = True


class SessionRunHook:
    """Base class of hooks; each method may be left as it is.

    The graph can be added to in ``begin`` alone: the session finalizes it.
    """

    def begin(self):
        """Before the session is made."""

    def after_create_session(self, session, coord):
        """When the variables have their values."""

    def before_run(self, run_context) -> SessionRunArgs | None:
        """Before each run. Returns what is to be fetched and fed besides, or None."""

    def after_run(self, run_context, run_values):
        """After each run. run_values: SessionRunValues."""

    def end(self, session):
        """Before the session is closed, unless an error closes it."""


def global_step_of(hook):
    """The global step. Raises RuntimeError if the graph has none."""
    step = get_global_step()
    if step is None:
        raise RuntimeError(f"Global step should be created to use {type(hook).__name__}.")
    return step


class SecondOrStepTimer:
    """Says when something that happens every so many steps, or seconds, is due. One of the two is given."""

    def __init__(self, every_secs=None, every_steps=None):
        if every_secs is None and every_steps is None:
            raise ValueError("Either every_secs or every_steps should be provided.")
        if every_secs is not None and every_steps is not None:
            raise ValueError("Can not provide both every_secs and every_steps.")
        self._seconds, self._steps = every_secs, every_steps
        self.reset()

    def reset(self):
        """From now on it is as if nothing had happened yet."""
        self._step: Any = None
        self._time: Any = None

    def should_trigger_for_step(self, step):
        """Whether it is due at ``step``: at the first one asked for, and never twice at the same."""
        if self._step is None or self._step == step:
            return self._step is None
        if self._seconds is not None:
            return time.time() >= self._time + self._seconds
        return step >= self._step + self._steps

    def update_last_triggered_step(self, step):
        """Notes that it has happened. Returns (seconds, steps) since it happened before; (None, None) at first."""
        now = time.time()
        passed = (None, None) if self._time is None else (now - self._time, step - self._step)
        self._step, self._time = step, now
        return passed

    def last_triggered_step(self):
        return self._step


class StopAtStepHook(SessionRunHook):
    """Asks to stop when the global step is ``last_step``, or ``num_steps`` larger than at the start."""

    def __init__(self, num_steps=None, last_step=None):
        if num_steps is None and last_step is None:
            raise ValueError("One of num_steps or last_step must be specified.")
        if num_steps is not None and last_step is not None:
            raise ValueError("Only one of num_steps or last_step can be specified.")
        self._count, self._last = num_steps, last_step

    def begin(self):
        self._step = global_step_of(self)

    def after_create_session(self, session, coord):
        if self._last is None:
            self._last = session.run(self._step) + self._count

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        # What was fetched may be from before the step was counted.
        if run_values.results + 1 >= self._last and run_context.session.run(self._step) >= self._last:
            run_context.request_stop()


class LoggingTensorHook(SessionRunHook):
    """Logs tensors (``tf.logging.info``) every so many runs or seconds, and ``at_end``.

    Args:
        tensors: list of Tensors or names, or a dict from tags to them. every_n_iter, every_n_secs: one of them.
        formatter: function of a dict from tags to values that returns the text.
    """

    def __init__(self, tensors, every_n_iter=None, every_n_secs=None, at_end=False, formatter=None):
        none = every_n_iter is None and every_n_secs is None
        if (none and not at_end) or (every_n_iter is not None and every_n_secs is not None):
            raise ValueError("either at_end and/or exactly one of every_n_iter and every_n_secs must be provided.")
        if every_n_iter is not None and every_n_iter <= 0:
            raise ValueError(f"invalid every_n_iter={every_n_iter}.")
        self._given = dict(sorted(tensors.items())) if isinstance(tensors, dict) else {x: x for x in tensors}
        self._timer = None if none else SecondOrStepTimer(every_n_secs, every_n_iter)
        self._at_end, self._formatter = at_end, formatter

    def begin(self):
        if self._timer is not None:
            self._timer.reset()
        self._runs, self._due = 0, False
        graph = get_default_graph()
        self._tensors = {tag: graph.as_graph_element(tensor) for tag, tensor in self._given.items()}

    def before_run(self, run_context):
        self._due = self._timer is not None and self._timer.should_trigger_for_step(self._runs)
        return SessionRunArgs(self._tensors) if self._due else None

    def after_run(self, run_context, run_values):
        if self._due:
            self._log(run_values.results)
        self._runs += 1

    def end(self, session):
        if self._at_end:
            self._log(session.run(self._tensors))

    def _log(self, values):
        seconds = None if self._timer is None else self._timer.update_last_triggered_step(self._runs)[0]
        if self._formatter is not None:
            logging.info(self._formatter(values))
            return
        with np.printoptions(suppress=True):
            text = ", ".join(f"{tag} = {value}" for tag, value in values.items())
        logging.info("%s", text if seconds is None else f"{text} ({seconds:.3f} sec)")


class NanLossDuringTrainingError(RuntimeError):
    """The loss is no number."""

    def __str__(self):
        return "NaN loss during training."


class NanTensorHook(SessionRunHook):
    """Raises NanLossDuringTrainingError when ``loss_tensor`` is NaN, or asks to stop, if not ``fail_on_nan_loss``."""

    def __init__(self, loss_tensor, fail_on_nan_loss=True):
        self._loss, self._fail = loss_tensor, fail_on_nan_loss

    def before_run(self, run_context):
        return SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values):
        if not np.isnan(run_values.results).any():
            return
        if self._fail:
            logging.error("Model diverged with loss = NaN.")
            raise NanLossDuringTrainingError
        logging.warning("Model diverged with loss = NaN.")
        run_context.request_stop()


class FeedFnHook(SessionRunHook):
    """Feeds what ``feed_fn()`` returns, a dict, in each run."""

    def __init__(self, feed_fn):
        self.feed_fn = feed_fn

    def before_run(self, run_context):
        return SessionRunArgs(None, self.feed_fn())


class FinalOpsHook(SessionRunHook):
    """Runs ``final_ops`` at the end. Attributes: final_ops_values: what they gave."""

    def __init__(self, final_ops, final_ops_feed_dict=None):
        self._ops, self._feeds, self.final_ops_values = final_ops, final_ops_feed_dict, None

    def end(self, session):
        if self._ops is not None:
            self.final_ops_values = session.run(self._ops, self._feeds)
