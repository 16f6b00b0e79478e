"""Keras layers and models as saved models: export, ExportArchive, TFSMLayer, tf.saved_model.save of a model.

Signatures, printed texts and messages are those of Keras 3.15 with TensorFlow 2.21.
"""

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.keras import layers

RNG = np.random.default_rng(0)


def data(*shape):
    return RNG.uniform(0.1, 1, shape).astype(np.float32)


LAYERS = {
    "Dense": (lambda: layers.Dense(3, activation="gelu"), (4,)),
    "Dense of sequences": (lambda: layers.Dense(3), (None, 4)),
    "Flatten": (layers.Flatten, (4, 3)),
    "Reshape": (lambda: layers.Reshape((2, -1)), (4,)),
    "Conv2D": (lambda: layers.Conv2D(3, 3, strides=2, padding="same"), (None, None, 2)),
    "Conv1D causal": (lambda: layers.Conv1D(3, 2, padding="causal"), (None, 2)),
    "MaxPooling2D": (layers.MaxPooling2D, (None, None, 2)),
    "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D, (None, None, 2)),
    "UpSampling2D": (layers.UpSampling2D, (None, None, 2)),
    "ZeroPadding2D": (lambda: layers.ZeroPadding2D(2), (None, None, 2)),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(3, 3, strides=2), (4, 4, 2)),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(3, 3), (6, 6, 2)),
    "Dropout": (lambda: layers.Dropout(0.5), (4,)),
    "BatchNormalization": (layers.BatchNormalization, (4,)),
    "LayerNormalization": (layers.LayerNormalization, (None, 4)),
    "GroupNormalization": (lambda: layers.GroupNormalization(2), (4,)),
    "Softmax": (layers.Softmax, (4,)),
    "LSTM": (lambda: layers.LSTM(3), (None, 4)),
    "GRU": (lambda: layers.GRU(3, return_sequences=True), (5, 4)),
    "SimpleRNN": (lambda: layers.SimpleRNN(3), (5, 4)),
    "Bidirectional": (lambda: layers.Bidirectional(layers.LSTM(3)), (5, 4)),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Dense(2)), (5, 4)),
    "RepeatVector": (lambda: layers.RepeatVector(3), (4,)),
    "EinsumDense": (lambda: layers.EinsumDense("abc,cd->abd", (None, 3)), (5, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(tmp_path, name):
    make, shape = LAYERS[name]
    layer = make()
    known = [6 if n is None else n for n in shape]
    layer(data(2, *known))

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), tf.float32)])
    def serve(x):
        return layer(x, training=False)

    tf.saved_model.save(layer, tmp_path, signatures=serve)
    loaded = tf.saved_model.load(tmp_path).signatures["serving_default"]
    for n, size in ((1, 6), (3, 8)):
        x = data(n, *[size if m is None else m for m in shape])
        np.testing.assert_array_equal(loaded(x)["output_0"], layer(x, training=False))


def small():
    dense = layers.Dense(3, activation="relu", name="d")
    return keras.Sequential(
        [keras.Input((4,), name="features"), dense, layers.BatchNormalization(), layers.Dropout(0.5)]
    )


def test_export(tmp_path, capsys):
    model, x = small(), data(5, 4)
    model.export(tmp_path / "small")
    assert capsys.readouterr().out.startswith(
        f"Saved artifact at '{tmp_path / 'small'}'. The following endpoints are available:\n\n* Endpoint 'serve'\n"
        "  args_0 (POSITIONAL_ONLY): TensorSpec(shape=(None, 4), dtype=tf.float32, name='features')\nOutput Type:\n"
        "  TensorSpec(shape=(None, 3), dtype=tf.float32, name=None)\nCaptures:\n  "
    )
    loaded = tf.saved_model.load(tmp_path / "small")
    for n in (5, 1, 0):
        np.testing.assert_array_equal(loaded.serve(x[:n]), model(x[:n]))
    assert set(loaded.signatures) == {"serve", "serving_default"}
    assert loaded.signatures["serve"].structured_input_signature[1]["features"].shape == [None, 4]
    np.testing.assert_array_equal(loaded.signatures["serving_default"](x)["output_0"], model(x))
    assert (len(loaded.variables), len(loaded.trainable_variables), len(loaded.non_trainable_variables)) == (6, 4, 2)
    with pytest.raises(ValueError, match=r"Unrecognized format=onnx"):
        model.export(tmp_path / "other", format="onnx")


def test_models_with_several_ends(tmp_path):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model([a, b], {"s": layers.Add()([a, b]), "m": layers.Multiply()([a, b])})
    model.export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    x, y = data(2, 4), data(2, 4)
    np.testing.assert_array_equal(loaded.serve([x, y])["m"], x * y)
    np.testing.assert_array_equal(loaded.signatures["serving_default"](a=x, b=y)["s"], x + y)


def test_subclassed_models(tmp_path):
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.memory, self.dense = layers.LSTM(3), layers.Dense(2)

        def call(self, x):
            y = self.memory(x)
            if tf.reduce_sum(y) > 0:
                y = y * 2
            return self.dense(y)

    model, x = Net(), data(2, 6, 4)
    with pytest.raises(ValueError, match=r"^The model provided has not yet been built\. It must be built before exp"):
        model.export(tmp_path)
    expected = model(x)
    model.export(tmp_path, verbose=False)
    np.testing.assert_array_equal(tf.saved_model.load(tmp_path).serve(x), expected)


def test_a_model_has_a_default_signature(tmp_path):
    model, x = small(), data(5, 4)
    tf.saved_model.save(model, tmp_path)
    loaded = tf.saved_model.load(tmp_path)
    serve = loaded.signatures["serving_default"]
    assert serve.structured_input_signature == ((), {"inputs": tf.TensorSpec((None, 4), tf.float32, name="inputs")})
    np.testing.assert_array_equal(serve(inputs=x)["output_0"], model(x))
    assert not callable(getattr(loaded, "serve", None))
    tf.saved_model.save(layers.Dense(2), tmp_path)
    assert tf.saved_model.load(tmp_path).signatures == {}


def test_archive(tmp_path):
    model, x = small(), data(3, 4)
    archive = keras.export.ExportArchive()
    with pytest.raises(ValueError, match=r"^No endpoints have been set yet\. Call add_endpoint\(\)\.$"):
        archive.write_out(tmp_path)
    with pytest.raises(ValueError, match=r"^The layer provided has not yet been built\. It must be built before expo"):
        archive.track(layers.Dense(3))
    with pytest.raises(ValueError, match=r"^Invalid resource type\. Expected a Keras `Layer` or `Model`"):
        archive.track(3)
    archive.track(model)
    archive.add_endpoint("logits", lambda x: model.layers[0](x), input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    archive.track_and_add_endpoint("train", model, [tf.TensorSpec([None, 4], tf.float32)], training=True)
    with pytest.raises(ValueError, match=r"^Endpoint name 'logits' is already taken\.$"):
        archive.add_endpoint("logits", model.call)
    with pytest.raises(ValueError, match=r"^If the `fn` argument provided is not a `tf.function`, you must provide"):
        archive.add_endpoint("call", model.call)
    with pytest.raises(ValueError, match=r"^The provided tf.function .* has never been called\."):
        archive.add_endpoint("call", tf.function(model.call))
    archive.add_variable_collection("weights_of_the_model", model.weights)
    archive.write_out(tmp_path, verbose=False)
    loaded = tf.saved_model.load(tmp_path)
    np.testing.assert_array_equal(loaded.logits(x), model.layers[0](x))
    assert [v.shape for v in loaded.weights_of_the_model] == [v.shape for v in model.weights]
    before = loaded.weights_of_the_model[-1].numpy()
    loaded.train(x)
    assert not np.array_equal(before, loaded.weights_of_the_model[-1])


def test_a_saved_model_as_a_layer(tmp_path):
    model, x = small(), data(8, 4)
    model.export(tmp_path, verbose=False)
    layer = layers.TFSMLayer(tmp_path)
    np.testing.assert_array_equal(layer(x), model(x))
    assert (len(layer.weights), len(layer.trainable_weights)) == (6, 4)
    outer = keras.Sequential([keras.Input((4,)), layer, layers.Dense(1)])
    outer.compile("sgd", "mse")
    before = layer.weights[0].numpy()
    outer.fit(x, np.ones(8), verbose=0)
    assert not np.array_equal(before, layer.weights[0])
    with pytest.raises(
        ValueError, match=r"^The endpoint 'nope' is neither an attribute of the reloaded SavedModel, nor"
    ):
        layers.TFSMLayer(tmp_path, call_endpoint="nope")
