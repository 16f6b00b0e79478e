"""Functions that make tensors, and others that put their elements into another order."""

import itertools

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.shapes import as_shape
from microdl.core.tensor import convert, is_tensor as is_tensor
from microdl.ops import array, linalg
from microdl.ops.array import (
    eye as eye,
    ones_like as ones_like,
    zeros_like as zeros_like,
)


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """``x`` as a Tensor; sparse, ragged: must be false."""
    if sparse or ragged:
        raise NotImplementedError("convert_to_tensor: sparse and ragged tensors are not supported")
    return convert(x) if dtype is None else array.cast(x, dtype)


def convert_to_numpy(x):
    """``x`` as an array."""
    return convert(x).numpy()


def shape(x):
    """The sizes, as a tuple; None for those that are not known yet."""
    return tuple(x.shape) if hasattr(x, "shape") else tuple(convert(x).shape)


def arange(start, stop=None, step=None, dtype=None):
    """Numbers from ``start`` (0, if it stands alone: then it is the end) to before ``stop``."""
    step = 1 if step is None else step
    return array.range(start, delta=step, dtype=dtype) if stop is None else array.range(start, stop, step, dtype=dtype)


def zeros(shape, dtype=None):
    """Zeros, float32 by default."""
    return array.zeros(shape, dtypes.as_dtype(dtype or "float32"))


def ones(shape, dtype=None):
    """Ones, float32 by default."""
    return array.ones(shape, dtypes.as_dtype(dtype or "float32"))


def full(shape, fill_value, dtype=None):
    """One number everywhere, float32 by default."""
    return array.fill(as_shape(shape), array.cast(fill_value, dtypes.as_dtype(dtype or "float32")))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """``num`` numbers at equal distances from ``start`` to ``stop``, which counts unless ``endpoint`` is False.

    Returns: a tensor, float32 by default; with ``retstep`` also the distance.
    """
    start, stop = (array.cast(x, "float32") for x in (start, stop))
    step = (stop - start) / (num - bool(endpoint)) if num > bool(endpoint) else stop - start
    numbers = array.cast(array.linspace(start, stop if endpoint else stop - step, num, axis=axis), dtype or "float32")
    return (numbers, step) if retstep else numbers


def identity(n, dtype=None):
    """The matrix with ones on its diagonal, (n, n)."""
    return eye(n, dtype=dtypes.as_dtype(dtype or "float32"))


@reads_sizes
def full_like(x, fill_value, dtype=None):
    """One number everywhere, in the shape of ``x``."""
    return array.zeros_like(x, dtype) + convert_to_tensor(fill_value, dtype or x.dtype)


@reads_sizes
def cast(x, dtype):
    """``x`` in another dtype."""
    return array.cast(x, dtype)


@reads_sizes
def copy(x):
    """``x`` again."""
    return array.identity(x)


@reads_sizes
def stop_gradient(variable):
    """``variable``, as a constant for gradients."""
    return array.stop_gradient(variable)


@reads_sizes
def reshape(x, newshape):
    """The same elements in another shape, of which one size may be -1."""
    return array.reshape(x, newshape)


@reads_sizes
def ravel(x):
    """The elements in one row."""
    return array.reshape(x, (-1,))


@reads_sizes
def expand_dims(x, axis):
    """``x`` with an axis of size 1 more, or several."""
    for one in sorted(axis) if isinstance(axis, (list, tuple)) else [axis]:
        x = array.expand_dims(x, one)
    return x


@reads_sizes
def squeeze(x, axis=None):
    """``x`` without axes of size 1: all, or given ones."""
    return array.squeeze(x, axis=axis)


@reads_sizes
def transpose(x, axes=None):
    """``x`` with its axes in another order, by default the reverse one."""
    return array.transpose(x, axes)


@reads_sizes
def swapaxes(x, axis1, axis2):
    """``x`` with two axes changing places."""
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return array.transpose(x, order)


@reads_sizes
def moveaxis(x, source, destination):
    """``x`` with an axis in another place."""
    order = list(range(x.ndim))
    order.insert(destination % x.ndim, order.pop(source % x.ndim))
    return array.transpose(x, order)


@reads_sizes
def broadcast_to(x, shape):
    """``x`` repeated until it has this shape."""
    return array.broadcast_to(x, shape)


@reads_sizes
def flip(x, axis=None):
    """``x`` backwards, along all axes by default."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (list, tuple)) else [axis]
    return array.reverse(x, list(axes))


@reads_sizes
def roll(x, shift, axis=None):
    """``x`` shifted along an axis; what leaves at one end comes in at the other."""
    if axis is None:
        return array.reshape(array.roll(array.reshape(x, (-1,)), shift, 0), x.shape)
    return array.roll(x, shift, axis)


@reads_sizes
def repeat(x, repeats, axis=None):
    """Each element several times."""
    return array.repeat(x, repeats, axis)


@reads_sizes
def tile(x, repeats):
    """All of ``x`` several times along each axis."""
    return array.tile(x, repeats if isinstance(repeats, (list, tuple)) else [1] * (x.ndim - 1) + [repeats])


@reads_sizes
def pad(x, pad_width, mode="constant", constant_values=None):
    """``x`` with a border. pad_width: (before, after) for each axis, or for all. mode: constant, reflect, symmetric."""
    if isinstance(pad_width, int):
        pad_width = [(pad_width, pad_width)]
    elif isinstance(pad_width[0], int):
        pad_width = [tuple(pad_width)]
    pad_width = list(pad_width) * x.ndim if len(pad_width) == 1 else pad_width
    return array.pad(x, pad_width, mode.upper(), constant_values or 0)


@reads_sizes
def concatenate(xs, axis=0):
    """Tensors one after the other along an axis."""
    return array.concat(list(xs), axis)


@reads_sizes
def append(x1, x2, axis=None):
    """``x2`` after ``x1``; without an axis both in one row."""
    return array.concat([x1, x2], axis) if axis is not None else array.concat([ravel(x1), ravel(x2)], 0)


@reads_sizes
def stack(x, axis=0):
    """Tensors along a new axis."""
    return array.stack(list(x), axis)


@reads_sizes
def hstack(xs):
    """Tensors one after the other along the second axis; rows along their own."""
    return array.concat(list(xs), 0 if xs[0].ndim == 1 else 1)


@reads_sizes
def vstack(xs):
    """Tensors one below the other."""
    return array.concat([array.expand_dims(x, 0) if x.ndim == 1 else x for x in xs], 0)


@reads_sizes
def split(x, indices_or_sections, axis=0):
    """Parts along an axis: so many of one size, or cut before each of the positions."""
    if isinstance(indices_or_sections, int):
        return array.split(x, indices_or_sections, axis)
    ends = [0, *indices_or_sections, x.shape[axis]]
    return array.split(x, [b - a for a, b in itertools.pairwise(ends)], axis)


@reads_sizes
def unstack(x, num=None, axis=0):
    """The parts along an axis, without it."""
    return array.unstack(x, num, axis)


@reads_sizes
def take(x, indices, axis=None):
    """What is at these places along an axis; without one in all of ``x``, row after row. Negative ones count back."""
    x, axis = (array.reshape(x, (-1,)), 0) if axis is None else (x, axis)
    indices = convert(indices)
    return array.gather(x, array.where(indices < 0, indices + x.shape[axis], indices), axis=axis)


@reads_sizes
def get_item(x, key):
    """``x[key]``."""
    return x[_as_index(key)]


def _as_index(key):
    return tuple(key) if isinstance(key, list) and any(isinstance(part, _slice) for part in key) else key


_slice = slice


@reads_sizes
def slice(inputs, start_indices, shape):
    """The block of that shape that begins at these places."""
    return array.slice(inputs, start_indices, shape)


@reads_sizes
def size(x):
    """The number of elements."""
    return array.size(x)


@reads_sizes
def matmul(x1, x2):
    """The product of matrices; of a matrix and a vector, or of two vectors, as NumPy has it."""
    x1, x2 = convert(x1), convert(x2)
    row, column = x1.ndim == 1, x2.ndim == 1
    product = linalg.matmul(x1[None] if row else x1, x2[:, None] if column else x2)
    return product if not (row or column) else array.squeeze(product, [-2] * row + [-1] * column)


@reads_sizes
def dot(x1, x2):
    """The sum of products over the last axis of ``x1`` and the last but one of ``x2``."""
    x1, x2 = convert(x1), convert(x2)
    if not (x1.ndim and x2.ndim):
        return x1 * x2
    if x2.ndim <= 2:
        shape = (*x1.shape[:-1], *x2.shape[1:])
        flat = array.reshape(x1, (-1, x1.shape[-1]))
        return array.reshape(matmul(flat, x2), shape)
    order = [x2.ndim - 2, *range(x2.ndim - 2), x2.ndim - 1]
    inner = array.reshape(array.transpose(x2, order), (x2.shape[-2], -1))
    shape = (*x1.shape[:-1], *x2.shape[:-2], x2.shape[-1])
    return array.reshape(matmul(array.reshape(x1, (-1, x1.shape[-1])), inner), shape)


@reads_sizes
def outer(x1, x2):
    """The product of each element of one with each of the other."""
    return ravel(x1)[:, None] * ravel(x2)[None]
