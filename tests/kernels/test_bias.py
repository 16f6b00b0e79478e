"""Bias kernels against NumPy float64."""

import numpy as np
import pytest

from microdl.core.kernels import cpu


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (129, 17), (1000, 36), (0, 4), (4, 0), (128, 1)])
def test_bias_and_its_gradient_equal_the_oracle(rng, shape, dtype):
    x, bias = rng.standard_normal(shape).astype(dtype), rng.standard_normal(shape[1]).astype(dtype)
    y, dbias = np.empty_like(x), np.empty_like(bias)
    cpu.bias.bias_add(x, bias, y)
    cpu.bias.bias_add_grad(x, dbias)
    np.testing.assert_array_equal(y, x + bias)
    np.testing.assert_allclose(dbias, x.sum(0, "float64"), rtol=0, atol=1000 * np.finfo(dtype).eps)


def test_long_columns_keep_their_digits():
    column = np.full((300_000, 1), 0.1, "float32")
    dbias = np.empty(1, "float32")
    cpu.bias.bias_add_grad(column, dbias)
    np.testing.assert_allclose(dbias, 300_000 * float(np.float32(0.1)), rtol=2e-6)


def test_same_bits_for_any_number_of_threads(rng, same_bits):
    x = rng.standard_normal((3001, 36), "float32")

    def run():
        y, dbias = np.empty_like(x), np.empty(36, "float32")
        cpu.bias.bias_add(x, x[0], y)
        cpu.bias.bias_add_grad(x, dbias)
        return y, dbias

    same_bits(run)
