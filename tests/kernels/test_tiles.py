"""Register tiles and the product of panels against NumPy."""

import numpy as np
import pytest

from microdl.core import kernels

simd, tiles = kernels.cpu.simd, kernels.cpu.tiles
kernel = kernels.support("jit").kernel
zeros, outer, store, add = tiles.zeros, tiles.outer, tiles.store, tiles.add
copy, clear = simd.copy, simd.clear
ROWS, multiply_panel = tiles.ROWS, kernel(getattr(tiles.multiply_panel, "py_func", tiles.multiply_panel))
DTYPES = ["float32", "float64"]


@kernel
def _product(a, rows, step, b, depth, width, c, targets, columns):
    tile = zeros(a, ROWS, 2)
    for k in range(depth):
        tile = outer(tile, a, rows, 0, k * step, b, k * width)
    store(tile, c, targets, 0, 0, columns)
    add(tile, c, targets, 0, 0, columns)


@kernel
def _moves(source, target):
    copy(source, 1, target, 2, 3)
    clear(target, 6, 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tile_is_a_product_of_its_rows_and_columns(dtype, rng):
    width, depth = 2 * simd.VECTOR_BYTES // np.dtype(dtype).itemsize, 5
    a, b = rng.normal(size=(ROWS, depth)).astype(dtype), rng.normal(size=(depth, width)).astype(dtype)
    for columns in (0, 1, width // 2, width - 1, width, width + 9):
        c = np.full(ROWS * width, -1, dtype)
        targets = np.arange(ROWS) * width
        targets[2] = -1  # this row must stay as it is
        _product(a.ravel(), np.arange(ROWS) * depth, 1, b.ravel(), depth, width, c, targets, columns)
        expected = 2 * (a.astype("float64") @ b)
        expected[2] = -1
        expected[:, columns:] = -1
        np.testing.assert_allclose(c.reshape(ROWS, width), expected, rtol=0, atol=40 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_copy_and_clear_touch_their_elements_only(dtype):
    source, target = np.arange(6, dtype=dtype), np.full(9, 7, dtype)
    _moves(source, target)
    np.testing.assert_array_equal(target, [7, 7, 1, 2, 3, 7, 0, 0, 7])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 3, 4, 5, 8, 11, 16, 17, 31, 33])
def test_a_panel_product_sums_over_runs_and_adds_up_if_asked(dtype, columns, rng):
    wide = 2 * simd.VECTOR_BYTES // np.dtype(dtype).itemsize
    width = wide if 2 * columns > wide else wide // 2
    used, pixels, length = min(columns, width), ROWS + 1, 3  # the second tile has one row
    a, b = rng.normal(size=64).astype(dtype), rng.normal(size=(8, width)).astype(dtype)
    rows = np.append(np.arange(pixels) * 2, np.zeros(ROWS, np.int64))
    targets = np.append(np.arange(pixels) * used, np.full(ROWS, -1))
    runs = np.array([[0, 5], [20, 0]])
    left = np.array([[a[row + 1 + start + 4 * k] for start, _ in runs for k in range(length)] for row in rows[:pixels]])
    right = np.concatenate([b[place : place + length] for _, place in runs])
    expected = left.astype("float64") @ right[:, :used]
    c = np.full(pixels * used, np.nan, dtype)
    for times in (1, 2):
        multiply_panel(
            a, rows, 0, pixels, 1, runs, length, 4, b.ravel(), 0, times > 1, c, targets, 0, columns
        )  # the second time onto the first
        error = 60 * np.finfo(dtype).eps
        np.testing.assert_allclose(c.reshape(pixels, used), times * expected, rtol=0, atol=error)
