"""More layers, and their gradients, against Keras's frozen ones; the tolerance is what rounding explains."""

import numpy as np
import pytest

import microdl as tf
from microdl.core import nest
from tests.reference.frozen import load

CASES = load("keras_layers.npz")


def make(description):
    """The layer (or list of layers) that a description stands for; other values are themselves."""
    if isinstance(description, list):
        return [make(part) for part in description]
    if not isinstance(description, dict) or "class_name" not in description:
        return description
    config = {key: make(value) for key, value in description["config"].items()}
    return getattr(tf.keras.layers, description["class_name"])(**config)


def numbered(case, name):
    """The arrays name0, name1, ... of a case, as far as they are there."""
    places = sorted(int(key.removeprefix(name)) for key in case.arrays if key.removeprefix(name).isdigit())
    return {i: case.arrays[f"{name}{i}"] for i in places if f"{name}{i}" in case.arrays}


def tensors(case, name):
    return [tf.constant(x) for x in numbered(case, name).values()]


def assert_agrees(case, name, result):
    expected, result = case.arrays[name], np.asarray(result)
    assert result.shape == expected.shape, name
    assert result.dtype == expected.dtype, name
    difference = np.abs(np.float64(result) - expected)
    assert np.all(difference <= case.tolerance(name)), f"{name}: {difference.max()}"


def prepared(case, layer=None):
    """A layer with its weights, and a function that calls it on inputs and initial states."""
    layer, options = layer or make(case.options["layer"]), dict(case.options["call"])
    if "mask" in case.arrays:
        options["mask"] = tf.constant(case.arrays["mask"])

    def call(inputs, states):
        named = {**options, "initial_state": states} if states else options
        return layer(inputs, **named) if case.options["as_list"] else layer(*inputs, **named)

    call(tensors(case, "x"), tensors(case, "state"))
    layer.set_weights(list(numbered(case, "weight").values()))
    return layer, call


@pytest.mark.parametrize("traced", [False, True], ids=["eager", "function"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_layer_and_its_gradients_agree(case, traced):
    layer, call = prepared(case)
    inputs, states = tensors(case, "x"), tensors(case, "state")
    if getattr(layer, "stateful", False):
        layer.reset_states()
    for _ in range(case.options["calls"] - 1):
        call(inputs, states)
    run = tf.function(call) if traced else call
    sources = [x for x in [*inputs, *states] if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs = nest.flatten(run(inputs, states))
    for i, y in enumerate(outputs):
        assert_agrees(case, f"output{i}", y)
    upstream = tensors(case, "upstream")
    if all(y.dtype.is_floating for y in outputs):
        gradients = tape.gradient(outputs, sources + layer.trainable_weights, output_gradients=upstream)
        for i, gradient in enumerate(gradients):
            if i in case.options["missing"]:
                assert gradient is None or not np.any(gradient), i
            else:
                assert_agrees(case, f"gradient{i}", gradient)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_layer_made_from_its_configuration_gives_the_same(case):
    layer = make(case.options["layer"])
    again, call = prepared(case, type(layer).from_config(layer.get_config()))
    if getattr(again, "stateful", False):
        again.reset_states()
    for _ in range(case.options["calls"]):
        outputs = nest.flatten(call(tensors(case, "x"), tensors(case, "state")))
    for i, y in enumerate(outputs):
        assert_agrees(case, f"output{i}", y)
    assert {**again.get_config(), "layer": None, "backward_layer": None, "cell": None} == {
        **layer.get_config(), "layer": None, "backward_layer": None, "cell": None
    }  # fmt: skip
