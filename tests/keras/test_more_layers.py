"""Embedding, merging, convolutions, borders, preprocessing...: what Keras's frozen values do not show."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers

X = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32)
IMAGE = np.random.default_rng(1).normal(size=(2, 6, 5, 4)).astype(np.float32)


def test_embedding_starts_with_given_vectors():
    vectors = np.arange(6.0).reshape(3, 2)
    layer = layers.Embedding(3, 2, weights=[vectors], input_length=2)
    assert np.array_equal(layer([[2, 0]]), vectors[[[2, 0]]])
    assert layer.batch_input_shape == (None, 2)


def test_embedding_refuses_numbers_that_it_does_not_have():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"= 3 is not in \[0, 3\)") as caught:
        layers.Embedding(3, 2, name="words")([[0, 3]])
    assert "in layer 'words' (Embedding)" in caught.value.__notes__


def test_embedding_in_a_model_takes_what_sequential_casts():
    model = tf.keras.Sequential([layers.Embedding(5, 3), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    words = np.array([[1, 2], [0, 4]])
    loss = model.fit(words, np.ones((2, 1)), epochs=20, verbose=0).history["loss"]
    assert loss[-1] < loss[0]


def test_merging_functions_are_layers_called_at_once():
    a, b = X, X[::-1].copy()
    assert np.allclose(layers.add([a, b]), a + b)
    assert np.allclose(layers.subtract([a, b]), a - b)
    assert np.allclose(layers.multiply([a, b]), a * b)
    assert np.allclose(layers.average([a, b]), (a + b) / 2)
    assert np.allclose(layers.maximum([a, b]), np.maximum(a, b))
    assert np.allclose(layers.minimum([a, b]), np.minimum(a, b))
    assert np.allclose(layers.concatenate([a, b], axis=1), np.concatenate([a, b], axis=1))
    assert np.allclose(layers.dot([a, b], axes=2), np.einsum("nik,njk->nij", a, b), atol=1e-5)


def test_lambda_gives_its_function_what_it_asks_for():
    def scaled(x, factor, training=None):
        return x * factor if training else x

    layer = layers.Lambda(scaled, arguments={"factor": 3.0})
    assert np.array_equal(layer(X), X)
    assert np.allclose(layer(X, training=True), 3 * X)
    assert layer.compute_output_shape((None, 6, 4)) == (None, 6, 4)


@pytest.mark.parametrize("axis", [-1, 1, None, (1, 2)])
def test_normalization_adapts_to_arrays_and_batches(axis):
    data = np.random.default_rng(0).normal(3.0, 2.0, size=(60, 4, 3)).astype(np.float32)
    kept = () if axis is None else (axis,) if isinstance(axis, int) else axis
    along = tuple(i for i in range(3) if i not in {k % 3 for k in kept})
    expected = (data - data.mean(along, keepdims=True)) / data.std(along, keepdims=True)
    whole, batches = layers.Normalization(axis=axis), layers.Normalization(axis=axis)
    whole.adapt(data)
    batches.adapt(data[i : i + 25] for i in range(0, 60, 25))
    assert np.allclose(whole(data), expected, atol=1e-4)
    assert np.allclose(batches(data), expected, atol=1e-4)
    assert whole.trainable_weights == []


def test_normalization_before_adapt_changes_nothing():
    assert np.array_equal(layers.Normalization()(X), X)


def test_a_transposed_convolution_is_the_gradient_of_a_convolution():
    layer = layers.Conv2DTranspose(3, (3, 2), strides=2, use_bias=False)
    y = layer(IMAGE)
    with tf.GradientTape() as tape:
        x = tf.zeros(y.shape)
        tape.watch(x)
        out = tf.nn.conv2d(x, layer.kernel, 2, "VALID")
    assert np.allclose(tape.gradient(out, x, output_gradients=tf.constant(IMAGE)), y, atol=1e-5)


def test_conv2d_transpose_as_a_function():
    w = np.ones((2, 2, 3, 4), np.float32)
    assert tf.nn.conv2d_transpose(IMAGE, w, (2, 12, 10, 3), 2, "SAME").shape == (2, 12, 10, 3)
    with pytest.raises(ValueError, match="conv2d_transpose: of output_shape"):
        tf.nn.conv2d_transpose(IMAGE, w, (2, 15, 10, 3), 2, "SAME")
    with pytest.raises(ValueError, match="do not fit output_shape"):
        tf.nn.conv2d_transpose(IMAGE, w, (2, 12, 10, 5), 2, "SAME")


def test_what_is_not_here_yet_says_so():
    with pytest.raises(AttributeError, match="'Conv3D' is not in microdl yet"):
        layers.Conv3D  # noqa: B018


def named(kind, *args, **options):
    return getattr(layers, kind)(*args, name="n", **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: named("Embedding", 0, 2), r"^n \(Embedding\): input_dim must be an integer > 0, got 0"),
        (lambda: named("Add")(X), r"^n \(Add\): expects a list of tensors"),
        (lambda: named("Subtract")([X, X, X]), r"^n \(Subtract\): expects a list of 2 tensors, got 3"),
        (lambda: named("Concatenate")([X, X[:, :2]]), r"^n \(Concatenate\): shapes must agree in all axes but -1, got"),
        (lambda: named("Dot", axes=(1, 2))([X, X]), r"^n \(Dot\): the inputs must agree along axes \(1, 2\)"),
        (
            lambda: named("Conv1D", 2, 3)(IMAGE),
            r"^n \(Conv1D\): expects 3 axes \(batch, steps, features\), got \(2, 6, 5, 4\)",
        ),
        (lambda: named("Conv2D", 4, 3, groups=3), r"^n \(Conv2D\): groups=3 does not divide filters=4"),
        (lambda: named("Conv2D", 6, 3, groups=3)(IMAGE), r"^n \(Conv2D\): groups=3 does not divide the 4 channels"),
        (
            lambda: named("Conv2D", 4, 3, padding="causal"),
            r"^n \(Conv2D\): padding must be 'valid' or 'same', got 'causal'",
        ),
        (
            lambda: named("Conv2DTranspose", 4, 3, strides=2, output_padding=2),
            r"^n \(Conv2DTranspose\): output_padding must be >= 0 and below the strides, \(2, 2\), got 2",
        ),
        (
            lambda: named("Conv2DTranspose", 4, 3, strides=2, dilation_rate=2),
            r"^n \(Conv2DTranspose\): either strides or dilation_rate must be 1",
        ),
        (
            lambda: named("ZeroPadding2D", (1, 2, 3)),
            r"^n \(ZeroPadding2D\): padding must be an integer >= 0, 2 of them",
        ),
        (
            lambda: named("ZeroPadding1D", -1),
            r"^n \(ZeroPadding1D\): padding must be an integer >= 0, or a pair, got -1",
        ),
        (lambda: named("Cropping1D", 3)(X), r"^n \(Cropping1D\): cropping \(3, 3\) leaves nothing of inputs of shape"),
        (
            lambda: named("UpSampling2D", interpolation="cubic"),
            r"^n \(UpSampling2D\): interpolation must be one of 'nearest'",
        ),
        (
            lambda: named("Permute", (0, 1)),
            r"^n \(Permute\): dims must hold each of 1 to 2 once \(0 is the batch axis\)",
        ),
        (lambda: named("Permute", (2, 1))(IMAGE), r"^n \(Permute\): dims=\(2, 1\) need inputs of 3 axes"),
        (
            lambda: named("RepeatVector", 3)(X),
            r"^n \(RepeatVector\): expects 2 axes \(batch, features\), got \(2, 6, 4\)",
        ),
        (
            lambda: named("GroupNormalization", 3)(X),
            r"^n \(GroupNormalization\): groups=3 does not divide .* channels, 4",
        ),
        (lambda: named("LayerNormalization", axis=3)(X), r"^n \(LayerNormalization\): axis 3 is out of range"),
        (lambda: named("EinsumDense", "abc,cd->abd", 5)(X), r"^n \(EinsumDense\): 'abc,cd->abd' has 2 named axes"),
        (
            lambda: named("EinsumDense", "abc", (None, 5))(X),
            r"^EinsumDense: expected an equation like 'ab,bc->ac', got 'abc'",
        ),
        (lambda: named("Attention")(X), r"^n \(Attention\): expects a list \[query, value\]"),
        (lambda: named("MultiHeadAttention", 2, 3)(X[0], X[0]), r"^n \(MultiHeadAttention\): expects query of 3 axes"),
        (lambda: named("Normalization", mean=1.0), r"^n \(Normalization\): give both mean and variance"),
        (
            lambda: named("CategoryEncoding", 4, "words"),
            r"^n \(CategoryEncoding\): output_mode must be one of 'multi_hot'",
        ),
        (lambda: named("Flatten", "first"), r"^n \(Flatten\): data_format must be 'channels_last' or 'channels_first'"),
        (lambda: named("GlobalMaxPooling1D")(IMAGE), r"^n \(GlobalMaxPooling1D\): expects 3 axes"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_transformer_block_trains():
    """All at once: embedding, attention, normalization, merging, in a subclassed model."""

    class Block(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding = layers.Embedding(8, 16, mask_zero=True)
            self.attention = layers.MultiHeadAttention(2, 8, dropout=0.1)
            self.norm, self.add = layers.LayerNormalization(), layers.Add()
            self.out = layers.Dense(8, activation="softmax")

        def call(self, inputs):
            x = self.embedding(inputs)
            return self.out(self.norm(self.add([x, self.attention(x, x, use_causal_mask=True)])))

    words = np.random.default_rng(0).integers(1, 8, size=(32, 6))
    model = Block()
    model.compile("adam", "sparse_categorical_crossentropy")
    loss = model.fit(words, words, epochs=15, verbose=0).history["loss"]
    assert loss[-1] < 0.7 * loss[0]
