"""Subclassed models, and weights on disk."""

import os
import zipfile

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers
from microdl.keras.layers import Dense, Input
from microdl.keras.models import Model, Sequential
from microdl.saving.arrays import write_arrays

X = np.ones((3, 4), np.float32)


class Branches(Model):
    def __init__(self):
        super().__init__()
        self.encoder = Dense(5)
        self.heads = [Dense(2), Dense(3)]
        self.scale = tf.Variable(2.0, name="scale")

    def call(self, inputs, head=0):
        return self.heads[head](self.encoder(inputs)) * self.scale


def built(model):
    for head in (0, 1):
        model(X, head)
    return model


def test_call_takes_further_arguments():
    model = Branches()
    assert tuple(model(X).shape) == (3, 2)
    assert tuple(model(X, head=1).shape) == (3, 3)
    assert tuple(model.call(tf.constant(X), 1).shape) == (3, 3)


def test_identity_flag_of_the_lab():
    class IdentityModel(tf.keras.Model):
        def __init__(self, n_output_nodes):
            super().__init__()
            self.dense_layer = tf.keras.layers.Dense(n_output_nodes, activation="sigmoid")

        def call(self, inputs, isidentity=False):
            x = self.dense_layer(inputs)
            if isidentity:
                return inputs
            return x

    model, x_input = IdentityModel(3), tf.constant([[1, 2.0]], shape=(1, 2))
    assert tuple(model.call(x_input, False).shape) == (1, 3)
    assert model.call(x_input, True).numpy().tolist() == [[1.0, 2.0]]


def test_weights_are_found_wherever_they_are():
    assert [tuple(w.shape) for w in built(Branches()).weights] == [(), (4, 5), (5,), (5, 2), (2,), (5, 3), (3,)]


def test_build_of_an_own_is_called():
    class Scaled(Model):
        def build(self, input_shape):
            self.factor = self.add_weight("factor", (input_shape[-1],), initializer="ones")

        def call(self, inputs):
            return inputs * self.factor

    model = Scaled()
    assert np.array_equal(model(X).numpy(), X)
    assert len(model.trainable_variables) == 1


def test_build_by_shape_that_fails_can_be_tried_again():
    class Picky(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(2)

        def call(self, inputs):
            if inputs.shape[-1] != 4:
                raise ValueError("four features are needed")
            return self.dense(inputs)

    model = Picky()
    with pytest.raises(ValueError, match="four features"):
        model.build((None, 5))
    model.build((None, 4))
    assert model.count_params() == 10


def test_model_whose_first_call_fails_is_not_built():
    model = Branches()
    with pytest.raises(IndexError):
        model(X, 2)
    assert not model.built
    model(X)
    assert model.built


def test_saved_weights_come_back(tmp_path):
    model = built(Branches())
    model.save_weights(tmp_path / "weights.npz")
    fresh = built(Branches())
    assert not np.array_equal(fresh(X).numpy(), model(X).numpy())
    fresh.load_weights(tmp_path / "weights.npz")
    assert np.array_equal(fresh(X).numpy(), model(X).numpy())


def test_file_names_variables_by_their_place(tmp_path):
    built(Branches()).save_weights(tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz", allow_pickle=False) as stored:
        assert sorted(stored.files) == [
            "__checksum__",
            "encoder/bias",
            "encoder/kernel",
            "heads/0/bias",
            "heads/0/kernel",
            "heads/1/bias",
            "heads/1/kernel",
            "scale",
        ]


class Holder(Model):
    def __init__(self, *variables):
        super().__init__()
        self.held = variables


class Underscored(Model):
    def __init__(self):
        super().__init__()
        self.dense, self._dense = Dense(4), Dense(4)
        self.table = {1: Dense(4), "1": Dense(4), "_1": Dense(4), "a/b": Dense(4), "a": {"b": Dense(4)}}

    def call(self, inputs):
        x = self._dense(self.dense(inputs))
        for layer in (*list(self.table.values())[:4], self.table["a"]["b"]):
            x = layer(x)
        return x


def test_layers_whose_places_look_alike_are_all_stored(tmp_path):
    model, fresh = Underscored(), Underscored()
    before = model(X).numpy()
    fresh(X)
    model.save_weights(tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as stored:
        assert len(stored.files) == 1 + len(model.weights) == 15
        assert {"dense/kernel", "_dense/kernel", "table/_1/kernel"} < set(stored.files)
    fresh.load_weights(tmp_path / "weights.npz")
    assert np.array_equal(fresh(X).numpy(), before)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), fresh.get_weights(), strict=True))


def test_layers_in_a_set_are_trained_but_have_no_place_in_a_file(tmp_path):
    class Bag(Model):
        def __init__(self):
            super().__init__()
            self.parts = {Dense(4, name="part"), layers.ReLU()}

        def call(self, inputs):
            return sum(part(inputs) for part in self.parts)

    model = Bag()
    model(X)
    assert len(model.trainable_weights) == 2
    with pytest.raises(ValueError, match="keeps layer 'part' in a set, where it has no place"):
        model.save_weights(tmp_path / "weights.npz")


def test_weights_of_an_own_that_are_not_in_the_attributes_are_not_stored(tmp_path):
    outside = tf.Variable(1.0)

    class Outside(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(1)

        @property
        def weights(self):
            return [*super().weights, outside]

        def call(self, inputs):
            return self.dense(inputs) * outside

    model = Outside()
    model(X)
    with pytest.raises(ValueError, match="says that it has 3 weights, but 2 are found in its attributes"):
        model.save_weights(tmp_path / "weights.npz")


@pytest.mark.parametrize(
    ("stored", "dtype", "message"),
    [
        (np.complex128(2), "float32", "holds values of dtype complex128, which w:0 of dtype float32 cannot take"),
        (np.int64(2), "float32", "holds values of dtype int64"),
        (np.float64(2), "int32", "holds values of dtype float64"),
        (np.bool_(True), "int32", "holds values of dtype bool"),
        (np.array([1, 1e300]), "float32", r"holds the value 1e\+300"),
        (np.array([1, 2**40]), "int32", "holds the value 1099511627776"),
        (np.array([1, -1]), "uint8", "holds the value -1"),
    ],
)
def test_stored_values_that_do_not_fit_are_refused(tmp_path, stored, dtype, message):
    model = Holder(tf.Variable(np.zeros(stored.shape, dtype), name="w"))
    write_arrays(tmp_path / "weights.npz", {"w": stored})
    with pytest.raises(ValueError, match=r"weights\.npz: variable 'w' " + message):
        model.load_weights(tmp_path / "weights.npz")
    assert not np.any(model.get_weights()[0])


def test_stored_values_are_rounded_to_the_dtype_of_the_model(tmp_path):
    model = Holder(tf.Variable([0.0, 0.0], name="w"), tf.Variable([0], dtype="int64", name="n"))
    write_arrays(tmp_path / "weights.npz", {"w": np.array([0.1, np.inf]), "n": np.array([7], np.int32)})
    model.load_weights(tmp_path / "weights.npz")
    w, n = model.get_weights()
    assert np.array_equal(w, np.array([0.1, np.inf], np.float32))
    assert n == [7]


def test_shared_layer_is_stored_once(tmp_path):
    shared = Dense(4)
    model = Sequential([shared, Sequential([shared])])
    model(X)
    model.save_weights(tmp_path / "weights.npz")
    with np.load(tmp_path / "weights.npz") as stored:
        assert sorted(stored.files) == ["__checksum__", "layers/0/bias", "layers/0/kernel"]


def test_statistics_of_batch_normalization_are_saved(tmp_path):
    model = Sequential([Input((4,)), layers.BatchNormalization()])
    model(X * np.arange(3)[:, None], training=True)
    model.save_weights(tmp_path / "weights.npz")
    fresh = Sequential([Input((4,)), layers.BatchNormalization()])
    fresh.load_weights(tmp_path / "weights.npz")
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), fresh.get_weights(), strict=True))


def test_nothing_is_left_over_when_writing_fails(tmp_path, monkeypatch):
    model = built(Branches())
    path = tmp_path / "weights.npz"
    model.save_weights(path)
    before = path.read_bytes()

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        model.save_weights(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_file_exists_and_may_not_be_overwritten(tmp_path):
    model = built(Branches())
    model.save_weights(tmp_path / "weights.npz")
    with pytest.raises(FileExistsError, match=r"weights\.npz exists already, and overwrite is False"):
        model.save_weights(tmp_path / "weights.npz", overwrite=False)


def damaged(path, how):
    content = bytearray(path.read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    elif how == "flipped":
        content[len(content) // 3] ^= 1
    elif how == "text":
        content = b"not weights at all"
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "flipped", "text"])
def test_damaged_file_is_noticed_and_changes_nothing(tmp_path, how):
    model = built(Branches())
    path = tmp_path / "weights.npz"
    model.save_weights(path)
    damaged(path, how)
    before = model(X).numpy()
    with pytest.raises(ValueError, match=r"weights\.npz is damaged"):
        model.load_weights(path)
    assert np.array_equal(model(X).numpy(), before)


def test_values_that_do_not_match_the_checksum_are_noticed(tmp_path):
    path, other = tmp_path / "weights.npz", tmp_path / "other.npz"
    model = built(Branches())
    model.save_weights(path)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:  # valid in itself, but not what was saved
        for name in old.namelist():
            content = bytearray(old.read(name))
            content[-1] ^= name == "scale.npy"
            new.writestr(name, bytes(content))
    with pytest.raises(ValueError, match=r"other\.npz is damaged: variable 'scale' does not have the checksum"):
        model.load_weights(other)


def test_file_of_another_program_is_refused(tmp_path):
    np.savez(tmp_path / "weights.npz", a=X)
    with pytest.raises(ValueError, match="it was not written by microdl"):
        built(Branches()).load_weights(tmp_path / "weights.npz")


def test_other_structure_is_named(tmp_path):
    Sequential([Input((4,)), Dense(2)]).save_weights(tmp_path / "weights.npz")
    wider = Sequential([Input((4,)), Dense(3)], name="wider")
    shapes = r"'layers/0/kernel' has shape \(4, 2\), in model 'wider' \(.*/kernel:0\) it has shape \(4, 3\)"
    with pytest.raises(ValueError, match=shapes):
        wider.load_weights(tmp_path / "weights.npz")
    deeper = Sequential([Input((4,)), Dense(2), Dense(2)], name="deeper")
    with pytest.raises(
        ValueError, match=r"holds 2 variables, model 'deeper' has 4; the file lacks 'layers/1/kernel', 'layers/1/bias'"
    ):
        deeper.load_weights(tmp_path / "weights.npz")


@pytest.mark.parametrize("name", ["model.h6", "weights", "weights.pkl"])
def test_other_endings_are_refused(tmp_path, name):
    model = built(Branches())
    with pytest.raises(
        ValueError, match=r"save_weights: a file name that ends in \.npz, \.safetensors or \.weights\.h5"
    ):
        model.save_weights(tmp_path / name)
    with pytest.raises(ValueError, match=r"load_weights: a file name that ends in \.npz, \.safetensors, "):
        model.load_weights(tmp_path / name)


def test_missing_file_and_missing_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*weights\.npz"):
        built(Branches()).load_weights(tmp_path / "weights.npz")
    with pytest.raises(ValueError, match="has no weights yet"):
        Sequential([Dense(1)]).save_weights(tmp_path / "weights.npz")
