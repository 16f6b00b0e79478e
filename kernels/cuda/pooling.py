"""Max and average pooling over height and width, forward and backward, on a GPU. Twin: ``kernels/cpu/pooling.py``.

Arrays are NHWC: x, dx (N, H, W, C); y, dy (N, OH, OW, C), float32. ``window``, ``stride`` and ``pad`` are pairs
(height, width). Output (oh, ow) sees the rows and columns that its window shares with the image,

    rows(oh) = [oh * stride - pad, oh * stride - pad + window) within [0, H),    cols(ow) likewise.

Every window shares at least one row and one column with the image. A thread owns channels of one pixel of the result
(``pixels.py``). Gradients gather from the windows that hold a pixel, in the CPU's order. Memory is the limit: a maximum
of 2 x 2 moves 21 bytes for three comparisons.
"""

from .epilogue import larger
from .intrinsics import load4
from .launch import kernel
from .pixels import GRID, blocks, grid, load_group, own_index, own_pixel, store_group
from .scalar import NAN, ZERO, select
from .target import device, float32, int32, uint32
from .typed import typed

# x or dx; y or dy; winner; grid of the result; sizes: H, W, C, OH, OW, window, stride, pad.
_SIZES = "int32[11]"
_WINNERS = "uint8", "int32"  # a byte, unless windows have more than 256 elements


def _sizes(x, y, window, stride, pad):
    return *x.shape[1:], *y.shape[1:3], *window, *stride, *pad


@device
def _span(o, window, stride, pad, size):
    """[first, last) of window ``o`` along an axis of ``size`` elements, and the tap of the first."""
    begin = uint32(o * uint32(stride))
    first = uint32(max(begin, uint32(pad)) - uint32(pad))
    return first, uint32(min(uint32(begin + uint32(window) - uint32(pad)), uint32(size))), uint32(first + pad - begin)


@device
def _windows(at, window, stride, pad, count):
    """[from, to) of the windows, ``count`` in all, that hold element ``at`` along an axis."""
    end = uint32(at + uint32(pad))
    first = uint32(0)
    if end >= uint32(window):
        first = uint32(uint32(end - uint32(window)) // uint32(stride) + uint32(1))
    return first, uint32(min(uint32(uint32(end // uint32(stride)) + uint32(1)), uint32(count)))


def max_pool2d(x, window, stride, pad, y, winner):
    """y[n, oh, ow, c] = max of x[n, h, w, c] over h in rows(oh), w in cols(ow); winner tells where it was found first.

    x: read. y: written. winner: uint8, or int32 if the window has more than 256 elements, as y, written:
    kh * window width + kw of the maximum's place in its window.
    As in TensorFlow on CPUs a NaN is passed over; a window of nothing but NaN gives NaN.
    """
    of_grid = grid(y, x, winner)
    _max_pool2d.of(winner)(blocks(of_grid), x, y, winner, of_grid, _sizes(x, y, window, stride, pad))


@typed(f"float32* float32* T* {GRID} {_SIZES}", *_WINNERS)
def _max_pool2d(x, y, winner, of_grid, sizes):
    height, width, channels, _, _, kh, kw, down, right, above, left = sizes
    i, each = own_index(), of_grid[1]
    if i < uint32(of_grid[0]):
        image, oh, ow, channel = own_pixel(i, of_grid)
        h, bottom, tap_row = _span(oh, kh, down, above, height)
        first, last, tap_column = _span(ow, kw, right, left, width)
        tap_row = uint32(tap_row * uint32(kw) + tap_column)
        a, b, c, d = NAN, NAN, NAN, NAN
        i_a, i_b, i_c, i_d = tap_row, tap_row, tap_row, tap_row
        while h < bottom:
            at = uint32(((image * uint32(height) + h) * uint32(width) + first) * uint32(channels) + channel)
            w, tap = first, tap_row
            while w < last:
                p, q, r, s = load_group(x, at, each)
                (a, i_a), (b, i_b) = larger(a, i_a, p, tap), larger(b, i_b, q, tap)
                (c, i_c), (d, i_d) = larger(c, i_c, r, tap), larger(d, i_d, s, tap)
                w, tap, at = uint32(w + uint32(1)), uint32(tap + uint32(1)), uint32(at + uint32(channels))
            h, tap_row = uint32(h + uint32(1)), uint32(tap_row + uint32(kw))
        store_group(y, uint32(i * uint32(each)), each, a, b, c, d)
        store_group(winner, uint32(i * uint32(each)), each, i_a, i_b, i_c, i_d)


def max_pool2d_grad(dy, winner, window, stride, pad, dx):
    """dx[n, h, w, c] = sum of dy[n, oh, ow, c] over the windows (oh, ow) whose maximum lies at (h, w).

    dy, winner: (N, OH, OW, C), read. dx: (N, H, W, C), written.
    """
    of_grid = grid(dx, dy, winner)
    _max_pool2d_grad.of(winner)(blocks(of_grid), dx, dy, winner, of_grid, _sizes(dx, dy, window, stride, pad))


@device
def _load_winners(winner, at, each):
    if each == int32(4):
        p, q, r, s = load4(winner, at)
        return uint32(p), uint32(q), uint32(r), uint32(s)
    return uint32(winner[at]), uint32(0), uint32(0), uint32(0)


@typed(f"float32* float32* T* {GRID} {_SIZES}", *_WINNERS)
def _max_pool2d_grad(dx, dy, winner, of_grid, sizes):
    _, _, channels, rows, columns, kh, kw, down, right, above, left = sizes
    i, each = own_index(), of_grid[1]
    if i < uint32(of_grid[0]):
        image, h, w, channel = own_pixel(i, of_grid)
        oh, bottom = _windows(h, kh, down, above, rows)
        first, last = _windows(w, kw, right, left, columns)
        a, b, c, d = ZERO, ZERO, ZERO, ZERO
        while oh < bottom:
            row = uint32((image * uint32(rows) + oh) * uint32(columns))
            tap_row = uint32((h + uint32(above) - oh * uint32(down)) * uint32(kw) + w + uint32(left))
            ow = first
            while ow < last:
                at = uint32((row + ow) * uint32(channels) + channel)
                tap = uint32(tap_row - ow * uint32(right))
                p, q, r, s = load_group(dy, at, each)
                i_p, i_q, i_r, i_s = _load_winners(winner, at, each)
                a, b = a + select(i_p == tap, p, ZERO), b + select(i_q == tap, q, ZERO)
                c, d = c + select(i_r == tap, r, ZERO), d + select(i_s == tap, s, ZERO)
                ow = uint32(ow + uint32(1))
            oh = uint32(oh + uint32(1))
        store_group(dx, uint32(i * uint32(each)), each, a, b, c, d)


def max_pool2d_grad_grad(ddx, winner, window, stride, pad, ddy):
    """ddy[n, oh, ow, c] = ddx[n, h, w, c] at the maximum (h, w) of window (oh, ow): the transpose of max_pool2d_grad.

    ddx: (N, H, W, C), read. winner: (N, OH, OW, C), read. ddy: as winner, written.
    """
    of_grid = grid(ddy, ddx, single=True)
    sizes = _sizes(ddx, ddy, window, stride, pad)
    _max_pool2d_grad_grad.of(winner)(blocks(of_grid), ddx, ddy, winner, of_grid, sizes)


@typed(f"float32* float32* T* {GRID} {_SIZES}", *_WINNERS)
def _max_pool2d_grad_grad(ddx, ddy, winner, of_grid, sizes):
    height, width, channels, _, _, _, kw, down, right, above, left = sizes
    i = own_index()
    if i < uint32(of_grid[0]):
        image, oh, ow, channel = own_pixel(i, of_grid)
        tap = uint32(winner[i])
        h = uint32(oh * uint32(down) + uint32(tap // uint32(kw)) - uint32(above))
        w = uint32(ow * uint32(right) + uint32(tap % uint32(kw)) - uint32(left))
        ddy[i] = ddx[uint32(((image * uint32(height) + h) * uint32(width) + w) * uint32(channels) + channel)]


def avg_pool2d(x, window, stride, pad, y):
    """y[n, oh, ow, c] = mean of x[n, h, w, c] over h in rows(oh), w in cols(ow). x: read. y: written."""
    of_grid = grid(y, x)
    _avg_pool2d(blocks(of_grid), x, y, of_grid, _sizes(x, y, window, stride, pad))


@kernel(f"float32* float32* {GRID} {_SIZES}", blocks_at_once=4)
def _avg_pool2d(x, y, of_grid, sizes):
    height, width, channels, _, _, kh, kw, down, right, above, left = sizes
    i, each = own_index(), of_grid[1]
    if i < uint32(of_grid[0]):
        image, oh, ow, channel = own_pixel(i, of_grid)
        h, bottom, _ = _span(oh, kh, down, above, height)
        first, last, _ = _span(ow, kw, right, left, width)
        elements = float32(uint32((bottom - h) * (last - first)))
        a, b, c, d = ZERO, ZERO, ZERO, ZERO
        while h < bottom:
            at = uint32(((image * uint32(height) + h) * uint32(width) + first) * uint32(channels) + channel)
            w = first
            while w < last:
                p, q, r, s = load_group(x, at, each)
                a, b, c, d = a + p, b + q, c + r, d + s
                w, at = uint32(w + uint32(1)), uint32(at + uint32(channels))
            h = uint32(h + uint32(1))
        store_group(y, uint32(i * uint32(each)), each, a / elements, b / elements, c / elements, d / elements)


def avg_pool2d_grad(dy, window, stride, pad, dx):
    """dx[n, h, w, c] = sum of dy[n, oh, ow, c] / count(oh, ow) over the windows (oh, ow) that hold (h, w).

    dy: read. dx: written. count: elements that the window shares with the image. The transpose of avg_pool2d.
    """
    of_grid = grid(dx, dy)
    _avg_pool2d_grad(blocks(of_grid), dx, dy, of_grid, _sizes(dx, dy, window, stride, pad))


@kernel(f"float32* float32* {GRID} {_SIZES}")
def _avg_pool2d_grad(dx, dy, of_grid, sizes):
    height, width, channels, rows, columns, kh, kw, down, right, above, left = sizes
    i, each = own_index(), of_grid[1]
    if i < uint32(of_grid[0]):
        image, h, w, channel = own_pixel(i, of_grid)
        oh, bottom = _windows(h, kh, down, above, rows)
        begin, last = _windows(w, kw, right, left, columns)
        a, b, c, d = ZERO, ZERO, ZERO, ZERO
        while oh < bottom:
            top, below, _ = _span(oh, kh, down, above, height)
            ow = begin
            while ow < last:
                first, end, _ = _span(ow, kw, right, left, width)
                elements = float32(uint32((below - top) * (end - first)))
                at = uint32(((image * uint32(rows) + oh) * uint32(columns) + ow) * uint32(channels) + channel)
                p, q, r, s = load_group(dy, at, each)
                a, b, c, d = a + p / elements, b + q / elements, c + r / elements, d + s / elements
                ow = uint32(ow + uint32(1))
            oh = uint32(oh + uint32(1))
        store_group(dx, uint32(i * uint32(each)), each, a, b, c, d)
