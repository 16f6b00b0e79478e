"""When functions of TensorFlow 1 run instead of adding to a graph: inside of a tf.data pipeline, and in traces."""

import threading

from microdl.compile.graph import FuncGraph
from microdl.core.context import context

_running = threading.local()


class AtOnce:
    """A context in which functions act on tensors as they are."""

    def __enter__(self):
        self._before = context.graph, getattr(_running, "at_once", False)
        context.graph, _running.at_once = None, True

    def __exit__(self, *error):
        context.graph, _running.at_once = self._before


def at_once():
    """Whether functions act on tensors as they are: in ``AtOnce``, and in the trace of a function."""
    return isinstance(context.graph, FuncGraph) or getattr(_running, "at_once", False)
