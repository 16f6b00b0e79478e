"""The functional API: what can be outlined with KerasTensors, what cannot, and what becomes of it."""

import gc
import json
import pickle
import weakref

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.keras import layers
from microdl.keras.layers import Dense

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture(autouse=True)
def _fresh_names():
    keras.backend.clear_session()


def two_branches(name=None):
    x = keras.Input((4,), name="x")
    hidden = Dense(5, activation="relu", name="hidden")(x)
    return keras.Model(x, [Dense(1, name="one")(hidden), Dense(2, name="two")(hidden + 1.0)], name=name)


# KerasTensors.


def test_keras_tensor_says_what_is_known():
    x = keras.Input((4,), name="x")
    assert repr(x) == str(x) == "<KerasTensor shape=(None, 4), dtype=float32, sparse=False, ragged=False, name=x>"
    assert (x.shape, x.dtype, x.ndim, x.name) == ((None, 4), tf.float32, 2, "x")
    assert keras.Input((2,), batch_size=8, dtype="int32").shape == (8, 2)
    assert keras.Input(batch_shape=(None, None, 3)).shape == (None, None, 3)
    assert x._keras_history.operation.name == "x"


@pytest.mark.parametrize(
    ("use", "error", "text"),
    [
        (bool, TypeError, "cannot decide an `if`"),
        (float, TypeError, "cannot become a Python float"),
        (int, TypeError, "cannot become a Python int"),
        (len, TypeError, "its first size is unknown"),
        (list, TypeError, "iterating over a KerasTensor"),
        (np.asarray, TypeError, "has no values"),
        (lambda x: x.numpy(), TypeError, "has no values"),
        (pickle.dumps, TypeError, "has no values"),
        (hash, TypeError, "unhashable"),
    ],
)
def test_a_keras_tensor_is_no_value(use, error, text):
    with pytest.raises(error, match=text):
        use(keras.Input((4,), name="x"))


SHAPES = [
    (lambda x: x[:, 0], (None,)),
    (lambda x: x[:, None, 1:3], (None, 1, 2)),
    (lambda x: tf.reduce_sum(x, axis=0), (4,)),
    (tf.transpose, (4, None)),
    (lambda x: tf.matmul(x, x, transpose_b=True), (None, None)),
    (lambda x: tf.concat([x, x], 0), (None, 4)),
    (lambda x: tf.concat([x, x], 1), (None, 8)),
    (lambda x: tf.reshape(x, (-1, 2, 2)), (None, 2, 2)),
    (lambda x: tf.reshape(x, (tf.shape(x)[0], 4, 1)), (None, 4, 1)),
    (lambda x: tf.stack([x, x * 2.0], axis=1), (None, 2, 4)),
    (lambda x: tf.cast(x > 0.0, tf.int32), (None, 4)),
    (lambda x: tf.nn.softmax(x), (None, 4)),
    (lambda x: tf.ones((2, 4)) + x[:1], (2, 4)),
]


@pytest.mark.parametrize(("function", "shape"), SHAPES)
def test_functions_of_tensors_become_operations(function, shape):
    x = keras.Input((4,))
    y = function(x)
    assert y.shape == shape
    if shape[:1] == (None,):
        model = keras.Model(x, y)
        np.testing.assert_allclose(model(X), function(tf.constant(X)), rtol=1e-6)
        again = keras.models.model_from_json(model.to_json())
        np.testing.assert_array_equal(again(X), model(X))


def test_sizes_beside_the_batch_may_be_unknown():
    x = keras.Input((None, 3))
    y = layers.Conv1D(5, 3, strides=2)(x)
    assert y.shape == (None, None, 5)
    assert layers.GlobalAveragePooling1D()(y).shape == (None, 5)
    model = keras.Model(x, layers.GlobalMaxPooling1D()(y))
    assert model(np.ones((2, 9, 3))).shape == model(np.ones((2, 31, 3))).shape == (2, 5)


def test_layers_that_do_not_fit_say_so_with_unknown_sizes():
    shared = Dense(2, name="shared")
    shared(keras.Input((4,)))
    with pytest.raises(
        ValueError, match=r"shared \(Dense\): built for inputs with 4 features .* got shape \(None, 7\)"
    ):
        shared(keras.Input((7,)))
    with pytest.raises(ValueError, match=r"the same number of axes, got shapes \[TensorShape\(\[None, 4\]\)"):
        layers.Concatenate(axis=-1)([keras.Input((4,)), keras.Input((3, 4))])


def test_outlining_runs_no_layer_and_changes_no_variable():
    class Counting(layers.Layer):
        def build(self, input_shape):
            assert tuple(input_shape) == (None, 4)
            self.calls = self.add_weight("calls", shape=(), initializer="zeros", trainable=False)

        def call(self, inputs):
            self.calls.assign_add(1.0)
            return inputs * 2.0

    counting, x = Counting(), keras.Input((4,))
    model = keras.Model(x, counting(x))
    assert counting.calls.numpy() == 0
    model(X)
    assert counting.calls.numpy() == 1


def test_outlining_draws_no_random_numbers():
    class Noisy(layers.Layer):
        def call(self, inputs):
            return inputs + tf.random.normal(tf.shape(inputs))

    tf.random.set_seed(3)
    expected = tf.random.normal((2,)).numpy()
    tf.random.set_seed(3)
    Noisy()(keras.Input((4,)))
    np.testing.assert_array_equal(tf.random.normal((2,)), expected)


# Models.


def test_depth_orders_layers_and_names_are_given():
    model = two_branches()
    assert repr(model) == "<Functional name=functional, built=True>"
    assert [layer.name for layer in model.layers] == ["x", "hidden", "one", "two"]
    assert [operation.name for operation in model.operations] == ["x", "hidden", "add", "one", "two"]
    assert (model.input_names, model.output_names) == (["x"], ["one", "two"])
    assert (model.input_shape, model.output_shape) == ((None, 4), [(None, 1), (None, 2)])
    assert [w.name for w in model.weights][:2] == ["hidden/kernel:0", "hidden/bias:0"]
    assert model.get_layer("two") is model.get_layer(index=3)
    assert model.count_params() == 25 + 6 + 12


@pytest.mark.parametrize("structure", [lambda a, b: [a, b], lambda a, b: (a, b), lambda a, b: {"b": b, "a": a}])
def test_inputs_and_outputs_keep_their_structure(structure):
    a, b = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    model = keras.Model(structure(a, b), structure(a - b, a + b))
    found = model(structure(X, 2 * X))
    assert type(found) is type(structure(1, 2))
    expected = structure(-X, 3 * X)
    for key in expected if isinstance(expected, dict) else range(2):
        np.testing.assert_allclose(found[key], expected[key], rtol=1e-6)
    predicted = model.predict(structure(X, 2 * X), verbose=0)
    assert all(isinstance(part, np.ndarray) for part in tf.nest.flatten(predicted))


def test_dicts_are_taken_by_the_names_of_inputs():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model([b, a], b - a)
    np.testing.assert_array_equal(model({"a": X, "b": 3 * X, "more": X}), 3 * X - X)
    with pytest.raises(ValueError, match=r"lacks the inputs \['b'\]: got a dict with \['a'\]"):
        model({"a": X})


def test_inputs_are_fitted_to_what_was_declared():
    x = keras.Input((4, 1), dtype="int32")
    model = keras.Model(x, x * 2)
    assert model(np.array([[1.7, 2, 3, 4]])).numpy().ravel().tolist() == [2, 4, 6, 8]
    with pytest.raises(ValueError, match=r"expected shape=\(None, 4, 1\), found shape=\(1, 5\)"):
        model(np.ones((1, 5)))
    with pytest.raises(ValueError, match="expects 2 inputs"):
        keras.Model([keras.Input((1,)), (y := keras.Input((1,)))], y)([X])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda a, b: keras.Model(a, a + b), r"the outputs need the input 'b' \(shape \(None, 3\)\)"),
        (lambda a, b: keras.Model([a, a], a), "among the inputs twice"),
        (lambda a, b: keras.Model(X, a), "all inputs must be KerasTensors"),
        (lambda a, b: keras.Model(a, Dense(2)), "all outputs must be KerasTensors, not the layer itself: call it"),
        (lambda a, b: keras.Model(a, []), "there are no outputs"),
        (lambda a, b: keras.Model(a, Dense(1, name="q")(Dense(1, name="q")(a))), "the name 'q' is used 2 times"),
    ],
)
def test_models_that_cannot_be(make, text):
    with pytest.raises(ValueError, match=text):
        make(keras.Input((3,), name="a"), keras.Input((3,), name="b"))


def test_a_model_may_begin_in_the_middle():
    model = two_branches()
    tail = keras.Model(model.get_layer("hidden").output, model.get_layer("one").output)
    hidden = keras.Model(model.input, model.get_layer("hidden").output)(X)
    np.testing.assert_array_equal(tail(hidden), model(X)[0])
    again = keras.Model.from_config(tail.get_config())
    assert again.output_shape == (None, 1)


def test_shared_layers_learn_from_all_their_calls():
    shared, a, b = Dense(1, use_bias=False), keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], shared(a) + 2.0 * shared(b))
    assert len(model.weights) == 1
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(model([X, X]))
    np.testing.assert_allclose(tape.gradient(y, model.weights[0]), 3 * X.sum(0)[:, None], rtol=1e-5)


def test_layers_may_take_and_give_several_tensors_and_options():
    class Swap(layers.Layer):
        def call(self, first, second, scale=1.0, training=None):
            return {"first": second * scale, "second": first if training else -first}

    a, b = keras.Input((4,)), keras.Input((4,))
    out = Swap()(a, second=b, scale=3.0)
    model = keras.Model([a, b], [out["second"], out["first"]])
    np.testing.assert_allclose(model([X, 2 * X])[1], 6 * X, rtol=1e-6)
    np.testing.assert_array_equal(model([X, X], training=True)[0], X)
    np.testing.assert_array_equal(model([X, X])[0], -X)


def test_masks_travel_through_models():
    words = keras.Input((None,), dtype="int32")
    inner_input = keras.Input((None, 3))
    inner = keras.Model(inner_input, layers.Activation("linear")(inner_input))
    model = keras.Model(words, layers.GlobalAveragePooling1D()(inner(layers.Embedding(9, 3, mask_zero=True)(words))))
    np.testing.assert_allclose(model(np.array([[4, 5, 0, 0]])), model(np.array([[4, 5]])), rtol=1e-6)


def test_a_functional_step_is_the_sequential_one():
    def compiled(model):
        model.compile("adam", "mse")
        model.train_on_batch(X, X[:, :2])
        return model

    parts = [Dense(8, "relu"), layers.Dropout(0.0), Dense(2)]
    sequential = compiled(keras.Sequential([keras.Input((4,)), *parts]))
    x = inputs = keras.Input((4,))
    for part in [type(layer).from_config(layer.get_config()) for layer in parts]:
        x = part(x)
    functional = compiled(keras.Model(inputs, x))

    def plan(model):
        (concrete,) = model._traced.train.concrete_functions()
        return [node.op.name for node in concrete.plan.program.nodes]

    assert plan(functional) == plan(sequential)


def test_configuration_of_a_model_subclass_and_of_user_layers():
    @keras.saving.register_keras_serializable("functional_tests")
    class Own(keras.Model):
        pass

    x = keras.Input((4,))
    model = Own(x, Dense(2)(x))
    again = keras.models.model_from_json(json.dumps(json.loads(model.to_json())))
    assert type(again) is Own
    assert again.output_shape == (None, 2)


def test_what_holds_a_variable_cannot_be_described():
    x = keras.Input((4,))
    model = keras.Model(x, x * tf.Variable(tf.ones((4,)), name="factor"))
    with pytest.raises(ValueError, match=r"variable factor.* is an argument of a call"):
        model.get_config()


def test_clones_begin_where_they_are_told_and_take_other_layers():
    model = two_branches()
    given = keras.Input((4,), name="other")
    clone = keras.models.clone_model(model, input_tensors=given)
    assert clone.input is given

    def narrower(layer):
        config = layer.get_config()
        return type(layer).from_config({**config, "units": 1})

    narrow = keras.models.clone_model(model, clone_function=narrower)
    assert [w.shape[-1] for w in narrow.weights] == [1] * 6


def test_saved_models_give_the_same(tmp_path):
    model = two_branches()
    model.compile("adam", ["mse", "mae"], loss_weights=[1.0, 0.5])
    y = [np.ones((3, 1)), np.ones((3, 2))]
    model.fit(X, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(model(X), again(X), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.train_on_batch(X, y) == again.train_on_batch(X, y)
    model.save_weights(tmp_path / "weights.npz")
    again.load_weights(tmp_path / "weights.npz")
    assert model.evaluate(X, y, verbose=0) == again.evaluate(X, y, verbose=0)


def test_a_model_may_be_compiled_again_with_another_optimizer():
    model = two_branches()
    y = [np.ones((3, 1)), np.ones((3, 2))]
    model.get_layer("hidden").trainable = False
    model.compile("adam", "mse", metrics=[["mae"], ["mae"]])
    model.fit(X, y, verbose=0)
    model.get_layer("hidden").trainable = True
    model.compile("adam", "mse", metrics=[["mae"], ["mse"]])
    assert set(model.fit(X, y, verbose=0).history) == {"loss", "one_loss", "two_loss", "one_mae", "two_mse"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"loss": ["mse"] * 3}, r"loss: a list needs one entry for each of the outputs \['one', 'two'\], got 3"),
        ({"loss": {"nope": "mse"}}, r"loss: there are no outputs \['nope'\]; the model has \['one', 'two'\]"),
        ({"loss": "mse", "metrics": ["mae"]}, "with several outputs .* a list needs one entry"),
        ({"loss": [None, None]}, "there is a loss for none of the outputs"),
    ],
)
def test_what_is_compiled_must_fit_the_outputs(options, text):
    model = two_branches()
    model.compile("sgd", **options)
    with pytest.raises(ValueError, match=text):
        model.fit(X, [np.ones((3, 1)), np.ones((3, 2))], verbose=0)


def test_add_metric_shows_means():
    class Watched(layers.Layer):
        def call(self, inputs):
            self.add_metric(tf.reduce_max(inputs), name="largest", aggregation="mean")
            return inputs

    x = keras.Input((4,))
    model = keras.Model(x, Dense(1)(Watched()(x)))
    model.compile("sgd", "mse")
    history = model.fit(X, np.ones((3, 1)), verbose=0, batch_size=3).history
    assert history["largest"] == [pytest.approx(X.max())]


def test_pictures_and_graphviz(tmp_path):
    model = two_branches()
    text = keras.utils.model_to_dot(model, show_shapes=True, show_layer_names=True)
    assert r'n1 [label="hidden (Dense)\noutput: (None, 5)"];' in text
    assert "n0 -> n1;" in text
    path = keras.utils.plot_model(model, tmp_path / "model.png", show_shapes=True, dpi=50)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert keras.utils.plot_model(keras.Sequential([x := keras.Input((2,)), Dense(1)]), tmp_path / "s.dot").exists()
    assert keras.utils.is_keras_tensor(x)
    with pytest.raises(ValueError, match="connections in model"):
        keras.utils.model_to_dot(keras.Sequential([Dense(1)]))


def test_models_that_are_dropped_are_freed():
    model = weakref.ref(two_branches())
    gc.collect()
    assert model() is None


def test_what_a_crop_leaves_is_no_known_size():
    x = keras.Input((None, 3))
    assert keras.layers.Conv1D(4, 3)(x)[:, :100].shape == (None, None, 4)
