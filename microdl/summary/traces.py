"""The graphs of functions, for TensorBoard: of one, or of all that run between ``trace_on`` and ``trace_export``."""

import contextlib
import gzip
import os
from typing import Any

from microdl.compile import concrete
from microdl.core.optional import require
from microdl.summary.graphs import graph_def
from microdl.summary.records import proto
from microdl.summary.writers import should_record_summaries, state

_tracing: Any = None  # (contexts to leave, the ConcreteFunctions heard, a profile or None) between trace_on and its end


def graph(graph_data):
    """Writes a graph to the default writer: a traced function's (``concrete.graph``), TensorFlow 1's, or a GraphDef.

    Returns: whether it was written. Raises TypeError for other things.
    """
    if not should_record_summaries():
        return False
    message = graph_data if hasattr(graph_data, "SerializeToString") else None
    if message is None and not hasattr(graph_data, "nodes"):
        raise TypeError(
            "The argument 'graph_data' is not a graph: give f.get_concrete_function(...).graph, or a GraphDef; got "
            f"{type(graph_data).__name__}"
        )
    message = graph_def(graph_data) if message is None else message
    state.writer.add(0, graph_def=message.SerializeToString())
    return True


@contextlib.contextmanager
def heard():
    """A context that gives the list of the ConcreteFunctions that run within, each once, as they start."""
    found: list = []
    outer, concrete.heard = concrete.heard, found
    try:
        yield found
    finally:
        concrete.heard = outer


def trace_on(graph=True, profiler=False, profiler_outdir=None):
    """From now on the graphs of functions that run are kept, and what runs is profiled, until ``trace_export``."""
    global _tracing
    trace_off()
    contexts, functions, profile = contextlib.ExitStack(), [], None
    if graph:
        functions = contexts.enter_context(heard())
    if profiler:
        profile = contexts.enter_context(require("microdl.profiler", "trace_on").profile())
    _tracing = contexts, functions, profile


def trace_off():
    """Stops what ``trace_on`` began; nothing is kept."""
    global _tracing
    if _tracing is not None:
        _tracing[0].close()
    _tracing = None


def trace_export(name, step=None, profiler_outdir=None):
    """Writes what was kept since ``trace_on`` to the default writer under ``name``, and stops.

    Args: step: int, None for the default one. profiler_outdir: directory for the profile, if there is one.
    Raises: ValueError without ``trace_on`` before, or without a step.
    """
    if _tracing is None:
        raise ValueError("Must enable trace before export through tf.summary.trace_on.")
    _, functions, profile = _tracing
    trace_off()
    step = state.step if step is None else step
    if functions and should_record_summaries():
        if step is None:
            raise ValueError(
                "No step set. Please specify one either through the `step` argument or through "
                "tf.summary.experimental.set_step()"
            )
        state.writer.add(int(step), summary=_graphs_summary(name, functions))
    if profile is not None and profiler_outdir is not None:
        write_profile(profile, profiler_outdir, str(step))


def write_profile(profile, logdir, run):
    """A profile's trace where TensorBoard's profile plugin looks for it: plugins/profile/RUN/local.trace.json.gz."""
    folder = os.path.join(logdir, "plugins", "profile", run)
    os.makedirs(folder, exist_ok=True)
    plain = os.path.join(folder, "local.trace.json")
    profile.trace(plain)
    with open(plain, "rb") as source, gzip.open(f"{plain}.gz", "wb") as target:
        target.write(source.read())
    os.remove(plain)


def _graphs_summary(name, functions):
    """A Summary with the graphs of functions, all in one RunMetadata."""
    metadata = proto("config").RunMetadata()
    for function in functions:
        metadata.function_graphs.add().pre_optimization_graph.CopyFrom(graph_def(function.graph))
    summary = proto("summary").Summary()
    value = summary.value.add(tag=name)
    value.metadata.plugin_data.plugin_name = "graph_run_metadata_graph"
    value.metadata.plugin_data.content = b"1"
    value.tensor.dtype = proto("types").DT_STRING
    value.tensor.string_val.append(metadata.SerializeToString())
    return summary
