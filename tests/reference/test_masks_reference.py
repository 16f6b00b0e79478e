"""Training with masks, penalties and constraints against Keras's: losses, metrics and weights."""

import numpy as np
import pytest

import microdl as tf
from tests.reference.frozen import load
from tests.reference.test_keras_layers import assert_agrees, numbered


@pytest.mark.parametrize("run_eagerly", [False, True], ids=["traced", "eager"])
@pytest.mark.parametrize("case", load("masks.npz"), ids=lambda case: case.name)
def test_training_agrees(case, run_eagerly):
    options = case.options
    model = tf.keras.Sequential([getattr(tf.keras.layers, kind)(**config) for kind, config in options["layers"]])
    optimizer = tf.keras.optimizers.SGD(0.5)
    model.compile(optimizer, options["loss"], run_eagerly=run_eagerly, **options["metrics"])
    model.build((None, 5))
    model.set_weights(list(numbered(case, "before").values()))
    batch = case.arrays["x"], case.arrays["y"], case.arrays.get("sample_weight")
    results = [model.train_on_batch(*batch) for _ in range(options["steps"])]
    results.append(model.test_on_batch(*batch))
    assert_agrees(case, "results", np.float32(results))
    for i, weight in enumerate(model.get_weights()):
        assert_agrees(case, f"after{i}", weight)
