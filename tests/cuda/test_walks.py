"""What walks along an axis, and rows that go where indices say, on the emulated GPU, beside the CPU's twins."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

LINES = [(3, 5, 1), (2, 9000, 1), (2, 600, 3), (1, 1, 4)]  # (outer, reduced, inner)


def numbers(rng, shape, dtype="float32"):
    return rng.normal(size=shape).astype(dtype) if dtype == "float32" else rng.integers(-9, 9, shape).astype(dtype)


@pytest.fixture
def same(gpu, cuda):
    """Calls a function of both families, and compares what they write into outputs of (shape, dtype)."""

    def check(family, name, outputs, *args, tolerance=0.0, start=None):
        written = []
        for kernels in (cuda, cpu):
            arrays = [gpu.empty(*output) for output in outputs]
            for array in arrays if start is not None else ():
                array[...] = start
            getattr(getattr(kernels, family), name)(*args, *arrays)
            written.append(arrays)
        for found, expected in zip(*written, strict=True):
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)

    return check


@pytest.mark.parametrize("shape", LINES)
@pytest.mark.parametrize(("dtype", "index"), [("float32", "int64"), ("int32", "int32")])
def test_positions_of_extremes(shape, dtype, index, same, any_order, rng):
    x, out = numbers(rng, shape, dtype), [((shape[0], shape[2]), index)]
    if dtype == "float32":
        x[0, 0], x[-1, -1] = np.nan, -np.inf
    for name in ("argmax", "argmin"):
        same("scan", name, out, x)


def test_an_extreme_of_nothing_but_infinities_is_the_first(same):
    for value in (-np.inf, np.inf, np.nan):
        x = np.full((2, 70, 1), value, np.float32)
        same("scan", "argmax", [((2, 1), "int64")], x)
        same("scan", "argmin", [((2, 1), "int64")], x)


@pytest.mark.parametrize("shape", LINES)
@pytest.mark.parametrize("flags", [(False, False), (True, False), (False, True), (True, True)])
def test_running_sums(shape, flags, same, rng):
    same("scan", "cumsum", [(shape, "int64")], numbers(rng, shape, "int64"), *flags)
    x = numbers(rng, shape)
    same("scan", "cumsum", [(shape, "float32")], x, *flags, tolerance=2e-4)
    same("scatter", "cumulative_logsumexp", [(shape, "float32")], x, *flags, tolerance=1e-5)
    x = (1 + 0.001 * x).astype(np.float32)
    same("scatter", "cumprod", [(shape, "float32")], x, *flags, tolerance=1e-4)


def test_logarithms_of_sums_of_infinities(same):
    x = np.array([-np.inf, -np.inf, 3, np.inf, 5, -np.inf], np.float32).reshape(1, 6, 1)
    same("scatter", "cumulative_logsumexp", [(x.shape, "float32")], x, False, False, tolerance=1e-6)
    for k in (2, 4, 6):
        same("scan", "logsumexp", [((1, 1), "float32")], x[:, :k].copy(), tolerance=1e-6)


@pytest.mark.parametrize("shape", LINES)
def test_gradients_of_reductions(shape, same, any_order, rng):
    x, dy = numbers(rng, shape).round(1), numbers(rng, (shape[0], shape[2]))
    y = x.max(1)
    same("scan", "logsumexp", [(y.shape, "float32")], x, tolerance=1e-5)
    same("scan", "extremum_grad", [(shape, "float32")], x, y, dy)
    x = (1 + 0.001 * x).astype(np.float32)
    x[0, 0] = 0
    same("scan", "prod_grad", [(shape, "float32")], x, dy, tolerance=1e-3)


@pytest.mark.parametrize(("dtype", "index"), [("float32", "int32"), ("int64", "int64")])
def test_rows_that_go_to_places(dtype, index, same, any_order, rng):
    x, places = numbers(rng, (70, 3), dtype), rng.integers(0, 12, 70).astype(index)
    out = [((13, 3), dtype)]
    for name in ("segment_sum", "segment_prod") if dtype == "float32" else ("segment_sum",):
        same("scatter", name, out, x, places)
    for name, start in (("segment_max", -100), ("segment_min", 100)):
        same("scatter", name, out, x, places, np.dtype(dtype).type(start))
    for name in ("update", "minimum", "maximum"):
        same("scatter", name, out, x, places, start=1)


def test_places_that_rows_name(same, cuda, gpu, rng):
    rows = rng.integers(0, 3, (50, 3))
    for index in ("int32", "int64"):
        same("scatter", "flat_places", [((50,), "int64")], rows.astype(index), (3, 5, 4))
    y = gpu.empty(3, np.int64)
    cuda.scatter.flat_places(np.array([[0, 5], [-1, 2], [2, 4]]), (3, 5), y)
    assert y.tolist() == [-1, -1, 14]


def test_nan_wins(same, rng):
    x, places = numbers(rng, (5, 2)), np.array([1, 1, 0, 0, 1])
    x[3, 0] = np.nan
    for name in ("minimum", "maximum"):
        same("scatter", name, [((2, 2), "float32")], x, places, start=0.5)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
@pytest.mark.parametrize(("rows", "n", "k"), [(3, 40, 7), (2, 2500, 2500), (2, 5, 0), (1, 1, 1)])
def test_top_k(rows, n, k, dtype, same, any_order, rng):
    x = numbers(rng, (rows, n), dtype)
    if dtype == "float32":
        x = x.round(1)  # ties
        x[0, : min(n, 3)] = [np.nan, -np.inf, -0.0][:n]
    same("scatter", "top_k", [((rows, k), dtype), ((rows, k), "int32")], x)


def test_top_k_of_large_integers(same, rng):
    x = rng.integers(-(2**62), 2**62, (2, 1500))
    x[:, ::3] = rng.integers(-3, 3, (2, 500))
    x[:, 1::3] = (rng.integers(-3, 3, (2, 500)) << 32) + rng.integers(0, 3, (2, 500))
    same("scatter", "top_k", [((2, 1400), "int64"), ((2, 1400), "int32")], x)


def test_bounds(same, rng):
    ordered = np.sort(numbers(rng, (3, 50)).round(1), axis=1)
    ordered[0, -2:] = np.nan
    values = numbers(rng, (3, 90)).round(1)
    values[0, :3] = [np.nan, np.inf, -np.inf]
    for name in ("lower_bound", "upper_bound"):
        same("scatter", name, [(values.shape, "int32")], ordered, values)


def test_pooling_with_places(same, rng):
    x = numbers(rng, (2, 7, 6, 3)).round(1)
    x[0, 1, 1, 1] = np.nan
    out = [((2, 4, 3, 3), "float32"), ((2, 4, 3, 3), "int64")]
    same("scatter", "max_pool_with_argmax", out, x, (3, 2), (2, 2), (1, 0))


@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_bits(dtype, same, rng):
    a, b = rng.integers(0, 100, (5, 1, 8)).astype(dtype), rng.integers(0, 100, (3, 8)).astype(dtype)
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        same("integer", name, [((5, 3, 8), dtype)], a, b)
    same("integer", "invert", [(a.shape, dtype)], a)


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_products_of_integers(transpose_a, transpose_b, same, rng):
    a, b = rng.integers(-9, 9, (2, 5, 7)), rng.integers(-9, 9, (1, 7, 6))
    a, b = a.swapaxes(1, 2) if transpose_a else a, b.swapaxes(1, 2) if transpose_b else b
    for dtype in ("int32", "int64"):
        arrays = np.ascontiguousarray(a, dtype), np.ascontiguousarray(b, dtype)
        same("integer", "matmul", [((2, 5, 6), dtype)], *arrays, transpose_a, transpose_b)
