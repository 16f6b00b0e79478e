"""Half the squared norm, of which clipping by norm is made."""

import numpy as np

from microdl.ops import clip

from . import Case, inputs, shapes


@inputs
def anything(draw, rng):
    return [rng.normal(size=draw(shapes()))], {}


CASES = [Case("L2Loss", lambda tf, t: clip.l2_loss(t), lambda t: np.sum(t * t) / 2, anything())]
