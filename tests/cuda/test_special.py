"""Special functions on the emulated GPU, in float32, beside the CPU's, which computes with float64."""

import numpy as np
import pytest

from microdl.core.kernels import Kernels

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
cpu = Kernels("cpu")

single = np.float32
ODD = [0, -0.0, 1, -1, 0.5, np.nan, np.inf, -np.inf, 2, 3]


def reals(rng, low, high, n=200):
    return np.concatenate([rng.uniform(low, high, n), ODD]).astype(single)


def compare(cuda, name, *inputs, tolerance=3e-6):
    y, expected = np.empty_like(inputs[0]), np.empty_like(inputs[0])
    getattr(cuda.special, name)(*inputs, y)
    with np.errstate(all="ignore"):
        getattr(cpu.special, name)(*inputs, expected)
    np.testing.assert_allclose(y, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("acosh", 1, 20), ("asinh", -20, 20), ("atanh", -1, 1), ("erfc", -3, 6), ("erfinv", -1, 1), ("ndtri", 0, 1),
        ("lgamma", -3.5, 30), ("digamma", 0, 30), ("bessel_i0e", -50, 50), ("bessel_i1e", -50, 50),
    ],
)  # fmt: skip
def test_functions_of_one(name, low, high, cuda, rng):
    x = reals(rng, low, high)
    if name == "digamma":
        x = np.append(x[x > 0], np.array([-0.5, -1.25, -7.5], single))
    compare(cuda, name, x, tolerance=1e-5 if name in ("ndtri", "erfinv") else 3e-6)


def test_quantiles_far_out(cuda):
    compare(cuda, "ndtri", np.logspace(-30, -1, 40).astype(single), tolerance=1e-5)
    compare(cuda, "ndtri", np.array([1e-45, 1e-39], single), tolerance=3e-3)  # no normal numbers


def test_functions_of_two(cuda, rng):
    a, b = reals(rng, -5, 5), reals(rng, -5, 5)[::-1].copy()
    compare(cuda, "atan2", a, b)
    compare(cuda, "nextafter", a, b, tolerance=0)
    order, x = rng.integers(0, 5, 200).astype(single), rng.uniform(0.5, 20, 200).astype(single)
    compare(cuda, "polygamma", order, x, tolerance=1e-5)
    compare(cuda, "zeta", rng.uniform(1.1, 9, 200).astype(single), x, tolerance=1e-5)
    compare(cuda, "zeta", np.array([1, 0.5, 2, 2, 2.5, np.nan], single), np.array([2, 2, -1, -0.5, -0.5, 2], single))


def test_incomplete_integrals(cuda, rng):
    a, b = rng.uniform(0.1, 30, 300).astype(single), rng.uniform(0.01, 40, 300).astype(single)
    a[:6], b[:6] = [1, 1, 0, -1, np.nan, 2], [0, np.inf, 1, 1, 1, -1]
    for name in ("igamma", "igammac"):
        compare(cuda, name, a, b, tolerance=3e-5)
    compare(cuda, "igamma_grad_a", a[6:], b[6:], tolerance=3e-5)
    compare(cuda, "igamma_grad_a", np.array([2, 1, 5, 1e9], single), np.array([3e38, np.inf, 2e4, 1e20], single))
    x = rng.uniform(0, 1, 300).astype(single)
    x[6:9] = [0, 1, np.nan]
    compare(cuda, "betainc", a, b, x, tolerance=1e-4)
