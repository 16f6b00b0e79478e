"""Writes activations.npz: values and gradients of Keras's activations. Run where Keras is installed."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["KERAS_BACKEND"] = "3", "tensorflow"

import keras  # noqa: E402 (reads the environment)
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from frozen import Case, save  # noqa: E402 (beside this file)

CALLS = [
    ("celu", {}), ("celu", {"alpha": 0.5}), ("glu", {}), ("glu", {"axis": 0}), ("hard_shrink", {}),
    ("hard_shrink", {"threshold": 1.0}), ("hard_tanh", {}), ("log_sigmoid", {}), ("soft_shrink", {}),
    ("soft_shrink", {"threshold": 1.0}), ("sparse_plus", {}), ("sparse_sigmoid", {}),
    ("squareplus", {}), ("squareplus", {"b": 1}), ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.3, "default_value": -1.0}),
]  # fmt: skip

cases = []
for number, (name, options) in enumerate(CALLS):
    x = tf.Variable(np.random.default_rng(number).normal(size=(4, 6)).astype(np.float32) * 2)
    weights = np.random.default_rng(99).normal(size=(4, 6)).astype(np.float32)
    with tf.GradientTape() as tape:
        y = getattr(keras.activations, name)(x, **options)
        total = tf.reduce_sum(y * weights[: y.shape[0], : y.shape[1]])
    arrays = {"x": x.numpy(), "weights": weights, "y": y.numpy(), "gradient": tape.gradient(total, x).numpy()}
    cases.append(Case(f"{number} {name}", name, options, arrays))
save("activations.npz", cases, keras=keras.__version__, tensorflow=tf.__version__)
