"""Activation functions, away from their kinks."""

import math

import numpy as np

from microdl.core.errors import InvalidArgumentError

from . import Case, away_from, inputs, shapes

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
erfc = np.vectorize(math.erfc, otypes=[float])


@inputs
def numbers(draw, rng, kinks=(), low=-4.0, high=4.0):
    return [away_from(rng, draw(shapes(0, 3)), kinks, low=low, high=high)], {}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def elu(x, alpha=1.0, scale=1.0):
    return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def row(op, call, oracle, kinks=(), *, covers=(), label="", name="", low=-4.0, high=4.0):
    """A case; with ``name``, the function's, also the message for integers."""
    message = (
        f"{name}: expected a floating-point tensor, got int32 of shape (2,); convert it first: tf.cast(x, tf.float32)"
    )
    errors = ((lambda tf: call(tf, tf.constant([1, 2])), InvalidArgumentError, message),) if name else ()
    drawn = numbers(kinks=kinks, low=low, high=high)
    return Case(op, call, oracle, drawn, covers=covers or (f"{op}Grad",), errors=errors, label=label)


CASES = [
    row("Relu", lambda tf, x: tf.nn.relu(x), lambda x: np.maximum(x, 0), (0,), name="relu"),
    row("Relu6", lambda tf, x: tf.nn.relu6(x), lambda x: np.clip(x, 0, 6), (0, 6), name="relu6", high=9.0),
    row(
        "LeakyRelu",
        lambda tf, x: tf.nn.leaky_relu(x, 0.25),
        lambda x: np.where(x > 0, x, 0.25 * x),
        (0,),
        name="leaky_relu",
    ),
    row("LeakyRelu", lambda tf, x: tf.nn.leaky_relu(x), lambda x: np.where(x > 0, x, 0.2 * x), (0,), label="default"),
    row("Elu", lambda tf, x: tf.nn.elu(x), elu, (0,), name="elu"),
    row("Elu", lambda tf, x: tf.nn.selu(x), lambda x: elu(x, ALPHA, SCALE), (0,), label="selu"),
    row("Sigmoid", lambda tf, x: tf.nn.sigmoid(x), sigmoid, name="sigmoid"),
    row("Tanh", lambda tf, x: tf.nn.tanh(x), np.tanh, name="tanh"),
    row("Softplus", lambda tf, x: tf.nn.softplus(x), lambda x: np.log1p(np.exp(x)), name="softplus"),
    row("Softsign", lambda tf, x: tf.nn.softsign(x), lambda x: x / (1 + abs(x)), (0,), name="softsign"),
    row("Silu", lambda tf, x: tf.nn.silu(x), lambda x: x * sigmoid(x), name="silu"),
    row("Silu", lambda tf, x: tf.nn.swish(x, 1.5), lambda x: x * sigmoid(1.5 * x), label="beta"),
    row("Gelu", lambda tf, x: tf.nn.gelu(x), lambda x: x * erfc(-x / np.sqrt(2)) / 2, name="gelu"),
    row(
        "GeluTanh",
        lambda tf, x: tf.nn.gelu(x, approximate=True),
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        name="gelu",
    ),
]
