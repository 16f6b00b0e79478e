"""Elements and slices at places that rows of indices name: gather_nd, scatter_nd, updates of tensors."""

import numpy as np

from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.placement import can_look
from microdl.core.shapes import size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints, require_integer, require_number


def _places(kernels, op, indices, shape):
    """Flat places (n,) of the slices of a tensor of ``shape`` that the rows of ``indices`` (..., axes) name.

    What indexes outside of ``shape`` is told where an array can be looked at; a GPU reads zeros there, writes nothing.
    """
    axes = indices.shape[-1]
    rows = indices.reshape(size_of(indices.shape[:-1]), axes)
    if can_look(rows):
        _refuse_outside(op, indices, rows, shape)
    places = kernels.array.empty((rows.shape[0],), np.int64)
    kernels.scatter.flat_places(rows, tuple(shape[:axes]), places)
    return places


def _refuse_outside(op, indices, rows, shape):
    sizes = np.array(shape[: rows.shape[1]], np.int64)
    outside = np.flatnonzero(((rows < 0) | (rows >= sizes)).any(axis=1))
    if outside.size:
        place = list(map(int, np.unravel_index(outside[0], indices.shape[:-1])))
        raise InvalidArgumentError(
            f"{op}: indices{place} = {rows[outside[0]].tolist()} does not index into shape {list(shape)}"
        )


def _axes(op, indices, shape):
    """How many axes the rows of ``indices`` name. Raises InvalidArgumentError if there are not so many."""
    require_integer(op, indices)
    if not indices.shape or indices.shape[-1] > len(shape):
        raise InvalidArgumentError(
            f"{op}: the last axis of indices holds one number for each of the first axes of shape {tuple(shape)}, at "
            f"most {len(shape)}; indices have shape {tuple(indices.shape)}"
        )
    return indices.shape[-1]


def _check_updates(op, indices, updates, shape):
    axes = _axes(op, indices, shape)
    wanted = (*indices.shape[:-1], *shape[axes:])
    if updates.shape != wanted:
        raise InvalidArgumentError(
            f"{op}: indices of shape {tuple(indices.shape)} into shape {tuple(shape)} need updates of shape {wanted}, "
            f"got {tuple(updates.shape)}"
        )
    return axes


@register_op("GatherNd")
class _GatherNd:
    inputs = ("params", "indices")
    keeps = ("indices",)
    same_dtype = False

    @staticmethod
    def infer(params, indices):
        axes = _axes("GatherNd", indices, params.shape)
        return Spec((*indices.shape[:-1], *params.shape[axes:]), params.dtype)

    @staticmethod
    def run(kernels, params, indices, y):
        axes = indices.shape[-1]
        places = _places(kernels, "GatherNd", indices, params.shape)
        rows, inner = size_of(params.shape[:axes]), size_of(params.shape[axes:])
        kernels.array.gather(params.reshape(1, rows, inner), places, y.reshape(1, places.size, inner))

    @staticmethod
    def gradient(node, dy):
        return apply("ScatterNd", node.inputs[1], dy, shape=tuple(node.inputs[0].shape)), None


@register_op("ScatterNd")
class _ScatterNd:
    """Updates for one place are added up, in the order of the indices."""

    inputs = ("indices", "updates")
    keeps = ("indices",)
    same_dtype = False

    @staticmethod
    def infer(indices, updates, shape):
        require_number("ScatterNd", updates)
        _check_updates("ScatterNd", indices, updates, shape)
        return Spec(shape, updates.dtype)

    @staticmethod
    def run(kernels, indices, updates, y, shape):
        axes = indices.shape[-1]
        places = _places(kernels, "ScatterNd", indices, shape)
        rows, inner = size_of(shape[:axes]), size_of(shape[axes:])
        kernels.array.gather_grad(updates.reshape(1, places.size, inner), places, y.reshape(1, rows, inner))

    @staticmethod
    def gradient(node, dy):
        return None, apply("GatherNd", dy, node.inputs[0])


class _TensorScatter:
    """y = tensor, but for what updates do at the places of ``indices``."""

    inputs = ("tensor", "indices", "updates")
    same_dtype = False
    name = kernel = ""

    @classmethod
    def infer(cls, tensor, indices, updates):
        if tensor.dtype is not updates.dtype:
            raise InvalidArgumentError(
                f"{cls.name}: tensor has dtype {tensor.dtype.name}, updates have {updates.dtype.name}; use tf.cast"
            )
        _check_updates(cls.name, indices, updates, tensor.shape)
        return tensor

    @classmethod
    def run(cls, kernels, tensor, indices, updates, y):
        axes = indices.shape[-1]
        places = _places(kernels, cls.name, indices, tensor.shape)
        rows, inner = size_of(tensor.shape[:axes]), size_of(tensor.shape[axes:])
        kernels.array.cast(tensor, y)
        getattr(kernels.scatter, cls.kernel)(updates.reshape(places.size, inner), places, y.reshape(rows, inner))


@register_op("TensorScatterUpdate")
class _TensorScatterUpdate(_TensorScatter):
    name, kernel = "TensorScatterUpdate", "update"
    keeps = ("indices",)

    @staticmethod
    def gradient(node, dy):
        indices, updates = node.inputs[1], node.inputs[2]
        none = apply("Fill", shape=tuple(updates.shape), value=0, dtype=dy.dtype)
        return apply("TensorScatterUpdate", dy, indices, none), None, apply("GatherNd", dy, indices)


class _TensorScatterExtreme(_TensorScatter):
    """All that equal the extreme share its gradient, as in TensorFlow."""

    keeps = ("tensor", "indices", "updates", "output")

    @staticmethod
    def gradient(node, dy):
        tensor, indices, updates = node.inputs
        y = node.outputs[0]
        kept = apply("Cast", tensor == y, dtype=dy.dtype)
        taken = apply("Cast", updates == apply("GatherNd", y, indices), dtype=dy.dtype)
        share = dy / apply("Maximum", kept + apply("ScatterNd", indices, taken, shape=tuple(y.shape)), 1)
        return share * kept, None, apply("GatherNd", share, indices) * taken


@register_op("TensorScatterMin")
class _TensorScatterMin(_TensorScatterExtreme):
    name, kernel = "TensorScatterMin", "minimum"


@register_op("TensorScatterMax")
class _TensorScatterMax(_TensorScatterExtreme):
    name, kernel = "TensorScatterMax", "maximum"


def _three(tensor, indices, updates):
    tensor = convert(tensor)
    return tensor, convert(indices), convert(updates, hint=tensor.dtype)


@reads_sizes
def gather_nd(params, indices, batch_dims=0, name=None, bad_indices_policy=""):
    """``params[i, j...]`` for each row (i, j...) of ``indices`` (..., axes): elements, or slices if axes are left.

    Args: batch_dims: how many first axes both share; rows then index what lies behind them.
    """
    params, indices = convert(params), convert(indices)
    if batch_dims:
        indices = _with_batch_places(indices, batch_dims)
    return apply("GatherNd", params, indices)


def batch_places(batch, shape, dtype):
    """For each axis of ``batch`` the place along it, as a tensor of ``shape``, which begins with those axes."""
    columns = [(-1, *(1,) * (len(shape) - axis - 1)) for axis in range(len(batch))]
    ranges = [
        np.arange(n, dtype=dtype.as_numpy_dtype).reshape(column) for n, column in zip(batch, columns, strict=True)
    ]
    return [apply("BroadcastTo", one, shape=tuple(shape)) for one in ranges]


def _with_batch_places(indices, batch_dims):
    """Rows of indices with the place in the batch before them."""
    inner = tuple(indices.shape[:-1])
    places = batch_places(inner[:batch_dims], inner, indices.dtype)
    return apply("ConcatV2", apply("Pack", *places, axis=len(inner)), indices, axis=len(inner))


@reads_sizes
def scatter_nd(indices, updates, shape, name=None):
    """Zeros of ``shape``, but ``updates`` at the places that the rows of ``indices`` name; several there are added."""
    shape = constant_ints("ScatterNd", "shape", shape)
    return apply("ScatterNd", convert(indices), convert(updates), shape=shape if isinstance(shape, tuple) else (shape,))


@reads_sizes
def tensor_scatter_nd_add(tensor, indices, updates, name=None):
    """``tensor`` with ``updates`` added at the places that the rows of ``indices`` name."""
    tensor, indices, updates = _three(tensor, indices, updates)
    return tensor + apply("ScatterNd", indices, updates, shape=tuple(tensor.shape))


@reads_sizes
def tensor_scatter_nd_sub(tensor, indices, updates, name=None):
    """``tensor`` with ``updates`` subtracted at the places that the rows of ``indices`` name."""
    tensor, indices, updates = _three(tensor, indices, updates)
    return tensor - apply("ScatterNd", indices, updates, shape=tuple(tensor.shape))


@reads_sizes
def tensor_scatter_nd_update(tensor, indices, updates, name=None):
    """``tensor`` with ``updates`` in place of what the rows of ``indices`` name; the last of several wins."""
    return apply("TensorScatterUpdate", *_three(tensor, indices, updates))


@reads_sizes
def tensor_scatter_nd_min(tensor, indices, updates, name=None):
    """``tensor`` with the smaller of itself and ``updates`` at the places that the rows of ``indices`` name."""
    return apply("TensorScatterMin", *_three(tensor, indices, updates))


@reads_sizes
def tensor_scatter_nd_max(tensor, indices, updates, name=None):
    """``tensor`` with the greater of itself and ``updates`` at the places that the rows of ``indices`` name."""
    return apply("TensorScatterMax", *_three(tensor, indices, updates))
