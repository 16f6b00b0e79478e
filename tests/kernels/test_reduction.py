"""Reductions and scans over (outer, reduced, inner) against NumPy float64."""

import itertools

import numba
import numpy as np
import pytest

from microdl.core.kernels import cpu

# One row and many, one column and many, rows shorter and longer than the lanes, several blocks and groups of columns.
SHAPES = [
    (1, 1, 1),
    (3, 1, 2),
    (2, 64, 2),  # the largest that NumPy reduces
    (2, 7, 1),
    (4, 100, 3),
    (1, 1000, 64),
    (3, 33, 65),
    (2, 70, 1030),
    (1, 70_000, 1),
    (1, 9000, 17),
    (5, 0, 3),
    (0, 4, 3),
    (2, 3, 0),
]
REDUCTIONS = {
    "reduce_sum": lambda x: x.sum(1),
    "reduce_mean": lambda x: x.mean(1),
    "reduce_prod": lambda x: x.prod(1),
    "reduce_max": lambda x: x.max(1),
    "reduce_min": lambda x: x.min(1),
}


def reduced(name, x, dtype=None):
    y = np.empty((x.shape[0], x.shape[2]), dtype or x.dtype)
    getattr(cpu.reduction, name)(x, y)
    return y


def scanned(name, x, *others, shape=None, dtype=None):
    y = np.empty(shape or x.shape, dtype or x.dtype)
    getattr(cpu.scan, name)(x, *others, y)
    return y


@pytest.mark.parametrize("shape", [s for s in SHAPES if s[1]], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_equals_numpy(name, dtype, shape, rng):
    spread = 3 if shape[1] < 100 else 0.001  # products of many numbers must stay finite
    x = rng.uniform(1 - spread, 1 + spread, shape).astype(dtype)
    exact = x.astype(float)
    roundings = {"reduce_max": 0, "reduce_min": 0, "reduce_prod": shape[1]}.get(name, 32)
    scale = REDUCTIONS["reduce_prod" if name == "reduce_prod" else "reduce_sum"](np.abs(exact))
    error = np.abs(reduced(name, x) - REDUCTIONS[name](exact))
    assert np.all(error <= roundings * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("shape", [(5, 0, 3), (0, 0, 3), (2, 0, 0)], ids=str)
def test_reduction_of_nothing(shape):
    x = np.zeros(shape, np.float32)
    for name, value in [("sum", 0), ("prod", 1), ("max", -np.inf), ("min", np.inf), ("mean", np.nan)]:
        np.testing.assert_array_equal(reduced(f"reduce_{name}", x), np.full((shape[0], shape[2]), value, np.float32))


def test_long_float32_sum_keeps_its_accuracy(rng):
    x = rng.uniform(0, 1, (1, 3_000_000, 1)).astype(np.float32)
    assert abs(reduced("reduce_sum", x).item() / x.sum(dtype=float) - 1) < 2 * np.finfo(np.float32).eps


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_integers_keep_their_dtype_and_wrap(dtype, rng):
    x = rng.integers(0, 200, (3, 40, 5)).astype(dtype)
    np.testing.assert_array_equal(reduced("reduce_sum", x), x.sum(1, dtype=dtype))
    np.testing.assert_array_equal(reduced("reduce_prod", x), x.prod(1, dtype=dtype))
    np.testing.assert_array_equal(reduced("reduce_max", x), x.max(1))
    np.testing.assert_array_equal(reduced("reduce_min", x[:, :0]), np.full((3, 5), np.iinfo(dtype).max))


def test_mean_of_integers_is_cut_towards_zero():
    x = np.array([[[1], [-2], [-2]], [[2], [2], [1]]], np.int32)
    np.testing.assert_array_equal(reduced("reduce_mean", x), [[-1], [1]])
    np.testing.assert_array_equal(reduced("reduce_mean", np.array([[[200], [100]]], np.uint8)), [[150]])
    np.testing.assert_array_equal(reduced("reduce_mean", x[:, :0]), [[0], [0]])


def test_any_and_all_equal_numpy(rng):
    for shape in SHAPES:
        x = rng.random(shape) < 0.5
        np.testing.assert_array_equal(reduced("reduce_any", x), x.any(1))
        np.testing.assert_array_equal(reduced("reduce_all", x), x.all(1))


@pytest.mark.parametrize("position", [0, 1, 150])
def test_extremes_of_a_row_with_nan_are_nan(position):
    x = np.arange(200, dtype=np.float32).reshape(1, 200, 1)
    x[0, position] = np.nan
    assert np.isnan(reduced("reduce_max", x)).all()
    assert np.isnan(reduced("reduce_min", x)).all()


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_positions_of_extremes_equal_numpy(dtype, rng):
    for shape in [s for s in SHAPES if s[1]]:
        x = rng.integers(-20, 20, shape).astype(dtype)  # many ties: the first one counts
        result = {"shape": (shape[0], shape[2]), "dtype": np.int64}
        np.testing.assert_array_equal(scanned("argmax", x, **result), x.argmax(1))
        np.testing.assert_array_equal(scanned("argmin", x, **result), x.argmin(1))


def test_positions_pass_over_nan():
    x = np.array([[np.nan, 1, 2], [np.nan, np.nan, np.nan], [1, np.nan, -np.inf]], np.float32)[:, :, None]
    result = {"shape": (3, 1), "dtype": np.int32}
    np.testing.assert_array_equal(scanned("argmax", x, **result)[:, 0], [2, 0, 0])
    np.testing.assert_array_equal(scanned("argmin", x, **result)[:, 0], [1, 0, 2])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
def test_cumsum_equals_numpy(exclusive, reverse, rng):
    for shape in SHAPES[:6] + SHAPES[-3:]:
        x = rng.normal(size=shape)
        turned = x[:, ::-1] if reverse else x
        expected = np.cumsum(turned, 1) - (turned if exclusive else 0)
        y = scanned("cumsum", x, exclusive, reverse)
        np.testing.assert_allclose(y, expected[:, ::-1] if reverse else expected, rtol=0, atol=1e-11)


def test_logsumexp_equals_numpy(rng):
    for shape in [s for s in SHAPES if s[1]]:
        x = rng.normal(size=shape) * 3
        y = scanned("logsumexp", x, shape=(shape[0], shape[2]))
        np.testing.assert_allclose(y, np.log(np.exp(x).sum(1)), rtol=1e-13, atol=1e-13)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="an axis is only cut where it is long")
@pytest.mark.parametrize("inner", [1, 3])
def test_long_axes_are_cut_and_give_the_same(rng, inner):
    n = 100_003
    x = rng.integers(-50, 50, (1, n, inner)).astype(np.float32)
    x[0, 77_777] = x[0, 88_888] = 60
    np.testing.assert_array_equal(scanned("argmax", x, shape=(1, inner), dtype="int64"), x.argmax(1))
    np.testing.assert_array_equal(scanned("argmin", x, shape=(1, inner), dtype="int64"), x.argmin(1))
    np.testing.assert_allclose(
        scanned("logsumexp", x, shape=(1, inner)), np.logaddexp.reduce(x.astype(np.float64), 1), rtol=1e-6
    )
    whole = x.astype(np.int64)
    for exclusive, reverse in itertools.product([False, True], repeat=2):
        turned = whole[:, ::-1] if reverse else whole
        expected = np.cumsum(turned, 1) - (turned if exclusive else 0)
        np.testing.assert_array_equal(
            scanned("cumsum", whole, exclusive, reverse), expected[:, ::-1] if reverse else expected
        )


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
def test_logsumexp_neither_overflows_nor_hides_anything():
    inf, nan = np.inf, np.nan
    x = np.array([[1000, 1000], [-1000, -1000], [inf, 1], [-inf, -inf], [nan, 1]], np.float32)[:, :, None]
    y = scanned("logsumexp", x, shape=(5, 1))[:, 0]
    np.testing.assert_allclose(y, [1000 + np.log(2), -1000 + np.log(2), inf, -inf, nan], rtol=1e-6)
    np.testing.assert_array_equal(scanned("logsumexp", x[:, :0], shape=(5, 1)), np.full((5, 1), -inf))


def test_ties_share_the_gradient_of_an_extreme(rng):
    for shape in [s for s in SHAPES if s[1]]:
        x = rng.integers(0, 3, shape).astype(float)
        y, dy = x.max(1), rng.normal(size=(shape[0], shape[2]))
        ties = x == y[:, None]
        dx = scanned("extremum_grad", x, y, dy)
        np.testing.assert_allclose(dx, ties * dy[:, None] / ties.sum(1, keepdims=True), rtol=1e-15)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
def test_the_gradient_of_an_extreme_that_is_nan_is_nan():
    x = np.array([[1, np.nan, 3], [1, 2, 2]], np.float32)[:, :, None]
    dx = scanned("extremum_grad", x, reduced("reduce_max", x), np.ones((2, 1), np.float32))
    np.testing.assert_array_equal(dx[:, :, 0], [[np.nan] * 3, [0, 0.5, 0.5]])


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_gradient_of_a_product_with_zeros(zeros, rng):
    x, dy = rng.uniform(0.5, 2, (3, 6, 4)), rng.normal(size=(3, 4))
    x[1, :zeros, 2] = 0
    others = np.stack([np.delete(x, r, 1).prod(1) for r in range(6)], 1)
    np.testing.assert_allclose(scanned("prod_grad", x, dy), dy[:, None] * others, rtol=1e-14)


@pytest.mark.parametrize("shape", [(1, 300_001, 1), (1, 5000, 70), (300, 300, 3), (2, 3, 40_000)], ids=str)
def test_results_do_not_depend_on_the_number_of_threads(shape, rng, same_bits):
    x = rng.normal(size=shape).astype(np.float32)
    small = {"shape": (shape[0], shape[2])}
    y = reduced("reduce_max", x)
    same_bits(lambda: [reduced("reduce_sum", x), reduced("reduce_prod", x), scanned("logsumexp", x, **small)])
    same_bits(lambda: [scanned("cumsum", x, False, False), scanned("extremum_grad", x, y, y)])
