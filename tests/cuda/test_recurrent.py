"""Recurrent layers on the emulated GPU against the CPU's."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single = np.float32
PARTS = {"simple": 1, "lstm": 4, "gru": 3}
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def compare(kernels, name, inputs, shapes, gpu):
    """The outputs of ``kernels.recurrent.name`` on both devices are close; returns the CPU's."""
    expected, got = ([gpu.empty(shape, single) for shape in shapes] for _ in range(2))
    getattr(cpu.recurrent, name)(*inputs, *expected)
    getattr(kernels.recurrent, name)(*inputs, *got)
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_allclose(b, a, **CLOSE)
    return expected


@pytest.mark.parametrize("masked", [False, True], ids=["no mask", "masked"])
@pytest.mark.parametrize(("steps", "batch", "units"), [(3, 5, 7), (2, 1, 40), (0, 2, 3), (2, 0, 3)])
@pytest.mark.parametrize("cell", PARTS)
def test_sequences_and_their_gradients(cell, steps, batch, units, masked, any_order, cuda, rng):
    def drawn(*shape):
        return rng.normal(size=shape).astype(single)

    state, wide = (steps, batch, units), (steps, batch, PARTS[cell] * units)
    x, kernel, h = drawn(*wide), drawn(units, wide[2]) / 3, drawn(batch, units)
    keep = rng.random((steps, batch)) < 0.7 if masked else np.zeros((0, 0), np.bool_)
    dhs, first = drawn(*state), (batch, units)
    if cell == "simple":
        (hs,) = compare(cuda, "simple", (x, kernel, h, keep), [state], any_order)
        compare(cuda, "simple_grad", (dhs, kernel, keep, hs), [wide, first], any_order)
    elif cell == "lstm":
        c, dcs = drawn(*first), drawn(*state)
        _, cs, gates = compare(cuda, "lstm", (x, kernel, h, c, keep), [state, state, wide], any_order)
        compare(cuda, "lstm_grad", (dhs, dcs, kernel, c, keep, cs, gates), [wide, first, first], any_order)
    else:
        bias, all_gates = drawn(wide[2] if masked else 0), (steps, batch, 4 * units)
        hs, gates = compare(cuda, "gru", (x, kernel, bias, h, keep), [state, all_gates], any_order)
        compare(cuda, "gru_grad", (dhs, kernel, h, keep, hs, gates), [wide, wide, first], any_order)
