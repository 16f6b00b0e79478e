"""Whole models in ``.keras`` files, weights in all formats, and copies of models."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.keras import layers

ROOT = Path(__file__).parents[2]
X = np.random.default_rng(2).normal(size=(12, 6, 6, 1)).astype(np.float32)
Y = np.arange(12) % 3


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def cnn(optimizer="adam"):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(3, kernel_initializer=keras.initializers.HeNormal(seed=1)),
        ],
        name="cnn",
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(from_logits=True)])
    return model


@keras.saving.register_keras_serializable("tests")
class Scale(layers.Layer):
    """x * factor, with a registered name and no get_config."""

    def __init__(self, start, power=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start, self.power = start, power

    def build(self, input_shape):
        self.factor = self.add_weight(
            "factor", shape=[input_shape[-1]], initializer=keras.initializers.Constant(self.start)
        )

    def call(self, inputs):
        return inputs * self.factor**self.power


@keras.saving.register_keras_serializable("tests")
class Branches(keras.Model):
    """Layers in lists and dicts, and a branch that one call does not reach."""

    def __init__(self, units, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.units = units
        self.flat = layers.Flatten()
        self.encoder = keras.Sequential([layers.Dense(units, activation="tanh"), Scale(0.5)])
        self.heads = [layers.Dense(3), layers.Dense(2)]
        self.offset = tf.Variable(0.0, name="offset")

    def call(self, inputs, head=0):
        return self.heads[head](self.encoder(self.flat(inputs))) + self.offset


@keras.saving.register_keras_serializable("tests")
def tilted(y_true, y_pred):
    error = tf.cast(y_true, tf.float32) - y_pred[:, 0]
    return tf.maximum(0.9 * error, -0.1 * error)


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01, amsgrad=True, clipnorm=1.0),
    "adamw": lambda: keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.01, 20)),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_bit_for_bit(tmp_path, name):
    model = cnn(OPTIMIZERS[name]())
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    model.optimizer.learning_rate = 0.005 if name != "adamw" else model.optimizer._learning_rate
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert type(again.optimizer) is type(model.optimizer)
    assert same(model.optimizer.variables, again.optimizer.variables)
    histories = []
    for each in (model, again):
        tf.random.set_seed(3)
        histories.append(each.fit(X, Y, batch_size=4, epochs=2, verbose=0).history)
    assert histories[0] == histories[1]
    assert same(model.get_weights(), again.get_weights())


def test_a_model_that_was_never_trained(tmp_path):
    model = cnn()
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert same(model.get_weights(), again.get_weights())
    assert again.name == "cnn"
    assert not again.optimizer.built
    assert keras.models.load_model(tmp_path / "m.keras", compile=False).optimizer is None
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert sorted(archive.namelist()) == [
            "config.json",
            "metadata.json",
            "model.weights.safetensors",
            "optimizer.weights.safetensors",
        ]


def test_a_subclassed_model_comes_back_with_all_its_branches(tmp_path):
    model = Branches(4, name="two")
    model(X)
    model(X, head=1)
    model.offset.assign(2.0)
    model.compile("sgd", tilted)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert (type(again), again.name, again.units) == (Branches, "two", 4)
    assert same(model.get_weights(), again.get_weights())
    assert np.array_equal(model(X, head=1).numpy(), again(X, head=1).numpy())
    assert again.evaluate(X, Y.astype(np.float32), verbose=0) == model.evaluate(X, Y.astype(np.float32), verbose=0)


def test_frozen_layers_stay_frozen(tmp_path):
    model = Branches(4)
    model(X)
    model.encoder.trainable = False
    model.encoder.layers[1].trainable = True
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert [layer.trainable for _, layer, _ in again._tree()] == [layer.trainable for _, layer, _ in model._tree()]
    assert [v.trainable for v in again.weights] == [v.trainable for v in model.weights]


def test_what_is_left_out_of_weight_decay_stays_out(tmp_path):
    model = keras.Sequential([keras.Input((36,)), layers.Dense(4), layers.Dense(3)])
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([model.layers[1].kernel], ["bias"])
    model.compile(optimizer, "mse")
    x, y = X.reshape(12, 36), X.reshape(12, 36)[:, :3]
    model.fit(x, y, verbose=0, shuffle=False)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    for each in (model, again):
        each.fit(x, y, verbose=0, shuffle=False)
    assert same(model.get_weights(), again.get_weights())


def test_a_bomb_is_refused(tmp_path):
    cnn().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(2**28 + 1))
    with pytest.raises(tf.errors.DataLossError, match="many times larger"):
        keras.models.load_model(tmp_path / "m.keras")


def test_another_process_needs_the_classes_alone(tmp_path):
    model = Branches(4)
    model(X)
    model.save(tmp_path / "m.keras")
    code = (
        "import numpy as np, microdl as tf\n"
        f"x = np.load({str(tmp_path / 'x.npy')!r})\n"
        "try:\n"
        f"    tf.keras.models.load_model({str(tmp_path / 'm.keras')!r})\n"
        "except ValueError as error:\n"
        "    print(error)\n"
        "import tests.saving.test_models\n"
        f"print(tf.keras.models.load_model({str(tmp_path / 'm.keras')!r})(x).numpy().tobytes().hex())\n"
    )
    np.save(tmp_path / "x.npy", X)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MICRODL_QUIET": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    message, values = done.stdout.splitlines()
    assert message.startswith("class 'Branches' of module 'tests.saving.test_models' is not known; decorate it with")
    assert "custom_objects={'Branches': Branches}" in message
    assert values == model(X).numpy().tobytes().hex()


def test_classes_that_are_not_registered_are_given(tmp_path):
    class Plus(layers.Layer):
        def call(self, inputs):
            return inputs + 1.0

    model = keras.Sequential([keras.Input((3,)), Plus(name="plus")])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"class 'Plus' .* is not known"):
        keras.models.load_model(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Plus": Plus})
    assert np.array_equal(again(np.zeros((1, 3))).numpy(), np.ones((1, 3)))
    with keras.saving.custom_object_scope({"Plus": Plus}):
        assert keras.models.load_model(tmp_path / "m.keras").layers[0].name == "plus"


def test_functions_without_names_are_refused(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Activation(lambda x: x * 2.0)])
    with pytest.raises(ValueError, match=r"a lambda .* cannot be saved: a file holds no code"):
        model.save(tmp_path / "m.keras")
    assert os.listdir(tmp_path) == []


def test_json_describes_the_architecture(tmp_path):
    model = cnn()
    described = json.loads(model.to_json(indent=1))
    assert (described["module"], described["class_name"]) == ("keras", "Sequential")
    assert [entry["class_name"] for entry in described["config"]["layers"]] == [
        "InputLayer",
        "Conv2D",
        "BatchNormalization",
        "Flatten",
        "Dropout",
        "Dense",
    ]
    again = keras.models.model_from_json(model.to_json())
    assert [tuple(w.shape) for w in again.weights] == [tuple(w.shape) for w in model.weights]
    assert again.layers[0].kernel_regularizer.l2 == model.layers[0].kernel_regularizer.l2
    assert again.to_json() == model.to_json()
    again.set_weights(model.get_weights())
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("make", [cnn, lambda: Branches(4)])
def test_clones_have_weights_of_their_own(make):
    model = make()
    model(X)
    clone = keras.models.clone_model(model)
    if not clone.weights:
        clone(X)
    assert [v.name.rpartition("/")[2] for v in clone.weights] == [v.name.rpartition("/")[2] for v in model.weights]
    assert not {id(v) for v in clone.weights} & {id(v) for v in model.weights}
    assert clone.optimizer is None
    clone.set_weights(model.get_weights())
    assert np.array_equal(clone(X).numpy(), model(X).numpy())


def test_a_clone_may_have_other_layers():
    def without_dropout(layer):
        return (
            layers.Activation("linear", name=layer.name)
            if isinstance(layer, layers.Dropout)
            else type(layer).from_config(layer.get_config())
        )

    clone = keras.models.clone_model(cnn(), clone_function=without_dropout)
    assert [type(layer).__name__ for layer in clone.layers][3] == "Activation"
    assert clone.input_shape == (None, 6, 6, 1)
    assert clone.count_params() == cnn().count_params()
    with pytest.raises(ValueError, match="clone_function is for functional and Sequential"):
        keras.models.clone_model(Branches(4), clone_function=without_dropout)


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".weights.h5"])
def test_weights_in_all_formats(tmp_path, ending):
    model, again = Branches(4), Branches(4)
    for each in (model, again):
        each(X)
        each(X, head=1)
    if ending == ".weights.h5":  # Keras keeps no tf.Variable that is a plain attribute, either
        again.offset.assign(model.offset)
    model.save_weights(tmp_path / f"m{ending}")
    again.load_weights(tmp_path / f"m{ending}")
    assert same(model.get_weights(), again.get_weights())


def test_weights_come_out_of_a_whole_model(tmp_path):
    model, again = cnn(), cnn()
    model.save(tmp_path / "m.keras")
    again.load_weights(tmp_path / "m.keras")
    assert same(model.get_weights(), again.get_weights())


def test_what_does_not_fit_can_be_left_out(tmp_path):
    def made(units):
        return keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(units)])

    model, again = made(2), made(5)
    model.save_weights(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match=r"'layers/1/kernel' has shape \(3, 2\), in model"):
        again.load_weights(tmp_path / "m.safetensors")
    with pytest.warns(UserWarning, match="layers/1/kernel.*left as it is"):
        again.load_weights(tmp_path / "m.safetensors", skip_mismatch=True)
    assert np.array_equal(again.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())


def test_a_cut_file_is_refused_and_the_variable_named(tmp_path):
    model = cnn()
    model.fit(X, Y, verbose=0)
    path = tmp_path / "m.keras"
    model.save(path)
    content = path.read_bytes()
    messages = []
    for size in range(0, len(content), 4096 // 4):
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"m\.keras") as raised:
            keras.models.load_model(path)
        messages.append(str(raised.value))
    assert any("within variable 'layers/" in message for message in messages)


def test_a_flipped_bit_is_noticed_or_harmless(tmp_path, rng):
    model = cnn()
    path = tmp_path / "m.keras"
    model.save(path)
    content = path.read_bytes()
    expected = model.get_weights()
    for position in rng.integers(0, 8 * len(content), 150):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        try:
            found = keras.models.load_model(path)
        except ValueError as error:
            assert "m.keras" in "".join([str(error), *getattr(error, "__notes__", [])])  # noqa: PT017
        else:
            assert same(found.get_weights(), expected)
    kernel = model.layers[0].kernel.numpy().tobytes()
    damaged = bytearray(content)
    damaged[content.index(kernel) + 1] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="variable 'layers/0/kernel' does not have the checksum"):
        keras.models.load_model(path)


def test_endings_folders_and_overwriting(tmp_path):
    model = cnn()
    with pytest.raises(ValueError, match=r"save: a file name that ends in \.keras is needed"):
        model.save(tmp_path / "m.tf")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        model.save(tmp_path / "none" / "m.keras")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        keras.models.load_model(tmp_path / "m.keras")
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileExistsError, match="overwrite is False"):
        model.save(tmp_path / "m.keras", overwrite=False)
    (tmp_path / "m.keras").write_bytes(b"nothing of the kind")
    with pytest.raises(tf.errors.DataLossError, match=r"m\.keras is damaged or no \.keras file"):
        keras.models.load_model(tmp_path / "m.keras")


def test_functional_models_go_on_bit_for_bit(tmp_path):
    image, more = keras.Input((6, 6, 1)), keras.Input((2,))
    shared = layers.Dense(4, activation="tanh")
    joined = layers.Concatenate()([shared(layers.Flatten()(image)), shared(layers.Dense(36)(more)), more * 2.0])
    model = keras.Model([image, more], layers.Dense(3, activation="softmax")(layers.Dropout(0.5)(joined)))
    model.compile("adam", "sparse_categorical_crossentropy")
    inputs = [X, X[:, 0, :2, 0]]
    model.fit(inputs, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    for each in (model, again):
        tf.random.set_seed(3)
        each.fit(inputs, Y, batch_size=4, epochs=2, verbose=0)
    assert same(model.get_weights(), again.get_weights())
