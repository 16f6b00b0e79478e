"""Every row of the op table traced: the same bits as eagerly, gradients inside of the trace and through its call."""

import numpy as np
import pytest
from hypothesis import given, settings

import microdl as tf
from microdl.core import nest

from ..cases import all_cases
from ..test_ops import flat_outputs, seeds_for, sources_of, tensors

CASES = [case for case in all_cases() if case.label != "boolean_mask"]
EXAMPLES = 3  # a row


def names(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def same(actual, expected):
    assert len(actual) == len(expected)
    for y, e in zip(actual, expected, strict=True):
        assert y.dtype == e.dtype
        np.testing.assert_array_equal(y, e)


@names(CASES)
def test_a_traced_op_gives_the_same_bits(case):
    @settings(max_examples=EXAMPLES)
    @given(case.inputs)
    def check(drawn):
        arrays, options = drawn
        inputs = tensors(arrays, "float32")
        expected = flat_outputs(case.call(tf, *inputs, **options))
        traced = tf.function(lambda *xs: case.call(tf, *xs, **options))
        same(flat_outputs(traced(*inputs)), expected)
        same(flat_outputs(traced(*inputs)), expected)  # replayed
        assert traced.experimental_get_tracing_count() == 1

    check()


def gradients(case, inputs, options, seeds, sources, call):
    with tf.GradientTape() as tape:
        tape.watch([inputs[i] for i in sources])
        outputs = nest.flatten(call(*inputs, **options))
    pairs = [(y, s) for y, s in zip(outputs, seeds, strict=True) if s is not None]
    return tape.gradient([y for y, _ in pairs], [inputs[i] for i in sources], [s for _, s in pairs])


@names([case for case in CASES if case.gradient])
def test_gradients_inside_and_through_the_call_equal_eager_ones(case):
    @settings(max_examples=EXAMPLES)
    @given(case.inputs)
    def check(drawn):
        arrays, options = drawn
        inputs = tensors(arrays, "float64")
        sources = sources_of(case, list(map(np.asarray, arrays)))
        call = lambda *xs, **o: case.call(tf, *xs, **o)  # noqa: E731
        drawn_seeds = seeds_for(flat_outputs(call(*inputs, **options)), np.random.default_rng(1))
        seeds = [None if s is None else tf.constant(s) for s in drawn_seeds]
        expected = gradients(case, inputs, options, seeds, sources, call)
        traced = tf.function(lambda *xs: call(*xs, **options))
        through = gradients(case, inputs, {}, seeds, sources, lambda *xs: traced(*xs))
        inside = tf.function(lambda *xs: gradients(case, xs, options, seeds, sources, call))(*inputs)
        for e, t, i in zip(expected, through, inside, strict=True):
            assert (e is None) == (t is None) == (i is None)
            if e is not None:
                np.testing.assert_array_equal(t.numpy(), e.numpy())
                np.testing.assert_array_equal(i.numpy(), e.numpy())

    check()


def test_a_shape_that_depends_on_values_is_refused():
    x = tf.constant([1.0, -2.0])
    for f in (lambda x: tf.boolean_mask(x, x > 0), lambda x: tf.where(x > 0)):
        with pytest.raises(TypeError, match="the shape of the result depends on the values of the mask"):
            tf.function(f)(x)
