"""The filter's gradient of ``pooled.py`` for images of one channel, where a winner has few taps to multiply.

There a list of winners takes longer than the multiply-adds. Here no winner is looked for: a lane belongs to an output,
and a vector to a tap. All outputs of a window meet the same 2 x 2 pixels of x under a tap; each lane chooses its own
of the four, and multiplies it by its dy (``sparse_tiles.add_window``). For each window and 16 outputs that is one
multiply-add for each tap and some two choices. Where no output lives, NaN in x still counts (0 * NaN), as with a
dense gradient.

On 2 cores of an AMD EPYC (Zen 4), batch 64 of 28x28, 60 % of the windows alive, milliseconds for dw and dbias:

                 this    list of winners    dense
    5x5, 16      0.16    0.26               0.37
    3x3, 32      0.14    0.49               0.35
    2x2, 64      0.20    0.85               1.03
"""

import numpy as np

from ..jit import inner, kernel
from ..recording import call
from .epilogue import columns_of, load_tile, rows_of, store_tile
from .patches import aligned, aligned_empty, fill
from .reduction import reduce_sum
from .simd import WIDEST_BYTES
from .sparse_tiles import add_share, add_window, tile_of
from .tables import remembered
from .tiles import own_registers

SERIAL_BELOW = 1 << 18  # multiply-adds
TABLE_BYTES = 1 << 18  # kept for later calls
PARTS = 16  # tasks at least, where the problem is large enough; most partial sums of a filter
PATCH_BYTES = 16 << 10  # of x that the windows of a task read: it should stay in the L1 cache, beside dy
MOST_TAPS = 25  # kh * kw, whose sums stay in registers (of 32); from 6x6 on a list of winners is as quick


def takes(filter_shape):
    """Whether a filter (kh, kw, c, o) is of the kind that this is for."""
    height, width, channels, _ = filter_shape
    return channels == 1 and height * width <= MOST_TAPS


def conv2d_pool_grad_filter(x, dy, winner, padding, dw, dbias):
    """As ``pooled.conv2d_pool_grad_filter``, with x: (n, h, w, 1) and dw: (kh, kw, 1, o); nothing empty."""
    shape, sizes, split = _cut(x.shape, dy.shape, dw.shape[:2], padding, x.itemsize)
    groups, blocks = split[:2]
    count = len(shape[2])
    sums = aligned_empty((groups, blocks, len(shape[0]), len(shape[1]), count), x.dtype)
    biases = aligned_empty((groups, blocks * count), x.dtype)
    _tap_sums(x.ravel(), dy.ravel(), winner.ravel(), sizes, split, shape, biases.ravel(), sums.ravel())
    total, bias = np.empty(sums.shape[1:], x.dtype), np.empty(blocks * count, x.dtype)
    reduce_sum(sums.reshape(1, groups, -1), total.reshape(1, -1))
    reduce_sum(biases[None], bias[None])
    call(_unpack, total, bias, dw, dbias)


def _unpack(total, bias, dw, dbias):
    """dw from (blocks of outputs, kh, kw, outputs), and dbias: both sums may be of more outputs than there are."""
    turned = total.transpose(1, 2, 0, 3).reshape(*total.shape[1:3], bias.size)
    dw[:, :, 0] = turned[:, :, : dbias.size]
    dbias[...] = bias[: dbias.size]


@remembered(TABLE_BYTES)
def _cut(image, pooled, taps, padding, itemsize):
    """Shape of a tile (``sparse_tiles.tile_of``), and how the windows are cut for tasks:

    sizes: (h, w, c; lines, places, outputs of dy; top, left).
    split: (groups of units, blocks of outputs; units (a band of an image each), bands of an image, lines of a band;
        elements of a row of its patch).
    """
    height, width = taps
    count = WIDEST_BYTES // itemsize
    pitch = 2 * pooled[2] + width - 1
    band = min(pooled[1], max(1, (PATCH_BYTES // (pitch * itemsize) - height) // 2))
    bands = -(-pooled[1] // band)
    split = (min(image[0] * bands, PARTS), -(-pooled[3] // count), image[0] * bands, bands, band, pitch)
    return ((0,) * height, (0,) * width, (0,) * count), (*image[1:], *pooled[1:], *padding), split


def _tap_work(x, dy, winner, sizes, split, shape, biases, sums):
    return dy.size * len(shape[0]) * len(shape[1])


@kernel(tasks=lambda x, dy, winner, sizes, split, *_: split[0], work=_tap_work, serial_below=SERIAL_BELOW)
def _tap_sums(group, x, dy, winner, sizes, split, shape, biases, sums):
    """sums[group, block, kh, kw, o], biases[group, o]: the gradients by a group of units.

    x, dy, winner: flat, read. Tables: ``_cut``. biases, sums: flat, written.
    """
    lines, places, outputs = sizes[3:6]
    groups, blocks, units, bands, band, pitch = split
    tile, bias = tile_of(x, shape), tile_of(x, ((0,), (0,), shape[2]))
    size, count = rows_of(tile) * columns_of(tile), columns_of(bias)
    height = 2 * band + rows_of(tile) - 1
    patch, origin = aligned(height * pitch, x)
    first = group * units // groups
    for unit in range(first, (group + 1) * units // groups):
        image, line = unit // bands, unit % bands * band
        here = min(band, lines - line)
        fill(x, image, sizes, 2 * line, height - 2 * (band - here), 0, pitch, 1, patch, origin)
        for block in range(blocks):
            at = (image * lines + line) * places * outputs + block * count
            place = group * blocks + block
            _add_windows(
                tile, bias, shape, dy, winner, at, outputs, outputs - block * count, here, places, patch, origin, pitch,
                unit > first, sums, place * size, biases, place * count,
            )  # fmt: skip


@inner
def _add_windows(
    zero, no_bias, shape, dy, winner, at, outputs, count, lines, places, x, origin, pitch, more, sums, goal, biases, to
):  # fmt: skip
    """sums[goal:] (+)= the filter's gradient for a vector of outputs; biases[to:] (+)= the bias's."""
    own_registers()
    tile = load_tile(zero, sums, goal) if more else zero
    bias = load_tile(no_bias, biases, to) if more else no_bias
    for p in range(lines):
        for q in range(places):
            tile = add_window(tile, dy, winner, at, count, x, origin + 2 * (p * pitch + q), pitch, shape)
            bias = add_share(bias, dy, winner, at, count)
            at += outputs
    store_tile(tile, sums, goal)
    store_tile(bias, biases, to)
