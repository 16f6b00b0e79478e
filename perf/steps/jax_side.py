"""JAX: the whole step as one function compiled by XLA, which keeps its weights in place."""

import functools

import jax  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
import numpy as np
from jax import lax  # pyright: ignore[reportMissingImports]

from .networks import Conv, Dense, Dropout, Flatten, Pool, Relu, weight_shapes
from .step import Step

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7


def start(threads):
    """XLA takes as many threads as the process has cores to run on."""
    jax.config.update("jax_platforms", "cpu")
    return {"JAX": jax.__version__}


def ways(row, how):
    return {"": functools.partial(build, row)}


def build(row, rate, waits=True):
    """The Step of ``row``. waits: whether a training step waits for its results."""
    weights = [(_glorot(kernel), jnp.zeros(bias)) for kernel, bias in weight_shapes(row.layers)]
    shapes = [array.shape for pair in weights for array in pair]
    x, y = map(jnp.asarray, row.data())
    m, v = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
    state = weights, m, v, jnp.zeros((), jnp.int32), jax.random.key(0)
    step = jax.jit(functools.partial(_step, row.layers, rate), donate_argnums=0)
    forward = jax.jit(functools.partial(_forward, row.layers))

    def train():
        nonlocal state
        state, loss = step(state, x, y)
        return jax.block_until_ready(loss) if waits else loss

    def infer():
        return jax.block_until_ready(forward(weights, x))

    return Step(train if row.training else infer, shapes)


def _glorot(shape):
    receptive = np.prod(shape[:-2])
    limit = np.sqrt(6 / (receptive * (shape[-2] + shape[-1])))
    return jnp.asarray(np.random.default_rng(0).uniform(-limit, limit, shape).astype(np.float32))


def _step(layers, rate, state, x, y):
    """Forward, backward, Adam (Kingma and Ba, "Adam", 2015, in the form that ends section 2)."""
    weights, m, v, count, key = state
    key, used = jax.random.split(key)

    def loss_of(weights):
        logs = jax.nn.log_softmax(_forward(layers, weights, x, used))
        return -jnp.mean(jnp.take_along_axis(logs, y[:, None], 1))

    loss, gradients = jax.value_and_grad(loss_of)(weights)
    count = count + 1
    rate = rate * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
    m = jax.tree.map(lambda m, g: m + (1 - BETA_1) * (g - m), m, gradients)
    v = jax.tree.map(lambda v, g: v + (1 - BETA_2) * (g * g - v), v, gradients)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, m, v)
    return (weights, m, v, count, key), loss


def _forward(layers, weights, x, key=None):
    """Logits. ``key``: for dropout; None if the network is not being trained."""
    pairs = iter(weights)
    for layer in layers:
        match layer:
            case Conv():
                kernel, bias = next(pairs)
                axes = ("NHWC", "HWIO", "NHWC")
                x = lax.conv_general_dilated(x, kernel, (1, 1), layer.padding, dimension_numbers=axes) + bias
            case Dense():
                kernel, bias = next(pairs)
                x = x @ kernel + bias
            case Pool():
                x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "valid")
            case Relu():
                x = jax.nn.relu(x)
            case Dropout() if key is not None:
                kept = jax.random.bernoulli(key, 1 - layer.rate, x.shape)
                x = jnp.where(kept, x / (1 - layer.rate), 0)
            case Flatten():
                x = x.reshape(len(x), -1)
        if isinstance(layer, (Conv, Dense)) and layer.relu:
            x = jax.nn.relu(x)
    return x
