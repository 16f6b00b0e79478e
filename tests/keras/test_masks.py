"""Masks: who makes them, whom they are given to, where they end."""

import gc

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers, masks

WORDS = np.array([[3, 1, 0, 0], [2, 2, 1, 0]])
MASK = WORDS != 0


def embedded(**options):
    return layers.Embedding(5, 3, mask_zero=True, **options)(WORDS)


def test_embedding_and_masking_make_masks():
    assert np.array_equal(masks.get(embedded()), MASK)
    x = np.where(MASK[..., None], np.ones((2, 4, 3)), 7.0).astype(np.float32)
    y = layers.Masking(7.0)(x)
    assert np.array_equal(masks.get(y), MASK)
    assert np.array_equal(y, x * MASK[..., None])
    assert masks.get(layers.Embedding(5, 3)(WORDS)) is None


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(2),
        layers.Dropout(0.5),
        layers.Activation("relu"),
        layers.LayerNormalization(),
        layers.LSTM(2, return_sequences=True),
        layers.Bidirectional(layers.GRU(2, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(2)),
        layers.GaussianNoise(0.1),
        layers.Lambda(lambda x: x + 1.0, mask=lambda inputs, mask: mask),
        layers.LeakyReLU(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_that_supports_masks_passes_them_on(layer):
    assert np.array_equal(masks.get(layer(embedded())), MASK)


@pytest.mark.parametrize(
    "layer", [layers.LSTM(2), layers.Bidirectional(layers.LSTM(2)), layers.GlobalAveragePooling1D()]
)
def test_a_mask_ends_with_the_steps(layer):
    assert masks.get(layer(embedded())) is None


def test_a_layer_that_does_not_support_masks_says_so():
    with pytest.warns(UserWarning, match=r"^permute \(Permute\) does not support masks"):
        y = layers.Permute((2, 1), name="permute")(embedded())
    assert masks.get(y) is None


def test_a_mask_survives_a_change_of_dtype():
    y = layers.Dense(2, dtype="float64")(embedded())
    assert (y.dtype, np.array_equal(masks.get(y), MASK)) == (tf.float64, True)


class Asks(layers.Layer):
    supports_masking = True

    def call(self, inputs, mask=None):
        self.given = mask
        return inputs * 2.0


class AsksForBoth(layers.Layer):
    supports_masking = True

    def call(self, query, value, query_mask=None, value_mask=None):
        self.given = query_mask, value_mask
        return query + value


def test_call_is_given_the_mask_that_it_asks_for():
    layer = Asks()
    layer(embedded())
    assert np.array_equal(layer.given, MASK)
    layer(np.ones((2, 4, 3), np.float32))
    assert layer.given is None


def test_a_mask_that_is_given_wins():
    layer, other = Asks(), tf.constant(~MASK)
    y = layer(embedded(), mask=other)
    assert np.array_equal(layer.given, ~MASK)
    assert np.array_equal(masks.get(y), ~MASK)


def test_call_is_given_the_masks_of_several_inputs():
    layer = AsksForBoth()
    y = layer(embedded(), np.ones((2, 4, 3), np.float32))
    assert np.array_equal(layer.given[0], MASK)
    assert layer.given[1] is None
    assert np.array_equal(masks.get(y), MASK)


def test_a_class_may_make_a_mask_of_its_own():
    class Halves(layers.Layer):
        def call(self, inputs):
            return inputs[:, ::2]

        def compute_mask(self, inputs, mask=None):
            return None if mask is None else mask[:, ::2]

    assert np.array_equal(masks.get(Halves()(embedded())), MASK[:, ::2])
    assert masks.get(Halves()(np.ones((2, 4, 3), np.float32))) is None


def test_merged_masks():
    other = layers.Embedding(5, 3, mask_zero=True)(WORDS[::-1].copy())
    plain = tf.ones((2, 4, 3))
    assert np.array_equal(masks.get(layers.Add()([embedded(), other])), MASK | MASK[::-1])
    assert masks.get(layers.Add()([embedded(), plain])) is None
    joined = layers.Concatenate(axis=1)([embedded(), plain])
    assert np.array_equal(masks.get(joined), np.concatenate([MASK, np.ones((2, 4), bool)], axis=1))


def test_attention_takes_no_notice_of_masked_values():
    layer = layers.MultiHeadAttention(2, 3)
    x, y = embedded(), np.ones((2, 1, 3), np.float32)
    first = layer(y, x)
    changed = tf.where(MASK[..., None], x, x + 5.0)
    assert not np.allclose(layer(y, changed), first)
    masks.put(changed, tf.constant(MASK))
    assert np.allclose(layer(y, changed), first, atol=1e-6)


def test_masks_are_forgotten_with_their_tensors():
    gc.collect()
    before = len(masks._masks)
    y = layers.Dropout(0.5)(embedded())
    assert len(masks._masks) > before
    del y
    gc.collect()
    assert len(masks._masks) == before


def test_a_loss_counts_what_the_mask_counts():
    y_pred = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32))
    y_true, loss = np.ones((2, 4), np.int64), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    alone = loss(y_true[MASK], y_pred.numpy()[MASK])
    masks.put(y_pred, tf.constant(MASK))
    assert float(loss(y_true, y_pred)) == pytest.approx(float(alone), rel=1e-6)
    weighted = float(loss(y_true, y_pred, sample_weight=[2.0, 2.0]))
    assert weighted == pytest.approx(2 * float(alone), rel=1e-6)


def test_lists_of_numbers_have_no_mask_though_tensors_have():
    masked = layers.Masking()(tf.ones((1, 2, 1)))
    assert float(tf.keras.metrics.Accuracy()([[1], [2]], [[1], [3]])) == 0.5
    assert float(tf.keras.losses.MeanSquaredError()([[1.0], [2.0]], [[1.0], [3.0]])) == 0.5
    assert masked.shape == (1, 2, 1)
