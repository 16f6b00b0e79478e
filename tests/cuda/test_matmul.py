"""Matrix products on the emulated GPU against NumPy float64: every kind of tile, rows and columns, parts of a depth."""

import itertools

import numpy as np
import pytest

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single = np.float32
FLAGS = list(itertools.product((False, True), repeat=2))


def drawn(rng, batch, m, n, k, transpose_a, transpose_b, shared=True):
    """a, b, bias, and op(a) op(b) in float64; b serves the whole batch if ``shared``."""
    a = rng.normal(size=(batch, *((k, m) if transpose_a else (m, k)))).astype(single)
    b = rng.normal(size=(1 if shared else batch, *((n, k) if transpose_b else (k, n)))).astype(single)
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    exact = (wide_a.swapaxes(1, 2) if transpose_a else wide_a) @ (wide_b.swapaxes(1, 2) if transpose_b else wide_b)
    return a, b, rng.normal(size=n).astype(single), exact


@pytest.mark.parametrize(("transpose_a", "transpose_b"), FLAGS)
@pytest.mark.parametrize("tile", [(16, 16), (64, 64), (128, 64), (128, 128)])
def test_every_tile(tile, transpose_a, transpose_b, gpu, cuda, rng, monkeypatch):
    for seed, (batch, m, n, k, parts) in enumerate([(1, 130, 71, 21, 1), (2, 20, 132, 20, 2), (1, 2, 3, 1, 1)]):
        monkeypatch.setattr(cuda.matmul, "plan", lambda *sizes, parts=parts: (tile, parts))
        gpu.seed = 5 * seed
        a, b, bias, exact = drawn(rng, batch, m, n, k, transpose_a, transpose_b)
        c = gpu.empty((batch, m, n), single)
        if parts == 1:
            cuda.matmul.matmul(a, b, transpose_a, transpose_b, c)
            np.testing.assert_allclose(c, exact, atol=1e-6 * k)
        cuda.matmul.matmul_bias(a, b, transpose_a, transpose_b, bias, 1, c)
        np.testing.assert_allclose(c, np.maximum(exact + bias, 0), atol=1e-6 * k + 1e-6)


@pytest.mark.parametrize(("transpose_a", "transpose_b"), FLAGS)
@pytest.mark.parametrize(("batch", "m", "n", "k"), [(2, 1, 70, 36), (3, 45, 1, 7), (1, 1, 1, 5000), (1, 1, 33, 1030)])
def test_rows_and_columns(batch, m, n, k, transpose_a, transpose_b, any_order, cuda, rng):
    a, b, bias, exact = drawn(rng, batch, m, n, k, transpose_a, transpose_b, shared=m == 1)
    c = any_order.empty((batch, m, n), single)
    cuda.matmul.matmul(a, b, transpose_a, transpose_b, c)
    np.testing.assert_allclose(c, exact, atol=4e-6 * np.sqrt(k))
    cuda.matmul.matmul_bias(a, b, transpose_a, transpose_b, bias, 1, c)
    np.testing.assert_allclose(c, np.maximum(exact + bias, 0), atol=4e-6 * np.sqrt(k))


@pytest.mark.parametrize(("m", "n", "k"), [(0, 4, 3), (1, 0, 3), (3, 4, 0), (1, 5, 0), (5, 1, 0)])
def test_products_of_nothing(m, n, k, gpu, cuda, rng):
    bias, c = rng.normal(size=n).astype(single), gpu.empty((1, m, n), single)
    cuda.matmul.matmul_bias(np.zeros((1, m, k), single), np.zeros((1, k, n), single), False, False, bias, 0, c)
    np.testing.assert_array_equal(c, np.broadcast_to(bias, c.shape))


@pytest.mark.parametrize(("m", "n"), [(1, 9), (9, 1), (33, 36), (80, 132)])
def test_where_arrays_begin_changes_no_bits(m, n, gpu, cuda, rng):
    a, b = rng.normal(size=m * 40 + 1).astype(single), rng.normal(size=40 * n + 1).astype(single)
    results = []
    for offset in (0, 1):
        moved = np.roll(a, offset)[offset : offset + m * 40], np.roll(b, offset)[offset : offset + 40 * n]
        c = gpu.empty((1, m, n), single)
        cuda.matmul.matmul(moved[0].reshape(1, m, 40), moved[1].reshape(1, n, 40), False, True, c)
        results.append(c.tobytes())
    assert results[0] == results[1]


def test_nan_stays_nan_behind_relu(gpu, cuda):
    for m, n in ((1, 40), (20, 20)):
        a, c = np.full((1, m, 8), np.nan, single), gpu.empty((1, m, n), single)
        cuda.matmul.matmul_bias(a, np.ones((1, 8, n), single), False, False, None, 1, c)
        assert np.isnan(c).all()


@pytest.mark.parametrize(("transpose_a", "transpose_b"), FLAGS)
def test_tensor_cores_multiply_numbers_rounded_to_tf32(transpose_a, transpose_b, gpu, cuda, rng, monkeypatch):
    for batch, m, n, k, parts in ((2, 132, 24, 36, 1), (1, 65, 130, 19, 1), (1, 30, 140, 70, 2)):
        monkeypatch.setattr(cuda.matmul, "plan", lambda *sizes, parts=parts: ((128, 128, "tf32"), parts))
        a, b, bias, exact = drawn(rng, batch, m, n, k, transpose_a, transpose_b)
        c, rounded = gpu.empty((batch, m, n), single), gpu.empty((batch, m, n), single)
        cuda.matmul.matmul_bias(a, b, transpose_a, transpose_b, bias, 1, c)
        np.testing.assert_allclose(c, np.maximum(exact + bias, 0), atol=3e-3 * np.sqrt(k))
        a, b = ((x.view(np.int32) + 4096 & -8192).view(single) for x in (a, b))  # ten bits after the point
        cuda.matmul.matmul(a, b, transpose_a, transpose_b, c)
        monkeypatch.undo()
        cuda.matmul.matmul(a, b, transpose_a, transpose_b, rounded)
        np.testing.assert_allclose(c, rounded, atol=1e-6 * k)


def test_tensor_cores_are_used_where_they_are_allowed(cuda):
    plan = cuda.partition.plan
    assert not cuda.tensor_cores.allowed()
    assert plan(1, 1024, 1024, 1024, True)[0] == (128, 128, "tf32")
    assert plan(1, 1024, 1024, 1024, False)[0] == (128, 128)
    cuda.tensor_cores.allow(True)
    assert cuda.tensor_cores.allowed()
    cuda.tensor_cores.allow(False)


@pytest.mark.parametrize(("m", "k", "n"), [(2**16, 2**16, 2), (2**17, 2, 2**15), (2**16, 2**16, 1), (2, 2**18, 2**14)])
def test_matrices_with_more_elements_than_kernels_count_are_refused(m, k, n, cuda):
    a, b, c = (np.broadcast_to(single(0), (3, *shape)) for shape in ((m, k), (k, n), (m, n)))  # none in memory
    with pytest.raises(ValueError, match="up to 4294967295 elements, got"):
        cuda.matmul.matmul(a, b, False, False, c)


def test_plans_suit_their_products(cuda):
    def plan(*sizes):
        return cuda.partition.plan(*sizes, False)

    assert plan(1, 4096, 4096, 4096) == ((128, 128), 1)
    assert plan(1, 10, 10, 64) == ((16, 16), 1)
    assert plan(1, 128, 128, 100_000)[1] > 16  # few tiles, a long way
    assert plan(1, 64, 64, 200_000)[1] > 132  # a filter of one pixel: work for every multiprocessor
    assert plan(4096, 64, 64, 64)[0] == (64, 64)
    for sizes in itertools.product((1, 3), (2, 100, 3000), (2, 100, 3000), (1, 100, 5000)):
        parts = plan(*sizes)[1]
        assert parts == 1 or sizes[3] // parts >= 64
