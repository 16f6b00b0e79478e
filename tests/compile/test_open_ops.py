"""Every row of the op table in a trace that knows no size: values and gradients are those of the eager op."""

import numpy as np
import pytest
from hypothesis import given, settings

import microdl as tf
from microdl.core import nest

from ..cases import all_cases
from ..test_ops import names, tensors

CASES = all_cases()
# How many pieces, and how many elements a mask picks, must be known when Python runs.
REFUSED = {"Unpack": "give num", "GatherV2-boolean_mask": "depends on the values of the mask"}


def open_signature(inputs):
    return [tf.TensorSpec([None] * x.ndim, x.dtype) for x in inputs]


@names(CASES)
def test_values_agree_when_no_size_is_known(case):
    agrees(case, watched=False)


@names([case for case in CASES if case.gradient])
def test_gradients_agree_when_no_size_is_known(case):
    agrees(case, watched=True)


def agrees(case, watched):
    @settings(max_examples=3)
    @given(case.inputs)
    def check(drawn):
        arrays, options = drawn
        inputs = tensors(arrays, "float32")

        def run(*args):
            sources = [x for x in args if x.dtype.is_floating]
            if not watched:
                return nest.flatten(case.call(tf, *args, **options))
            with tf.GradientTape() as tape:
                tape.watch(sources)
                outputs = nest.flatten(case.call(tf, *args, **options))
            floating = [y for y in outputs if y.dtype.is_floating]
            return outputs + tape.gradient(floating, sources, unconnected_gradients="zero")

        traced = tf.function(run, input_signature=open_signature(inputs))
        if case.name in REFUSED:
            with pytest.raises((TypeError, ValueError), match=REFUSED[case.name]):
                traced(*inputs)
            return
        found = traced(*inputs)
        expected = run(*inputs)
        assert len(found) == len(expected)
        for y, e in zip(found, expected, strict=True):
            assert y.dtype is e.dtype
            np.testing.assert_array_equal(y.numpy(), e.numpy())

    check()
