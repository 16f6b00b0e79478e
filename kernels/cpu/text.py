"""Strings on the CPU: elements of arrays of objects, each Python's bytes. What only moves them is ``array.py``'s.

Numba has no arrays of objects, so this is NumPy and Python; there is no CUDA twin. Outputs are allocated by the caller.
"""

import re

import numpy as np


def equal(x, y, z):
    """z = x == y, with broadcasting. x, y: bytes, read. z: bool, written."""
    np.equal(x, y, out=z)


def not_equal(x, y, z):
    """z = x != y, with broadcasting. x, y: bytes, read. z: bool, written."""
    np.not_equal(x, y, out=z)


def add(x, y, z):
    """z = x, then y, with broadcasting. x, y: bytes, read. z: bytes, written."""
    np.add(x, y, out=z)


def select(condition, x, y, z):
    """z = x where ``condition`` holds, else y, with broadcasting. condition: bool. x, y: bytes, read. z: as x."""
    z[...] = np.where(condition, x, y)


def each(function, x, y):
    """y[i] = function(x[i]). function: Python's, from an element of x to one of y. x: any dtype, read. y: written."""
    ys = y.reshape(-1)
    for i, element in enumerate(x.reshape(-1)):
        ys[i] = function(element)


def join(xs, separator, y):
    """y = the elements of ``xs`` at one place, with ``separator`` between them; arrays broadcast. xs, y: bytes."""
    stretched = [np.broadcast_to(x, y.shape).reshape(-1) for x in xs]
    ys = y.reshape(-1)
    for i in range(ys.size):
        ys[i] = separator.join(x[i] for x in stretched)


def substring(x, position, length, unit, y):
    """y = the ``length`` units of x from ``position`` on, with broadcasting; a negative position counts from the end.

    unit: "BYTE", or "UTF8_CHAR". x: bytes; position, length (negative: all): integers. y: bytes, written.
    Raises: IndexError if a position lies outside of its string.
    """
    texts, starts, counts = (np.broadcast_to(array, y.shape).reshape(-1) for array in (x, position, length))
    ys = y.reshape(-1)
    for i in range(ys.size):
        text = texts[i].decode() if unit == "UTF8_CHAR" else texts[i]
        start = int(starts[i])
        if not -len(text) <= start <= len(text):
            raise IndexError(f"pos {start} out of range for string {texts[i]!r} at index {i}")
        start += len(text) if start < 0 else 0
        part = text[start : start + int(counts[i])] if counts[i] >= 0 else text[start:]
        ys[i] = part.encode() if isinstance(part, str) else part


def replace(x, pattern, rewrite, count, y):
    """y = x with matches of the regular expression ``pattern`` replaced: the first ``count``, 0: all. Bytes all."""
    compiled = re.compile(pattern)
    each(lambda text: compiled.sub(rewrite, text, count=count), x, y)
