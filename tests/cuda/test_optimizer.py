"""Optimizers on the emulated GPU: the CPU's updates, with the learning rate and the step in the GPU's memory."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single = np.float32
SIZES = (10, 0, 1024, 1500, 1)
BETAS = {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}
RULES = {  # name: slots, whether the step matters, options
    "sgd": (0, False, {}),
    "sgd_momentum": (1, False, {"momentum": 0.9, "use_nesterov": True}),
    "rmsprop": (1, False, {"rho": 0.9, "epsilon": 1e-5}),
    "rmsprop_momentum": (2, False, {"rho": 0.9, "epsilon": 1e-5, "momentum": 0.8}),
    "rmsprop_centered": (3, False, {"rho": 0.9, "epsilon": 1e-5, "momentum": 0.8}),
    "adam": (2, True, BETAS),
    "adam_amsgrad": (3, True, BETAS),
    "adamax": (2, True, BETAS),
    "nadam": (2, True, BETAS),
    "adagrad": (1, False, {"epsilon": 1e-7}),
    "adadelta": (2, False, {"rho": 0.95, "epsilon": 1e-6}),
    "ftrl": (2, False, {"lr_power": -0.5, "l1": 0.1, "l2": 0.2, "l2_shrinkage": 0.1, "beta": 0.3}),
    "lion": (1, False, {"beta_1": 0.9, "beta_2": 0.99}),
    "weight_decay": (-1, False, {"decay": 0.01}),
}


def drawn(rng, name, count):
    """Gradients, variables and slots: lists of arrays. Slots are positive and as large as squares of the gradients."""
    lists = [[rng.normal(size=size).astype(single) for size in SIZES] for _ in range(min(count, 2))]
    slots = [[(1 + rng.random(size)).astype(single) for size in SIZES] for _ in range(count - 2)]
    if name == "rmsprop_centered":
        slots[2] = [0.1 * slot for slot in slots[2]]  # a mean, whose square is less than the mean of squares
    return lists + slots


@pytest.mark.parametrize("name", RULES)
def test_updates_follow_numbers_in_memory_as_the_cpus_do(name, any_order, cuda, rng):
    slots, counts, options = RULES[name]
    arrays = drawn(rng, name, 2 + slots)
    twins = [[any_order.array(array) for array in each] for each in arrays]
    lr, step = any_order.array(single(0.05)), any_order.array(np.int64(0))
    tables = cpu.optimizer.table_of(*arrays), cuda.optimizer.table_of(*twins)
    for rate, t in ((0.05, 0), (0.01, 7), (0.02, 3000)):
        lr[...], step[...] = rate, t
        inputs = (lr, step) if counts else (lr,)
        for kernels, table in zip((cpu, cuda), tables, strict=True):
            numbers = getattr(kernels.rates, name)(single, *inputs, **options)
            getattr(kernels.optimizer, name)(table, *numbers)
    for expected, got in zip(arrays, twins, strict=True):
        for a, b in zip(expected, got, strict=True):
            np.testing.assert_allclose(b, a, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", [name for name, (_, counts, _) in RULES.items() if counts])
@pytest.mark.parametrize("step", [0, 1, 20, 999, 10**6])
def test_numbers_that_follow_from_the_step_are_exact_in_float32(name, step, gpu, cuda):
    lr, options = gpu.array(single(0.05)), {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    expected = getattr(cpu.rates, name)(single, lr, np.int64(step), **options)
    got = getattr(cuda.rates, name)(single, lr, gpu.array(np.int64(step)), **options)
    np.testing.assert_allclose([np.ravel(x)[0] for x in got], expected, rtol=1e-6)


def test_averages_without_memory(gpu, cuda):
    lr, step = gpu.array(single(0.05)), gpu.array(np.int64(3))
    alpha = cuda.rates.adam(single, lr, step, 0, 0, 1e-7)[0]
    assert alpha[0] == lr


@pytest.mark.parametrize("n", [0, 1, 700, 20000])
def test_l2_loss(n, any_order, cuda, rng):
    x, y = rng.normal(size=n).astype(single), any_order.empty((1,), single)
    cuda.optimizer.l2_loss(x, y)
    np.testing.assert_allclose(y[0], (x.astype(np.float64) ** 2).sum() / 2, rtol=1e-6)
