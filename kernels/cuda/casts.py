"""Numbers as numbers of another type, on a GPU. Twin: in ``kernels/cpu/array.py``.

float16 is stored only: its 16 bits become a float32, and a float32 becomes them, by integer arithmetic, for the half
precision of Numba's CUDA target needs a compiler of C++.
"""

import itertools

import numpy as np

from .elements import blocks, of_one, vectors
from .intrinsics import bits_of, float_of
from .launch import device as gpu, kernel
from .strides import copy
from .target import device, int32, int64, uint16
from .typed import INTEGERS, NUMBERS, REALS, typed

_NARROW = [pair for pair in itertools.product(REALS, INTEGERS) if pair[1] not in ("int32", "int64", "uint64")]
_PAIRS = [pair for pair in itertools.permutations(NUMBERS, 2) if pair not in _NARROW]
SCALE = np.float32(2.0**112)  # from float16's exponents to float32's
HALF_EXPONENT, HALF_INFINITY, HALF_NAN = 0x7C00, 0x7C00, 0x7E00
INFINITY_BITS, TOO_LARGE, LEAST_NORMAL = 0x7F800000, 0x47800000, 0x38800000  # infinity, 2**16 and 2**-14 as float32
HALF_BITS, LAST_PLACE = 0x3F000000, np.float32(0.5)  # a sum with 1/2 ends at 2**-24, the least float16


@device
def _same(x):
    return x


@device
def _truncated(x):
    """As the CPU's conversion, which drops bits where a number does not fit; a GPU's own takes the nearest."""
    return int64(x)


@device
def _holds(x):
    return x != 0


@typed("T* U* int32 int32", *_PAIRS)
def _cast(x, y, n, wide):
    of_one(_same, (), x, y, n, wide)


@typed("T* U* int32 int32", *_NARROW)
def _cast_narrow(x, y, n, wide):
    of_one(_truncated, (), x, y, n, wide)


@typed("T* uint8* int32 int32", *NUMBERS)
def _to_bool(x, y, n, wide):
    of_one(_holds, (), x, y, n, wide)


@device
def _of_half(half):
    """The float32 of the bits of a float16."""
    size = int32(half) & int32(0x7FFF)
    value = float_of(int32(size << 13)) * SCALE  # small ones too, which are no normal numbers there
    if size >= HALF_EXPONENT:
        value = float_of(int32((size << 13) | INFINITY_BITS))
    return -value if half > uint16(0x7FFF) else value


@device
def _half_of(x):
    """The bits of the float16 that is nearest to a float32; of two the even one."""
    bits = bits_of(x)
    sign, size = int32((bits >> 16) & 0x8000), int32(bits & 0x7FFFFFFF)
    if size >= TOO_LARGE:
        half = HALF_NAN if size > INFINITY_BITS else HALF_INFINITY
    elif size < LEAST_NORMAL:
        half = int32(bits_of(float_of(size) + LAST_PLACE) - HALF_BITS)
    else:
        half = int32((size - (112 << 23) + 0xFFF + ((size >> 13) & 1)) >> 13)
    return uint16(sign | half)


@kernel("uint16* float32* int32 int32")
def _from_half(x, y, n, wide):
    of_one(_of_half, (), x, y, n, wide)


@kernel("float32* uint16* int32 int32")
def _to_half(x, y, n, wide):
    of_one(_half_of, (), x, y, n, wide)


def cast(x, y):
    """y = x in y's dtype. Floats become integers by dropping the fraction; what does not fit is undefined, as in C.

    Between float64 and float16 a number is rounded twice.
    """
    pair = x.dtype.name, y.dtype.name
    if x.dtype == y.dtype or pair == ("bool", "uint8"):
        copy(x, y, (x.size,), (1,), (1,))
    elif "float16" in pair and "float32" not in pair:
        middle = gpu().empty(x.shape, np.float32)
        cast(x, middle)
        cast(middle, y)
    else:
        _kernel_for(*pair)(blocks(y), x, y, y.size, vectors(x, y))


def _kernel_for(x, y):
    """The kernel for two dtypes' names."""
    if x == "float16":
        return _from_half
    if y == "float16":
        return _to_half
    x = "uint8" if x == "bool" else x
    if y == "bool":
        return _to_bool.named(x)
    return (_cast_narrow if (x, y) in _NARROW else _cast).named(x, y)
