"""Learning rates that change with the step: functions of the optimizer's ``iterations`` that give a scalar Tensor.

In a graph they are made of ops, so that every run computes them anew; else of Python's floats, which take a tenth of
the time.
"""

import math

import numpy as np

from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.missing import missing as _missing
from microdl.core.tensor import Tensor, apply, convert
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as _deserialize,
    serialize_keras_object as _serialize,
)


class LearningRateSchedule:
    """Base class: ``__call__(step)`` gives a step's learning rate, ``get_config`` the arguments of ``__init__``."""

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self):
        raise NotImplementedError(f"{type(self).__name__} must define get_config() to be saved")

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``; ``staircase`` rounds the quotient down."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="ExponentialDecay"):
        _positive("ExponentialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step):
        exponent = _number(step) / float(self.decay_steps)
        exponent = _op("Floor", exponent) if self.staircase else exponent
        return _rate(self.initial_learning_rate * _op("Pow", float(self.decay_rate), exponent))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[0]`` up to and including step ``boundaries[0]``, ``values[1]`` up to ``boundaries[1]``, and so on."""

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay: {len(boundaries)} boundaries separate {len(boundaries) + 1} values, "
                f"got {len(values)} values"
            )
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step):
        step, rate = _number(step), float(self.values[0])
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = _op("SelectV2", step > float(boundary), float(value), rate)
        return _rate(rate)

    def get_config(self):
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


class CosineDecay(LearningRateSchedule):
    """From ``initial_learning_rate`` down to ``alpha`` times it along half a cosine of ``decay_steps`` steps.

    With ``warmup_target`` the rate first rises linearly to it over ``warmup_steps`` and decays from there.
    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
    """

    def __init__(
        self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay", warmup_target=None, warmup_steps=0
    ):
        _positive("CosineDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha, self.name = (
            initial_learning_rate,
            decay_steps,
            alpha,
            name,
        )
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step):
        step = _number(step)
        if self.warmup_target is None:
            return _rate(self._decayed(step, self.initial_learning_rate))
        rise = (self.warmup_target - self.initial_learning_rate) / max(self.warmup_steps, 1)
        warming = self.initial_learning_rate + step * rise
        decaying = self._decayed(step - float(self.warmup_steps), self.warmup_target)
        return _rate(_op("SelectV2", step < float(self.warmup_steps), warming, decaying))

    def _decayed(self, step, start):
        part = _op("Minimum", step, float(self.decay_steps)) / float(self.decay_steps)
        cosine = 0.5 * (_op("Cos", part * math.pi) + 1.0)
        return start * ((1 - self.alpha) * cosine + self.alpha)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "alpha": self.alpha,
            "name": self.name,
            "warmup_target": self.warmup_target,
            "warmup_steps": self.warmup_steps,
        }


class CosineDecayRestarts(LearningRateSchedule):
    """As ``CosineDecay`` over ``first_decay_steps``, then anew: each time ``t_mul`` as long, from ``m_mul`` as high.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, eq. 5.
    """

    def __init__(self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name="SGDRDecay"):
        _positive("CosineDecayRestarts", "first_decay_steps", first_decay_steps)
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step):
        part, longer = _number(step) / float(self.first_decay_steps), float(self.t_mul)
        if longer == 1:
            restart = _op("Floor", part)
            part = part - restart
        else:
            restart = _op("Floor", _op("Log", 1.0 - part * (1.0 - longer)) / math.log(longer))
            grown = _op("Pow", longer, restart)
            part = (part - (1.0 - grown) / (1.0 - longer)) / grown
        cosine = 0.5 * _op("Pow", float(self.m_mul), restart) * (_op("Cos", part * math.pi) + 1.0)
        return _rate(self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "first_decay_steps": self.first_decay_steps,
            "t_mul": self.t_mul,
            "m_mul": self.m_mul,
            "alpha": self.alpha,
            "name": self.name,
        }


class InverseTimeDecay(LearningRateSchedule):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``; ``staircase`` rounds the quotient down."""

    def __init__(self, initial_learning_rate, decay_steps, decay_rate, staircase=False, name="InverseTimeDecay"):
        _positive("InverseTimeDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step):
        part = _number(step) / float(self.decay_steps)
        part = _op("Floor", part) if self.staircase else part
        return _rate(float(self.initial_learning_rate) / (1.0 + float(self.decay_rate) * part))

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "decay_rate": self.decay_rate,
            "staircase": self.staircase,
            "name": self.name,
        }


class PolynomialDecay(LearningRateSchedule):
    """``(initial - end) * (1 - step / decay_steps) ** power + end``, and ``end_learning_rate`` from there on.

    ``cycle``: the way to the end is stretched, decay_steps times 1, 2, ..., so that the step lies on it.
    """

    def __init__(
        self,
        initial_learning_rate,
        decay_steps,
        end_learning_rate=0.0001,
        power=1.0,
        cycle=False,
        name="PolynomialDecay",
    ):
        _positive("PolynomialDecay", "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step):
        part = _number(step) / float(self.decay_steps)
        part = part / _op("Maximum", _op("Ceil", part), 1.0) if self.cycle else _op("Minimum", part, 1.0)
        height = _op("Pow", 1.0 - part, float(self.power))
        return _rate((self.initial_learning_rate - self.end_learning_rate) * height + self.end_learning_rate)

    def get_config(self):
        return {
            "initial_learning_rate": self.initial_learning_rate,
            "decay_steps": self.decay_steps,
            "end_learning_rate": self.end_learning_rate,
            "power": self.power,
            "cycle": self.cycle,
            "name": self.name,
        }


_OWN = CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay
_BY_NAME = {cls.__name__: cls for cls in _OWN}


def serialize(learning_rate_schedule):
    """Module, class name and configuration of a schedule."""
    return _serialize(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that ``serialize`` described. custom_objects: dict, class name -> class, of a user's own."""
    return _deserialize(config, custom_objects, module_objects=_BY_NAME)


_OF_FLOATS = {
    "Ceil": math.ceil,
    "Cos": math.cos,
    "Floor": math.floor,
    "Log": math.log,
    "Maximum": max,
    "Minimum": min,
    "Pow": math.pow,
    "SelectV2": lambda condition, x, y: x if condition else y,
}


def _number(step):
    """The step as a float32 Tensor in a graph, else as a float."""
    step = convert(step)
    return float(step.known_array()) if context.graph is None else apply("Cast", step, dtype=dtypes.float32)


def _op(name, *numbers):
    """The op ``name`` of Tensors, or the same of floats."""
    return apply(name, *numbers) if any(isinstance(x, Tensor) for x in numbers) else _OF_FLOATS[name](*numbers)


def _rate(number):
    """A rate as a scalar Tensor."""
    return number if isinstance(number, Tensor) else convert(np.float32(number))


def _positive(schedule, name, value):
    if value <= 0:
        raise ValueError(f"{schedule}: {name} must be > 0, got {value}")


__getattr__ = _missing(__name__, globals())
