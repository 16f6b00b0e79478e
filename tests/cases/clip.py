"""Half the squared norm, of which clipping by norm is made."""

import numpy as np

from microdl.core.errors import InvalidArgumentError
from microdl.ops import clip

from . import Case, inputs, shapes


@inputs
def anything(draw, rng):
    return [rng.normal(size=draw(shapes()))], {}


CASES = [
    Case(
        "L2Loss",
        lambda tf, t: clip.l2_loss(t),
        lambda t: np.sum(t * t) / 2,
        anything(),
        errors=(
            (
                lambda tf: tf.nn.l2_loss(tf.constant([1, 2])),
                InvalidArgumentError,
                "L2Loss: expected a floating-point tensor, got int32 of shape (2,); "
                "convert it first: tf.cast(x, tf.float32)",
            ),
        ),
    )
]
