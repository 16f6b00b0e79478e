"""Sine, cosine and tangent of a float32 on a GPU, for angles of any size, without float64 and without a stack.

The angle is brought to r = x - n pi / 2 with abs(r) <= pi / 4: for moderate angles by subtracting n times pi / 2 in
three parts; for large ones by a product with those bits of 2 / pi that matter, in integers (M. Payne, R. Hanek,
"Radian reduction for trigonometric functions", 1983). Polynomials, fitted to the least relative error, do the rest.
"""

import numpy as np

from .intrinsics import bits_of, fma
from .scalar import HALF, ONE, ROUND, ROUND_BITS
from .target import device, float32, int32, int64, uint32, uint64

MODERATE = np.float32(1 << 16)
TWO_OVER_PI = np.float32(2 / np.pi)
PI_HALF = np.float32(1.5707964), np.float32(-4.371139e-08), np.float32(-1.7151245e-15)
PI_HALF_OF_64_BITS = np.float32(np.pi / 2 * 2.0**-64)
# 2 / pi, from the bit of weight 2**31 on.
W0, W1, W2, W3 = np.uint32(0), np.uint32(0xA2F9836E), np.uint32(0x4E441529), np.uint32(0xFC2757D1)
W4, W5, W6, W7 = np.uint32(0xF534DDC0), np.uint32(0xDB629599), np.uint32(0x3C439041), np.uint32(0xFE5163AB)


@device
def _word(i):
    """Word i of 2 / pi."""
    low = (W0 if i == 0 else W1) if i < 2 else (W2 if i == 2 else W3)
    high = (W4 if i == 4 else W5) if i < 6 else (W6 if i == 6 else W7)
    return uint32(low if i < 4 else high)


@device
def _shifted(i, shift):
    """32 bits of 2 / pi that begin ``shift`` bits behind the beginning of word i."""
    both = (uint64(_word(i)) << uint64(32)) | uint64(_word(int32(i + 1)))
    return uint32((both << uint64(shift)) >> uint64(32))


@device
def _large(x):
    """(n modulo 4, r) for abs(x) >= 1.

    With x = m 2**e, m whole, 96 bits of 2 / pi from the bit of weight 2**(1 - e) on make x 2 / pi modulo 4: what stands
    before gives multiples of 4.
    """
    bits = bits_of(x)
    m = uint64(uint32(bits & int32(0x7FFFFF)) | uint32(0x800000))
    first = int32(((bits >> 23) & 0xFF) - 150 + 30)
    i, shift = int32(first >> 5), int32(first & 31)
    low = uint64(m * uint64(_shifted(int32(i + 2), shift)))
    middle = uint64(m * uint64(_shifted(int32(i + 1), shift)) + (low >> uint64(32)))
    high = uint32(uint64(m * uint64(_shifted(i, shift)) + (middle >> uint64(32))))
    quarters = uint64((uint64(high) << uint64(32)) | (middle & uint64(0xFFFFFFFF)))  # 62 bits behind the point
    rest = int64(quarters << uint64(2))  # of one quarter, from -1/2 on
    n = int32(uint32(high >> uint32(30))) + (1 if rest < 0 else 0)
    r = float32(rest) * PI_HALF_OF_64_BITS
    return (int32(-n), -r) if bits < 0 else (int32(n), r)


@device
def _reduced(x):
    """n modulo 4 and r with x = n pi / 2 + r."""
    size = abs(x)
    if not size < MODERATE and size - size == float32(0):
        return _large(x)
    shifted = fma(x, TWO_OVER_PI, ROUND)
    n = shifted - ROUND
    r = fma(-n, PI_HALF[2], fma(-n, PI_HALF[1], fma(-n, PI_HALF[0], x)))
    return int32(bits_of(shifted) - ROUND_BITS), r


@device
def _sine(r):
    z = r * r
    p = fma(fma(float32(-0.00019514085), z, float32(0.0083321547)), z, float32(-0.16666655))
    return fma(r * z, p, r)


@device
def _cosine(r):
    z = r * r
    p = fma(fma(float32(2.4434847e-05), z, float32(-0.0013887337)), z, float32(0.041666646))
    return fma(z * z, p, fma(-HALF, z, ONE))


@device
def _of_quarter(n, r):
    """sin(n pi / 2 + r)."""
    y = _cosine(r) if n & 1 else _sine(r)
    return -y if n & 2 else y


@device
def sin_of(x):
    """sin(x); 1.5 ulp, for large angles 2.3."""
    n, r = _reduced(x)
    return _of_quarter(n, r)


@device
def cos_of(x):
    """cos(x) = sin(x + pi / 2); 1.5 ulp, for large angles 2.3."""
    n, r = _reduced(x)
    return _of_quarter(int32(n + 1), r)


@device
def tan_of(x):
    """tan(x) = sin(x) / cos(x); 4 ulp."""
    n, r = _reduced(x)
    return -_cosine(r) / _sine(r) if n & 1 else _sine(r) / _cosine(r)
