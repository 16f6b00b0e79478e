"""The global step: the variable that counts how often the variables were changed."""

import numpy as np

from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.variables import GraphKeys, Variable


def get_global_step(graph=None):
    """The Variable that counts training steps; None if there is none."""
    found = (graph or get_default_graph()).get_collection(GraphKeys.GLOBAL_STEP)
    return found[0] if found else None


def create_global_step(graph=None):
    """A new int64 Variable ``global_step``. Raises ValueError if there is one."""
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    with graph.entered(), graph.name_scope(None):
        keys = [GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP]
        return Variable(np.int64(0), trainable=False, collections=keys, name="global_step")


def get_or_create_global_step(graph=None):
    """The Variable that counts training steps."""
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def global_step(sess, global_step_tensor):
    """Its value in a session, an int."""
    return int(sess.run(global_step_tensor))
