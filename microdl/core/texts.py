"""Strings as elements of tensors: Python's bytes in arrays of objects, the form in which TensorFlow gives them."""

import numpy as np


def as_bytes(array, value):
    """An array of bytes from one of objects or of NumPy's fixed-length strings; str is encoded as UTF-8.

    Raises: ValueError if an element is neither bytes nor str; ``value`` is what the caller was given.
    """
    result = np.empty(array.shape, object)
    for i, element in enumerate(array.ravel().tolist()):
        if isinstance(element, str):
            element = element.encode()
        elif not isinstance(element, bytes):
            raise ValueError(f"a tensor of strings holds str and bytes, got {element!r} in {value!r}")
        result.flat[i] = element
    return result
