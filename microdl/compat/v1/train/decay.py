"""Learning rates that follow the global step: Tensors that are computed in each run."""

import math as python_math

from microdl.compat.v1.naming import in_graph
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import Operand, apply, convert
from microdl.ops import math
from microdl.ops.control import case


def _start(learning_rate, global_step):
    """The first learning rate, and the step as a number of its dtype."""
    if global_step is None:
        raise ValueError("global_step is required for learning rates that decay.")
    rate = convert(learning_rate if isinstance(learning_rate, Operand) else float(learning_rate))
    return rate, apply("Cast", convert(global_step), dtype=rate.dtype)


def _passed(step, decay_steps, staircase):
    passed = step / convert(decay_steps, step.dtype) if not isinstance(decay_steps, Operand) else step / decay_steps
    return math.floor(passed) if staircase else passed


@in_graph
def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate * decay_rate ^ (global_step / decay_steps)``; with ``staircase`` the exponent is rounded down."""
    rate, step = _start(learning_rate, global_step)
    return math.multiply(rate, math.pow(convert(decay_rate, rate.dtype), _passed(step, decay_steps, staircase)))


@in_graph
def natural_exp_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate * exp(-decay_rate * global_step / decay_steps)``"""
    rate, step = _start(learning_rate, global_step)
    return math.multiply(rate, math.exp(-convert(decay_rate, rate.dtype) * _passed(step, decay_steps, staircase)))


@in_graph
def inverse_time_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """``learning_rate / (1 + decay_rate * global_step / decay_steps)``"""
    rate, step = _start(learning_rate, global_step)
    return rate / (1.0 + convert(decay_rate, rate.dtype) * _passed(step, decay_steps, staircase))


@in_graph
def polynomial_decay(
    learning_rate, global_step, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=None
):
    """``(learning_rate - end) * (1 - step / decay_steps)^power + end``, up to ``decay_steps``.

    cycle: later on ``decay_steps`` is the next multiple of itself that the step has not passed.
    """
    rate, step = _start(learning_rate, global_step)
    end, steps = (convert(x, rate.dtype) for x in (end_learning_rate, decay_steps))
    if cycle:
        steps = steps * math.maximum(math.ceil(step / steps), 1.0)
    else:
        step = math.minimum(step, steps)
    return (rate - end) * math.pow(1.0 - step / steps, convert(power, rate.dtype)) + end


@in_graph
def cosine_decay(learning_rate, global_step, decay_steps, alpha=0.0, name=None):
    """``learning_rate * ((1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + alpha)``: Loshchilov and Hutter, 2016."""
    rate, step = _start(learning_rate, global_step)
    passed = math.minimum(step, convert(decay_steps, rate.dtype)) / convert(decay_steps, rate.dtype)
    return rate * ((1.0 - alpha) * 0.5 * (1.0 + math.cos(python_math.pi * passed)) + alpha)


def piecewise_constant(x, boundaries, values, name=None):
    """``values[i]`` where ``boundaries[i - 1] < x <= boundaries[i]``.

    Args: x: a scalar, mostly the global step. boundaries: increasing numbers. values: one more than boundaries.
    """
    if len(boundaries) != len(values) - 1:
        raise ValueError("The length of boundaries should be 1 less than the length of values")
    return in_graph(_piece, "PiecewiseConstant/case")(x, list(boundaries), list(values), name=name)


@reads_sizes
def _piece(x, boundaries, values, name=None):
    x = convert(x)
    numbers = [convert(value) for value in values]
    pairs = [(x <= bound, _giving(y)) for bound, y in zip(boundaries, numbers, strict=False)]
    return case(pairs, default=_giving(numbers[-1]))


def _giving(value):
    return lambda: value
