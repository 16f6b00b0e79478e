"""Ops against TensorFlow's and PyTorch's frozen outputs and gradients; the tolerance is what rounding explains."""

from functools import reduce

import numpy as np
import pytest

import microdl as tf
from tests.reference.frozen import load

CASES = [case for file in ("ops.npz", "conv.npz") for case in load(file)]


def is_result(name):
    return name.startswith(("output", "d_"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_op_and_its_gradients_agree(case):
    function = reduce(getattr, case.call.split("."), tf)
    inputs = {name: tf.constant(array) for name, array in case.arrays.items() if not is_result(name)}
    sources = {name[2:]: inputs[name[2:]] for name in case.arrays if name.startswith("d_")}
    with tf.GradientTape() as tape:
        for source in sources.values():
            tape.watch(source)
        output = function(**inputs, **case.options)
    results = {"output": output}
    if sources:
        upstream = tf.constant(case.arrays["output_gradient"])
        gradients = tape.gradient(output, sources, output_gradients=upstream)
        results |= {f"d_{name}": gradient for name, gradient in gradients.items()}
    for name, result in results.items():
        expected = case.arrays[name]
        assert result.dtype.name == expected.dtype.name, name
        assert result.shape == expected.shape, name
        difference = np.abs(np.float64(result.numpy()) - expected)
        allowed = case.tolerance(name)
        assert np.all(difference <= allowed), (
            f"{name}: off by {np.max(difference / allowed):.3g} of what rounding allows"
        )


def test_every_family_is_covered():
    calls = {case.call for case in CASES}
    assert {"nn.conv2d", "nn.depthwise_conv2d", "nn.max_pool2d", "nn.avg_pool2d", "nn.softmax"} <= calls
    assert len(CASES) > 200
