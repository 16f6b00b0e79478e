"""Normalization on the emulated GPU against NumPy float64."""

import numpy as np
import pytest

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single = np.float32
EPSILON = single(1e-3)
CLOSE = {"rtol": 1e-5, "atol": 2e-5}


def drawn(rng, gpu, rows, size):
    """x, dy; gamma, beta; the same in float64; empty arrays for results, as x and as gamma."""
    x, dy = rng.normal(size=(2, rows, size)).astype(np.float32)
    gamma, beta = rng.normal(size=(2, size)).astype(np.float32)
    results = [gpu.empty(shape, np.float32) for shape in ((rows, size), (size,), (size,))]
    return x, dy, gamma, beta, [a.astype(np.float64) for a in (x, dy, gamma, beta)], results


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (1, 40), (700, 33), (9000, 5), (5, 0)])
def test_batch_norm_and_its_gradient(shape, any_order, cuda, rng):
    x, dy, gamma, beta, wide, (y, mean, variance) = drawn(rng, any_order, *shape)
    cuda.normalization.batch_statistics(x, mean, variance)
    cuda.normalization.batch_norm(x, gamma, beta, mean, variance, EPSILON, y)
    wide_x, wide_dy, wide_gamma, wide_beta = wide
    rstd = 1 / np.sqrt(wide_x.var(0) + 1e-3)
    xhat = (wide_x - wide_x.mean(0)) * rstd
    np.testing.assert_allclose(mean, wide_x.mean(0), **CLOSE)
    np.testing.assert_allclose(variance, wide_x.var(0), **CLOSE)
    np.testing.assert_allclose(y, wide_gamma * xhat + wide_beta, **CLOSE)
    dx, dgamma, dbeta = (any_order.empty(a.shape, np.float32) for a in (x, gamma, gamma))
    cuda.normalization.batch_norm_grad(dy, x, gamma, mean, variance, EPSILON, dx, dgamma, dbeta)
    slope = wide_dy * wide_gamma
    expected = (slope - slope.mean(0) - xhat * (slope * xhat).mean(0)) * rstd
    np.testing.assert_allclose(dx, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dgamma, (wide_dy * xhat).sum(0), rtol=1e-4, atol=2e-4)
    np.testing.assert_allclose(dbeta, wide_dy.sum(0), rtol=1e-4, atol=1e-4)


def test_no_rows_are_normalized_to_none_and_have_gradients_of_zero(gpu, cuda, rng):
    x, dy, gamma, beta, _, (y, dgamma, dbeta) = drawn(rng, gpu, 0, 3)
    cuda.normalization.batch_norm(x, gamma, beta, beta, gamma**2, EPSILON, y)
    cuda.normalization.batch_norm_grad(dy, x, gamma, beta, gamma**2, EPSILON, y, dgamma, dbeta)
    assert (dgamma == 0).all()
    assert (dbeta == 0).all()


def test_a_large_mean_costs_no_digits_of_the_variance(gpu, cuda, rng):
    x = (1e4 + rng.normal(size=(5000, 2))).astype(np.float32)
    mean, variance = gpu.empty((2,), np.float32), gpu.empty((2,), np.float32)
    cuda.normalization.batch_statistics(x, mean, variance)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(0), rtol=1e-5)
    np.testing.assert_allclose(mean, x.astype(np.float64).mean(0), rtol=1e-7)


def test_neither_a_mean_of_a_million_deviations_nor_a_first_number_far_away_costs_digits(any_order, cuda, rng):
    x = (1000 + 1e-3 * rng.normal(size=(3000, 3))).astype(single)
    x[:, 1], x[0, 2] = 7.3, 1e6
    mean, variance = any_order.empty((3,), single), any_order.empty((3,), single)
    cuda.normalization.batch_statistics(x, mean, variance)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(0), rtol=2e-5)
    assert variance[1] == 0


def test_there_is_room_for_more_channels_than_blocks_along_the_second_axis_of_a_grid(gpu, cuda, monkeypatch):
    grids, (wide, row) = [], (np.broadcast_to(single(0), shape) for shape in ((3, 2**22), (2**22,)))  # not in memory
    monkeypatch.setattr(gpu, "launch", lambda kernel, grid, *rest: grids.append(grid))
    cuda.normalization.batch_statistics(wide, row, row)
    cuda.normalization.batch_norm(wide, row, row, row, row, EPSILON, wide)
    cuda.normalization.batch_norm_grad(wide, wide, row, row, row, EPSILON, wide, row, row)
    cuda.layer_norm.layer_norm_grad(wide, wide, row, row, row, wide, row, row)
    assert len(grids) == 9
    assert all(2**17 <= x < 2**31 or x == 3 for x, _, _ in grids)  # 3: a block for each row
    assert all((y, z) == (1, 1) for _, y, z in grids)


@pytest.mark.parametrize("shape", [(1, 1), (13, 33), (3, 1500), (600, 5), (0, 4), (3, 0)])
def test_layer_norm_and_its_gradient(shape, any_order, cuda, rng):
    x, dy, gamma, beta, wide, (y, dgamma, dbeta) = drawn(rng, any_order, *shape)
    mean, rstd = (any_order.empty(shape[:1], np.float32) for _ in range(2))
    cuda.layer_norm.layer_norm(x, gamma, beta, EPSILON, y, mean, rstd)
    wide_x, wide_dy, wide_gamma, wide_beta = wide
    size = max(1, shape[1])
    center = wide_x.sum(1, keepdims=True) / size
    root = 1 / np.sqrt(((wide_x - center) ** 2).sum(1, keepdims=True) / size + 1e-3)
    xhat = (wide_x - center) * root
    np.testing.assert_allclose(mean, center[:, 0], **CLOSE)
    np.testing.assert_allclose(rstd, root[:, 0], **CLOSE)
    np.testing.assert_allclose(y, wide_gamma * xhat + wide_beta, **CLOSE)
    dx = any_order.empty(shape, np.float32)
    cuda.layer_norm.layer_norm_grad(dy, x, gamma, mean, rstd, dx, dgamma, dbeta)
    g = wide_gamma * wide_dy
    along, across = (a.sum(1, keepdims=True) / size for a in (g, g * xhat))
    np.testing.assert_allclose(dx, root * (g - along - xhat * across), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dgamma, (wide_dy * xhat).sum(0), rtol=1e-4, atol=2e-4)
    np.testing.assert_allclose(dbeta, wide_dy.sum(0), rtol=1e-4, atol=1e-4)
