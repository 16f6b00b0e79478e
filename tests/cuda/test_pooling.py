"""Pools on the emulated GPU: the CPU's bits of maxima and their gradients, its averages within rounding."""

import numpy as np
import pytest

from microdl.core.kernels import Kernels

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single, cpu = np.float32, Kernels("cpu")
# image; window, stride, pad; size of the output
CASES = {
    "2 x 2": ((2, 6, 8, 4), (2, 2), (2, 2), (0, 0), (3, 4)),
    "any channels": ((2, 5, 7, 3), (2, 2), (2, 2), (0, 0), (2, 3)),
    "windows that overlap": ((1, 7, 9, 8), (3, 3), (2, 1), (1, 1), (4, 9)),
    "steps over pixels": ((1, 9, 8, 5), (2, 1), (3, 4), (0, 0), (3, 2)),
    "padding at the end": ((2, 5, 5, 4), (2, 3), (2, 2), (0, 1), (3, 3)),
    "one pixel": ((3, 1, 1, 4), (1, 1), (1, 1), (0, 0), (1, 1)),
    "large windows": ((1, 18, 17, 2), (18, 17), (1, 1), (2, 3), (5, 6)),
    "no images": ((0, 4, 4, 4), (2, 2), (2, 2), (0, 0), (2, 2)),
}


def assert_same_bits(a, b):
    np.testing.assert_array_equal(np.where(np.isnan(a), single(np.nan), a), np.where(np.isnan(b), single(np.nan), b))


@pytest.mark.parametrize("name", CASES)
def test_max_pool_and_its_gradients(name, any_order, cuda, rng):
    image, window, stride, pad, size = CASES[name]
    shape, dtype = (image[0], *size, image[3]), np.uint8 if window[0] * window[1] <= 256 else np.int32
    x = rng.integers(-3, 3, image).astype(single)  # many equal numbers
    if x.size > 40:
        x[0, :2, :2, 0], x[0, 3, 3, 1:], x[0, 4] = np.nan, np.nan, -np.inf
    dy, ddx = rng.normal(size=shape).astype(single), rng.normal(size=image).astype(single)
    results = []
    for pooling in (cuda.pooling, cpu.pooling):
        y, winner, dx, ddy = (
            any_order.empty(s, d) for s, d in ((shape, single), (shape, dtype), (image, single), (shape, single))
        )
        pooling.max_pool2d(x, window, stride, pad, y, winner)
        pooling.max_pool2d_grad(dy, winner, window, stride, pad, dx)
        pooling.max_pool2d_grad_grad(ddx, winner, window, stride, pad, ddy)
        results.append((y, winner, dx, ddy))
    for got, expected in zip(*results, strict=True):
        assert_same_bits(got, expected)


@pytest.mark.parametrize("name", CASES)
def test_average_pool_and_its_gradient(name, any_order, cuda, rng):
    image, window, stride, pad, size = CASES[name]
    x, dy = rng.normal(size=image).astype(single), rng.normal(size=(image[0], *size, image[3])).astype(single)
    results = []
    for pooling in (cuda.pooling, cpu.pooling):
        y, dx = any_order.empty(dy.shape, single), any_order.empty(image, single)
        pooling.avg_pool2d(x, window, stride, pad, y)
        pooling.avg_pool2d_grad(dy, window, stride, pad, dx)
        results.append((y, dx))
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)  # the CPU may multiply by 1 / count


def test_views_that_begin_anywhere_are_pooled(any_order, cuda, rng):
    x = any_order.empty(1 + 2 * 4 * 4 * 4, single)[1:].reshape(2, 4, 4, 4)
    x[...] = rng.normal(size=x.shape)
    y, winner = any_order.empty((2, 2, 2, 4), single), any_order.empty((2, 2, 2, 4), np.uint8)
    cuda.pooling.max_pool2d(x, (2, 2), (2, 2), (0, 0), y, winner)
    np.testing.assert_array_equal(y, x.reshape(2, 2, 2, 2, 2, 4).max((2, 4)))
