"""Random numbers with TensorFlow's bits, and dropout. Twin: ``kernels/cuda/random.py``.

Philox 4x32-10 is a function from a 128-bit counter and a 64-bit key to four 32-bit words, so every output element owns
its place in the stream: any element can be drawn alone and any number of threads gives the same bits.
Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", 2011.

A stream is three uint64 scalars: ``key``, and the counter's halves ``low`` (its next value) and ``high``. Outputs are
1-D. A kernel first writes the words of its elements into the output's own memory (a float32 is one word, a float64
two), then turns them in place into numbers. TensorFlow rounds after every product, so the arithmetic is ``exact``.
"""

import math

import numpy as np

from ..jit import exact, inner, kernel
from .simd import apart, copy, into_caller, run, scratch, words as words_of
from .vectors import lanes, select

BLOCK = 4096  # elements of a task: whole Philox blocks, and they stay in the L1 cache
GROUP_STRIDE = 256  # words that TensorFlow reserves for each value of a truncated normal
SERIAL_BELOW = 8192  # elements; a number takes ten rounds of products or more, so a second thread pays early

LOW_WORD, WORD_BITS = np.uint64(0xFFFFFFFF), np.uint64(32)
MULTIPLIER_0, MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)  # the golden ratio and sqrt(3) - 1, as 32-bit fractions
FRACTION_23, FRACTION_52 = np.uint64(2**23 - 1), np.uint64(2**52 - 1)
STATELESS_KEY = np.uint64(0x02461E293EC8F720)
TWO_PI = 2.0 * math.pi


def output_blocks(*args):
    """Number of blocks that the last argument makes, which is the output: the tasks of a kernel."""
    return -(-args[-1].size // BLOCK)


@inner
def philox(key, low, high):
    """The four words (in uint64s) of Philox 4x32-10 at counter (low, high): ten rounds of two 64-bit products."""
    into_caller()
    c0, c1, c2, c3 = low & LOW_WORD, low >> WORD_BITS, high & LOW_WORD, high >> WORD_BITS
    k0, k1 = key & LOW_WORD, key >> WORD_BITS
    for _ in range(10):
        p0, p1 = c0 * MULTIPLIER_0, c2 * MULTIPLIER_1
        c0, c1, c2, c3 = (p1 >> WORD_BITS) ^ c1 ^ k0, p1 & LOW_WORD, (p0 >> WORD_BITS) ^ c3 ^ k1, p0 & LOW_WORD
        k0, k1 = (k0 + WEYL_0) & LOW_WORD, (k1 + WEYL_1) & LOW_WORD
    return c0, c1, c2, c3


@inner
def draw_counters(key, low, high, words):
    """``draw_words`` of whole counters: apart from its callers, as a function so small is one that becomes vectors."""
    apart()
    for i in range(words.size // 4):
        four = run(words, 4 * i, 4)
        four[0], four[1], four[2], four[3] = philox(key, low + np.uint64(i), high)


@inner
def draw_words(key, low, high, words):
    """words[i] = word i of the stream. words: uint32 (n,), written."""
    whole = words.size // 4
    draw_counters(key, low, high, run(words, 0, 4 * whole))
    if words.size > 4 * whole:
        last = scratch(4, words)
        draw_counters(key, low + np.uint64(whole), high, last)
        copy(last, 0, words, 4 * whole, words.size - 4 * whole)


@kernel
def stream_words(key, low, high, y):
    """y[i] = word i of the stream. key, low, high: uint64 scalars. y: uint32 (n,), written."""
    draw_words(key, low, high, y)


@kernel
def stateless_stream(seed, seed2, stream):
    """stream: uint64 (3,), written: key, low and high of TensorFlow's stateless ops for two seeds (uint64 scalars).

    The pair is itself a counter of Philox under a fixed key, so that neighbouring seeds give unrelated streams.
    """
    w0, w1, w2, w3 = philox(STATELESS_KEY, seed, seed2)
    stream[0], stream[1], stream[2] = (w1 << WORD_BITS) | w0, np.uint64(0), (w3 << WORD_BITS) | w2


def taken(state, count, y):
    """The stream (key, low, high) of a generator's state, which moves on by ``count`` of the stream's counters.

    state: int64 (3,), the halves of the counter, low one first, and the key; read and written. y: where numbers go.
    """
    low, high, key = state.view(np.uint64)
    skip(state, count)
    return key, low, high


def skip(state, count):
    """Moves a generator's state on by ``count`` of the stream's counters, an int."""
    words = state.view(np.uint64)
    counter = int(words[0]) + (int(words[1]) << 64) + count
    words[0], words[1] = counter % 2**64, counter // 2**64 % 2**64


@exact
def unit(words, i, y):
    """Element i's number in [0, 1): the low 23 bits of its word, or the low 52 of its two words, as a fraction."""
    real = y.dtype.type
    if lanes(y) == lanes(words):  # known to the compiler, as itemsize is not
        return real(np.uint64(run(words, i, 1)[0]) & FRACTION_23) * real(2.0**-23)
    pair = run(words, 2 * i, 2)
    return real(((np.uint64(pair[0]) << WORD_BITS) | np.uint64(pair[1])) & FRACTION_52) * real(2.0**-52)


@exact
def affine(value, scale, shift):
    """value * scale + shift, rounded twice."""
    return value * scale + shift


@exact
def box_muller(u1, u2, y):
    """Two normals from two uniforms: r sin(2 pi u2) and r cos(2 pi u2) with r = sqrt(-2 log(max(u1, 1e-7)))."""
    real = y.dtype.type
    radius = real(math.sqrt(real(-2) * math.log(max(u1, real(1.0e-7)))))
    angle = real(TWO_PI * np.float64(u2))
    return radius * real(math.sin(angle)), radius * real(math.cos(angle))


@inner
def block_start(low, block, y):
    """Counter of the first element of ``block``. An element takes y.itemsize bytes of the stream, a counter 16."""
    return low + np.uint64(block * BLOCK * y.itemsize // 16)


@inner
def block_of(y, block):
    """The elements of one block."""
    return run(y, block * BLOCK, min(BLOCK, y.size - block * BLOCK))


@inner
def uniform_block(key, low, high, scale, shift, y):
    """One block of ``uniform``: its words lie in y's own memory until numbers take their place."""
    words = words_of(y)
    draw_words(key, low, high, words)
    for i in range(y.size):
        y[i] = affine(unit(words, i, y), scale, shift)


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def uniform(block, key, low, high, scale, shift, y):
    """y[i] = scale * u[i] + shift, with u uniform in [0, 1).

    key, low, high: uint64 scalars, the stream. scale, shift: scalars of y's dtype. y: float (n,), written.
    """
    part = block_of(y, block)
    uniform_block(key, block_start(low, block, y), high, scale, shift, part)


@inner
def uniform_int_block(key, low, high, minval, span, y):
    """One block of ``uniform_int``: its words lie in y's own memory until numbers take their place."""
    words = words_of(y)
    draw_words(key, low, high, words)
    for i in range(y.size):
        if lanes(y) == lanes(words):
            word = np.uint64(words[i])
        else:
            word = (np.uint64(words[2 * i + 1]) << WORD_BITS) | np.uint64(words[2 * i])
        y[i] = minval + np.int64(word % span)


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def uniform_int(block, key, low, high, minval, span, y):
    """y[i] = minval + w[i] mod span, with w[i] the element's word (int32) or its two words, low one first (int64).

    key, low, high: uint64 scalars, the stream. minval: int64 scalar. span: uint64 scalar > 0, maxval - minval.
    y: int32 or int64 (n,), written. The modulus favours small values by at most span / 2^32 (2^64), as TensorFlow does.
    """
    part = block_of(y, block)
    uniform_int_block(key, block_start(low, block, y), high, minval, span, part)


@inner
def normal_block(key, low, high, stddev, mean, y):
    """One block of ``normal``: its words lie in y's own memory until numbers take their place."""
    words, words_each = words_of(y), y.itemsize // 4
    draw_words(key, low, high, words)
    for i in range(0, y.size - 1, 2):
        first, second = box_muller(unit(words, i, y), unit(words, i + 1, y), y)
        y[i] = affine(first, stddev, mean)
        y[i + 1] = affine(second, stddev, mean)
    if y.size % 2:  # the words of the last element's partner lie past the end of y
        last = (y.size - 1) * words_each
        block = np.empty(4, np.uint32)
        draw_words(key, low + np.uint64(last // 4), high, block)
        pair = block[last % 4 :]
        first, _ = box_muller(unit(pair, 0, y), unit(pair, 1, y), y)
        y[y.size - 1] = affine(first, stddev, mean)


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def normal(block, key, low, high, stddev, mean, y):
    """y[i] = stddev * z[i] + mean, with z normal: elements 2i and 2i + 1 come from one pair of uniforms.

    key, low, high: uint64 scalars, the stream. stddev, mean: scalars of y's dtype. y: float (n,), written.
    Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958.
    """
    part = block_of(y, block)
    normal_block(key, block_start(low, block, y), high, stddev, mean, part)


@inner
def truncated_block(key, low, high, stddev, mean, y):
    """One block of ``truncated_normal``."""
    group, words = 16 // y.itemsize, np.empty(4, np.uint32)
    for start in range(0, y.size, group):
        i, stop = start, min(start + group, y.size)
        counter = low + np.uint64(start * (GROUP_STRIDE // 4))
        while i < stop:
            draw_words(key, counter, high, words)
            counter += np.uint64(1)
            for pair in range(0, group, 2):
                for z in box_muller(unit(words, pair, y), unit(words, pair + 1, y), y):
                    if abs(z) < 2 and i < stop:
                        y[i] = affine(z, stddev, mean)
                        i += 1


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def truncated_normal(block, key, low, high, stddev, mean, y):
    """y[i] = stddev * z[i] + mean, with z normal and drawn again while |z| >= 2.

    TensorFlow's scheme: a Philox block's worth of elements (4 float32 or 2 float64) takes the first accepted numbers of
    a stretch of its own, GROUP_STRIDE words for each element, of the stream that ``normal`` reads.
    key, low, high: uint64 scalars, the stream. stddev, mean: scalars of y's dtype. y: float (n,), written.
    """
    part = block_of(y, block)
    truncated_block(key, low + np.uint64(block * BLOCK * (GROUP_STRIDE // 4)), high, stddev, mean, part)


@kernel
def shuffle(key, low, high, permutation):
    """Places 0, 1, ... in turn swap with one of those not before them: place i with i + word i mod (n - i).

    key, low, high: uint64 scalars, the stream. permutation: int64 (n,), written. Durstenfeld, "Algorithm 235", 1964.
    """
    n = permutation.size
    for i in range(n):
        permutation[i] = i
    words = np.empty(4, np.uint32)
    for i in range(n - 1):
        if i % 4 == 0:
            draw_words(key, low + np.uint64(i // 4), high, words)
        j = i + np.int64(words[i % 4]) % (n - i)
        permutation[i], permutation[j] = permutation[j], permutation[i]


@kernel
def shuffle_through(key, high, incoming, ring, places, outgoing):
    """Elements pass a buffer: each draw takes one at random of those that wait in it and lets the next one in.

    Before each draw the ring is filled up from ``incoming`` as long as there are any; then, of the n that wait, word
    mod n of the stream is taken, and the first takes its place. As TensorFlow's ShuffleDataset draws.
    key, high: uint64 scalars, the stream. incoming: int64 (m,), read whole. ring: int64 (capacity,), the buffer, read
    and written. places: int64 (3,), read and written: elements that ever left the ring, that ever entered it, words
    drawn. outgoing: int64 (n,), written; n is at most what waits and comes in.
    """
    capacity, taken = ring.size, 0
    start, end, drawn = places[0], places[1], places[2]
    words = np.empty(4, np.uint32)
    first, last = start % capacity, end % capacity  # places in the ring, which a division each time would cost
    for i in range(outgoing.size):
        while end - start < capacity and taken < incoming.size:
            ring[last] = incoming[taken]
            end, taken, last = end + 1, taken + 1, last + 1 if last + 1 < capacity else 0
        if i == 0 or drawn % 4 == 0:
            draw_words(key, np.uint64(drawn // 4), high, words)
        chosen = first + np.int64(words[drawn % 4]) % (end - start)
        if chosen >= capacity:
            chosen -= capacity
        outgoing[i] = ring[chosen]
        ring[chosen] = ring[first]
        start, drawn, first = start + 1, drawn + 1, first + 1 if first + 1 < capacity else 0
    places[0], places[1], places[2] = start, end, drawn


@inner
def dropout_block(x, key, low, high, rate, scale, mask, y):
    """One block of ``dropout``: its words lie in y's own memory until numbers take their place."""
    words = words_of(y)
    draw_words(key, low, high, words)
    for i in range(y.size):
        keep = unit(words, i, y) >= rate
        y[i] = select(keep, x[i] * scale, y.dtype.type(0))  # as a branch it would be mispredicted at random
        mask[i] = keep


@kernel(tasks=output_blocks, serial_below=SERIAL_BELOW)
def dropout(block, x, key, low, high, rate, scale, mask, y):
    """mask[i] = u[i] >= rate, with u uniform in [0, 1); y[i] = scale * x[i] where mask, else 0.

    x: float (n,), read. key, low, high: uint64 scalars, the stream. rate, scale = 1 / (1 - rate): scalars of x's dtype.
    mask: uint8 (n,), written: what the gradient needs. y: as x, written.
    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """
    xs, kept, part = block_of(x, block), block_of(mask, block), block_of(y, block)
    dropout_block(xs, key, block_start(low, block, y), high, rate, scale, kept, part)


@kernel(tasks=output_blocks)
def dropout_grad(block, dy, mask, scale, dx):
    """dx[i] = scale * dy[i] where mask, else 0. dy: float (n,), mask: uint8 (n,), read. dx: as dy, written."""
    zero = dx.dtype.type(0)
    part = slice(block * BLOCK, (block + 1) * BLOCK)
    dys, kept, dxs = dy[part], mask[part], dx[part]
    for i in range(dxs.size):
        dxs[i] = dys[i] * scale if kept[i] else zero
