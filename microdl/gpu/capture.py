"""CUDA graphs: a step's launches, noted down once and then launched together.

A step of a hundred kernels costs the host a hundred launches; as a graph it costs one. The graph holds the addresses
and numbers of its launches, so its memory must stay where it is (a slab), and what changes between steps must lie in
the GPU's memory (``scalars.py``). While the launches are noted down nothing runs, and much is forbidden: to allocate,
to wait, to read values. A step that cannot be noted down is named, and the function then runs launch by launch.
"""

import weakref
from collections.abc import Callable
from typing import NamedTuple

from microdl.core.context import warn
from microdl.gpu.errors import CAPTURE, CaptureError, DriverError

_WHY = {  # of the codes about captures in cuda.h
    900: "makes a call that a graph cannot hold",
    901: "spoils the capture",
    902: "joins two captures",
    904: "starts work on another stream and does not wait for it",
    905: "waits for work that is not part of the graph",
    906: "uses the default stream, which waits for all others",
    907: "waits for an event that is only noted down",
    908: "issues work from another thread",
}


class Step(NamedTuple):
    """One step of a function.

    Attributes:
        name: such as an op's. call: issues its work.
        host: what it does on the host ("draws a seed"), which a graph would not repeat; None for nothing.
        keep: arrays whose memory the work uses.
    """

    name: str
    call: Callable[[], object]
    host: str | None = None
    keep: tuple = ()


class Graph:
    """Launches that the driver makes with one call. ``keep``: what holds the memory that they use."""

    def __init__(self, stream, executable, keep):
        self.stream, self._executable, self._keep = stream, executable, keep
        weakref.finalize(self, stream.later, stream.driver.destroy_executable, executable).atexit = False

    def launch(self):
        """Issues all launches, in the stream's order."""
        stream = self.stream
        with stream.lock:
            stream.driver.launch_graph(self._executable, stream.handle)


def capture(stream, steps):
    """The Graph of what ``steps`` issue; they have run once before, so that all they need is there. Nothing runs.

    Raises: CaptureError, which names the step that cannot be part of a graph, and why.
    """
    for step in steps:
        if step.host is not None:
            raise CaptureError(step.name, f"{step.host} in every run, which a graph cannot")
    driver = stream.driver
    with stream.capture():
        ended = False
        try:
            driver.begin_capture(stream.handle)
            for step in steps:
                stream.step = step.name
                _note_down(stream, step)
            stream.step = "the function"
            try:
                graph = driver.end_capture(stream.handle)
            except DriverError as error:
                ended = True
                raise _explained(stream.step, error) from error
        except BaseException:
            if not ended:
                _give_up(stream)
            raise
        try:
            executable = driver.instantiate(graph)
        except DriverError as error:
            raise CaptureError("the function", f"cannot be made a graph: {error}") from error
        finally:
            driver.destroy_graph(graph)
    return Graph(stream, executable, steps)


def _note_down(stream, step):
    try:
        step.call()
    except DriverError as error:
        if error.code not in CAPTURE:
            raise
        raise _explained(step.name, error) from error
    if not stream.driver.is_capturing(stream.handle):  # a call that did not tell us, perhaps of another library
        raise CaptureError(step.name, "makes a call that a graph cannot hold, which has ended the capture")


def _explained(name, error):
    return CaptureError(name, f"{_WHY.get(error.code, 'cannot be captured')} ({error.call}: {error.name})")


def _give_up(stream):
    """Ends a capture that came to nothing, if it has begun, so that the stream works again."""
    try:
        graph = stream.driver.end_capture(stream.handle)
    except DriverError:  # a capture that was spoiled ends with an error, and so does one that has not begun
        return
    stream.driver.destroy_graph(graph)


class Replay:
    """A function's steps for one signature, as a graph from the second run on.

    Args:
        stream: the Stream. name: of the function. steps: the Steps.

    Attributes:
        graph: the Graph, or None. hindrance: the CaptureError because of which there will be none, or None.
    """

    def __init__(self, stream, name, steps):
        self.stream, self.name, self.steps = stream, name, list(steps)
        self.graph, self.hindrance = None, None
        self._ran = False

    def __call__(self):
        """Issues the work of all steps."""
        if self.graph is not None:
            self.graph.launch()
            return
        if self._ran and self.hindrance is None:
            try:
                self.graph = capture(self.stream, self.steps)
            except CaptureError as error:
                self.hindrance = error
                warn(f"{self.name} runs without a CUDA graph: {error}")
            else:
                self.graph.launch()
                return
        for step in self.steps:  # the first run loads kernels and fills the tables that they need
            step.call()
        self._ran = True
