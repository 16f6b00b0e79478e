"""What was written for TensorBoard, read back by TensorBoard's own code."""

import struct
from pathlib import Path

import numpy as np
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


def described(folder):
    """[tag, step, plugin, value] of all summaries in ``folder``.

    The value: a number; of a histogram its least and greatest limit and how many values it counts; of images how many.
    """
    found = []
    for event in events(folder):
        for value in event.summary.value:
            plugin = value.metadata.plugin_data.plugin_name
            if value.tag == "__run_graph__" or plugin not in ("scalars", "histograms", "images"):
                continue
            array = make_ndarray(value.tensor)
            if plugin == "scalars":
                shown = round(float(array), 7)
            elif plugin == "images":
                shown = len(array) - 2  # after width and height
            else:
                filled = array[array[:, 2] > 0]
                limits = filled[[0, -1], [0, 1]] if len(filled) else []
                shown = [*np.round(limits, 7).tolist(), float(array[:, 2].sum())]
            found.append([value.tag, event.step, plugin, shown])
    return found


def graph_names(folder):
    """name -> op of the graph's nodes that a program names: no constants, reads of variables, gradients and slots."""
    nodes = graph(folder)
    hidden = "Const", "Identity", "ReadVariableOp", "AssignVariableOp", "VarIsInitializedOp", "NoOp", "Shape"
    inside = "train/", "sparse_softmax_cross_entropy_loss/", "dropout/dropout/", "truncated_normal/", "Adam", "random"
    return {
        name: node.op
        for name, node in sorted(nodes.items())
        if node.op not in hidden and not any(part in name for part in inside)
    }
