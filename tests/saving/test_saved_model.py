"""tf.saved_model: what is loaded computes, trains and prints what the saved object did, without its code."""

import json

import numpy as np
import pytest

import microdl as tf
from microdl.core.errors import DataLossError
from microdl.saving import safetensors
from microdl.saving.saved_model import FILE, KEY


class Doubling(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="values")])
    def __call__(self, x):
        return 2 * x


class Net(tf.Module):
    def __init__(self):
        super().__init__(name="net")
        self.w = tf.Variable(np.arange(12, dtype=np.float32).reshape(4, 3) - 5, name="w")
        self.count = tf.Variable(0, trainable=False)
        self.parts = [Doubling(), {"other": tf.Variable([1.0, 2.0])}]
        self.words = tf.constant(["a", "bc"])

    @tf.function
    def __call__(self, x, training=False, scale=1.0):
        self.count.assign_add(1)
        y = tf.nn.relu(x @ self.w)[:, 1:, tf.newaxis] * scale
        return {"y": tf.nn.dropout(y, 0.5) if training else y, "shape": (tf.shape(y), None)}

    @tf.function
    def flow(self, x, k):
        y = x * self.parts[1]["other"][0] if tf.reduce_sum(x) > 0 else x - 1.0
        i = 0
        while i < k:
            y = y * 2.0
            i += 1
            self.count.assign_add(1)
        return y, tf.map_fn(lambda z: z * self.w[0, 0], x)


X, Z = np.arange(8, dtype=np.float32).reshape(2, 4), np.array([1, -2, 4], np.float32)


@pytest.fixture
def net():
    net = Net()
    net(X)
    net(X, training=True)
    net.flow(Z, tf.constant(3))
    return net


def reloaded(obj, folder, **kwargs):
    tf.saved_model.save(obj, folder, **kwargs)
    return tf.saved_model.load(folder)


def test_functions_of_tensors_and_python_values(net, tmp_path):
    loaded = reloaded(net, tmp_path / "net")
    result, expected = loaded(X), net(X)
    np.testing.assert_array_equal(result["y"], expected["y"])
    assert result["shape"][0].numpy().tolist() == [2, 2, 1]
    assert result["shape"][1] is None
    tf.random.set_seed(1)
    dropped = loaded(X, training=True)["y"].numpy()
    tf.random.set_seed(1)
    np.testing.assert_array_equal(dropped, net(X, training=True)["y"])
    with pytest.raises(ValueError, match=r"^Could not find matching concrete function to call loaded from the SavedM"):
        loaded(np.ones((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"(?s)False, 2\.0.*scale: Literal\[1\.0\]"):
        loaded(X, scale=2.0)


def test_objects_variables_and_constants(net, tmp_path):
    loaded = reloaded(net, tmp_path / "net")
    assert loaded.words.numpy().tolist() == [b"a", b"bc"]
    np.testing.assert_array_equal(loaded.parts[0]([1.0, 4.0, 0.5]), [2, 8, 1])
    assert [v.name for v in loaded.variables] == [v.name for v in net.variables]
    assert [v.trainable for v in loaded.variables] == [v.trainable for v in net.variables]
    assert (loaded.name, loaded.count.dtype) == ("net", tf.int32)
    before = int(loaded.count)
    loaded(X)
    assert int(loaded.count) == before + 1
    assert int(net.count) == before


def test_control_flow(net, tmp_path):
    loaded = reloaded(net, tmp_path / "net")
    for x in (Z, -Z):
        for result, expected in zip(loaded.flow(x, 3), net.flow(x, tf.constant(3)), strict=True):
            np.testing.assert_array_equal(result, expected)
    assert int(loaded.count) == int(net.count)


@pytest.mark.parametrize("call", [lambda m: m(X)["y"], lambda m: m.flow(Z, tf.constant(2))[0]], ids=["ops", "flow"])
def test_gradients_and_training(net, tmp_path, call):
    net.flow(Z, tf.constant(2))
    loaded = reloaded(net, tmp_path / "net")
    gradients = []
    for one in (net, loaded):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(call(one) ** 2)
        gradients.append(tape.gradient(loss, [one.w, one.parts[1]["other"]]))
    for ours, theirs in zip(*gradients, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_array_equal(tf.convert_to_tensor(ours), tf.convert_to_tensor(theirs))
    loaded.w.assign_sub(0.1 * tf.ones_like(loaded.w))
    assert not np.array_equal(loaded(X)["y"], net(X)["y"])


def test_signatures(net, tmp_path):
    assert list(reloaded(Doubling(), tmp_path / "one").signatures) == ["serving_default"]
    serve = tf.saved_model.load(tmp_path / "one").signatures["serving_default"]
    assert serve(values=[3.0])["output_0"].numpy().tolist() == [6]
    assert serve.structured_input_signature[1]["values"].shape == [None]
    with pytest.raises(TypeError, match="it takes the tensors values by their names, got 0 by position and x by name"):
        serve(x=[3.0])
    flow = net.flow.get_concrete_function(Z, tf.constant(3))
    loaded = reloaded(net, tmp_path / "net", signatures={"flow": flow, "serving_default": net.parts[0].__call__})
    found = loaded.signatures["flow"](x=Z, k=3)
    assert list(found) == ["output_0", "output_1"]
    with pytest.raises(ValueError, match=r"signature 'serving_default' must be a trace .* with 2 traces$"):
        tf.saved_model.save(net, tmp_path / "net", signatures=net.__call__)
    with pytest.raises(ValueError, match=r"^a signature returns a tensor, or a flat list or dict"):
        tf.saved_model.save(net, tmp_path / "net", signatures=net.__call__.get_concrete_function(X))


def test_functions_that_call_each_other_with_open_sizes(tmp_path):
    class Outer(tf.Module):
        def __init__(self):
            super().__init__()
            self.net = Net()

        @tf.function(input_signature=[tf.TensorSpec([None, 2, None], tf.uint8)])
        def __call__(self, x):
            x = tf.cast(tf.reshape(x, [-1, 4]), tf.float32)
            return tf.argmax(self.net(x)["y"][:, :, 0], axis=1)

    outer = Outer()
    loaded = reloaded(outer, tmp_path / "outer")
    for n in (1, 3):
        x = np.arange(4 * n, dtype=np.uint8).reshape(n, 2, 2)
        np.testing.assert_array_equal(loaded(x), outer(x))


def test_what_is_python_cannot_be_saved(tmp_path):
    class Calls(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])
        def __call__(self, x):
            return tf.numpy_function(lambda y: y, [x], tf.float32)

    with pytest.raises(ValueError, match=r"^function '__call__': .* cannot be saved$"):
        tf.saved_model.save(Calls(), tmp_path / "calls")
    assert not tf.saved_model.contains_saved_model(tmp_path / "calls")
    with pytest.raises(ValueError, match=r"^saved_model.save: a Module, layer or model is expected, got 3 of int"):
        tf.saved_model.save(3, tmp_path / "three")


def test_a_keras_model_in_a_module_with_sizes(tmp_path):
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])

    class Served(tf.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        @tf.function(input_signature=[tf.TensorSpec([5, 6, 6, 1], tf.float32)])
        def __call__(self, x):
            return self.model(x)

    x = np.random.default_rng(0).normal(size=(5, 6, 6, 1)).astype(np.float32)
    loaded = reloaded(Served(), tmp_path / "served")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert len(loaded.trainable_variables) == 4

    @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 1], tf.float32)])
    def serve(x):
        return model(x)

    loaded = reloaded(model, tmp_path / "model", signatures=serve)
    for n in (1, 2, 5):
        np.testing.assert_array_equal(loaded.signatures["serving_default"](x[:n])["output_0"], model(x[:n]))


def test_damaged_files_are_named(net, tmp_path):
    tf.saved_model.save(net, tmp_path / "net")
    path = tmp_path / "net" / FILE
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [*range(0, len(content), 701), *rng.integers(0, len(content), 20).tolist()]:
        for damaged in (content[:place], content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(DataLossError, match=FILE):
                tf.saved_model.load(tmp_path / "net")
    with pytest.raises(OSError, match=r"^SavedModel file does not exist at: "):
        tf.saved_model.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda c: c.update(version=1), ValueError, "has version 1; this microdl reads 2"),
        (
            lambda c: c["traces"][0]["bodies"][0]["calls"][0].update(op="Nothing"),
            DataLossError,
            "there is no op 'Nothing'",
        ),
        (
            lambda c: c["traces"][0]["bodies"][0]["calls"].append({"function": "os.system", "args": [], "kwargs": {}}),
            DataLossError,
            "KeyError",
        ),
        (lambda c: c["objects"][0].update(kind="loader"), DataLossError, "holds what cannot be loaded"),
    ],
)
def test_files_with_other_contents_are_refused(tmp_path, change, error, message):
    tf.saved_model.save(Doubling(), tmp_path / "one")
    path = tmp_path / "one" / FILE
    arrays, metadata = safetensors.read(path, "test")
    content = json.loads(metadata[KEY])
    change(content)
    safetensors.write(path, arrays, {KEY: json.dumps(content)})
    with pytest.raises(error, match=message):
        tf.saved_model.load(tmp_path / "one")
