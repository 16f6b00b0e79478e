"""Zeros around sequences and images, and their borders cut off."""

from typing import Any

from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.ops.array import pad


def _amounts(layer, argument, value, axes) -> Any:
    """((before, after), ...) for each of ``axes`` axes, from an int, one int an axis, or one pair an axis."""
    given: Any = [value] * axes if hasattr(value, "__index__") else value
    if axes == 1 and isinstance(given, (list, tuple)) and len(given) == 2 and hasattr(given[0], "__index__"):
        given = [given]
    wanted = "an integer >= 0, " + ("or a pair" if axes == 1 else f"{axes} of them, or {axes} pairs of them")
    try:
        pairs = tuple((n, n) if hasattr(n, "__index__") else (n[0], n[1]) for n in given)
        pairs = tuple((a.__index__(), b.__index__()) for a, b in pairs)
        fits = len(pairs) == axes and all(n >= 0 for pair in pairs for n in pair)
    except (TypeError, AttributeError, IndexError):
        fits, pairs = False, ()
    if not fits:
        raise ValueError(f"{layer._label}: {argument} must be {wanted}, got {value!r}")
    return pairs


class _ZeroPadding(Layer):
    axes = 0  # that are padded
    _config = ("padding",)

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = _amounts(self, "padding", padding, self.axes)

    def call(self, inputs):
        checks.rank(self, checks.one_tensor(self, inputs), self.axes + 2)
        return pad(inputs, [(0, 0), *self.padding, (0, 0)])


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after a sequence.

    Args:
        padding: int >= 0, or two of them (before, after). data_format: "channels_last".

    Input shape: (batch, steps, features). Output shape: (batch, before + steps + after, features).
    """

    axes = 1

    def __init__(self, padding=1, data_format=None, **kwargs):
        super().__init__(padding, **kwargs)
        self.data_format = checks.channels_last(self, data_format)
        self.padding = self.padding[0]

    def call(self, inputs):
        checks.rank(self, checks.one_tensor(self, inputs), 3)
        return pad(inputs, [(0, 0), self.padding, (0, 0)])


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images.

    Args:
        padding: int >= 0, two of them (height, width), or ((above, below), (left, right)).
        data_format: "channels_last".

    Input shape: (batch, height, width, channels). Output shape: with above + height + below and left + width + right.
    """

    axes = 2
    _config = ("padding", "data_format")

    def __init__(self, padding=(1, 1), data_format=None, **kwargs):
        super().__init__(padding, **kwargs)
        self.data_format = checks.channels_last(self, data_format)


class _Cropping(Layer):
    axes = 0
    _config = ("cropping",)

    def __init__(self, cropping, **kwargs):
        super().__init__(**kwargs)
        self.cropping = _amounts(self, "cropping", cropping, self.axes)

    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        checks.rank(self, shape, self.axes + 2)
        amounts = [self.cropping] if self.axes == 1 else self.cropping
        if any(n is not None and a + b >= n for n, (a, b) in zip(shape[1:], amounts, strict=False)):
            raise ValueError(f"{self._label}: cropping {self.cropping} leaves nothing of inputs of shape {shape}")
        return inputs[(slice(None), *(slice(a, -b if b else None) for a, b in amounts))]


class Cropping1D(_Cropping):
    """A sequence without its first and last steps.

    Args:
        cropping: int >= 0, or two of them (at the start, at the end).

    Input shape: (batch, steps, features). Output shape: with as many steps less.
    """

    axes = 1

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(cropping, **kwargs)
        self.cropping = self.cropping[0]


class Cropping2D(_Cropping):
    """Images without their borders.

    Args:
        cropping: int >= 0, two of them (height, width), or ((above, below), (left, right)).
        data_format: "channels_last".

    Input shape: (batch, height, width, channels). Output shape: with as many rows and columns less.
    """

    axes = 2
    _config = ("cropping", "data_format")

    def __init__(self, cropping=((0, 0), (0, 0)), data_format=None, **kwargs):
        super().__init__(cropping, **kwargs)
        self.data_format = checks.channels_last(self, data_format)
