"""What ``apply`` remembers of an op: kernel calls of one run, made again on other arrays, give what ``run`` gives."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings

import microdl as tf
from microdl.core import device, nest
from microdl.core.kernels import support
from microdl.core.op import Spec, all_ops, get_op
from microdl.core.prepared import Prepared
from microdl.core.tensor import apply

from ..cases import all_cases
from ..test_ops import tensors

BY_SHAPE = [op.name for op in all_ops().values() if op.by_shape]
CASES = [case for case in all_cases() if {case.op, *case.covers} & set(BY_SHAPE)]

compiled = pytest.mark.skipif(support("jit").config.DISABLE_JIT, reason="kernels are plain functions")


def launched(op, specs, attrs):
    """A Prepared with its ``launch``, made from a run on other numbers; its Specs of outputs."""
    prepared = Prepared(op, specs, op.infer(*specs, **attrs), attrs)
    zeros = [np.zeros(spec.shape, spec.dtype.as_numpy_dtype) for spec in specs]
    device.current.run(op, zeros, prepared.specs, attrs, prepared)
    return prepared


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_launch_agrees_with_run_on_the_op_table(case, monkeypatch):
    """What the rows and their gradients apply, listened to where it runs."""
    applied, run = [], device.CPU.run

    def listening(self, op, arrays, specs, attrs, prepared=None):
        if prepared is not None and op.by_shape:
            applied.append((op, [x.copy() for x in arrays], attrs, prepared.input_specs))
        return run(self, op, arrays, specs, attrs, prepared)

    @settings(max_examples=2)
    @given(case.inputs)
    def draw(drawn):
        arrays, options = drawn
        inputs = tensors(arrays, "float32")
        with tf.GradientTape() as tape:
            tape.watch([x for x in inputs if x.dtype.is_floating])
            outputs = [y for y in nest.flatten(case.call(tf, *inputs, **options)) if y.dtype.is_floating]
        if case.gradient and outputs:
            tape.gradient(outputs, [x for x in inputs if x.dtype.is_floating])

    with monkeypatch.context() as patch:
        patch.setattr(device.CPU, "run", listening)
        draw()
    for op, arrays, attrs, specs in applied:
        prepared = launched(op, specs, attrs)
        if prepared.launch is not None:
            expected = device.current.run(op, arrays, prepared.specs, attrs)
            for y, e in zip(prepared.launch(*arrays), expected, strict=True):
                assert (y.shape, y.dtype) == (e.shape, e.dtype)
                np.testing.assert_array_equal(y, e, op.name)


F = tf.float32
COMMON = {
    "AddV2": ([(3, 4), (3, 4)], {}),
    "Mul": ([(3, 4), ()], {}),
    "Relu": ([(3, 4)], {}),
    "ReluGrad": ([(2, 3, 4), (2, 3, 4)], {}),
    "Exp": ([(5,)], {}),
    "Greater": ([(2, 3), (2, 3)], {}),
    "AddV2 with a table": ([(3, 2), (2,)], {}),
    "BatchMatMulV2": ([(3, 4), (4, 2)], {"transpose_a": False, "transpose_b": False}),
    "Sum": ([(3, 400)], {"axis": (0,), "keepdims": False}),
    "BiasAdd": ([(3, 4), (4,)], {}),
    "Relu of many": ([(70000,)], {}),
}


@compiled
@pytest.mark.parametrize("name", COMMON)
def test_common_ops_are_launched_without_their_run(name, rng):
    shapes, attrs = COMMON[name]
    op = get_op(name.split()[0])
    prepared = launched(op, [Spec(shape, F) for shape in shapes], attrs)
    assert prepared.launch is not None
    arrays = [rng.normal(size=shape).astype("float32") for shape in shapes]
    (expected,) = device.current.run(op, arrays, prepared.specs, attrs)
    first, second = prepared.launch(*arrays)[0], prepared.launch(*arrays)[0]
    np.testing.assert_array_equal(first, expected)
    assert not np.may_share_memory(first, second)


@compiled
def test_one_array_twice_and_then_two():
    op, spec = get_op("Sub"), Spec((3,), F)
    prepared = Prepared(op, (spec, spec), spec, {})
    x, y = np.array([1, 2, 3], "float32"), np.array([3, 2, 2], "float32")
    np.testing.assert_array_equal(device.current.run(op, [x, x], (spec,), {}, prepared)[0], [0, 0, 0])
    np.testing.assert_array_equal(device.current.run(op, [x, y], (spec,), {}, prepared)[0], [-2, 0, 1])
    np.testing.assert_array_equal(device.current.run(op, [y, x], (spec,), {}, prepared)[0], [2, 0, -1])


@pytest.mark.parametrize(
    ("name", "shapes", "attrs"),
    [
        ("Sum", [(3, 4, 5)], {"axis": (0, 2), "keepdims": False}),  # works on a copy
        ("AddV2", [(0,), (0,)], {}),  # arrays without elements
        ("Pow", [(3,), (3,)], {}),  # looks at values
        ("LeakyRelu", [(3,)], {"alpha": 0.0}),  # -0.0 would be the same key
        ("Reshape", [(4,)], {"shape": (2, 2)}),  # a view
    ],
)
def test_what_cannot_be_launched_runs(name, shapes, attrs):
    op = get_op(name)
    prepared = launched(op, [Spec(shape, F) for shape in shapes], attrs)
    assert prepared.launch is None
    assert not prepared.waiting


def test_dtypes_are_checked_however_often_they_come():
    x, y = tf.constant([1.0]), tf.constant([1], tf.int32)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"AddV2: x is float32 but y is int32.*tf.cast"):
            apply("AddV2", x, y)
        apply("AddV2", x, x)


def test_threads_that_launch_one_op_get_results_of_their_own(rng):
    numbers = rng.normal(size=(4, 64)).astype("float32")
    wrong = []

    def work(row):
        x = tf.constant(numbers[row])
        for _ in range(200):
            y = tf.nn.relu(x) + x
            if not np.array_equal(y.numpy(), np.maximum(numbers[row], 0) + numbers[row]):
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(row,)) for row in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
