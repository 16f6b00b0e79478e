"""Steps of a plan make the calls of kernels that were listed once: with other numbers in the same arrays, too."""

import numpy as np
import pytest
from hypothesis import given, settings

import microdl as tf
from microdl.core import device, nest
from microdl.core.op import Spec, all_ops, get_op

from ..cases import all_cases
from ..test_ops import tensors

SETTLED = [op.name for op in all_ops().values() if op.settle is not None and not op.mutates]
CASES = [case for case in all_cases() if {case.op, *case.covers} & set(SETTLED)]


def check(op, arrays, attrs, specs):
    """``settle`` on zeros, then other inputs in the same arrays: the outputs must be those of ``run``."""
    kernels = device.current.kernels
    inputs = [np.zeros_like(x) for x in arrays]
    outputs, expected = ([np.full(s.shape, 7, s.dtype.as_numpy_dtype) for s in specs] for _ in range(2))
    again = op.settle(kernels, *inputs, *outputs, **attrs)
    for factor in (1, 2):
        for x, given_ in zip(inputs, arrays, strict=True):
            np.copyto(x, given_ * np.array(factor, x.dtype) if x.dtype.kind == "f" else given_)
        for y in outputs:
            y.fill(7)
        again()
        op.run(kernels, *inputs, *expected, **attrs)
        for y, e in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(y, e)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_settled_steps_of_the_op_table(case, monkeypatch):
    """What the rows and their gradients apply, listened to where it runs."""
    checked = []

    @settings(max_examples=4)
    @given(case.inputs)
    def draw(drawn):
        arrays, options = drawn
        applied, run = [], device.CPU.run

        def listening(self, op, arrays, specs, attrs, prepared=None):
            if op.name in SETTLED:
                applied.append((op, [x.copy() for x in arrays], dict(attrs), specs))
            return run(self, op, arrays, specs, attrs, prepared)

        with monkeypatch.context() as patch:
            patch.setattr(device.CPU, "run", listening)
            inputs = tensors(arrays, "float32")
            with tf.GradientTape() as tape:
                tape.watch([x for x in inputs if x.dtype.is_floating])
                outputs = [y for y in nest.flatten(case.call(tf, *inputs, **options)) if y.dtype.is_floating]
            if case.gradient and outputs:
                tape.gradient(outputs, [x for x in inputs if x.dtype.is_floating])
        for op, inputs, attrs, specs in applied:
            if all(x.size for x in inputs) and all(spec.size for spec in specs):
                check(op, inputs, attrs, specs)
                checked.append(op.name)

    draw()


# Sizes at which other kernels are chosen: Winograd, several blocks of a product, sums in rounds.
LARGE = {
    "Conv2D": ([(16, 28, 28, 8), (5, 5, 8, 12)], {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1)}),
    "Conv2D 3x3": ([(8, 28, 28, 16), (3, 3, 16, 32)], {"strides": (1, 1), "padding": "VALID", "dilations": (1, 1)}),
    "Conv2D strided": ([(8, 28, 28, 16), (3, 3, 16, 32)], {"strides": (2, 2), "padding": "SAME", "dilations": (1, 1)}),
    "Conv2D of one channel": (
        [(32, 28, 28, 1), (5, 5, 1, 16)],
        {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1)},
    ),
    "Conv2D 1x1": ([(8, 28, 28, 16), (1, 1, 16, 32)], {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1)}),
    "BatchMatMulV2": ([(300, 700), (700, 200)], {"transpose_a": False, "transpose_b": False}),
    "BatchMatMulV2 of vectors": ([(1, 1764), (1764, 128)], {"transpose_a": False, "transpose_b": False}),
    "BatchMatMulV2 transposed": ([(700, 300), (200, 700)], {"transpose_a": True, "transpose_b": True}),
    "BiasAdd": ([(64, 14, 14, 36), (36,)], {}),
    "BiasAddGrad": ([(64, 14, 14, 36)], {}),
    "Relu": ([(64, 14, 14, 36)], {}),
    "Sum": ([(64, 14, 14, 36)], {"axis": (0, 1, 2), "keepdims": False}),
    "Sum apart": ([(30, 14, 40)], {"axis": (0, 2), "keepdims": False}),
    "Mean": ([(70000,)], {"axis": (0,), "keepdims": False}),
    "MaxPool": ([(16, 28, 28, 16)], {"ksize": (2, 2), "strides": (2, 2), "padding": "VALID"}),
    "_FusedConv2DPool": (
        [(16, 28, 28, 8), (5, 5, 8, 12), (12,)],
        {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1)},
    ),
    "_FusedConv2DPool of one channel": (
        [(16, 28, 28, 1), (5, 5, 1, 12), (12,)],
        {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1)},
    ),
    "_FusedConv2D": (
        [(4, 12, 12, 3), (3, 3, 3, 5), (5,)],
        {"strides": (1, 1), "padding": "SAME", "dilations": (1, 1), "activation": "relu"},
    ),
    "_FusedMatMul": ([(64, 300), (300, 50), (50,)], {"transpose_a": False, "transpose_b": False, "activation": "relu"}),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_settled_steps_of_large_arrays(name, rng):
    shapes, attrs = LARGE[name]
    op = get_op(name.split()[0])
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    specs = op.infer(*(Spec(shape, tf.float32) for shape in shapes), **attrs)
    specs = (specs,) if isinstance(specs, Spec) else specs
    check(op, arrays, attrs, specs)
    if op.name == "Conv2D":
        (y,), (x, w) = specs, arrays
        dy = rng.normal(size=y.shape).astype(np.float32)
        check(get_op("Conv2DGradInput"), [dy, w], {"size": x.shape[1:3], **attrs}, [Spec(x.shape, tf.float32)])
        check(get_op("Conv2DGradFilter"), [x, dy], {"window": w.shape[:2], **attrs}, [Spec(w.shape, tf.float32)])


def test_the_gradient_behind_a_fused_pool(rng):
    winner = rng.integers(0, 5, (16, 7, 7, 12), dtype=np.uint8)
    dy = rng.normal(size=winner.shape).astype(np.float32)
    specs = [Spec((16, 14, 14, 12), tf.float32), Spec((12,), tf.float32)]
    check(get_op("_FusedBiasReluPoolGrad"), [dy, winner], {"size": (14, 14)}, specs)


@pytest.mark.parametrize("shape", [(5, 5, 16, 12), (3, 3, 40, 8), (5, 5, 1, 12)])
def test_gradients_that_read_winners(shape, rng):
    winner = rng.integers(0, 5, (4, 7, 7, shape[3]), dtype=np.uint8)
    dy, w = rng.normal(size=winner.shape).astype(np.float32), rng.normal(size=shape).astype(np.float32)
    x = rng.normal(size=(4, 14, 14, shape[2])).astype(np.float32)
    specs = [Spec(shape, tf.float32), Spec(shape[3:], tf.float32)]
    check(get_op("_Conv2DPoolGradFilter"), [x, dy, winner], {"window": shape[:2], "padding": "SAME"}, specs)
    attrs = {"size": (14, 14), "padding": "SAME"}
    check(get_op("_Conv2DPoolGradInput"), [dy, winner, w], attrs, [Spec(x.shape, tf.float32)])


def test_an_update_reads_its_rate_in_every_step():
    w, rate = tf.Variable([1.0, 2.0]), tf.Variable(0.5)
    optimizer = tf.keras.optimizers.SGD(rate)

    @tf.function
    def step():
        optimizer.apply_gradients([(tf.ones([2]), w)])

    step()
    optimizer.learning_rate.assign(0.25)
    step()
    assert w.numpy().tolist() == [0.25, 1.25]


def test_kernels_that_run_while_a_plan_is_made_find_labels_that_are_classes(rng):
    w = tf.Variable(rng.normal(size=(50, 10)).astype(np.float32))

    @tf.function
    def loss(x, y):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=tf.reverse(tf.cast(y, tf.int32), [0]), logits=tf.nn.relu(x * 1e30) @ w
        )
        return tf.reduce_mean(losses)

    for batch in (1, 7, 64, 500):  # the cast labels lie where other numbers were before
        x, y = rng.normal(size=(batch, 50)).astype(np.float32), rng.integers(0, 10, batch, dtype=np.uint8)
        assert np.isfinite(loss(x, y).numpy())


def test_labels_that_are_no_classes_reach_no_kernel_though_they_are_known_beforehand():
    bad = np.full(200, 1 << 40, "int64")
    held = tf.Variable(bad)
    logits = tf.ones([200, 3])
    for labels in (tf.constant(bad), held, bad):
        loss = tf.function(
            lambda x, y=labels: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x * 2.0),
            autograph=False,
        )
        with pytest.raises(ValueError, match="label 1099511627776 is outside of"):
            loss(logits)
    held.assign(np.ones(200, "int64"))
    traced = tf.function(lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=held, logits=x * 2.0))
    np.testing.assert_allclose(traced(logits).numpy(), np.log(3), rtol=1e-6)
