"""Convolutions and their gradients to the input as products that gather their left side, for ``convolution.py``.

    y[target, column] = sum over taps and channels of x[pixel that the target meets with the tap, channel] * w[...]

is a product of a matrix (targets, taps * channels), which is nowhere in memory, with the filter: an implicit GEMM. Its
rows are the targets of one phase (``geometry.py``), which the gradient to the input has where strides are above 1; for
a pool of 2 x 2 behind the convolution they come window by window, four rows each. A thread has blocks of four rows
(``tiles.py``), so that a window's maximum is found in its registers.

    ``_forward_*``     channels by fours: a thread copies four channels of one pixel, 16 bytes
    ``_backward_*``    likewise, and the filter (taps, columns, channels) is turned on its way to shared memory
    ``_scalars_*``     any number of channels, few above all: a warp copies one tap and channel of 128 targets

Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014, section 3.
"""

from . import tiles
from .epilogue import WIDE_FILTER, WINDOWS, has, out_of, put
from .geometry import AXIS, NOWHERE, phase, phase_size
from .intrinsics import load4_constant
from .launch import kernel
from .scalar import ZERO
from .target import cuda, device, float32, int32, uint32, uint64
from .tiles import DEPTH, PITCH, TILE, own_place

# x, w, bias, y, winner; sizes: images, rows, columns and channels of x, rows and columns of y (pooled if it has
# windows), columns of the product, columns of the filter, tiles along the columns, depth of a part, flags.
_ARGUMENTS = f"float32* float32* float32* float32* uint8* int32[11] {AXIS} {AXIS}"


@device
def _start(sizes, down, right, width):
    """This block's work: (first row and column of its tile, rows, first step, end) of a phase, and the phase:

    (taps of a row; line and column of x that target (0, 0) meets first; first taps; corner; targets in lines, columns).
    """
    images, _, _, channels, height, along, _, _, tiles_right, length, flags = sizes
    block, z = uint32(cuda.blockIdx.x), uint32(cuda.blockIdx.z)
    tile, tile_right = uint32(block // uint32(tiles_right)), uint32(block % uint32(tiles_right))
    every_phase = uint32(uint32(down[4]) * uint32(right[4]))
    part, number = uint32(z // every_phase), uint32(z % every_phase)
    corner_down, corner_right = uint32(number // uint32(right[4])), uint32(number % uint32(right[4]))
    tap_down, taps_down, line = phase(corner_down, down)
    tap_right, taps_right, column = phase(corner_right, right)
    lines, places = phase_size(height, corner_down, down[4]), phase_size(along, corner_right, right[4])
    rows = uint32(uint32(images) * lines * places)
    if has(flags, WINDOWS):
        rows = uint32(rows * uint32(4))
    k = uint32(part * uint32(length))
    end = uint32(min(uint32(k + uint32(length)), uint32(taps_down * taps_right * uint32(channels))))
    work = uint32(tile * uint32(TILE)), uint32(tile_right * uint32(width)), rows, k, end
    return work, (taps_right, line, column, tap_down, tap_right, corner_down, corner_right, lines, places)


@device
def _target(row, flags, lines, places):
    """(image, line, place) of the target in a row of the product."""
    line, place = uint32(0), uint32(0)
    if has(flags, WINDOWS):
        line, place = uint32((row // uint32(2)) % uint32(2)), uint32(row % uint32(2))
        row = uint32(row // uint32(4))
        line = uint32(line + uint32(2) * uint32(uint32(row // places) % lines))
        place = uint32(place + uint32(2) * uint32(row % places))
    else:
        line, place = uint32(uint32(row // places) % lines), uint32(row % places)
    return uint32(uint32(row // places) // lines), line, place


@device
def _pixel(row, rows, sizes, down, right, of_phase):
    """(line, column, where it begins) of the pixel of x that the target in a row of the product meets first."""
    _, height, width, channels, _, _, _, _, _, _, flags = sizes
    _, first_line, first_column, _, _, _, _, lines, places = of_phase
    line, column, start = uint32(NOWHERE), uint32(0), uint32(0)
    if row < rows:
        image, line, place = _target(row, flags, lines, places)
        line = uint32(line * uint32(down[0]) + first_line)
        column = uint32(place * uint32(right[0]) + first_column)
        start = uint32(((image * uint32(height) + line) * uint32(width) + column) * uint32(channels))
    return line, column, start


# Where a thread reads: its pixels, and (channel, tap's column, tap's line) of its step.


@device
def _first_step(k, channels, taps):
    tap = uint32(k // channels)
    return uint32(k % channels), uint32(tap % taps), uint32(tap // taps)


@device
def _moves(channels, taps):
    """What ``_next_step`` adds for a slab."""
    more = uint32(uint32(DEPTH) // channels)
    return channels, taps, uint32(uint32(DEPTH) % channels), uint32(more % taps), uint32(more // taps)


@device
def _next_step(c, tap_right, tap_down, moves):
    channels, taps, more_channels, more_right, more_down = moves
    c, tap_right, tap_down = uint32(c + more_channels), uint32(tap_right + more_right), uint32(tap_down + more_down)
    if c >= channels:
        c, tap_right = uint32(c - channels), uint32(tap_right + uint32(1))
    if tap_right >= taps:
        tap_right, tap_down = uint32(tap_right - taps), uint32(tap_down + uint32(1))
    return c, tap_right, tap_down


# Channels by fours. A thread copies four channels, of a slab's eight, of one row.


@device
def _own_four():
    """(row or column, first step) of what this thread copies of a slab."""
    t = uint32(cuda.threadIdx.x)
    return uint32(t // uint32(2)), uint32((t % uint32(2)) * uint32(4))


@device
def _next_four(state, moves):
    line, column, start, c, tap_right, tap_down = state
    c, tap_right, tap_down = _next_step(c, tap_right, tap_down, moves)
    return line, column, start, c, tap_right, tap_down


@device
def _read_pixels(a, state, k, end):
    x, height, width, channels, delta_down, delta_right = a
    line, column, start, c, tap_right, tap_down = state
    below, beside = uint32(tap_down * uint32(delta_down)), uint32(tap_right * uint32(delta_right))
    inside = uint32(line + below) < uint32(height) and uint32(column + beside) < uint32(width)
    if inside and uint32(k + _own_four()[1]) < end:
        return load4_constant(x, uint32(start + (below * uint32(width) + beside) * uint32(channels) + c))
    return ZERO, ZERO, ZERO, ZERO


@device
def _store_turned(slab, start, four):
    row, step = _own_four()
    at = uint64(uint32(start + step * uint32(PITCH) + row))  # of 64 bits: what is added becomes part of instructions
    slab[at] = four[0]
    slab[at + uint64(PITCH)] = four[1]
    slab[at + uint64(2 * PITCH)] = four[2]
    slab[at + uint64(3 * PITCH)] = four[3]


@device
def _store_turned_64(slab, start, four):
    if _own_four()[0] < uint32(64):
        _store_turned(slab, start, four)


@device
def _store_turned_32(slab, start, four):
    if _own_four()[0] < uint32(32):
        _store_turned(slab, start, four)


@device
def _store_turned_16(slab, start, four):
    if _own_four()[0] < uint32(16):
        _store_turned(slab, start, four)


@device
def _read_turned(b, state, k, end):
    """Four channels of the filter (taps, columns, channels), for one column."""
    w, first, columns, channels, taps, width = b
    column, step = _own_four()
    if column < uint32(width) and uint32(first + column) < columns and uint32(k + step) < end:
        tap = _tap(taps, state[4], state[5])
        return load4_constant(w, uint32((tap * columns + first + column) * channels + state[3]))
    return ZERO, ZERO, ZERO, ZERO


@device
def _taps(sizes, down, right, of_phase):
    """For ``_tap``: (first line and column of a phase's taps, every so many, columns of the filter)."""
    return of_phase[3], of_phase[4], down[5], right[5], sizes[7]


@device
def _tap(taps, tap_right, tap_down):
    """Number of a phase's tap in the filter."""
    first_down, first_right, every_down, every_right, filter_columns = taps
    line = uint32(first_down + tap_down * uint32(every_down))
    return uint32(line * uint32(filter_columns) + first_right + tap_right * uint32(every_right))


@device
def _filter(w, first, width, sizes, down, right, of_phase):
    return w, first, uint32(sizes[6]), has(sizes[10], WIDE_FILTER), width // 4


@device
def _filter_turned(w, first, width, sizes, down, right, of_phase):
    return w, first, uint32(sizes[6]), uint32(sizes[3]), _taps(sizes, down, right, of_phase), width


@device
def _by_fours(filter_of, read_filter, store_filter, shape, x, w, bias, y, winner, sizes, down, right):
    width = shape[0]
    sums = cuda.local.array(64, float32)
    work, of_phase = _start(sizes, down, right, width)
    first_row, first_column, rows, k, end = work
    if first_row < rows:
        channels, taps = uint32(sizes[3]), uint32(max(of_phase[0], uint32(1)))
        row, step = _own_four()
        pixel = _pixel(uint32(first_row + row), rows, sizes, down, right, of_phase)
        state = (*pixel, *_first_step(uint32(k + step), channels, taps))
        a = x, sizes[1], sizes[2], channels, down[6], right[6]
        b = filter_of(w, first_column, width, sizes, down, right, of_phase)
        own = own_place(shape)
        tiles.multiply(
            sums, shape, own, _read_pixels, _store_turned, read_filter, store_filter,
            _next_four, a, b, state, _moves(channels, taps), k, end,
        )  # fmt: skip
        out = out_of(y, winner, bias, rows, sizes, down, right, of_phase)
        tiles.store_tile(put, out, uint32(sizes[6]), shape, first_row, first_column, own, sums)


# Any number of channels. A warp copies one of a slab's eight steps: 128 rows, and as many columns as a tile has.


@device
def _lane():
    return uint32(uint32(cuda.threadIdx.x) % uint32(32))


@device
def _own_step():
    return uint32(uint32(cuda.threadIdx.x) // uint32(32))


@device
def _next_one(state, moves):
    p0, p1, p2, p3, c, tap_right, tap_down = state
    c, tap_right, tap_down = _next_step(c, tap_right, tap_down, moves)
    return p0, p1, p2, p3, c, tap_right, tap_down


@device
def _read_one(a, pixel, below, beside, offset):
    x, height, width = a[0], a[1], a[2]
    line, column, start = pixel
    if uint32(line + below) < uint32(height) and uint32(column + beside) < uint32(width):
        return x[uint32(start + offset)]
    return ZERO


@device
def _read_scalars(a, state, k, end):
    p0, p1, p2, p3, c, tap_right, tap_down = state
    _, _, width, channels, delta_down, delta_right = a
    if uint32(k + _own_step()) < end:
        below, beside = uint32(tap_down * uint32(delta_down)), uint32(tap_right * uint32(delta_right))
        offset = uint32((below * uint32(width) + beside) * uint32(channels) + c)
        one, two = _read_one(a, p0, below, beside, offset), _read_one(a, p1, below, beside, offset)
        return one, two, _read_one(a, p2, below, beside, offset), _read_one(a, p3, below, beside, offset)
    return ZERO, ZERO, ZERO, ZERO


@device
def _store_scalars(slab, start, four):
    at = uint64(uint32(start + _own_step() * uint32(PITCH) + _lane()))
    slab[at] = four[0]
    slab[at + uint64(32)] = four[1]
    slab[at + uint64(64)] = four[2]
    slab[at + uint64(96)] = four[3]


@device
def _read_filter(b, state, k, end):
    """Up to two columns of the filter, which may be turned: (taps, channels, columns) or (taps, columns, channels)."""
    w, first, columns, channels, taps, turned, width = b
    one, two = ZERO, ZERO
    if uint32(k + _own_step()) < end:
        _, _, _, _, c, tap_right, tap_down = state
        column, at = uint32(first + _lane()), uint32(_tap(taps, tap_right, tap_down) * columns * channels)
        next_column, next_channel = uint32(1), columns
        if turned:
            next_column, next_channel = channels, uint32(1)
        at = uint32(at + c * next_channel + column * next_column)
        if column < columns:
            one = w[at]
        if width == 64 and uint32(column + uint32(32)) < columns:
            two = w[uint32(at + uint32(32) * next_column)]
    return one, two, ZERO, ZERO


@device
def _store_filter_64(slab, start, four):
    at = uint64(uint32(start + _own_step() * uint32(PITCH) + _lane()))
    slab[at] = four[0]
    slab[at + uint64(32)] = four[1]


@device
def _store_filter_32(slab, start, four):
    """Of 32 columns, or of 16 and of 16 that nobody reads."""
    slab[uint32(start + _own_step() * uint32(PITCH) + _lane())] = four[0]


@device
def _by_scalars(shape, store_right, x, w, bias, y, winner, sizes, down, right, turned):
    width = shape[0]
    sums = cuda.local.array(64, float32)
    work, of_phase = _start(sizes, down, right, width)
    first_row, first_column, rows, k, end = work
    if first_row < rows:
        channels, columns, taps = uint32(sizes[3]), uint32(sizes[6]), uint32(max(of_phase[0], uint32(1)))
        row = uint32(first_row + _lane())
        p0 = _pixel(row, rows, sizes, down, right, of_phase)
        p1 = _pixel(uint32(row + uint32(32)), rows, sizes, down, right, of_phase)
        p2 = _pixel(uint32(row + uint32(64)), rows, sizes, down, right, of_phase)
        p3 = _pixel(uint32(row + uint32(96)), rows, sizes, down, right, of_phase)
        state = (p0, p1, p2, p3, *_first_step(uint32(k + _own_step()), channels, taps))
        a = x, sizes[1], sizes[2], channels, down[6], right[6]
        b = w, first_column, columns, channels, _taps(sizes, down, right, of_phase), turned != int32(0), width
        own = own_place(shape)
        tiles.multiply(
            sums, shape, own, _read_scalars, _store_scalars, _read_filter, store_right,
            _next_one, a, b, state, _moves(channels, taps), k, end,
        )  # fmt: skip
        out = out_of(y, winner, bias, rows, sizes, down, right, of_phase)
        tiles.store_tile(put, out, uint32(sizes[6]), shape, first_row, first_column, own, sums)


# One kernel for each width of tiles. Blocks at once: as many as have room for their registers.


@kernel(_ARGUMENTS, blocks_at_once=2)
def _forward_128(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter, tiles.read_rows, tiles.store_128, tiles.SHAPE_128, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=3)
def _forward_64(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter, tiles.read_rows, tiles.store_64, tiles.SHAPE_64, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _forward_48(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter, tiles.read_rows, tiles.store_48, tiles.SHAPE_48, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=4)
def _forward_32(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter, tiles.read_rows, tiles.store_32, tiles.SHAPE_32, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=2)
def _backward_128(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter_turned, _read_turned, _store_turned, tiles.SHAPE_128, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=3)
def _backward_64(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter_turned, _read_turned, _store_turned_64, tiles.SHAPE_64, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=4)
def _backward_32(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter_turned, _read_turned, _store_turned_32, tiles.SHAPE_32, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(_ARGUMENTS, blocks_at_once=4)
def _backward_16(x, w, bias, y, winner, sizes, down, right):
    _by_fours(
        _filter_turned, _read_turned, _store_turned_16, tiles.SHAPE_16, x, w, bias, y, winner, sizes, down, right
    )  # fmt: skip


@kernel(f"{_ARGUMENTS} int32", blocks_at_once=2)
def _scalars_64(x, w, bias, y, winner, sizes, down, right, turned):
    _by_scalars(tiles.SHAPE_64, _store_filter_64, x, w, bias, y, winner, sizes, down, right, turned)


@kernel(f"{_ARGUMENTS} int32", blocks_at_once=4)
def _scalars_32(x, w, bias, y, winner, sizes, down, right, turned):
    _by_scalars(tiles.SHAPE_32, _store_filter_32, x, w, bias, y, winner, sizes, down, right, turned)


@kernel(f"{_ARGUMENTS} int32", blocks_at_once=3)
def _scalars_16(x, w, bias, y, winner, sizes, down, right, turned):
    _by_scalars(tiles.SHAPE_16, _store_filter_32, x, w, bias, y, winner, sizes, down, right, turned)


FORWARD = {128: _forward_128, 64: _forward_64, 48: _forward_48, 32: _forward_32}
BACKWARD = {128: _backward_128, 64: _backward_64, 32: _backward_32, 16: _backward_16}
SCALARS = {64: _scalars_64, 32: _scalars_32, 16: _scalars_16}
