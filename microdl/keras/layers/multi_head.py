"""Attention with several heads."""

import functools
import math
from typing import Any

from microdl.core.deferred import reads_sizes
from microdl.core.random_state import random_state
from microdl.keras import initializers
from microdl.keras.layers import checks
from microdl.keras.layers.activation import large_negative
from microdl.keras.layers.attention import causal_mask
from microdl.keras.layers.base import Layer
from microdl.keras.layers.einsum_dense import EinsumDense
from microdl.ops.array import cast, expand_dims, reshape, transpose, where, zeros_like
from microdl.ops.linalg import matmul
from microdl.ops.math import logical_and
from microdl.ops.random import dropout
from microdl.ops.softmax import softmax


class MultiHeadAttention(Layer):
    """``attention(x @ query_kernel, ...)`` for several heads at once, whose outputs a last kernel joins.

    Args:
        num_heads: int > 0. key_dim, value_dim: int > 0, sizes of a head's queries and keys, and of its values, None for
            the same. dropout: share of the weights that is dropped in training. use_bias: bool.
        output_shape: int, size of the output's last axis; None is the query's. seed: int or None.
        attention_axes: None: along all axes between batch and features.
        kernel_, bias_initializer, ..._regularizer, ..._constraint: of all four products.

    Call arguments: query (batch, T, size), value (batch, S, size), key (None is value); query_mask, value_mask,
    key_mask, bool (batch, T or S); attention_mask, bool (batch, T, S); return_attention_scores; use_causal_mask;
    training.

    Output shape: (batch, T, output size), with ``return_attention_scores`` and (batch, num_heads, T, S).
    Vaswani et al., "Attention Is All You Need", arXiv:1706.03762.
    """

    supports_masking = True
    _options = ("kernel", "bias")
    _config = (
        "num_heads", "key_dim", "value_dim", "dropout", "use_bias", "output_shape", "attention_axes",
        "kernel_initializer", "bias_initializer", "seed",
    )  # fmt: skip

    def __init__(
        self,
        num_heads,
        key_dim,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        output_shape=None,
        attention_axes=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = checks.positive(self, "num_heads", num_heads)
        self.key_dim = checks.positive(self, "key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else checks.positive(self, "value_dim", value_dim)
        self.dropout = dropout
        self.use_bias = use_bias
        self.output_shape = output_shape
        if attention_axes is not None:
            raise ValueError(
                f"{self._label}: attention runs along all axes between batch and features, attention_axes must be "
                f"None, got {attention_axes!r}; tf.transpose and tf.reshape make batches of the others"
            )
        self.attention_axes = attention_axes
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.seed = seed
        self.query_dense = self._projection("query", self.key_dim)
        self.key_dense = self._projection("key", self.key_dim)
        self.value_dense = self._projection("value", self.value_dim)
        self.output_dense: Any = None  # made when the size of the queries is known

    def _projection(self, name, size):
        return self._product("abc,cde->abde", (None, self.num_heads, size), "de", name)

    def _product(self, equation, output_shape, bias_axes, name):
        options = {f"{kind}_{what}": getattr(self, f"{kind}_{what}") for kind in self._options for what in _SHARED}
        bias_axes = bias_axes if self.use_bias else None
        return EinsumDense(equation, output_shape, bias_axes=bias_axes, dtype=self.dtype, name=name, **options)

    def _give_initializers(self, layer):
        """Ones of its own: an initializer that has a seed would give several layers the same values."""
        layer.kernel_initializer = initializers.another(self.kernel_initializer)
        layer.bias_initializer = initializers.another(self.bias_initializer)

    def build(self, query_shape, value_shape=None, key_shape=None):
        for layer in (self.query_dense, self.key_dense, self.value_dense):
            self._give_initializers(layer)
        if self.dropout > 0:
            random_state.drawn_seed(self.seed)  # as Keras 3's layer of its own does
        size = query_shape[-1] if self.output_shape is None else self.output_shape
        size = size[-1] if isinstance(size, (list, tuple)) else size
        self.output_dense = self._product("abde,dec->abc", (None, size), "c", "attention_output")
        self._give_initializers(self.output_dense)
        if value_shape is not None:
            key_shape = value_shape if key_shape is None else key_shape
            shapes = query_shape, key_shape, value_shape
            for layer, shape in zip((self.query_dense, self.key_dense, self.value_dense), shapes, strict=True):
                layer.build((None, None, shape[-1]))
            self.output_dense.build((None, None, self.num_heads, self.value_dim))

    @reads_sizes
    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
        return_attention_scores=False,
        training=False,
        use_causal_mask=False,
    ):
        key = value if key is None else key
        for what, x in (("query", query), ("value", value), ("key", key)):
            if x.ndim < 3:
                raise ValueError(f"{self._label}: expects {what} of 3 axes (batch, steps, features), got {x.shape}")
        shape = query.shape
        query, key, value = (
            reshape(x, (x.shape[0], -1, x.shape[-1])) if x.ndim > 3 else x for x in (query, key, value)
        )
        allowed = _all_of(
            None if query_mask is None else expand_dims(cast(query_mask, "bool"), -1),
            None if value_mask is None else expand_dims(cast(value_mask, "bool"), 1),
            None if key_mask is None else expand_dims(cast(key_mask, "bool"), 1),
            causal_mask(query, key) if use_causal_mask else None,
            None if attention_mask is None else cast(attention_mask, "bool"),
        )
        q = transpose(self.query_dense(query) * (1 / math.sqrt(self.key_dim)), [0, 2, 1, 3])  # (batch, heads, T, size)
        k = transpose(self.key_dense(key), [0, 2, 1, 3])
        v = transpose(self.value_dense(value), [0, 2, 1, 3])
        scores = matmul(q, k, transpose_b=True)  # (batch, heads, T, S)
        if allowed is not None:
            allowed = expand_dims(allowed, 1) if allowed.ndim == 3 else allowed
            scores = where(allowed, scores, large_negative(scores))
        weights = softmax(scores, axis=-1)
        if allowed is not None and (return_attention_scores or self.dropout > 0):
            weights = where(allowed, weights, zeros_like(weights))  # for queries that may look at nothing at all
        kept = dropout(weights, self.dropout, seed=self.seed) if training and self.dropout > 0 else weights
        y = self.output_dense(transpose(matmul(kept, v), [0, 2, 1, 3]))
        y = reshape(y, (*shape[:-1], y.shape[-1])) if len(shape) > 3 else y
        return (y, weights) if return_attention_scores else y


_SHARED = ("initializer", "regularizer", "constraint")


def _all_of(*masks):
    """What all masks allow that are given; None if none is."""
    given = [mask for mask in masks if mask is not None]
    return functools.reduce(logical_and, given) if given else None
