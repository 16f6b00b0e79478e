"""Matrix products on the CPU. Twin: ``kernels/cuda/matmul.py``.

op(B) is packed, DEPTH rows at a time, into panels as wide as a tile. Rows of op(A) are copied next to each other where
many panels need them, and read where they lie where few do. What is left is a loop of multiply-adds over registers:

                     DEPTH rows of op(B):    | panel | panel |      some vectors wide
                                             |       |       |
        rows of op(A):  ROWS x DEPTH  x      |  ...  |  ...  |   =  a tile of C, ROWS x some vectors, in registers

A task has a block of C. If several tasks need the same columns of op(B), a kernel of its own packs them beforehand
(``_pack``), as many rows at a time as PACKED_BYTES hold; else each task packs its own. Which of these happens, and so
the order of every sum, depends on the shapes alone: ``_plan`` decides in Python, and kernels find what they need as
numbers in an array, so that they stay short and compile fast.

The floor is the CPU's rate of multiply-adds. On Zen 4 a step k of a tile of 6 x 32 numbers is 12 FMAs of 64 bytes, 12
cycles, beside which some 24 other instructions run. Panels in cache reach 95 % of the rate, a product of 2048 x 2048
matrices 85 %: packing and caches take the rest.

Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
"""

import functools

import numpy as np

from ..jit import inner, kernel
from .epilogue import add_row, columns_of, rectify
from .matvec import matvec, plan as vector_plan
from .packing import pack
from .simd import CACHE_LINE, VECTOR_BYTES, VECTOR_REGISTERS, run, scratch
from .tiles import ROWS, outer, own_registers, plus, prefetch, prefetch_rows, store, wide_zeros
from .vectors import lanes

VECTORS = 4 if VECTOR_REGISTERS >= 32 else 2  # in a row of a tile: with ROWS = 6 they fill the registers
NARROW = VECTORS // 2  # in a row where no more are left: with fewer sums at once, each would wait for the one before
DEPTH = 256  # rows of op(b) in a block: a panel of them fits the L1 cache
LONG_DEPTH = 512  # the same where op(a) is read in place: longer runs, and c is fetched less often
BLOCK_ROWS = 16 * ROWS  # of op(a), copied: with DEPTH a tenth of the L2 cache, which panels and c pass through as well
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
    matmul_bias(a, b, transpose_a, transpose_b, _NOTHING[c.itemsize], 0, c)


def matmul_bias(a, b, transpose_a, transpose_b, bias, activation, c):
    """c[n] = activation(op(a[n]) op(b[n]) + bias): ``matmul`` without a second pass over c.

    bias: (n,), or (0,) for none, read. activation: 0 for none, 1 for max(0, .), in which NaN stays NaN.
    """
    plan, kind, size, span = _plan(a.shape, b.shape, c.shape, transpose_a, transpose_b, c.itemsize)
    if kind == _ROW:
        matvec(b, a, bias, activation, plan, c)
    elif kind == _COLUMN:
        matvec(a, b, bias, activation, plan, c)
    elif span == 0:
        _products(a, b, bias, activation, _NOTHING[c.itemsize], 0, size, plan, c)
    elif b.shape[0] > 1:
        for n in range(b.shape[0]):
            of_n = slice(n, n + 1)
            a_n = a[of_n] if a.shape[0] > 1 else a
            matmul_bias(a_n, b[of_n], transpose_a, transpose_b, bias, activation, c[of_n])
    else:
        packed = np.empty(size + CACHE_LINE, c.dtype)
        packed = packed[-(packed.ctypes.data // c.itemsize) % CACHE_LINE :]  # from the start of a cache line on
        depth = plan.item(_DEPTH)
        for first in range(0, depth, span):
            last = min(depth, first + span)
            _pack(b, first, last, plan, packed)
            _products(a, b, bias, activation, packed, first, last, plan, c)


_NOTHING = {4: np.empty(0, np.float32), 8: np.empty(0, np.float64)}
_ROW, _COLUMN, _MATRIX = range(3)  # kinds of c

# Entries of a plan. Element (row, column) of op(x[image]) lies at image * IMAGE + row * DOWN + column * RIGHT.
_TASKS, _IN_IMAGE, _ACROSS, _ROWS, _COLUMNS, _DEPTH, _MOST, _STEP_ROWS, _PADDED, _PANELS = range(10)
_A_IMAGE, _A_DOWN, _A_RIGHT, _B_IMAGE, _B_DOWN, _B_RIGHT = range(10, 16)
_PITCH, _COMPACT, _OWN = range(16, 19)
_WHOLE, _LAST = 19, 19 + 2 * ROWS  # tables of a tile's rows of op(a), and after them of c; entry 1 is their distance


@functools.lru_cache(maxsize=4096)
def _plan(a, b, c, transpose_a, transpose_b, itemsize):
    """(plan, kind, size, span) for arrays of these shapes.

    plan: numbers for the kernels. kind: of c. span: the rows that ``_pack`` packs at once, ``size`` elements. span is 0
    where each task packs its own part of op(b); then ``size`` is the depth, but 1 if that is 0.
    """
    batch, height, width = c
    depth = a[1 if transpose_a else 2]
    if height == 1:
        return vector_plan(b, a, not transpose_b, batch, width, depth), _ROW, 0, 0
    if width == 1:
        return vector_plan(a, b, transpose_a, batch, height, depth), _COLUMN, 0, 0
    panel, narrow = VECTORS * VECTOR_BYTES // itemsize, NARROW * VECTOR_BYTES // itemsize
    rows, columns, span = max(1, height), max(panel, width), 0
    wanted = min(TASKS, max(1, height * width * depth // TASK_SIZE))
    if height <= FEW_ROWS:  # tasks side by side
        columns = max(panel, -(-width // (wanted * panel)) * panel)
    if width <= columns or -(-width // columns) * 2 < wanted:  # and below each other
        rows = min(rows, max(8 * ROWS, -(-rows * -(-width // columns) // (wanted * ROWS)) * ROWS))
    if rows < height and width * depth >= SHARED_SIZE:
        blocks, columns = -(-height // (TASKS * BLOCK_ROWS)) * TASKS, -(-width // panel) * panel
        rows = min(rows, -(-height // (blocks * ROWS)) * ROWS)
        span = max(1, PACKED_BYTES // (itemsize * DEPTH * (width + panel))) * DEPTH
    rest = min(columns, width) % panel
    padded = min(columns, width) - rest + (0 if rest == 0 else narrow if rest <= narrow else panel)
    copied = padded > FEW_PANELS * panel and depth > 1
    most = max(1, min(depth, DEPTH if span or copied else LONG_DEPTH))
    step_rows, pitch = min(rows, BLOCK_ROWS) if copied else rows, -(-most // 64) * 64
    down, across = -(-height // rows), -(-width // columns)
    a_down, a_right = (1, height) if transpose_a else (depth, 1)
    b_down, b_right = (1, depth) if transpose_b else (width, 1)
    plan = [batch * down * across, down * across, across, rows, columns, depth, most, step_rows, padded]
    plan += [-(-width // panel), height * depth * (a[0] > 1), a_down, a_right, width * depth * (b[0] > 1)]
    plan += [b_down, b_right, pitch, pitch * step_rows * copied, most * padded * (span == 0)]
    plan += _tables(height, width, pitch if copied else a_down)
    return np.array(plan, np.int64), _MATRIX, min(span, depth) * padded if span else max(1, depth), span


def _tables(height, width, a_down):
    """Offsets of the rows of op(a) and of c in a whole tile, then in the last one, where -1 stands for no row of c."""
    tables = []
    for count in (ROWS, height % ROWS):
        tables += [r * a_down if r < count else 0 for r in range(ROWS)]
        tables += [r * width if r < count else -1 for r in range(ROWS)]
    return tables


def _panels(b, first, last, plan, packed):
    return -(-(last - first) // DEPTH) * plan.item(_PANELS)


@kernel(tasks=_panels, serial_below=SHARED_SIZE)
def _pack(task, b, first, last, plan, packed):
    """packed: rows ``first`` to ``last`` of op(b) in blocks of DEPTH rows, each in panels. A task has a panel."""
    panel = VECTORS * lanes(b)
    begin, column = first + task // plan[_PANELS] * DEPTH, task % plan[_PANELS] * panel
    length = min(DEPTH, last - begin)
    place = (begin - first) * plan[_PADDED] + column * length
    down, right, rest = plan[_B_DOWN], plan[_B_RIGHT], plan[_WHOLE + ROWS + 1] - column
    start, size = begin * down + column * right, min(panel, plan[_PADDED] - column)
    pack(run(b, 0, b.size), start, down, right, length, min(rest, size), packed, place, size)


def _tasks(a, b, bias, activation, packed, begin, end, plan, c):
    return plan.item(_TASKS)


def _multiply_adds(a, b, bias, activation, packed, begin, end, plan, c):
    return c.size * (end - begin)


@kernel(tasks=_tasks, work=_multiply_adds, serial_below=SERIAL_BELOW)
def _products(task, a, b, bias, activation, packed, begin, end, plan, c):
    """Rows ``begin`` to ``end`` of op(b) in ``matmul_bias``, one block of c: written if begin is 0, else added to.

    packed: these rows of op(b), as ``_pack`` leaves them, or empty. plan: ``_plan``'s.
    """
    left, right, out = run(a, 0, a.size), run(b, 0, b.size), run(c, 0, c.size)
    height, width, depth, most, step_rows = c.shape[1], c.shape[2], plan[_DEPTH], plan[_MOST], plan[_STEP_ROWS]
    image, number = task // plan[_IN_IMAGE], task % plan[_IN_IMAGE]
    top, left_column = number // plan[_ACROSS] * plan[_ROWS], number % plan[_ACROSS] * plan[_COLUMNS]
    bottom, right_column = min(height, top + plan[_ROWS]), min(width, left_column + plan[_COLUMNS])
    a_down, a_right, b_down, b_right = plan[_A_DOWN], plan[_A_RIGHT], plan[_B_DOWN], plan[_B_RIGHT]
    panel, narrow = VECTORS * lanes(b), NARROW * lanes(b)
    zero = np.int64(0)  # a literal is a type of its own, for which Numba would compile what takes it once more
    compact, own = scratch(plan[_COMPACT], a), scratch(plan[_OWN], b)
    copied, packs = compact.size > 0, own.size > 0
    panels = own if packs else run(packed, 0, packed.size)
    for first in range(begin, end, most):
        length = min(most, depth - first)
        finish = activation if first + length == depth else -1
        for row in range(top, bottom, step_rows):
            count = min(step_rows, bottom - row)
            rows, k, step = left, image * plan[_A_IMAGE] + row * a_down + first * a_right, a_right
            if copied:
                pack(left, k, a_down, a_right, count, length, compact, zero, plan[_PITCH])
                rows, k, step = compact, zero, zero + 1
            for column in range(left_column, right_column, panel):
                rest = width - column
                at = (column - left_column) * length + (0 if packs else (first - begin) * plan[_PADDED])
                if packs and row == top:
                    start = image * plan[_B_IMAGE] + first * b_down + column * b_right
                    size = narrow if rest <= narrow else panel
                    pack(right, start, b_down, b_right, length, min(rest, size), own, at, size)
                goal = (image * height + row) * width + column
                if rest <= narrow:
                    tile = wide_zeros(out, ROWS, NARROW)
                    _tiles(tile, rows, k, step, panels, at, length, out, goal, plan, count, first, bias, column, finish)
                else:
                    tile = wide_zeros(out, ROWS, VECTORS)
                    _tiles(tile, rows, k, step, panels, at, length, out, goal, plan, count, first, bias, column, finish)


@inner
def _tiles(zero, a, origin, step, b, panel, length, c, place, plan, count, first, bias, column, finish):
    """``count`` rows of op(a) times a panel, whose width is that of tile ``zero``: c[p * width of c + place + j] (+)=

        sum over k < length of a[p * down + origin + k * step] * b[panel + k * width + j]    for j < ``width``,

    up to the end of c's row. down and c's width: as the tables in ``plan`` have them. first: k in all of op(a); if it
    is 0, c is written, else added to. bias: from entry ``column`` on, if any. finish: the activation; -1 before the
    last sums.
    """
    own_registers()
    width, down, across = columns_of(zero), plan[_WHOLE + 1], plan[_WHOLE + ROWS + 1]
    columns, ahead, share = across - column, panel + length * width, width * ROWS // count + 1
    for p in range(0, count, ROWS):
        rows = _WHOLE if p + ROWS <= count else _LAST
        targets, goal = rows + ROWS, place + p * across
        prefetch_rows(zero, c, plan, targets, goal)
        tile, k, j, below = zero, origin + p * down, panel, origin + (p + ROWS) * down
        for _ in range(length):
            tile = outer(tile, a, plan, rows, k, b, j)
            k += step
            j += width
            prefetch(b, ahead)  # the next panel, of which each tile asks for its share
            prefetch(a, below)  # the rows of the next tile, where they follow
            ahead += share
            below += ROWS
        if first > 0:
            tile = plus(tile, c, plan, targets, goal, columns)
        if finish >= 0:
            if bias.size:
                tile = add_row(tile, bias, column, columns)
            if finish == 1:
                tile = rectify(tile)
        store(tile, c, plan, targets, goal, columns)
