"""Sums and the like of rows that belong together by a number each; counts of numbers."""

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.placement import can_look
from microdl.core.shapes import size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints, known_values, require_integer, require_number


class _Segments:
    """y[s] = what the rows of data with id s make; rows with negative ids belong nowhere."""

    inputs = ("data", "segment_ids")
    same_dtype = False
    name = kernel = ""

    @classmethod
    def infer(cls, data, ids, num_segments):
        require_number(cls.name, data)
        require_integer(cls.name, ids)
        if data.shape[: len(ids.shape)] != ids.shape:
            raise InvalidArgumentError(
                f"{cls.name}: data.shape = {list(data.shape)} does not start with segment_ids.shape = {list(ids.shape)}"
            )
        return Spec((num_segments, *data.shape[len(ids.shape) :]), data.dtype)

    @classmethod
    def run(cls, kernels, data, ids, y, num_segments):
        rows, flat = data.reshape(ids.size, size_of(data.shape[ids.ndim :])), ids.ravel()
        if can_look(flat):
            if flat.size and flat.max() >= num_segments:
                raise InvalidArgumentError(f"{cls.name}: segment_ids has {flat.max()}, not in [0, {num_segments})")
            inside = flat >= 0
            rows, flat = rows[inside], flat[inside].astype(np.int64)
        arrays = rows, flat, *cls.start(data.dtype)
        getattr(kernels.scatter, cls.kernel)(*arrays, y.reshape(num_segments, rows.shape[1]))

    @staticmethod
    def start(dtype):
        return ()


def _back(ids, rows):
    """rows[ids], and zeros for negative ids."""
    gathered = apply("GatherV2", rows, apply("Maximum", ids, 0), axis=0)
    inside = apply("Reshape", ids >= 0, shape=(*ids.shape, *(1,) * (gathered.ndim - ids.ndim)))
    return apply("SelectV2", inside, gathered, apply("ZerosLike", gathered))


@register_op("UnsortedSegmentSum")
class _UnsortedSegmentSum(_Segments):
    name, kernel = "UnsortedSegmentSum", "segment_sum"
    keeps = ("segment_ids",)

    @staticmethod
    def gradient(node, dy):
        return _back(node.inputs[1], dy), None


@register_op("UnsortedSegmentProd")
class _UnsortedSegmentProd(_Segments):
    """The gradient is dy times the product of the others: of those that are not 0, if this is the only zero."""

    name, kernel = "UnsortedSegmentProd", "segment_prod"
    keeps = ("data", "segment_ids")

    @staticmethod
    def gradient(node, dy):
        (data, ids), count = node.inputs, node.attrs["num_segments"]
        none = apply("Equal", data, 0)
        zeros = apply("UnsortedSegmentSum", apply("Cast", none, dtype=dtypes.int32), ids, num_segments=count)
        other = apply("SelectV2", none, apply("OnesLike", data), data)
        product = _back(ids, apply("UnsortedSegmentProd", other, ids, num_segments=count))
        zeros = _back(ids, zeros) - apply("Cast", none, dtype=dtypes.int32)  # among the others
        rest = product / other
        return _back(ids, dy) * apply("SelectV2", zeros > 0, apply("ZerosLike", rest), rest), None


class _Extreme(_Segments):
    """All that equal the extreme share its gradient."""

    keeps = ("data", "segment_ids", "output")

    @staticmethod
    def gradient(node, dy):
        data, ids = node.inputs
        chosen = apply("Cast", data == _back(ids, node.outputs[0]), dtype=dy.dtype)
        ties = apply("UnsortedSegmentSum", chosen, ids, num_segments=node.attrs["num_segments"])
        return chosen * _back(ids, dy / apply("Maximum", ties, 1)), None


@register_op("UnsortedSegmentMax")
class _UnsortedSegmentMax(_Extreme):
    name, kernel = "UnsortedSegmentMax", "segment_max"

    @staticmethod
    def start(dtype):
        return (np.finfo(dtype).min if dtype.kind == "f" else np.iinfo(dtype).min,)


@register_op("UnsortedSegmentMin")
class _UnsortedSegmentMin(_Extreme):
    name, kernel = "UnsortedSegmentMin", "segment_min"

    @staticmethod
    def start(dtype):
        return (np.finfo(dtype).max if dtype.kind == "f" else np.iinfo(dtype).max,)


def _unsorted(op, data, segment_ids, num_segments):
    count = constant_ints(op, "num_segments", num_segments)
    return apply(op, convert(data), convert(segment_ids), num_segments=count)


@reads_sizes
def unsorted_segment_sum(data, segment_ids, num_segments, name=None):
    """y[s] = sum of data[i] with segment_ids[i] = s, for s in [0, num_segments); negative ids are left out."""
    return _unsorted("UnsortedSegmentSum", data, segment_ids, num_segments)


@reads_sizes
def unsorted_segment_prod(data, segment_ids, num_segments, name=None):
    """y[s] = product of data[i] with segment_ids[i] = s; 1 for an empty segment."""
    return _unsorted("UnsortedSegmentProd", data, segment_ids, num_segments)


@reads_sizes
def unsorted_segment_max(data, segment_ids, num_segments, name=None):
    """y[s] = max of data[i] with segment_ids[i] = s; the dtype's smallest number for an empty segment."""
    return _unsorted("UnsortedSegmentMax", data, segment_ids, num_segments)


@reads_sizes
def unsorted_segment_min(data, segment_ids, num_segments, name=None):
    """y[s] = min of data[i] with segment_ids[i] = s; the dtype's greatest number for an empty segment."""
    return _unsorted("UnsortedSegmentMin", data, segment_ids, num_segments)


def _counts(data, ids, num_segments):
    """How many rows each segment has, at least 1, in a shape that broadcasts over the segments' rows."""
    ones = apply("Fill", shape=tuple(ids.shape), value=1, dtype=data.dtype)
    counts = apply("Maximum", _unsorted("UnsortedSegmentSum", ones, ids, num_segments), 1)
    return apply("Reshape", counts, shape=(*counts.shape, *(1,) * (data.ndim - ids.ndim)))


@reads_sizes
def unsorted_segment_mean(data, segment_ids, num_segments, name=None):
    """y[s] = mean of data[i] with segment_ids[i] = s; 0 for an empty segment."""
    data, ids = convert(data), convert(segment_ids)
    return _unsorted("UnsortedSegmentSum", data, ids, num_segments) / _counts(data, ids, num_segments)


@reads_sizes
def unsorted_segment_sqrt_n(data, segment_ids, num_segments, name=None):
    """y[s] = sum of data[i] with segment_ids[i] = s, divided by the square root of how many there are."""
    data, ids = convert(data), convert(segment_ids)
    return _unsorted("UnsortedSegmentSum", data, ids, num_segments) / apply("Sqrt", _counts(data, ids, num_segments))


def _sorted(op, data, segment_ids):
    """data, ids and the number of segments of rising ids, whose values must be known."""
    data, ids = convert(data), convert(segment_ids)
    values = known_values(op, "segment_ids", ids)
    if values.ndim != 1:
        raise InvalidArgumentError(f"{op}: segment_ids should be a vector, got shape {ids.shape}")
    if (np.diff(values) < 0).any() or (values < 0).any():
        raise InvalidArgumentError(f"{op}: segment ids are not increasing, or below 0: {values.tolist()}")
    return data, ids, int(values[-1]) + 1 if values.size else 0


@reads_sizes
def segment_sum(data, segment_ids, name=None):
    """y[s] = sum of data[i] with segment_ids[i] = s; the ids rise from 0."""
    return _unsorted("UnsortedSegmentSum", *_sorted("segment_sum", data, segment_ids))


@reads_sizes
def segment_prod(data, segment_ids, name=None):
    """y[s] = product of data[i] with segment_ids[i] = s; the ids rise from 0."""
    return _unsorted("UnsortedSegmentProd", *_sorted("segment_prod", data, segment_ids))


@reads_sizes
def segment_mean(data, segment_ids, name=None):
    """y[s] = mean of data[i] with segment_ids[i] = s; the ids rise from 0."""
    return unsorted_segment_mean(*_sorted("segment_mean", data, segment_ids))


@reads_sizes
def segment_max(data, segment_ids, name=None):
    """y[s] = max of data[i] with segment_ids[i] = s, 0 for an empty segment; the ids rise from 0."""
    return _extreme("UnsortedSegmentMax", *_sorted("segment_max", data, segment_ids))


@reads_sizes
def segment_min(data, segment_ids, name=None):
    """y[s] = min of data[i] with segment_ids[i] = s, 0 for an empty segment; the ids rise from 0."""
    return _extreme("UnsortedSegmentMin", *_sorted("segment_min", data, segment_ids))


def _extreme(op, data, ids, count):
    y = _unsorted(op, data, ids, count)
    empty = np.bincount(ids.host_array(), minlength=count) == 0
    return apply("SelectV2", empty.reshape(-1, *(1,) * (y.ndim - 1)), apply("ZerosLike", y), y) if empty.any() else y


@reads_sizes
def bincount(
    arr,
    weights=None,
    minlength=None,
    maxlength=None,
    dtype=dtypes.int32,
    name=None,
    axis=None,
    binary_output=False,
):
    """How often each number 0, 1... comes in ``arr``, or the sum of its ``weights``.

    Args:
        minlength, maxlength: bounds of the result's length, which else is the greatest number + 1; numbers from
            maxlength on are left out. dtype: of the result without weights.
        axis: None counts all; -1 each row of a matrix by itself. binary_output: 1 for what comes at all.
    """
    arr = convert(arr)
    size = _bins(arr, minlength, maxlength)
    weights = None if weights is None else convert(weights)
    kind = dtypes.as_dtype(dtype) if weights is None else weights.dtype
    inside = arr < convert(size, hint=arr.dtype)
    ids = apply("SelectV2", inside, arr, apply("ZerosLike", arr) - 1)
    rows = 1
    if axis in (-1, 1) and arr.ndim == 2:
        rows = arr.spec.shape[0]
        first = np.arange(rows, dtype=arr.dtype.as_numpy_dtype)[:, None] * size
        ids = apply("SelectV2", inside, ids + first, ids)
    elif axis not in (None, 0):
        raise ValueError(f"bincount: axis is None, 0 or -1, got {axis!r}")
    if weights is None:
        weights = apply("Fill", shape=tuple(arr.shape), value=1, dtype=kind)
    y = apply("UnsortedSegmentSum", weights, ids, num_segments=rows * size)
    if binary_output:
        y = apply("Cast", y > 0, dtype=kind)
    return apply("Reshape", y, shape=(rows, size)) if axis in (-1, 1) and arr.ndim == 2 else y


def _bins(arr, minlength, maxlength):
    low, high = (None if n is None else constant_ints("bincount", "length", n) for n in (minlength, maxlength))
    if low is not None and low == high:
        return low
    values = known_values("bincount", "arr", arr)
    if values.size and values.min() < 0:
        raise InvalidArgumentError("bincount: Input arr must be non-negative!")
    size = max(int(values.max()) + 1 if values.size else 0, low or 0)
    return size if high is None else min(size, high)


@reads_sizes
def confusion_matrix(labels, predictions, num_classes=None, weights=None, dtype=dtypes.int32, name=None):
    """y[l, p] = how many samples of label l were predicted as p, or the sum of their ``weights``."""
    labels, predictions = convert(labels), convert(predictions)
    kind = dtypes.as_dtype(dtype)
    if num_classes is None:
        values = [known_values("confusion_matrix", "labels and predictions", x) for x in (labels, predictions)]
        num_classes = 1 + max(int(x.max()) if x.size else -1 for x in values)
    size = constant_ints("confusion_matrix", "num_classes", num_classes)
    places = apply("Pack", *(apply("Cast", x, dtype=dtypes.int64) for x in (labels, predictions)), axis=labels.ndim)
    ones = constant(1, kind) if weights is None else apply("Cast", convert(weights), dtype=kind)
    return apply("ScatterNd", places, apply("BroadcastTo", ones, shape=tuple(labels.shape)), shape=(size, size))


@reads_sizes
def histogram_fixed_width(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """How many ``values`` lie in each of ``nbins`` equal parts of value_range, those outside at its ends."""
    bins = histogram_fixed_width_bins(values, value_range, nbins)
    count = constant_ints("histogram_fixed_width", "nbins", nbins)
    return bincount(bins, minlength=count, maxlength=count, dtype=dtype)


@reads_sizes
def histogram_fixed_width_bins(values, value_range, nbins=100, dtype=dtypes.int32, name=None):
    """The number of the bin of each of ``values``: see ``histogram_fixed_width``."""
    values = convert(values)
    limits = convert(value_range, hint=values.dtype)
    count = constant_ints("histogram_fixed_width", "nbins", nbins)
    scaled = (values - limits[0]) / (limits[1] - limits[0]) * count
    clipped = apply("Minimum", apply("Maximum", apply("Floor", scaled), 0), count - 1)
    return apply("Cast", clipped, dtype=dtypes.as_dtype(dtype))
