"""``tf.summary`` of TensorFlow 1: operations that give serialized Summaries, and a FileWriter that takes them.

merged = tf.summary.merge_all()
writer = tf.summary.FileWriter("logs", session.graph)
writer.add_summary(session.run(merged), step)
"""

import math
import os
import re
import time
from typing import Any

import numpy as np

from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.naming import in_graph
from microdl.compat.v1.variables import GraphKeys
from microdl.compile.signature import TensorSpec
from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.optional import require
from microdl.core.tensor import convert
from microdl.ops import python
from microdl.summary import graphs, records

# Where the buckets of a histogram end: 1e-12 and up by a tenth each, mirrored for negative numbers.
_POSITIVE = [1e-12 * 1.1**i for i in range(math.ceil(math.log(1e32) / math.log(1.1)))]
_LIMITS = np.array([-x for x in reversed(_POSITIVE)] + [0.0, *_POSITIVE, np.finfo(np.float64).max])


def scalar(name, tensor, collections=None, family=None):
    """A Summary with one number."""
    return _added(_scalar_summary, name, tensor, collections, family)


def histogram(name, values, collections=None, family=None):
    """A Summary with the distribution of all elements of ``values``."""
    return _added(_histogram_summary, name, values, collections, family)


def image(name, tensor, max_outputs=3, collections=None, family=None):
    """A Summary with images, (N, height, width, 1, 3 or 4 channels): uint8, or floats, which are scaled to 0 .. 255."""
    return _added(_image_summary, name, tensor, collections, family, max_outputs)


def text(name, tensor, collections=None):
    """A Summary with text, shown as Markdown."""
    return _added(_text_summary, name, tensor, collections, None)


def merge(inputs, collections=None, name=None):
    """A Summary with all that ``inputs``, Summaries, have."""
    merged = in_graph(_merge_summary, "Merge/MergeSummary")(list(inputs), name=name)
    return _collected(merged, collections or ())


def merge_all(key=GraphKeys.SUMMARIES, scope=None, name=None):
    """A Summary with all that the graph's Summaries have; None if it has none.

    Args: key: name of the collection. scope: str, a beginning of names; others are left out.
    """
    found = get_default_graph().get_collection(key, scope)
    return merge(found, name=name) if found else None


def _added(function, name, tensor, collections, family, *arguments):
    """The operation ``name``, put after ``family``; its tag is the whole name, put after ``family`` once more."""
    label = re.sub(r"[^-/\w.]", "_", name)
    label = f"{family}/{label}" if family else label
    tag = get_default_graph().unique_name(label, mark_as_used=False)
    made = in_graph(function, "summary")(tensor, f"{family}/{tag}" if family else tag, *arguments, name=label)
    return _collected(made, [GraphKeys.SUMMARIES] if collections is None else collections)


def _collected(tensor, collections):
    for key in collections:
        get_default_graph().add_to_collection(key, tensor)
    return tensor


def _serialized(make, tensors):
    """A scalar Tensor of bytes: the Summary ``make(*arrays)``."""
    spec = TensorSpec((), dtypes.string)
    return python.numpy_function(lambda *arrays: _element(make(*arrays)), [convert(x) for x in tensors], spec)


def _element(data):
    array = np.empty((), object)
    array[()] = data if isinstance(data, bytes) else data.SerializeToString()
    return array


@reads_sizes
def _scalar_summary(tensor, tag, name=None):
    def make(array):
        if array.size != 1:
            raise ValueError(f"summary.scalar: {tag!r} must be a scalar, got an array of shape {array.shape}")
        return _one(tag, simple_value=float(array.item()))

    return _serialized(make, [tensor])


@reads_sizes
def _histogram_summary(values, tag, name=None):
    return _serialized(lambda array: _one(tag, histo=histogram_proto(tag, array)), [values])


@reads_sizes
def _image_summary(tensor, tag, max_outputs, name=None):
    def make(array):
        summary = records.proto("summary").Summary()
        for i, pixels in enumerate(_pixels(array[:max_outputs])):
            value = summary.value.add(tag=f"{tag}/image" if max_outputs == 1 else f"{tag}/image/{i}")
            height, width, channels = pixels.shape
            value.image.height, value.image.width, value.image.colorspace = height, width, channels
            value.image.encoded_image_string = records.png(pixels)
        return summary

    return _serialized(make, [tensor])


@reads_sizes
def _text_summary(tensor, tag, name=None):
    return _serialized(lambda array: records.text(tag, array), [tensor])


@reads_sizes
def _merge_summary(inputs, name=None):
    """Messages one after the other are one message with all their values."""
    return _serialized(lambda *parts: b"".join(parts), inputs)


def _one(tag, **value):
    summary = records.proto("summary").Summary()
    summary.value.add(tag=tag, **value)
    return summary


def histogram_proto(tag, array):
    """A HistogramProto with TensorFlow 1's buckets, of which runs of empty ones are one.

    Raises: ValueError for NaN and infinities.
    """
    values = np.asarray(array, np.float64).ravel()
    if not np.isfinite(values).all():
        raise ValueError(f"Nan in summary histogram for: {tag}")
    places = np.minimum(np.searchsorted(_LIMITS, values, side="right"), len(_LIMITS) - 1)
    counts = np.bincount(places, minlength=len(_LIMITS))
    ends = [i for i, n in enumerate(counts) if n or (i + 1 < len(counts) and counts[i + 1])]
    ends = ends or [len(counts) - 1]
    if ends[-1] < len(counts) - 1 and not counts[ends[-1] + 1 :].any():
        ends.append(len(counts) - 1)
    smallest, largest = (values.min(), values.max()) if values.size else (_LIMITS[-1], -_LIMITS[-1])
    return records.proto("summary").HistogramProto(
        min=smallest,
        max=largest,
        num=values.size,
        sum=values.sum(),
        sum_squares=np.square(values).sum(),
        bucket_limit=[_LIMITS[i] for i in ends],
        bucket=[counts[i] for i in ends],
    )


def _pixels(array):
    """Images as uint8: floats of one image scaled by a factor of its own, so that the largest is 255 (or +-127)."""
    if array.dtype == np.uint8:
        return records.as_bytes("summary.image", array)
    scaled = np.zeros(array.shape, np.uint8)
    for i, pixels in enumerate(np.asarray(array, np.float64)):
        finite = np.nan_to_num(pixels, posinf=0.0, neginf=0.0)
        largest = np.abs(finite).max(initial=0.0)
        around, to = (128.0, 127.0) if finite.min(initial=0.0) < 0 else (0.0, 255.0)
        scaled[i] = np.clip(around + finite * (to / largest if largest > 0 else 0.0), 0, 255).astype(np.uint8)
    return records.as_bytes("summary.image", scaled)


class FileWriter:
    """Writes events to a new file in ``logdir``, by TensorBoard's own writer.

    Args:
        graph: Graph, whose picture TensorBoard shows. max_queue: int events that may wait. flush_secs: seconds until
            they are on disk. filename_suffix: str. Others are accepted.
    Raises: ImportError without the package tensorboard.
    """

    def __init__(
        self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None, filename_suffix=None, session=None
    ):
        self._module = require("tensorboard.summary.writer.event_file_writer", "tf.summary.FileWriter")
        self._logdir = os.fspath(logdir)
        self._arguments = self._logdir, max_queue, flush_secs, filename_suffix or ""
        self._file: Any = self._module.EventFileWriter(*self._arguments)
        self._described = set()  # tags whose metadata were written: TensorBoard wants them once
        if graph is not None:
            self.add_graph(graph)

    def add_summary(self, summary, global_step=None):
        """Writes a Summary: its bytes, as ``session.run`` gives them, or the message."""
        message = records.proto("summary").Summary
        parsed = message.FromString(summary) if isinstance(summary, bytes) else message()
        if not isinstance(summary, bytes):
            parsed.CopyFrom(summary)
        for value in parsed.value:
            if value.tag in self._described:
                value.ClearField("metadata")
            elif value.HasField("metadata"):
                self._described.add(value.tag)
        self.add_event(records.proto("event").Event(summary=parsed), global_step)

    def add_graph(self, graph=None, global_step=None, graph_def=None):
        """Writes the picture of a Graph, or a GraphDef."""
        if graph is None and graph_def is None:
            raise ValueError("FileWriter.add_graph: a graph is needed")
        message: Any = graph_def if graph is None else graphs.graph_def(graph)
        self.add_event(records.proto("event").Event(graph_def=message.SerializeToString()), global_step)

    def add_event(self, event, global_step=None):
        """Writes an Event message, with the time that it is now."""
        self.reopen()
        event.wall_time = time.time()
        if global_step is not None:
            event.step = int(global_step)
        self._file.add_event(event)

    def add_session_log(self, session_log, global_step=None):
        """Writes a SessionLog message."""
        self.add_event(records.proto("event").Event(session_log=session_log), global_step)

    def add_run_metadata(self, run_metadata, tag, global_step=None):
        """Accepted: nothing is known of single runs."""

    def get_logdir(self):
        return self._logdir

    def flush(self):
        """Writes to disk what waits."""
        if self._file is not None:
            self._file.flush()

    def close(self):
        """Writes what waits, and closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def reopen(self):
        """Goes on in a new file after ``close``."""
        if self._file is None:
            self._file = self._module.EventFileWriter(*self._arguments)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def Summary(**fields):
    """TensorBoard's Summary message: ``Summary(value=[...])``."""
    return records.proto("summary").Summary(**fields)
