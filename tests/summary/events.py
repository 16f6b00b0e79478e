"""What was written for TensorBoard, read back by TensorBoard's own code."""

import struct
from pathlib import Path

from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.util.tensor_util import make_ndarray


def events(folder):
    """All events of the files in ``folder`` but the first of each, which holds a version."""
    paths = sorted(Path(folder).glob("events.out.tfevents.*"))
    return [event for path in paths for event in EventFileLoader(str(path)).Load() if not event.file_version]


def values(folder):
    """(tag, step, array or number) of everything in ``folder``, as it was written."""
    return [
        (value.tag, event.step, make_ndarray(value.tensor) if value.HasField("tensor") else value.simple_value)
        for event in events(folder)
        for value in event.summary.value
        if value.tag != "__run_graph__"  # as TensorBoard shows the graph
    ]


def graph(folder):
    """The nodes of the graph in ``folder``, by name."""
    serialized = next(event.graph_def for event in events(folder) if event.graph_def)
    return {node.name: node for node in GraphDef.FromString(serialized).node}


def png_size(data):
    """(width, height) of a PNG file."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])
