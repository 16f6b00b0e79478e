"""Backward of what convolutions fuse on a GPU: bias, relu and 2 x 2 max pool. Twin: ``kernels/cpu/fused.py``."""

import numpy as np

from . import columns, parts
from .columns import CUT
from .geometry import countable, first_pixel, next_pixel, pixel_moves
from .intrinsics import advance
from .launch import THREADS, ceildiv, device as gpu, kernel
from .scalar import ZERO, select
from .target import cuda, device, float32, int64, uint8, uint32


def bias_relu_pool_grad(dy, winner, dz, dbias):
    """dz[n, 2h+i, 2w+j, o] = dy[n, h, w, o] if winner[n, h, w, o] = 2*i + j, else 0; dbias[o] = sum of dz[.., o].

    The gradient of ``convolution.conv2d_bias_relu_pool`` to what the convolution gave. dy: float32, (n, h, w, o), read.
    winner: uint8, as dy, read: 2*i + j of the pixel that y came from, 4 for none. dz: as dy, (n, 2h or 2h + 1, 2w or
    2w + 1, o), written completely. dbias: (o,), written. Bytes for a window and output: 5 read, 16 written.
    """
    outputs = dbias.size
    if outputs == 0:
        return
    countable(dz)
    height, width = ceildiv(dz.shape[1], 2), ceildiv(dz.shape[2], 2)  # windows, and what is left of them at the edges
    of_cut, count = columns.cut(dz.shape[0] * height * width, outputs)
    sums = dbias if count == 1 else gpu().empty((count, outputs), np.float32)
    sizes = height, width, *dy.shape[1:3], *dz.shape[1:3]
    _unpool((of_cut[2], 1, count), dy, winner, dz, sums, of_cut, sizes)
    if count > 1:
        parts.join(sums, None, False, dbias)


# sizes: rows and columns of windows, those of dy, those of dz.
@kernel(f"float32* uint8* float32* float32* {CUT} int32[6]")
def _unpool(dy, winner, dz, dbias, of_cut, sizes):
    rows, places, lines, columns_of_dy, height, width = sizes
    shares = cuda.shared.array(THREADS, float32)
    channel, k, end, deep = columns.own(of_cut, cuda.blockIdx.x, cuda.blockIdx.z)
    outputs, total = uint32(of_cut[3]), ZERO
    state, moves = first_pixel(k, rows, places), pixel_moves(deep, rows, places)
    while k < end:
        image, h, w = state
        share, place = ZERO, uint8(0)
        if h < uint32(lines) and w < uint32(columns_of_dy):
            at = uint32(((image * uint32(lines) + h) * uint32(columns_of_dy) + w) * outputs + channel)
            share, place = dy[at], winner[at]
        _put(dz, image, uint32(2 * h), uint32(2 * w), height, width, outputs, channel, share, place)
        total = total + select(place < uint8(4), share, ZERO)
        k, state = uint32(k + deep), next_pixel(state, moves)
    total = columns.total(of_cut, shares, total)
    if columns.owns(of_cut, channel):
        dbias = advance(dbias, int64(cuda.blockIdx.z) * int64(outputs))
        dbias[channel] = total


@device
def _put(dz, image, line, column, height, width, outputs, channel, share, place):
    """The four pixels of a window, as far as they are in dz."""
    at = uint32(((image * uint32(height) + line) * uint32(width) + column) * outputs + channel)
    right, below = uint32(column + uint32(1)) < uint32(width), uint32(line + uint32(1)) < uint32(height)
    dz[at] = select(place == uint8(0), share, ZERO)
    if right:
        dz[uint32(at + outputs)] = select(place == uint8(1), share, ZERO)
    at = uint32(at + uint32(width) * outputs)
    if below:
        dz[at] = select(place == uint8(2), share, ZERO)
    if right and below:
        dz[uint32(at + outputs)] = select(place == uint8(3), share, ZERO)
