"""Matrix products against NumPy in float64."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

matmul = cpu.matmul.matmul
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
]


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
def test_same_bits_for_any_number_of_threads(flags, same_bits, rng):
    a, b, c = operands(rng, (1, 1, 250, 300, 70), *flags, "float32")

    def run():
        matmul(a, b, *flags, c)
        return [c.copy()]

    same_bits(run)
