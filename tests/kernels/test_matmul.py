"""Matrix products against NumPy in float64."""

import numba
import numpy as np
import pytest

from microdl.core.kernels import cpu

matmul, matmul_bias = cpu.matmul.matmul, cpu.matmul.matmul_bias
FLAGS = [(a, b) for a in (False, True) for b in (False, True)]
# batch of a, batch of b, m, k, n: empty and single axes, less and more than a tile, blocks of rows, columns and depth
SIZES = [
    (1, 1, 1, 1, 1),
    (2, 2, 5, 7, 3),
    (3, 1, 6, 8, 16),
    (1, 3, 13, 4, 17),
    (2, 2, 0, 3, 4),
    (2, 2, 3, 0, 4),
    (2, 2, 3, 4, 0),
    (0, 0, 3, 4, 5),
    (1, 1, 7, 600, 9),
    (1, 1, 200, 5, 70),
    (3, 1, 1, 37, 150),
    (1, 3, 150, 37, 1),
    (2, 2, 1, 0, 3),
    (0, 0, 1, 4, 5),
    (0, 0, 5, 4, 1),
]
# so large that tasks share what is packed: one part of op(b) or several, one b for the batch or many
LARGE = [(1, 1, 310, 300, 300), (2, 1, 330, 70, 1000), (2, 2, 301, 520, 140), (1, 1, 290, 2100, 600)]


def operands(rng, sizes, transpose_a, transpose_b, dtype):
    batch_a, batch_b, m, k, n = sizes
    a = rng.normal(size=(batch_a, k, m) if transpose_a else (batch_a, m, k)).astype(dtype)
    b = rng.normal(size=(batch_b, n, k) if transpose_b else (batch_b, k, n)).astype(dtype)
    batch = batch_a if batch_b == 1 else batch_b
    return a, b, np.full((batch, m, n), np.nan, dtype)


def product(a, b, transpose_a, transpose_b):
    a, b = a.astype("float64"), b.astype("float64")
    return (a.swapaxes(1, 2) if transpose_a else a) @ (b.swapaxes(1, 2) if transpose_b else b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("flags", FLAGS, ids=["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_matmul_equals_numpy(sizes, flags, dtype, rng):
    a, b, c = operands(rng, sizes, *flags, dtype)
    matmul(a, b, *flags, c)
    error = 8 * np.finfo(dtype).eps * np.sqrt(max(1, sizes[3])) * 4
    np.testing.assert_allclose(c, product(a, b, *flags), rtol=0, atol=error)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="the JIT is off: this takes too long")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("flags", FLAGS, ids=["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("sizes", LARGE, ids=str)
def test_large_matmul_equals_numpy(sizes, flags, dtype, rng):
    a, b, c = operands(rng, sizes, *flags, dtype)
    bias = rng.normal(size=sizes[4]).astype(dtype)
    matmul_bias(a, b, *flags, bias, 1, c)
    error = 32 * np.finfo(dtype).eps * np.sqrt(sizes[3])
    np.testing.assert_allclose(c, np.maximum(0, product(a, b, *flags) + bias), rtol=0, atol=error)


@pytest.mark.parametrize("activation", [0, 1])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("sizes", [(2, 2, 7, 270, 19), (2, 1, 1, 9, 70), (1, 1, 8, 9, 1), (1, 1, 5, 0, 3)], ids=str)
def test_bias_and_activation_come_after_the_last_sum(sizes, with_bias, activation, rng):
    a, b, c = operands(rng, sizes, False, False, "float32")
    bias = rng.normal(size=sizes[4] if with_bias else 0).astype("float32")
    matmul_bias(a, b, False, False, bias, activation, c)
    expected = product(a, b, False, False) + (bias if with_bias else 0)
    expected = np.maximum(0, expected) if activation else expected
    np.testing.assert_allclose(c, expected, rtol=0, atol=32 * np.finfo("float32").eps * np.sqrt(max(1, sizes[3])))


def test_relu_lets_nan_pass(rng):
    for rows in (1, 5):
        a, b, c = operands(rng, (1, 1, rows, 4, 7), False, False, "float32")
        b[0, 2, 3] = np.nan
        matmul_bias(a, b, False, False, np.zeros(7, "float32"), 1, c)
        assert np.isnan(c[0, :, 3]).all()
        assert not np.isnan(np.delete(c[0], 3, axis=1)).any()


@pytest.mark.parametrize("flags", FLAGS, ids=["nn", "nt", "tn", "tt"])
def test_nan_and_inf_stay_in_their_row_and_column(flags, rng):
    a, b, c = operands(rng, (1, 1, 8, 5, 19), *flags, "float32")
    a[0][(2, 3) if flags[0] else (3, 2)] = np.nan
    b[0][(4, 1) if flags[1] else (1, 4)] = np.inf
    matmul(a, b, *flags, c)
    assert np.isnan(c[0, 3]).all()
    assert np.isinf(np.delete(c[0, :, 4], 3)).all()
    assert np.isfinite(np.delete(np.delete(c[0], 3, axis=0), 4, axis=1)).all()


@pytest.mark.parametrize("flags", FLAGS, ids=["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("sizes", [(1, 1, 250, 300, 70), (2, 1, 300, 300, 300), (1, 1, 1, 900, 300)], ids=str)
def test_same_bits_for_any_number_of_threads(sizes, flags, same_bits, rng):
    a, b, c = operands(rng, sizes, *flags, "float32")

    def run():
        matmul(a, b, *flags, c)
        return [c.copy()]

    same_bits(run)
