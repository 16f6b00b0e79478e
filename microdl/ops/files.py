"""Files as tensors of strings, and the numbers that strings of bytes hold."""

import os

import numpy as np

from microdl.core import dtypes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import as_integer
from microdl.core.tensor import apply, convert
from microdl.ops import gfile


def _path(array):
    return os.fsdecode(array.item())


def _require_scalars(op, *specs):
    for spec in specs:
        if spec.shape != () or not spec.dtype.is_string:
            raise InvalidArgumentError(f"{op}: a single string is expected, got {spec.dtype.name}, shape {spec.shape}")


@register_op("ReadFile")
class _ReadFile:
    inputs = ("filename",)
    stateful = True
    host = True

    @staticmethod
    def infer(filename):
        _require_scalars("ReadFile", filename)
        return Spec((), dtypes.string)

    @staticmethod
    def run(kernels, filename, y):
        with gfile.errors_about(_path(filename)), open(_path(filename), "rb") as file:
            y[()] = file.read()


@register_op("WriteFile")
class _WriteFile:
    inputs = ("filename", "contents")
    stateful = True
    host = True

    @staticmethod
    def infer(filename, contents):
        _require_scalars("WriteFile", filename, contents)
        return ()

    @staticmethod
    def run(kernels, filename, contents):
        path = _path(filename)
        with gfile.errors_about(path):
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "wb") as file:
                file.write(contents.item())


def read_file(filename, name=None):
    """The contents of a file, a string tensor of shape (). Raises NotFoundError if there is none."""
    return apply("ReadFile", _as_path(filename))


def write_file(filename, contents, name=None):
    """Writes ``contents``, a string, to a file; folders that are missing are made."""
    apply("WriteFile", _as_path(filename), convert(contents, hint=dtypes.string))


def _as_path(filename):
    return convert(os.fspath(filename) if isinstance(filename, os.PathLike) else filename, hint=dtypes.string)


def matching_files(pattern, name=None):
    """The paths that match a pattern, or one of several, sorted: a string tensor (N,)."""
    patterns = np.atleast_1d(convert(pattern, dtypes.string).known_array())
    found = sorted({path for text in patterns for path in gfile.glob(os.fsdecode(text))})
    return convert(np.array(list(map(os.fsencode, found)), object), dtypes.string)


def decode_raw(input_bytes, out_type, little_endian=True, fixed_length=None, name=None):
    """The numbers whose bytes strings hold: a new last axis counts them.

    Args:
        input_bytes: string tensor, all elements of one length. out_type: dtype of numbers, or bool.
        little_endian: bool, the least significant byte comes first. fixed_length: int bytes; longer strings are cut
            and shorter ones filled up with zeros.

    Raises: InvalidArgumentError if lengths differ, or hold no whole number of elements.

    >>> decode_raw([b"ab", b"cd"], dtypes.uint8).numpy()
    array([[ 97,  98],
           [ 99, 100]], dtype=uint8)
    """
    out_type = dtypes.as_dtype(out_type)
    if out_type.is_string:
        raise TypeError("decode_raw: out_type must be a dtype of numbers, or bool, got string")
    strings = convert(input_bytes, dtypes.string).known_array()
    texts = strings.ravel().tolist()
    if fixed_length is not None:
        length = as_integer("decode_raw", "fixed_length", fixed_length)
        if length <= 0 or length % out_type.size:
            raise InvalidArgumentError(
                f"fixed_length ({length}) must be a multiple of the size of out_type ({out_type.size})"
            )
        texts = [text[:length].ljust(length, b"\0") for text in texts]
    sizes = [len(text) for text in texts] or [0]
    for i, size in enumerate(sizes):
        if size != sizes[0]:
            raise InvalidArgumentError(
                f"DecodeRaw requires input strings to all be the same size, but element {i} has size {sizes[0]} != "
                f"{size}; fixed_length cuts them and fills them up"
            )
    if sizes[0] % out_type.size:
        raise InvalidArgumentError(
            f"Input to DecodeRaw has length {sizes[0]} that is not a multiple of {out_type.size}, the size of "
            f"{out_type.name}"
        )
    stored = np.dtype(out_type.as_numpy_dtype).newbyteorder("<" if little_endian else ">")
    if out_type.is_bool:
        numbers = np.frombuffer(b"".join(texts), np.uint8) != 0
    else:
        numbers = np.frombuffer(b"".join(texts), stored).astype(out_type.as_numpy_dtype)
    return convert(numbers.reshape(*strings.shape, sizes[0] // out_type.size))


def images_left_out(name):
    """What ``tf.io`` answers to who asks for an image format."""
    return (
        f"tf.io.{name}: microdl does not read or write pictures (PNG, JPEG, GIF, BMP); a package for pictures does, "
        "as Pillow: tf.constant(numpy.asarray(PIL.Image.open(path)))"
    )
