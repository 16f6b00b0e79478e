"""A step as a framework builds it, and the check that it is the step of the row."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .networks import CLASSES, weight_sizes

# Learning rate of Adam in what is timed. So small that the weights stay as they begin, however many steps are timed: a
# network that has learned its one batch by heart ends in zeros and denormal numbers, which have speeds of their own.
STANDSTILL = 1e-9
LEARNING = 3e-3  # the same where it is checked that the network learns
STEPS = 10  # of those, which must lower the loss
LOWER = 0.9  # to less than this share


@dataclass(frozen=True)
class Step:
    """run(): one step; gives the loss, or in inference the logits. shapes: of all weights, each a tuple of ints."""

    run: Callable[[], Any]
    shapes: Sequence[tuple[int, ...]]


class OtherNetwork(Exception):
    """What a framework built is not the row's network, or does not learn."""


def check(step, row):
    """Raises OtherNetwork unless ``step``, built with the rate LEARNING, does the row's work."""
    sizes, expected = sorted(math.prod(shape) for shape in step.shapes), weight_sizes(row.layers)
    if sizes != expected:
        raise OtherNetwork(f"{sum(sizes)} weights in arrays of {sizes}, expected {expected}")
    if row.training:
        losses = [float(step.run()) for _ in range(STEPS)]
        if not losses[-1] < LOWER * losses[0]:
            raise OtherNetwork(f"the loss goes from {losses[0]:.4g} to {losses[-1]:.4g} in {STEPS} steps")
        return
    logits = np.asarray(step.run())
    if logits.shape != (row.batch, CLASSES) or not np.isfinite(logits).all():
        raise OtherNetwork(f"the logits have shape {logits.shape}, or are not finite")
