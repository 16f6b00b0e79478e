"""Matrix products on the CPU. Twin: ``kernels/cuda/matmul.py``.

op(B) is packed, DEPTH rows at a time, into panels as wide as a tile. Rows of op(A) are copied next to each other where
many panels need them, and read where they lie where few do. What is left is a loop of multiply-adds over registers:

                     DEPTH rows of op(B):    | panel | panel |      some vectors wide
                                             |       |       |
        rows of op(A):  ROWS x DEPTH  x      |  ...  |  ...  |   =  a tile of C, ROWS x some vectors, in registers

A task has a block of C. If several tasks need the same columns of op(B), a kernel of its own packs them beforehand
(``_pack``), as many rows at a time as PACKED_BYTES hold; else each task packs its own. Which of these happens, and so
the order of every sum, depends on the shapes alone.

The floor is the CPU's rate of multiply-adds. On Zen 4 a step k of a tile of 6 x 32 numbers is 12 FMAs of 64 bytes, 12
cycles, beside which some 24 other instructions run. Panels in cache reach 95 % of the rate, a product of 2048 x 2048
matrices 85 %: packing and caches take the rest.

Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
"""

import functools

import numpy as np

from ..jit import inner, kernel
from .epilogue import add_row, rectify
from .matvec import matvec
from .packing import pack_columns, pack_rows
from .simd import VECTOR_BYTES, VECTOR_REGISTERS, run
from .tiles import ROWS, outer, own_registers, plus, prefetch, store, wide_zeros
from .vectors import lanes

VECTORS = 4 if VECTOR_REGISTERS >= 32 else 2  # in a row of the widest tile: with ROWS = 6 they fill the registers
NARROWEST = VECTORS // 2  # in a row of the narrowest: with fewer sums at once, each would wait for the one before
DEPTH = 256  # rows of op(b) in a block: a panel of them fits the L1 cache
LONG_DEPTH = 512  # the same where op(a) is read in place: longer runs, and c is fetched less often
BLOCK_ROWS = 16 * ROWS  # of op(a), copied: with DEPTH a tenth of the L2 cache, which panels and c pass through as well
CACHE_LINE = 64  # bytes
FEW_ROWS = 48 * ROWS  # of op(a): up to so many, tasks get columns each
FEW_PANELS = 4  # up to so many, op(a) is read where it lies
PACKED_BYTES = 1 << 23  # of op(b) at once, for all tasks: a part of the L3 cache
SHARED_SIZE = 1 << 16  # elements of op(b) that are worth a kernel of their own
TASKS = 8  # of one matrix, if large enough
TASK_SIZE = 1 << 17  # multiply-adds that are worth a task
SERIAL_BELOW = 1 << 17  # multiply-adds


def matmul(a, b, transpose_a, transpose_b, c):
    """c[n] = op(a[n]) op(b[n]), where op transposes if the flag says so. Cost: 2 * batch * m * n * k flops.

    a: (batch or 1, m, k), with transpose_a (.., k, m), read. b: (batch or 1, k, n), with transpose_b (.., n, k), read.
    c: (batch, m, n), written. One float dtype. A first axis of size 1 serves the whole batch.
    """
    matmul_bias(a, b, transpose_a, transpose_b, np.empty(0, c.dtype), 0, c)


def matmul_bias(a, b, transpose_a, transpose_b, bias, activation, c):
    """c[n] = activation(op(a[n]) op(b[n]) + bias): ``matmul`` without a second pass over c.

    bias: (n,), or (0,) for none, read. activation: 0 for none, 1 for max(0, .), in which NaN stays NaN.
    """
    batch, height, width = c.shape
    depth = a.shape[1 if transpose_a else 2]
    if height == 1:
        matvec(b, not transpose_b, a.reshape(a.shape[0], depth), bias, activation, c.reshape(batch, width))
        return
    if width == 1:
        matvec(a, transpose_a, b.reshape(b.shape[0], depth), bias, activation, c.reshape(batch, height))
        return
    rows, columns, panel, span = _plan(batch, height, depth, width, c.itemsize)
    block = rows, columns, panel
    if span == 0:
        _products(a, b, transpose_a, transpose_b, bias, activation, _NOTHING[c.itemsize], 0, depth, block, c)
        return
    packed = np.empty(min(span, depth) * columns + CACHE_LINE, c.dtype)
    packed = packed[-(packed.ctypes.data // c.itemsize) % CACHE_LINE :]  # from the start of a cache line on
    for n in range(b.shape[0]):
        of_n = slice(n, n + 1) if b.shape[0] > 1 else slice(None)
        a_n = a[of_n] if a.shape[0] > 1 else a
        for first in range(0, depth, span):
            last = min(depth, first + span)
            _pack(b[n], transpose_b, first, last, panel, packed)
            _products(a_n, b, transpose_a, transpose_b, bias, activation, packed, first, last, block, c[of_n])


_NOTHING = {4: np.empty(0, np.float32), 8: np.empty(0, np.float64)}


@functools.lru_cache(maxsize=4096)
def _plan(batch, height, depth, width, itemsize):
    """(rows, columns, panel, span): a task's block of c, the columns of a panel, the rows that ``_pack`` packs at once.

    span is 0 where each task packs its own part of op(b).
    """
    lanes = VECTOR_BYTES // itemsize
    vectors = max(NARROWEST, -(-width // lanes))
    panel = -(-vectors // -(-vectors // VECTORS)) * lanes
    rows, columns = max(1, height), max(panel, width)
    wanted = min(TASKS, max(1, height * width * depth // TASK_SIZE))
    if height <= FEW_ROWS:  # tasks side by side
        columns = max(panel, -(-width // (wanted * panel)) * panel)
    if width <= columns or -(-width // columns) * 2 < wanted:  # and below each other
        rows = min(rows, max(8 * ROWS, -(-rows * -(-width // columns) // (wanted * ROWS)) * ROWS))
    if rows < height and width * depth >= SHARED_SIZE:
        blocks = -(-height // (TASKS * BLOCK_ROWS)) * TASKS
        rows = min(rows, -(-height // (blocks * ROWS)) * ROWS)
        span = max(1, PACKED_BYTES // (itemsize * DEPTH * (width + panel))) * DEPTH
        return rows, -(-width // panel) * panel, panel, span
    return rows, columns, panel, 0


def _panels(b, transpose_b, first, last, panel, packed):
    return -(-(last - first) // DEPTH) * -(-b.shape[0 if transpose_b else 1] // panel)


@kernel(tasks=_panels, serial_below=SHARED_SIZE)
def _pack(task, b, transpose_b, first, last, panel, packed):
    """packed: rows ``first`` to ``last`` of op(b) in blocks of DEPTH rows, each in panels. A task has a panel."""
    width = b.shape[0 if transpose_b else 1]
    panels = -(-width // panel)
    begin, column = first + task // panels * DEPTH, task % panels * panel
    length = min(DEPTH, last - begin)
    place = (begin - first) * panels * panel + column * length
    _pack_panel(run(b, 0, b.size), np.int64(0), transpose_b, b.shape, begin, length, column, panel, packed, place)


@inner
def _pack_panel(b, start, transposed, shape, first, length, column, panel, packed, place):
    """packed[place:]: ``length`` rows of op(b) from ``first`` on, columns of the panel at ``column``, zeros beyond."""
    if transposed:
        pack_columns(
            b, start + column * shape[1] + first, shape[1], length, min(panel, shape[0] - column), packed, place, panel
        )
    else:
        pack_rows(
            b, start + first * shape[1] + column, shape[1], length, min(panel, shape[1] - column), packed, place, panel
        )


def _tasks(a, b, transpose_a, transpose_b, bias, activation, packed, begin, end, block, c):
    batch, height, width = c.shape
    return batch * -(-height // block[0]) * -(-width // block[1])


def _multiply_adds(a, b, transpose_a, transpose_b, bias, activation, packed, begin, end, block, c):
    return c.size * (end - begin)


@kernel(tasks=_tasks, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _products(task, a, b, transpose_a, transpose_b, bias, activation, packed, begin, end, block, c):
    """Rows ``begin`` to ``end`` of op(b) in ``matmul_bias``, one block of c: written if begin is 0, else added to.

    packed: these rows of op(b), as ``_pack`` leaves them, or empty. block: rows, columns of a task, columns of a panel.
    """
    left, right, out = run(a, 0, a.size), run(b, 0, b.size), run(c, 0, c.size)
    _, height, width = c.shape
    depth = a.shape[1 if transpose_a else 2]
    row_step, step = (1, height) if transpose_a else (depth, 1)
    block_rows, block_columns, panel = block
    down, across = -(-height // block_rows), -(-width // block_columns)
    image, number = task // (down * across), task % (down * across)
    top, left_column = number // across * block_rows, number % across * block_columns
    bottom, right_column = min(height, top + block_rows), min(width, left_column + block_columns)
    a_start = (image if a.shape[0] > 1 else 0) * height * depth
    b_start = (image if b.shape[0] > 1 else 0) * width * depth
    columns = -(-(right_column - left_column) // panel) * panel
    pack = packed.size == 0
    zero = np.int64(0)  # a literal would make Numba compile what takes it once more
    shared = run(packed, 0, packed.size)
    copied = columns > FEW_PANELS * panel and depth > 1
    step_rows = min(bottom - top, BLOCK_ROWS) if copied else bottom - top
    most = min(end - begin, LONG_DEPTH if pack and not copied else DEPTH)
    own = _aligned(np.empty((most * columns if pack else 0) + CACHE_LINE, b.dtype))
    pitch = -(-most // 64) * 64
    compact = np.empty(pitch * step_rows if copied else 0, a.dtype)
    rows, targets = np.empty(step_rows + ROWS, np.int64), np.empty(step_rows + ROWS, np.int64)
    for first in range(begin, max(begin + 1, end), max(1, most)):
        length = min(most, end - first)
        place = zero if pack else (first - begin) * columns
        for row in range(top, bottom, step_rows):
            count = min(step_rows, bottom - row)
            origin = a_start + row * row_step + first * step
            if copied:
                if transpose_a:
                    pack_columns(left, origin, height, count, length, compact, zero, pitch)
                else:
                    pack_rows(left, origin, depth, count, length, compact, zero, pitch)
            _offsets(count, pitch if copied else row_step, width, rows, targets)
            finish = activation if first + length == depth else -1
            for column in range(left_column, right_column, panel):
                at = place + (column - left_column) * length
                if pack and row == top:
                    _pack_panel(right, b_start, transpose_b, b.shape[1:], first, length, column, panel, own, at)
                _panel(
                    (compact, rows, zero, zero + 1) if copied else (left, rows, origin, step),
                    (own if pack else shared, at, panel, length),
                    (out, targets, (image * height + row) * width + column, width - column),
                    count, first > 0, bias, column, finish,
                )  # fmt: skip


@inner
def _aligned(x):
    """x from the start of a cache line on: a vector that spans two is read twice."""
    skip = -(x.ctypes.data // x.itemsize) % (CACHE_LINE // x.itemsize)
    return x[skip:]


@inner
def _offsets(count, row_step, width, rows, targets):
    """Where ``count`` rows of op(a) and of c begin, each table with an unused tile at its end."""
    for i in range(count + ROWS):
        rows[i] = i * row_step if i < count else 0
        targets[i] = i * width if i < count else -1


@inner
def _panel(left, right, result, count, accumulate, bias, column, finish):
    """``count`` rows of op(a) times a panel: c[targets[p] + place + j] (+)= sum over k < length of

        a[rows[p] + origin + k * step] * b[panel + k * width + j]     for j < ``width`` and j < ``columns``.

    left: a, rows, origin, step. right: b, panel, width, length. result: c, targets, place, columns. The tables rows and
    targets go on for a tile. bias: from entry ``column`` on, if any. finish: the activation; -1 before the last sums.
    """
    vectors = right[2] // lanes(left[0])
    if vectors == VECTORS:
        _tiles(wide_zeros(left[0], ROWS, VECTORS), left, right, result, count, accumulate, bias, column, finish)
    elif vectors == NARROWEST:
        _tiles(wide_zeros(left[0], ROWS, NARROWEST), left, right, result, count, accumulate, bias, column, finish)
    elif VECTORS == 4:
        _tiles(wide_zeros(left[0], ROWS, 3), left, right, result, count, accumulate, bias, column, finish)


@inner
def _tiles(zero, left, right, result, count, accumulate, bias, column, finish):
    """``_panel`` for tiles like ``zero``."""
    own_registers()
    (a, rows, origin, step), (b, panel, width, length), (c, targets, place, columns) = left, right, result
    line = CACHE_LINE // a.itemsize
    ahead, share = panel + length * width, -(-width * ROWS // max(1, count))
    for at in range(0, count, ROWS):
        for r in range(at, min(at + ROWS, count)):
            for j in range(0, width, line):
                prefetch(c, targets[r] + place + j)
        tile, k, j, below = zero, origin, panel, origin + rows[at + ROWS]
        for _ in range(length):
            tile = outer(tile, a, rows, at, k, b, j)
            k += step
            j += width
            prefetch(b, ahead)  # the next panel, of which each tile asks for its share
            prefetch(a, below)  # the rows of the next tile, where they follow
            ahead += share
            below += ROWS
        if accumulate:
            tile = plus(tile, c, targets, at, place, columns)
        if finish >= 0:
            if bias.size:
                tile = add_row(tile, bias, column, columns)
            if finish == 1:
                tile = rectify(tile)
        store(tile, c, targets, at, place, columns)
