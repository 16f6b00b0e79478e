"""Files that Keras 3 wrote (``tests/reference/make_keras_files.py``), and files for it."""

import json
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.keras import layers

FOLDER = Path(__file__).parents[1] / "reference" / "keras_files"
EXPECTED = np.load(FOLDER / "expected.npz")
MODELS = ("cnn", "mlp", "nested")  # with one input; the functional one has two
TARGETS = {"cnn": np.arange(12) % 3, "mlp": np.linspace(-1, 1, 12)[:, None]}


def close(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=2e-5, atol=2e-5)


def untrained(name):
    """The model of a ``.keras`` file with weights of its own."""
    return keras.models.clone_model(keras.models.load_model(FOLDER / f"{name}.keras", compile=False))


class Subclassed(keras.Model):
    """As in the script that wrote the files."""

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


@pytest.mark.parametrize("name", MODELS)
def test_whole_models_compute_what_keras_computes(name):
    model = keras.models.load_model(FOLDER / f"{name}.keras")
    close(model(EXPECTED[f"{name}/x"]), EXPECTED[f"{name}/y"])


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_training_goes_on_as_in_keras(name):
    model = keras.models.load_model(FOLDER / f"{name}.keras")
    assert int(model.optimizer.iterations) == 6
    x = EXPECTED[f"{name}/x"]
    model.fit(x, TARGETS[name], batch_size=4, epochs=2, verbose=0, shuffle=False)
    close(model(x), EXPECTED[f"{name}/after"])


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_whole_models_in_old_files(name):
    model = keras.models.load_model(FOLDER / f"{name}.h5")
    x = EXPECTED[f"{name}/x"]
    close(model(x), EXPECTED[f"{name}/y"])
    model.fit(x, TARGETS[name], batch_size=4, epochs=2, verbose=0, shuffle=False)
    close(model(x), EXPECTED[f"{name}/after"])
    assert keras.models.load_model(FOLDER / f"{name}.h5", compile=False).optimizer is None
    with pytest.raises(ValueError, match=rf"{name}_legacy\.h5 holds weights alone"):
        keras.models.load_model(FOLDER / f"{name}_legacy.h5")


def test_configurations_of_keras_2():
    dense = {"name": "d", "trainable": True, "batch_input_shape": [None, 4], "dtype": "float32", "units": 2}
    initializer = {"class_name": "GlorotUniform", "config": {"seed": None}}
    layer = {"class_name": "Dense", "config": {**dense, "activation": "relu", "kernel_initializer": initializer}}
    model = keras.models.model_from_json(
        json.dumps({"class_name": "Sequential", "config": {"name": "old", "layers": [layer]}, "keras_version": "2.4.0"})
    )
    assert model.input_shape == (None, 4)
    assert model.count_params() == 10


@pytest.mark.parametrize("ending", [".weights.h5", "_legacy.h5", ".keras"])
@pytest.mark.parametrize("name", MODELS)
def test_weights_in_all_formats(name, ending):
    model = untrained(name)
    x, y = EXPECTED[f"{name}/x"], EXPECTED[f"{name}/y"]
    assert not np.allclose(model(x).numpy(), y, atol=1e-3)
    model.load_weights(FOLDER / f"{name}{ending}")
    close(model(x), y)


def test_weights_in_an_old_file_of_a_whole_model():
    model = untrained("cnn")
    model.load_weights(FOLDER / "cnn.h5")
    close(model(EXPECTED["cnn/x"]), EXPECTED["cnn/y"])


def test_weights_of_a_subclassed_model():
    model = Subclassed()
    model(EXPECTED["subclassed/x"])
    model.load_weights(FOLDER / "subclassed.weights.h5")
    close(model(EXPECTED["subclassed/x"]), EXPECTED["subclassed/y"])


def paths(file):
    found = {}
    with h5py.File(file) as opened:
        opened.visititems(lambda name, item: found.update({name: item.shape}) if hasattr(item, "shape") else None)
    return {name: shape for name, shape in found.items() if not name.startswith("optimizer") and "seed" not in name}


@pytest.mark.parametrize("name", [*MODELS, "subclassed"])
def test_written_files_have_keras_layout(tmp_path, name):
    model = Subclassed() if name == "subclassed" else untrained(name)
    model(EXPECTED[f"{name}/x"])
    model.save_weights(tmp_path / "m.weights.h5")
    assert paths(tmp_path / "m.weights.h5") == paths(FOLDER / f"{name}.weights.h5")
    again = Subclassed() if name == "subclassed" else untrained(name)
    again(EXPECTED[f"{name}/x"])
    again.load_weights(tmp_path / "m.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


def test_another_number_of_variables_is_named():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(6, use_bias=False), layers.Dense(4), layers.Dense(1)])
    with pytest.raises(
        ValueError, match=r"mlp\.weights\.h5 holds 2 variables in 'layers/dense/vars', layer 'dense.* has 1"
    ):
        model.load_weights(FOLDER / "mlp.weights.h5")
    with pytest.raises(ValueError, match=r"mlp_legacy\.h5 holds 2 variables of layer 'dense"):
        model.load_weights(FOLDER / "mlp_legacy.h5")


def test_other_layers_and_shapes_are_named():
    short = keras.Sequential([keras.Input((5,)), layers.Dense(6)])
    with pytest.raises(
        ValueError, match=r"holds variables in 'layers/dense_1/vars', where model 'sequential.*' has no layer"
    ):
        short.load_weights(FOLDER / "mlp.weights.h5")
    with pytest.raises(ValueError, match=r"holds weights of 3 layers .*, model 'sequential.*' has 1"):
        short.load_weights(FOLDER / "mlp_legacy.h5")
    wide = keras.Sequential([keras.Input((5,)), layers.Dense(7), layers.Dense(4), layers.Dense(1)])
    before = wide.get_weights()
    with pytest.raises(ValueError, match=r"mlp\.weights\.h5: variable 'layers/0/kernel' has shape \(5, 6\), in model"):
        wide.load_weights(FOLDER / "mlp.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(wide.get_weights(), before, strict=True))
    with pytest.warns(UserWarning, match="left as it is"):
        wide.load_weights(FOLDER / "mlp.weights.h5", skip_mismatch=True)
    assert np.array_equal(wide.get_weights()[-1], untrained_last_bias())


def untrained_last_bias():
    return keras.models.load_model(FOLDER / "mlp.keras").get_weights()[-1]


@pytest.mark.parametrize("ending", [".weights.h5", "_legacy.h5", ".keras"])
def test_a_cut_file_is_refused(tmp_path, ending):
    model = untrained("mlp")
    before = model.get_weights()
    content = (FOLDER / f"mlp{ending}").read_bytes()
    for size in range(0, len(content), 4096):
        (tmp_path / f"m{ending}").write_bytes(content[:size])
        with pytest.raises(ValueError, match=f"m{ending}"):
            model.load_weights(tmp_path / f"m{ending}")
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))


def test_a_flipped_bit_in_a_written_file_is_noticed(tmp_path):
    model = untrained("mlp")
    path = tmp_path / "m.weights.h5"
    model.save_weights(path)
    content = bytearray(path.read_bytes())
    kernel = model.layers[0].kernel.numpy().tobytes()
    content[content.index(kernel) + 5] ^= 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"m\.weights\.h5 is damaged: variable 'layers/dense/vars/0' does not have"):
        model.load_weights(path)


def test_a_file_of_another_program_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["results/mean"] = np.ones(3)
    with pytest.raises(ValueError, match=r"other\.h5 is damaged or no HDF5 file of Keras"):
        untrained("mlp").load_weights(tmp_path / "other.h5")


def test_without_h5py_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    model = untrained("mlp")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(
        ImportError, match=r"save_weights to a \.h5 file needs h5py, which is not installed: .* -m pip install h5py"
    ):
        model.save_weights(tmp_path / "m.weights.h5")
    shutil.copy(FOLDER / "mlp.weights.h5", tmp_path / "m.weights.h5")
    with pytest.raises(ImportError, match="pip install h5py"):
        model.load_weights(tmp_path / "m.weights.h5")


def test_layers_that_are_not_here_are_named(tmp_path):
    config = '{"module": "keras.layers", "class_name": "Hashing", "config": {"num_bins": 3}, "registered_name": null}'
    with pytest.raises(ValueError, match=r"class 'Hashing' of module 'keras\.layers' is not known; microdl has none"):
        tf.keras.models.model_from_json(config)


def test_functional_models_in_all_formats(tmp_path):
    x, y = EXPECTED["functional/x"], EXPECTED["functional/y"]
    inputs = [x, x[::-1].copy()]
    model = keras.models.load_model(FOLDER / "functional.keras")
    close(model(inputs), y)
    for ending in (".weights.h5", "_legacy.h5", ".keras"):
        again = keras.models.clone_model(model)
        assert not np.allclose(again(inputs).numpy(), y, atol=1e-3)
        again.load_weights(FOLDER / f"functional{ending}")
        close(again(inputs), y)
    model.save_weights(tmp_path / "m.weights.h5")
    assert paths(tmp_path / "m.weights.h5") == paths(FOLDER / "functional.weights.h5")
    model.save(tmp_path / "m.keras")
    close(keras.models.load_model(tmp_path / "m.keras")(inputs), y)
