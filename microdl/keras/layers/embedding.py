"""Embedding, and the mask that says which steps of a sequence count."""

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.keras import initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.array import cast, gather
from microdl.ops.math import not_equal, reduce_any


class Embedding(Layer):
    """``embeddings[inputs]``: a vector for each whole number.

    Args:
        input_dim: int > 0, how many numbers there are: 0 .. input_dim - 1. output_dim: int > 0, size of a vector.
        embeddings_initializer: as for ``add_weight``. embeddings_regularizer, embeddings_constraint: as for Layer.
        mask_zero: bool, the number 0 marks padding, of which layers after this one take no notice.
        weights: list with the array of embeddings, or None.

    Input shape: any, integers. Output shape: the input's, and output_dim.
    Weights: embeddings (input_dim, output_dim).

    >>> Embedding(10, 4)([[1, 2, 3]]).shape
    TensorShape([1, 3, 4])
    """

    _options = ("embeddings",)
    _config = ("input_dim", "output_dim", "embeddings_initializer", "mask_zero")

    def __init__(
        self, input_dim, output_dim, embeddings_initializer="uniform", mask_zero=False, weights=None, **kwargs
    ):
        length = kwargs.pop("input_length", None)  # Keras 2 took it
        if length is not None:
            kwargs.setdefault("input_shape", (length,))
        super().__init__(**kwargs)
        self.input_dim = checks.positive(self, "input_dim", input_dim)
        self.output_dim = checks.positive(self, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.mask_zero = bool(mask_zero)
        self._first_weights = weights

    def build(self, input_shape=None):
        self.embeddings = self._weight("embeddings", (self.input_dim, self.output_dim))
        if self._first_weights is not None:
            first = self._first_weights
            self.embeddings.assign(convert(first[0] if isinstance(first, (list, tuple)) else first, self.dtype))

    def compute_mask(self, inputs, mask=None):
        return not_equal(inputs, 0) if self.mask_zero else None

    def call(self, inputs):
        indices = inputs if inputs.dtype.is_integer else cast(inputs, "int32")
        return gather(self.embeddings, indices)


class Masking(Layer):
    """Masks the steps at which all features are ``mask_value``, and sets them to zero.

    Args:
        mask_value: number.

    Input shape: (batch, steps, ..., features). Output shape: the input's.
    """

    _config = ("mask_value",)

    def __init__(self, mask_value=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mask_value = mask_value

    def compute_mask(self, inputs, mask=None):
        return reduce_any(not_equal(inputs, self.mask_value), axis=-1)

    @reads_sizes
    def call(self, inputs):
        checks.matrix(self, checks.one_tensor(self, inputs))
        counts = reduce_any(not_equal(inputs, self.mask_value), axis=-1, keepdims=True)
        return inputs * cast(counts, inputs.dtype)
