"""Layers that only arrange values anew; the batch axis stays."""

from microdl.core.deferred import reads_sizes
from microdl.core.shapes import as_shape, size_of
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.symbolic import known_sizes
from microdl.ops.array import reshape


class Flatten(Layer):
    """All axes but the first as one.

    Args:
        data_format: "channels_last".

    Input shape: (batch, ...). Output shape: (batch, product of the other sizes).
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = checks.channels_last(self, data_format)

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        if not shape:
            raise ValueError(f"{self._label}: expects a batch axis, got a scalar of shape ()")
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
