"""Recurrent layers over whole sequences on a GPU, forward and backward. Twin: ``kernels/cpu/recurrent.py``.

Sequences come step first, (steps, batch, ...), float32; ``u`` is the number of units. keep, (steps, batch), bool: where
it is False, a sample's state passes the step unchanged; an empty one stands for no mask. What the layers compute, and
where it comes from, stands in the twin. A step is a product with the recurrent kernel and one kernel for everything
else, in which a thread has one unit of one sample.
"""

import numpy as np

from .elements import blocks, of_two, vectors
from .launch import THREADS, ceildiv, device as gpu, kernel
from .matmul import matmul, matmul_bias
from .scalar import ONE, ZERO, sigmoid_of, tanh_of
from .target import cuda, device, int32, uint8, uint32


def _product(a, b, transpose_b, c):
    """c = a op(b), for matrices."""
    matmul(a[None], b[None], False, transpose_b, c[None])


def _scratch(*shape):
    return gpu().empty(shape, np.float32)


def _zeros(count, like):
    """Scratch arrays as ``like``, cleared whenever the work is done again."""
    arrays = [_scratch(*like.shape) for _ in range(count)]
    for array in arrays:
        array.fill(0)
    return arrays


def _step(step, keep, t, h, *arrays):
    """Launches the kernel of a step. h: an array with a number for each thread."""
    masked = keep.size > 0
    step(ceildiv(h.size, THREADS), keep[t] if masked else None, int(masked), h.shape[1], h.size, *arrays)


@device
def _place(keep, masked, units, n):
    """(this thread's number, its sample, its unit, whether it is one, whether the sample is kept)."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    row = uint32(i // uint32(units))
    there = i < uint32(n)
    kept = there and (masked == int32(0) or keep[row] != uint8(0))
    return i, row, uint32(i % uint32(units)), there, kept


@kernel("float32* float32* float32* int32 int32")
def _sum(a, b, y, n, wide):
    of_two(_add, (), a, b, y, n, wide)


@device
def _add(a, b):
    return a + b


def simple(x, recurrent_kernel, h0, keep, hs):
    """hs[t] = tanh(x[t] + hs[t - 1] @ recurrent_kernel), with h0 before the first step.

    x: (steps, batch, u), recurrent_kernel: (u, u), h0: (batch, u), keep: read. hs: as x, written.
    """
    recurrent, before = _scratch(*h0.shape), h0
    for t in range(len(x)):
        _product(before, recurrent_kernel, False, recurrent)
        _step(_simple_step, keep, t, h0, x[t], recurrent, before, hs[t])
        before = hs[t]


@kernel("uint8* int32 int32 int32 float32* float32* float32* float32*")
def _simple_step(keep, masked, units, n, x, recurrent, before, h):
    i, _, _, there, kept = _place(keep, masked, units, n)
    if there:
        h[i] = tanh_of(x[i] + recurrent[i]) if kept else before[i]


def simple_grad(dhs, recurrent_kernel, keep, hs, dx, dh0):
    """dx and dh0 from the gradients of all states. dhs, hs: (steps, batch, u), read. dx: as hs, dh0: written."""
    back, carry, passed = _zeros(3, dh0)
    for t in reversed(range(len(hs))):
        _step(_simple_step_grad, keep, t, dh0, dhs[t], back, carry, hs[t], dx[t], passed)
        _product(dx[t], recurrent_kernel, True, back)
        carry, passed = passed, carry
    _sum(blocks(dh0), back, carry, dh0, dh0.size, vectors(back, carry, dh0))


@kernel("uint8* int32 int32 int32 float32* float32* float32* float32* float32* float32*")
def _simple_step_grad(keep, masked, units, n, dh, back, carry, h, dx, passed):
    """dx = (dh + back + carry) * (1 - h**2) where a sample is kept; else dx = 0, and ``passed`` is that sum."""
    i, _, _, there, kept = _place(keep, masked, units, n)
    if there:
        total = dh[i] + back[i] + carry[i]
        dx[i] = total * (ONE - h[i] * h[i]) if kept else ZERO
        passed[i] = ZERO if kept else total


def lstm(x, recurrent_kernel, h0, c0, keep, hs, cs, gates):
    """All states of the sequence, h and c, and the gates i f g o, which the gradient reads.

    x: (steps, batch, 4 u), recurrent_kernel: (u, 4 u), h0, c0: (batch, u), keep: read. hs, cs: (steps, batch, u),
    gates: as x, written.
    """
    recurrent, h, c = _scratch(h0.shape[0], x.shape[2]), h0, c0
    for t in range(len(x)):
        _product(h, recurrent_kernel, False, recurrent)
        _step(_lstm_step, keep, t, h0, x[t], recurrent, h, c, gates[t], hs[t], cs[t])
        h, c = hs[t], cs[t]


@kernel("uint8* int32 int32 int32 float32* float32* float32* float32* float32* float32* float32*")
def _lstm_step(keep, masked, units, n, x, recurrent, h_before, c_before, gates, h, c):
    at, row, unit, there, kept = _place(keep, masked, units, n)
    if there:
        units = uint32(units)
        of_i = uint32(row * uint32(4) * units + unit)
        of_f, of_g, of_o = uint32(of_i + units), uint32(of_i + uint32(2) * units), uint32(of_i + uint32(3) * units)
        i, f = sigmoid_of(x[of_i] + recurrent[of_i]), sigmoid_of(x[of_f] + recurrent[of_f])
        g, o = tanh_of(x[of_g] + recurrent[of_g]), sigmoid_of(x[of_o] + recurrent[of_o])
        gates[of_i] = i
        gates[of_f] = f
        gates[of_g] = g
        gates[of_o] = o
        state = f * c_before[at] + i * g
        c[at] = state if kept else c_before[at]
        h[at] = o * tanh_of(state) if kept else h_before[at]


def lstm_grad(dhs, dcs, recurrent_kernel, c0, keep, cs, gates, dx, dh0, dc0):
    """dx, dh0 and dc0 from the gradients of all states.

    dhs, dcs, cs: (steps, batch, u), read. dx: as gates, dh0, dc0: (batch, u), written.
    """
    back, carry, passed, dc = _zeros(4, dh0)
    dc0.fill(0)
    for t in reversed(range(len(cs))):
        before, dc_before = (cs[t - 1], _scratch(*dh0.shape)) if t else (c0, dc0)
        sources = dhs[t], back, carry, dcs[t], dc, gates[t], before, cs[t]
        _step(_lstm_step_grad, keep, t, dh0, *sources, dx[t], passed, dc_before)
        _product(dx[t], recurrent_kernel, True, back)
        carry, passed, dc = passed, carry, dc_before
    _sum(blocks(dh0), back, carry, dh0, dh0.size, vectors(back, carry, dh0))


@kernel(
    "uint8* int32 int32 int32 float32* float32* float32* float32* float32* float32* float32* float32* float32* "
    "float32* float32*"
)
def _lstm_step_grad(
    keep, masked, units, n, dh, back, carry, dc_here, dc, gates, c_before, c, dx, passed, dc_before
):  # fmt: skip
    """dx, dc_before from dh + back + carry and dc_here + dc where a sample is kept; else dx = 0 and both sums pass."""
    at, row, unit, there, kept = _place(keep, masked, units, n)
    if there:
        units = uint32(units)
        of_i = uint32(row * uint32(4) * units + unit)
        of_f, of_g, of_o = uint32(of_i + units), uint32(of_i + uint32(2) * units), uint32(of_i + uint32(3) * units)
        total, state = dh[at] + back[at] + carry[at], dc_here[at] + dc[at]
        if kept:
            i, f, g, o = gates[of_i], gates[of_f], gates[of_g], gates[of_o]
            squashed = tanh_of(c[at])
            state = state + total * o * (ONE - squashed * squashed)
            dx[of_i] = state * g * i * (ONE - i)
            dx[of_f] = state * c_before[at] * f * (ONE - f)
            dx[of_g] = state * i * (ONE - g * g)
            dx[of_o] = total * squashed * o * (ONE - o)
            total, state = ZERO, state * f
        else:
            dx[of_i] = ZERO
            dx[of_f] = ZERO
            dx[of_g] = ZERO
            dx[of_o] = ZERO
        passed[at] = total
        dc_before[at] = state


def gru(x, recurrent_kernel, bias, h0, keep, hs, gates):
    """All states of the sequence, and z r n s_n, which the gradient reads.

    x: (steps, batch, 3 u), recurrent_kernel: (u, 3 u), bias: (3 u,) or (0,) for none, h0: (batch, u), keep: read.
    hs: (steps, batch, u), gates: (steps, batch, 4 u), written.
    """
    recurrent, h = _scratch(h0.shape[0], x.shape[2]), h0
    for t in range(len(x)):
        matmul_bias(h[None], recurrent_kernel[None], False, False, bias, 0, recurrent[None])
        _step(_gru_step, keep, t, h0, x[t], recurrent, h, gates[t], hs[t])
        h = hs[t]


@kernel("uint8* int32 int32 int32 float32* float32* float32* float32* float32*")
def _gru_step(keep, masked, units, n, x, recurrent, before, gates, h):
    at, row, unit, there, kept = _place(keep, masked, units, n)
    if there:
        units = uint32(units)
        of_z, place = uint32(row * uint32(3) * units + unit), uint32(row * uint32(4) * units + unit)
        of_r, of_n = uint32(of_z + units), uint32(of_z + uint32(2) * units)
        z, r = sigmoid_of(x[of_z] + recurrent[of_z]), sigmoid_of(x[of_r] + recurrent[of_r])
        s = recurrent[of_n]
        new = tanh_of(x[of_n] + r * s)
        gates[place] = z
        gates[uint32(place + units)] = r
        gates[uint32(place + uint32(2) * units)] = new
        gates[uint32(place + uint32(3) * units)] = s
        h[at] = z * before[at] + (ONE - z) * new if kept else before[at]


def gru_grad(dhs, recurrent_kernel, h0, keep, hs, gates, dx, ds, dh0):
    """dx, dh0, and ds for s = h_before @ recurrent_kernel + bias, from the gradients of all states.

    dhs, hs: (steps, batch, u), read. dx, ds: (steps, batch, 3 u), dh0: (batch, u), written.
    """
    back, carry, passed = _zeros(3, dh0)
    for t in reversed(range(len(hs))):
        before = hs[t - 1] if t else h0
        _step(_gru_step_grad, keep, t, dh0, dhs[t], back, carry, gates[t], before, dx[t], ds[t], passed)
        _product(ds[t], recurrent_kernel, True, back)
        carry, passed = passed, carry
    _sum(blocks(dh0), back, carry, dh0, dh0.size, vectors(back, carry, dh0))


@kernel("uint8* int32 int32 int32 float32* float32* float32* float32* float32* float32* float32* float32*")
def _gru_step_grad(keep, masked, units, n, dh, back, carry, gates, before, dx, ds, passed):
    """dx, ds from dh + back + carry where a sample is kept, and what passes the step beside the product."""
    at, row, unit, there, kept = _place(keep, masked, units, n)
    if there:
        units = uint32(units)
        of_z, place = uint32(row * uint32(3) * units + unit), uint32(row * uint32(4) * units + unit)
        of_r, of_n = uint32(of_z + units), uint32(of_z + uint32(2) * units)
        z, r = gates[place], gates[uint32(place + units)]
        new, s = gates[uint32(place + uint32(2) * units)], gates[uint32(place + uint32(3) * units)]
        total = dh[at] + back[at] + carry[at]
        seen = total if kept else ZERO
        by_new = seen * (ONE - z) * (ONE - new * new)
        by_r, by_z = by_new * s * r * (ONE - r), seen * (before[at] - new) * z * (ONE - z)
        dx[of_z] = by_z
        ds[of_z] = by_z
        dx[of_r] = by_r
        ds[of_r] = by_r
        dx[of_n] = by_new
        ds[of_n] = by_new * r
        passed[at] = total * z if kept else total
