"""Hooks that write files: checkpoints, and events for TensorBoard."""

import os
from typing import Any

from microdl.compat.v1 import logging
from microdl.compat.v1.summary import FileWriter, Summary
from microdl.compat.v1.train.hooks import SecondOrStepTimer, SessionRunArgs, SessionRunHook, global_step_of
from microdl.compat.v1.train.saver import Saver
from microdl.core.optional import is_there


class CheckpointSaverListener:
    """Base class of what is called before and after a checkpoint is saved."""

    def begin(self):
        """Before the session is made."""

    def before_save(self, session, global_step_value):
        """Before a checkpoint is saved."""

    def after_save(self, session, global_step_value):
        """After that. Returns whether to stop."""

    def end(self, session, global_step_value):
        """After the last one."""


class CheckpointSaverHook(SessionRunHook):
    """Saves a checkpoint at the start, every so many seconds or steps, and at the end.

    Args:
        checkpoint_dir: folder, which is made. save_secs, save_steps: one of them. saver: Saver; or scaffold, whose
            Saver it takes; by default all variables. checkpoint_basename: the files' name before the step.
        listeners: CheckpointSaverListeners.
    """

    def __init__(
        self,
        checkpoint_dir,
        save_secs=None,
        save_steps=None,
        saver=None,
        checkpoint_basename="model.ckpt",
        scaffold=None,
        listeners=None,
        save_graph_def=True,
    ):
        if saver is not None and scaffold is not None:
            raise ValueError("You cannot provide both saver and scaffold.")
        self._folder, self._path = checkpoint_dir, os.path.join(checkpoint_dir, checkpoint_basename)
        self._saver, self._scaffold, self._listeners = saver, scaffold, list(listeners or ())
        self._timer = SecondOrStepTimer(save_secs, save_steps)

    def begin(self):
        self._step = global_step_of(self)
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session, coord):
        os.makedirs(self._folder, exist_ok=True)
        step = session.run(self._step)
        self._save(session, step)
        self._timer.update_last_triggered_step(step)

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        if not self._timer.should_trigger_for_step(run_values.results + 1):  # it may be from before the step
            return
        step = run_context.session.run(self._step)
        if self._timer.should_trigger_for_step(step):
            self._timer.update_last_triggered_step(step)
            if self._save(run_context.session, step):
                run_context.request_stop()

    def end(self, session):
        step = session.run(self._step)
        if step != self._timer.last_triggered_step():
            self._save(session, step)
        for listener in self._listeners:
            listener.end(session, step)

    def _save(self, session, step):
        """Whether a listener wants to stop."""
        logging.info("Saving checkpoints for %d into %s.", step, self._path)
        for listener in self._listeners:
            listener.before_save(session, step)
        self._the_saver().save(session, self._path, global_step=step)
        wishes = [listener.after_save(session, step) for listener in self._listeners]
        return any(wishes)

    def _the_saver(self):
        if self._saver is None and self._scaffold is not None:
            self._saver = self._scaffold.saver
        if self._saver is None:
            self._saver = Saver(allow_empty=True)
        return self._saver


class _Events:
    """A FileWriter that is made when there is something to write."""

    def __init__(self, folder, writer):
        self._folder, self._writer = folder, writer

    @property
    def wanted(self):
        return self._writer is not None or self._folder is not None

    def add(self, summary, step):
        if self._writer is None:
            self._writer = FileWriter(self._folder)
        self._writer.add_summary(summary, step)

    def flush(self):
        if self._writer is not None:
            self._writer.flush()


class SummarySaverHook(SessionRunHook):
    """Writes summaries every so many steps or seconds.

    Args:
        save_steps, save_secs: one of them. output_dir, or summary_writer: where to. summary_op: Tensor of a Summary or
            a list of them; or scaffold, which has them.
    """

    def __init__(
        self, save_steps=None, save_secs=None, output_dir=None, summary_writer=None, scaffold=None, summary_op=None
    ):
        if (scaffold is None) == (summary_op is None):
            raise ValueError("Exactly one of scaffold or summary_op must be provided.")
        self._op, self._scaffold, self._events = summary_op, scaffold, _Events(output_dir, summary_writer)
        self._timer = SecondOrStepTimer(save_secs, save_steps)

    def begin(self):
        self._step, self._next = global_step_of(self), None

    def before_run(self, run_context):
        wanted: dict[str, Any] = {"step": self._step}
        self._due = self._next is None or self._timer.should_trigger_for_step(self._next)
        op = self._scaffold.summary_op if self._op is None and self._scaffold is not None else self._op
        if self._due and op is not None:
            wanted["summaries"] = op if isinstance(op, (list, tuple)) else [op]
        return SessionRunArgs(wanted)

    def after_run(self, run_context, run_values):
        step = run_values.results["step"] + 1
        if self._due:
            step = run_context.session.run(self._step)
            self._timer.update_last_triggered_step(step)
        if self._events.wanted:
            for summary in run_values.results.get("summaries", ()):
                self._events.add(summary, step)
        self._next = step + 1

    def end(self, session):
        self._events.flush()


class StepCounterHook(SessionRunHook):
    """Logs how many steps are made in a second, every so many steps or seconds; writes it where TensorBoard is there.

    Args: every_n_steps, every_n_secs: one of them. output_dir, or summary_writer: where to write, or None.
    """

    def __init__(self, every_n_steps=100, every_n_secs=None, output_dir=None, summary_writer=None):
        self._timer = SecondOrStepTimer(every_n_secs, every_n_steps)
        self._events = _Events(output_dir if is_there("tensorboard") else None, summary_writer)

    def begin(self):
        self._step = global_step_of(self)
        self._tag = f"{self._step.op.name}/sec"

    def before_run(self, run_context):
        return SessionRunArgs(self._step)

    def after_run(self, run_context, run_values):
        if not self._timer.should_trigger_for_step(run_values.results + 1):
            return
        step = run_context.session.run(self._step)
        if not self._timer.should_trigger_for_step(step):
            return
        seconds, steps = self._timer.update_last_triggered_step(step)
        if seconds:
            logging.info("%s: %g", self._tag, steps / seconds)
            if self._events.wanted:
                self._events.add(Summary(value=[{"tag": self._tag, "simple_value": steps / seconds}]), step)
