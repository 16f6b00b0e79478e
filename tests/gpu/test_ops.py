"""Every row of the op table on a GPU: values and gradients of the CPU, one by one and as a graph."""

import warnings

import numpy as np
import pytest
from hypothesis import Phase, given, settings

import microdl as tf
from microdl.core import device, nest

from ..cases import all_cases
from ..test_ops import seeds_for, sources_of, tensors

pytestmark = pytest.mark.gpu
EXAMPLES = 2  # a row
ON_THE_CPU = {  # no kernels: what they read and make is copied
    "Cholesky", "LogMatrixDeterminant", "MatrixDeterminant", "MatrixExponential", "MatrixInverse", "MatrixSolve",
    "MatrixSquareRoot", "MatrixTriangularSolve", "Qr", "SelfAdjointEigV2", "Svd",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _there_is_a_gpu(gpu0):
    pass


def results(case, arrays, options, seeds, call):
    """Outputs, and the gradients of those that have one."""
    inputs = tensors(arrays, "float32")
    sources = [inputs[i] for i in sources_of(case, list(map(np.asarray, arrays)))] if case.gradient else []
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs = nest.flatten(call(*inputs, **options))
    if seeds is None:
        seeds = seeds_for([y.numpy() for y in outputs], np.random.default_rng(1))
        seeds = [None if s is None else s.astype(y.numpy().dtype) for s, y in zip(seeds, outputs, strict=True)]
    pairs = [(y, tf.constant(s)) for y, s in zip(outputs, seeds, strict=True) if s is not None]
    found = tape.gradient([y for y, _ in pairs], sources, [s for _, s in pairs]) if pairs and sources else []
    return [y.numpy() for y in outputs] + [dx.numpy() for dx in found if dx is not None], seeds


def close(actual, expected, error):
    assert len(actual) == len(expected)
    for y, e in zip(actual, expected, strict=True):
        y, e = np.asarray(y), np.asarray(e)
        assert (y.shape, y.dtype) == (e.shape, e.dtype)
        if e.dtype.kind == "f":
            scale = max(1.0, np.abs(e[np.isfinite(e)]).max(initial=0.0))
            np.testing.assert_allclose(y, e, rtol=0, atol=error * np.finfo(e.dtype).eps * scale)
        else:
            np.testing.assert_array_equal(y, e)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_a_row_on_the_gpu_equals_the_cpu(case):
    device.current._told.clear()

    @settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate])
    @given(case.inputs)
    def check(drawn):
        arrays, options = drawn
        call = lambda *xs, **o: case.call(tf, *xs, **o)  # noqa: E731
        expected, seeds = results(case, arrays, options, None, call)
        with tf.device("/gpu:0"):
            actual, _ = results(case, arrays, options, seeds, call)
            close(actual, expected, case.error)
            if case.label not in ("boolean_mask", "where"):
                traced = tf.function(lambda *xs: case.call(tf, *xs, **options))
                inputs = tensors(arrays, "float32")
                for _ in range(2):  # launch by launch, as a graph
                    close([y.numpy() for y in nest.flatten(traced(*inputs))], expected[: len(seeds)], case.error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check()
    assert device.current._told <= ON_THE_CPU
