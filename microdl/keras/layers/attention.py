"""Attention: each query takes the mean of the values, weighted by how well their keys fit it."""

import numpy as np

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.keras.layers.base import Layer
from microdl.ops.activation import tanh
from microdl.ops.array import cast, expand_dims, where, zeros_like
from microdl.ops.linalg import matmul
from microdl.ops.math import logical_and, reduce_sum
from microdl.ops.random import dropout
from microdl.ops.softmax import softmax

SCORE_MODES = ("dot", "concat")


@reads_sizes
def causal_mask(query, key):
    """(1, T, S) bool: True where the step of ``query``, (batch, T, ...), is not before that of ``key``."""
    return convert(np.tri(query.shape[1], key.shape[1], dtype=bool)[None])


class Attention(Layer):
    """``softmax(query @ transpose(key)) @ value``

    Args:
        use_scale: bool, a trained factor of the scores. score_mode: "dot" or "concat": tanh(query + key) in its place.
        dropout: share of the weights that is dropped in training. seed: int or None.

    Call arguments: [query, value] or [query, value, key], (batch, T or S, size); mask, list of bool tensors (batch, T),
    (batch, S) or None; return_attention_scores, use_causal_mask: no step looks at later ones; training.

    Output shape: (batch, T, size), with ``return_attention_scores`` and (batch, T, S).
    Luong, Pham and Manning, arXiv:1508.04025.
    """

    _config = ("use_scale", "score_mode", "dropout", "seed")

    def __init__(self, use_scale=False, score_mode="dot", dropout=0.0, seed=None, **kwargs):
        super().__init__(**kwargs)
        if score_mode not in SCORE_MODES:
            raise ValueError(f"{self._label}: score_mode must be 'dot' or 'concat', got {score_mode!r}")
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = dropout
        self.seed = seed

    def build(self, input_shape):
        self._check(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight") if concat else None

    def _check(self, inputs):
        if not isinstance(inputs, list) or len(inputs) not in (2, 3):
            raise ValueError(f"{self._label}: expects a list [query, value] or [query, value, key], got {inputs!r}")

    def _scores(self, query, key):
        """(batch, T, size), (batch, S, size) -> (batch, T, S)"""
        if self.score_mode == "dot":
            scores = matmul(query, key, transpose_b=True)
            return scores if self.scale is None else scores * self.scale
        both = expand_dims(query, 2) + expand_dims(key, 1)
        both = both if self.scale is None else both * self.scale
        return reduce_sum(tanh(both), axis=-1) * self.concat_score_weight

    def compute_mask(self, inputs, mask=None):
        return mask[0] if isinstance(mask, list) else None

    def call(self, inputs, mask=None, training=False, return_attention_scores=False, use_causal_mask=False):
        self._check(inputs)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask is not None else (None, None)
        scores = self._scores(query, key)
        allowed = None if value_mask is None else expand_dims(cast(value_mask, "bool"), 1)
        if use_causal_mask:
            causal = causal_mask(query, key)
            allowed = causal if allowed is None else logical_and(allowed, causal)
        if allowed is not None:
            scores = where(allowed, scores, scores - (65504.0 if scores.dtype.name == "float16" else 1e9))
        weights = softmax(scores, axis=-1)
        if training and self.dropout > 0:
            weights = dropout(weights, self.dropout, seed=self.seed)
        y = matmul(weights, value)
        if query_mask is not None:
            y = where(expand_dims(cast(query_mask, "bool"), -1), y, zeros_like(y))
        return (y, weights) if return_attention_scores else y


class AdditiveAttention(Attention):
    """``softmax(sum(scale * tanh(query + key))) @ value``

    Args:
        use_scale: bool, a trained factor for each feature. dropout: as for ``Attention``.

    Call arguments, output shape: as for ``Attention``. Bahdanau, Cho and Bengio, arXiv:1409.0473.
    """

    _config = ("use_scale", "dropout")

    def __init__(self, use_scale=True, dropout=0.0, **kwargs):
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape):
        self._check(input_shape)
        size = (input_shape[0][-1],)
        self.scale = self.add_weight(size, "glorot_uniform", name="scale") if self.use_scale else None

    def _scores(self, query, key):
        both = tanh(expand_dims(query, 2) + expand_dims(key, 1))
        return reduce_sum(both if self.scale is None else both * self.scale, axis=-1)
