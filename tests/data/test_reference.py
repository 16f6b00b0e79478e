"""Pipelines give what TensorFlow gives: elements, order after a seed, dtypes and shapes, length, repr."""

import json
from pathlib import Path

import pytest

import microdl as tf
from tests.reference.pipelines import cases, outcome

FROZEN = json.loads((Path(__file__).parents[1] / "reference" / "data.json").read_text())["cases"]
CASES = cases(tf)


@pytest.mark.parametrize("name", FROZEN)
def test_pipelines_give_what_tensorflow_gives(name):
    assert outcome(tf, CASES[name]) == FROZEN[name]


def test_every_pipeline_is_frozen():
    assert CASES.keys() == FROZEN.keys()
