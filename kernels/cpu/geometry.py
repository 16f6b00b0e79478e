"""Where the pixels of a convolution lie: tables of offsets for the register tiles of ``direct.py``.

They depend on shapes alone, so they are worked out once for each geometry, in NumPy, and remembered.

A task works on a patch of one image: the part that its pixels read, with zeros outside of the image. Where that part is
``inside`` of the image altogether, it is read where it lies. An element of the patch is found by two offsets: that of
the pixel (or window) of the output, and that of the tap and channel of the filter.
"""

import numpy as np

from .simd import VECTOR_BYTES, VECTOR_REGISTERS
from .tables import remembered

TABLE_BYTES = 1 << 25  # kept for later calls
TASKS = 16  # at least, where the problem is large enough: some for each of a few threads
PATCH_BYTES = 1 << 18  # of what a task reads: it should stay in the L2 cache
BAND_BYTES = 1 << 14  # of a panel of dy, for a filter's gradient: it should stay in the L1 cache
PARTIAL_SIZE = 1 << 22  # most elements in all partial sums of a filter's gradient together
LEAST_PIXELS = 32  # of a task
MOST_ROWS = 8  # of a tile: a general register for each holds where it lies
STEP_CYCLES = 1  # what a step of a tile takes besides multiplying and loading
PADDING = MOST_ROWS  # unused entries at the end of a table, for the last tile


@remembered(TABLE_BYTES)
def tile_shape(rows, columns, itemsize, multiple=1):
    """(rows, vectors) of the tiles that cover rows x columns in the fewest cycles; ``multiple`` divides a tile's rows.

    A step takes as long as its multiply-adds (two a cycle), its loads (two a cycle) or the latency of one multiply-add
    (4 cycles), whichever is longest. Each number is the length of a tuple: a length is part of the type that Numba
    compiles a kernel for, as a number is not.
    """
    vectors = -(-columns * itemsize // VECTOR_BYTES)
    best, least = (multiple, 1), float("inf")
    for v in range(1, min(vectors, 6) + 1):
        for r in range(multiple, min(MOST_ROWS, (VECTOR_REGISTERS - 1 - v) // v) + 1, multiple):
            cycles = -(-rows // r) * -(-vectors // v) * (max(r * v / 2, (r + v) / 2, 4) + STEP_CYCLES)
            if cycles < least:
                best, least = (r, v), cycles
    return (0,) * best[0], (0,) * best[1]


@remembered(TABLE_BYTES)
def phase(source, filter_size, corner, step, divisor, dilation, padding, target, itemsize, pool):
    """Where the targets (corner + divisor * q) of one phase, and what they read, lie: tables for ``direct._sums``.

    pool: (1, 1), or the size of the windows into which the targets are gathered; ``target`` counts windows then.

    taps: int64, number kh * columns + kw of each tap that the phase meets.
    rows: int64, (targets, window by window), offset of each target's first pixel in the patch.
    goals: int64, offset of each target (of its window, if pooled) in its image of y. Both tables go on for PADDING
        unused entries (-1 in goals).
    steps: int64, (taps, channels), offset in the patch from a target's first pixel.
    spans: int64, (tiles, 2), first step, and last + 1, with which a tile meets rows of the image.
    window: (inside, top, left, elements in a row of the patch; channels, height, width of the image).
    lines: (targets in one line, patch rows from one line to the next, patch rows that one line reads).
    band: targets of one task.
    sizes: (images, elements in an image of y, outputs). shape: of the tiles.
    """
    images, height, width, channels = source
    count = [-(-(size - first) // d) for size, first, d in zip(target[1:3], corner, divisor, strict=True)]
    met = [_taps(*axis) for axis in zip(filter_size, corner, divisor, dilation, padding, strict=True)]
    top, left = (int(shifts.min(initial=0)) for _, shifts in met)
    reach = [int(shifts.max(initial=0)) - low + 1 for (_, shifts), low in zip(met, (top, left), strict=True)]
    rows, columns = ((n * p - 1) * s + r for n, p, s, r in zip(count, pool, step, reach, strict=True))
    inside = int(top >= 0 and left >= 0 and top + rows <= height and left + columns <= width)
    pitch = width if inside else columns

    (kh, down), (kw, right) = met
    taps = (kh[:, None] * filter_size[1] + kw).ravel()
    steps = (((down[:, None] - top) * pitch + right - left).reshape(-1, 1) * channels + np.arange(channels)).ravel()
    h, w, i, j = np.indices((*count, *pool)).reshape(4, -1)
    line, place = (h * pool[0] + i) * step[0], (w * pool[1] + j) * step[1]
    goals = ((corner[0] + divisor[0] * h) * target[2] + corner[1] + divisor[1] * w) * target[3]

    # The phases share one shape, chosen for the largest, so that they share the packed filter's width too.
    most = -(-target[1] // divisor[0]) * -(-target[2] // divisor[1]) * pool[0] * pool[1]
    shape = tile_shape(most, target[3], itemsize, pool[0] * pool[1])
    tile_rows = len(shape[0])
    spread = np.pad(line, (0, -line.size % tile_rows), "edge").reshape(-1, tile_rows, 1) + down
    above, not_below = (spread < 0).sum(2).min(1), (spread < height).sum(2).max(1)
    spans = np.stack([above, np.maximum(above, not_below)], axis=1) * (kw.size * channels)
    band = min(-(-images * line.size // TASKS), PATCH_BYTES // (itemsize * max(1, channels) * step[0] * step[1]))
    return (
        taps,
        _padded((line * pitch + place) * channels),
        _padded(goals, -1),
        steps,
        spans,
        (inside, top, left, pitch * channels, channels, height, width),
        (count[1] * pool[0] * pool[1], step[0] * pool[0], (pool[0] - 1) * step[0] + reach[0]),
        -(-max(band, LEAST_PIXELS) // tile_rows) * tile_rows,
        (images, target[1] * target[2] * target[3], target[3]),
        shape,
    )


def _taps(size, corner, divisor, dilation, padding):
    """The taps k that a phase meets along one axis, and their distance in the source."""
    k = np.arange(size)
    shifts = corner + k * dilation - padding
    even = shifts % divisor == 0
    return k[even], shifts[even] // divisor


def _padded(offsets, last=None):
    """``offsets``, and PADDING times the last of them, or ``last``."""
    return np.concatenate([offsets, np.full(PADDING, offsets[-1] if last is None else last)])


@remembered(TABLE_BYTES)
def filter_rows(source, target, filter_shape, strides, dilations, padding, itemsize):
    """Where the rows (kh, kw, c) of a filter and what they read lie: tables for ``direct._pixel_sums``.

    rows: int64, (kh*kw*c) and PADDING unused entries, offset of the filter's row in the patch.
    steps: int64, (lines of a band, places), offset in the patch from the tap of output (0, 0).
    spans: int64, (tiles, 2): first line of outputs, and last + 1, that meets a row of the image with a tap of the tile.
    window: as in ``phase``.
    lines: (images, lines, places, outputs, patch rows from one line to the next, patch rows that one line reads).
    sums: elements in all groups' sums (groups, panels, rows up to whole tiles, columns of a tile).
    split: (bands of lines in an image, groups of bands, blocks of tiles, panels of outputs).
    shape: of the tiles.
    """
    height, width, channels, outputs = filter_shape
    reach = [(size - 1) * dilation + 1 for size, dilation in zip((height, width), dilations, strict=True)]
    rows, columns = ((n - 1) * s + r for n, s, r in zip(target[1:3], strides, reach, strict=True))
    inside = int(min(padding) >= 0 == max(padding) and rows <= source[1] and columns <= source[2])
    pitch = source[2] if inside else columns

    kh, kw, c = np.indices(filter_shape[:3]).reshape(3, -1)
    kh, kw = kh * dilations[0], kw * dilations[1]
    shape = tile_shape(kh.size, outputs, itemsize)
    tile_rows, panel_bytes = len(shape[0]), len(shape[1]) * VECTOR_BYTES
    by_tile = np.pad(kh, (0, -kh.size % tile_rows), "edge").reshape(-1, tile_rows)
    bounds = [padding[0] - by_tile[:, -1], source[1] + padding[0] - by_tile[:, 0]]
    spans = -(-np.stack(bounds, axis=1) // strides[0])

    bands = min(target[1], -(-target[1] * target[2] * panel_bytes // BAND_BYTES))
    band = -(-target[1] // bands)
    bands = -(-target[1] // band)
    line, place = np.indices((band, target[2])).reshape(2, -1)
    panels = -(-outputs * itemsize // panel_bytes)
    groups = max(1, min(-(-TASKS // panels), source[0] * bands, PARTIAL_SIZE // (kh.size * outputs)))
    blocks = min(-(-TASKS // (groups * panels)), len(by_tile))
    return (
        _padded((kh * pitch + kw) * channels + c),
        (line * strides[0] * pitch + place * strides[1]) * channels,
        spans,
        (inside, -padding[0], -padding[1], pitch * channels, channels, *source[1:3]),
        (source[0], *target[1:], strides[0], reach[0]),
        groups * panels * by_tile.size * (panel_bytes // itemsize),
        (bands, groups, blocks, panels),
        shape,
    )
