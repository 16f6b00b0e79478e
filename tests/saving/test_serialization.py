"""Objects as plain values and back: what Keras's modules describe, and what users register."""

import inspect
import json

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.keras import layers

ARGUMENTS = {
    "Activation": {"activation": "relu"},
    "Bidirectional": {"layer": lambda: layers.LSTM(2)},
    "Conv1D": {"filters": 2, "kernel_size": 3},
    "Conv2D": {"filters": 2, "kernel_size": (3, 1), "kernel_regularizer": "l1", "bias_constraint": "non_neg"},
    "Dense": {"units": 3, "activation": "gelu", "kernel_initializer": lambda: keras.initializers.Constant(0.5)},
    "DepthwiseConv2D": {"kernel_size": 3},
    "Dropout": {"rate": 0.5, "seed": 3},
    "Embedding": {"input_dim": 5, "output_dim": 2},
    "GRU": {"units": 2},
    "InputLayer": {"shape": (3, None)},
    "LSTM": {"units": 2, "return_sequences": True},
    "Lambda": {"function": lambda: tf.nn.relu},
    "RNN": {"cell": lambda: layers.LSTMCell(2)},
    "Reshape": {"target_shape": (2, -1)},
    "SimpleRNN": {"units": 2},
    "TimeDistributed": {"layer": lambda: layers.Dense(2)},
}


def without_arguments(cls):
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return all(p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)


LAYERS = {
    name: ARGUMENTS.get(name, {})
    for name, cls in vars(layers).items()
    if inspect.isclass(cls)
    and issubclass(cls, layers.Layer)
    and cls.__name__ == name
    and (name in ARGUMENTS or without_arguments(cls))
    and name != "CategoryEncoding"  # which needs an argument that has a default
}


def through_json(value):
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("name", LAYERS)
def test_layers_come_back(name):
    arguments = {key: value() if callable(value) else value for key, value in LAYERS[name].items()}
    layer = getattr(layers, name)(**arguments)
    described = through_json(layers.serialize(layer))
    assert (described["module"], described["class_name"]) == ("keras.layers", name)
    again = layers.deserialize(described)
    assert type(again) is type(layer)
    assert through_json(layers.serialize(again)) == described


@pytest.mark.parametrize(
    ("module", "made"),
    [
        ("losses", lambda: keras.losses.Huber(delta=0.3, reduction="sum")),
        ("losses", lambda: keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)),
        ("metrics", lambda: keras.metrics.SparseTopKCategoricalAccuracy(k=2)),
        ("metrics", lambda: keras.metrics.MeanMetricWrapper(keras.metrics.binary_accuracy, name="hits", threshold=0.7)),
        ("initializers", lambda: keras.initializers.VarianceScaling(2.0, "fan_out", seed=4)),
        ("regularizers", lambda: keras.regularizers.L1L2(0.1, 0.2)),
        ("constraints", lambda: keras.constraints.MaxNorm(2.0)),
        ("optimizers", lambda: keras.optimizers.Adam(0.1, amsgrad=True, clipvalue=0.5)),
        (
            "optimizers",
            lambda: keras.optimizers.SGD(keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.2])),
        ),
    ],
)
def test_objects_of_keras_come_back(module, made):
    module, original = getattr(keras, module), made()
    described = through_json(module.serialize(original))
    again = module.deserialize(described)
    assert type(again) is type(original)
    assert through_json(module.serialize(again)) == described
    assert through_json(module.serialize(module.get(described))) == described


def test_functions_of_keras_are_known_by_name():
    for function in (keras.losses.mean_squared_error, keras.activations.gelu, keras.metrics.categorical_accuracy):
        described = through_json(keras.saving.serialize_keras_object(function))
        assert described["module"] == "builtins"
        assert keras.saving.deserialize_keras_object(described) is function
    assert keras.activations.deserialize("relu") is keras.activations.relu


def test_plain_values_come_back():
    value = {"a": [1, 2.5, None, True, "x"], "shape": tf.TensorShape([None, 3]), "dtype": tf.float16, "n": np.int64(3)}
    again = keras.saving.deserialize_keras_object(through_json(keras.saving.serialize_keras_object(value)))
    assert again == {"a": [1, 2.5, None, True, "x"], "shape": [None, 3], "dtype": "float16", "n": 3}
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    again = keras.saving.deserialize_keras_object(
        through_json(keras.saving.serialize_keras_object([array, tf.constant(array)]))
    )
    assert isinstance(again[0], np.ndarray)
    assert isinstance(again[1], tf.Tensor)
    for each in again:
        assert np.array_equal(np.asarray(each), array)
        assert each.dtype == np.int16


def test_what_cannot_be_described_is_refused():
    with pytest.raises(TypeError, match="cannot be saved: it has no get_config"):
        keras.saving.serialize_keras_object(object())

    class Bare:
        pass

    with pytest.raises(ValueError, match="class Bare has no get_config method"):
        keras.saving.register_keras_serializable()(Bare)


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "system", "config": "true", "registered_name": "system"},
        {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
        {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "function"},
        {"module": "microdl.saving.atomic", "class_name": "function", "config": "write_bytes", "registered_name": None},
        {"module": "microdl.ops.activation", "class_name": "function", "config": "apply", "registered_name": None},
        {"module": "keras.layers", "class_name": "inspect", "config": {}, "registered_name": None},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["true"]}, "registered_name": "Popen"},
    ],
)
def test_no_name_leads_to_other_code(config):
    with pytest.raises(ValueError, match="is not known"):
        keras.saving.deserialize_keras_object(config)


def test_code_in_a_file_is_never_loaded():
    with pytest.raises(ValueError, match="no file may bring code of its own"):
        keras.saving.deserialize_keras_object({"class_name": "__lambda__", "config": {"value": "4wEAAA=="}})


class Outer(layers.Layer):
    """A layer with layers among its arguments, and without get_config."""

    def __init__(self, inner, *, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.factor = inner, factor

    def call(self, x):
        return self.inner(x) * self.factor


def test_layers_without_a_configuration_are_known_by_their_arguments():
    layer = Outer(layers.Dense(3, name="d"), factor=0.5, name="o", trainable=False)
    config = layer.get_config()
    assert config.keys() == {"name", "trainable", "dtype", "inner", "factor"}
    again = layers.deserialize(through_json(layers.serialize(layer)), custom_objects={"Outer": Outer})
    assert (again.name, again.trainable, again.factor, again.inner.name, again.inner.units) == ("o", False, 0.5, "d", 3)


def test_arguments_without_names_need_a_configuration():
    class Many(layers.Layer):
        def __init__(self, *parts):
            super().__init__()

    assert Many().get_config() == {}
    with pytest.raises(NotImplementedError, match="Many must define get_config"):
        Many(1, 2).get_config()


def test_built_layers_are_built_again():
    layer = layers.Dense(3)
    layer.build((None, 4))
    again = layers.deserialize(through_json(layers.serialize(layer)))
    assert [tuple(w.shape) for w in again.weights] == [(4, 3), (3,)]


def test_registered_names_and_scopes():
    @keras.utils.register_keras_serializable("shop", name="Half")
    class Halved(layers.Layer):
        def call(self, x):
            return x / 2.0

    @keras.utils.register_keras_serializable("shop")
    def squash(x):
        return x / (1.0 + tf.abs(x))

    assert keras.saving.get_registered_name(Halved) == "shop>Half"
    assert keras.saving.get_registered_object("shop>Half") is Halved
    assert keras.saving.get_registered_object("Half") is None
    assert keras.saving.get_registered_name(layers.Dense) == "Dense"
    assert type(layers.deserialize(through_json(layers.serialize(Halved())))) is Halved
    dense = layers.deserialize(through_json(layers.serialize(layers.Dense(2, activation=squash))))
    assert dense.activation is squash
    with keras.utils.custom_object_scope({"squash2": squash}):
        assert keras.activations.get("squash2") is squash
        assert layers.Dense(1, activation="squash2").activation is squash
    with pytest.raises(ValueError, match="unknown activation 'squash2'"):
        keras.activations.get("squash2")
    objects = keras.utils.get_custom_objects()
    objects["squash3"] = squash
    try:
        assert keras.activations.get("squash3") is squash
    finally:
        del objects["squash3"]


def test_names_of_ones_own_work_where_names_do():
    class Big(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None, **kwargs):
            return tf.fill(tuple(shape), 9.0)

    with keras.utils.custom_object_scope({"Big": Big, "off": lambda y, p: tf.reduce_mean(y - p, axis=-1)}):
        layer = layers.Dense(1, kernel_initializer="Big")
        layer.build((None, 2))
        assert layer.kernel.numpy().tolist() == [[9.0], [9.0]]
        model = keras.Sequential([layer])
        model.compile("sgd", "off", metrics=["off"])
        assert model.evaluate(np.zeros((2, 2)), np.ones((2, 1)), verbose=0) == [1.0, 1.0]
