"""Random numbers with TensorFlow's bits on a GPU, and dropout. Twin: ``kernels/cpu/random.py``.

Philox 4x32-10 is a function from a counter and a key to four words, so every thread draws its own, and a stream has the
same words on every device: whole numbers, uniform ones and ``dropout`` are the CPU's to the last bit. Normal numbers
have the CPU's words, but logarithm, sine and cosine of their own: they differ by 3 ulp at most. A thread has four
elements, and the counters that they come from.

A stream is ``key``, ``low`` and ``high``, numbers of 64 bits; or ``key`` is an array of these three in the GPU's
memory, low and high are None. That is for graphs, which hold their numbers fast: where a stream stands changes from run
to run.
"""

from math import pi, sqrt

import numpy as np

from ..cpu.random import stateless_stream as stateless_stream  # where a stream begins is the host's business
from .elements import EACH, blocks, first_element, vectors
from .intrinsics import fma, load4, store4
from .launch import device as gpu, kernel
from .scalar import HALF, ONE, TWO, ZERO, log_of, select
from .target import device, float32, int32, int64, uint8, uint32, uint64

MULTIPLIER_0, MULTIPLIER_1 = np.uint32(0xD2511F53), np.uint32(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)  # the golden ratio and sqrt(3) - 1, as fractions
FRACTION, UNIT = np.uint32(2**23 - 1), np.float32(2.0**-23)
LEAST = np.float32(1.0e-7)
TWO_PI_HIGH, TWO_PI_LOW = np.float32(2 * pi), np.float32(2 * pi - float(np.float32(2 * pi)))
HALF_PI_HIGH, HALF_PI_LOW, QUARTERS = TWO_PI_HIGH / 4, TWO_PI_LOW / 4, np.float32(2 / pi)
GROUP_COUNTERS = 64  # that TensorFlow reserves for each element of a truncated normal

_STREAM = "uint64 uint64 uint64 uint64* int32"


def _stream(key, low, high):
    """What kernels take for a stream: three numbers, or where they lie."""
    return (0, 0, 0, key, 1) if low is None else (key, low, high, None, 0)


@device
def _numbers(key, low, high, place, in_memory):
    """The three numbers of a stream, wherever they are."""
    if in_memory != int32(0):
        key, low, high = place[0], place[1], place[2]
    return key, low, high


@kernel("uint64* uint64 uint64 uint64*", threads=1)
def _take(state, low_step, high_step, stream):
    low, high = state[0], state[1]
    stream[0] = state[2]
    stream[1] = low
    stream[2] = high
    state[0] = uint64(low + low_step)
    state[1] = uint64(high + high_step + uint64(state[0] < low))


def taken(state, count, y):
    """The stream of a generator's state, in the GPU's memory; the state moves on by ``count`` of the stream's counters.

    state: int64 (3,), the halves of the counter, low one first, and the key; read and written. y: where numbers go.

    Raises: NotImplementedError if they are float64, of which the GPU draws none; the state then stays where it is.
    """
    if y.dtype == np.float64:
        raise NotImplementedError("random numbers of float64")
    stream = gpu().empty((3,), np.uint64)
    _take(1, state, count % 2**64, count // 2**64 % 2**64, stream)
    return stream, None, None


def skip(state, count):
    """Moves a generator's state on by ``count`` of the stream's counters, an int."""
    _take(1, state, count % 2**64, count // 2**64 % 2**64, gpu().empty((3,), np.uint64))


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
def _own_words(key, low, high, place, in_memory):
    """The words of this thread's four elements, one for each."""
    key, low, high = _numbers(key, low, high, place, in_memory)
    return philox(key, uint64(low + uint64(first_element() // uint32(EACH))), high)


@device
def _unit(word):
    """A number in [0, 1): the low 23 bits of a word as a fraction."""
    return float32(int32(word & FRACTION)) * UNIT


@device
def _store_some(four, y, n):
    """Those of this thread's four elements that are in y."""
    first = first_element()
    for i in range(EACH):
        j = uint32(first + uint32(i))
        if j < uint32(n):
            y[j] = four[i]


@device
def _store(four, y, n, wide):
    """``_store_some``, by one access where that can be."""
    first = first_element()
    if wide != int32(0) and uint32(first + uint32(EACH)) <= uint32(n):
        store4(y, first, four)
    else:
        _store_some(four, y, n)


@kernel(f"{_STREAM} uint32* int32 int32")
def _stream_words(key, low, high, place, in_memory, y, n, wide):
    _store(_own_words(key, low, high, place, in_memory), y, n, wide)


def stream_words(key, low, high, y):
    """y[i] = word i of the stream. y: uint32 (n,), written."""
    _stream_words(blocks(y), *_stream(key, low, high), y, y.size, vectors(y))


@kernel(f"{_STREAM} float32 float32 float32* int32 int32")
def _uniform(key, low, high, place, in_memory, scale, shift, y, n, wide):
    a, b, c, d = _own_words(key, low, high, place, in_memory)
    p, q = _unit(a) * scale + shift, _unit(b) * scale + shift
    _store((p, q, _unit(c) * scale + shift, _unit(d) * scale + shift), y, n, wide)


def uniform(key, low, high, scale, shift, y):
    """y[i] = scale * u[i] + shift, with u uniform in [0, 1). y: float32 (n,), written."""
    _uniform(blocks(y), *_stream(key, low, high), scale, shift, y, y.size, vectors(y))


@device
def _below(word, span):
    """word modulo span, both in 64 bits; a span of 2**32 leaves words of 32 bits as they are."""
    return int64(word % span)


@kernel(f"{_STREAM} int64 uint64 int32* int32 int32")
def _uniform_int32(key, low, high, place, in_memory, minval, span, y, n, wide):
    a, b, c, d = _own_words(key, low, high, place, in_memory)
    p, q = int32(minval + _below(uint64(a), span)), int32(minval + _below(uint64(b), span))
    r, s = int32(minval + _below(uint64(c), span)), int32(minval + _below(uint64(d), span))
    _store((p, q, r, s), y, n, wide)


@kernel(f"{_STREAM} int64 uint64 int64* int32 int32")
def _uniform_int64(key, low, high, place, in_memory, minval, span, y, n, wide):
    key, low, high = _numbers(key, low, high, place, in_memory)
    counter = uint64(low + uint64(first_element() // uint32(2)))
    a, b, c, d = philox(key, counter, high)
    e, f, g, h = philox(key, uint64(counter + uint64(1)), high)
    p, q = minval + _below(_pair(a, b), span), minval + _below(_pair(c, d), span)
    _store((p, q, minval + _below(_pair(e, f), span), minval + _below(_pair(g, h), span)), y, n, wide)


@device
def _pair(low, high):
    return uint64(uint64(high) << uint64(32)) | uint64(low)


def uniform_int(key, low, high, minval, span, y):
    """y[i] = minval + w[i] mod span, with w[i] the element's word (int32) or its two words, low one first (int64).

    minval: int64 scalar. span: uint64 scalar > 0, maxval - minval. y: int32 or int64 (n,), written.
    """
    chosen = _uniform_int32 if y.dtype.itemsize == 4 else _uniform_int64
    chosen(blocks(y), *_stream(key, low, high), minval, span, y, y.size, vectors(y))


@device
def _sin_cos(angle):
    """(sin, cos) of an angle in [0, 2 pi], in radians; 1.1 ulp.

    What a GPU has for that allows for angles of millions, in float64.
    """
    quarter = int32(angle * QUARTERS + HALF)
    n = float32(quarter)
    r = fma(-n, HALF_PI_LOW, fma(-n, HALF_PI_HIGH, angle))  # abs(r) <= pi / 4
    square = r * r
    p = fma(fma(float32(-0.00019515121), square, float32(0.008332159)), square, float32(-0.16666655))
    q = fma(fma(float32(2.4432971e-05), square, float32(-0.0013887314)), square, float32(0.041666646))
    s, c = fma(r * square, p, r), fma(square * square, q, fma(-HALF, square, ONE))
    odd = quarter & 1 != 0
    sine, cosine = select(odd, c, s), select(odd, s, c)
    return select(quarter & 2 != 0, -sine, sine), select(quarter + 1 & 2 != 0, -cosine, cosine)


@device
def _box_muller(first, second):
    """Two normals from two words: r sin(2 pi u2) and r cos(2 pi u2) with r = sqrt(-2 log(max(u1, 1e-7)))."""
    u, v = _unit(first), _unit(second)
    radius = sqrt(float32(-2) * log_of(LEAST if u < LEAST else u))
    sine, cosine = _sin_cos(fma(TWO_PI_HIGH, v, TWO_PI_LOW * v))  # the angle is rounded once, as on the CPU
    return radius * sine, radius * cosine


@kernel(f"{_STREAM} float32 float32 float32* int32 int32")
def _normal(key, low, high, place, in_memory, stddev, mean, y, n, wide):
    a, b, c, d = _own_words(key, low, high, place, in_memory)
    p, q = _box_muller(a, b)
    r, s = _box_muller(c, d)
    _store((p * stddev + mean, q * stddev + mean, r * stddev + mean, s * stddev + mean), y, n, wide)


def normal(key, low, high, stddev, mean, y):
    """y[i] = stddev * z[i] + mean, with z normal. y: float32 (n,), written."""
    _normal(blocks(y), *_stream(key, low, high), stddev, mean, y, y.size, vectors(y))


@kernel(f"{_STREAM} float32 float32 float32* int32")
def _truncated_normal(key, low, high, place, in_memory, stddev, mean, y, n):
    key, low, high = _numbers(key, low, high, place, in_memory)
    i = first_element()
    counter = uint64(low + uint64(i) * uint64(GROUP_COUNTERS))
    stop = uint32(min(uint32(i + uint32(EACH)), uint32(n)))
    while i < stop:
        a, b, c, d = philox(key, counter, high)
        p, q = _box_muller(a, b)
        r, s = _box_muller(c, d)
        i = _store_if_near(p, stddev, mean, y, i, stop)
        i = _store_if_near(q, stddev, mean, y, i, stop)
        i = _store_if_near(r, stddev, mean, y, i, stop)
        i = _store_if_near(s, stddev, mean, y, i, stop)
        counter = uint64(counter + uint64(1))


@device
def _store_if_near(z, stddev, mean, y, i, stop):
    """The next element's place: i, or if z is accepted, and written there, the one after it."""
    if abs(z) < TWO and i < stop:
        y[i] = z * stddev + mean
        return uint32(i + uint32(1))
    return i


def truncated_normal(key, low, high, stddev, mean, y):
    """y[i] = stddev * z[i] + mean, with z normal and drawn again while |z| >= 2. y: float32 (n,), written.

    Four elements take the first accepted numbers of a stretch of their own of the stream that ``normal`` reads.
    """
    _truncated_normal(blocks(y), *_stream(key, low, high), stddev, mean, y, y.size)


@kernel(f"float32* {_STREAM} float32 float32 uint8* float32* int32 int32")
def _dropout(x, key, low, high, place, in_memory, rate, scale, mask, y, n, wide):
    a, b, c, d = _own_words(key, low, high, place, in_memory)
    kept = _unit(a) >= rate, _unit(b) >= rate, _unit(c) >= rate, _unit(d) >= rate
    _scale_kept(x, kept, scale, y, n, wide)
    _store((uint8(kept[0]), uint8(kept[1]), uint8(kept[2]), uint8(kept[3])), mask, n, wide)


@device
def _scale_kept(x, kept, scale, y, n, wide):
    """y = scale * x where kept, else 0, for this thread's elements."""
    first = first_element()
    if wide != int32(0) and uint32(first + uint32(EACH)) <= uint32(n):
        a, b, c, d = load4(x, first)
        p, q = select(kept[0], a * scale, ZERO), select(kept[1], b * scale, ZERO)
        store4(y, first, (p, q, select(kept[2], c * scale, ZERO), select(kept[3], d * scale, ZERO)))
    else:
        for i in range(EACH):
            j = uint32(first + uint32(i))
            if j < uint32(n):
                y[j] = select(kept[i], x[j] * scale, ZERO)


def dropout(x, key, low, high, rate, scale, mask, y):
    """mask[i] = u[i] >= rate, with u uniform in [0, 1); y[i] = scale * x[i] where mask, else 0.

    x: float32 (n,), read. rate, scale = 1 / (1 - rate). mask: uint8 (n,), written: what the gradient needs. y: written.
    """
    _dropout(blocks(y), x, *_stream(key, low, high), rate, scale, mask, y, y.size, vectors(x, mask, y))


@kernel("float32* uint8* float32 float32* int32 int32")
def _dropout_grad(dy, mask, scale, dx, n, wide):
    _scale_kept(dy, _kept(mask, n, wide), scale, dx, n, wide)


@device
def _kept(mask, n, wide):
    """Whether each of this thread's elements was kept."""
    first, zero = first_element(), uint8(0)
    if wide != int32(0) and uint32(first + uint32(EACH)) <= uint32(n):
        a, b, c, d = load4(mask, first)
        return a != zero, b != zero, c != zero, d != zero
    return _is_kept(mask, 0, n), _is_kept(mask, 1, n), _is_kept(mask, 2, n), _is_kept(mask, 3, n)


@device
def _is_kept(mask, i, n):
    j = uint32(first_element() + uint32(i))
    return j < uint32(n) and mask[j] != uint8(0)


def dropout_grad(dy, mask, scale, dx):
    """dx[i] = scale * dy[i] where mask, else 0. dy: float32 (n,), mask: uint8 (n,), read. dx: written."""
    _dropout_grad(blocks(dx), dy, mask, scale, dx, dx.size, vectors(dy, mask, dx))
