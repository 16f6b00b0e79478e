"""Layers of several inputs, and functions that make and call them at once."""

import functools

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import Tensor
from microdl.keras.layers.base import Layer
from microdl.ops import math
from microdl.ops.array import cast, concat, expand_dims, ones_like, reshape, transpose
from microdl.ops.linalg import matmul
from microdl.ops.normalization import l2_normalize


class _Merge(Layer):
    """Base: ``call`` combines a list of tensors, element by element with broadcasting, the batch axes aligned."""

    least = 1  # number of inputs

    def build(self, input_shape):
        self._check(input_shape)

    def _check(self, inputs):
        one = isinstance(inputs, (Tensor, dict)) or not isinstance(inputs, (list, tuple))
        if one or not all(isinstance(x, (Tensor, tuple)) for x in inputs):
            raise ValueError(f"{self._label}: expects a list of tensors, got {inputs!r}")
        if len(inputs) < self.least:
            raise ValueError(f"{self._label}: expects a list of at least {self.least} tensors, got {len(inputs)}")

    def call(self, inputs):
        self._check(inputs)
        rank = max(x.ndim for x in inputs)
        aligned = []
        for x in inputs:
            for _ in range(rank - x.ndim):
                x = expand_dims(x, 1)  # (batch, ...) -> (batch, 1, ...)
            aligned.append(x)
        return self._merged(aligned)

    def _merged(self, inputs):
        raise NotImplementedError

    def compute_mask(self, inputs, mask=None):
        """A step counts if it does in one of the inputs; no mask if one of them has none."""
        if not isinstance(mask, list) or any(m is None for m in mask):
            return None
        return functools.reduce(math.logical_or, mask)


class Add(_Merge):
    """The sum of a list of tensors.

    Input shape: list of shapes that broadcast. Output shape: what they broadcast to.

    >>> Add()([[[1.0, 2.0]], [[3.0, 4.0]]]).numpy()
    array([[4., 6.]], dtype=float32)
    """

    def _merged(self, inputs):
        return (
            math.add_n(inputs) if len({x.spec for x in inputs}) == 1 else functools.reduce(lambda a, b: a + b, inputs)
        )


class Subtract(_Merge):
    """The first of two tensors minus the second. Shapes as for ``Add``."""

    least = 2

    def _check(self, inputs):
        super()._check(inputs)
        if len(inputs) != 2:
            raise ValueError(f"{self._label}: expects a list of 2 tensors, got {len(inputs)}")

    def _merged(self, inputs):
        return inputs[0] - inputs[1]


class Multiply(_Merge):
    """The product of a list of tensors, element by element. Shapes as for ``Add``."""

    def _merged(self, inputs):
        return functools.reduce(math.multiply, inputs)


class Average(_Merge):
    """The mean of a list of tensors, element by element. Shapes as for ``Add``."""

    def _merged(self, inputs):
        return functools.reduce(lambda a, b: a + b, inputs) / float(len(inputs))


class Maximum(_Merge):
    """The largest of each element in a list of tensors. Shapes as for ``Add``."""

    def _merged(self, inputs):
        return functools.reduce(math.maximum, inputs)


class Minimum(_Merge):
    """The smallest of each element in a list of tensors. Shapes as for ``Add``."""

    def _merged(self, inputs):
        return functools.reduce(math.minimum, inputs)


class Concatenate(_Merge):
    """A list of tensors, one after the other along ``axis``.

    Args:
        axis: int.

    Input shape: list of shapes that agree along all other axes. Output shape: their sizes along the axis added up.
    """

    _config = ("axis",)

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def build(self, input_shape):
        super().build(input_shape)
        ranks = {len(shape) for shape in input_shape}
        if len(ranks) > 1:
            raise ValueError(f"{self._label}: all inputs need the same number of axes, got shapes {input_shape}")
        rank = ranks.pop()
        at = self.axis % rank if rank else 0
        sizes = [[n for i, n in enumerate(shape) if i and i != at] for shape in input_shape]
        if any(None not in (m, n) and m != n for row in sizes for m, n in zip(sizes[0], row, strict=True)):
            shapes = [tuple(shape) for shape in input_shape]
            raise ValueError(f"{self._label}: shapes must agree in all axes but {self.axis}, got {shapes}")

    def call(self, inputs):
        self._check(inputs)
        return concat(inputs, axis=self.axis)

    @reads_sizes
    def compute_mask(self, inputs, mask=None):
        if not isinstance(mask, list) or all(m is None for m in mask):
            return None
        full = []
        for x, m in zip(inputs, mask, strict=True):
            everywhere = cast(ones_like(x), "bool")
            if m is None:
                full.append(everywhere)
                continue
            while m.ndim < x.ndim:
                m = expand_dims(m, -1)
            full.append(math.logical_and(m, everywhere))
        return math.reduce_any(concat(full, axis=self.axis), axis=-1)


class Dot(_Merge):
    """The products of two tensors' vectors along ``axes``, for each sample.

    Args:
        axes: int, or one for each input; not 0. normalize: bool, vectors of norm 1 first: the cosine of their angle.

    Input shape: two shapes, (batch, ...), equal along these axes.
    Output shape: (batch, other sizes of the first, other sizes of the second); (batch, 1) if there are none.
    """

    least = 2
    _config = ("axes", "normalize")

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        given = [axes] * 2 if isinstance(axes, int) else axes
        if not isinstance(given, (list, tuple)) or len(given) != 2 or not all(isinstance(a, int) for a in given):
            raise TypeError(f"{self._label}: axes must be an integer or two of them, got {axes!r}")
        self.axes = axes
        self.normalize = normalize

    @reads_sizes
    def call(self, inputs):
        self._check(inputs)
        if len(inputs) != 2:
            raise ValueError(f"{self._label}: expects a list of 2 tensors, got {len(inputs)}")
        a, b = inputs
        given = [self.axes] * 2 if isinstance(self.axes, int) else self.axes
        along, across = (axis % x.ndim for axis, x in zip(given, inputs, strict=True))
        if 0 in (along, across) or a.shape[along] != b.shape[across]:
            raise ValueError(
                f"{self._label}: the inputs must agree along axes {self.axes}, which are not the batch, got shapes "
                f"{a.shape} and {b.shape}"
            )
        if self.normalize:
            a, b = l2_normalize(a, along), l2_normalize(b, across)
        left = [i for i in range(a.ndim) if i != along]
        right = [i for i in range(1, b.ndim) if i != across]
        sizes = (*(a.shape[i] for i in left), *(b.shape[i] for i in right))
        a = reshape(transpose(a, [*left, along]), (a.shape[0], -1, a.shape[along]))  # (batch, m, k)
        b = reshape(transpose(b, [0, across, *right]), (b.shape[0], b.shape[across], -1))  # (batch, k, n)
        return reshape(matmul(a, b), sizes if len(sizes) > 1 else (*sizes, 1))

    def compute_mask(self, inputs, mask=None):
        return None


def add(inputs, **kwargs):
    """The sum of a list of tensors: ``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """The first tensor minus the second: ``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """The product of a list of tensors: ``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """The mean of a list of tensors: ``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """The largest of each element: ``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """The smallest of each element: ``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """Tensors one after the other: ``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs, axes=-1, normalize=False, **kwargs):
    """Products of vectors: ``Dot(axes, normalize, **kwargs)(inputs)``."""
    return Dot(axes, normalize, **kwargs)(inputs)
