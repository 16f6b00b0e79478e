"""Files of events, and which of them summaries are written to."""

import contextlib
import os
import threading
import time
from typing import Any

from microdl.core.constant import constant
from microdl.core.context import context
from microdl.core.op import register_op
from microdl.core.optional import require
from microdl.core.tensor import Operand, apply, convert
from microdl.summary.records import proto


class _State(threading.local):
    writer: Any = None
    step: Any = None
    recording: Any = True  # bool, Tensor, or a function without arguments that gives one


state = _State()


class SummaryWriter:
    """Writes events to a file in a directory, by TensorBoard's own EventFileWriter: in a thread of its own.

    Args:
        logdir: str or path. max_queue: int events that may wait. flush_millis: int milliseconds until they are on disk.
        filename_suffix: str.
    """

    def __init__(self, logdir, max_queue=None, flush_millis=None, filename_suffix=None):
        module = require("tensorboard.summary.writer.event_file_writer", "tf.summary")
        seconds = (120_000 if flush_millis is None else flush_millis) / 1000
        self._file: Any = module.EventFileWriter(
            os.fspath(logdir), max_queue or 10, seconds, filename_suffix if filename_suffix is not None else ".v2"
        )

    @contextlib.contextmanager
    def as_default(self, step=None):
        """A context in which summaries are written here; ``step``: those that are given none, as ``set_step`` says."""
        outer = state.writer, state.step
        state.writer, state.step = self, outer[1] if step is None else step
        try:
            yield self
        finally:
            self.flush()
            state.writer, state.step = outer[0], outer[1] if step is not None else state.step

    def set_as_default(self, step=None):
        """From now on summaries of this thread are written here."""
        state.writer = self
        if step is not None:
            state.step = step

    def add(self, step, **content):
        """Writes an event. content: one of ``summary``, ``graph_def``... of TensorBoard's Event."""
        if self._file is None:
            raise RuntimeError("SummaryWriter is already closed")
        self._file.add_event(proto("event").Event(wall_time=time.time(), step=int(step), **content))

    def flush(self):
        """Writes to disk what waits."""
        if self._file is not None:
            self._file.flush()

    def close(self):
        """Writes what waits, and closes the file; writing is an error from then on."""
        if self._file is not None:
            self._file.close()
            self._file = None


class _NoWriter(SummaryWriter):
    def __init__(self):
        self._file = None

    def add(self, step, **content):
        pass


def create_file_writer(logdir, max_queue=None, flush_millis=None, filename_suffix=None, name=None):
    """A SummaryWriter to a new file of events in the directory ``logdir``.

    Raises: ImportError without the package tensorboard.
    """
    return SummaryWriter(logdir, max_queue, flush_millis, filename_suffix)


def create_noop_writer():
    """A SummaryWriter that writes nothing."""
    return _NoWriter()


def flush(writer=None, name=None):
    """Writes to disk what waits in ``writer``, or in the default one."""
    writer = writer or state.writer
    if writer is not None:
        writer.flush()


@contextlib.contextmanager
def record_if(condition):
    """A context in which summaries are written only if ``condition`` holds.

    Args: condition: bool, scalar bool Tensor, or a function without arguments that gives one, called each time.
    """
    outer, state.recording = state.recording, condition
    try:
        yield
    finally:
        state.recording = outer


def should_record_summaries():
    """Whether a summary would be written now: a bool, or a Tensor in a traced function."""
    if state.writer is None:
        return False
    wanted = state.recording() if callable(state.recording) else state.recording
    if isinstance(wanted, Operand):
        wanted = convert(wanted)
        return bool(wanted.numpy()) if context.graph is None else wanted
    return bool(wanted)


@register_op("WriteSummary")
class _WriteSummary:
    """``write(step, data)`` if ``wanted``, in every run. No outputs, no gradient."""

    inputs = ("data", "step", "wanted")
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(data, step, wanted, write):
        return ()

    @staticmethod
    def run(kernels, data, step, wanted, write):
        if wanted:
            write(int(step), data)


def record(make, data, step):
    """Writes the Summary ``make(array of data)`` to the default writer, at once or in each call of a traced function.

    Returns: bool Tensor, whether there is a writer that takes it.
    Raises: ValueError without a step.
    """
    wanted = should_record_summaries()
    if wanted is False:
        return constant(False)
    step = state.step if step is None else step
    if step is None:
        raise ValueError(
            "No step set. Please specify one either through the `step` argument or through "
            "tf.summary.experimental.set_step()"
        )
    writer = state.writer

    def write(number, array):
        writer.add(number, summary=make(array))

    apply("WriteSummary", convert(data), convert(step), convert(wanted), write=write)
    return convert(wanted)


def raw_pb(serialized, step):
    """Writes a serialized Summary: bytes, or a Tensor of them."""
    return record(lambda array: proto("summary").Summary.FromString(array.item()), serialized, step)
