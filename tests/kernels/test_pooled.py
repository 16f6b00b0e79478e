"""Gradients of convolution + bias + relu + pool from the winners, against the dense ones in NumPy float64."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

# shape of x, filter (height, width, outputs), padding above and left, size of what the convolution gives
GEOMETRIES = [
    ((3, 14, 14, 16), (5, 5, 36), (2, 2), (14, 14)),
    ((2, 28, 28, 1), (5, 5, 16), (2, 2), (28, 28)),
    ((3, 9, 11, 1), (3, 3, 37), (1, 1), (9, 11)),  # one channel, as above: several vectors of outputs
    ((2, 9, 8, 1), (7, 8, 5), (3, 3), (9, 8)),  # too many taps for the way of one channel
    ((1, 40, 600, 1), (2, 3, 3), (0, 1), (40, 600)),  # several bands of an image
    ((1, 4, 9, 1), (1, 33, 2), (0, 16), (4, 9)),  # a row of taps that no registers hold, of one channel
    ((2, 13, 13, 32), (3, 3, 70), (1, 1), (13, 13)),  # an odd row and column are left over; outputs in two masks
    ((9, 11, 8, 3), (3, 2, 5), (0, 0), (9, 7)),  # more images than groups; 3 channels side by side
    ((2, 6, 7, 20), (2, 3, 4), (1, 1), (6, 7)),  # channels that fill no whole vectors
    ((1, 9, 40, 37), (4, 3, 3), (2, 1), (9, 40)),  # several bands and chunks of channels
    ((2, 5, 5, 2), (1, 1, 64), (0, 0), (5, 5)),  # exactly one mask
    ((1, 4, 4, 2), (3, 3, 2), (4, 5), (9, 10)),  # winners that see nothing of the image
    ((1, 3, 9, 17), (7, 7, 2), (3, 3), (3, 9)),  # a filter larger than the image
    ((1, 2, 60, 3), (2, 33, 2), (0, 16), (2, 60)),  # a row of taps that no registers hold
    ((1, 4, 4, 2), (2, 2, 3), (0, 0), (2, 2)),  # rows and columns of x that no window reaches
    ((1, 3, 3, 2), (3, 3, 2), (0, 0), (1, 1)),  # no window at all
    ((0, 4, 4, 3), (3, 3, 2), (1, 1), (4, 4)),
    ((2, 4, 4, 0), (3, 3, 2), (1, 1), (4, 4)),
    ((2, 4, 4, 3), (3, 3, 0), (1, 1), (4, 4)),
]


def arrays(geometry, dtype, rng, alive=0.7):
    """x, w, dy and winner."""
    shape, (height, width, outputs), _, size = geometry
    pooled = (shape[0], size[0] // 2, size[1] // 2, outputs)
    drawn = [rng.normal(size=s).astype(dtype) for s in (shape, (height, width, shape[3], outputs), pooled)]
    winner = np.where(rng.random(pooled) < alive, rng.integers(0, 4, pooled), 4)
    return *drawn, winner.astype(np.uint8)


def oracle(x, w, dy, winner, padding, size):
    """dw, dbias and dx in float64, tap by tap, from the dense gradient of what the convolution gave."""
    dz = np.zeros((len(x), *size, dy.shape[3]))
    for tap in range(4):
        rows, columns = (slice(k, n // 2 * 2, 2) for k, n in zip(divmod(tap, 2), size, strict=True))
        dz[:, rows, columns] = np.where(winner == tap, dy, 0)
    taps = np.array(w.shape[:2])
    margins = [(p, max(0, s + k - 1 - p - n)) for p, s, k, n in zip(padding, size, taps, x.shape[1:3], strict=True)]
    wide = np.pad(x.astype("float64"), [(0, 0), *margins, (0, 0)])
    dw, dwide = np.zeros(w.shape), np.zeros(wide.shape)
    for kh, kw in np.ndindex(*taps):
        place = slice(None), slice(kh, kh + size[0]), slice(kw, kw + size[1])
        dw[kh, kw] = np.einsum("nhwc,nhwo->co", wide[place], dz)
        dwide[place] += np.einsum("nhwo,co->nhwc", dz, w[kh, kw].astype("float64"))
    inside = [slice(p, p + n) for p, n in zip(padding, x.shape[1:3], strict=True)]
    return dw, dz.sum((0, 1, 2)), dwide[:, inside[0], inside[1]]


def run(x, w, dy, winner, padding):
    """dw, dbias and dx by the kernels."""
    dw, dbias, dx = np.full_like(w, np.nan), np.full(w.shape[3], np.nan, w.dtype), np.full_like(x, np.nan)
    cpu.pooled.conv2d_pool_grad_filter(x, dy, winner, padding, dw, dbias)
    cpu.pooled.conv2d_pool_grad_input(dy, winner, w, padding, dx)
    return dw, dbias, dx


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_gradients_from_winners_equal_the_dense_ones(geometry, dtype, rng):
    x, w, dy, winner = arrays(geometry, dtype, rng)
    expected = oracle(x, w, dy, winner, *geometry[2:])
    for found, exact in zip(run(x, w, dy, winner, geometry[2]), expected, strict=True):
        scale = np.abs(exact).max(initial=1)
        np.testing.assert_allclose(found, exact, rtol=0, atol=40 * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("alive", [0, 1])
def test_windows_that_all_live_or_all_do_not(alive, rng):
    geometry = GEOMETRIES[2]
    x, w, dy, winner = arrays(geometry, "float32", rng, alive)
    expected = oracle(x, w, dy, winner, *geometry[2:])
    for found, exact in zip(run(x, w, dy, winner, geometry[2]), expected, strict=True):
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-3 if alive else 0)


@pytest.mark.parametrize("channels", [1, 18])
@pytest.mark.parametrize("images", [1, 20])
def test_same_bits_for_any_number_of_threads(images, channels, same_bits, rng):
    geometry = ((images, 12, 14, channels), (3, 3, 21), (1, 1), (12, 14))
    x, w, dy, winner = arrays(geometry, "float32", rng)
    same_bits(lambda: run(x, w, dy, winner, geometry[2]))


@pytest.mark.parametrize("channels", [1, 5])
def test_what_relu_cut_off_is_not_read_even_if_it_is_nan(channels, rng):
    geometry = ((2, 8, 8, channels), (3, 3, 6), (1, 1), (8, 8))
    x, w, dy, winner = arrays(geometry, "float32", rng)
    dy[winner == 4] = np.nan
    assert all(np.isfinite(found).all() for found in run(x, w, dy, winner, geometry[2]))


@pytest.mark.parametrize("channels", [1, 5])
def test_nan_reaches_what_its_tap_reaches_and_no_more(channels, rng):
    geometry = ((2, 8, 8, channels), (3, 3, 6), (1, 1), (8, 8))
    x, w, dy, winner = arrays(geometry, "float32", rng)
    dy[0, 1, 1, 2], winner[0, 1, 1, 2] = np.nan, 3  # pixel (3, 3)
    dw, dbias, dx = run(x, w, dy, winner, geometry[2])
    reached = np.zeros(dx.shape, bool)
    reached[0, 2:5, 2:5] = True
    np.testing.assert_array_equal(np.isnan(dx), reached)
    np.testing.assert_array_equal(np.isnan(dw), np.broadcast_to(np.arange(6) == 2, dw.shape))
    np.testing.assert_array_equal(np.isnan(dbias), np.arange(6) == 2)


@pytest.mark.parametrize("outputs", [0, 36, 500])
@pytest.mark.parametrize("channels", [1, 3, 8, 16, 33, 256])
@pytest.mark.parametrize("taps", [(1, 1), (3, 3), (5, 5), (7, 7), (2, 9)])
def test_tiles_fit_the_registers_and_cover_the_filter(taps, channels, outputs):
    pooled = cpu.pooled
    (rows, across, lanes, ends), pixel = pooled._tile(taps, channels, outputs, 4)
    assert len(rows) * len(across) <= pooled.VECTOR_REGISTERS - pooled.SPARE_REGISTERS
    assert len(across) * len(lanes) >= taps[1] * pixel
    assert pixel in (sum(ends), channels)
    assert sum(ends) == len(ends) * len(lanes)


def test_it_pays_where_winners_have_much_to_multiply():
    assert cpu.pooled.pays((5, 5, 16, 36))
    assert cpu.pooled.pays((3, 3, 32, 64))
    assert cpu.pooled.pays((3, 3, 1, 32))
    assert not cpu.pooled.pays((1, 1, 16, 32))
