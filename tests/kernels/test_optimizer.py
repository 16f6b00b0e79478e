"""Optimizer updates against the formulas in NumPy float64."""

import math

import numba
import numpy as np
import pytest

from microdl.core.kernels import cpu

KERNELS = cpu.optimizer
SIZES = [0, 1, 5, 4099] if not numba.config.DISABLE_JIT else [0, 1, 5]


def sgd(g, w, learning_rate):
    return [w - learning_rate * g]


def sgd_momentum(g, w, m, learning_rate, momentum, nesterov):
    m = momentum * m - learning_rate * g
    return [w + (momentum * m - learning_rate * g if nesterov else m), m]


def rmsprop(g, w, v, learning_rate, rate, epsilon):
    v = (1 - rate) * v + rate * g**2
    return [w - learning_rate * g / np.sqrt(v + epsilon), v]


def rmsprop_momentum(g, w, v, m, learning_rate, rate, epsilon, momentum):
    v = (1 - rate) * v + rate * g**2
    m = momentum * m + learning_rate * g / np.sqrt(v + epsilon)
    return [w - m, v, m]


def rmsprop_centered(g, w, v, m, mean, learning_rate, rate, epsilon, momentum):
    v, mean = (1 - rate) * v + rate * g**2, (1 - rate) * mean + rate * g
    m = momentum * m + learning_rate * g / np.sqrt(v - mean**2 + epsilon)
    return [w - m, v, m, mean]


def adam(g, w, m, v, alpha, rate_1, rate_2, epsilon):
    m, v = (1 - rate_1) * m + rate_1 * g, (1 - rate_2) * v + rate_2 * g**2
    return [w - alpha * m / (np.sqrt(v) + epsilon), m, v]


def adam_amsgrad(g, w, m, v, v_max, alpha, rate_1, rate_2, epsilon):
    m, v = (1 - rate_1) * m + rate_1 * g, (1 - rate_2) * v + rate_2 * g**2
    v_max = np.maximum(v_max, v)
    return [w - alpha * m / (np.sqrt(v_max) + epsilon), m, v, v_max]


RULES = [
    (sgd, 1, (0.1,)),
    (sgd_momentum, 2, (0.1, 0.9, False)),
    (sgd_momentum, 2, (0.1, 0.9, True)),
    (rmsprop, 2, (0.1, 0.2, 1e-3)),
    (rmsprop_momentum, 3, (0.1, 0.2, 1e-3, 0.7)),
    (rmsprop_centered, 4, (0.1, 0.2, 1e-3, 0.7)),
    (adam, 3, (0.1, 0.2, 0.05, 1e-4)),
    (adam_amsgrad, 4, (0.1, 0.2, 0.05, 1e-4)),
]


def arrays(rng, dtype, n, count):
    """Gradient, variable and slots; the slots are positive, as running means of squares are."""
    return [rng.normal(size=n).astype(dtype) for _ in range(2)] + [
        (4 + rng.random(n)).astype(dtype) for _ in range(count - 1)
    ]


def update(rule, g, scalars, state):
    """Calls the kernel for one variable."""
    update_all(rule.__name__, scalars, [g], *([x] for x in state))


def update_all(kernel, scalars, *lists):
    getattr(KERNELS, kernel)(KERNELS.table_of(*lists), *scalars)


def cast(dtype, scalars):
    """The scalars as the kernel takes them; a last one that is a bool says whether momentum looks ahead."""
    if isinstance(scalars[-1], bool):
        scalars = (*scalars[:-1], *((scalars[1], 1) if scalars[-1] else (1, 0)))
    return [np.dtype(dtype).type(x) for x in scalars]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rule", "count", "scalars"), RULES)
def test_update_follows_its_formula(rng, rule, count, scalars, dtype, n):
    g, *state = arrays(rng, dtype, n, count)
    if rule is rmsprop_centered:
        state[1] += 32  # v must exceed mean^2
    expected = rule(g.astype(np.float64), *(x.astype(np.float64) for x in state), *map(float, scalars))
    update(rule, g, cast(dtype, scalars), state)
    for actual, wanted in zip(state, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-12 if dtype == "float64" else 2e-6, atol=1e-6)


@pytest.mark.parametrize(("rule", "count", "scalars"), RULES)
def test_one_and_two_threads_give_the_same_bits(rng, same_bits, rule, count, scalars):
    start = arrays(rng, "float32", 40_001 if not numba.config.DISABLE_JIT else 101, count)

    def run():
        g, *state = [x.copy() for x in start]
        if rule is rmsprop_centered:
            state[1] += 32  # v must exceed mean^2
        update(rule, g, cast("float32", scalars), state)
        return state

    same_bits(run)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rule", "count", "scalars"), RULES)
def test_many_variables_get_the_same_bits_as_each_alone(rng, rule, count, scalars, dtype):
    shapes = [(3, 4), (), (0,), (70, 90), (4096,), (1,), (0, 5), (9001,)]
    variables = [[x.reshape(shape) for x in arrays(rng, dtype, math.prod(shape), count)] for shape in shapes]
    if rule is rmsprop_centered:
        for variable in variables:
            variable[2] += 32  # v must exceed mean^2
    alone = [[x.copy() for x in variable] for variable in variables]
    for g, *state in alone:
        update(rule, g, cast(dtype, scalars), state)
    together = [[x.copy() for x in variable] for variable in variables]
    g, *state = map(list, zip(*together, strict=True))
    update_all(rule.__name__, cast(dtype, scalars), g, *state)
    for one, other in zip(alone, together, strict=True):
        for x, y in zip(one, other, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("n", SIZES)
def test_weight_decay_shrinks_by_its_rate(rng, n):
    start = rng.integers(-8, 8, n).astype(np.float32)
    w = start.copy()
    update_all("weight_decay", [np.float32(0.25)], [w])
    np.testing.assert_array_equal(w, start * 0.75)


def l2_loss(x):
    y = np.empty(1, x.dtype)
    KERNELS.l2_loss(x, y)
    return y


@pytest.mark.parametrize("n", [0, 1, 5, 4096, 9001, 70_001] if not numba.config.DISABLE_JIT else [0, 5, 4097])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_l2_loss_is_half_the_sum_of_squares(rng, dtype, n):
    x = (rng.normal(size=n) + 3).astype(dtype)
    rtol = 1e-13 if dtype == "float64" else 1e-7
    np.testing.assert_allclose(l2_loss(x)[0], (x.astype(np.float64) ** 2).sum() / 2, rtol=rtol)


def test_l2_loss_has_the_same_bits_for_any_number_of_threads(rng, same_bits):
    for n in [0, 1, 4095, 4096, 4097, 40_001, *rng.integers(10**5, 10**6, 12)]:
        x = rng.normal(size=n)
        same_bits(lambda x=x: [l2_loss(x)])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_shows(bad):
    for rule, count, scalars in RULES:
        state = [np.ones(3, np.float32) for _ in range(count)]
        with np.errstate(all="ignore"):  # NumPy warns where the JIT is off
            update(rule, np.float32([0, bad, 0]), cast("float32", scalars), state)
        assert not np.isfinite(np.concatenate(state)).all()
