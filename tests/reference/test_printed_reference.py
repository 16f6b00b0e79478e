"""What training, evaluation, prediction and ``summary`` print is what Keras prints, times apart."""

import json
from pathlib import Path

import pytest

from microdl import keras

from .printed_script import play

FROZEN = json.loads(Path(__file__).with_name("printed.json").read_text("utf-8"))["printed"]


@pytest.fixture(scope="module")
def printed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        yield play(keras)


@pytest.mark.parametrize("name", FROZEN)
def test_text_is_that_of_keras(printed, name):
    assert printed[name] == FROZEN[name]
