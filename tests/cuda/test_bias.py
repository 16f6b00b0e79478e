"""Bias kernels on the emulated GPU: the CPU's sums, rows of any length, aligned or not."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)


@pytest.mark.parametrize("shape", [(7, 3), (33, 16), (5, 1), (0, 4), (2, 4099)])
@pytest.mark.parametrize("offset", [0, 1], ids=["aligned", "a view"])
def test_bias_and_its_gradient(shape, offset, any_order, cuda, rng):
    rows, channels = shape
    x = rng.normal(size=rows * channels + offset).astype(np.float32)[offset:].reshape(shape)
    bias = rng.normal(size=channels).astype(np.float32)
    y, dbias = np.full(shape, np.nan, np.float32), np.full(channels, np.nan, np.float32)
    cuda.bias.bias_add(x, bias, y)
    np.testing.assert_array_equal(y, x + bias)
    cuda.bias.bias_add_grad(x, dbias)
    exact, error = x.astype(np.float64).sum(axis=0), 2 * max(rows, 1) * np.finfo(np.float32).eps
    np.testing.assert_allclose(dbias, exact, rtol=0, atol=error * np.abs(x).max(initial=1))


def test_bias_has_the_bits_of_the_cpu(cuda, rng):
    x, bias = rng.normal(size=(65, 24)).astype(np.float32), rng.normal(size=24).astype(np.float32)
    y, expected = np.empty_like(x), np.empty_like(x)
    cuda.bias.bias_add(x, bias, y)
    cpu.bias.bias_add(x, bias, expected)
    np.testing.assert_array_equal(y, expected)
