"""Layer: building, weights and where they are found, training, errors."""

import copy
import threading
from typing import NamedTuple

import numpy as np
import pytest

import microdl as tf
from microdl.keras.layers.base import Layer
from microdl.keras.naming import reset_names, snake_case


@pytest.fixture(autouse=True)
def _fresh_names():
    reset_names()


class Scale(Layer):
    """x * factor: a weight that starts as ones, and a count that is not trained."""

    def build(self, input_shape):
        self.shape_at_build = input_shape
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
        self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, inputs):
        return inputs * self.factor


class Mode(Layer):
    """Remembers the value of ``training`` that it was given."""

    seen = "never called"

    def call(self, inputs, training=None):
        self.seen = training
        return inputs


class Chain(Layer):
    def __init__(self, *layers, **kwargs):
        super().__init__(**kwargs)
        self.parts = []
        self.parts.extend(layers)

    def call(self, inputs):
        for layer in self.parts:
            inputs = layer(inputs)
        return inputs


def names(variables):
    return [v.name for v in variables]


def note_of(error):
    return error.value.__notes__


def test_names_are_the_class_in_snake_case_and_numbered():
    assert [Scale().name, Scale().name, Chain().name, Scale(name="mine").name] == ["scale", "scale_1", "chain", "mine"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Conv2D", "conv2d"),
        ("MaxPooling2D", "max_pooling2d"),
        ("BatchNormalization", "batch_normalization"),
        ("ReLU", "re_lu"),
        ("LeakyReLU", "leaky_re_lu"),
        ("DepthwiseConv2D", "depthwise_conv2d"),
    ],
)
def test_snake_case_is_that_of_keras(name, expected):
    assert snake_case(name) == expected


def test_a_name_must_be_a_string():
    with pytest.raises(TypeError, match=r"^Scale: name must be a str, got 3$"):
        Scale(name=3)


def test_reset_names_counts_from_the_start():
    Scale()
    reset_names()
    assert Scale().name == "scale"


def test_builds_once_at_the_first_call_with_the_shape_of_the_input():
    layer = Scale()
    assert not layer.built
    assert layer.weights == []
    layer(np.ones((4, 3), np.float32))
    assert layer.built
    assert isinstance(layer.shape_at_build, tf.TensorShape)
    assert layer.shape_at_build == [4, 3]
    weights = layer.weights
    layer(np.ones((2, 3), np.float32))
    layer.build((2, 3))
    assert [a is b for a, b in zip(weights, layer.weights, strict=True)] == [True, True]


def test_build_by_hand_marks_the_layer_as_built_and_takes_unknown_sizes():
    layer = Scale()
    layer.build([None, 3])
    assert layer.built
    assert layer.shape_at_build.as_list() == [None, 3]


def test_build_of_a_subclass_may_call_that_of_its_base():
    class Shifted(Scale):
        def build(self, input_shape):
            self.built = True
            super().build(input_shape)
            self.shift = self.add_weight((input_shape[-1],), "zeros", name="shift")

    layer = Shifted()
    layer.build((1, 2))
    assert names(layer.weights) == ["shifted/factor:0", "shifted/count:0", "shifted/shift:0"]


def test_a_failed_build_leaves_no_weights_behind():
    class Fails(Layer):
        broken = True

        def build(self, input_shape):
            self.add_weight((2,), "ones", name="a")
            if self.broken:
                raise ValueError("no")

        def call(self, inputs):
            return inputs

    layer = Fails()
    with pytest.raises(ValueError, match="no"):
        layer([[1.0, 2.0]])
    assert not layer.built
    layer.broken = False
    layer([[1.0, 2.0]])
    assert len(layer.weights) == 1


def test_add_weight_takes_the_name_first_as_tensorflow_2_does():
    layer = Chain(name="lab")
    w = layer.add_weight("weight", shape=[2, 3])
    b = layer.add_weight("bias", [1, 3], tf.float64, "zeros", trainable=False)
    assert names(layer.weights) == ["lab/weight:0", "lab/bias:0"]
    assert (w.shape, w.dtype, w.trainable) == ((2, 3), tf.float32, True)
    assert (b.shape, b.dtype, b.trainable) == ((1, 3), tf.float64, False)


def test_add_weight_takes_the_shape_first_as_keras_3_does():
    layer = Chain(name="lab")
    w = layer.add_weight((2, 3), "ones", "float64", name="kernel")
    n = layer.add_weight(shape=(), dtype="int32", name="n")
    np.testing.assert_array_equal(w.numpy(), np.ones((2, 3)))
    assert w.dtype == tf.float64
    assert (n.numpy(), n.dtype, n.shape) == (0, tf.int32, ())


def test_add_weight_without_an_initializer_is_glorot_uniform_for_biases_too():
    bias = Chain().add_weight("bias", shape=[1, 50]).numpy()
    limit = np.sqrt(6 / 51)
    assert np.all(np.abs(bias) <= limit)
    assert np.abs(bias).max() > limit / 2


def test_add_weight_takes_a_regularizer_and_a_constraint():
    w = Chain().add_weight((2,), name="w", regularizer="l2", constraint="non_neg")
    assert (type(w.regularizer).__name__, type(w.constraint).__name__) == ("L2", "NonNeg")


def test_add_weight_refuses_a_size_that_is_not_known():
    with pytest.raises(ValueError, match=r"^chain \(Chain\): weight 'w' needs a shape of known sizes, got \(None, 3\)"):
        Chain().add_weight("w", [None, 3])


def test_add_weight_takes_three_arguments_by_position():
    with pytest.raises(TypeError, match=r"^add_weight takes 3 positional arguments"):
        Chain().add_weight((2,), "ones", "float32", True)


def test_add_weight_refuses_an_argument_given_twice():
    with pytest.raises(TypeError, match="add_weight got shape twice"):
        Chain().add_weight((2,), shape=(3,))


def test_weights_are_found_in_attributes_lists_and_dicts_each_once():
    class Holder(Layer):
        def __init__(self):
            super().__init__()
            self.inner = Scale(name="inner")
            self.alpha = tf.Variable(1.0, name="alpha")
            self.table = {"one": [Scale(name="one")], "two": (Scale(name="two"), self.inner)}
            self.me = self

        def call(self, inputs):
            self.table["one"][0](inputs), self.table["two"][0](inputs)
            return self.inner(inputs)

    layer = Holder()
    layer([[1.0]])
    expected = [
        "alpha:0",
        "inner/factor:0",
        "inner/count:0",
        "one/factor:0",
        "one/count:0",
        "two/factor:0",
        "two/count:0",
    ]
    assert names(layer.weights) == expected
    assert names(layer.trainable_weights) == ["alpha:0", "inner/factor:0", "one/factor:0", "two/factor:0"]
    assert names(layer.non_trainable_weights) == ["inner/count:0", "one/count:0", "two/count:0"]
    assert names(layer.variables) == expected
    assert names(layer.trainable_variables) == names(layer.trainable_weights)
    assert layer.count_params() == 7


def test_layers_appended_to_a_list_later_are_found():
    layer = Chain()
    layer.parts.append(Scale())
    layer([[1.0, 2.0]])
    assert len(layer.weights) == 2


def test_trainable_freezes_and_thaws_nested_layers():
    layer = Chain(Scale(), Scale())
    layer([[1.0]])
    layer.trainable = False
    assert layer.trainable_weights == []
    assert [part.trainable for part in layer.parts] == [False, False]
    assert not any(v.trainable for v in layer.weights)
    assert len(layer.non_trainable_weights) == 4
    layer.trainable = True
    assert names(layer.trainable_weights) == ["scale/factor:0", "scale_1/factor:0"]


def test_a_layer_frozen_before_it_is_built_makes_frozen_weights():
    inner = Scale()
    inner.trainable = False
    layer = Chain(inner, Scale())
    layer([[1.0]])
    assert names(layer.trainable_weights) == ["scale_1/factor:0"]
    inner.trainable = True
    assert names(layer.trainable_weights) == ["scale/factor:0", "scale_1/factor:0"]


def test_get_and_set_weights():
    layer = Chain(Scale())
    layer([[1.0, 2.0]])
    layer.set_weights([[3.0, 4.0], 7])
    np.testing.assert_array_equal(layer([[1.0, 2.0]]).numpy(), [[3.0, 8.0]])
    factor, count = layer.get_weights()
    np.testing.assert_array_equal(factor, np.array([3, 4], np.float32))
    assert (count, factor.dtype) == (7, np.float32)


def test_set_weights_says_how_many_are_needed_and_which_does_not_fit():
    layer = Scale()
    with pytest.raises(
        ValueError, match=r"^set_weights: scale \(Scale\) has 0 weights, got 1 arrays; it is not built yet"
    ):
        layer.set_weights([np.ones(2)])
    layer.build((None, 2))
    with pytest.raises(ValueError, match=r"^set_weights: scale \(Scale\) has 2 weights, got 1 arrays$"):
        layer.set_weights([np.ones(2)])
    message = r"^set_weights: weight 1 of scale \(Scale\), scale/count:0, has shape \(\), got \(3,\)$"
    with pytest.raises(ValueError, match=message):
        layer.set_weights([np.full(2, 9.0), np.ones(3)])
    np.testing.assert_array_equal(layer.factor.numpy(), [1, 1])


def test_count_params_needs_a_built_layer():
    with pytest.raises(ValueError, match=r"scale \(Scale\) has no weights yet"):
        Scale().count_params()


@pytest.mark.parametrize(
    "given", [np.ones((1, 2)), [[1.0, 2.0]], tf.constant([[1.0, 2.0]], tf.float64), tf.Variable([[1.0, 2.0]])]
)
def test_floating_inputs_are_cast_to_the_dtype_of_the_layer(given):
    assert Mode()(given).dtype == tf.float32
    assert Mode(dtype="float64")(given).dtype == tf.float64


def test_integer_inputs_are_not_cast():
    assert Mode()(np.ones((1, 2), np.uint8)).dtype == tf.uint8
    assert Mode()([[1, 2]]).dtype == tf.int32


def test_lists_and_dicts_of_tensors_keep_their_form():
    class Add(Layer):
        def build(self, input_shape):
            self.shapes = input_shape

        def call(self, inputs):
            return inputs["a"] + inputs["b"][0] + inputs["b"][1]

    layer = Add()
    y = layer({"a": np.ones((2,)), "b": [tf.ones((2,)), np.ones((2,))]})
    np.testing.assert_array_equal(y.numpy(), [3, 3])
    assert layer.shapes == {"a": (2,), "b": [(2,), (2,)]}


def test_named_tuples_of_tensors_stay_named():
    class Pair(NamedTuple):
        left: object
        right: object

    class Difference(Layer):
        def call(self, inputs):
            return inputs.left - inputs.right

    layer = Difference()
    np.testing.assert_array_equal(layer(Pair(np.ones(2), tf.zeros(2))).numpy(), [1, 1])
    assert layer.compute_output_shape(Pair((None, 2), (None, 2))) == (None, 2)


def test_further_arguments_reach_call_as_they_are():
    class Pick(Layer):
        def call(self, inputs, first=False, scale=1.0):
            return inputs[0] if first else inputs * scale

    layer, x = Pick(), tf.constant([1.0, 2.0])
    assert layer(x, True).numpy() == 1
    np.testing.assert_array_equal(layer(x, scale=3.0).numpy(), [3, 6])
    np.testing.assert_array_equal(layer(inputs=x).numpy(), [1, 2])


@pytest.mark.parametrize(("given", "expected"), [({}, None), ({"training": True}, True), ({"training": False}, False)])
def test_training_reaches_nested_layers_through_those_that_do_not_take_it(given, expected):
    inner = Mode()
    Chain(Chain(inner))([1.0], **given)
    assert inner.seen is expected


def test_training_given_to_a_nested_layer_wins():
    class Fixed(Layer):
        def __init__(self):
            super().__init__()
            self.inner, self.other = Mode(), Mode()

        def call(self, inputs, training=False):
            self.own = training
            return self.other(self.inner(inputs, training=False))

    layer = Fixed()
    layer([1.0], True)
    assert (layer.own, layer.inner.seen, layer.other.seen) == (True, False, True)
    layer([1.0])
    assert (layer.own, layer.inner.seen, layer.other.seen) == (False, False, False)


def test_training_takes_the_default_of_call_where_nobody_says_otherwise():
    class Eager(Mode):
        def call(self, inputs, *, training=True):
            self.seen = training
            return inputs

    layer = Eager()
    layer([1.0])
    assert layer.seen is True
    Chain(layer)([1.0], training=False)
    assert layer.seen is False


def test_training_is_forgotten_after_an_error_and_known_to_its_thread_alone():
    class Fails(Layer):
        def call(self, inputs):
            raise ValueError("no")

    inner = Mode()
    with pytest.raises(ValueError, match="no"):
        Fails()([1.0], training=True)
    inner([1.0])
    assert inner.seen is None

    class Spawns(Layer):
        def call(self, inputs):
            thread = threading.Thread(target=inner, args=(inputs,))
            thread.start()
            thread.join()
            return inputs

    Spawns()([1.0], training=True)
    assert inner.seen is None


def test_an_error_in_call_keeps_its_type_and_names_the_layers():
    class Fails(Layer):
        def call(self, inputs):
            raise KeyError("k")

    with pytest.raises(KeyError) as error:
        Chain(Fails(name="inner"), name="outer")([1.0])
    assert note_of(error) == ["in layer 'inner' (Fails)", "in layer 'outer' (Chain)"]


def test_a_forgotten_super_init_is_said_so():
    class Forgets(Layer):
        def __init__(self):
            self.units = 3

        def call(self, inputs):
            return inputs

    for use in (lambda layer: layer([1.0]), lambda layer: layer.weights, lambda layer: layer.add_weight("w", [1])):
        with pytest.raises(RuntimeError, match=r"in layer 'Forgets' you forgot to call super\(\)\.__init__\(\)"):
            use(Forgets())


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'Scale' object has no attribute 'kernel'"):
        _ = Scale().kernel


def test_an_error_inside_a_property_is_reported_as_it_is():
    class Broken(Layer):
        @property
        def size(self):
            return self.width * 2

    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'width'"):
        _ = Broken().size


def test_none_as_input_asks_for_a_forgotten_return():
    with pytest.raises(
        TypeError, match=r"^scale \(Scale\): expects tensors or arrays, got None; does what came before"
    ):
        Scale()(None)


def test_a_layer_as_input_is_to_be_called_first():
    with pytest.raises(TypeError, match=r"got the layer 'scale_1': call that first"):
        Scale()(Scale())


def test_a_deep_copy_has_weights_of_its_own():
    layer = Scale()
    layer.build((None, 2))
    held = layer.factor.read()
    other = copy.deepcopy(layer)
    other.factor.assign([3.0, 4.0])
    np.testing.assert_array_equal(layer.factor.numpy(), [1, 1])
    np.testing.assert_array_equal(held.numpy(), [1, 1])
    np.testing.assert_array_equal(other([[1.0, 1.0]]).numpy(), [[3, 4]])


def test_unknown_arguments_are_named_with_what_was_probably_meant():
    with pytest.raises(
        TypeError,
        match=r"^Scale: unknown arguments 'nam' \(did you mean 'name'\?\), 'unit'; it takes activity_regularizer, d",
    ):
        Scale(nam="x", unit=3)


def test_regularizers_are_arguments_of_layers_with_such_weights_only():
    assert Scale(activity_regularizer="l2").activity_regularizer.l2 == 0.01
    with pytest.raises(TypeError, match=r"^Scale: unknown argument 'kernel_regularizer'"):
        Scale(kernel_regularizer="l2")


def test_input_shape_is_kept_for_sequential():
    assert Scale(input_shape=[28, 28]).batch_input_shape == (None, 28, 28)
    assert Scale(input_dim=784).batch_input_shape == (None, 784)
    assert Scale().batch_input_shape is None


def test_config_makes_the_same_layer_again():
    layer = Scale(trainable=False, dtype="float64", name="s")
    config = layer.get_config()
    assert config == {"name": "s", "trainable": False, "dtype": "float64"}
    assert Scale.from_config(config).get_config() == config


def test_repr_says_class_name_and_whether_it_is_built():
    assert repr(Scale()) == "<Scale name=scale, built=False>"


def test_a_layer_without_call_says_so():
    with pytest.raises(NotImplementedError, match="has no call method"):
        Layer()([1.0])


def test_a_call_without_inputs_is_refused():
    with pytest.raises(TypeError, match=r"mode \(Mode\) was called without inputs"):
        Mode()()


def test_gradients_reach_weights_made_inside_the_tape():
    layer = Scale()
    with tf.GradientTape() as tape:
        y = layer([[2.0, 3.0]])
    np.testing.assert_array_equal(tape.gradient(y, layer.trainable_weights)[0].numpy(), [2, 3])


def test_the_dense_layer_of_the_lab_gives_tensorflows_numbers():
    class OurDenseLayer(Layer):
        def __init__(self, n_output_nodes):
            super().__init__()
            self.n_output_nodes = n_output_nodes

        def build(self, input_shape):
            self.W = self.add_weight("weight", shape=[int(input_shape[-1]), self.n_output_nodes])
            self.b = self.add_weight("bias", shape=[1, self.n_output_nodes])

        def call(self, x):
            return tf.sigmoid(tf.matmul(x, self.W) + self.b)

    tf.random.set_seed(1)
    layer = OurDenseLayer(3)
    layer.build((1, 2))
    x_input = tf.constant([[1, 2.0]], shape=(1, 2))
    expected = [[0.2697859, 0.45750418, 0.66536945]]
    for y in (layer.call(x_input), layer(x_input)):
        np.testing.assert_allclose(y.numpy(), expected, rtol=3e-7)
