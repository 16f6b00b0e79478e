"""Layers that only arrange values anew; the batch axis stays."""

from typing import Any

from microdl.core.deferred import reads_sizes
from microdl.core.shapes import as_shape, size_of
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.symbolic import known_sizes
from microdl.ops.array import broadcast_to, expand_dims, reshape, transpose


class Flatten(Layer):
    """All axes but the first as one.

    Args:
        data_format: "channels_last", or "channels_first" for inputs (batch, channels, ...), whose values come in the
            order of (batch, ..., channels).

    Input shape: (batch, ...). Output shape: (batch, product of the other sizes).
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                f"{self._label}: data_format must be 'channels_last' or 'channels_first', got {data_format!r}"
            )
        self.data_format = data_format or "channels_last"

    @reads_sizes
    def call(self, inputs):
        shape: Any = checks.one_tensor(self, inputs)
        if not shape:
            raise ValueError(f"{self._label}: expects a batch axis, got a scalar of shape ()")
        if self.data_format == "channels_first" and len(shape) > 2:
            inputs = transpose(inputs, [0, *range(2, len(shape)), 1])
        return reshape(inputs, (shape[0], size_of(shape[1:])))

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """The values of each element of the batch in another shape.

    Args:
        target_shape: sizes without the batch axis; one of them may be -1, which takes what is left.

    Input shape: (batch, ...). Output shape: (batch, *target_shape).
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        self.target_shape = as_shape(target_shape)
        wrong = [n for n in self.target_shape if n is None or n < -1]
        if wrong or self.target_shape.count(-1) > 1:
            raise ValueError(f"{self._label}: target_shape must hold sizes >= 0 and at most one -1, got {target_shape}")

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        given, rest = size_of(shape[1:]), size_of(n for n in self.target_shape if n != -1)
        fits = given % rest == 0 if -1 in self.target_shape and rest else given == rest
        if not shape or not fits:
            needed = f"a multiple of {rest}" if -1 in self.target_shape else rest
            raise ValueError(
                f"{self._label}: target_shape {self.target_shape} needs {needed} values for each element of the batch, "
                f"got shape {known_sizes(shape)} with {given}"
            )
        sizes = (given // rest if n == -1 and rest else max(n, 0) for n in self.target_shape)
        return reshape(inputs, (shape[0], *sizes))

    def get_config(self):
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """The axes in another order.

    Args:
        dims: order of the axes after the batch axis, counted from 1: (2, 1) exchanges the first two.

    Input shape: (batch, ...). Output shape: its sizes in that order.
    """

    _config = ("dims",)

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self._label}: dims must hold each of 1 to {len(self.dims)} once (0 is the batch axis), got {dims}"
            )

    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        if len(shape) != len(self.dims) + 1:
            raise ValueError(
                f"{self._label}: dims={self.dims} need inputs of {len(self.dims) + 1} axes, got {known_sizes(shape)}"
            )
        return transpose(inputs, [0, *self.dims])


class RepeatVector(Layer):
    """Each vector ``n`` times, as a sequence.

    Args:
        n: int > 0.

    Input shape: (batch, features). Output shape: (batch, n, features).
    """

    _config = ("n",)

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = checks.positive(self, "n", n)

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        if len(shape) != 2:
            raise ValueError(f"{self._label}: expects 2 axes (batch, features), got {known_sizes(shape)}")
        return broadcast_to(expand_dims(inputs, 1), (shape[0], self.n, shape[1]))
