"""Batch normalization kernels against NumPy float64."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

EPSILON = 1e-3


def normalize(x, gamma, beta):
    outputs = np.empty_like(x), np.empty_like(gamma), np.empty_like(gamma)
    y, mean, variance = outputs
    cpu.normalization.batch_statistics(x, mean, variance)
    cpu.normalization.batch_norm(x, gamma, beta, mean, variance, x.dtype.type(EPSILON), y)
    return outputs


def gradients(dy, x, gamma, mean, variance):
    outputs = np.empty_like(x), np.empty_like(gamma), np.empty_like(gamma)
    cpu.normalization.batch_norm_grad(dy, x, gamma, mean, variance, x.dtype.type(EPSILON), *outputs)
    return outputs


def drawn(rng, shape, dtype):
    numbers = rng.standard_normal((2, *shape)), rng.standard_normal((2, shape[1]))
    return [a.astype(dtype) for a in (*numbers[0], *numbers[1])]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 3), (129, 17), (1000, 36), (5, 0)])
def test_training_and_its_gradient_equal_the_oracle(rng, shape, dtype):
    x, dy, gamma, beta = drawn(rng, shape, dtype)
    y, mean, variance = normalize(x, gamma, beta)
    wide, wide_dy = x.astype("float64"), dy.astype("float64")
    xhat = (wide - wide.mean(0)) / np.sqrt(wide.var(0) + EPSILON)
    close = {"rtol": 0, "atol": 1000 * np.finfo(dtype).eps}
    np.testing.assert_allclose(mean, wide.mean(0), **close)
    np.testing.assert_allclose(variance, wide.var(0), **close)
    np.testing.assert_allclose(y, gamma * xhat + beta, **close)
    dx, dgamma, dbeta = gradients(dy, x, gamma, mean, variance)
    dxhat = wide_dy * gamma
    expected = (dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0)) / np.sqrt(wide.var(0) + EPSILON)
    np.testing.assert_allclose(dgamma, (wide_dy * xhat).sum(0), **close)
    np.testing.assert_allclose(dbeta, wide_dy.sum(0), **close)
    np.testing.assert_allclose(dx, expected, **close)


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (300, 7)])
def test_inference_equals_the_oracle(rng, shape):
    x, _, gamma, beta = drawn(rng, shape, "float32")
    mean, variance = beta * 2, gamma**2
    y = np.empty_like(x)
    cpu.normalization.batch_norm(x, gamma, beta, mean, variance, np.float32(EPSILON), y)
    expected = gamma * (x - mean.astype("float64")) / np.sqrt(variance + EPSILON) + beta
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_a_large_mean_costs_no_digits_of_the_variance(rng):
    x = (1e4 + rng.standard_normal((5000, 2))).astype("float32")
    one, zero = np.ones(2, "float32"), np.zeros(2, "float32")
    _, mean, variance = normalize(x, one, zero)
    np.testing.assert_allclose(mean, x.mean(0, "float64"), rtol=3e-7)
    np.testing.assert_allclose(variance, x.var(0, "float64"), rtol=1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
def test_nan_stays_in_its_channel(rng):
    x, _, gamma, beta = drawn(rng, (20, 3), "float32")
    x[4, 1] = np.nan
    y, _, _ = normalize(x, gamma, beta)
    np.testing.assert_array_equal(np.isnan(y).all(0), [False, True, False])
    assert not np.isnan(y[:, [0, 2]]).any()


def test_same_bits_for_any_number_of_threads(rng, same_bits):
    x, dy, gamma, beta = drawn(rng, (3001, 17), "float32")

    def run():
        y, mean, variance = normalize(x, gamma, beta)
        return y, mean, variance, *gradients(dy, x, gamma, mean, variance)

    same_bits(run)
