"""plan.explain() and plan.plot(): every step with its phase, kernels and cost; matplotlib is imported when asked."""

import importlib
import re

import numpy as np
import pytest

import microdl as tf
from microdl.compile.phases import phases_of
from microdl.core import optional
from microdl.core.costs import cost_of, kernels_of, record_of
from microdl.core.kernels import cpu
from microdl.core.op import Spec, all_ops, get_op


@pytest.fixture(scope="module")
def step():
    """A traced training step of a small network, and its arguments."""
    model = tf.keras.Sequential(
        [
            tf.keras.Input((8, 8, 1)),
            tf.keras.layers.Conv2D(4, 3, padding="same"),
            tf.keras.layers.MaxPooling2D(2),
            tf.keras.layers.ReLU(),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(3, name="last"),
        ]
    )
    optimizer = tf.keras.optimizers.SGD(0.1)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True))
            loss = tf.reduce_mean(losses)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    arguments = tf.constant(np.ones((2, 8, 8, 1), np.float32)), tf.constant(np.array([0, 2], np.int32))
    step(*arguments)
    return step, arguments


def plan_of(step):
    function, arguments = step
    return function.get_concrete_function(*arguments).plan


def test_explain_has_a_row_for_every_step(step):
    plan = plan_of(step)
    lines = plan.explain().splitlines()
    assert lines[0].split() == ["step", "op", "phase", "inputs", "->", "outputs", "kernels", "MFLOP", "bytes"]
    for number, (line, one) in enumerate(zip(lines[1:], plan.steps, strict=False)):
        assert line.split()[:2] == [str(number), one.node.op.name]
    assert f"{len(plan.steps)} steps" in plan.explain()


def test_explain_tells_kernels_fused_groups_memory_and_variables(step):
    text = plan_of(step).explain()
    assert "convolution.conv2d_bias_relu_pool" in text
    assert "2x8x8x1, 3x3x1x4, 4 -> 2x4x4x4" in text
    assert re.search(r"^_FusedConv2DPool: Conv2D, BiasAdd, Relu and a MaxPool of 2 x 2", text, re.MULTILINE)
    assert re.search(r"^memory inside the plan: .* laid out for .* of arrays$", text, re.MULTILINE)
    assert "last/kernel:0" in text


def test_a_function_explains_what_was_traced_last(step):
    function, arguments = step
    assert function.explain() == function.explain(*arguments) == plan_of(step).explain()


def test_phases_are_those_of_a_training_step_in_their_order(step):
    phases = phases_of([one.node for one in plan_of(step).steps])
    assert phases == sorted(phases, key=["forward", "backward", "optimizer"].index)
    assert set(phases) == {"forward", "backward", "optimizer"}


def test_the_operations_of_a_plan_are_the_sum_of_its_ops(step):
    plan = plan_of(step)
    conv = next(one.node for one in plan.steps if one.node.op.name == "_FusedConv2DPool")
    flops, _ = cost_of(conv.op, [x.spec for x in conv.inputs], [y.spec for y in conv.outputs], conv.attrs)
    assert flops == 2 * (2 * 8 * 8) * (3 * 3 * 1 * 4)


def test_an_op_without_a_cost_reads_its_inputs_and_writes_its_outputs():
    spec = Spec((10, 10), tf.float32)
    assert cost_of(get_op("RandomUniform"), [], [spec], {}) == (0, 400)


@pytest.mark.parametrize("name", all_ops())
def test_the_kernels_that_a_record_names_exist(name):
    op = get_op(name)
    assert record_of(op).infer is not None
    for family, kernel in kernels_of(op):
        assert callable(getattr(getattr(cpu, family), kernel))


@pytest.mark.parametrize(
    ("name", "kernel"),
    [("Conv2D", ("convolution", "conv2d")), ("Relu", ("activation", "relu")), ("Pow", ("elementwise", "pow"))],
)
def test_kernels_are_found_through_classes_and_helpers(name, kernel):
    assert kernel in kernels_of(get_op(name))


def test_plot_writes_a_picture(step, tmp_path):
    pytest.importorskip("matplotlib")
    function, _ = step
    path = tmp_path / "plan.png"
    assert function.plot(path) == path
    assert path.read_bytes().startswith(b"\x89PNG")
    plan_of(step).plot(tmp_path / "plan.svg")
    assert (tmp_path / "plan.svg").read_text().startswith("<?xml")


def test_plot_without_matplotlib_says_what_to_install(step, tmp_path, monkeypatch):
    def no_module(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", no_module)
    with pytest.raises(ImportError, match=r"^plan\.plot needs matplotlib, .*-m pip install matplotlib$"):
        plan_of(step).plot(tmp_path / "plan.png")


def test_is_there_asks_without_importing():
    assert optional.is_there("json")
    assert not optional.is_there("no_such_package_of_ours")
