"""Summaries in TensorBoard's own messages (protocol buffers); arrays in, messages out.

The packages ``tensorboard`` and ``protobuf`` are imported when the first message is made.
"""

import struct
import zlib

import numpy as np

from microdl.core.optional import require

BUCKETS = 30  # of a histogram


def proto(name):
    """One of TensorBoard's modules of messages: ``proto("summary")``."""
    return require(f"tensorboard.compat.proto.{name}_pb2", "tf.summary")


def scalar(tag, array, description=None):
    """A Summary with one number."""
    if np.ndim(array):
        raise ValueError(f"summary.scalar: {tag!r} must be a scalar, got an array of shape {np.shape(array)}")
    number = proto("tensor").TensorProto(dtype=proto("types").DT_FLOAT, float_val=[float(array)])
    return _summary(tag, number, "scalars", description)


def histogram(tag, array, buckets=None, description=None):
    """A Summary with a table (left edge, right edge, count), a row for each of ``buckets`` intervals of one width.

    Equal values are all in the last row; no values give rows of zeros. NaN and infinities, which no interval has, are
    left out.
    """
    rows = BUCKETS if buckets is None else buckets
    values = np.asarray(array, np.float64).ravel()
    values = values[np.isfinite(values)]
    table = np.zeros((rows, 3))
    if rows and values.size:
        low, high = values.min(), values.max()
        edges = np.linspace(low, high, rows + 1) if high > low else np.full(rows + 1, low)
        places = np.floor((values - low) / ((high - low) / rows)) if high > low else np.full(values.size, rows - 1)
        counts = np.bincount(np.minimum(places.astype(np.int64), rows - 1), minlength=rows)
        table = np.stack([edges[:-1], edges[1:], counts], axis=1)
    return _summary(tag, _tensor(table), "histograms", description)


def image(tag, array, max_outputs=3, description=None):
    """A Summary with at most ``max_outputs`` images as PNG. array: (N, H, W, C), uint8, or floats from 0 to 1."""
    pixels = as_bytes("summary.image", array)
    count, height, width, _ = pixels.shape
    parts = [str(width).encode(), str(height).encode(), *(png(x) for x in pixels[: min(max_outputs, count)])]
    return _summary(tag, _strings(parts, (len(parts),)), "images", description)


def text(tag, array, description=None):
    """A Summary with text, shown as Markdown. array: of bytes or str, any shape."""
    parts = np.asarray(array, object)
    encoded = [x if isinstance(x, bytes) else str(x).encode() for x in parts.ravel()]
    return _summary(tag, _strings(encoded, parts.shape), "text", description)


def tensor(tag, array, metadata=None):
    """A Summary with an array. metadata: a SummaryMetadata message, or its bytes."""
    array = np.asarray(array)
    message = _strings(list(array.ravel()), array.shape) if array.dtype.hasobject else _tensor(array)
    summary = proto("summary").Summary()
    value = summary.value.add(tag=tag, tensor=message)
    if isinstance(metadata, bytes):
        value.metadata.ParseFromString(metadata)
    elif metadata is not None:
        value.metadata.CopyFrom(metadata)
    return summary


def as_bytes(caller, array):
    """Images as uint8, (N, H, W, C) with 1 to 4 channels; floats from 0 to 1 become 0 to 255, others are cut off."""
    array = np.asarray(array)
    if array.ndim != 4 or not 1 <= array.shape[-1] <= 4:
        raise ValueError(f"{caller}: images have the shape (N, height, width, 1 to 4 channels), got {array.shape}")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise TypeError(f"{caller}: images are uint8, or floats from 0 to 1, got {array.dtype}")
    return np.clip(np.nan_to_num(array) * 255.5, 0, 255).astype(np.uint8)


def png(pixels):
    """An image as the bytes of a PNG file. pixels: uint8, (H, W, C): gray, gray and alpha, RGB or RGBA.

    W3C, "Portable Network Graphics Specification", 2003: rows unfiltered, one zlib stream.
    """
    height, width, channels = pixels.shape
    kind = (0, 4, 2, 6)[channels - 1]
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)  # 0: no filter
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes())),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _summary(tag, message, plugin, description):
    summary = proto("summary").Summary()
    value = summary.value.add(tag=tag, tensor=message)
    value.metadata.plugin_data.plugin_name = plugin
    value.metadata.summary_description = description or ""
    return summary


def _tensor(array):
    types = proto("types")
    kinds = {"float64": "DOUBLE", "float32": "FLOAT", "float16": "HALF", "bool": "BOOL"}
    dtype = types.DataType.Value(f"DT_{kinds.get(array.dtype.name, array.dtype.name.upper())}")
    content = np.ascontiguousarray(array).tobytes()
    return proto("tensor").TensorProto(dtype=dtype, tensor_shape=_shape(array.shape), tensor_content=content)


def _strings(values, shape):
    dtype = proto("types").DT_STRING
    return proto("tensor").TensorProto(dtype=dtype, tensor_shape=_shape(shape), string_val=values)


def _shape(sizes):
    shape = proto("tensor_shape").TensorShapeProto()
    for n in sizes:
        shape.dim.add(size=n)
    return shape
