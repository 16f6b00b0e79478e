"""Backward of what convolutions fuse: bias, relu and 2 x 2 max pool. Twin: ``kernels/cuda/fused.py``."""

import numpy as np

from ..jit import kernel
from .reduction import reduce_sum
from .simd import clear
from .vectors import broadcast, lanes, load_as, load_some, select, store_some

SERIAL_BELOW = 16384  # elements of dz


def bias_relu_pool_grad(dy, winner, dz, dbias):
    """dz[n, 2h+i, 2w+j, o] = dy[n, h, w, o] if winner[n, h, w, o] = 2*i + j, else 0; dbias[o] = sum of dz[.., o].

    The gradient of ``convolution.conv2d_bias_relu_pool`` to what the convolution gave. dy: float, (n, h, w, o), read.
    winner: uint8, as dy, read: 2*i + j of the pixel that y came from, 4 for none. dz: as dy, (n, 2h or 2h + 1, 2w or
    2w + 1, o), written completely. dbias: (o,), written.
    """
    if dy.size == 0:
        dz.fill(0)
        dbias.fill(0)
        return
    sums = np.empty((1, dy.shape[0] * dy.shape[1], dbias.size), dy.dtype)
    _unpool(dy.ravel(), winner.ravel(), dy.shape, dz.shape, sums.ravel(), dz.ravel())
    reduce_sum(sums, dbias[None])


@kernel(tasks=lambda dy, winner, pooled, shape, sums, dz: pooled[0] * pooled[1], serial_below=SERIAL_BELOW)
def _unpool(line, dy, winner, pooled, shape, sums, dz):
    """Two rows of dz (the last task of an image with an odd height: three), and the sums over them."""
    _, lines, places, outputs = pooled
    _, height, width, _ = shape
    pitch, image, h = width * outputs, line // lines, line % lines
    first, zero = (image * height + 2 * h) * pitch, broadcast(dz.dtype.type(0), dz)
    for o in range(0, outputs, lanes(dz)):
        count, total, at = outputs - o, zero, first + o
        for w in range(places):
            place = (line * places + w) * outputs + o
            share, found = load_some(dy, place, count), load_as(winner, place, count, dz)
            for i in range(2):
                for j in range(2):
                    part = select(found == broadcast(dz.dtype.type(2 * i + j), dz), share, zero)
                    store_some(part, dz, at + i * pitch + j * outputs, count)
                    total = total + part  # += would change ``zero`` where vectors are arrays
            at += 2 * outputs
        store_some(total, sums, line * outputs + o, count)
    rest, bottom = (width - 2 * places) * outputs, (image + 1) * height * pitch
    for row in range(2):
        clear(dz, first + (row + 1) * pitch - rest, rest)
    if h == lines - 1:
        clear(dz, first + 2 * pitch, bottom - first - 2 * pitch)
