"""Bias over the last axis, forward and backward, on a GPU. Twin: ``kernels/cpu/bias.py``. float32.

x, dy: (rows, channels). bias, dbias: (channels,).
"""

from .elements import EACH, blocks, first_element, vectors
from .intrinsics import load4, store4
from .launch import kernel
from .reduction import reduce_sum
from .strides import element
from .target import int32, uint32


@kernel("float32* float32* float32* int32 int32 int32")
def _bias_add(x, bias, y, n, channels, wide):
    first, size = first_element(), uint32(n)
    if wide != int32(0):  # then all four are in one row
        if first < size:
            a, b, c, d = load4(x, first)
            e, f, g, h = load4(bias, uint32(first % uint32(channels)))
            store4(y, first, (a + e, b + f, c + g, d + h))
    else:
        for k in range(EACH):
            i = element(k)
            if i < size:
                y[i] = x[i] + bias[uint32(i % uint32(channels))]


def bias_add(x, bias, y):
    """y[r, c] = x[r, c] + bias[c]. x, bias: read. y: as x, written."""
    wide = int(bias.size % EACH == 0) and vectors(x, bias, y)
    _bias_add(blocks(y), x, bias, y, y.size, max(bias.size, 1), wide)


def bias_add_grad(dy, dbias):
    """dbias[c] = sum of dy[r, c] over r. dy: read. dbias: written."""
    rows, channels = dy.shape
    reduce_sum(dy.reshape(1, rows, channels), dbias.reshape(1, channels))
