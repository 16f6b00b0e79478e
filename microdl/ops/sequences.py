"""Parts of tensors by rules: strided slices, sequences of different lengths, partitions and their joining, grids."""

import builtins

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.shapes import broadcast_shapes, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints, known_values
from microdl.ops.indexing import gather


@reads_sizes
def strided_slice(
    input_,
    begin,
    end,
    strides=None,
    begin_mask=0,
    end_mask=0,
    ellipsis_mask=0,
    new_axis_mask=0,
    shrink_axis_mask=0,
    var=None,
    name=None,
):
    """``input_[begin[0]:end[0]:strides[0], ...]``; bit i of a mask changes what entry i means.

    Args:
        begin_mask, end_mask: from the first, up to the last. ellipsis_mask: ``...``. new_axis_mask: ``tf.newaxis``.
        shrink_axis_mask: the single index ``begin[i]``.
    """
    begin, end = constant_ints("StridedSlice", "begin", begin), constant_ints("StridedSlice", "end", end)
    steps = (1,) * len(begin) if strides is None else constant_ints("StridedSlice", "strides", strides)
    if not len(begin) == len(end) == len(steps):
        raise InvalidArgumentError(
            f"StridedSlice: begin, end and strides have one length, got {len(begin)}, {len(end)} and {len(steps)}"
        )
    index: list = []
    for i, (first, stop, step) in enumerate(zip(begin, end, steps, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            index.append(...)
        elif new_axis_mask & bit:
            index.append(None)
        elif shrink_axis_mask & bit:
            index.append(first)
        else:
            ends = None if begin_mask & bit else first, None if end_mask & bit else stop
            index.append(builtins.slice(*ends, step))
    return convert(input_)[tuple(index)]


@reads_sizes
def sequence_mask(lengths, maxlen=None, dtype=dtypes.bool, name=None):
    """mask[..., j] = j < lengths[...], for j below ``maxlen`` (None: the greatest length, which must be known)."""
    lengths = convert(lengths)
    if maxlen is None:
        maxlen = max(known_values("sequence_mask", "lengths", lengths).max(initial=0), 0)
    size = constant_ints("sequence_mask", "maxlen", maxlen)
    mask = constant(np.arange(size, dtype=lengths.dtype.as_numpy_dtype)) < apply(
        "ExpandDims", lengths, axis=lengths.ndim
    )
    return apply("Cast", mask, dtype=dtypes.as_dtype(dtype))


@reads_sizes
def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=0, name=None):
    """``input`` with the first seq_lengths[b] elements along ``seq_axis`` reversed, for each b of ``batch_axis``."""
    x, lengths = convert(input), convert(seq_lengths)
    if seq_axis is None:
        raise ValueError("reverse_sequence: seq_axis, the axis to be reversed along, must be given")
    order = [batch_axis, seq_axis, *(i for i in range(x.ndim) if i not in (batch_axis, seq_axis))]
    moved = apply("Transpose", x, perm=tuple(order))
    size = moved.shape[1]
    steps = constant(np.arange(size, dtype=lengths.dtype.as_numpy_dtype))
    lengths = apply("ExpandDims", lengths, axis=1)
    places = apply("SelectV2", steps < lengths, lengths - 1 - steps, apply("ZerosLike", lengths) + steps)
    turned = gather(moved, places, axis=1, batch_dims=1)
    return apply("Transpose", turned, perm=tuple(order.index(i) for i in range(x.ndim)))


@reads_sizes
def dynamic_partition(data, partitions, num_partitions, name=None):
    """A list: for each p below ``num_partitions`` the slices of ``data`` whose entry in ``partitions`` is p.

    Raises: TypeError while tracing if the partitions are not known: the shapes of the results depend on them.
    """
    data, partitions = convert(data), convert(partitions)
    values = known_values("dynamic_partition", "partitions", partitions)
    if tuple(data.shape[: values.ndim]) != values.shape:
        raise InvalidArgumentError(
            f"dynamic_partition: data.shape {data.shape} does not start with partitions.shape {partitions.shape}"
        )
    if values.size and not 0 <= values.min() <= values.max() < num_partitions:
        raise InvalidArgumentError(f"dynamic_partition: partitions must be in [0, {num_partitions}), got {values}")
    rows = apply("Reshape", data, shape=(values.size, *data.shape[values.ndim :]))
    return [gather(rows, constant(np.flatnonzero(values == p))) for p in range(num_partitions)]


@reads_sizes
def dynamic_stitch(indices, data, name=None):
    """y[indices[m][i]] = data[m][i]; where places come twice, the last one wins. What no index names is 0.

    indices, data: lists of integer Tensors and of Tensors whose shapes begin with those of the indices.
    """
    values = [known_values("dynamic_stitch", "indices", convert(x)) for x in indices]
    tensors = [convert(x) for x in data]
    rest = tuple(tensors[0].shape[values[0].ndim :])
    rows = [apply("Reshape", x, shape=(v.size, *rest)) for x, v in zip(tensors, values, strict=True)]
    joined = apply("ConcatV2", *rows, axis=0) if len(rows) > 1 else rows[0]
    places = np.concatenate([v.ravel() for v in values]).astype(np.int64)
    size = int(places.max(initial=-1)) + 1
    source = np.full(size, len(places), np.int64)
    source[places] = np.arange(len(places))
    if (source == len(places)).any():
        joined = apply("ConcatV2", joined, apply("Fill", shape=(1, *rest), value=0, dtype=joined.dtype), axis=0)
    return gather(joined, constant(source))


@reads_sizes
def meshgrid(*args, **kwargs):
    """Coordinates of a grid: a list of Tensors, one for each of the vectors ``args``, of one shape.

    Args: indexing: "xy" (the first two axes of the result belong to the second and the first vector) or "ij". name.
    """
    indexing = kwargs.pop("indexing", "xy")
    kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"meshgrid: unknown arguments {', '.join(kwargs)}")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Argument `indexing` parameter must be either 'xy' or 'ij', got {indexing!r}")
    vectors = [convert(x) for x in args]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    sizes = [vectors[i].spec.size for i in order]
    return [
        apply(
            "BroadcastTo",
            apply("Reshape", x, shape=tuple(n if order[axis] == k else 1 for axis, n in enumerate(sizes))),
            shape=tuple(sizes),
        )
        for k, x in enumerate(vectors)
    ]


@reads_sizes
def unravel_index(indices, dims, name=None):
    """The places in an array of shape ``dims`` that flat ``indices`` mean: (axes, ...)."""
    indices = convert(indices)
    sizes = constant_ints("unravel_index", "dims", dims)
    if (
        not indices.symbolic
        and indices.spec.size
        and not 0 <= indices.host_array().min() <= indices.host_array().max() < size_of(sizes)
    ):
        raise InvalidArgumentError(f"unravel_index: index is out of bound as with dims {list(sizes)}")
    steps = [size_of(sizes[axis + 1 :]) for axis in range(len(sizes))]
    return apply("Pack", *(indices // step % n for step, n in zip(steps, sizes, strict=True)), axis=0)


@reads_sizes
def invert_permutation(x, name=None):
    """y[x[i]] = i, for a vector that holds each of 0, 1... once."""
    x = convert(x)
    places = constant(np.arange(x.spec.shape[0], dtype=x.dtype.as_numpy_dtype))
    return apply("ScatterNd", apply("ExpandDims", x, axis=1), places, shape=tuple(x.shape))


@reads_sizes
def broadcast_dynamic_shape(shape_x, shape_y):
    """The shape that tensors of two shapes broadcast to, as a tensor."""
    x, y = (constant_ints("broadcast_dynamic_shape", "shape", one) for one in (shape_x, shape_y))
    return constant(np.array(broadcast_shapes("broadcast_dynamic_shape", x, y), np.int32))


@reads_sizes
def space_to_depth(input, block_size, data_format="NHWC", name=None):
    """Blocks of block_size x block_size pixels become channels: (n, h, w, c) -> (n, h / b, w / b, b * b * c)."""
    x, b = _images("space_to_depth", input, data_format), int(block_size)
    n, h, w, c = x.shape
    if b < 2 or h % b or w % b:
        raise ValueError(f"space_to_depth: block_size, at least 2, must divide height and width, got {b} and {x.shape}")
    parts = apply("Reshape", x, shape=(n, h // b, b, w // b, b, c))
    return apply("Reshape", apply("Transpose", parts, perm=(0, 1, 3, 2, 4, 5)), shape=(n, h // b, w // b, b * b * c))


@reads_sizes
def depth_to_space(input, block_size, data_format="NHWC", name=None):
    """Channels become blocks of block_size x block_size pixels: (n, h, w, b * b * c) -> (n, h * b, w * b, c)."""
    x, b = _images("depth_to_space", input, data_format), int(block_size)
    n, h, w, c = x.shape
    if b < 2 or c % (b * b):
        raise ValueError(f"depth_to_space: block_size, at least 2, squared must divide the channels: {b} and {x.shape}")
    parts = apply("Reshape", x, shape=(n, h, w, b, b, c // (b * b)))
    return apply("Reshape", apply("Transpose", parts, perm=(0, 1, 3, 2, 4, 5)), shape=(n, h * b, w * b, c // (b * b)))


def _images(op, x, data_format):
    x = convert(x)
    if data_format != "NHWC" or x.ndim != 4:
        raise ValueError(f'{op}: expected images (n, h, w, c), data_format "NHWC"; got {x.shape}, {data_format!r}')
    return x
