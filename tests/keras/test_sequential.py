"""Sequential: how it grows, when it makes its weights, and its configuration."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers
from microdl.keras.layers import Dense, Input
from microdl.keras.models import Model, Sequential

X = np.ones((3, 4), np.float32)


def dense_stack(*sizes, **kwargs):
    return Sequential([Dense(size) for size in sizes], **kwargs)


def test_calls_layers_in_order():
    model = dense_stack(5, 2)
    first, second = model.layers
    assert np.array_equal(model(X).numpy(), second(first(X)).numpy())


def test_makes_weights_at_the_first_call():
    model = dense_stack(5, 2)
    assert (model.weights, model.built) == ([], False)
    model(X)
    assert [tuple(w.shape) for w in model.weights] == [(4, 5), (5,), (5, 2), (2,)]


@pytest.mark.parametrize(
    "model",
    [
        lambda: Sequential([Input((4,)), Dense(5), Dense(2)]),
        lambda: Sequential([Dense(5, input_shape=(4,)), Dense(2)]),
        lambda: Sequential([Dense(5, input_dim=4), Dense(2)]),
    ],
)
def test_makes_weights_at_once_where_the_input_is_known(model):
    model = model()
    assert model.built
    assert model.count_params() == 4 * 5 + 5 + 5 * 2 + 2
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert len(model.layers) == 2


def test_build_by_shape():
    model = dense_stack(5, 2)
    model.build((None, 4))
    assert model.count_params() == 37
    model.add(Dense(3))
    assert model.output_shape == (None, 3)


def test_same_seed_makes_the_same_weights_however_it_is_built():
    made = []
    for build in (lambda m: m(X), lambda m: m.build((None, 4)), lambda m: m.build((7, 4))):
        tf.random.set_seed(7)
        model = dense_stack(5, 2)
        build(model)
        made.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(made[0], made[2])


def test_add_and_pop():
    model = Sequential()
    model.add(Input((4,)))
    model.add(Dense(5))
    model.add(Dense(2))
    removed = model.pop()
    assert removed.units == 2
    assert model.output_shape == (None, 5)
    model.add(Dense(3))
    assert tuple(model(X).shape) == (3, 3)


def test_models_nest():
    inner = dense_stack(5, 2, name="inner")
    model = Sequential([Input((4,)), inner, Dense(1)])
    assert model.count_params() == 37 + 3
    assert tuple(model(X).shape) == (3, 1)


def test_training_reaches_every_layer():
    model = Sequential([layers.Dropout(0.5)])
    tf.random.set_seed(1)
    assert np.array_equal(model(X).numpy(), X)
    assert (model(X, training=True).numpy() == 0).any()


def test_config_makes_the_same_model():
    model = Sequential([Input((28, 28, 1)), layers.Conv2D(2, 3), layers.Flatten(), Dense(3, "relu")], name="net")
    again = Sequential.from_config(model.get_config())
    assert again.name == "net"
    assert [(type(a), a.name) for a in again.layers] == [(type(b), b.name) for b in model.layers]
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_config_knows_layers_of_the_users_own():
    class Double(layers.Layer):
        def call(self, inputs):
            return inputs * 2.0

    config = Sequential([Double(name="twice")]).get_config()
    with pytest.raises(ValueError, match=r"class 'Double' .* is not known; decorate it with @keras.saving"):
        Sequential.from_config(config)
    again = Sequential.from_config(config, custom_objects={"Double": Double})
    assert np.array_equal(again(X).numpy(), 2 * X)


def test_get_layer():
    model = Sequential([Dense(5, name="a"), Dense(2, name="b")], name="net")
    assert model.get_layer("b") is model.get_layer(index=1)
    with pytest.raises(ValueError, match=r"model 'net' has no layer named 'c'; it has \['a', 'b'\]"):
        model.get_layer("c")
    with pytest.raises(ValueError, match="either a name or an index"):
        model.get_layer()


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        (lambda: Sequential([Dense]), TypeError, "make an instance of it, with parentheses"),
        (lambda: Sequential([X]), TypeError, "a Layer is expected"),
        (lambda: Sequential([Dense(1, name="a"), Dense(1, name="a")]), ValueError, "has a layer named 'a' already"),
        (lambda: Sequential([Dense(1), Input((2,))]), ValueError, "an Input comes first"),
        (lambda: Sequential().pop(), ValueError, "has no layers"),
        (lambda: Sequential(name="empty")(X), ValueError, "model 'empty' has no layers: add one first"),
        (lambda: Model(X, X), ValueError, "KerasTensors"),
    ],
)
def test_misuse_is_explained(do, error, message):
    with pytest.raises(error, match=message):
        do()


def test_layer_that_does_not_fit_is_named_and_not_added():
    model = Sequential([Input((4,))])
    with pytest.raises(ValueError) as caught:
        model.add(layers.Conv2D(2, 3, name="conv"))
    assert "conv" in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert model.layers == []


class OfValues(layers.Layer):
    """Reads values in its call, as only eager code can."""

    calls = 0

    def call(self, inputs):
        self.calls += 1
        scaled = inputs * float(np.mean(inputs))
        return scaled if tf.reduce_sum(scaled) > 0 else -scaled


def test_a_layer_that_reads_values_works_where_the_input_is_not_declared():
    model = Sequential([OfValues(), Dense(2)])
    assert tuple(model(X).shape) == (3, 2)
    assert model.layers[0].calls == 1
    model.add(Dense(5))
    assert model.output_shape == (None, 5)
    assert model.pop().units == 5
    assert model.output_shape == (None, 2)


def test_a_first_call_that_fails_leaves_the_model_unbuilt():
    model = Sequential([layers.Conv2D(4, 3), layers.Flatten()])
    with pytest.raises(ValueError) as raised:
        model(np.ones((7, 28, 28), np.float32))
    assert "got (7, 28, 28)" in str(raised.value)
    assert not model.built
    assert tuple(model(np.ones((7, 28, 28, 1), np.float32)).shape) == (7, 2704)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Sequential([Input((28, 28)), layers.Conv2D(4, 3, name="conv")]),
            "conv (Conv2D): expects 4 axes (batch, height, width, channels), got (None, 28, 28); "
            "add a channel axis with x[..., tf.newaxis] or a batch axis with x[tf.newaxis]",
        ),
        (
            lambda: Sequential([Input((2, 2)), layers.Reshape((5,), name="reshape")]),
            "reshape (Reshape): target_shape (5,) needs 5 values for each element of the batch, "
            "got shape (None, 2, 2) with 4",
        ),
        (lambda: Input(4), "Input: shape must be a sequence of sizes, got 4; write (4,)"),
        (
            lambda: Input(batch_shape=np.int64(4)),
            "Input: batch_shape must be a sequence of sizes, got np.int64(4); write (4,)",
        ),
        (lambda: Dense(1, input_shape=4), "Dense: input_shape must be a sequence of sizes, got 4; write (4,)"),
    ],
)
def test_shapes_in_messages_are_those_that_were_given(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message


def test_a_layer_is_noted_once():
    model = Sequential([layers.Conv2D(4, 3, name="conv")], name="net")
    with pytest.raises(ValueError) as raised:
        model.build((None, 28, 28))
    assert raised.value.__notes__ == ["in layer 'conv' (Conv2D)", "in layer 'net' (Sequential)"]


@pytest.mark.parametrize("arguments", [(Dense(2),), (Dense(2), Dense(2))])
def test_layers_are_given_as_a_list(arguments):
    with pytest.raises(
        TypeError, match=r"^Sequential: the layers are given as a list, Sequential\(\[layer, layer\]\)$"
    ):
        Sequential(*arguments)


@pytest.mark.parametrize(
    ("declared", "given"),
    [((1,), (6,)), ((28, 28, 1), (5, 28, 28)), ((28, 28), (5, 28, 28, 1)), ((4,), (5, 4, 1)), ((), (5, 1))],
)
def test_a_last_axis_of_size_one_is_added_or_taken_away_as_keras_does(declared, given):
    model = Sequential([Input(declared), layers.Activation("linear")])
    assert tuple(model(np.ones(given, np.float32)).shape) == (given[0], *declared)


def test_the_first_call_declares_the_rank_too():
    model = Sequential([Dense(2)])
    model(np.ones((5, 1), np.float32))
    assert tuple(model(np.ones(7, np.float32)).shape) == (7, 2)


@pytest.mark.parametrize(("declared", "given"), [((3,), (3,)), ((28, 28, 3), (5, 28, 28)), ((28, 28, 1), (28, 28, 1))])
def test_other_ranks_reach_the_layers_as_they_are(declared, given):
    model = Sequential([Input(declared), layers.Activation("linear")])
    assert tuple(model(np.ones(given, np.float32)).shape) == given


@pytest.mark.parametrize("given", [np.uint8, np.int64, np.float64, np.bool_])
def test_inputs_of_every_dtype_become_floats_as_in_keras(given):
    model = Sequential([layers.Conv2D(2, 3), layers.Flatten(), Dense(1)])
    assert model(np.ones((5, 4, 4, 1), given)).dtype is tf.float32
    integers = Sequential([Input((4,), dtype="int32"), layers.Activation("linear")])
    assert integers(np.ones((5, 4), given)).dtype is tf.int32
    assert Sequential.from_config(integers.get_config())(np.ones((5, 4), given)).dtype is tf.int32


def test_the_first_program_of_a_tutorial():
    tf.random.set_seed(1)
    x = np.arange(6.0)
    model = Sequential([Dense(1, input_shape=[1])])
    model.compile("sgd", "mse")
    assert model.fit(x, 2 * x - 1, epochs=2, verbose=0).history["loss"][1] < 100
    assert model.predict(x, verbose=0).shape == (6, 1)
    assert model.evaluate(x, 2 * x - 1, verbose=0) == pytest.approx(model.train_on_batch(x, 2 * x - 1), rel=1e-5)
