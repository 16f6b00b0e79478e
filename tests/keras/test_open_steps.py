"""Layers in functions whose batch and steps are left open: one trace serves sequences of any length."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers

LAYERS = [
    layers.LSTM(3, return_sequences=True),
    layers.RNN(layers.LSTMCell(2)),
    layers.Bidirectional(layers.GRU(2)),
    layers.TimeDistributed(layers.Dense(2)),
    layers.Conv1D(3, 2, padding="causal"),
    layers.SeparableConv1D(3, 2),
    layers.Conv1DTranspose(3, 2, strides=2),
    layers.MaxPooling1D(),
    layers.GlobalAveragePooling1D(),
    layers.LayerNormalization(),
    layers.GroupNormalization(2),
    layers.RMSNormalization(),
    layers.UpSampling1D(),
    layers.ZeroPadding1D(),
    layers.Cropping1D(1),
    layers.EinsumDense("abc,cd->abd", (None, 3)),
    layers.Masking(),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_one_trace_serves_all_lengths(layer):
    layer.build((None, None, 4))
    run = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec([None, None, 4])])
    for shape in ((2, 5, 4), (3, 8, 4)):
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        assert np.allclose(run(x), layer(x), atol=1e-5)


def test_attention_and_masks_of_any_length():
    embedding, attention, last = layers.Embedding(9, 4, mask_zero=True), layers.MultiHeadAttention(2, 3), layers.GRU(3)

    def call(words):
        x = embedding(words)
        return last(attention(x, x, use_causal_mask=True))

    run = tf.function(call, input_signature=[tf.TensorSpec([None, None], tf.int64)])
    for shape in ((3, 6), (2, 4)):
        words = np.random.default_rng(0).integers(0, 9, size=shape)
        assert np.allclose(call(words), run(words), atol=1e-5)
