"""What weights must obey: an optimizer replaces each weight by ``constraint(weight)`` after it has changed it.

Norms are Euclidean, along ``axis``: 0 for the inputs of each unit of a Dense kernel, [0, 1, 2] for the filters of a
Conv2D kernel.
"""

from microdl.core.missing import missing as _missing
from microdl.core.tensor import convert as _convert
from microdl.keras.configured import Configured as _Configured, look_up as _look_up, serialize as serialize
from microdl.ops import math as _math

_EPSILON = 1e-7  # keeps the quotient of a zero vector finite


class Constraint(_Configured):
    """Base class: ``constraint(w)`` gives a Tensor like ``w``. Subclasses define ``__call__`` and ``get_config``."""

    def __call__(self, w):
        return w


class MaxNorm(Constraint):
    """``w * min(norm, max_value) / norm``. Srivastava et al., "Dropout", JMLR 15, 2014, section 5.1."""

    def __init__(self, max_value=2, axis=0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w):
        w = _convert(w)
        norms = _norms(w, self.axis)
        return w * (_math.clip_by_value(norms, 0, self.max_value) / (norms + _EPSILON))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """``max(w, 0)``

    >>> NonNeg()([-1.0, 2.0]).numpy()
    array([0., 2.], dtype=float32)
    """

    def __call__(self, w):
        return _math.maximum(_convert(w), 0)


class UnitNorm(Constraint):
    """``w / norm``"""

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        w = _convert(w)
        return w / (_norms(w, self.axis) + _EPSILON)

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """``w * wanted / norm``, wanted = rate * (norm, at least min_value and at most max_value) + (1 - rate) * norm.

    Args: min_value, max_value: floats >= 0, in units of w. rate: in [0, 1], dimensionless. axis: int or several.
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w):
        w = _convert(w)
        norms = _norms(w, self.axis)
        wanted = self.rate * _math.clip_by_value(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (wanted / (norms + _EPSILON))

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


def _norms(w, axis):
    return _math.sqrt(_math.reduce_sum(_math.square(w), axis=axis, keepdims=True))


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
_BY_NAME = {cls.__name__: cls for cls in (MaxNorm, NonNeg, UnitNorm, MinMaxNorm)}
_BY_NAME |= {"max_norm": MaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm, "min_max_norm": MinMaxNorm}


def get(identifier):
    """A constraint from a name ("non_neg"), a class, a configuration, or a callable itself; None stays None.

    Raises: ValueError for an unknown name. TypeError for something else.
    """
    return _look_up("constraint", identifier, _BY_NAME)


def deserialize(config):
    """The constraint that ``serialize`` described."""
    return get(config)


__getattr__ = _missing(__name__, globals())
