"""Layers, losses and metrics against Keras's frozen outputs; the tolerance is what rounding explains."""

from functools import reduce

import numpy as np
import pytest

import microdl as tf
from tests.reference.frozen import load

CASES = load("layers.npz")


def named(kind):
    cases = [case for case in CASES if case.call.startswith(f"keras.{kind}.")]
    assert cases
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def make(case):
    return reduce(getattr, case.call.split("."), tf)(**case.options["config"])


def numbered(case, name):
    """The arrays name0, name1, ... of a case."""
    count = sum(key.startswith(name) and key.removeprefix(name).isdigit() for key in case.arrays)
    return [case.arrays[f"{name}{i}"] for i in range(count)]


def assert_agrees(case, name, result):
    expected = case.arrays[name]
    result = np.asarray(result)
    assert result.shape == expected.shape, name
    assert np.all(np.abs(np.float64(result) - expected) <= case.tolerance(name)), name


@named("layers")
def test_layer_and_its_gradients_agree(case):
    layer = make(case)
    inputs = [tf.constant(x) for x in numbered(case, "x")]
    layer.build(inputs[0].shape)
    layer.set_weights(numbered(case, "weight"))
    options = {} if case.options["training"] is None else {"training": case.options["training"]}
    for x in inputs[:-1]:
        layer(x, **options)
    with tf.GradientTape() as tape:
        tape.watch(inputs[-1])
        output = layer(inputs[-1], **options)
    sources = [inputs[-1], *layer.trainable_weights]
    upstream = tf.constant(case.arrays["output_gradient"])
    gradients = tape.gradient(output, sources, output_gradients=upstream)
    assert_agrees(case, "output", output)
    for i, gradient in enumerate(gradients):
        assert_agrees(case, f"d_weight{i - 1}" if i else "d_x", gradient)
    for i, weight in enumerate(layer.get_weights()):
        assert_agrees(case, f"after{i}", weight)


@named("losses")
def test_loss_and_its_gradient_agree(case):
    loss = make(case)
    y_pred = tf.constant(case.arrays["y_pred"])
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        value = loss(case.arrays["y_true"], y_pred, case.arrays.get("sample_weight"))
    assert_agrees(case, "value", value)
    assert_agrees(case, "d_y_pred", tape.gradient(value, y_pred))


@named("metrics")
def test_metric_agrees_after_each_update(case):
    metric = make(case)
    results = []
    for i in range(case.options["updates"]):
        metric.update_state(*numbered(case, f"update{i} "))
        results.append(float(metric.result()))
    assert_agrees(case, "results", np.float32(results))
