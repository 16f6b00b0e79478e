"""What integers alone have on a GPU: bits, and products that wrap around. Twin: ``kernels/cpu/integer.py``.

Arrays are of one integer dtype; inputs are read, outputs written.
"""

from .elements import blocks, of_one, vectors
from .operands import PAIR, pairs, prepared
from .plain import matmul as matmul
from .strides import merged, stretching
from .target import device
from .typed import words


@device
def _and(a, b):
    return a & b


@device
def _or(a, b):
    return a | b


@device
def _xor(a, b):
    return a ^ b


@words(PAIR)
def _bitwise_and(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_and, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


@words(PAIR)
def _bitwise_or(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_or, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


@words(PAIR)
def _bitwise_xor(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_xor, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def _launch(chosen, a, b, y):
    columns = merged(y.shape, *(stretching(x.shape, y.ndim) for x in (a, b)))
    (a, b), walk, wide = prepared((a, b), columns, y)
    chosen.of_size(y.dtype.itemsize)(blocks(y), a, b, *walk, y, y.size, wide)


def bitwise_and(a, b, y):
    """y = the bits that are set in a and in b. Shapes broadcast."""
    _launch(_bitwise_and, a, b, y)


def bitwise_or(a, b, y):
    """y = the bits that are set in a or in b. Shapes broadcast."""
    _launch(_bitwise_or, a, b, y)


def bitwise_xor(a, b, y):
    """y = the bits that are set in one of a and b. Shapes broadcast."""
    _launch(_bitwise_xor, a, b, y)


@device
def _complement(x):
    return ~x


@words("T* T* int32 int32")
def _invert(x, y, n, wide):
    of_one(_complement, (), x, y, n, wide)


def invert(x, y):
    """y = the bits that are not set in x."""
    _invert.of_size(y.dtype.itemsize)(blocks(y), x, y, y.size, vectors(x, y))
