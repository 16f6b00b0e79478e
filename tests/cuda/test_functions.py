"""Functions of one element on the emulated GPU, beside the CPU's twins and NumPy's float64."""

import numpy as np
import pytest

from microdl.core.kernels import Kernels

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)
cpu = Kernels("cpu")

EXACT = ["negative", "abs", "sign", "floor", "ceil", "round", "square", "sqrt", "rsqrt", "reciprocal", "exp", "expm1"]
EXACT += ["log", "log1p", "erf"]
ROUNDED = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh,
}  # fmt: skip
SPECIAL = [0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1, -1, 0.5, -2.5, 3e38, 88, -88]


def values(rng, scale=3.0):
    return np.concatenate([scale * rng.normal(size=1025), SPECIAL]).astype(np.float32)


def ulps(found, exact):
    """How many spacings of float32 lie between what was found and the exact values, at most."""
    exact = np.asarray(exact)
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(rounded))
        apart = np.abs(found - exact) / np.spacing(np.abs(rounded))
    return np.max(apart[np.isfinite(rounded)], initial=0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", EXACT)
def test_bits_of_the_cpu(name, cuda, rng):
    x = values(rng)
    y, expected = np.empty_like(x), np.empty_like(x)
    getattr(cuda.unary, name)(x, y)
    getattr(cpu.unary, name)(x, expected)
    np.testing.assert_array_equal(y, expected)
    if name in ("sqrt", "rsqrt", "reciprocal"):
        dy, dx, slope = values(rng), np.empty_like(x), np.empty_like(x)
        getattr(cuda.unary, f"{name}_grad")(y, dy, dx)
        getattr(cpu.unary, f"{name}_grad")(y, dy, slope)
        np.testing.assert_array_equal(dx, slope)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", ROUNDED)
def test_last_bits_may_differ(name, cuda, rng):
    for scale in (0.7, 20, 1e6, 1e30):
        x = values(rng, scale)
        y = np.empty_like(x)
        getattr(cuda.unary, name)(x, y)
        assert ulps(y, ROUNDED[name](x.astype(np.float64))) < (4 if name == "tan" else 2.5)


def test_angles_near_multiples_of_a_quarter(cuda):
    x = np.array([n * np.pi / 2 for n in (1, 3, 100, 12345, 65537, 1e7, 1e12, 1e20)], np.float32)
    x = np.concatenate([x, -x, np.nextafter(x, np.float32(0)), [np.float32(16367173 * 2.0**72), np.float32(65536)]])
    x = x.astype(np.float32)  # 16367173 * 2**72 is the float32 nearest to one
    for name in ("sin", "cos", "tan"):
        y = np.empty_like(x)
        getattr(cuda.unary, name)(x, y)
        assert ulps(y, ROUNDED[name](x.astype(np.float64))) < 4


def test_integers(cuda, rng):
    x = rng.integers(-9, 9, 1030).astype(np.int32)
    for name in ("negative", "abs", "sign", "square"):
        y, expected = np.empty_like(x), np.empty_like(x)
        getattr(cuda.unary, name)(x, y)
        getattr(cpu.unary, name)(x, expected)
        np.testing.assert_array_equal(y, expected)
    cuda.unary.clip(x, x.dtype.type(-3), x.dtype.type(5), y)
    np.testing.assert_array_equal(y, x.clip(-3, 5))


def test_tests_and_clip(cuda, rng):
    x = values(rng)
    found = np.empty(x.size, bool)
    for name, function in (("is_nan", np.isnan), ("is_inf", np.isinf), ("is_finite", np.isfinite)):
        getattr(cuda.unary, name)(x, found)
        np.testing.assert_array_equal(found, function(x))
    cuda.unary.logical_not(np.isnan(x), found)
    np.testing.assert_array_equal(found, ~np.isnan(x))
    y, expected = np.empty_like(x), np.empty_like(x)
    cuda.unary.clip(x, np.float32(-1), np.float32(0.5), y)
    cpu.unary.clip(x, np.float32(-1), np.float32(0.5), expected)
    np.testing.assert_array_equal(y, expected)
