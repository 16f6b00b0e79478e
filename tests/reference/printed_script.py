"""What Keras prints while a model is trained, used and described: a script for Keras and for microdl."""

import contextlib
import io
import re

import numpy as np


def play(keras):
    """name -> what was printed, as a reader sees it on the screen."""
    layers, printed = keras.layers, {}

    def note(name, function):
        with contextlib.redirect_stdout(io.StringIO()) as stream:
            function()
        printed[name] = seen(stream.getvalue())

    keras.utils.set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(100, 4)).astype("float32")
    y = (x.sum(1) > 0).astype("float32")
    dense = layers.Dense(3, activation="relu", name="hidden")
    out = layers.Dense(1, activation="sigmoid", name="out")
    model = keras.Sequential([keras.Input((4,)), dense, layers.Dropout(0.5, name="drop"), out], name="net")
    note("summary", model.summary)
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    options = {"x": x, "y": y, "batch_size": 32}
    note("fit, verbose=2", lambda: model.fit(**options, epochs=2, verbose=2))
    note("fit, verbose=2, validation", lambda: model.fit(**options, epochs=2, verbose=2, validation_data=(x, y)))
    note("fit, verbose=1, validation", lambda: model.fit(**options, epochs=2, verbose=1, validation_split=0.2))
    note("fit, verbose=0", lambda: model.fit(**options, verbose=0))
    note("fit, one epoch", lambda: model.fit(**options))
    note("fit, steps_per_epoch", lambda: model.fit(**options, epochs=2, steps_per_epoch=2, verbose=1))
    note("fit, initial_epoch", lambda: model.fit(**options, epochs=3, initial_epoch=2, verbose=1))
    for verbose in (1, 2, "auto"):
        note(f"evaluate, verbose={verbose}", lambda: model.evaluate(x, y, verbose=verbose))  # noqa: B023 (called at once)
        note(f"predict, verbose={verbose}", lambda: model.predict(x, verbose=verbose))  # noqa: B023
    note("summary after training", model.summary)

    image = keras.Input((8, 8, 1), name="image")
    hidden = layers.Conv2D(4, 3, name="conv")(image)
    hidden = layers.Flatten(name="flat")(layers.MaxPooling2D(name="pool")(hidden))
    first = layers.Dense(2, name="a_rather_long_name_for_a_layer")(hidden)
    total = layers.Add(name="add")([first, layers.Dense(2, name="other")(hidden)])
    graph = keras.Model(image, [total, first], name="graph")
    note("summary, branches", graph.summary)
    graph.get_layer("conv").trainable = False
    note("summary, show_trainable", lambda: graph.summary(show_trainable=True))
    note("summary, line_length", lambda: graph.summary(line_length=60))
    note("summary, layer_range", lambda: graph.summary(layer_range=["pool", "oth.*"]))
    outer = keras.Sequential([keras.Input((4,)), model, layers.Dense(2, name="last")], name="outer")
    note("summary, expand_nested", lambda: outer.summary(expand_nested=True))
    note("summary, not built", keras.Sequential([layers.Dense(2, name="un")], name="unbuilt").summary)
    lines = []
    outer.summary(print_fn=lines.append)
    printed["summary, print_fn"] = lines
    graph.compile("sgd", ["mse", "mae"])
    images, targets = np.zeros((10, 8, 8, 1), "float32"), [np.ones((10, 2), "float32")] * 2
    for verbose in (1, 2):
        note(f"fit, two outputs, verbose={verbose}", lambda: graph.fit(images, targets, 5, verbose=verbose))  # noqa: B023
    return printed


def seen(text):
    """Text without colours, times masked, each line as the last carriage return leaves it."""
    text = re.sub(r"\x1b\[[0-9;]*m|\x08", "", text)
    return re.sub(r"\d+(\.\d+)?(ms|us|s)\b", "TIME", "\n".join(map(_written_over, text.split("\n"))))


def _written_over(line):
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()
