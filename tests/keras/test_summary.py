"""The table that summary prints."""

import io

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers
from microdl.keras.layers import Dense, Input
from microdl.keras.models import Model, Sequential
from microdl.keras.naming import reset_names


@pytest.fixture(autouse=True)
def _fresh_names():
    reset_names()


def summary_of(model, **kwargs):
    texts = []
    model.summary(print_fn=texts.append, **kwargs)
    (text,) = texts
    return text.splitlines()


def rows_of(model, **kwargs):
    """The cells of the table's rows."""
    lines = [line for line in summary_of(model, **kwargs) if line[0] == "│"]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def cnn():
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(16, 5, padding="same"),
            layers.MaxPooling2D(2),
            layers.BatchNormalization(),
            layers.Flatten(),
            Dense(10),
        ]
    )


def test_table_of_a_sequential_model():
    lines = summary_of(cnn())
    assert lines[:2] == ['Model: "sequential"', f"┏{'━' * 33}┳{'━' * 24}┳{'━' * 15}┓"]
    assert rows_of(cnn()) == [
        ["conv2d_1 (Conv2D)", "(None, 28, 28, 16)", "416"],
        ["max_pooling2d_1 (MaxPooling2D)", "(None, 14, 14, 16)", "0"],
        ["batch_normalization_1", "(None, 14, 14, 16)", "64"],
        ["(BatchNormalization)", "", ""],
        ["flatten_1 (Flatten)", "(None, 3136)", "0"],
        ["dense_1 (Dense)", "(None, 10)", "31,370"],
    ]
    assert lines[-3:] == [
        " Total params: 31,850 (124.41 KB)",
        " Trainable params: 31,818 (124.29 KB)",
        " Non-trainable params: 32 (128.00 B)",
    ]


class Two(Model):
    def __init__(self):
        super().__init__()
        self.hidden = Dense(8, name="hidden")
        self.unused = Dense(2, name="unused")
        self.head = Sequential([Dense(3, name="inner")], name="head")

    def call(self, inputs, factor=1.0):
        return self.head(self.hidden(inputs)) * factor


def test_subclassed_model_shows_shapes_that_its_call_reaches():
    model = Two()
    model.build((None, 4))
    assert rows_of(model) == [
        ["hidden (Dense)", "(None, 8)", "40"],
        ["unused (Dense)", "?", "0 (unbuilt)"],
        ["head (Sequential)", "(None, 3)", "27"],
    ]


def test_nested_layers_can_be_listed():
    model = Two()
    model.build((None, 4))
    assert ["└ inner (Dense)", "(None, 3)", "27"] in rows_of(model, expand_nested=True)
    assert not any("inner" in line for line in summary_of(model))


def test_frozen_weights_are_counted_apart():
    model = cnn()
    model.layers[0].trainable = False
    assert " Non-trainable params: 448 (1.75 KB)" in summary_of(model)


def test_lines_are_as_long_as_asked():
    lines = summary_of(cnn(), line_length=50)
    assert max(map(len, lines)) == 50
    assert any("…" in line for line in lines)


def test_prints_by_default(capsys):
    cnn().summary()
    assert capsys.readouterr().out.startswith('Model: "sequential"\n┏━━━━')


def test_a_stream_without_lines_and_corners_gets_ascii(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr("sys.stdout", stream)
    cnn().summary(line_length=50)
    stream.seek(0)
    text = stream.read()
    assert text.isascii()
    assert "| dense (Dense)" in text


def test_lines_that_are_too_short_are_refused():
    with pytest.raises(ValueError, match="lines of 12 characters are too short for 3 columns"):
        cnn().summary(line_length=12)


class Counting(layers.Layer):
    def __init__(self):
        super().__init__(name="counting")
        self.count = tf.Variable(0.0, trainable=False)

    def call(self, inputs):
        self.count.assign_add(1.0)
        return inputs * 2.0


def test_shapes_are_those_of_the_real_call_which_is_not_repeated():
    model = Sequential([Counting(), Dense(3, name="dense")])
    model(np.ones((7, 4), np.float32))
    model(np.ones((1, 4), np.float32))
    assert rows_of(model) == [["counting (Counting)", "(None, 4)", "1"], ["dense (Dense)", "(None, 3)", "15"]]
    assert float(model.layers[0].count) == 2.0
    assert model.output_shape == (None, 3)


def test_outputs_of_several_tensors_are_listed():
    class Both(Model):
        def __init__(self):
            super().__init__()
            self.parts = Parts(name="parts")

        def call(self, inputs):
            return self.parts(inputs)["sum"]

    class Parts(layers.Layer):
        def call(self, inputs):
            return {"sum": tf.reduce_sum(inputs), "all": [inputs, None]}

    model = Both()
    model(np.ones((7, 4), np.float32))
    assert "".join(row[1] + " " for row in rows_of(model)) == "{sum: (), all: [(None, 4), ?]} "
