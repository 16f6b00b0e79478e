"""Elements chosen by position: slices, gather, one-hot, where."""

import builtins
import functools

import numpy as np

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.placement import can_look
from microdl.core.shapes import normalize_axis, size_of
from microdl.core.tensor import Tensor, apply, convert
from microdl.ops.checks import constant_ints, require_bool, require_integer
from microdl.ops.scatter import batch_places


def _numpy_index(index):
    """The form that arrays take, from the hashable one of ``core.tensor.hashable_index``."""
    return tuple(builtins.slice(*entry) if isinstance(entry, tuple) else entry for entry in index)


@functools.lru_cache(maxsize=1024)
def _sliced_shape(shape, index):
    for entry in index:
        if isinstance(entry, tuple) and entry[2] == 0:
            raise InvalidArgumentError(f"StridedSlice: the step of a slice must not be 0 (index {index})")
    indices = sum(entry is not None and entry is not Ellipsis for entry in index)
    if indices > len(shape):
        raise InvalidArgumentError(f"StridedSlice: {indices} indices for a tensor of {len(shape)} axes, shape {shape}")
    try:
        return np.broadcast_to(np.empty((), bool), shape)[_numpy_index(index)].shape
    except IndexError as error:
        raise InvalidArgumentError(f"StridedSlice: {error} (shape {shape})") from None


@register_op("StridedSlice")
class _StridedSlice:
    """index: tuple of ints, (start, stop, step) tuples, None (a new axis) and Ellipsis."""

    inputs = ("input",)

    @staticmethod
    def infer(x, index):
        return Spec(_sliced_shape(x.shape, index), x.dtype)

    @staticmethod
    def run(kernels, x, y, index):
        kernels.array.strided_slice(x, _numpy_index(index), y)

    @staticmethod
    def gradient(node, dy):
        return apply("StridedSliceGrad", dy, shape=tuple(node.inputs[0].shape), **node.attrs)

    @staticmethod
    def cost(x, index):
        return 0, 2 * _StridedSlice.infer(x, index).nbytes


@register_op("StridedSliceGrad")
class _StridedSliceGrad:
    inputs = ("dy",)

    @staticmethod
    def infer(dy, shape, index):
        return Spec(shape, dy.dtype)

    @staticmethod
    def run(kernels, dy, dx, shape, index):
        kernels.array.strided_slice_grad(dy, _numpy_index(index), dx)

    @staticmethod
    def gradient(node, ddx):
        return apply("StridedSlice", ddx, index=node.attrs["index"])

    @staticmethod
    def cost(dy, shape, index):
        return 0, 2 * dy.nbytes + size_of(shape) * dy.dtype.size


def _in_three(shape, axis):
    return size_of(shape[:axis]), shape[axis], size_of(shape[axis + 1 :])


@register_op("GatherV2")
class _GatherV2:
    inputs = ("params", "indices")
    keeps = ("indices",)
    same_dtype = False

    @staticmethod
    def infer(params, indices, axis):
        require_integer("GatherV2", indices)
        return Spec((*params.shape[:axis], *indices.shape, *params.shape[axis + 1 :]), params.dtype)

    @staticmethod
    def run(kernels, params, indices, y, axis):
        outer, rows, inner = _in_three(params.shape, axis)
        outside = np.argwhere((indices < 0) | (indices >= rows)) if can_look(indices) else None
        if outside is not None and len(outside):  # not its size: the place of a scalar is an empty row
            place = tuple(map(int, outside[0]))
            which = f"indices{list(place)}" if place else "indices"
            raise InvalidArgumentError(
                f"GatherV2: {which} = {indices[place]} is not in [0, {rows}), the range of axis {axis} of params of "
                f"shape {params.shape}"
            )
        kernels.array.gather(params.reshape(outer, rows, inner), indices.ravel(), y.reshape(outer, indices.size, inner))

    @staticmethod
    def gradient(node, dy):
        shape = tuple(node.inputs[0].shape)
        return apply("GatherV2Grad", dy, node.inputs[1], shape=shape, axis=node.attrs["axis"]), None

    @staticmethod
    def cost(params, indices, axis):
        return 0, indices.nbytes + 2 * _GatherV2.infer(params, indices, axis).nbytes


@register_op("GatherV2Grad")
class _GatherV2Grad:
    """Each slice of dy is added to the slice of ``params`` that it was taken from, in the order of the indices."""

    inputs = ("dy", "indices")
    keeps = ("indices",)
    same_dtype = False

    @staticmethod
    def infer(dy, indices, shape, axis):
        return Spec(shape, dy.dtype)

    @staticmethod
    def run(kernels, dy, indices, dparams, shape, axis):
        outer, rows, inner = _in_three(shape, axis)
        three = dy.reshape(outer, indices.size, inner), indices.ravel(), dparams.reshape(outer, rows, inner)
        kernels.array.gather_grad(*three)

    @staticmethod
    def gradient(node, ddparams):
        return apply("GatherV2", ddparams, node.inputs[1], axis=node.attrs["axis"]), None

    @staticmethod
    def cost(dy, indices, shape, axis):
        return dy.size, 2 * dy.nbytes + indices.nbytes + size_of(shape) * dy.dtype.size


@register_op("OneHot")
class _OneHot:
    inputs = ("indices",)

    @staticmethod
    def infer(indices, depth, on_value, off_value, axis, dtype):
        require_integer("OneHot", indices)
        return Spec((*indices.shape[:axis], depth, *indices.shape[axis:]), dtype)

    @staticmethod
    def run(kernels, indices, y, depth, on_value, off_value, axis, dtype):
        outer, inner = size_of(indices.shape[:axis]), size_of(indices.shape[axis:])
        scalar = y.dtype.type
        kernels.array.one_hot(
            indices.reshape(outer, inner), scalar(on_value), scalar(off_value), y.reshape(outer, depth, inner)
        )

    @staticmethod
    def cost(indices, depth, on_value, off_value, axis, dtype):
        return 0, indices.nbytes + indices.size * depth * dtype.size


@reads_sizes
def slice(input_, begin, size, name=None):
    """The block of ``input_`` that starts at ``begin`` and has shape ``size``, in which -1 means up to the end."""
    x = convert(input_)
    begin, size = constant_ints("Slice", "begin", begin), constant_ints("Slice", "size", size)
    if not len(begin) == len(size) == len(x.shape):
        raise InvalidArgumentError(
            f"Slice: begin {begin} and size {size} need one number for each axis of shape {x.shape}"
        )
    for axis, (start, count, n) in enumerate(zip(begin, size, x.shape, strict=True)):
        if not (0 <= start <= n and -1 <= count <= n - start):
            raise InvalidArgumentError(
                f"Slice: begin {start} and size {count} leave axis {axis} of shape {x.shape}, which has size {n}"
            )
    index = tuple((b, None if n == -1 else b + n, None) for b, n in zip(begin, size, strict=True))
    return apply("StridedSlice", x, index=index)


def gather(params, indices, validate_indices=None, axis=None, batch_dims=0, name=None):
    """The slices of ``params`` along ``axis`` at the positions ``indices``, whose shape takes the place of that axis.

    Args: axis: None is ``batch_dims``. batch_dims: how many first axes both share, along which they go side by side.

    Raises InvalidArgumentError for an index outside of the axis, negative ones included.
    """
    params, indices = convert(params), convert(indices)
    if batch_dims:
        return _gathered_side_by_side(params, indices, axis, batch_dims)
    return apply("GatherV2", params, indices, axis=normalize_axis("GatherV2", int(axis or 0), len(params.shape)))


@reads_sizes
def _gathered_side_by_side(params, indices, axis, batch_dims):
    batch = normalize_axis("GatherV2", batch_dims, indices.ndim + 1)
    axis = batch if axis is None else normalize_axis("GatherV2", axis, params.ndim)
    if axis < batch or tuple(params.shape[:batch]) != tuple(indices.shape[:batch]):
        raise InvalidArgumentError(
            f"GatherV2: params {params.shape} and indices {indices.shape} must agree in the first {batch} axes "
            f"(batch_dims), and axis {axis} lie behind them"
        )
    between = range(batch, axis)
    moved = apply("Transpose", params, perm=(*range(batch), axis, *between, *range(axis + 1, params.ndim)))
    places = batch_places(indices.shape[:batch], indices.shape, indices.dtype)
    found = apply(
        "GatherNd", moved, apply("Pack", *places, indices, axis=indices.ndim)
    )  # (batch, inner, between, rest)
    first = range(indices.ndim, indices.ndim + len(between))
    rest = range(indices.ndim + len(between), found.ndim)
    return apply("Transpose", found, perm=(*range(batch), *first, *range(batch, indices.ndim), *rest))


@reads_sizes
def one_hot(indices, depth, on_value=None, off_value=None, axis=None, dtype=None, name=None):
    """``on_value`` (1) at the place that each index names along a new axis of size ``depth``, else ``off_value`` (0).

    Args:
        indices: integers; an index outside [0, depth) gives ``off_value`` everywhere.
        axis: position of the new axis in the result; None: the last.
        dtype: of the result; None: that of the values, or float32.
    """
    indices = convert(indices)
    on, off = (None if value is None else convert(value, hint=dtype) for value in (on_value, off_value))
    given = next((value.dtype for value in (on, off) if value is not None), dtypes.float32)
    axis = normalize_axis("OneHot", -1 if axis is None else axis, len(indices.shape) + 1)
    return apply(
        "OneHot",
        indices,
        depth=int(depth),
        on_value=1 if on is None else on.numpy().item(),
        off_value=0 if off is None else off.numpy().item(),
        axis=axis,
        dtype=given if dtype is None else dtypes.as_dtype(dtype),
    )


def _values(op, mask):
    """The array of a mask on whose values the shape of the result depends."""
    if mask.symbolic:
        raise TypeError(
            f"{op}: the shape of the result depends on the values of the mask (shape {mask.shape}), which are not "
            "known while a function is traced; tf.where(mask, x, 0.0) keeps the shape, or do this outside of it"
        )
    return mask.host_array()


@reads_sizes
def where(condition, x=None, y=None, name=None):
    """x where ``condition`` holds, else y, all with broadcasting; without x and y the positions where it holds.

    Returns: a tensor of x's dtype; or int64 positions of shape (found, axes), which a graph cannot compute.
    """
    condition = convert(condition)
    if x is None and y is None:
        positions = np.argwhere(_values("where without x and y", condition))
        return Tensor(Spec(positions.shape, dtypes.int64), np.ascontiguousarray(positions, dtype=np.int64))
    if x is None or y is None:
        raise ValueError("where: give both x and y, or neither")
    hint = next((value.dtype for value in (x, y) if hasattr(value, "spec")), None)
    x = convert(x, hint=hint)
    return apply("SelectV2", condition, x, convert(y, hint=x.dtype))


@reads_sizes
def boolean_mask(tensor, mask, axis=0, name="boolean_mask"):
    """The slices of ``tensor`` where ``mask`` (bool) holds; its axes are those of ``tensor`` from ``axis`` on."""
    tensor, mask = convert(tensor), convert(mask)
    require_bool("boolean_mask", mask.spec)
    axis, shape = normalize_axis("boolean_mask", int(axis or 0), len(tensor.shape)), tuple(tensor.shape)
    covered = shape[axis : axis + len(mask.shape)]
    if not mask.shape:
        raise ValueError("boolean_mask: mask cannot be scalar.")
    if covered != tuple(mask.shape):
        raise ValueError(
            f"boolean_mask: mask has shape {mask.shape}, but tensor {tensor.shape} has {covered} from axis {axis} on"
        )
    merged = apply("Reshape", tensor, shape=(*shape[:axis], size_of(covered), *shape[axis + len(covered) :]))
    chosen = np.flatnonzero(_values("boolean_mask", mask))
    return gather(merged, Tensor(Spec(chosen.shape, dtypes.int64), chosen.astype(np.int64)), axis=axis)
