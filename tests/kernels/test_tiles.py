"""Register tiles and packing against NumPy."""

import numpy as np
import pytest

from microdl.core import kernels

simd, tiles, packing = kernels.cpu.simd, kernels.cpu.tiles, kernels.cpu.packing
kernel = kernels.support("jit").kernel
zeros, wide_zeros, outer, store, add = tiles.zeros, tiles.wide_zeros, tiles.outer, tiles.store, tiles.add
plus, prefetch = tiles.plus, tiles.prefetch
copy, clear, scratch = simd.copy, simd.clear, simd.scratch
pack = packing.pack
ROWS = tiles.ROWS
DTYPES = ["float32", "float64"]


@kernel
def _product(a, rows, step, b, depth, width, c, targets, columns):
    tile = zeros(a, ROWS, 2)
    for k in range(depth):
        tile = outer(tile, a, rows, 0, k * step, b, k * width)
    store(tile, c, targets, 0, 0, columns)
    add(tile, c, targets, 0, 0, columns)


@kernel
def _wide_product(a, rows, step, b, depth, width, c, targets, columns):
    tile = wide_zeros(a, ROWS, 2)
    for k in range(depth):
        prefetch(b, (k + 1) * width)
        tile = outer(tile, a, rows, 0, k * step, b, k * width)
    store(tile, c, targets, 0, 0, columns)
    store(plus(tile, c, targets, 0, 0, columns), c, targets, 0, 0, columns)


@kernel
def _moves(source, target):
    copy(source, 1, target, 2, 3)
    clear(target, 6, 2)


@kernel
def _packed(source, start, down, right, rows, columns, target, place, width):
    pack(source, start, down, right, rows, columns, target, place, width)


@kernel
def _scratch(like, target):
    own = scratch(target.size, like)
    own[:] = like[0]
    target[:] = own


@pytest.mark.parametrize("product", [_product, _wide_product], ids=["narrow", "wide"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tile_is_a_product_of_its_rows_and_columns(dtype, product, rng):
    width, depth = 2 * simd.VECTOR_BYTES // np.dtype(dtype).itemsize, 5
    a, b = rng.normal(size=(ROWS, depth)).astype(dtype), rng.normal(size=(depth, width)).astype(dtype)
    for columns in (0, 1, width // 2, width - 1, width, width + 9):
        c = np.full(ROWS * width, -1, dtype)
        targets = np.arange(ROWS) * width
        targets[2] = -1  # this row must stay as it is
        product(a.ravel(), np.arange(ROWS) * depth, 1, b.ravel(), depth, width, c, targets, columns)
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
@pytest.mark.parametrize("size", [0, 1, 1000])
def test_scratch_is_an_array_of_its_own(size, dtype):
    target = np.zeros(size, dtype)
    _scratch(np.full(1, 7, dtype), target)
    np.testing.assert_array_equal(target, np.full(size, 7))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rows", [0, 1, 9, 33])
@pytest.mark.parametrize("columns", [1, 8, 19, 32])
def test_packed_panels_hold_rows_or_columns_and_then_zeros(rows, columns, dtype, rng):
    source, width = rng.normal(size=(40, 50)).astype(dtype), 32
    for down, right, expected in (
        (50, 1, source[2 : 2 + rows, 3 : 3 + columns]),
        (1, 50, source[2 : 2 + columns, 3 : 3 + rows].T),
    ):
        target = np.full(5 + rows * width + 7, np.nan, dtype)
        _packed(source.ravel(), 2 * 50 + 3, down, right, rows, columns, target, 5, width)
        packed = target[5 : 5 + rows * width].reshape(rows, width)
        np.testing.assert_array_equal(packed[:, :columns], expected)
        assert not packed[:, columns:].any()
        assert np.isnan(target[:5]).all()
        assert np.isnan(target[-7:]).all()
