"""Where the pixels of a convolution lie: tables of offsets for the register tiles of ``direct.py``.

They depend on shapes alone, so they are worked out once for each geometry, in NumPy, and remembered.
"""

import itertools

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
PADDING = MOST_ROWS  # unused entries at the end of a table, for the last tile


@remembered(TABLE_BYTES)
def tile_shape(rows, columns, itemsize, multiple=1):
    """(rows, vectors) of the tiles that cover rows x columns in the fewest cycles; ``multiple`` divides tile's rows.

    A step takes as long as its multiply-adds (two a cycle), its loads (two a cycle) or the latency of one multiply-add
    (4 cycles), whichever is longest. Each number is the length of a tuple: a length is part of the type that Numba
    compiles a kernel for, as a number is not.
    """
    vectors = -(-columns * itemsize // VECTOR_BYTES)
    best, cost = (multiple, 1), float("inf")
    for v in range(1, min(vectors, 6) + 1):
        for r in range(multiple, min(MOST_ROWS, (VECTOR_REGISTERS - 1 - v) // v) + 1, multiple):
            cycles = -(-rows // r) * -(-vectors // v) * max(r * v / 2, (r + v) / 2, 4)
            if cycles < cost:
                best, cost = (r, v), cycles
    return (0,) * best[0], (0,) * best[1]


@remembered(TABLE_BYTES)
def phase(source, filter_size, corner, step, divisor, dilation, padding, target, itemsize, pool):
    """Where the targets (corner + divisor * q) of one phase, and what they read, lie: the tables for ``direct``.

    pool: (1, 1), or the size of the windows that a pool makes of the targets, window by window in the tables.

    rows: int64 (q...), offset of each target's first pixel in the patch of its image: the part of the image that the
        phase reads, with zeros outside of the image. A patch that is ``inside`` of it is read where it lies.
    targets: int64 (q...), offset of each target (of its window, if pooled) in its image of y. Both tables go on for
        PADDING unused rows (-1).
    runs: int64 (run, 2), the taps: offset in the patch, first filter row. A run goes over ``length`` taps and channels.
    window: top, left and columns of the patch.
    lines: (targets in one line, patch rows from one line to the next, patch rows of the taps of a line).
    band: targets of one task.
    shape: of the tiles.
    """
    images, height, width, channels = source
    count = [-(-(size - first) // d) for size, first, d in zip(target[1:3], corner, divisor, strict=True)]
    taps = [_taps(*axis) for axis in zip(filter_size, corner, divisor, dilation, padding, strict=True)]
    low = [min((at for _, at in axis), default=0) for axis in taps]
    reach = [max((at for _, at in axis), default=0) - first + 1 for axis, first in zip(taps, low, strict=True)]
    rows, columns = [(n * p - 1) * s + r for n, p, s, r in zip(count, pool, step, reach, strict=True)]
    inside = low[0] >= 0 and low[1] >= 0 and low[0] + rows <= height and low[1] + columns <= width
    pitch = width if inside else columns
    # Taps that follow each other in a filter row do so in the patch too, if no pixel lies between them: one run.
    joined = filter_size[1] if dilation[1] * divisor[1] == 1 else 1
    runs = [
        (((down - low[0]) * pitch + right - low[1]) * channels, (kh * filter_size[1] + kw) * channels)
        for (kh, down), (kw, right) in itertools.product(taps[0], taps[1][::joined])
    ]
    in_window = pool[0] * pool[1]
    first = _pixels(count, [s * p for s, p in zip(step, pool, strict=True)], pitch, 0)[:, None]
    sources = (first + _pixels(pool, step, pitch, 0)).ravel() * channels
    targets = _pixels(count, divisor, target[2], corner[0] * target[2] + corner[1]) * target[3]
    most = -(-target[1] // divisor[0]) * -(-target[2] // divisor[1]) * in_window  # targets of the largest phase
    shape = tile_shape(most, target[3], itemsize, in_window)
    tile_rows = len(shape[0])
    band = min(
        -(-images * sources.size // TASKS),
        PATCH_BYTES // (itemsize * max(1, channels) * step[0] * step[1]),
    )
    return (
        np.pad(sources, (0, PADDING), "edge"),
        np.pad(np.repeat(targets, in_window), (0, PADDING), constant_values=-1),
        np.array(runs, np.int64).reshape(-1, 2),
        joined * channels,
        inside,
        (*low, columns),
        (count[1] * in_window, step[0] * pool[0], (pool[0] - 1) * step[0] + reach[0]),
        -(-max(band, LEAST_PIXELS) // tile_rows) * tile_rows,
        shape,
    )


@remembered(TABLE_BYTES)
def filter_rows(source, target, filter_shape, strides, dilations, padding, itemsize):
    """Where the rows (kh, kw, c) of a filter lie, in an image's patch and in the filter: the tables for its gradient.

    rows, targets: int64 (kh*kw*c), offsets in the patch of the output (0, 0) and in dw, and PADDING unused ones.
    runs: int64 (lines of a band, 2), for each line of outputs: offset in the patch, first pixel of the band.
    inside: whether the image is read where it lies. window: top, left, columns of the patch, patch rows of a line.
    tasks: (bands of lines in an image, groups of bands, blocks of rows, panels of outputs).
    shape: of the tiles.
    """
    height, width, channels, outputs = filter_shape
    reach = [(size - 1) * dilation + 1 for size, dilation in zip((height, width), dilations, strict=True)]
    rows, columns = [(n - 1) * s + r for n, s, r in zip(target[1:3], strides, reach, strict=True)]
    inside = min(padding) >= 0 == max(padding) and rows <= source[1] and columns <= source[2]
    pitch = source[2] if inside else columns
    first = _pixels((height, width), dilations, pitch, 0)[:, None] * channels + np.arange(channels)
    targets = np.arange(first.size) * outputs
    shape = tile_shape(first.size, outputs, itemsize)
    tile_rows, tile_bytes = len(shape[0]), len(shape[1]) * VECTOR_BYTES
    bands = -(-target[1] * target[2] * tile_bytes // BAND_BYTES)
    band = -(-target[1] // min(bands, target[1]))
    bands = -(-target[1] // band)
    panels = -(-outputs * itemsize // tile_bytes)
    groups = max(1, min(TASKS, source[0] * bands, PARTIAL_SIZE // (first.size * outputs)))
    blocks = min(-(-TASKS // (groups * panels)), -(-first.size // tile_rows))
    lines = np.arange(band)
    return (
        np.pad(first.ravel(), (0, PADDING), "edge"),
        np.pad(targets, (0, PADDING), constant_values=-1),
        np.stack([lines * strides[0] * pitch * channels, lines * target[2]], axis=1),
        inside,
        (-padding[0], -padding[1], columns, reach[0]),
        (bands, groups, blocks, panels),
        shape,
    )


def _taps(size, corner, divisor, dilation, padding):
    """(k, distance in the source) of the taps that a phase meets along one axis."""
    shifts = [(k, corner + k * dilation - padding) for k in range(size)]
    return [(k, shift // divisor) for k, shift in shifts if shift % divisor == 0]


def _pixels(count, step, pitch, first):
    """Numbers of count[0] x count[1] pixels, ``step`` apart, in an image that begins with pixel ``first``."""
    return (first + np.arange(count[0])[:, None] * (step[0] * pitch) + np.arange(count[1]) * step[1]).ravel()
