"""Gradients of convolution + bias + relu + 2 x 2 max pool, from the winners: what is zero is not multiplied.

The gradient dz that such a layer hands to its convolution is not zero at one pixel of each window of 2 x 2 and each
output at most, dz[n, 2p + i, 2q + j, o] = dy[n, p, q, o] for winner[n, p, q, o] = 2*i + j, and nowhere where relu cut
the window off (winner 4). With (h, w) that pixel, for each winner below 4:

    dw[kh, kw, c, o]                      += dy[n, p, q, o] * x[n, h + kh - top, w + kw - left, c]
    dx[n, h + kh - top, w + kw - left, c] += dy[n, p, q, o] * w[kh, kw, c, o]

A quarter of the dense gradient's multiplications, less relu's share, and dz is nowhere in memory. Both are one loop: a
tile of sums over taps and channels in registers (``sparse_tiles.py``), to which each winner adds dy times a run of
memory. What differs is the order of the winners and what the sums belong to:

    dw: for each output, all windows of an image; runs of x; the sums are the output's filter
    dx: for each pixel of dz, the outputs that won there; runs of the filter; the sums are the pixels of dx around it,
        which move on with the pixel: a column that no later pixel reaches leaves the tile and is added to dx

What is read lies in the L1 cache: for dw a patch of x (some rows of an image, some channels, zeros around), for dx
some rows of the filter, turned so that one output's taps are a run. Both have the same layout: (rows, columns,
``pixel`` channels); a row's kw taps of one winner are the kw * pixel numbers from its first tap on.

On 2 cores of an AMD EPYC (Zen 4: one multiply-add of 16 floats a cycle) the layer 14x14x16, 5x5, 36, batch 64 has a
floor of 0.44 ms for each gradient if relu cut nothing. Measured, milliseconds, by the share of windows that live:

                   dense    25 %    50 %    75 %    100 %
    dx             0.70     0.26    0.38    0.50    0.61
    dw and dbias   0.84     0.28    0.40    0.51    0.62

and dz, which the dense way writes besides: 0.04 while all lies in the caches. Arrays are C-contiguous and
of one float dtype. The convolution has step and dilation 1; ``padding`` is the pair of zeros before its first row and
column.
"""

import math
from typing import Any

import numpy as np

from ..jit import inner, kernel
from ..recording import call
from . import one_channel
from .epilogue import columns_of, load_tile, rows_of, store_tile
from .patches import aligned, aligned_empty, fill
from .reduction import reduce_sum
from .simd import VECTOR_BYTES, VECTOR_REGISTERS, WIDEST_BYTES, clear, copy, run
from .sparse_tiles import BITS, add_first, add_scaled, lowest, mask_of, tile_of, without_first, without_lowest
from .tables import remembered
from .tiles import add, own_registers
from .vectors import lanes, load_some, store_some

SERIAL_BELOW = 1 << 18  # multiply-adds
TABLE_BYTES = 1 << 20  # kept for later calls
PARTS = 8  # tasks at least, where the problem is large enough; most partial sums of a filter
PARTIAL_SIZE = 1 << 22  # most elements in all partial sums of a filter together
SUMS_BYTES = 256 << 10  # of a task's partial sums, which it meets once for each image: they should stay in the L2 cache
PATCH_BYTES = 24 << 10  # of x that the windows of a task read: it should stay in the L1 cache
FILTER_BYTES = 16 << 10  # of the filter's rows in use: likewise, beside a patch of dx
WINNER_CYCLES = 2  # of a winner besides the multiply-adds
LATENCY = 4  # cycles from one multiply-add to the next on the same sum
SPARE_REGISTERS = 4  # not for sums
LEAST_TAPS = 25  # kh * kw * c: below, finding the winners takes longer than multiplying everything


def pays(filter_shape):
    """Whether these kernels are expected to be quicker than ``fused.bias_relu_pool_grad`` and dense gradients.

    filter_shape: (kh, kw, c, o). Measured on 20 layers of 7x7 to 56x56 pixels, 1 to 256 channels, filters of 1 to 5,
    with 1, 16 and 64 images: if 60 % of the windows live, both gradients together took 0.37 to 0.96 of the dense way's
    time wherever a winner has LEAST_TAPS to multiply; most from 5x5 with 32 channels on, where Winograd saves more
    than relu. If all live, 0.4 to 1.1 (that one 1.5). With fewer taps finding a winner takes as long as its
    multiply-adds: 1x1 with 16 channels took 1.5 to 3 times as long. With one channel, where as a rule only the filter's
    gradient is wanted, none is looked for: filters of 1 to 5 took 0.2 to 0.5 of the dense way's time with 64 images.
    """
    height, width, channels, _ = filter_shape
    if one_channel.takes(filter_shape):
        return True
    return height * width * channels >= LEAST_TAPS and width <= VECTOR_REGISTERS - SPARE_REGISTERS


def conv2d_pool_grad_filter(x, dy, winner, padding, dw, dbias):
    """dw[kh, kw, c, o] = sum over winners of o of dy * x at the winner + (kh, kw) - padding; dbias[o] = sum of dy.

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', o), read. winner: uint8, as dy, read: 2*i + j of the pixel
    (2h' + i, 2w' + j) that the window's maximum came from, 4 for none. dw: (kh, kw, c, o), written. dbias: (o,),
    written. Cost: 2 * kh*kw*c flops for each winner below 4.
    """
    if dy.size == 0 or dw.size == 0:
        dw.fill(0)
        _sum_of_winners(dy, winner, dbias)
        return
    height, width, channels, outputs = dw.shape
    if one_channel.takes(dw.shape):
        one_channel.conv2d_pool_grad_filter(x, dy, winner, padding, dw, dbias)
        return
    shape, pixel = _tile((height, width), channels, 0, x.itemsize)
    lengths = tuple(map(len, shape))
    sizes, split, rows = _bands(x.shape, dy.shape, (height, width), padding, lengths, pixel, x.itemsize)
    groups, _, chunks, *_ = split
    sums = aligned_empty((groups, chunks, outputs, rows.size, lengths[1] * lengths[2]), x.dtype)
    biases = np.empty((groups, outputs), x.dtype)
    _window_sums(x.ravel(), dy.ravel(), winner.ravel(), sizes, split, rows, shape, biases.ravel(), sums.ravel())
    total = np.empty(sums.shape[1:], x.dtype)
    reduce_sum(sums.reshape(1, groups, -1), total.reshape(1, -1))
    call(np.sum, biases, 0, None, dbias)
    call(_unpack, total, pixel, dw)


def _unpack(total, pixel, dw):
    """dw from (chunks of channels, o, rows, kw * pixel), which may have rows and channels too many."""
    height, width, _, outputs = dw.shape
    for chunk, sums in enumerate(total):
        part = sums[:, :height, : width * pixel].reshape(outputs, height, width, pixel)
        target = dw[:, :, chunk * pixel : (chunk + 1) * pixel]
        target[...] = part[..., : target.shape[2]].transpose(1, 2, 3, 0)


def conv2d_pool_grad_input(dy, winner, w, padding, dx):
    """dx[n, h, w, c] = sum over winners (h', w', o) of dy * w[h - h' + top, w - w' + left, c, o], if there is that tap.

    dy: (n, h', w', o), read. winner: uint8, as dy, read. w: (kh, kw, c, o), read. dx: (n, h, w, c), written. padding:
    (top, left). Cost: 2 * kh*kw*c flops for each winner below 4.
    """
    if dy.size == 0 or w.size == 0 or dx.size == 0:
        dx.fill(0)
        return
    shape, pixel = _tile(w.shape[:2], w.shape[2], w.shape[3], w.itemsize)
    lengths = tuple(map(len, shape))
    sizes, split, rows, steps = _targets(dx.shape, dy.shape, w.shape[:2], padding, lengths, pixel)
    filters = _runs_of_taps(w, rows.size, pixel, lengths[0])
    _winner_sums(dy.ravel(), winner.ravel(), filters.ravel(), sizes, split, rows, steps, shape, dx.ravel())


@remembered(TABLE_BYTES)
def _tile(taps, channels, outputs, itemsize):
    """(shape, pixel): the tile that does all ``taps`` (kh, kw) and channels of a winner in the fewest cycles.

    outputs: of the filter if that is what the sums read, else 0: fewer channels than lanes may then lie side by side.
    shape: tuples as long as the tile has rows, vectors in a row, lanes, and vectors in a pixel: a length is part of the
        type that Numba compiles for. Those of the last are ``lanes`` themselves.
    pixel: channels that the tile does, filled up to whole vectors, unless they lie side by side.
    """
    best: Any = None
    least = math.inf
    for size in sorted({VECTOR_BYTES, WIDEST_BYTES}, reverse=True):
        count = size // itemsize
        dense = not outputs and channels < count
        cycle = size / (2 * VECTOR_BYTES) * (1.5 if dense else 1)  # two vectors a cycle, less where lines are crossed
        for vectors in range(1, -(-channels // count) + 1):
            pixel = channels if dense else vectors * count
            across, chunks = -(-taps[1] * pixel // count), -(-channels // pixel)
            for rows in range(1, taps[0] + 1):
                sums = rows * across
                if best and sums > VECTOR_REGISTERS - SPARE_REGISTERS:
                    continue
                cycles = chunks * -(-taps[0] // rows) * (max(sums * cycle, LATENCY) + WINNER_CYCLES)
                if outputs * sums * size > FILTER_BYTES:
                    cycles *= 1.5
                if cycles < least:
                    best, least = (((0,) * rows, (0,) * across, (0,) * count, (count,) * vectors), pixel), cycles
    return best


@remembered(TABLE_BYTES)
def _bands(image, pooled, taps, padding, lengths, pixel, itemsize):
    """How the windows are cut for a filter's gradient: ``sizes``, ``split`` and ``rows`` of ``_window_sums``.

    sizes: (h, w, c; lines, places, outputs of dy; top, left).
    split: (groups of units, blocks of outputs, chunks of channels; units (a band of an image each), bands of an image,
        lines of a band; rows of its patch, elements of such a row, of a pixel).
    rows: int64, where in a patch the filter's rows begin, up to whole tiles.
    """
    lanes_of_tile = lengths[2]
    pitch = -(-(2 * pooled[2] + taps[1] - 1) * pixel // lanes_of_tile) * lanes_of_tile
    rows = np.minimum(np.arange(-(-taps[0] // lengths[0]) * lengths[0]), taps[0] - 1) * pitch
    most = max(1, (PATCH_BYTES // (pitch * itemsize) - taps[0] + 1) // 2)
    bands = -(-pooled[1] // most)
    band = -(-pooled[1] // bands)
    bands = -(-pooled[1] // band)
    chunks = -(-image[3] // pixel)
    sums = rows.size * lengths[1] * lanes_of_tile * chunks  # of an output
    groups = max(1, min(image[0] * bands, PARTS, PARTIAL_SIZE // (sums * pooled[3])))
    blocks = min(pooled[3], max(-(-PARTS // groups), -(-sums * pooled[3] * itemsize // SUMS_BYTES)))
    patch = (2 * band + taps[0] - 1, pitch, pixel)
    return (*image[1:], *pooled[1:], *padding), (groups, blocks, chunks, image[0] * bands, bands, band, *patch), rows


def _window_work(x, dy, winner, sizes, split, rows, shape, biases, sums):
    return dy.size * sums.size // (split[0] * sizes[5])


@kernel(tasks=lambda x, dy, winner, sizes, split, *_: split[0] * split[1], work=_window_work, serial_below=SERIAL_BELOW)
def _window_sums(task, x, dy, winner, sizes, split, rows, shape, biases, sums):
    """sums[group, chunk, o, kh, (kw, c)], biases[group, o]: the gradients by a group of units, for a block of outputs.

    x, dy, winner: flat, read. shape: ``_tile``. Other tables: ``_bands``. biases, sums: flat, written.
    """
    lines, places, outputs = sizes[3:6]
    groups, blocks, chunks, units, bands, band, height, pitch, pixel = split
    group, block = task // blocks, task % blocks
    tile = tile_of(x, shape)
    width = columns_of(tile)
    patch, origin = aligned(height * pitch + width, x)
    clear(patch, origin + height * pitch, width)
    values, spots = np.empty(band * places, x.dtype), np.empty(band * places, np.int64)
    shifts = np.array([0, pixel, pitch, pitch + pixel, 0])
    first = group * units // groups
    for unit in range(first, (group + 1) * units // groups):
        image, line = unit // bands, unit % bands * band
        count = min(band, lines - line)
        for chunk in range(chunks):
            fill(x, image, sizes, 2 * line, height - 2 * (band - count), chunk * pixel, pitch, pixel, patch, origin)
            for o in range(block * outputs // blocks, (block + 1) * outputs // blocks):
                at = (image * lines + line) * places * outputs + o
                found = _list(dy, winner, at, outputs, count, places, pitch, pixel, shifts, values, spots)
                if chunk == 0:
                    total = x.dtype.type(0)
                    for k in range(found):
                        total += values[k]
                    biases[group * outputs + o] = total if unit == first else biases[group * outputs + o] + total
                goal = ((group * chunks + chunk) * outputs + o) * rows.size * width
                _add_winners(tile, values, spots, found, patch, origin, rows, unit > first, sums, goal)


@inner
def _list(dy, winner, at, outputs, count, places, pitch, pixel, shifts, values, spots):
    """How many of an output's windows live; values: their dy, spots: where in the patch their winners' first taps are.

    at: of the first window in dy. shifts: from a window's first pixel to its winner. Without a branch: those that do
    not live are overwritten.
    """
    found = 0
    for p in range(count):
        for q in range(places):
            k = run(winner, at, 1)[0]
            run(values, found, 1)[0] = run(dy, at, 1)[0]  # ``run``: no index that might count from the end
            run(spots, found, 1)[0] = 2 * (p * pitch + q * pixel) + run(shifts, k, 1)[0]
            found += k < 4
            at += outputs
    return found


@inner
def _add_winners(zero, values, spots, count, x, origin, rows, accumulate, sums, goal):
    """sums[goal:] (+)= the sum over k < ``count`` of values[k] * x[rows + spots[k]], by tiles."""
    own_registers()
    height, width = rows_of(zero), columns_of(zero)
    for row in range(0, rows.size, height):
        tile = load_tile(zero, sums, goal + row * width) if accumulate else zero
        for k in range(count):
            tile = add_scaled(tile, values[k], x, rows, row, origin + spots[k])
        store_tile(tile, sums, goal + row * width)


def _sum_of_winners(dy, winner, dbias):
    """dbias where there is no filter to speak of."""
    np.where(winner < 4, dy, 0).sum((0, 1, 2), dtype=dy.dtype, out=dbias)


def _runs_of_taps(w, rows, pixel, height):
    """The filter as (chunks of channels, groups of ``height`` rows, o, rows of a group, kw, pixel), zeros added."""
    _, width, channels, outputs = w.shape
    filters = aligned_empty((-(-channels // pixel), rows // height, outputs, height, width, pixel), w.dtype)
    filters.fill(0)
    call(_turn, w, filters)
    return filters


def _turn(w, filters):
    height, pixel = filters.shape[3], filters.shape[5]
    for row in range(w.shape[0]):
        for chunk in range(len(filters)):
            part = w[row, :, chunk * pixel : (chunk + 1) * pixel]
            filters[chunk, row // height, :, row % height, :, : part.shape[1]] = part.transpose(2, 0, 1)


@remembered(TABLE_BYTES)
def _targets(image, pooled, taps, padding, lengths, pixel):
    """How dx is cut: ``sizes`` (as in ``_bands``), ``split``, ``rows`` and ``steps`` of ``_winner_sums``.

    split: (images, bands of an image, chunks of channels; rows of a band, elements of a row of its patch, of a pixel).
    rows: int64, where in a patch the rows of a group of the filter's rows go; -1 for those that fill up the last group.
    steps: int64, where a tile's rows lie in the turned filter.
    """
    height, across, count = lengths[:3]
    groups, chunks = -(-taps[0] // height), -(-image[3] // pixel)
    pitch = (2 * pooled[2] + taps[1] - 1) * pixel
    rows = np.arange(groups * height) % height * pitch
    rows[taps[0] :] = -1
    band = -(-image[1] // min(image[1], -(-PARTS // (image[0] * chunks))))
    split = (image[0], -(-image[1] // band), chunks, band, pitch, pixel)
    return (*image[1:], *pooled[1:], *padding), split, rows, np.arange(height) * (across * count)


def _winner_work(dy, winner, filters, sizes, *_):
    return dy.size * filters.size // sizes[5]


@kernel(tasks=lambda dy, winner, filters, sizes, split, *_: math.prod(split[:3]), work=_winner_work,
        serial_below=SERIAL_BELOW)  # fmt: skip
def _winner_sums(task, dy, winner, filters, sizes, split, rows, steps, shape, dx):
    """A band of the rows of dx, a chunk of its channels. filters: ``_runs_of_taps``, flat, read.

    dy, winner: flat, read. shape: ``_tile``. Other tables: ``_targets``. dx: flat, written.
    """
    height, _, _, lines, places, outputs, top, _ = sizes
    _, bands, chunks, band, pitch, pixel = split
    image, first, chunk = task // (bands * chunks), task // chunks % bands * band, task % chunks
    count = min(band, height - first)
    tile = tile_of(dx, shape)
    margin = rows_of(tile) - 1  # a tile that meets the band may begin above it, or end below
    patch, origin = aligned((count + 2 * margin) * pitch, dx)
    clear(patch, origin, (count + 2 * margin) * pitch)
    words = (outputs - 1) // BITS + 1
    masks = np.empty(lines * places * 4 * words, np.uint64)
    _find(winner, image * lines * places * outputs, lines, places, outputs, words, masks)
    for row in range(0, rows.size, rows_of(tile)):
        turned = (chunk * rows.size + row) * outputs * columns_of(tile)
        for line in range(2 * lines):
            target = line + row - top - first
            if target > -rows_of(tile) and target < count:
                window = (image * lines + line // 2) * places
                mask = line * 2 * places * words
                goal = origin + (target + margin) * pitch
                _add_line(
                    tile, shape[3], dy, window * outputs, masks, mask, words, places, outputs,
                    filters, turned, steps, patch, rows, row, goal, pixel,
                )  # fmt: skip
    _copy_out(patch, origin + margin * pitch, pitch, pixel, sizes, image * height + first, count, chunk * pixel, dx)


@inner
def _find(winner, at, lines, places, outputs, words, masks):
    """masks[line, column, word]: which of BITS outputs won at a pixel of dz. at: of the image's first window."""
    padded = np.empty(lines * places * outputs + BITS, np.uint8)
    copy(winner, at, padded, 0, lines * places * outputs)
    clear(padded, lines * places * outputs, BITS)
    for window in range(lines * places):
        corner = 2 * (window // places) * 2 * places + 2 * (window % places)
        for word in range(words):
            place = window * outputs + word * BITS
            for k in range(4):
                pixel = corner + (k >> 1) * 2 * places + (k & 1)
                run(masks, pixel * words + word, 1)[0] = mask_of(padded, place, k, outputs - word * BITS)


@inner
def _add_line(
    zero, ends, dy, at, masks, mask_at, words, places, outputs, filters, turned, steps, patch, rows, row, goal, pixel
):  # fmt: skip
    """patch[rows + goal:] += what one line of dz adds, pixel by pixel, to the rows of dx that a tile's taps reach."""
    own_registers()
    tile, size = zero, rows_of(zero) * columns_of(zero)
    for column in range(2 * places):
        for word in range(words):
            mask = run(masks, mask_at + column * words + word, 1)[0]
            first, taps = at + (column >> 1) * outputs + word * BITS, turned + word * BITS * size
            while mask != 0:
                o = lowest(mask)
                mask = without_lowest(mask)
                tile = add_scaled(tile, run(dy, first + o, 1)[0], filters, steps, 0, taps + o * size)
        add_first(tile, ends, patch, rows, row, goal)
        tile = without_first(tile, ends)
        goal += pixel
    add(tile, patch, rows, row, goal, columns_of(zero) - pixel)


@inner
def _copy_out(patch, source, pitch, pixel, sizes, line, count, channel, dx):
    """``count`` rows of dx, from row ``line`` of all images on, a chunk of channels; zeros where no tap reaches."""
    width, channels, left = sizes[1], sizes[2], sizes[7]
    reached = max(0, min(width, pitch // pixel - left))
    used = min(pixel, channels - channel)
    for row in range(count):
        place, goal = source + row * pitch + left * pixel, (line + row) * width * channels + channel
        if pixel == channels:
            copy(patch, place, dx, goal, reached * pixel)
            clear(dx, goal + reached * pixel, (width - reached) * pixel)
            continue
        for column in range(width):
            for c in range(0, used, lanes(dx)):
                part = load_some(patch, place + column * pixel + c, used - c if column < reached else 0)
                store_some(part, dx, goal + column * channels + c, used - c)
