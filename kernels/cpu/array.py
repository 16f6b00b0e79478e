"""Movement of data on the CPU. Twin: ``kernels/cuda/array.py``.

What only copies is plain NumPy: it runs at the speed of memory and needs no compiling. Outputs are C-contiguous,
allocated by the caller and written completely.
"""

import numpy as np

from ..jit import kernel
from .simd import run

COLUMNS = 64  # inner elements that one task of ``gather_grad`` looks after


def empty(shape, dtype):
    """A new array where this family's arrays live; its elements are arbitrary."""
    return np.empty(shape, dtype)


def cast(x, y):
    """y = x in y's dtype. Floats become integers by dropping the fraction; what does not fit is undefined, as in C."""
    with np.errstate(invalid="ignore", over="ignore"):
        np.copyto(y, x, casting="unsafe")


def fill(value, y):
    """Every y = value."""
    y[...] = value


def broadcast_to(x, y):
    """y = x, stretched along axes of size 1 and new leading axes."""
    y[...] = x


def transpose(x, perm, y):
    """y[i_perm[0], i_perm[1], ...] = x[i_0, i_1, ...]. perm: tuple, a permutation of x's axes."""
    y[...] = x.transpose(perm)


def concat(xs, axis, y):
    """y = the arrays of ``xs``, one after another along ``axis``."""
    np.concatenate(xs, axis, out=y)


def stack(xs, axis, y):
    """y = the arrays of ``xs``, of one shape, along a new axis at position ``axis``."""
    np.stack(xs, axis, out=y)


def split(x, axis, ys):
    """ys = consecutive pieces of x along ``axis``, as long as each y is."""
    start = 0
    before = (slice(None),) * axis
    for y in ys:
        stop = start + y.shape[axis]
        y[...] = x[(*before, slice(start, stop))]
        start = stop


def pad(x, paddings, value, y):
    """y = x with ``value`` around it. paddings: ((before, after), ...), entries >= 0, one pair for each axis."""
    y[...] = value
    y[tuple(slice(before, before + n) for (before, _), n in zip(paddings, x.shape, strict=True))] = x


def mirror_pad(x, paddings, mode, y):
    """y = x with its reflection around it. mode: "reflect" leaves the edge out, "symmetric" repeats it."""
    y[...] = np.pad(x, paddings, mode=mode) if x.ndim else x


def mirror_pad_grad(dy, paddings, mode, dx):
    """dx = dy folded back: every element of dy is added to the element of x that ``mirror_pad`` copied it from.

    The axes are folded one after another; along one, the margin runs away from the edge that it mirrors.
    """
    skip = 1 if mode == "reflect" else 0
    folded = dy
    for axis, (before, after) in enumerate(paddings):
        along = np.moveaxis(folded, axis, 0)
        n = along.shape[0] - before - after
        middle = along[before : before + n].copy()
        middle[skip : skip + before] += along[:before][::-1]
        middle[n - skip - after : n - skip] += along[before + n :][::-1]
        folded = np.moveaxis(middle, 0, axis)
    dx[...] = folded


def tile(x, multiples, y):
    """y = x repeated ``multiples[axis]`` times along each axis."""
    interleaved = tuple(n for pair in zip(multiples, x.shape, strict=True) for n in pair)
    ones = tuple(n for size in x.shape for n in (1, size))
    y.reshape(interleaved)[...] = x.reshape(ones)


def strided_slice(x, index, y):
    """y = x[index]. index: integers, slices, None and Ellipsis."""
    y[...] = x[index]


def strided_slice_grad(dy, index, dx):
    """dx = 0, but dx[index] = dy: the gradient of ``strided_slice``, whose elements come from different places."""
    dx[...] = 0
    dx[index] = dy


def reverse(x, axes, y):
    """y = x with the order along ``axes`` reversed."""
    y[...] = np.flip(x, axes)


def roll(x, shifts, axes, y):
    """y = x moved on by ``shifts`` elements along ``axes``; what leaves at one end enters at the other."""
    y[...] = np.roll(x, shifts, axes)


def gather(params, indices, y):
    """y[o, j, i] = params[o, indices[j], i]. indices: flat, in [0, params.shape[1])."""
    if y.size:
        np.take(params, indices, axis=1, out=y, mode="clip")  # "clip" writes straight into y, "raise" would buffer it


@kernel(
    tasks=lambda dy, indices, dparams: dparams.shape[0] * -(-dparams.shape[2] // COLUMNS),
    work=lambda dy, indices, dparams: dy.size,
)
def gather_grad(task, dy, indices, dparams):
    """dparams[o, indices[j], i] += dy[o, j, i] over all j, in their order, so that every run gives the same bits.

    dy: (outer, indices, inner), read; indices: flat int32 or int64, read; dparams: (outer, rows, inner), written.
    """
    _, rows, inner = dparams.shape
    chunks = (inner + COLUMNS - 1) // COLUMNS
    o, first = task // chunks, task % chunks * COLUMNS
    last = min(first + COLUMNS, inner)
    for r in range(rows):
        row = run(dparams, (o * rows + r) * inner + first, last - first)
        for i in range(row.size):
            row[i] = dparams.dtype.type(0)
    for j in range(indices.size):
        row = run(dparams, (o * rows + indices[j]) * inner + first, last - first)
        addend = run(dy, (o * indices.size + j) * inner + first, last - first)
        for i in range(row.size):
            row[i] += addend[i]


def one_hot(indices, on, off, y):
    """y[o, d, i] = on where indices[o, i] == d, else off; all off where the index is outside [0, depth).

    indices: (outer, inner) integers; on, off: scalars of y's dtype; y: (outer, depth, inner).
    """
    y[...] = off
    o, i = np.nonzero((indices >= 0) & (indices < y.shape[1]))
    y[o, indices[o, i], i] = on


def arange(start, delta, y):
    """y[i] = start + i * delta."""
    np.multiply(np.arange(y.size, dtype=y.dtype), y.dtype.type(delta), out=y)
    y += y.dtype.type(start)


def linspace(start, stop, y):
    """y[i] = start + i (stop - start) / (y.size - 1); the last is exactly stop."""
    one = y.dtype.type
    arange(start, (one(stop) - one(start)) / one(max(y.size - 1, 1)), y)
    y[1:][-1:] = stop


def eye(y):
    """y[..., r, c] = 1 where r == c, else 0."""
    y[...] = np.eye(*y.shape[-2:], dtype=y.dtype)
