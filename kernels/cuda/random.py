"""Random numbers with TensorFlow's bits on a GPU, and dropout. Twin: ``kernels/cpu/random.py``.

Philox 4x32-10 is a function from a counter and a key to four words, so every thread draws its own, and a stream has the
same words on every device: ``stream_words``, ``uniform`` and ``dropout`` give the CPU's to the last bit. A thread has
one counter, and the four elements that come from it. Streams: ``key``, ``low`` and ``high``, numbers of 64 bits.
"""

from math import log, sqrt

import numpy as np

from .elements import EACH, blocks, first_element
from .launch import kernel
from .scalar import TWO, ZERO, select
from .target import device, float32, int32, libdevice, uint8, uint32, uint64

MULTIPLIER_0, MULTIPLIER_1 = np.uint32(0xD2511F53), np.uint32(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)  # the golden ratio and sqrt(3) - 1, as fractions
FRACTION, UNIT = np.uint32(2**23 - 1), np.float32(2.0**-23)
LEAST = np.float32(1.0e-7)


@device
def _product(a, b):
    """(low, high) words of a product."""
    product = uint64(a) * uint64(b)
    return uint32(product), uint32(product >> uint64(32))


@device
def philox(key, low, high):
    """The four words of Philox 4x32-10 at counter (low, high)."""
    c0, c1, c2, c3 = uint32(low), uint32(low >> uint64(32)), uint32(high), uint32(high >> uint64(32))
    k0, k1 = uint32(key), uint32(key >> uint64(32))
    for _ in range(10):
        l0, h0 = _product(c0, MULTIPLIER_0)
        l1, h1 = _product(c2, MULTIPLIER_1)
        c0, c1, c2, c3 = uint32(h1 ^ c1 ^ k0), l1, uint32(h0 ^ c3 ^ k1), l0
        k0, k1 = uint32(k0 + WEYL_0), uint32(k1 + WEYL_1)
    return c0, c1, c2, c3


@device
def _own_words(key, low, high):
    """The words of this thread's four elements."""
    return philox(key, uint64(low + uint64(first_element() // uint32(EACH))), high)


@device
def _unit(word):
    """A number in [0, 1): the low 23 bits of a word as a fraction."""
    return float32(int32(word & FRACTION)) * UNIT


@device
def _store_some(four, y, first, n):
    """Those of four elements that are in y."""
    for i in range(EACH):
        j = uint32(first + uint32(i))
        if j < uint32(n):
            y[j] = four[i]


@kernel("uint64 uint64 uint64 uint32* int32")
def _stream_words(key, low, high, y, n):
    _store_some(_own_words(key, low, high), y, first_element(), n)


def stream_words(key, low, high, y):
    """y[i] = word i of the stream. y: uint32 (n,), written."""
    _stream_words(blocks(y), key, low, high, y, y.size)


@kernel("uint64 uint64 uint64 float32 float32 float32* int32")
def _uniform(key, low, high, scale, shift, y, n):
    a, b, c, d = _own_words(key, low, high)
    p, q = _unit(a) * scale + shift, _unit(b) * scale + shift
    _store_some((p, q, _unit(c) * scale + shift, _unit(d) * scale + shift), y, first_element(), n)


def uniform(key, low, high, scale, shift, y):
    """y[i] = scale * u[i] + shift, with u uniform in [0, 1). y: float32 (n,), written."""
    _uniform(blocks(y), key, low, high, scale, shift, y, y.size)


@device
def _box_muller(first, second):
    """Two normals from two words: r sin(2 pi u2) and r cos(2 pi u2) with r = sqrt(-2 log(max(u1, 1e-7)))."""
    u = _unit(first)
    radius = sqrt(float32(-2) * log(LEAST if u < LEAST else u))
    halves = TWO * _unit(second)  # of the circle: sin of radians would have to allow for millions of them, in float64
    return radius * libdevice.sinpif(halves), radius * libdevice.cospif(halves)


@kernel("uint64 uint64 uint64 float32 float32 float32* int32")
def _normal(key, low, high, stddev, mean, y, n):
    a, b, c, d = _own_words(key, low, high)
    p, q = _box_muller(a, b)
    r, s = _box_muller(c, d)
    four = p * stddev + mean, q * stddev + mean, r * stddev + mean, s * stddev + mean
    _store_some(four, y, first_element(), n)


def normal(key, low, high, stddev, mean, y):
    """y[i] = stddev * z[i] + mean, with z normal. y: float32 (n,), written.

    The words are the CPU's; logarithm, sine and cosine are the device's, and may differ in the last bits.
    """
    _normal(blocks(y), key, low, high, stddev, mean, y, y.size)


@kernel("float32* uint64 uint64 uint64 float32 float32 uint8* float32* int32")
def _dropout(x, key, low, high, rate, scale, mask, y, n):
    words, first = _own_words(key, low, high), first_element()
    for i in range(EACH):
        j = uint32(first + uint32(i))
        if j < uint32(n):
            keep = _unit(words[i]) >= rate
            y[j] = select(keep, x[j] * scale, ZERO)
            mask[j] = uint8(keep)


def dropout(x, key, low, high, rate, scale, mask, y):
    """mask[i] = u[i] >= rate, with u uniform in [0, 1); y[i] = scale * x[i] where mask, else 0.

    x: float32 (n,), read. rate, scale = 1 / (1 - rate). mask: uint8 (n,), written: what the gradient needs. y: written.
    """
    _dropout(blocks(y), x, key, low, high, rate, scale, mask, y, y.size)


@kernel("float32* uint8* float32 float32* int32")
def _dropout_grad(dy, mask, scale, dx, n):
    first = first_element()
    for i in range(EACH):
        j = uint32(first + uint32(i))
        if j < uint32(n):
            dx[j] = select(mask[j] != uint8(0), dy[j] * scale, ZERO)


def dropout_grad(dy, mask, scale, dx):
    """dx[i] = scale * dy[i] where mask, else 0. dy: float32 (n,), mask: uint8 (n,), read. dx: written."""
    _dropout_grad(blocks(dx), dy, mask, scale, dx, dx.size)
