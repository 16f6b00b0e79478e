"""Recurrent layers over whole sequences, forward and backward. Twin: ``kernels/cuda/recurrent.py``.

Sequences come step first, (steps, batch, ...), C-contiguous, of one float dtype; ``u`` is the number of units. What the
inputs contribute, x = inputs @ kernel + bias, is computed for all steps before, as one product of matrices; a step then
is a product with the recurrent kernel and ONE kernel for everything else. keep, (steps, batch), bool: where it is
False, a sample's state passes the step unchanged; an empty one stands for no mask. Backward kernels give dx, from which
the gradients of kernel, bias and recurrent kernel come as products over all steps at once.

A task is a block of samples. Every sample of a step belongs to one task, products are deterministic: the same bits for
any number of threads.
"""

import numpy as np

from ..jit import inner, kernel
from ..recording import call
from .matmul import matmul, matmul_bias
from .scalar import sigmoid_of, tanh_of
from .simd import clear, run

BLOCK = 2048  # elements of the state that a task looks after, about


def _rows_of_task(units):
    return max(1, BLOCK // max(1, units))


def _tasks(keep, units, *_):
    return -(-keep.size // _rows_of_task(units))


def _work(keep, units, *_):
    return 16 * keep.size * units  # exponentials


@inner
def _last(block, keep, count):
    return min(keep.size, (block + 1) * count)


def _kept(keep, sequence):
    """The mask; in place of none one that keeps all."""
    return keep if keep.size else np.ones(sequence.shape[:2], np.bool_)


def _product(a, b, transpose_b, c):
    """c = a op(b), for matrices."""
    matmul(a[None], b[None], False, transpose_b, c[None])


# Plain: h = tanh(x + h_before @ recurrent_kernel). Elman, "Finding Structure in Time", 1990.


def simple(x, recurrent_kernel, h0, keep, hs):
    """hs[t] = tanh(x[t] + hs[t - 1] @ recurrent_kernel), with h0 before the first step.

    x: (steps, batch, u), recurrent_kernel: (u, u), h0: (batch, u), keep: read. hs: as x, written.
    """
    keep, recurrent, before = _kept(keep, x), np.empty_like(h0), h0
    for t in range(len(x)):
        _product(before, recurrent_kernel, False, recurrent)
        _simple_step(keep[t], h0.shape[1], x[t], recurrent, before, hs[t])
        before = hs[t]


@kernel(tasks=_tasks, work=_work)
def _simple_step(block, keep, units, x, recurrent, before, h):
    count = max(1, BLOCK // max(1, units))
    for r in range(block * count, _last(block, keep, count)):
        xs, rs = run(x, r * units, units), run(recurrent, r * units, units)
        olds, hs = run(before, r * units, units), run(h, r * units, units)
        for i in range(units):
            hs[i] = tanh_of(xs[i] + rs[i]) if keep[r] else olds[i]


def simple_grad(dhs, recurrent_kernel, keep, hs, dx, dh0):
    """dx and dh0 from the gradients of all states. dhs, hs: (steps, batch, u), read. dx: as hs, dh0: written."""
    keep, (back, carry, passed) = _kept(keep, hs), _zeros(3, dh0)
    for t in reversed(range(len(hs))):
        _simple_step_grad(keep[t], dh0.shape[1], dhs[t], back, carry, hs[t], dx[t], passed)
        _product(dx[t], recurrent_kernel, True, back)
        carry, passed = passed, carry
    _sum(back, carry, dh0)


def _zeros(count, like):
    """Scratch arrays, cleared whenever the calls are made again."""
    arrays = np.empty((count, *like.shape), like.dtype)
    call(arrays.fill, 0)
    return arrays


@kernel(tasks=_tasks, work=_work)
def _simple_step_grad(block, keep, units, dh, back, carry, h, dx, passed):
    """dx = (dh + back + carry) * (1 - h**2) where a sample is kept; else dx = 0, and ``passed`` is that sum."""
    count, one, zero = max(1, BLOCK // max(1, units)), h.dtype.type(1), h.dtype.type(0)
    for r in range(block * count, _last(block, keep, count)):
        hs, dxs, dhs = run(h, r * units, units), run(dx, r * units, units), run(dh, r * units, units)
        backs, old, new = run(back, r * units, units), run(carry, r * units, units), run(passed, r * units, units)
        for i in range(units):
            total = dhs[i] + backs[i] + old[i]
            dxs[i] = total * (one - hs[i] * hs[i]) if keep[r] else zero
            new[i] = zero if keep[r] else total


@kernel
def _sum(a, b, y):
    """y = a + b."""
    left, right, out = run(a, 0, a.size), run(b, 0, b.size), run(y, 0, y.size)
    for i in range(out.size):
        out[i] = left[i] + right[i]


# Long short-term memory, with z = x + h_before @ recurrent_kernel in four parts:
#     i, f, g, o = sigmoid(z_i), sigmoid(z_f), tanh(z_g), sigmoid(z_o),   c = f c_before + i g,   h = o tanh(c).
# Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; with f: Gers, Schmidhuber and Cummins, 2000.


def lstm(x, recurrent_kernel, h0, c0, keep, hs, cs, gates):
    """All states of the sequence, h and c, and the gates i f g o, which the gradient reads.

    x: (steps, batch, 4 u), recurrent_kernel: (u, 4 u), h0, c0: (batch, u), keep: read. hs, cs: (steps, batch, u),
    gates: as x, written.
    """
    keep, recurrent, h, c = _kept(keep, x), np.empty_like(x[0] if len(x) else h0), h0, c0
    for t in range(len(x)):
        _product(h, recurrent_kernel, False, recurrent)
        _lstm_step(keep[t], h0.shape[1], x[t], recurrent, h, c, gates[t], hs[t], cs[t])
        h, c = hs[t], cs[t]


@kernel(tasks=_tasks, work=_work)
def _lstm_step(block, keep, units, x, recurrent, h_before, c_before, gates, h, c):
    count = max(1, BLOCK // max(1, units))
    for r in range(block * count, _last(block, keep, count)):
        xi, xf, xg, xo = _quarters(x, r, units)
        ri, rf, rg, ro = _quarters(recurrent, r, units)
        i, f, g, o = _quarters(gates, r, units)
        for k in range(units):
            i[k], f[k] = sigmoid_of(xi[k] + ri[k]), sigmoid_of(xf[k] + rf[k])
        for k in range(units):
            g[k], o[k] = tanh_of(xg[k] + rg[k]), sigmoid_of(xo[k] + ro[k])
        h_old, c_old = run(h_before, r * units, units), run(c_before, r * units, units)
        hs, cs = run(h, r * units, units), run(c, r * units, units)
        for k in range(units):
            carried = f[k] * c_old[k] + i[k] * g[k]
            cs[k] = carried if keep[r] else c_old[k]
            hs[k] = o[k] * tanh_of(carried) if keep[r] else h_old[k]


@inner
def _quarters(x, r, units):
    """The four parts of row r, ``units`` elements each."""
    start = 4 * r * units
    return (
        run(x, start, units),
        run(x, start + units, units),
        run(x, start + 2 * units, units),
        run(x, start + 3 * units, units),
    )


def lstm_grad(dhs, dcs, recurrent_kernel, c0, keep, cs, gates, dx, dh0, dc0):
    """dx, dh0 and dc0 from the gradients of all states.

    dhs, dcs, cs: (steps, batch, u), read. dx: as gates, dh0, dc0: (batch, u), written.
    """
    keep, (back, carry, passed, dc, dc_before) = _kept(keep, cs), _zeros(5, dh0)
    for t in reversed(range(len(cs))):
        before = cs[t - 1] if t else c0
        sources = dhs[t], back, carry, dcs[t], dc, gates[t], before, cs[t]
        _lstm_step_grad(keep[t], dh0.shape[1], *sources, dx[t], passed, dc_before)
        _product(dx[t], recurrent_kernel, True, back)
        carry, passed, dc, dc_before = passed, carry, dc_before, dc
    _sum(back, carry, dh0)
    call(np.copyto, dc0, dc)


@kernel(tasks=_tasks, work=_work)
def _lstm_step_grad(block, keep, units, dh, back, carry, dc_here, dc, gates, c_before, c, dx, passed, dc_before):
    """dx, dc_before from dh + back + carry and dc_here + dc where a sample is kept; else dx = 0 and both sums pass."""
    count, one, zero = max(1, BLOCK // max(1, units)), c.dtype.type(1), c.dtype.type(0)
    for r in range(block * count, _last(block, keep, count)):
        i, f, g, o = _quarters(gates, r, units)
        di, df, dg, do = _quarters(dx, r, units)
        dhs, backs, old = run(dh, r * units, units), run(back, r * units, units), run(carry, r * units, units)
        dcs, later, cs = run(dc_here, r * units, units), run(dc, r * units, units), run(c, r * units, units)
        c_old, earlier = run(c_before, r * units, units), run(dc_before, r * units, units)
        new = run(passed, r * units, units)
        if keep[r]:  # in loops over few arrays each, which are vectorised
            for k in range(units):
                new[k] = dhs[k] + backs[k] + old[k]
            for k in range(units):
                squashed = tanh_of(cs[k])
                do[k] = new[k] * squashed * o[k] * (one - o[k])
                new[k] = new[k] * o[k] * (one - squashed * squashed)
            for k in range(units):
                earlier[k] = dcs[k] + later[k] + new[k]
                new[k] = zero
            for k in range(units):
                di[k] = earlier[k] * g[k] * i[k] * (one - i[k])
                dg[k] = earlier[k] * i[k] * (one - g[k] * g[k])
            for k in range(units):
                df[k] = earlier[k] * c_old[k] * f[k] * (one - f[k])
                earlier[k] *= f[k]
        else:
            clear(dx, 4 * r * units, 4 * units)
            for k in range(units):
                new[k], earlier[k] = dhs[k] + backs[k] + old[k], dcs[k] + later[k]


# Gated recurrent unit, reset after the product: with s = h_before @ recurrent_kernel + bias in three parts,
#     z, r = sigmoid(x_z + s_z), sigmoid(x_r + s_r),   n = tanh(x_n + r s_n),   h = z h_before + (1 - z) n.
# Cho et al., arXiv:1406.1078, in the variant of cuDNN.


def gru(x, recurrent_kernel, bias, h0, keep, hs, gates):
    """All states of the sequence, and z r n s_n, which the gradient reads.

    x: (steps, batch, 3 u), recurrent_kernel: (u, 3 u), bias: (3 u,) or (0,) for none, h0: (batch, u), keep: read.
    hs: (steps, batch, u), gates: (steps, batch, 4 u), written.
    """
    keep, recurrent, h = _kept(keep, x), np.empty_like(x[0] if len(x) else h0), h0
    for t in range(len(x)):
        matmul_bias(h[None], recurrent_kernel[None], False, False, bias, 0, recurrent[None])
        _gru_step(keep[t], h0.shape[1], x[t], recurrent, h, gates[t], hs[t])
        h = hs[t]


@inner
def _thirds(x, r, units):
    """The three parts of row r, ``units`` elements each."""
    start = 3 * r * units
    return run(x, start, units), run(x, start + units, units), run(x, start + 2 * units, units)


@kernel(tasks=_tasks, work=_work)
def _gru_step(block, keep, units, x, recurrent, before, gates, h):
    count, one = max(1, BLOCK // max(1, units)), h.dtype.type(1)
    for row in range(block * count, _last(block, keep, count)):
        xz, xr, xn = _thirds(x, row, units)
        sz, sr, sn = _thirds(recurrent, row, units)
        z, r, n, s = _quarters(gates, row, units)
        old, hs = run(before, row * units, units), run(h, row * units, units)
        for k in range(units):
            z[k], r[k] = sigmoid_of(xz[k] + sz[k]), sigmoid_of(xr[k] + sr[k])
        for k in range(units):
            s[k] = sn[k]
            n[k] = tanh_of(xn[k] + r[k] * sn[k])
        for k in range(units):
            hs[k] = z[k] * old[k] + (one - z[k]) * n[k] if keep[row] else old[k]


def gru_grad(dhs, recurrent_kernel, h0, keep, hs, gates, dx, ds, dh0):
    """dx, dh0, and ds for s = h_before @ recurrent_kernel + bias, from the gradients of all states.

    dhs, hs: (steps, batch, u), read. dx, ds: (steps, batch, 3 u), dh0: (batch, u), written.
    """
    keep, (back, carry, passed) = _kept(keep, hs), _zeros(3, dh0)
    for t in reversed(range(len(hs))):
        before = hs[t - 1] if t else h0
        _gru_step_grad(keep[t], dh0.shape[1], dhs[t], back, carry, gates[t], before, dx[t], ds[t], passed)
        _product(ds[t], recurrent_kernel, True, back)
        carry, passed = passed, carry
    _sum(back, carry, dh0)


@kernel(tasks=_tasks, work=_work)
def _gru_step_grad(block, keep, units, dh, back, carry, gates, before, dx, ds, passed):
    """dx, ds from dh + back + carry where a sample is kept, and what passes the step beside the product."""
    count, one, zero = max(1, BLOCK // max(1, units)), before.dtype.type(1), before.dtype.type(0)
    for row in range(block * count, _last(block, keep, count)):
        z, r, n, s = _quarters(gates, row, units)
        dxz, dxr, dxn = _thirds(dx, row, units)
        dsz, dsr, dsn = _thirds(ds, row, units)
        dhs, backs, carried = run(dh, row * units, units), run(back, row * units, units), run(carry, row * units, units)
        old, new = run(before, row * units, units), run(passed, row * units, units)
        weight = one if keep[row] else zero
        for k in range(units):
            new[k] = dhs[k] + backs[k] + carried[k]
        for k in range(units):
            dxn[k] = weight * new[k] * (one - z[k]) * (one - n[k] * n[k])
        for k in range(units):
            dxr[k] = dxn[k] * s[k] * r[k] * (one - r[k])
            dsr[k] = dxr[k]
            dsn[k] = dxn[k] * r[k]
        for k in range(units):
            dxz[k] = weight * new[k] * (old[k] - n[k]) * z[k] * (one - z[k])
            dsz[k] = dxz[k]
        if keep[row]:
            for k in range(units):
                new[k] *= z[k]
