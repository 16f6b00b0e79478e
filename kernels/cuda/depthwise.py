"""Depthwise convolution on a GPU, forward and backward: each channel by itself. Twin: ``kernels/cpu/depthwise.py``.

Images (n, h, w, c), filters (kh, kw, c, m), outputs (n, h', w', c*m), whose channel c*m + q is input c with filter q.
C-contiguous, float32. ``strides``, ``dilations``, ``padding``: as in ``convolution.py``.

Nothing is summed over channels: a number that is read serves as many multiply-adds as the filter has taps, and memory
is the limit. So there are no tiles: a thread owns channels of one pixel of the result (``pixels.py``), and the caches
see to it that neighbours read the same pixels.
"""

import numpy as np

from . import columns, parts
from .columns import CUT
from .geometry import AXIS, axes, countable, first_pixel, next_pixel, phase, pixel_moves
from .intrinsics import advance, fma
from .launch import THREADS, ceildiv, device as gpu, kernel
from .pixels import GRID, blocks, grid, load_group, own_index, own_pixel, store_group
from .scalar import ZERO
from .target import cuda, device, float32, int32, int64, uint32

TAPS = 4  # of one row of the filter, for which a thread sums in one run over the pixels


def depthwise_conv2d(x, w, strides, dilations, padding, y):
    """y[n, h, w, c*m + q] = sum over kh, kw of x[n, h*stride + kh*dilation - padding, ..., c] * w[kh, kw, c, q].

    x: (n, h, w, c), zero outside, read. w: (kh, kw, c, m), read. y: (n, h', w', c*m), written.
    """
    along = axes(strides, (-padding[0], -padding[1]), dilations, (1, 1), w.shape[:2])
    _correlate(x, w, along, w.shape[3], 1, y)


def depthwise_conv2d_grad_input(dy, w, strides, dilations, padding, dx):
    """dx[n, h, w, c] = sum over kh, kw, q of dy[n, (h + padding - kh*dilation) / stride, ..., c*m + q] * w[.., c, q].

    dy: (n, h', w', c*m), read. w: (kh, kw, c, m), read. dx: (n, h, w, c), written.
    """
    along = axes((1, 1), padding, (-dilations[0], -dilations[1]), strides, w.shape[:2])
    _correlate(dy, w, along, 1, w.shape[3], dx)


def _correlate(x, w, along, shared, summed, y):
    """Each channel of x serves ``shared`` channels of y, each of y sums over ``summed`` of x."""
    of_grid = grid(y, x, w, single=shared * summed != 1)
    sizes = *x.shape[1:], w.shape[1], w.shape[2] * w.shape[3], shared, summed
    _sums(blocks(of_grid), x, w, y, of_grid, sizes, *along)


# x, w, y, grid of y; sizes: rows, columns and channels of x, columns of the filter, its channels, shared, summed.
@kernel(f"float32* float32* float32* {GRID} int32[7] {AXIS} {AXIS}")
def _sums(x, w, y, of_grid, sizes, down, right):
    height, width, channels, filter_columns, filter_channels, shared, summed = sizes
    i, each = own_index(), of_grid[1]
    if i < uint32(of_grid[0]):
        image, line, column, channel = own_pixel(i, of_grid)
        tap_down, taps_down, line = _first_met(line, down)
        first_tap, taps_right, first_column = _first_met(column, right)
        a, b, c, d = ZERO, ZERO, ZERO, ZERO
        k = uint32(0)
        while k < taps_down:
            row, tap = uint32(image * uint32(height) + line), uint32(tap_down * uint32(filter_columns) + first_tap)
            column, j = first_column, uint32(0)
            while j < taps_right:
                if line < uint32(height) and column < uint32(width):
                    q = uint32(0)
                    while q < uint32(summed):
                        of_filter = uint32(channel * uint32(summed) + q)
                        of_x = uint32(of_filter // uint32(shared)) if shared != int32(1) else of_filter
                        at = uint32((row * uint32(width) + column) * uint32(channels) + of_x)
                        p = load_group(x, at, each)
                        v = load_group(w, uint32(tap * uint32(filter_channels) + of_filter), each)
                        a, b, c, d = fma(p[0], v[0], a), fma(p[1], v[1], b), fma(p[2], v[2], c), fma(p[3], v[3], d)
                        q = uint32(q + uint32(1))
                column, tap, j = (
                    uint32(column + uint32(right[6])),
                    uint32(tap + uint32(right[5])),
                    uint32(j + uint32(1)),
                )
            line, tap_down, k = (
                uint32(line + uint32(down[6])),
                uint32(tap_down + uint32(down[5])),
                uint32(k + uint32(1)),
            )
        store_group(y, uint32(i * uint32(each)), each, a, b, c, d)


@device
def _first_met(target, along):
    """(first tap, number of taps, pixel that it meets with the first) of a target along an axis."""
    turn, corner = uint32(target), uint32(0)
    if along[4] != int32(1):
        turn, corner = uint32(target // uint32(along[4])), uint32(target % uint32(along[4]))
    tap, count, pixel = phase(corner, along)
    return tap, count, uint32(pixel + turn * uint32(along[0]))


def depthwise_conv2d_grad_filter(x, dy, strides, dilations, padding, dw):
    """dw[kh, kw, c, q] = sum over n, h, w of x[n, h*stride + kh*dilation - padding, ..., c] * dy[n, h, w, c*m + q].

    x: (n, h, w, c), zero outside, read. dy: (n, h', w', c*m), read. dw: (kh, kw, c, m), written.
    """
    if dw.size == 0:
        return
    countable(x, dy)
    channels = dy.shape[3]
    runs = ceildiv(dw.shape[1], TAPS)
    of_cut, count = columns.cut(dy.size // channels, channels, dw.shape[0] * runs)
    out = dw if count == 1 else gpu().empty((count, *dw.shape), np.float32)
    sizes = *x.shape[1:], *dy.shape[1:3], *dw.shape[:2], dw.shape[3], runs, *strides, *dilations, *padding
    _grad_filter((of_cut[2], dw.shape[0] * runs, count), x, dy, out, of_cut, sizes)
    if count > 1:
        parts.join(out, None, False, dw)


# sizes: rows, columns, channels of x; rows, columns of dy; rows, columns of the filter; filters of a channel; runs of
# TAPS in a row of the filter; strides, dilations, padding.
@kernel(f"float32* float32* float32* {CUT} int32[15]")
def _grad_filter(x, dy, dw, of_cut, sizes):
    height, width, channels, lines, places, rows, filter_columns, multiplier, runs = sizes[:9]
    step_down, step_right, down, right, above, left = sizes[9:]
    sums = cuda.shared.array(THREADS, float32)
    channel, k, end, deep = columns.own(of_cut, cuda.blockIdx.x, cuda.blockIdx.z)
    kh, run = uint32(uint32(cuda.blockIdx.y) // uint32(runs)), uint32(uint32(cuda.blockIdx.y) % uint32(runs))
    tap = uint32(run * uint32(TAPS))
    of_x = uint32(channel // uint32(multiplier))
    line, column = uint32(kh * uint32(down) - uint32(above)), uint32(tap * uint32(right) - uint32(left))
    state, moves = first_pixel(k, lines, places), pixel_moves(deep, lines, places)
    a, b, c, d = ZERO, ZERO, ZERO, ZERO
    while k < end:
        share = dy[uint32(k * uint32(of_cut[3]) + channel)]
        here = uint32(state[1] * uint32(step_down) + line)
        if here < uint32(height):
            row = uint32((state[0] * uint32(height) + here) * uint32(width))
            first = uint32(state[2] * uint32(step_right) + column)
            a = fma(_pixel(x, row, first, width, channels, of_x), share, a)
            first = uint32(first + uint32(right))
            b = fma(_pixel(x, row, first, width, channels, of_x), share, b)
            first = uint32(first + uint32(right))
            c = fma(_pixel(x, row, first, width, channels, of_x), share, c)
            first = uint32(first + uint32(right))
            d = fma(_pixel(x, row, first, width, channels, of_x), share, d)
        k, state = uint32(k + deep), next_pixel(state, moves)
    a, b = columns.total(of_cut, sums, a), columns.total(of_cut, sums, b)
    c, d = columns.total(of_cut, sums, c), columns.total(of_cut, sums, d)
    if columns.owns(of_cut, channel):
        size = int64(rows) * int64(filter_columns) * int64(of_cut[3])
        dw = advance(dw, int64(cuda.blockIdx.z) * size)
        left_over = uint32(uint32(filter_columns) - tap)
        at, pitch = uint32((kh * uint32(filter_columns) + tap) * uint32(of_cut[3]) + channel), uint32(of_cut[3])
        dw[at] = a
        if left_over > uint32(1):
            dw[uint32(at + pitch)] = b
        if left_over > uint32(2):
            dw[uint32(at + uint32(2) * pitch)] = c
        if left_over > uint32(3):
            dw[uint32(at + uint32(3) * pitch)] = d


@device
def _pixel(x, row, column, width, channels, channel):
    if column < uint32(width):
        return x[uint32((row + column) * uint32(channels) + channel)]
    return ZERO
