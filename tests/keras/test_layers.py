"""Layers: weights, shapes, configurations and messages. Values are compared with Keras's in tests/reference."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras import activations, layers
from microdl.keras.naming import reset_names


@pytest.fixture(autouse=True)
def _fresh_names():
    reset_names()


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


IMAGES = ones(2, 8, 6, 3)

# layer, input, expected shape of the output, expected shapes of the weights
SHAPES = [
    (lambda: layers.Dense(5), ones(4, 3), (4, 5), [(3, 5), (5,)]),
    (lambda: layers.Dense(5, use_bias=False), ones(4, 3), (4, 5), [(3, 5)]),
    (lambda: layers.Dense(5), ones(4, 2, 7, 3), (4, 2, 7, 5), [(3, 5), (5,)]),
    (lambda: layers.Dense(5), ones(0, 3), (0, 5), [(3, 5), (5,)]),
    (lambda: layers.Activation("relu"), ones(4, 3), (4, 3), []),
    (lambda: layers.Conv2D(5, 3), IMAGES, (2, 6, 4, 5), [(3, 3, 3, 5), (5,)]),
    (lambda: layers.Conv2D(5, (3, 2), (2, 1), "SAME"), IMAGES, (2, 4, 6, 5), [(3, 2, 3, 5), (5,)]),
    (lambda: layers.Conv2D(5, 3, dilation_rate=2, use_bias=False), IMAGES, (2, 4, 2, 5), [(3, 3, 3, 5)]),
    (lambda: layers.DepthwiseConv2D(3), IMAGES, (2, 6, 4, 3), [(3, 3, 3, 1), (3,)]),
    (lambda: layers.DepthwiseConv2D(3, 2, "same", 2), IMAGES, (2, 4, 3, 6), [(3, 3, 3, 2), (6,)]),
    (lambda: layers.MaxPooling2D(), IMAGES, (2, 4, 3, 3), []),
    (lambda: layers.MaxPool2D(3, 2, padding="Same"), IMAGES, (2, 4, 3, 3), []),
    (lambda: layers.AveragePooling2D((2, 3)), IMAGES, (2, 4, 2, 3), []),
    (lambda: layers.AvgPool2D(3, 1), IMAGES, (2, 6, 4, 3), []),
    (lambda: layers.GlobalAveragePooling2D(), IMAGES, (2, 3), []),
    (lambda: layers.GlobalAveragePooling2D(keepdims=True), IMAGES, (2, 1, 1, 3), []),
    (lambda: layers.GlobalMaxPooling2D(), IMAGES, (2, 3), []),
    (lambda: layers.Flatten(), IMAGES, (2, 144), []),
    (lambda: layers.Flatten(), ones(4), (4, 1), []),
    (lambda: layers.Flatten(), ones(0, 2, 3), (0, 6), []),
    (lambda: layers.Reshape((4, 36)), IMAGES, (2, 4, 36), []),
    (lambda: layers.Reshape((-1, 3)), IMAGES, (2, 48, 3), []),
    (lambda: layers.Reshape((-1, 3)), ones(0, 6), (0, 2, 3), []),
    (lambda: layers.Dropout(0.5), IMAGES, (2, 8, 6, 3), []),
    (lambda: layers.BatchNormalization(), IMAGES, (2, 8, 6, 3), [(3,)] * 4),
    (lambda: layers.BatchNormalization(axis=1), IMAGES, (2, 8, 6, 3), [(8,)] * 4),
    (lambda: layers.BatchNormalization(center=False, scale=False), ones(4, 3), (4, 3), [(3,)] * 2),
    (lambda: layers.ReLU(6.0), IMAGES, (2, 8, 6, 3), []),
    (lambda: layers.LeakyReLU(), IMAGES, (2, 8, 6, 3), []),
    (lambda: layers.ELU(0.5), IMAGES, (2, 8, 6, 3), []),
    (lambda: layers.Softmax(), IMAGES, (2, 8, 6, 3), []),
]


@pytest.mark.parametrize(("make", "x", "expected", "weights"), SHAPES)
def test_output_and_weights_have_the_expected_shapes(make, x, expected, weights):
    layer = make()
    y = layer(x)
    assert y.shape == expected
    assert y.dtype == tf.float32
    assert [w.shape for w in layer.weights] == weights
    assert layer.count_params() == sum(int(np.prod(shape)) for shape in weights)


@pytest.mark.parametrize(("make", "x", "expected", "weights"), SHAPES)
def test_compute_output_shape_needs_no_data(make, x, expected, weights):
    layer = make()
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *expected[1:])
    assert layer.compute_output_shape((7, *x.shape[1:])) == (7, *expected[1:])


@pytest.mark.parametrize(("make", "x", "expected", "weights"), SHAPES)
def test_a_configuration_makes_a_layer_that_computes_the_same(make, x, expected, weights):
    layer = make()
    y = layer(x).numpy()
    config = layer.get_config()
    copy = type(layer).from_config(config)
    copy.build(x.shape)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(x).numpy(), y)
    assert copy.get_config() == config


@pytest.mark.parametrize(
    ("layer", "x", "names"),
    [
        (layers.Dense(2, name="a"), ones(1, 3), ["a/kernel:0", "a/bias:0"]),
        (layers.Conv2D(2, 1, name="a"), IMAGES, ["a/kernel:0", "a/bias:0"]),
        (layers.DepthwiseConv2D(1, name="a"), IMAGES, ["a/kernel:0", "a/bias:0"]),
        (
            layers.BatchNormalization(name="a"),
            ones(1, 3),
            ["a/gamma:0", "a/beta:0", "a/moving_mean:0", "a/moving_variance:0"],
        ),
    ],
)
def test_weights_have_the_names_and_order_of_keras(layer, x, names):
    layer(x)
    assert [w.name for w in layer.weights] == names


def test_dense_is_the_product_plus_bias_through_the_activation(rng):
    x, w, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=5)
    layer = layers.Dense(5, "relu", dtype="float64")
    layer.build((None, 3))
    layer.set_weights([w, b])
    np.testing.assert_allclose(layer(x).numpy(), np.maximum(x @ w + b, 0), rtol=1e-14, atol=1e-14)


def test_dense_casts_integers_as_keras_does():
    layer = layers.Dense(1, kernel_initializer="ones")
    y = layer(np.array([[1, 2]], np.uint8))
    assert y.dtype == tf.float32
    np.testing.assert_array_equal(y.numpy(), [[3]])


def test_initializers_of_layers_are_used():
    layer = layers.Conv2D(2, 1, kernel_initializer=lambda shape, dtype: tf.ones(shape, dtype), bias_initializer="ones")
    np.testing.assert_array_equal(layer(IMAGES).numpy(), np.full((2, 8, 6, 2), 4))


@pytest.mark.parametrize("initializer", [None, "he_normal", lambda shape, dtype: tf.ones(shape, dtype)])
def test_configurations_hold_any_initializer(initializer):
    config = layers.Dense(2, kernel_initializer=initializer, activation=tf.sigmoid).get_config()
    copy = layers.Dense.from_config(config)
    assert copy.get_config() == config
    assert copy(ones(1, 3)).shape == (1, 2)


@pytest.mark.parametrize("kind", [layers.Dense, layers.BatchNormalization])
def test_integers_become_floats_where_keras_casts_them(kind):
    layer = kind(2) if kind is layers.Dense else kind()
    assert layer(ones(4, 3, dtype=np.int32)).dtype == tf.float32


def test_dropout_is_the_identity_in_inference():
    x = tf.constant(ones(3, 4))
    assert layers.Dropout(0.5)(x) is x
    assert layers.Dropout(0.0)(x, training=True) is x


def test_dropout_in_training_zeroes_about_its_rate_and_scales_the_rest():
    tf.random.set_seed(0)
    y = layers.Dropout(0.25)(ones(100, 100), training=True).numpy()
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.02


def test_dropout_of_everything_leaves_zeros():
    x = np.float32([[1, np.nan, np.inf]])
    assert np.array_equal(layers.Dropout(1.0)(x, training=True), [[0, 0, 0]])
    assert np.array_equal(layers.Dropout(1)(x), x, equal_nan=True)


def test_dropout_drops_along_an_axis_of_its_noise_shape_together():
    y = layers.Dropout(0.5, noise_shape=(None, 1))(ones(50, 4), training=True).numpy()
    assert np.all(y == y[:, :1])
    assert 0 < (y[:, 0] == 0).sum() < 50


def test_batch_normalization_trains_with_the_statistics_of_the_batch(rng):
    x = rng.normal(3.0, 2.0, size=(6, 5, 4, 3)).astype(np.float32)
    layer = layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    y = layer(x, training=True).numpy()
    mean, variance = x.mean((0, 1, 2), dtype=np.float64), x.var((0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * variance, rtol=1e-5)


def test_batch_normalization_changes_no_state_in_inference(rng):
    x = rng.normal(3.0, 2.0, size=(6, 3)).astype(np.float32)
    layer = layers.BatchNormalization()
    np.testing.assert_allclose(layer(x).numpy(), x / np.sqrt(1 + 1e-3), rtol=1e-6)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), [0, 0, 0])
    np.testing.assert_array_equal(layer.moving_variance.numpy(), [1, 1, 1])


def test_a_frozen_batch_normalization_infers_even_in_training(rng):
    x = rng.normal(3.0, 2.0, size=(6, 3)).astype(np.float32)
    layer = layers.BatchNormalization(trainable=False)
    np.testing.assert_allclose(layer(x, training=True).numpy(), x / np.sqrt(1 + 1e-3), rtol=1e-6)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), [0, 0, 0])


def test_batch_normalization_along_another_axis_is_that_of_the_transposed_input(rng):
    x = rng.normal(size=(4, 5, 3)).astype(np.float32)
    other, last = layers.BatchNormalization(axis=1), layers.BatchNormalization()
    expected = last(x.transpose(0, 2, 1), training=True).numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(other(x, training=True).numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(other.moving_mean.numpy(), last.moving_mean.numpy(), rtol=1e-5, atol=1e-7)


def test_batch_normalization_moving_statistics_get_no_gradient():
    layer = layers.BatchNormalization()
    with tf.GradientTape() as tape:
        y = layer(ones(4, 3), training=True)
    assert [v.name.split("/")[1] for v in layer.trainable_weights] == ["gamma:0", "beta:0"]
    gamma, beta = tape.gradient(y, layer.trainable_weights)
    np.testing.assert_array_equal(beta.numpy(), [4, 4, 4])
    np.testing.assert_allclose(gamma.numpy(), [0, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.ReLU(), [0, 0, 0, 0.5, 2, 8]),
        (layers.ReLU(max_value=6), [0, 0, 0, 0.5, 2, 6]),
        (layers.ReLU(negative_slope=0.5), [-4, -1, 0, 0.5, 2, 8]),
        (layers.ReLU(threshold=1.0), [0, 0, 0, 0, 2, 8]),
        (layers.ReLU(6.0, 0.5, 1.0), [-4.5, -1.5, -0.5, -0.25, 2, 6]),
        (layers.LeakyReLU(0.25), [-2, -0.5, 0, 0.5, 2, 8]),
        (layers.LeakyReLU(alpha=0.25), [-2, -0.5, 0, 0.5, 2, 8]),
        (layers.LeakyReLU(), [-2.4, -0.6, 0, 0.5, 2, 8]),
        (layers.ELU(2.0), [2 * np.expm1(-8), 2 * np.expm1(-2), 0, 0.5, 2, 8]),
        (layers.Activation(lambda x: x + 1.0), [-7, -1, 1, 1.5, 3, 9]),
    ],
)
def test_activation_layers_follow_their_formula(layer, expected):
    y = layer([-8.0, -2.0, 0.0, 0.5, 2.0, 8.0]).numpy()
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-7)


def test_softmax_sums_to_one_along_its_axis():
    y = layers.Softmax(axis=1)(np.arange(12.0).reshape(2, 3, 2)).numpy()
    np.testing.assert_allclose(y.sum(axis=1), np.ones((2, 2)), rtol=1e-6)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "hard_silu": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "exponential": np.exp,
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name_follow_their_formula(name):
    x = np.array([[-7.5, -2.0, -0.25, 0.0], [0.5, 1.0, 3.5, 7.0]])
    y = activations.get(name)(tf.constant(x, tf.float64)).numpy()
    np.testing.assert_allclose(y, ACTIVATIONS[name](x), rtol=1e-12, atol=1e-12)


def test_activations_get_takes_functions_and_none():
    assert activations.get(None) is activations.linear
    assert activations.get(np.tanh) is np.tanh
    assert activations.serialize(activations.get("swish")) == "silu"


def test_activations_get_names_the_closest():
    with pytest.raises(ValueError, match=r"^unknown activation 'rleu'; did you mean 'relu'\? there are: celu, elu"):
        activations.get("rleu")
    with pytest.raises(TypeError, match=r"^an activation is a name, a function or None, got 3$"):
        activations.get(3)


def test_input_says_the_shape_of_a_batch():
    assert layers.Input((28, 28, 1)).shape == (None, 28, 28, 1)
    assert layers.Input(shape=(3,), batch_size=5).shape == (5, 3)
    layer = layers.InputLayer(batch_shape=(None, 3))
    assert layers.InputLayer.from_config(layer.get_config()).batch_input_shape == (None, 3)
    with pytest.raises(ValueError, match="give either shape"):
        layers.Input()


REFUSED_ARGUMENTS = [
    (lambda: layers.Dense(0), "dense (Dense): units must be an integer > 0, got 0"),
    (lambda: layers.Dense(2.5), "dense (Dense): units must be an integer > 0, got 2.5"),
    (
        lambda: layers.Conv2D(4, (3, 3, 3)),
        "conv2d (Conv2D): kernel_size must be an integer > 0 or two of them (height, width), got (3, 3, 3)",
    ),
    (lambda: layers.Conv2D(4, (3, 0)), "conv2d (Conv2D): kernel_size must be an integer > 0, got 0"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), "conv2d (Conv2D): padding must be 'valid' or 'same', got 'causal'"),
    (
        lambda: layers.Conv2D(5, 3, groups=2),
        "conv2d (Conv2D): groups=2 does not divide filters=5",
    ),
    (
        lambda: layers.MaxPooling2D(data_format="channels_first"),
        "max_pooling2d (MaxPooling2D): data_format must be 'channels_last', got 'channels_first'; "
        "bring (batch, channels, height, width) into that order with tf.transpose(x, [0, 2, 3, 1])",
    ),
    (
        lambda: layers.Reshape((-1, -1)),
        "reshape (Reshape): target_shape must hold sizes >= 0 and at most one -1, got (-1, -1)",
    ),
    (lambda: layers.Dropout(1.5), "dropout (Dropout): rate is the share of values dropped, in [0, 1], got 1.5"),
    (
        lambda: layers.BatchNormalization(momentum=1.5),
        "batch_normalization (BatchNormalization): momentum must be in [0, 1], got 1.5",
    ),
    (lambda: layers.ReLU(negative_slope=-1.0), "re_lu (ReLU): negative_slope must be >= 0, got -1.0"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED_ARGUMENTS)
def test_arguments_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ValueError) as error:
        make()
    assert str(error.value) == message


REFUSED_INPUTS = [
    (lambda: layers.Flatten(), None, 3.0, "flatten (Flatten): expects a batch axis, got a scalar of shape ()"),
    (
        lambda: layers.Dense(10),
        ones(64, 128),
        ones(64, 100),
        "dense (Dense): built for inputs with 128 features (last axis), got shape (64, 100)",
    ),
    (
        lambda: layers.Dense(10),
        None,
        ones(5),
        "dense (Dense): expects at least 2 axes (batch, features), got (5,); "
        "samples of one feature need x[:, tf.newaxis], a single sample x[tf.newaxis]",
    ),
    (
        lambda: layers.Conv2D(4, 3),
        None,
        ones(64, 28, 28),
        "conv2d (Conv2D): expects 4 axes (batch, height, width, channels), got (64, 28, 28); "
        "add a channel axis with x[..., tf.newaxis] or a batch axis with x[tf.newaxis]",
    ),
    (
        lambda: layers.MaxPooling2D(),
        None,
        ones(64, 784),
        "max_pooling2d (MaxPooling2D): expects 4 axes (batch, height, width, channels), got (64, 784); "
        "if the rows are flattened images, put Reshape((height, width, channels)) before this layer",
    ),
    (
        lambda: layers.Conv2D(4, 3),
        IMAGES,
        ones(2, 8, 6, 1),
        "conv2d (Conv2D): built for inputs with 3 channels (last axis), got shape (2, 8, 6, 1)",
    ),
    (
        lambda: layers.Reshape((5, -1)),
        None,
        ones(2, 7),
        "reshape (Reshape): target_shape (5, -1) needs a multiple of 5 values for each element of the batch, "
        "got shape (2, 7) with 7",
    ),
    (
        lambda: layers.BatchNormalization(axis=3),
        None,
        ones(2, 7),
        "batch_normalization (BatchNormalization): axis 3 is out of range for inputs of shape (2, 7)",
    ),
    (
        lambda: layers.BatchNormalization(),
        ones(2, 7),
        ones(2, 6),
        "batch_normalization (BatchNormalization): built for inputs with 7 channels (axis -1), got shape (2, 6)",
    ),
]


@pytest.mark.parametrize(("make", "first", "x", "message"), REFUSED_INPUTS)
def test_inputs_that_do_not_fit_are_refused_with_a_way_out(make, first, x, message):
    layer = make()
    if first is not None:
        layer(first)
    with pytest.raises(ValueError) as error:
        layer(x)
    assert str(error.value) == message
    assert error.value.__notes__ == [f"in layer {layer.name!r} ({type(layer).__name__})"]


@pytest.mark.parametrize("make", [lambda: layers.Conv2D(4, 3), layers.MaxPooling2D, lambda: layers.AveragePooling2D(2)])
def test_images_of_bytes_are_refused_with_the_usual_scaling(make):
    layer = make()
    with pytest.raises(TypeError) as error:
        layer(ones(2, 8, 6, 1, dtype=np.uint8))
    expected = "expects floating inputs, got uint8, shape (2, 8, 6, 1); use tf.cast(x, tf.float32) / 255"
    assert str(error.value) == f"{layer.name} ({type(layer).__name__}): {expected}"


@pytest.mark.parametrize(
    "make", [lambda: layers.Dense(3), layers.Flatten, layers.BatchNormalization, layers.MaxPooling2D]
)
@pytest.mark.parametrize("built", [False, True])
def test_several_inputs_are_refused_by_layers_that_take_one(make, built):
    layer = make()
    if built:
        layer(IMAGES)
    expected = "expects one tensor, got a list of 2; take one of them, or join them with tf.concat"
    with pytest.raises(TypeError) as error:
        layer([IMAGES, IMAGES])
    assert str(error.value) == f"{layer.name} ({type(layer).__name__}): {expected}"


def test_a_layer_that_could_not_be_built_can_be_used_afterwards():
    layer = layers.Conv2D(4, 3)
    with pytest.raises(ValueError, match="expects 4 axes"):
        layer(ones(64, 28, 28))
    assert layer(ones(1, 28, 28, 1)).shape == (1, 26, 26, 4)


def test_weights_need_a_known_last_axis():
    with pytest.raises(ValueError, match=r"^dense \(Dense\): the number of features \(last axis\) must be known"):
        layers.Dense(3).build((None, None))


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_relu_takes_integers_as_in_keras(dtype):
    x = np.array([-5, 0, 3], dtype)
    for layer in (layers.ReLU(), layers.Activation("relu")):
        y = layer(x).numpy()
        assert (y.dtype, y.tolist()) == (dtype, [0, 0, 3])
