"""Writing to parts of a variable: slices, rows, elements."""

import contextlib
import functools

import numpy as np

from microdl.core.errors import InvalidArgumentError
from microdl.core.shapes import size_of
from microdl.core.slices import remember
from microdl.core.tensor import Operand, Tensor, apply, convert
from microdl.core.values import hashable_index


class HasRows(Operand):
    """What a Variable can do with parts of itself. Every write works out the whole new value and assigns it.

    Methods that name rows take a ``tf.IndexedSlices``, whose ``indices`` (n,) say where its ``values`` (n, ...) go;
    those with ``nd`` take ``indices`` (..., axes) and ``updates``, as ``tf.tensor_scatter_nd_update``. All return the
    variable. Updates for one place are all added; of several to be written there the last one stays.
    """

    __slots__ = ()

    def __getitem__(self, index):
        part = super().__getitem__(index)
        if type(part) is Tensor:
            with contextlib.suppress(TypeError):  # for a mask, or positions that only a graph will know
                remember(part, functools.partial(self._assign_part, hashable_index(index)))
        return part

    def _assign_part(self, index, value, name=None):
        shape = tuple(self.shape)
        numbers = tuple(slice(*entry) if isinstance(entry, tuple) else entry for entry in index)
        places = np.arange(size_of(shape)).reshape(shape)[numbers]
        value = convert(value, hint=self.dtype)
        if tuple(value.shape) != places.shape:
            raise InvalidArgumentError(
                f"assign: a part of {self.name} has shape {places.shape}, the value has shape {tuple(value.shape)}"
            )
        elements = apply("Reshape", self, shape=(size_of(shape),)), apply("Reshape", value, shape=(places.size,))
        changed = apply("TensorScatterUpdate", elements[0], places.reshape(-1, 1), elements[1])
        return self.assign(apply("Reshape", changed, shape=shape))

    def assign(self, value, use_locking=False, name=None, read_value=True):
        raise NotImplementedError

    def sparse_read(self, indices, name=None):
        """The rows ``indices``."""
        return apply("GatherV2", self, convert(indices), axis=0)

    def gather_nd(self, indices, name=None):
        """The elements or slices at the places that the rows of ``indices`` name."""
        return apply("GatherNd", self, convert(indices))

    def scatter_nd_update(self, indices, updates, name=None):
        """Writes ``updates`` to the places that the rows of ``indices`` name."""
        return self._scatter("TensorScatterUpdate", indices, updates)

    def scatter_nd_max(self, indices, updates, name=None):
        """Keeps the greater of what is there and ``updates``."""
        return self._scatter("TensorScatterMax", indices, updates)

    def scatter_nd_min(self, indices, updates, name=None):
        """Keeps the smaller of what is there and ``updates``."""
        return self._scatter("TensorScatterMin", indices, updates)

    def scatter_nd_add(self, indices, updates, name=None):
        """Adds ``updates`` at the places that the rows of ``indices`` name."""
        return self.assign(self + self._spread(indices, updates))

    def scatter_nd_sub(self, indices, updates, name=None):
        """Subtracts ``updates`` at the places that the rows of ``indices`` name."""
        return self.assign(self - self._spread(indices, updates))

    def scatter_update(self, sparse_delta, use_locking=False, name=None):
        """Writes rows."""
        return self.scatter_nd_update(*_rows(sparse_delta))

    def scatter_max(self, sparse_delta, use_locking=False, name=None):
        """Keeps the greater of what is there and the given rows."""
        return self.scatter_nd_max(*_rows(sparse_delta))

    def scatter_min(self, sparse_delta, use_locking=False, name=None):
        """Keeps the smaller of what is there and the given rows."""
        return self.scatter_nd_min(*_rows(sparse_delta))

    def scatter_add(self, sparse_delta, use_locking=False, name=None):
        """Adds rows."""
        return self.scatter_nd_add(*_rows(sparse_delta))

    def scatter_sub(self, sparse_delta, use_locking=False, name=None):
        """Subtracts rows."""
        return self.scatter_nd_sub(*_rows(sparse_delta))

    def _scatter(self, op, indices, updates):
        return self.assign(apply(op, convert(self), convert(indices), convert(updates, hint=self.dtype)))

    def _spread(self, indices, updates):
        updates = convert(updates, hint=self.dtype)
        return apply("ScatterNd", convert(indices), updates, shape=tuple(self.shape))


def _rows(slices):
    """Indices (n, 1) and updates of a ``tf.IndexedSlices``."""
    if not hasattr(slices, "indices"):
        raise TypeError(f"sparse_delta is a tf.IndexedSlices, got {slices!r}")
    return slices.indices[..., None], slices.values
