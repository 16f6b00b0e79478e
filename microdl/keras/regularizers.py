"""Penalties on weights and outputs, which training adds to the loss. All factors are dimensionless and >= 0."""

from typing import Any as _Any

from microdl.core.missing import missing as _missing
from microdl.core.tensor import convert as _convert
from microdl.keras.configured import Configured as _Configured, look_up as _look_up, serialize as serialize
from microdl.ops import math as _math
from microdl.ops.array import eye as _eye, transpose as _transpose
from microdl.ops.linalg import matmul as _matmul
from microdl.ops.normalization import l2_normalize as _l2_normalize


class Regularizer(_Configured):
    """Base class: ``regularizer(x)`` gives a scalar Tensor. Subclasses define ``__call__`` and ``get_config``."""

    def __call__(self, x):
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")


class L1L2(Regularizer):
    """``l1 * sum(|x|) + l2 * sum(x**2)``"""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = _factor(self, "l1", 0.0 if l1 is None else l1)
        self.l2 = _factor(self, "l2", 0.0 if l2 is None else l2)

    def __call__(self, x):
        x = _convert(x)
        penalty = _convert(0, hint=x.dtype)
        if self.l1:
            penalty = penalty + self.l1 * _math.reduce_sum(_math.abs(x))
        if self.l2:
            penalty = penalty + self.l2 * _math.reduce_sum(_math.square(x))
        return penalty

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """``l1 * sum(|x|)``"""

    def __init__(self, l1=0.01):
        self.l1 = _factor(self, "l1", 0.01 if l1 is None else l1)

    def __call__(self, x):
        return self.l1 * _math.reduce_sum(_math.abs(_convert(x)))

    def get_config(self):
        return {"l1": self.l1}


class L2(Regularizer):
    """``l2 * sum(x**2)``

    >>> float(L2(0.5)([1.0, 2.0]))
    2.5
    """

    def __init__(self, l2=0.01):
        self.l2 = _factor(self, "l2", 0.01 if l2 is None else l2)

    def __call__(self, x):
        return self.l2 * _math.reduce_sum(_math.square(_convert(x)))

    def get_config(self):
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """``factor`` times the mean of |cos(angle)| over all pairs of a matrix's rows (or columns).

    Args: factor: float. mode: "rows" or "columns".
    """

    def __init__(self, factor=0.01, mode="rows"):
        self.factor = _factor(self, "factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(f"OrthogonalRegularizer: mode must be 'rows' or 'columns', got {mode!r}")
        self.mode = mode

    def __call__(self, inputs):
        x = _convert(inputs)
        if x.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer: expects a matrix, got shape {x.shape}")
        vectors = _l2_normalize(x if self.mode == "rows" else _transpose(x), axis=1)
        count = vectors.spec.shape[0]
        cosines = _matmul(vectors, vectors, transpose_b=True) * (1.0 - _eye(count, dtype=x.dtype))
        pairs = count * (count - 1) / 2
        return self.factor * 0.5 / pairs * _math.reduce_sum(_math.abs(cosines))

    def get_config(self):
        return {"factor": self.factor, "mode": self.mode}


def _factor(regularizer, name, value):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"{type(regularizer).__name__}: {name} must be a finite float >= 0, got {value!r}")
    return float(value)


def l1_l2(l1=0.01, l2=0.01):
    """``L1L2`` with the defaults that Keras gives it under this name."""
    return L1L2(l1, l2)


l1, l2, orthogonal_regularizer = L1, L2, OrthogonalRegularizer
_BY_NAME: dict[str, _Any] = {cls.__name__: cls for cls in (L1, L2, L1L2, OrthogonalRegularizer)}
_BY_NAME |= {"l1": L1, "l2": L2, "orthogonal_regularizer": OrthogonalRegularizer}
_BY_NAME["l1_l2"] = l1_l2


def get(identifier):
    """A regularizer from a name ("l2"), a class, a configuration, or a callable itself; None stays None.

    Raises: ValueError for an unknown name. TypeError for something else.
    """
    return _look_up("regularizer", identifier, _BY_NAME)


def deserialize(config):
    """The regularizer that ``serialize`` described."""
    return get(config)


__getattr__ = _missing(__name__, globals())
