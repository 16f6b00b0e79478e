"""Writes fit.npz: what Keras's fit, evaluate and train_on_batch report. Run where Keras is installed.

One dense model (6 -> 5 tanh -> 3 logits), fixed start and data, no shuffling, 22 samples in batches of 8 (so that the
last batch is smaller), three epochs of SGD; each configuration adds arguments of ``compile`` and ``fit``.
"""

import json
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["KERAS_BACKEND"] = "3", "tensorflow"

import keras  # noqa: E402 (reads the environment)
import numpy as np  # noqa: E402

SPARSE, ONE_HOT, REGRESSION = "sparse", "one_hot", "regression"
CONFIGS = [  # (name, targets, arguments of compile, arguments of fit; "W" stands for the sample weights)
    ("plain", SPARSE, {"metrics": ["accuracy"]}, {}),
    ("sample_weight", SPARSE, {"metrics": ["accuracy"], "weighted_metrics": ["acc"]}, {"sample_weight": "W"}),
    ("class_weight", SPARSE, {"metrics": ["accuracy"]}, {"class_weight": {"0": 2.0, "1": 0.5, "2": 1.0}}),
    ("validation_split", SPARSE, {"metrics": ["accuracy"]}, {"validation_split": 0.3}),
    ("weighted_split", ONE_HOT, {"weighted_metrics": ["accuracy"]}, {"validation_split": 0.25, "sample_weight": "W"}),
    ("one_hot", ONE_HOT, {"metrics": ["accuracy"]}, {}),
    ("regression", REGRESSION, {"metrics": ["mae"]}, {"validation_split": 0.5}),
    ("rare_validation", REGRESSION, {}, {"validation_split": 0.2, "validation_freq": 2}),
    ("initial_epoch", REGRESSION, {}, {"initial_epoch": 1}),
]

rng = np.random.default_rng(0)
data = {
    "x": rng.normal(size=(22, 6)).astype(np.float32),
    SPARSE: rng.integers(0, 3, 22),
    REGRESSION: rng.normal(size=(22, 3)).astype(np.float32),
    "W": rng.uniform(0.2, 2.0, 22).astype(np.float32),
}
data[ONE_HOT] = np.eye(3, dtype=np.float32)[data[SPARSE]]
start = [(0.5 * rng.normal(size=shape)).astype(np.float32) for shape in ((6, 5), (5,), (5, 3), (3,))]
data |= {f"start/{i}": weight for i, weight in enumerate(start)}

LOSSES = {
    SPARSE: lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ONE_HOT: lambda: keras.losses.CategoricalCrossentropy(from_logits=True),
    REGRESSION: lambda: "mse",
}


def model_for(targets, options):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3)])
    model.set_weights(start)
    model.compile(keras.optimizers.SGD(0.25), LOSSES[targets](), **options)
    return model


results = {}
for name, targets, compile_options, fit_options in CONFIGS:
    model = model_for(targets, compile_options)
    options = {key: data["W"] if value == "W" else value for key, value in fit_options.items()}
    if "class_weight" in options:
        options["class_weight"] = {int(key): value for key, value in options["class_weight"].items()}
    fitted = model.fit(data["x"], data[targets], batch_size=8, epochs=3, shuffle=False, verbose=0, **options)
    evaluated = model.evaluate(data["x"], data[targets], batch_size=8, verbose=0, return_dict=True)
    results[name] = {"history": fitted.history, "evaluated": evaluated, "epochs": fitted.epoch}
    data |= {f"end/{name}/{i}": weight for i, weight in enumerate(model.get_weights())}

model = model_for(SPARSE, {"metrics": ["accuracy"]})
results["on_batch"] = [
    model.train_on_batch(data["x"][:8], data[SPARSE][:8], return_dict=True),
    model.train_on_batch(data["x"][8:], data[SPARSE][8:], sample_weight=data["W"][8:], return_dict=True),
    model.test_on_batch(data["x"], data[SPARSE], return_dict=True),
]

data["configs"] = np.array(json.dumps(CONFIGS))
data["results"] = np.array(json.dumps(results, default=float))
data["versions"] = np.array(json.dumps({"keras": keras.__version__, "numpy": np.__version__}))
np.savez_compressed(Path(__file__).with_name("fit.npz"), **data)
