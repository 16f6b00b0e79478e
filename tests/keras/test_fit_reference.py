"""fit, evaluate and train_on_batch against what Keras reports (``tests/reference/make_fit.py``)."""

import json
from pathlib import Path

import numpy as np
import pytest

from microdl.keras import losses, optimizers
from microdl.keras.layers import Dense, Input
from microdl.keras.models import Sequential

with np.load(Path(__file__).parents[1] / "reference" / "fit.npz") as stored:
    DATA = dict(stored)
CONFIGS, RESULTS = json.loads(str(DATA["configs"])), json.loads(str(DATA["results"]))
START = [DATA[f"start/{i}"] for i in range(4)]
# Nine steps, each through sums of up to 22 * 6 terms; both sides are float32 and add in another order.
TOLERANCE = 9 * 132 * float(np.finfo(np.float32).eps)


def model_for(targets, options):
    model = Sequential([Input((6,)), Dense(5, "tanh"), Dense(3)])
    model.set_weights(START)
    loss = {
        "sparse": losses.SparseCategoricalCrossentropy(from_logits=True),
        "one_hot": losses.CategoricalCrossentropy(from_logits=True),
        "regression": "mse",
    }
    model.compile(optimizers.SGD(0.25), loss[targets], **options)
    return model


def close(logs, expected):
    assert set(logs) == set(expected)
    for name, values in expected.items():
        assert np.allclose(logs[name], values, rtol=TOLERANCE, atol=TOLERANCE), name


@pytest.mark.parametrize(("name", "targets", "compile_options", "fit_options"), CONFIGS, ids=[c[0] for c in CONFIGS])
def test_fit_reports_what_keras_reports(name, targets, compile_options, fit_options):
    model = model_for(targets, compile_options)
    options = {key: DATA["W"] if value == "W" else value for key, value in fit_options.items()}
    if "class_weight" in options:
        options["class_weight"] = {int(key): value for key, value in options["class_weight"].items()}
    fitted = model.fit(DATA["x"], DATA[targets], batch_size=8, epochs=3, shuffle=False, verbose=0, **options)
    assert fitted.epoch == RESULTS[name]["epochs"]
    close(fitted.history, RESULTS[name]["history"])
    evaluated = model.evaluate(DATA["x"], DATA[targets], batch_size=8, verbose=0, return_dict=True)
    close(evaluated, RESULTS[name]["evaluated"])
    for i, weight in enumerate(model.get_weights()):
        assert np.allclose(weight, DATA[f"end/{name}/{i}"], rtol=TOLERANCE, atol=TOLERANCE)


def test_batch_methods_report_what_keras_reports():
    model = model_for("sparse", {"metrics": ["accuracy"]})
    x, y = DATA["x"], DATA["sparse"]
    reports = [
        model.train_on_batch(x[:8], y[:8], return_dict=True),
        model.train_on_batch(x[8:], y[8:], sample_weight=DATA["W"][8:], return_dict=True),
        model.test_on_batch(x, y, return_dict=True),
    ]
    for report, expected in zip(reports, RESULTS["on_batch"], strict=True):
        close(report, expected)
