"""Graphs as files: for readers and for TensorBoard."""

import os
from pathlib import Path
from typing import Any

from microdl.core.optional import require
from microdl.saving.atomic import write_bytes


def write_graph(graph_or_graph_def, logdir, name, as_text=True):
    """Writes a Graph, or a GraphDef, to the file ``name`` in ``logdir``, as text or binary. Returns its path.

    Raises: ImportError without the package tensorboard, which knows the format.
    """
    message: Any = graph_or_graph_def
    if hasattr(message, "as_graph_def"):
        message = message.as_graph_def()
    os.makedirs(logdir, exist_ok=True)
    path = os.path.join(logdir, name)
    text = require("google.protobuf.text_format", "tf.train.write_graph")
    write_bytes(Path(path), text.MessageToString(message).encode() if as_text else message.SerializeToString())
    return path
