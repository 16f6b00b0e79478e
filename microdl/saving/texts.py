"""Arrays of byte strings as arrays of numbers, for files that hold numbers alone."""

import json

import numpy as np


def as_bytes(text):
    """Text as an array of its bytes: uint8, (n,)."""
    return np.frombuffer(text.encode(), np.uint8)


def as_text(array):
    """What ``as_bytes`` was given."""
    return array.tobytes().decode()


def as_numbers(array):
    """The bytes of JSON, uint8, (n,). array: of bytes or str, dtype object, any shape."""
    texts = [
        x.decode("latin-1") if isinstance(x, bytes) else x.encode().decode("latin-1") for x in array.ravel().tolist()
    ]
    return as_bytes(json.dumps([list(array.shape), texts]))


def as_strings(array):
    """What ``as_numbers`` was given, with str as bytes. Raises ValueError, TypeError or AttributeError for others."""
    shape, texts = json.loads(as_text(array))
    strings = np.empty(len(texts), object)
    strings[:] = [text.encode("latin-1") for text in texts]
    return strings.reshape(shape)
