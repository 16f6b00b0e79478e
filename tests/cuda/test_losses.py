"""Losses on the emulated GPU: what ``test_kernels.py`` has not of them."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single = np.float32


@pytest.mark.parametrize("n", [0, 1, 1030])
def test_sigmoid_cross_entropy(n, cuda, rng):
    logits = np.concatenate([4 * rng.normal(size=n), [0, 1e-20, 200, -200, np.inf, -np.inf, np.nan]]).astype(single)
    labels = rng.random(logits.size).astype(single)
    loss, expected = np.zeros((2, logits.size), single)
    cuda.softmax.sigmoid_cross_entropy(logits, labels, loss)
    cpu.softmax.sigmoid_cross_entropy(logits, labels, expected)
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("classes", [33, 1, 2000])
def test_rows_of_softmax_with_nan_and_infinity(classes, any_order, cuda):
    x, y = np.zeros((4, classes), single), any_order.empty((4, classes), single)
    x[1, 0], x[2, 0] = np.nan, -np.inf
    if classes > 1:
        cuda.softmax.softmax(x, y)
        assert np.isnan(y[1]).all()
        assert y[2, 0] == 0
        np.testing.assert_allclose(y[[0, 2]].sum(1), 1, rtol=1e-5)


def test_without_classes_the_loss_is_zero(gpu, cuda):
    loss, nothing = gpu.empty((3,), single), np.zeros((3, 0), single)
    cuda.softmax.softmax_cross_entropy(nothing, nothing, loss, nothing.copy())
    assert (loss == 0).all()
