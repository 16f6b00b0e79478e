"""This project as a ``function``, which becomes one CUDA graph."""

import functools

from harness.gpu import microdl_side
from harness.gpu.clock import NoClock, WaitingClock, is_emulated

import microdl
from microdl.core.placement import the_gpu

from .. import keras_steps
from ..step import Step

WRAPS = {"function": microdl.function}
start = microdl_side.start


def wait():
    the_gpu().stream.synchronize()


def make_clock():
    return NoClock() if is_emulated() else WaitingClock(wait)


def ways(row, how):
    return {"": functools.partial(_build, row, WRAPS[how])}


def _build(row, wrap, rate):
    with microdl.device("/gpu:0"):
        step = keras_steps.build(microdl, row, wrap, rate)
    return step if row.training else Step(lambda: step.run().numpy(), step.shapes)
