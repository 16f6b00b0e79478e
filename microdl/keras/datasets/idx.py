"""Reads IDX files, the format in which MNIST and its kin (Fashion-MNIST, KMNIST, EMNIST) are published.

A file is a header and the elements in row-major order, all big-endian, the whole possibly gzip-compressed:

    0 0 T D   two zero bytes, the element type's code T, the number of axes D (one byte each)
    n1 .. nD  the size of each axis (4 bytes each)
    elements  n1 * .. * nD of them

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

ELEMENTS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_AXES = 64  # NumPy's limit


def load(path):
    """The array that an IDX file holds.

    Args:
        path: str or path-like. A plain or gzip-compressed IDX file; which of the two is seen from its first bytes.
    Returns: array in native byte order, of the file's shape; uint8, int8, int16, int32, float32 or float64.
    Raises: FileNotFoundError if there is no such file. ValueError if it is no IDX file, is damaged or truncated, or
        has bytes after its last element.
    """
    path = Path(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        if not compressed:
            return _read(file, path)
        try:
            with gzip.GzipFile(fileobj=file) as content:
                return _read(content, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path}: expected a whole gzip file, found a damaged or cut one ({error}); copy or unpack it again"
            ) from error


def load_folder(folder):
    """The four arrays of a data set laid out as MNIST is: images and labels, for training and for testing.

    Args:
        folder: str or path-like. Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
            ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``; the dash before ``idx`` may be a dot, and each
            file may end in ``.gz``.
    Returns: ``(x_train, y_train), (x_test, y_test)``; images (N, H, W) and labels (N,), as stored.
    Raises: FileNotFoundError if a file is missing. ValueError as in `load`, or if images and labels do not belong
        together.
    """
    folder = Path(folder)
    return _pair(folder, "train"), _pair(folder, "t10k")


def _pair(folder, part):
    images_file, labels_file = _find(folder, f"{part}-images", 3), _find(folder, f"{part}-labels", 1)
    images, labels = load(images_file), load(labels_file)
    for file, array, axes in ((images_file, images, 3), (labels_file, labels, 1)):
        if array.ndim != axes:
            raise ValueError(f"{file}: expected {axes} axes, found {array.ndim} (shape {array.shape})")
    if len(images) != len(labels):
        raise ValueError(
            f"{folder}: expected one label per image, found {len(images)} images in {images_file.name} and "
            f"{len(labels)} labels in {labels_file.name}; the two files belong to different data sets"
        )
    return images, labels


def _find(folder, stem, axes):
    names = [f"{stem}{mark}idx{axes}-ubyte{ending}" for ending in ("", ".gz") for mark in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    present = sorted(os.listdir(folder))[:8]
    raise FileNotFoundError(f"{folder}: expected one of {', '.join(names)}, found {', '.join(present) or 'nothing'}")


def _read(file, path):
    """Checks the header, then reads as many bytes as it announces and one more, never a size taken on trust."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in ELEMENTS:
        codes = " ".join(f"{code:02x}" for code in ELEMENTS)
        raise ValueError(
            f"{path}: expected an IDX file, which starts with 00 00, an element type ({codes}) and the number of axes, "
            f"found {magic.hex(' ') or 'an empty file'}"
        )
    dtype, axes = np.dtype(ELEMENTS[magic[2]]), magic[3]
    if not 1 <= axes <= _MAX_AXES:
        raise ValueError(f"{path}: expected 1 to {_MAX_AXES} axes, found {axes} in the header")
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise ValueError(f"{path}: truncated: expected {axes} sizes of 4 bytes in the header, found {len(sizes)} bytes")
    shape = tuple(np.frombuffer(sizes, ">u4").tolist())
    expected = math.prod(shape) * dtype.itemsize
    announced = f"{expected} bytes of elements (shape {shape}, {dtype.newbyteorder('=')})"
    if math.prod(max(n, 1) for n in shape) * dtype.itemsize >= 2**47:  # NumPy refuses (0, huge) as well
        raise ValueError(
            f"{path}: impossible sizes: the header announces {announced}, more than any machine can address"
        )
    elements = _read_at_most(file, expected + 1)
    if len(elements) < expected:
        raise ValueError(f"{path}: truncated: expected {announced}, found {len(elements)}; copy the file again")
    if len(elements) > expected:
        raise ValueError(f"{path}: trailing bytes: expected {announced}, found more; the header or the file is wrong")
    return np.frombuffer(elements, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_at_most(file, size, chunk=1 << 24):
    """Up to ``size`` bytes, in chunks: a wrong header must not make us allocate more than the file can fill."""
    content = bytearray()
    while size > len(content) and (more := file.read(min(chunk, size - len(content)))):
        content += more
    return content
