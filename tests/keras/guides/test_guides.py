"""The guides' programs give what Keras gave (``freeze.py``)."""

import json
from pathlib import Path

import pytest

import microdl as tf
from tests.keras.guides import corners, functional, sequential, subclassing, training_steps, transfer
from tests.keras.guides.common import data, give_weights, plain

FROZEN = json.loads(Path(__file__).with_name("frozen.json").read_text())
PROGRAMS = {
    f"{guide.__name__.rpartition('.')[2]}.{program.__name__}": program
    for guide in (sequential, functional, subclassing, training_steps, transfer, corners)
    for program in guide.PROGRAMS
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_in_keras(name):
    tf.keras.backend.clear_session()
    _compare(json.loads(json.dumps(plain(PROGRAMS[name](tf, tf.keras)))), FROZEN[name], name)


def test_every_program_is_frozen():
    assert set(PROGRAMS) == set(FROZEN) - {"versions", "described"}


def test_a_model_that_keras_described():
    model = tf.keras.models.model_from_json(FROZEN["described"]["json"])
    again = tf.keras.models.model_from_json(model.to_json())
    for one in (model, again):
        give_weights(one, 20)
        _compare(plain(one([data(1, 3, 4), data(2, 3, 4)])), FROZEN["described"]["y"], "described")


def _compare(found, expected, place):
    if isinstance(expected, dict):
        assert sorted(found) == sorted(expected), place
        for key in expected:
            _compare(found[key], expected[key], f"{place}[{key!r}]")
    elif isinstance(expected, list):
        assert isinstance(found, list), (place, found, expected)
        assert len(found) == len(expected), (place, found, expected)
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            _compare(a, b, f"{place}[{i}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=2e-4, abs=2e-5), place
    else:
        assert found == expected, place
