"""Pieces of images that a kernel copies to read them without asking where they end."""

import math

import numpy as np

from ..jit import inner
from .simd import WIDEST_BYTES, clear, copy
from .vectors import lanes, load_some, store


@inner
def fill(x, image, sizes, first, count, channel, pitch, pixel, patch, origin):
    """patch[origin:]: ``count`` rows (columns, pixel) of an image from row first - top on, zero outside of it."""
    height, width, channels, _, _, _, top, left = sizes
    begin, end = min(left, pitch // pixel), max(0, min(pitch // pixel, width + left))
    used = min(pixel, channels - channel)
    for row in range(count):
        goal, line = origin + row * pitch, first + row - top
        if line < 0 or line >= height or begin >= end:
            clear(patch, goal, pitch)
            continue
        source = ((image * height + line) * width + begin - left) * channels + channel
        clear(patch, goal, begin * pixel)
        if pixel == channels:
            copy(x, source, patch, goal + begin * pixel, (end - begin) * pixel)
        else:
            for column in range(begin, end):
                for c in range(0, pixel, lanes(x)):
                    part = load_some(x, source + (column - begin) * channels + c, used - c)
                    store(part, patch, goal + column * pixel + c)
        clear(patch, goal + end * pixel, pitch - end * pixel)


@inner
def aligned(size, like):
    """(array, offset) for ``size`` elements of the dtype of ``like``; at the offset a vector begins, whatever size."""
    array = np.empty(size + WIDEST_BYTES // like.itemsize, like.dtype)
    return array, -array.ctypes.data % WIDEST_BYTES // like.itemsize


def aligned_empty(shape, dtype):
    """An array that begins where a vector may: a load across two lines of the cache takes twice as long."""
    array = np.empty(math.prod(shape) + WIDEST_BYTES // dtype.itemsize, dtype)
    first = -array.ctypes.data % WIDEST_BYTES // dtype.itemsize
    return array[first : first + math.prod(shape)].reshape(shape)
