"""What is current in this thread: the graph being traced (None: eager), the tapes that listen, the part of a step."""

import functools
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import Any


class _Context(threading.local):
    graph: Any = None  # node.Graph: ops are added to it instead of being run
    tapes: tuple = ()  # GradientTape, outermost first
    device: Any = None  # that ``with tf.device`` names: ``core/placement.py``
    running: Any = None  # the device of the plan that is running a step of the host; None: the CPU
    streams: Any = None  # what random ops read from while a plan for a GPU is made: ``compile/on_gpu.py``
    scope: str = ""  # what names of new variables begin with: tf.name_scope
    seeds_of: Any = None  # function from an op's own seed to those that it runs under in a graph: TensorFlow 1's
    phase: str = "forward"  # of a training step: "forward", "backward" or "optimizer"; for profiles


context = _Context()

_PACKAGE = os.path.join(Path(__file__).parents[1], "")  # ends in a separator: a sibling microdl_x is the user's


def in_phase(name):
    """Decorator: what the function does belongs to the part ``name`` of a training step."""

    def decorate(function):
        @functools.wraps(function)
        def run(*args, **kwargs):
            outer, context.phase = context.phase, name
            try:
                return function(*args, **kwargs)
            finally:
                context.phase = outer

        return run

    return decorate


def user_location():
    """``file:line`` of the code outside microdl that is running now."""
    frame, _ = _user_frame()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def warn(message):
    """A UserWarning about the code outside microdl that is running now."""
    _, depth = _user_frame()
    warnings.warn(message, stacklevel=depth)


def _user_frame():
    """The frame of that code, and how far it lies above the caller, as warnings.warn counts."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, depth = frame.f_back, depth + 1
    return frame, depth
