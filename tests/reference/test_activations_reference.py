"""Activations and their gradients are Keras's (``make_activations.py``)."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras import activations
from tests.reference.frozen import load


@pytest.mark.parametrize("case", load("activations.npz"), ids=lambda case: case.name)
def test_activations_and_their_gradients(case):
    x, function = tf.Variable(case.arrays["x"]), activations.get(case.call)
    with tf.GradientTape() as tape:
        y = function(x, **case.options)
        total = tf.reduce_sum(y * case.arrays["weights"][: y.shape[0], : y.shape[1]])
    np.testing.assert_allclose(y, case.arrays["y"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(total, x), case.arrays["gradient"], rtol=1e-5, atol=1e-6)
