"""Elements in another order: from one place in memory to another, as steps along axes say.

Element i of what is walked through, in C order over ``sizes``, lies at ``start`` + the sum of k_axis * step_axis, where
k are its coordinates; steps count elements, may be negative, and are 0 along an axis that is stretched. A kernel takes
sizes and steps as ``AXES`` numbers each, the last axes last, so that nothing has to be copied to the GPU first. Axes
that both sides walk through as one are merged before, and of what then remains there are seldom more than three.
"""

import functools
import itertools
import math

from .elements import EACH, blocks, first_element, vectors
from .intrinsics import load4, store4
from .launch import THREADS, ceildiv, device as gpu, within_reach
from .target import cuda, device, int32, uint32, uint64
from .typed import words

AXES = 6
WALK = f"int32[{AXES}]"  # the type of sizes, or of steps, in a kernel's signature
TILE = 32  # rows and columns that a block transposes at a time
PITCH = TILE + 1  # a row of a tile in shared memory: entries of one column lie in different banks
HELD = TILE * PITCH
ROWS = THREADS // TILE


@device
def _along(i, size, p, step_p, q, step_q):
    """(i without its last coordinate, the two places with it)."""
    k = uint32(i % uint32(size))
    return uint32(i // uint32(size)), uint32(p + k * uint32(step_p)), uint32(q + k * uint32(step_q))


@device
def two_places(i, axes, sizes, steps_p, steps_q):
    """Where element i lies on two sides, from their starts on. axes: how many of the last axes are not of size 1."""
    if axes == int32(1):
        return uint32(i * uint32(steps_p[5])), uint32(i * uint32(steps_q[5]))
    i, p, q = _along(uint32(i), sizes[5], uint32(0), steps_p[5], uint32(0), steps_q[5])
    if axes > int32(2):
        i, p, q = _along(i, sizes[4], p, steps_p[4], q, steps_q[4])
        if axes > int32(3):
            i, p, q = _along(i, sizes[3], p, steps_p[3], q, steps_q[3])
            i, p, q = _along(i, sizes[2], p, steps_p[2], q, steps_q[2])
            i, p, q = _along(i, sizes[1], p, steps_p[1], q, steps_q[1])
            return uint32(p + i * uint32(steps_p[0])), uint32(q + i * uint32(steps_q[0]))
        return uint32(p + i * uint32(steps_p[3])), uint32(q + i * uint32(steps_q[3]))
    return uint32(p + i * uint32(steps_p[4])), uint32(q + i * uint32(steps_q[4]))


_ARGUMENTS = f"T* T* int32 {WALK} {WALK} {WALK} int32 int32 int32"
_TILES = _ARGUMENTS + " int32 int32 int32"


@device
def element(k):
    """Number k < EACH of this thread's elements, where neighbouring threads have neighbouring ones."""
    return uint32(
        uint32(cuda.blockIdx.x) * uint32(EACH * THREADS) + uint32(k) * uint32(THREADS) + uint32(cuda.threadIdx.x)
    )


@words(_ARGUMENTS)
def _move(x, y, axes, sizes, steps_x, steps_y, start_x, start_y, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            p, q = two_places(i, axes, sizes, steps_x, steps_y)
            y[uint32(uint32(start_y) + q)] = x[uint32(uint32(start_x) + p)]


@words(_ARGUMENTS)
def _move_fours(x, y, axes, sizes, steps_x, steps_y, start_x, start_y, n):
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(n):
        p, q = two_places(i, axes, sizes, steps_x, steps_y)
        store4(y, uint32(uint32(start_y) + q), load4(x, uint32(uint32(start_x) + p)))


@device
def _by_tiles(tile, x, y, axes, sizes, steps_x, steps_y, start_x, start_y, rows, columns, step_x, step_y):
    """Tiles of y[row * step_y + column] = x[row + column * step_x], whose first tile lies where the other axes say.

    tile: HELD numbers in shared memory.
    """
    block, wide = uint32(cuda.blockIdx.x), uint32((uint32(columns) + uint32(TILE - 1)) // uint32(TILE))
    high = uint32((uint32(rows) + uint32(TILE - 1)) // uint32(TILE))
    left, above = uint32(block % wide * uint32(TILE)), uint32(block // wide % high * uint32(TILE))
    p, q = two_places(uint32(block // (wide * high)), axes, sizes, steps_x, steps_y)
    p, q = uint32(p + uint32(start_x)), uint32(q + uint32(start_y))
    lane, line = uint32(cuda.threadIdx.x % uint32(TILE)), uint32(cuda.threadIdx.x // uint32(TILE))
    for k in range(0, TILE, ROWS):
        inside = uint32(line + uint32(k))
        row, column = uint32(above + lane), uint32(left + inside)
        if row < uint32(rows) and column < uint32(columns):
            tile[uint32(inside * uint32(PITCH) + lane)] = x[uint32(p + row + column * uint32(step_x))]
    cuda.syncthreads()
    for k in range(0, TILE, ROWS):
        inside = uint32(line + uint32(k))
        row, column = uint32(above + inside), uint32(left + lane)
        if row < uint32(rows) and column < uint32(columns):
            y[uint32(q + row * uint32(step_y) + column)] = tile[uint32(lane * uint32(PITCH) + inside)]


@words(_TILES, 1, 2, 4)
def _transpose(x, y, axes, sizes, steps_x, steps_y, start_x, start_y, rows, columns, step_x, step_y):
    tile = cuda.shared.array(HELD, uint32)
    _by_tiles(tile, x, y, axes, sizes, steps_x, steps_y, start_x, start_y, rows, columns, step_x, step_y)


@words(_TILES, 8)
def _transpose_long(x, y, axes, sizes, steps_x, steps_y, start_x, start_y, rows, columns, step_x, step_y):
    tile = cuda.shared.array(HELD, uint64)
    _by_tiles(tile, x, y, axes, sizes, steps_x, steps_y, start_x, start_y, rows, columns, step_x, step_y)


def c_steps(shape):
    """The steps of an array that fills its memory in C order."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def stretching(shape, rank):
    """The steps of an array of ``shape`` that is stretched to ``rank`` axes, of which it may have fewer."""
    steps = [step if n != 1 else 0 for n, step in zip(shape, c_steps(shape), strict=True)]
    return (0,) * (rank - len(shape)) + tuple(steps)


@functools.lru_cache(maxsize=4096)
def merged(sizes, *steps):
    """Columns (size, step of each side), one for each axis that is left when those of size 1 are dropped and those
    that every side walks through as one are merged; at least one.
    """
    columns = []
    for column in reversed(list(zip(sizes, *steps, strict=True))):
        inner = columns[-1] if columns else None
        if column[0] == 1:
            continue
        if inner and all(step == inner[0] * below for step, below in zip(column[1:], inner[1:], strict=True)):
            inner[0] *= column[0]
        else:
            columns.append(list(column))
    return tuple(map(tuple, columns[::-1])) or ((1, *(0 for _ in steps)),)


def arguments(columns):
    """(axes, sizes, steps of each side): columns as kernels take them."""
    missing = AXES - len(columns)
    sizes, *steps = zip(*columns, strict=True)
    return len(columns), (1,) * missing + sizes, *((0,) * missing + each for each in steps)


def copy(x, y, sizes, steps_x, steps_y, start_x=0, start_y=0):
    """Copies elements of x to places in y: as many as ``sizes`` say, from and to where starts and steps say.

    x, y: arrays whose elements have one size; x is read, y written. sizes, steps: tuples, one entry for each axis.
    """
    if 0 in sizes:
        return
    within_reach(x, y)
    *outer, inner = _cut(merged(tuple(sizes), tuple(steps_x), tuple(steps_y)))
    for place in itertools.product(*(range(size) for size, _, _ in outer)):
        p = start_x + sum(k * step for k, (_, step, _) in zip(place, outer, strict=True))
        q = start_y + sum(k * step for k, (_, _, step) in zip(place, outer, strict=True))
        _copy(x, y, inner, p, q)


def _cut(columns):
    """The axes that are too many for a kernel, one by one, then all others as one entry."""
    many = max(len(columns) - AXES, 0)
    return *columns[:many], columns[many:]


def _copy(x, y, columns, start_x, start_y):
    n, last = math.prod(size for size, _, _ in columns), columns[-1]
    nbytes = y.dtype.itemsize
    row = next((axis for axis, column in enumerate(columns) if column[1] == 1), None)
    if _in_fours(columns, start_x, start_y) and vectors(x, y):
        fours = arguments((*columns[:-1], (last[0] // EACH, EACH, EACH)))
        _move_fours.of_size(nbytes)(ceildiv(n // EACH, THREADS), x, y, *fours, start_x, start_y, n // EACH)
    elif last[2] == 1 and last[1] > 1 and row is not None and min(columns[row][0], last[0]) >= EACH:
        others = columns[:row] + columns[row + 1 : -1] or ((1, 0, 0),)
        tiles = math.prod(size for size, _, _ in others) * ceildiv(columns[row][0], TILE) * ceildiv(last[0], TILE)
        sizes = columns[row][0], last[0], last[1], columns[row][2]
        chosen = (_transpose_long if nbytes == 8 else _transpose).of_size(nbytes)
        chosen(tiles, x, y, *arguments(others), start_x, start_y, *sizes)
    else:
        _move.of_size(nbytes)(ceildiv(n, EACH * THREADS), x, y, *arguments(columns), start_x, start_y, n)


def _in_fours(columns, *starts):
    """Whether runs of four elements lie together on both sides, and begin at multiples of four."""
    *outer, (size, step_x, step_y) = columns
    steps = [step for _, *pair in outer for step in pair]
    return step_x == step_y == 1 and all(number % EACH == 0 for number in (size, *steps, *starts))


def stretched(x, shape, steps):
    """A new array of ``shape`` with the elements of x that ``steps`` name."""
    y = gpu().empty(shape, x.dtype)
    copy(x, y, shape, steps, c_steps(shape))
    return y


@words("T T* int32 int32")
def _fill(value, y, n, wide):
    first, size = first_element(), uint32(n)
    if wide != int32(0) and uint32(first + uint32(EACH)) <= size:
        store4(y, first, (value, value, value, value))
    else:
        for k in range(EACH):
            if uint32(first + uint32(k)) < size:
                y[uint32(first + uint32(k))] = value


def fill(bits, y):
    """Every y = the number of these bits, an unsigned integer."""
    _fill.of_size(y.dtype.itemsize)(blocks(y), bits, y, y.size, vectors(y))
