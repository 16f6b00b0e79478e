"""Gradients against differences: a function of tensors, in float64."""

import numpy as np

from microdl.core import nest
from microdl.core.constant import constant
from microdl.core.tape import GradientTape

STEP = 1e-3  # error of five points: h^4 f'''''/30 + 1.5 eps |f| / h, near 1e-12 for values near 1
ELEMENTS = 12  # of each input, chosen at random


def check_gradient(function, arrays):
    """(largest relative difference, elements compared) of the tape's gradients and differences over five points.

    Args: function: of as many Tensors, returns Tensors. arrays: list; the float64 ones are differentiated by.
    """
    rng = np.random.default_rng(1)
    tensors = [constant(array) for array in arrays]
    floating = [i for i, x in enumerate(tensors) if x.dtype.is_floating]
    with GradientTape() as tape:
        tape.watch([tensors[i] for i in floating])
        outputs = nest.flatten(function(*tensors))
    outputs = [y for y in outputs if y.dtype.is_floating]
    weights = [rng.uniform(0.5, 1.5, tuple(y.shape)) for y in outputs]
    seeds = [constant(w) for w in weights]
    gradients = tape.gradient(outputs, [tensors[i] for i in floating], seeds, unconnected_gradients="zero")

    def total(moved):
        found = [y for y in nest.flatten(function(*map(constant, moved))) if y.dtype.is_floating]
        return sum(float(np.sum(np.asarray(y) * w)) for y, w in zip(found, weights, strict=True))

    worst, checked = 0.0, 0
    for i, gradient in zip(floating, gradients, strict=True):
        places = list(np.ndindex(arrays[i].shape))
        for k in rng.permutation(len(places))[:ELEMENTS]:
            expected, actual = _difference(total, arrays, i, places[k]), float(np.asarray(gradient)[places[k]])
            worst = max(worst, abs(actual - expected) / max(1.0, abs(actual), abs(expected)))
            checked += 1
    return worst, checked


def _difference(total, arrays, i, place):
    """d total / d arrays[i][place]."""
    result = 0.0
    for factor, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
        moved = [array.copy() for array in arrays]
        moved[i][place] += factor * STEP
        result += weight * total(moved)
    return result / STEP
