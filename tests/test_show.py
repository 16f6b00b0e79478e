"""tf.show: an op on one page, with a gradient check that runs."""

import numpy as np
import pytest

import microdl as tf
from microdl.profiler.gradient_check import check_gradient


def shown(capsys, *args, **kwargs):
    tf.show(*args, **kwargs)
    return capsys.readouterr().out


def test_show_has_formula_record_kernels_cost_and_check(capsys):
    out = shown(capsys, tf.nn.conv2d)
    for expected in (
        "conv2d(input, filters, strides, padding",
        "y[n, h, w, o] = sum over i, j, c of input",
        "op Conv2D(input, filter)",
        "The gradient reads input, filter.",
        '@register_op("Conv2D")',
        "forward kernel convolution.conv2d\n",
        "backward kernel convolution.conv2d_grad_input\n",
        "backward kernel convolution.conv2d_grad_filter\n",
        "def conv2d_grad_filter(x, dy, strides, dilations, padding, dw):",
        "floating point operations",
        "gradient and differences agree: 24 elements",
    ):
        assert expected in out


@pytest.mark.parametrize(
    "function",
    [
        tf.add, tf.matmul, tf.reduce_mean, tf.tanh, tf.nn.relu, tf.nn.softmax, tf.nn.bias_add, tf.nn.max_pool2d,
        tf.nn.avg_pool2d, tf.nn.depthwise_conv2d, tf.nn.softmax_cross_entropy_with_logits,
        tf.nn.sparse_softmax_cross_entropy_with_logits,
    ],
)  # fmt: skip
def test_gradients_that_are_shown_agree(function, capsys):
    out = shown(capsys, function, source=False)
    assert "gradient and differences agree" in out
    assert "def run" not in out


def test_an_op_is_shown_by_its_name_and_with_arguments(capsys):
    out = shown(capsys, "LeakyRelu", [1.0, -2.0], alpha=0.1)
    assert "forward kernel activation.leaky_relu" in out
    assert "backward kernel activation.leaky_relu_grad" in out
    assert "agree: 2 elements" in out


def test_an_op_without_a_gradient_says_so(capsys):
    assert "no gradient to check" in shown(capsys, tf.argmax, source=False)


def test_where_no_arguments_can_be_guessed_they_are_asked_for():
    def picky(a, b, c):
        return a + b + c

    with pytest.raises(ValueError, match="no example is known for picky; give its arguments"):
        tf.show(picky)


def test_the_check_finds_a_wrong_gradient():
    @tf.custom_gradient
    def wrong(x):
        return x * x, lambda dy: dy * x

    worst, checked = check_gradient(wrong, [np.array([0.5, 2.0])])
    assert checked == 2
    assert worst > 0.1
