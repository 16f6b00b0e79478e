"""Softmax and cross entropy kernels against NumPy float64."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

DTYPES = ["float32", "float64"]
SHAPES = [(1, 1), (5, 10), (7, 33), (0, 4), (3, 0)]


def log_softmax(x):
    x = x.astype("float64")
    if not x.size:
        return x
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def run(name, *arrays, outputs):
    results = tuple(np.empty(shape, arrays[0].dtype) for shape in outputs)
    getattr(cpu.softmax, name)(*arrays, *results)
    return results[0] if len(results) == 1 else results


def close(actual, expected, units=16):
    np.testing.assert_allclose(
        actual, expected, rtol=units * np.finfo(actual.dtype).eps, atol=units * np.finfo(actual.dtype).eps
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("offset", [0, 1e4])
def test_softmax_and_log_softmax_equal_the_oracle(rng, shape, dtype, offset):
    x = (offset + 5 * rng.standard_normal(shape)).astype(dtype)
    dy = rng.standard_normal(shape).astype(dtype)
    logs = log_softmax(x)
    p = np.exp(logs)
    y, log_y = run("softmax", x, outputs=[shape]), run("log_softmax", x, outputs=[shape])
    close(y, p)
    close(log_y, logs)
    close(run("softmax_grad", dy, y, outputs=[shape]), p * (dy - (dy * p).sum(-1, keepdims=True)), 32)
    close(run("log_softmax_grad", dy, log_y, outputs=[shape]), dy - p * dy.sum(-1, keepdims=True, dtype="float64"), 64)


@pytest.mark.parametrize("labels_dtype", ["int32", "int64"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES[:4])
@pytest.mark.parametrize("offset", [0, 1e4])
def test_sparse_cross_entropy_equals_the_oracle(rng, shape, dtype, labels_dtype, offset):
    x = (offset + 5 * rng.standard_normal(shape)).astype(dtype)
    labels = rng.integers(0, shape[1], shape[0]).astype(labels_dtype)
    loss, backprop = run("sparse_softmax_cross_entropy", x, labels, outputs=[shape[:1], shape])
    logs = log_softmax(x)
    close(loss, -logs[np.arange(shape[0]), labels])
    close(backprop, np.exp(logs) - np.eye(shape[1])[labels])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("offset", [0, 1e4])
def test_dense_cross_entropy_equals_the_oracle(rng, shape, dtype, offset):
    x = (offset + 5 * rng.standard_normal(shape)).astype(dtype)
    labels = rng.dirichlet(np.ones(max(shape[1], 1)), shape[0])[:, : shape[1]].astype(dtype)
    loss, backprop = run("softmax_cross_entropy", x, labels, outputs=[shape[:1], shape])
    logs = log_softmax(x)
    close(loss, -(labels * logs).sum(-1))
    close(backprop, np.exp(logs) - labels)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [*SHAPES, (300, 10), (40, 128)])
def test_rows_are_scaled(rng, shape, dtype):
    factors, x = rng.standard_normal(shape[:1]).astype(dtype), rng.standard_normal(shape).astype(dtype)
    np.testing.assert_array_equal(run("scale_rows", factors, x, outputs=[shape]), factors[:, None] * x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_cross_entropy_equals_the_oracle_in_the_tails(rng, dtype):
    x = np.concatenate([rng.standard_normal(4100), [0, 500, -500, 30, -30]]).astype(dtype)
    z = rng.random(x.shape).astype(dtype)
    wide = x.astype("float64")
    expected = np.logaddexp(0, wide) - wide * z
    close(run("sigmoid_cross_entropy", x, z, outputs=[x.shape]), expected)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
def test_infinite_logits():
    x = np.array([[0, -np.inf, 0], [np.inf, 0, 0], [np.nan, 0, 1], [0, 1, np.nan]], "float32")
    y = run("softmax", x, outputs=[x.shape])
    np.testing.assert_array_equal(y[0], [0.5, 0, 0.5])
    assert np.isnan(y[1:].sum(-1)).all()
    assert np.isnan(y[2:]).all()
    loss, backprop = run("softmax_cross_entropy", x[:1], np.array([[1, 0, 0]], "float32"), outputs=[(1,), (1, 3)])
    np.testing.assert_allclose(loss, [np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(backprop, [[-0.5, 0, 0.5]])


def test_same_bits_for_any_number_of_threads(rng, same_bits):
    x = rng.standard_normal((1501, 37), "float32")
    labels = rng.integers(0, 37, 1501)

    def everything():
        y = run("softmax", x, outputs=[x.shape])
        return (
            y,
            run("softmax_grad", x, y, outputs=[x.shape]),
            run("log_softmax", x, outputs=[x.shape]),
            run("log_softmax_grad", x, y, outputs=[x.shape]),
            *run("sparse_softmax_cross_entropy", x, labels, outputs=[x.shape[:1], x.shape]),
            *run("softmax_cross_entropy", x, y, outputs=[x.shape[:1], x.shape]),
            run("sigmoid_cross_entropy", x.ravel(), y.ravel(), outputs=[x.size]),
        )

    same_bits(everything)
