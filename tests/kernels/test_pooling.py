"""Pooling kernels against loops over windows in NumPy."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

# (shape of x, window, stride, pad above and left, output height and width)
GEOMETRIES = [
    ((2, 6, 8, 3), (2, 2), (2, 2), (0, 0), (3, 4)),
    ((2, 7, 5, 3), (2, 2), (2, 2), (0, 0), (4, 3)),  # SAME: the last windows are cut
    ((1, 7, 9, 17), (3, 2), (2, 3), (1, 0), (4, 3)),
    ((3, 5, 5, 1), (3, 3), (1, 1), (1, 1), (5, 5)),  # overlapping
    ((1, 9, 9, 2), (2, 2), (4, 3), (1, 1), (3, 3)),  # gaps between the windows
    ((2, 4, 3, 5), (4, 3), (1, 1), (0, 0), (1, 1)),
    ((1, 1, 1, 1), (1, 1), (1, 1), (0, 0), (1, 1)),
    ((0, 6, 6, 3), (2, 2), (2, 2), (0, 0), (3, 3)),
    ((2, 6, 6, 0), (2, 2), (2, 2), (0, 0), (3, 3)),
]
DTYPES = ["float32", "float64"]


def windows(geometry):
    """Rows and columns of x that each window sees: (n, oh, ow, slice of rows, slice of columns)."""
    shape, window, stride, pad, size = geometry
    for n, oh, ow in np.ndindex(shape[0], *size):
        h, w = oh * stride[0] - pad[0], ow * stride[1] - pad[1]
        yield n, oh, ow, slice(max(h, 0), min(h + window[0], shape[1])), slice(max(w, 0), min(w + window[1], shape[2]))


def max_pool(x, geometry, winner_dtype=np.uint8):
    shape, window, stride, pad, size = geometry
    y = np.empty((shape[0], *size, shape[3]), x.dtype)
    winner = np.empty(y.shape, winner_dtype)
    cpu.pooling.max_pool2d(x, window, stride, pad, y, winner)
    return y, winner


def max_pool_grad(dy, winner, geometry):
    shape, window, stride, pad, _ = geometry
    dx = np.full(shape, np.nan, dy.dtype)
    cpu.pooling.max_pool2d_grad(dy, winner, window, stride, pad, dx)
    return dx


def first_maxima(x, geometry):
    """(n, oh, ow, c) -> (h, w) of the first maximum; numbers come before NaN."""
    for n, oh, ow, rows, columns in windows(geometry):
        for c in range(x.shape[3]):
            seen = x[n, rows, columns, c]
            is_max = np.isnan(seen) if np.isnan(seen).all() else seen == np.nanmax(seen)
            h, w = np.argwhere(is_max)[0]
            yield (n, oh, ow, c), (n, rows.start + h, columns.start + w, c)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_max_pool_and_its_gradients_equal_the_oracle(rng, geometry, dtype):
    x = rng.integers(-3, 3, geometry[0]).astype(dtype)  # small integers: many ties
    y, winner = max_pool(x, geometry)
    dy = rng.standard_normal(y.shape).astype(dtype)
    ddx = rng.standard_normal(x.shape).astype(dtype)
    expected_y, expected_dx, expected_ddy = np.empty_like(y), np.zeros(x.shape), np.empty_like(y)
    for at_y, at_x in first_maxima(x, geometry):
        expected_y[at_y] = x[at_x]
        expected_dx[at_x] += dy[at_y]
        expected_ddy[at_y] = ddx[at_x]
    ddy = np.empty_like(dy)
    cpu.pooling.max_pool2d_grad_grad(ddx, winner, *geometry[1:4], ddy)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_allclose(max_pool_grad(dy, winner, geometry), expected_dx, rtol=0, atol=8 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(ddy, expected_ddy)


def test_windows_too_large_for_a_byte_count_in_more_bits(rng):
    geometry = ((1, 20, 30, 3), (17, 29), (3, 1), (0, 0), (2, 2))
    x = rng.standard_normal(geometry[0]).astype("float32")
    y, winner = max_pool(x, geometry, np.int32)
    expected_dx = np.zeros_like(x)
    for at_y, at_x in first_maxima(x, geometry):
        assert y[at_y] == x[at_x]
        expected_dx[at_x] += 1
    np.testing.assert_array_equal(max_pool_grad(np.ones_like(y), winner, geometry), expected_dx)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
@pytest.mark.parametrize("geometry", GEOMETRIES[:3], ids=["whole squares", "cut squares", "any windows"])
def test_max_pool_passes_over_nan_and_keeps_infinities(rng, geometry):
    x = rng.choice(np.array([1, 2, np.nan, np.inf, -np.inf], "float32"), geometry[0])
    x[0, :2, :2, 0] = np.nan
    y, winner = max_pool(x, geometry)
    dx = max_pool_grad(np.ones_like(y), winner, geometry)
    expected_dx = np.zeros_like(x)
    for at_y, at_x in first_maxima(x, geometry):
        assert y[at_y] == x[at_x] or np.isnan(y[at_y] + x[at_x])
        expected_dx[at_x] += 1
    np.testing.assert_array_equal(dx, expected_dx)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_avg_pool_and_its_gradient_equal_the_oracle(rng, geometry, dtype):
    x = rng.standard_normal(geometry[0]).astype(dtype)
    shape, window, stride, pad, size = geometry
    y, dx = np.empty((shape[0], *size, shape[3]), dtype), np.full(shape, np.nan, dtype)
    dy = rng.standard_normal(y.shape).astype(dtype)
    expected_y, expected_dx = np.empty(y.shape), np.zeros(shape)
    for n, oh, ow, rows, columns in windows(geometry):
        seen = x[n, rows, columns].astype("float64")
        expected_y[n, oh, ow] = seen.mean((0, 1))
        expected_dx[n, rows, columns] += dy[n, oh, ow].astype("float64") / (seen.shape[0] * seen.shape[1])
    cpu.pooling.avg_pool2d(x, window, stride, pad, y)
    cpu.pooling.avg_pool2d_grad(dy, window, stride, pad, dx)
    np.testing.assert_allclose(y, expected_y, rtol=0, atol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(dx, expected_dx, rtol=0, atol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize("window", [(2, 2), (3, 3)])
def test_same_bits_for_any_number_of_threads(rng, same_bits, window):
    geometry = ((8, 21, 19, 16), window, (2, 2), (0, 0), (11, 10))
    x = rng.standard_normal(geometry[0], "float32")

    def run():
        y, winner = max_pool(x, geometry)
        mean, share = np.empty_like(y), np.empty_like(x)
        cpu.pooling.avg_pool2d(x, *geometry[1:4], mean)
        cpu.pooling.avg_pool2d_grad(y, *geometry[1:4], share)
        return y, winner, max_pool_grad(y, winner, geometry), mean, share

    same_bits(run)
