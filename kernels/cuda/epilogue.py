"""From the sums of ``correlation.py`` to memory: bias, relu, maximum of 2 x 2. Twin: ``kernels/cpu/epilogue.py``.

A thread has blocks of 4 x 4 sums (``tiles.py``). Their rows are pixels of y: of one phase (``geometry.py``), or the
four of a window, of which y has the maximum alone.
"""

from .intrinsics import advance
from .scalar import ZERO
from .target import cuda, device, int32, int64, uint32
from .tiles import load_some, store_some

# What a launch wants, as bits of ``flags``.
WIDE_FILTER, WIDE_OUT = 1, 2  # rows of the filter, of y and winner may be accessed by four numbers
BIAS, RELU = 4, 8
WINDOWS = 16  # rows of the product come window by window of 2 x 2
POOL = 32  # and each window gives one row of y

NO_WINNER = 4  # of a window of 2 x 2 in which nothing is above zero


@device
def has(flags, flag):
    return int32(int32(flags) & int32(flag)) != int32(0)


@device
def larger(value, at, other, tap):
    """The greater of two numbers and where it is: the first of equal ones; a NaN is passed over for a number."""
    if other > value or (value != value and other == other):
        value, at = other, tap
    return value, at


@device
def relu_of_window(a, b, c, d):
    """max(0, a, b, c, d) and which of them it is, NO_WINNER where none is above zero. NaN if all four are NaN."""
    value, at = larger(a, int32(0), b, int32(1))
    value, at = larger(value, at, c, int32(2))
    value, at = larger(value, at, d, int32(3))
    if value > ZERO:
        return value, at
    return (ZERO if value < ZERO else value), int32(NO_WINNER)


@device
def out_of(y, winner, bias, rows, sizes, down, right, of_phase):
    """What ``put`` needs. Parts of a depth lie one after another in y."""
    images, _, _, _, height, width, columns, _, _, _, flags = sizes
    part = uint32(uint32(cuda.blockIdx.z) // uint32(uint32(down[4]) * uint32(right[4])))
    size = int64(images) * int64(height) * int64(width) * int64(columns)
    if has(flags, WINDOWS):
        size = size * int64(4)
    place = down[4], right[4], height, width, of_phase[5], of_phase[6], of_phase[7], of_phase[8]
    return advance(y, int64(part) * size), winner, bias, rows, uint32(columns), flags, place


@device
def put(out, row, column, end, sums, r, s):
    """Four rows and columns of the product, from sums[8 r + s] on; columns as far as ``end``."""
    _, _, bias, _, _, flags, _ = out
    more = ZERO, ZERO, ZERO, ZERO
    if has(flags, BIAS):
        more = load_some(bias, column, column, end, False)
    i = 8 * r + s
    one = finish(sums[i], sums[i + 1], sums[i + 2], sums[i + 3], more, flags)
    two = finish(sums[i + 8], sums[i + 9], sums[i + 10], sums[i + 11], more, flags)
    three = finish(sums[i + 16], sums[i + 17], sums[i + 18], sums[i + 19], more, flags)
    four = finish(sums[i + 24], sums[i + 25], sums[i + 26], sums[i + 27], more, flags)
    if has(flags, POOL):
        _put_window(out, row, column, end, one, two, three, four)
    else:
        _put_row(out, row, column, end, one)
        _put_row(out, uint32(row + uint32(1)), column, end, two)
        _put_row(out, uint32(row + uint32(2)), column, end, three)
        _put_row(out, uint32(row + uint32(3)), column, end, four)


@device
def finish(a, b, c, d, bias, flags):
    """Four sums as they go to memory: with their bias, and not below zero where ``flags`` has RELU."""
    a, b, c, d = a + bias[0], b + bias[1], c + bias[2], d + bias[3]
    if has(flags, RELU):  # in which NaN stays NaN
        a, b = ZERO if a < ZERO else a, ZERO if b < ZERO else b
        c, d = ZERO if c < ZERO else c, ZERO if d < ZERO else d
    return a, b, c, d


@device
def _put_row(out, row, column, end, four):
    y, _, _, rows, columns, flags, place = out
    if row < rows:
        down, right, height, width, corner_down, corner_right, lines, places = place
        if down != int32(1) or right != int32(1):  # a row of the product is not a row of y
            at, image = uint32(row // places), uint32(uint32(row // places) // lines)
            line = uint32(corner_down + uint32(at - image * lines) * uint32(down))
            column_of_y = uint32(corner_right + uint32(row - at * places) * uint32(right))
            row = uint32((image * uint32(height) + line) * uint32(width) + column_of_y)
        store_some(y, uint32(row * columns + column), column, end, four, has(flags, WIDE_OUT))


@device
def _put_window(out, row, column, end, one, two, three, four):
    """The maximum of four rows, and which of them has it."""
    y, winner, _, rows, columns, flags, _ = out
    if row < rows:
        a, first = relu_of_window(one[0], two[0], three[0], four[0])
        b, second = relu_of_window(one[1], two[1], three[1], four[1])
        c, third = relu_of_window(one[2], two[2], three[2], four[2])
        d, fourth = relu_of_window(one[3], two[3], three[3], four[3])
        at, wide = uint32(uint32(row // uint32(4)) * columns + column), has(flags, WIDE_OUT)
        store_some(y, at, column, end, (a, b, c, d), wide)
        store_some(winner, at, column, end, (first, second, third, fourth), wide)
