"""Learning-rate schedules against values of Keras 3.15, eager and in traced functions, also after serializing."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras.optimizers import schedules

STEPS = 0, 1, 5, 10, 15, 20, 25, 33, 100
CASES = [  # (class, arguments, rates at STEPS)
    ("InverseTimeDecay", (0.5, 10, 0.8), [0.5, 0.46296296, 0.35714287, 0.27777779, 0.22727272, 0.1923077,
     0.16666667, 0.13736263, 0.055555556]),
    ("InverseTimeDecay", (0.5, 10, 0.8, True), [0.5, 0.5, 0.5, 0.27777779, 0.27777779, 0.1923077, 0.1923077,
     0.14705881, 0.055555556]),
    ("PolynomialDecay", (0.5, 20), [0.5, 0.475005, 0.375025, 0.25005001, 0.125075, 9.9999997e-05, 9.9999997e-05,
     9.9999997e-05, 9.9999997e-05]),
    ("PolynomialDecay", (0.5, 10, 0.1, 2.0, True), [0.5, 0.42399997, 0.2, 0.1, 0.125, 0.1, 0.11111111, 0.11225,
     0.1]),
    ("PolynomialDecay", (0.5, 20, 0.05, 0.5), [0.5, 0.48860574, 0.43971142, 0.36819804, 0.27500001, 0.050000001,
     0.050000001, 0.050000001, 0.050000001]),
    ("CosineDecayRestarts", (0.5, 10), [0.5, 0.48776412, 0.24999999, 0.5, 0.42677671, 0.24999999, 0.073223308,
     0.49309248, 0.34567085]),
    ("CosineDecayRestarts", (0.5, 10, 1.0, 0.5, 0.1), [0.5, 0.48898771, 0.27499998, 0.27500001, 0.16249999,
     0.16249999, 0.10625, 0.094656467, 0.050439455]),
    ("CosineDecayRestarts", (0.5, 7, 1.5, 0.8), [0.5, 0.4752422, 0.094127506, 0.32469794, 0.053389646, 0.30051547,
     0.17195684, 0.0001988888, 0.15552931]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "expected"), CASES)
def test_schedules_have_the_values_of_keras(name, arguments, expected):
    schedule = getattr(schedules, name)(*arguments)
    rates = [float(schedule(tf.Variable(np.int64(step)))) for step in STEPS]
    np.testing.assert_allclose(rates, expected, rtol=2e-6, atol=1e-8)
    again = schedules.deserialize(schedules.serialize(schedule))
    traced = tf.function(lambda step: again(step))
    rates = [float(traced(tf.constant(step, tf.int64))) for step in STEPS]
    np.testing.assert_allclose(rates, expected, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["InverseTimeDecay", "PolynomialDecay", "CosineDecayRestarts"])
def test_lengths_are_positive(name):
    with pytest.raises(ValueError, match=rf"^{name}: .*decay_steps must be > 0, got 0$"):
        getattr(schedules, name)(0.1, 0, *([0.5] if name == "InverseTimeDecay" else []))
