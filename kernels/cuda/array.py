"""Movement of data on a GPU. Twin: ``kernels/cpu/array.py``.

Most of it is one copy: from places in one array to places in another, which steps along axes describe
(``strides.py``). Outputs are C-contiguous, allocated by the caller and written completely.
"""

import numpy as np

from .casts import cast as cast
from .elements import EACH, blocks
from .gathering import as_indices, gather as gather, gather_grad as gather_grad
from .launch import device as gpu
from .mirror import mirror_pad as mirror_pad, mirror_pad_grad as mirror_pad_grad
from .strides import c_steps, copy, element, fill as _fill, stretching
from .target import int32, uint32
from .typed import INDICES, NUMBERS, REALS, UNSIGNED, typed


def empty(shape, dtype):
    """A new array where this family's arrays live; its elements are arbitrary."""
    return gpu().empty(shape, dtype)


def fill(value, y):
    """Every y = value."""
    number = np.array(value).astype(y.dtype)
    _fill(int(number.view(UNSIGNED[y.dtype.itemsize])), y)


def broadcast_to(x, y):
    """y = x, stretched along axes of size 1 and new leading axes."""
    copy(x, y, y.shape, stretching(x.shape, y.ndim), c_steps(y.shape))


def transpose(x, perm, y):
    """y[i_perm[0], i_perm[1], ...] = x[i_0, i_1, ...]. perm: tuple, a permutation of x's axes."""
    steps = c_steps(x.shape)
    copy(x, y, y.shape, [steps[axis] for axis in perm], c_steps(y.shape))


def concat(xs, axis, y):
    """y = the arrays of ``xs``, one after another along ``axis``."""
    start, steps = 0, c_steps(y.shape)
    for x in xs:
        copy(x, y, x.shape, c_steps(x.shape), steps, start_y=start * steps[axis])
        start += x.shape[axis]


def stack(xs, axis, y):
    """y = the arrays of ``xs``, of one shape, along a new axis at position ``axis``."""
    steps = c_steps(y.shape)
    for k, x in enumerate(xs):
        copy(x, y, x.shape, c_steps(x.shape), steps[:axis] + steps[axis + 1 :], start_y=k * steps[axis])


def split(x, axis, ys):
    """ys = consecutive pieces of x along ``axis``, as long as each y is."""
    start, steps = 0, c_steps(x.shape)
    for y in ys:
        copy(x, y, y.shape, steps, c_steps(y.shape), start_x=start * steps[axis])
        start += y.shape[axis]


def pad(x, paddings, value, y):
    """y = x with ``value`` around it. paddings: ((before, after), ...), entries >= 0, one pair for each axis."""
    steps = c_steps(y.shape)
    if x.size < y.size:
        fill(value, y)
    start = sum(before * step for (before, _), step in zip(paddings, steps, strict=True))
    copy(x, y, x.shape, c_steps(x.shape), steps, start_y=start)


def tile(x, multiples, y):
    """y = x repeated ``multiples[axis]`` times along each axis."""
    sizes = tuple(n for pair in zip(multiples, x.shape, strict=True) for n in pair)
    steps = tuple(n for step in c_steps(x.shape) for n in (0, step))
    copy(x, y, sizes, steps, c_steps(sizes))


def _chosen(shape, index):
    """(start, sizes, steps) of the elements of an array of ``shape`` that an index chooses."""
    entries, named = list(index), sum(entry is not None and entry is not Ellipsis for entry in index)
    if Ellipsis not in entries:
        entries.append(Ellipsis)
    at = entries.index(Ellipsis)
    entries[at : at + 1] = [slice(None)] * (len(shape) - named)
    start, sizes, steps, axes = 0, [], [], iter(zip(shape, c_steps(shape), strict=True))
    for entry in entries:
        if entry is None:
            sizes.append(1)
            steps.append(0)
            continue
        n, step = next(axes)
        if isinstance(entry, slice):
            chosen = range(n)[entry]
            start += chosen.start * step if len(chosen) else 0
            sizes.append(len(chosen))
            steps.append(chosen.step * step)
        else:
            start += range(n)[int(entry)] * step
    return start, tuple(sizes), tuple(steps)


def strided_slice(x, index, y):
    """y = x[index]. index: integers, slices, None and Ellipsis."""
    start, sizes, steps = _chosen(x.shape, index)
    copy(x, y, sizes, steps, c_steps(sizes), start_x=start)


def strided_slice_grad(dy, index, dx):
    """dx = 0, but dx[index] = dy: the gradient of ``strided_slice``, whose elements come from different places."""
    start, sizes, steps = _chosen(dx.shape, index)
    if dy.size < dx.size:
        fill(0, dx)
    copy(dy, dx, sizes, c_steps(sizes), steps, start_y=start)


def reverse(x, axes, y):
    """y = x with the order along ``axes`` reversed."""
    steps, start = list(c_steps(x.shape)), 0
    for axis in axes:
        start += (x.shape[axis] - 1) * steps[axis]
        steps[axis] = -steps[axis]
    copy(x, y, x.shape, steps, c_steps(y.shape), start_x=start)


def roll(x, shifts, axes, y):
    """y = x moved on by ``shifts`` elements along ``axes``; what leaves at one end enters at the other."""
    totals = [0] * x.ndim
    for shift, axis in zip(shifts, axes, strict=True):
        totals[axis] += shift
    pieces = [(0, 0, ())]  # (start in x, start in y, sizes) of the parts that move together
    for n, step, total in zip(x.shape, c_steps(x.shape), totals, strict=True):
        shift = total % max(n, 1)
        cuts = [(0, shift * step, n - shift), ((n - shift) * step, 0, shift)]
        pieces = [(p + a, q + b, (*sizes, size)) for p, q, sizes in pieces for a, b, size in cuts if size]
    for p, q, sizes in pieces:
        copy(x, y, sizes, c_steps(x.shape), c_steps(y.shape), p, q)


# T: what indices are, U: what is written.
_ONE_HOT = [(index, kind) for index in INDICES for kind in NUMBERS]


@typed("T* U U U* int32 int32 int32", *_ONE_HOT)
def _one_hot(indices, on, off, y, depth, inner, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            row = uint32(i // uint32(inner))
            o, d = uint32(row // uint32(depth)), uint32(row % uint32(depth))
            index = indices[uint32(o * uint32(inner) + i % uint32(inner))]
            y[i] = on if index == d else off


def one_hot(indices, on, off, y):
    """y[o, d, i] = on where indices[o, i] == d, else off; all off where the index is outside [0, depth).

    indices: (outer, inner) integers; on, off: scalars of y's dtype; y: (outer, depth, inner).
    """
    indices = as_indices(indices)
    on, off = (int(value) if y.dtype.kind == "b" else value for value in (on, off))
    _one_hot.of(indices, y)(blocks(y), indices, on, off, y, *y.shape[1:], y.size)


@typed("T T T* int32", *NUMBERS)
def _arange(start, delta, y, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            y[i] = type(start)(int32(i)) * delta + start


def arange(start, delta, y):
    """y[i] = start + i * delta."""
    one = y.dtype.type
    _arange.of(y)(blocks(y), one(start), one(delta), y, y.size)


@typed("T T T T* int32", *REALS)
def _linspace(start, delta, stop, y, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            y[i] = stop if i > uint32(0) and i == uint32(n - int32(1)) else type(start)(int32(i)) * delta + start


def linspace(start, stop, y):
    """y[i] = start + i (stop - start) / (y.size - 1); the last is exactly stop."""
    one = y.dtype.type
    delta = (one(stop) - one(start)) / one(max(y.size - 1, 1))
    _linspace.of(y)(blocks(y), one(start), delta, one(stop), y, y.size)


@typed("T* int32 int32 int32", *NUMBERS)
def _eye(y, rows, columns, n):
    for k in range(EACH):
        i = element(k)
        if i < uint32(n):
            y[i] = uint32(i // uint32(columns)) % uint32(rows) == i % uint32(columns)


def eye(y):
    """y[..., r, c] = 1 where r == c, else 0."""
    _eye.of(y)(blocks(y), y, *y.shape[-2:], y.size)
