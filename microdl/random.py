"""``tf.random``: seeds and random tensors."""

from microdl.core.later import RANDOM as _LATER
from microdl.core.missing import missing as _missing
from microdl.ops.random import (
    normal as normal,
    set_seed as set_seed,
    shuffle as shuffle,
    stateless_normal as stateless_normal,
    stateless_truncated_normal as stateless_truncated_normal,
    stateless_uniform as stateless_uniform,
    truncated_normal as truncated_normal,
    uniform as uniform,
)

__getattr__ = _missing(__name__, globals(), _LATER.split())
