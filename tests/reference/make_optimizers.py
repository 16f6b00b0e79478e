"""Writes optimizers.npz: trajectories of Keras's optimizers under frozen gradients. Run where Keras is installed.

Three variables, 100 steps, gradients that differ in size by powers of ten and are zero at times. Each configuration is
run in float64, where agreement can be close, and in float32. Keras rounds momentum, betas and decay to float32 first
even so; those of the configurations called exact are numbers that this does not change.
"""

import json
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["KERAS_BACKEND"] = "3", "tensorflow"

import keras  # noqa: E402 (reads the environment)
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

SHAPES = ((3, 4), (5,), ())
STEPS = (1, 2, 3, 10, 50, 100)
CONFIGS = [  # (class, arguments, exact)
    ("SGD", {"learning_rate": 0.05}, True),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.875}, True),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.875, "nesterov": True}, True),
    ("SGD", {"learning_rate": 0.05, "weight_decay": 0.03125, "clipvalue": 0.5}, True),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.5, "clipnorm": 0.7}, True),
    ("SGD", {"learning_rate": 0.05, "global_clipnorm": 0.7}, True),
    ("SGD", {"momentum": 0.9}, False),
    ("RMSprop", {}, True),
    ("RMSprop", {"rho": 0.8, "epsilon": 1e-3}, True),
    ("RMSprop", {"momentum": 0.7}, True),
    ("RMSprop", {"centered": True}, True),
    ("RMSprop", {"centered": True, "momentum": 0.7, "clipnorm": 1.0}, True),
    ("Adam", {}, False),
    ("Adam", {"beta_1": 0.875, "beta_2": 1 - 2**-10}, True),
    ("Adam", {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4}, False),
    ("Adam", {"amsgrad": True, "beta_1": 0.875, "beta_2": 1 - 2**-10}, True),
    ("Adam", {"weight_decay": 0.1, "global_clipnorm": 1.5}, False),
    ("AdamW", {}, False),
    ("AdamW", {"weight_decay": 0.25, "beta_1": 0.875, "beta_2": 1 - 2**-10, "clipnorm": 1.0}, True),
    ("Adagrad", {"learning_rate": 0.05}, False),
    ("Adagrad", {"initial_accumulator_value": 0.5, "epsilon": 1e-4, "weight_decay": 0.125}, False),
    ("Adadelta", {"learning_rate": 1.0}, False),
    ("Adadelta", {"learning_rate": 0.5, "rho": 0.875, "epsilon": 1e-4}, False),
    ("Adamax", {}, False),
    ("Adamax", {"beta_1": 0.75, "beta_2": 0.875, "epsilon": 1e-3}, False),
    ("Nadam", {}, False),
    ("Nadam", {"beta_1": 0.875, "beta_2": 0.96875, "clipvalue": 0.5}, False),
    ("Ftrl", {"learning_rate": 0.05}, False),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.6,
            "l1_regularization_strength": 0.05,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.01,
            "beta": 0.2,
        },
        False,
    ),
    ("Lion", {}, False),
    ("Lion", {"beta_1": 0.75, "beta_2": 0.875, "weight_decay": 0.125}, False),
    ("SGD", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.75, "ema_overwrite_frequency": 3}, True),
    ("Adam", {"gradient_accumulation_steps": 3, "beta_1": 0.875, "beta_2": 1 - 2**-10}, True),
    ("SGD", {"momentum": 0.5, "gradient_accumulation_steps": 2, "use_ema": True, "clipnorm": 0.7}, True),
]

rng = np.random.default_rng(0)
data = {f"start/{i}": rng.normal(size=shape) for i, shape in enumerate(SHAPES)}
for i, shape in enumerate(SHAPES):
    gradients = rng.normal(size=(100, *shape)) * 10.0 ** rng.integers(-3, 2, size=(100, *shape))
    data[f"gradients/{i}"] = gradients * (rng.random((100, *shape)) > 0.1)

for number, (name, config, _) in enumerate(CONFIGS):
    for dtype in ("float32", "float64"):
        variables = [keras.Variable(data[f"start/{i}"], dtype=dtype) for i in range(len(SHAPES))]
        optimizer = getattr(keras.optimizers, name)(**config)
        kept = []
        for step in range(100):
            gradients = [tf.constant(data[f"gradients/{i}"][step], dtype) for i in range(len(SHAPES))]
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            if step + 1 in STEPS:
                kept.append(np.concatenate([np.ravel(v.numpy()) for v in variables]))
        data[f"trajectory/{number}/{dtype}"] = np.array(kept)

data["configs"] = np.array(json.dumps(CONFIGS))
data["steps"] = np.array(STEPS)
data["versions"] = np.array([f"keras {keras.__version__}", f"tensorflow {tf.__version__}", f"numpy {np.__version__}"])
np.savez_compressed(Path(__file__).with_name("optimizers.npz"), **data)
