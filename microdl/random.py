"""``tf.random``: seeds and random tensors."""

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
