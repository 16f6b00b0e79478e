"""Stores past the caches: the same bits as the plain loops, wherever the output lies."""

import numba
import numpy as np
import pytest

from microdl.core import kernels

kernel, inner = kernels.support("jit").kernel, kernels.support("jit").inner
simd, streams = kernels.cpu.simd, kernels.cpu.streams
stream, broadcast = streams.stream, kernels.cpu.vectors.broadcast
LARGE = simd.LAST_LEVEL_BYTES // 4 + 5  # float32 elements that no cache holds

large = pytest.mark.skipif(
    numba.config.DISABLE_JIT or simd.LAST_LEVEL_BYTES > 100 << 20, reason="takes long, or much memory"
)


@inner
def _weighted(a, b, weight):
    return a + weight * b


@kernel
def _sum(a, b, weight, y):
    stream(_weighted, broadcast(weight, y), a, b, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", range(5))
def test_streams_write_their_elements_only(rng, offset, dtype):
    for size in (0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 100):
        a, b = rng.integers(-9, 9, (2, size)).astype(dtype)
        y = np.full(size + 10, 7, dtype)
        _sum(a, b, y.dtype.type(3), y[offset : offset + size])
        np.testing.assert_array_equal(y[offset : offset + size], a + 3 * b)
        assert (y[:offset] == 7).all()
        assert (y[offset + size :] == 7).all()


def same_as_small(run, *arrays):
    """Whether ``run`` of large arrays (reads and one output, flat) gives what it gives of their parts."""
    *reads, y = [array[1:] for array in arrays]  # off the alignment
    run(*reads, y)
    for start in range(0, y.size, 1 << 20):
        parts = [read[start : start + (1 << 20)] for read in reads]
        expected = np.empty_like(parts[0])
        run(*parts, expected)
        np.testing.assert_array_equal(y[start : start + expected.size].view("uint32"), expected.view("uint32"))


def values(rng):
    x = rng.standard_normal(LARGE, "float32")
    x[rng.integers(0, LARGE, 1000)] = rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], 1000)
    return x


@large
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "relu_grad", "leaky_relu_grad"])
def test_large_activations_have_the_bits_of_small_ones(name, rng):
    function, alpha = getattr(kernels.cpu.activation, name), [np.float32(0.2)] * name.startswith("leaky")
    reads = [values(rng) for _ in range(1 + name.endswith("grad"))]
    same_as_small(lambda *arrays: function(*arrays[:-1], *alpha, arrays[-1]), *reads, np.empty(LARGE, "float32"))


@large
@pytest.mark.parametrize("channels", [1, 16, 37, 1000])
def test_large_layers_have_the_bits_of_small_ones(channels, rng):
    rows = LARGE // channels + 1
    x, bias = rng.standard_normal((rows, channels), "float32"), rng.standard_normal(channels, "float32")
    y = np.empty(x.size + 1, "float32")[1:].reshape(x.shape)
    kernels.cpu.bias.bias_add(x, bias, y)
    np.testing.assert_array_equal(y, x + bias)
    last = slice(rows - 50, rows)
    part = np.empty_like(x[last])
    for inputs, output in ((x, y), (x[last], part)):
        kernels.cpu.normalization.batch_norm(inputs, bias, bias, bias, bias * bias, np.float32(1e-3), output)
    np.testing.assert_array_equal(y[last], part)


def test_the_size_of_the_last_cache_is_read_or_usual(tmp_path):
    assert simd._last_level_bytes(tmp_path) == simd.USUAL_CACHE
    for index, size in enumerate(("32K", "1024K", "24M", "odd")):
        (tmp_path / f"index{index}").mkdir()
        (tmp_path / f"index{index}" / "size").write_text(size + "\n")
    assert simd._last_level_bytes(tmp_path) == 24 << 20
