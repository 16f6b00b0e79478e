"""Freezes files of Keras in ``keras_files/``, with outputs of the models. Run with a Python that has TensorFlow.

``expected.npz`` has for each model an input ``<name>/x``, the output ``<name>/y``, and for those that were compiled the
output after two more epochs on (x, y target) without shuffling, ``<name>/after``.
"""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf
from keras.src.legacy.saving import legacy_h5_format

FOLDER = Path(__file__).parent / "keras_files"
layers = keras.layers
expected = {}


def cnn():
    """Convolution, batch normalization, pooling and dropout, trained with Adam."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Conv2D(3, 3, padding="same", activation="relu", name="first"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(4, 3, strides=2, use_bias=False),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    return model, (8, 8, 2), lambda n: np.arange(n) % 3


def mlp():
    """Regularizer, initializers and a schedule, trained with momentum."""
    model = keras.Sequential(name="mlp")
    model.add(keras.Input((5,)))
    model.add(layers.Dense(6, "tanh", kernel_initializer="he_normal", kernel_regularizer=keras.regularizers.L2(0.01)))
    model.add(layers.Dense(4, keras.activations.relu, bias_initializer=keras.initializers.Constant(0.1)))
    model.add(layers.Dense(1))
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.9)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9, nesterov=True), "mse", metrics=["mae"])
    return model, (5,), lambda n: np.linspace(-1, 1, n)[:, None]


def nested():
    """A Sequential in a Sequential, and a frozen layer."""
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, trainable=False), inner, layers.Dense(2)])
    return model, (4,), None


def functional():
    """Two branches and a layer that is used twice."""
    image, number = keras.Input((4,), name="image"), keras.Input((4,), name="number")
    shared = layers.Dense(3, activation="relu", name="shared")
    joined = layers.Concatenate()([shared(image), shared(number)])
    return keras.Model([image, number], layers.Dense(2, name="out")(joined), name="two_inputs"), (4,), None


class Subclassed(keras.Model):
    """Layers as attributes, in a list and in a dict."""

    def __init__(self):
        super().__init__()
        self.encoder = layers.Dense(5)
        self._hidden = layers.Dense(4)
        self.blocks = [layers.Dense(4), layers.BatchNormalization(), layers.Dense(3)]
        self.heads = {"a": layers.Dense(2), "b": layers.Dense(2)}

    def call(self, x):
        x = self._hidden(self.encoder(x))
        for block in self.blocks:
            x = block(x)
        return self.heads["a"](x) + self.heads["b"](x)


def freeze(name, model, shape, targets):
    """Trains a little, saves in all formats, and trains on."""
    random = np.random.default_rng(7)
    x = random.normal(size=(12, *shape)).astype(np.float32)
    inputs = [x, x[::-1].copy()] if name == "functional" else x
    model(inputs)
    model.set_weights([w + random.normal(size=w.shape).astype(np.float32) * 0.1 for w in model.get_weights()])
    if targets:
        model.fit(x, targets(12), batch_size=4, epochs=2, verbose=0, shuffle=False)
    expected[f"{name}/x"], expected[f"{name}/y"] = x, np.asarray(model(inputs))
    model.save_weights(FOLDER / f"{name}.weights.h5")
    if name != "subclassed":
        model.save(FOLDER / f"{name}.keras")
        with h5py.File(FOLDER / f"{name}_legacy.h5", "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    if targets:
        model.save(FOLDER / f"{name}.h5")
        model.fit(x, targets(12), batch_size=4, epochs=2, verbose=0, shuffle=False)
        expected[f"{name}/after"] = np.asarray(model(inputs))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    keras.utils.set_random_seed(5)
    for make in (cnn, mlp, nested, functional):
        freeze(make.__name__, *make())
    freeze("subclassed", Subclassed(), (4,), None)
    np.savez_compressed(FOLDER / "expected.npz", **expected)
    versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "h5py": h5py.__version__}
    (FOLDER / "versions.json").write_text(json.dumps(versions) + "\n")
