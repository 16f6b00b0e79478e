"""Metrics and losses give what Keras gives (``make_metrics.py``): eager, and in functions with unknown batch sizes."""

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from tests.reference.frozen import load

CASES = load("metrics.npz")
METRICS = [case for case in CASES if case.call.startswith("metrics.")]
LOSSES = [case for case in CASES if case.call.startswith("losses.")]


def made(case, **options):
    kind, name = case.call.split(".")
    return getattr(getattr(keras, kind), name)(**case.options, **options)


def close(found, expected):
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=2e-5, atol=2e-6), (found, expected)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", METRICS, ids=lambda case: case.name)
def test_metrics_over_two_updates(case, weighted):
    metric = made(case)
    for i in range(2):
        weight = case.arrays[f"weight{i}"] if weighted else None
        metric.update_state(case.arrays[f"y_true{i}"], case.arrays[f"y_pred{i}"], sample_weight=weight)
        close(metric.result().numpy(), case.arrays[f"{'weighted' if weighted else 'plain'}{i}"])
    metric.reset_state()
    metric.update_state(case.arrays["y_true0"], case.arrays["y_pred0"])
    close(metric.result().numpy(), case.arrays["plain0"])


@pytest.mark.parametrize("case", METRICS, ids=lambda case: case.name)
def test_metrics_in_a_function_with_unknown_batch_size(case):
    metric = made(case)

    def spec(name):
        array = case.arrays[f"{name}0"]
        return tf.TensorSpec((None, *array.shape[1:]), tf.as_dtype(array.dtype))

    @tf.function(input_signature=[spec("y_true"), spec("y_pred"), spec("weight")])
    def update(y_true, y_pred, weight):
        metric.update_state(y_true, y_pred, sample_weight=weight)
        return metric.result()

    for i in range(2):
        found = update(*(tf.constant(case.arrays[f"{name}{i}"]) for name in ("y_true", "y_pred", "weight")))
        close(found.numpy(), case.arrays[f"weighted{i}"])


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_losses_and_their_gradients(case):
    y_true, y_pred = case.arrays["y_true"], tf.Variable(case.arrays["y_pred"])
    with tf.GradientTape() as tape:
        loss = made(case)(y_true, y_pred)
    close(loss.numpy(), case.arrays["mean"])
    close(tape.gradient(loss, y_pred).numpy(), case.arrays["gradient"])
    close(made(case, reduction="none")(y_true, y_pred).numpy(), case.arrays["values"])
    close(made(case)(y_true, y_pred, case.arrays["weight"]).numpy(), case.arrays["weighted"])


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case.name)
def test_losses_in_a_function_with_unknown_batch_size(case):
    specs = [tf.TensorSpec((None, *case.arrays[name].shape[1:]), tf.float32) for name in ("y_true", "y_pred")]
    loss = tf.function(made(case).__call__, input_signature=specs)
    close(loss(*(tf.constant(case.arrays[name]) for name in ("y_true", "y_pred"))).numpy(), case.arrays["mean"])
