"""CUDA kernels on the emulated GPU: the CPU kernels' bits where the steps are the same, NumPy's float64 elsewhere."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single = np.float32
SPECIAL = [0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 88, -88, 100, -100, 1e-8]
ACTIVATIONS = {
    "relu": ((), "y"), "relu6": ((), "y"), "leaky_relu": ((0.2,), "x"), "elu": ((1.5, 1.1), "y"),
    "sigmoid": ((), "y"), "tanh": ((), "y"), "softplus": ((), "x"), "softsign": ((), "x"), "silu": ((1.2,), "x"),
    "gelu": ((), "x"), "gelu_tanh": ((), "x"),
}  # fmt: skip


def normal(rng, *shape):
    return rng.normal(size=shape).astype(single)


def outputs(*shape):
    return np.full(shape, np.nan, single), np.full(shape, np.nan, single)


def assert_same_bits(a, b):
    different = (a.view(np.int32) != b.view(np.int32)) & ~(np.isnan(a) & np.isnan(b))
    assert not different.any(), np.flatnonzero(different)[:10]


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("offset", [0, 1], ids=["aligned", "a view"])
def test_activations_have_the_bits_of_the_cpu(name, offset, cuda, rng):
    scalars, kept = ACTIVATIONS[name]
    scalars = [single(s) for s in scalars]
    x = np.concatenate([4 * normal(rng, 1100), SPECIAL]).astype(single)[offset:]
    dy = normal(rng, x.size)
    y, expected = outputs(x.size)
    getattr(cuda.activation, name)(x, *scalars, y)
    getattr(cpu.activation, name)(x, *scalars, expected)
    assert_same_bits(y, expected)
    dx, slope = outputs(x.size)
    read = x if kept == "x" else expected
    getattr(cuda.activation, f"{name}_grad")(dy, read, *scalars, dx)
    getattr(cpu.activation, f"{name}_grad")(dy, read, *scalars, slope)
    assert_same_bits(dx, slope)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "maximum", "minimum", "squared_difference"])
def test_operators_have_the_bits_of_the_cpu(name, cuda, rng):
    a, b, row = normal(rng, 640), normal(rng, 640), normal(rng, 10)
    a[3], b[7], b[9] = np.nan, np.nan, 0
    layout = np.array([[64, 10], [10, 1], [0, 1]], np.int64)  # (64, 10) and (10,)
    for left, right, table in ((a, b, None), (a, b[:1], None), (a[:1], b, None), (a, row, layout)):
        y, expected = outputs(640)
        getattr(cuda.elementwise, name)(left, right, table, y)
        getattr(cpu.elementwise, name)(left, right, table, expected)
        assert_same_bits(y, expected)


def test_products_do_not_depend_on_the_order_of_threads(gpu, cuda, rng):
    a, b, results = normal(rng, 1, 60, 700), normal(rng, 1, 700, 60), []
    for gpu.seed in (0, 1, 2):
        results.append(gpu.empty((1, 60, 60), single))
        cuda.matmul.matmul(a, b, False, False, results[-1])
    assert results[0].tobytes() == results[1].tobytes() == results[2].tobytes()


@pytest.mark.parametrize("shape", [(3, 5, 1), (2, 9000, 1), (2, 700, 37), (1, 3, 300), (2, 0, 3), (2, 0, 1)])
@pytest.mark.parametrize("name", ["sum", "max", "min", "mean"])
def test_reductions(name, shape, any_order, cuda, rng):
    x, y = normal(rng, *shape), any_order.empty((shape[0], shape[2]), single)
    getattr(cuda.reduction, f"reduce_{name}")(x, y)
    expected = any_order.empty(y.shape, single)
    getattr(cpu.reduction, f"reduce_{name}")(x, expected)
    np.testing.assert_allclose(y, expected, atol=1e-7 * max(1, shape[1]))
    if shape[1] and name in ("max", "min"):
        x[0, 1, 0] = np.nan
        getattr(cuda.reduction, f"reduce_{name}")(x, y)
        assert np.isnan(y[0, 0])
        assert not np.isnan(y[1:]).any()


@pytest.mark.parametrize("shape", [(10, 10), (9, 130), (2, 1100), (1, 1), (0, 4)])
def test_softmax_and_cross_entropies(shape, any_order, cuda, rng):
    logits, dy = 5 * normal(rng, *shape), normal(rng, *shape)
    y, expected = outputs(*shape)
    for name in ("softmax", "log_softmax"):
        getattr(cuda.softmax, name)(logits, y)
        getattr(cpu.softmax, name)(logits, expected)
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
        slope, wanted = outputs(*shape)
        getattr(cuda.softmax, f"{name}_grad")(dy, expected, slope)
        getattr(cpu.softmax, f"{name}_grad")(dy, expected, wanted)
        np.testing.assert_allclose(slope, wanted, rtol=1e-5, atol=1e-5)
    loss, wanted_loss = outputs(shape[0])
    for dtype in (np.int32, np.int64):
        labels = rng.integers(0, shape[1], shape[0]).astype(dtype)
        cuda.softmax.sparse_softmax_cross_entropy(logits, labels, loss, y)
        cpu.softmax.sparse_softmax_cross_entropy(logits, labels, wanted_loss, expected)
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(loss, wanted_loss, rtol=1e-6, atol=1e-6)
    shares = abs(dy) / abs(dy).sum(1, keepdims=True)
    cuda.softmax.softmax_cross_entropy(logits, shares, loss, y)
    cpu.softmax.softmax_cross_entropy(logits, shares, wanted_loss, expected)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(loss, wanted_loss, rtol=1e-5, atol=1e-6)
    cuda.softmax.scale_rows(loss, logits, y)
    np.testing.assert_array_equal(y, loss[:, None] * logits)


@pytest.mark.parametrize(
    ("name", "lists", "scalars"),
    [
        ("sgd", 2, (0.1,)),
        ("sgd_momentum", 3, (0.1, 0.9, 0.9, 1.0)),
        ("adam", 4, (0.01, 0.1, 0.001, 1e-7)),
        ("weight_decay", 1, (0.01,)),
    ],
)
def test_optimizers_update_all_variables(name, lists, scalars, gpu, cuda, rng):
    sizes, scalars = (10, 1024, 3000, 1), [single(s) for s in scalars]
    arrays = [[abs(normal(rng, size)) for size in sizes] for _ in range(lists)]
    twins = [[gpu.array(array) for array in each] for each in arrays]
    getattr(cuda.optimizer, name)(cuda.optimizer.table_of(*twins), *scalars)
    getattr(cpu.optimizer, name)(cpu.optimizer.table_of(*arrays), *scalars)
    for expected, got in zip(arrays, twins, strict=True):
        for a, b in zip(expected, got, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-7)


STREAM = np.uint64(0x123456789ABCDEF0), np.uint64(2**32 - 100), np.uint64(77)


@pytest.mark.parametrize("n", [1, 7, 5000])
def test_random_numbers_are_those_of_the_cpu(n, cuda, rng):
    words, expected_words = np.zeros((2, n), np.uint32)
    cuda.random.stream_words(*STREAM, words)
    cpu.random.stream_words(*STREAM, expected_words)
    np.testing.assert_array_equal(words, expected_words)
    y, expected = outputs(n)
    cuda.random.uniform(*STREAM, single(3), single(0.3), y)
    cpu.random.uniform(*STREAM, single(3), single(0.3), expected)
    assert_same_bits(y, expected)
    cuda.random.normal(*STREAM, single(3), single(0.3), y)
    cpu.random.normal(*STREAM, single(3), single(0.3), expected)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    x, (mask, expected_mask) = normal(rng, n), np.zeros((2, n), np.uint8)
    cuda.random.dropout(x, *STREAM, single(0.3), single(1 / 0.7), mask, y)
    cpu.random.dropout(x, *STREAM, single(0.3), single(1 / 0.7), expected_mask, expected)
    assert_same_bits(y, expected)
    np.testing.assert_array_equal(mask, expected_mask)
    cuda.random.dropout_grad(x, mask, single(2), y)
    cpu.random.dropout_grad(x, mask, single(2), expected)
    assert_same_bits(y, expected)
