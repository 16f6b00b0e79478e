"""Small scripts under microdl and TensorFlow 2.21: values, gradients, dtypes, shapes, reprs, classes of errors."""

import json

import numpy as np
import pytest

import microdl as tf
from microdl.core.random_state import random_state
from tests.tensorflow.describe import FROZEN, cases, outcome
from tests.tensorflow.differences import DIFFERENCES

CASES = cases()
STORED = json.loads(FROZEN.read_text())
FLOATS = {"float16": 1e-3, "float32": 2e-6, "float64": 1e-12}  # relative to the largest value of a tensor


@pytest.fixture(autouse=True)
def _seeds():
    yield
    random_state.set_seed(None)


def differences(ours, theirs, tolerance, where="result"):
    """Yields what differs between two descriptions. Our error may be of a subclass of TensorFlow's."""
    if isinstance(theirs, dict) and "raises" in theirs:
        if not isinstance(ours, dict) or "raises" not in ours:
            yield f"{where}: TensorFlow raises {theirs['raises'][0]}, microdl gives {ours}"
        elif theirs["raises"][0] not in ours["raises"]:
            yield f"{where}: TensorFlow raises {theirs['raises'][0]}, microdl {ours['raises'][0]}"
    elif isinstance(theirs, dict) and isinstance(ours, dict) and list(ours) == list(theirs) and "values" not in theirs:
        for key in theirs:
            yield from differences(ours[key], theirs[key], tolerance, f"{where}[{key}]")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(ours) == len(theirs):
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(*pair, tolerance, f"{where}[{i}]")
    elif not _same(ours, theirs, tolerance):
        yield f"{where}: {theirs!r} in TensorFlow, {ours!r} here"


def _same(ours, theirs, tolerance):
    """Whether numbers, texts or arrays are the same but for roundings."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(theirs, float):
        return np.isclose(ours, theirs, rtol=max(tolerance, FLOATS["float32"]), equal_nan=True)
    if not isinstance(theirs, dict) or "values" not in theirs or "values" not in ours:
        return ours == theirs
    dtype = next(iter(theirs.values()))
    if dtype not in FLOATS or ours | {"values": None} != theirs | {"values": None}:
        return ours == theirs
    a, b = (np.array([float(value) for value in one["values"]]) for one in (ours, theirs))
    scale = np.abs(b[np.isfinite(b)]).max(initial=0)
    return np.allclose(a, b, rtol=0, atol=max(tolerance, FLOATS[dtype]) * scale, equal_nan=True)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_microdl_gives_what_tensorflow_gives(name):
    tf.random.set_seed(0)
    ours = json.loads(json.dumps(outcome(CASES[name], tf)))
    found = list(differences(ours, STORED["cases"][name], getattr(CASES[name], "tolerance", 0)))
    if name in DIFFERENCES:
        assert found, f"{name} agrees by now: it is no difference any more"
    else:
        assert not found, "\n".join(found)


def test_every_case_is_frozen_and_none_is_left_over():
    assert set(CASES) == set(STORED["cases"])
    assert set(DIFFERENCES) <= set(CASES)


def test_there_are_many_cases_of_tapes():
    assert sum(name.startswith("tape") for name in CASES) >= 70
    assert len(CASES) >= 300
    assert STORED["versions"]["tensorflow"].startswith("2.21")
