"""Activation kernels against NumPy float64 and Python's math, tails, NaN and infinities included."""

import math

import numpy as np
import pytest

from microdl.core.kernels import cpu

DTYPES = ["float32", "float64"]
ALPHA, SCALE, BETA = 1.5, 1.25, 0.75  # exact in float32


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def normal_below(x):
    return math.erfc(-x / math.sqrt(2)) / 2


def gelu_tanh_argument(x):
    return 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def silu_slope(x):
    s = sigmoid(BETA * x)
    return s + BETA * x * s * (1 - s)


def gelu_tanh_slope(x):
    s = sigmoid(gelu_tanh_argument(x))
    return s + x * s * (1 - s) * 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)


# name, scalars, f, f', whether the backward kernel reads y
FUNCTIONS = [
    ("relu", (), lambda x: max(x, 0), lambda x: float(x > 0), True),
    ("relu6", (), lambda x: min(max(x, 0), 6), lambda x: float(0 < x < 6), True),
    ("leaky_relu", (0.125,), lambda x: x if x > 0 else x / 8, lambda x: 1 if x > 0 else 1 / 8, False),
    (
        "elu",
        (ALPHA, SCALE),
        lambda x: SCALE * (x if x > 0 else ALPHA * math.expm1(x)),
        lambda x: SCALE * (1 if x >= 0 else ALPHA * math.exp(x)),
        True,
    ),
    ("sigmoid", (), sigmoid, lambda x: sigmoid(x) * sigmoid(-x), True),
    ("tanh", (), math.tanh, lambda x: 1 - math.tanh(x) ** 2, True),
    ("softplus", (), lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))), sigmoid, False),
    ("softsign", (), lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, False),
    ("silu", (BETA,), lambda x: x * sigmoid(BETA * x), silu_slope, False),
    (
        "gelu",
        (),
        lambda x: x * normal_below(x),
        lambda x: normal_below(x) + x * math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
        False,
    ),
    ("gelu_tanh", (), lambda x: x * sigmoid(gelu_tanh_argument(x)), gelu_tanh_slope, False),
]
every_function = pytest.mark.parametrize(
    ("name", "scalars", "f", "slope", "reads_y"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS]
)


def forward(name, x, scalars):
    y = np.empty_like(x)
    getattr(cpu.activation, name)(x, *map(x.dtype.type, scalars), y)
    return y


def backward(name, dy, x_or_y, scalars):
    dx = np.empty_like(dy)
    getattr(cpu.activation, f"{name}_grad")(dy, x_or_y, *map(dy.dtype.type, scalars), dx)
    return dx


@pytest.mark.parametrize("dtype", DTYPES)
@every_function
def test_values_and_slopes_equal_the_formula(rng, name, scalars, f, slope, reads_y, dtype):
    tails = [0, 1e-8, -1e-8, 5.5, 7, -7, 20, -20, 90, -90]
    x = np.concatenate([rng.uniform(-4, 4, 4101), tails]).astype(dtype)
    dy = rng.uniform(0.5, 1, x.shape).astype(dtype)
    y = forward(name, x, scalars)
    expected = np.array([f(v) for v in x.astype("float64")])
    slopes = np.array([slope(v) for v in x.astype("float64")])
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(y, expected, rtol=16 * eps, atol=2 * eps)
    np.testing.assert_allclose(backward(name, dy, y if reads_y else x, scalars), dy * slopes, rtol=0, atol=16 * eps)


def test_elu_takes_the_slope_of_positive_numbers_at_zero():
    dx = backward(
        "elu", np.ones(2, "float32"), forward("elu", np.array([0.0, -0.0], "float32"), (ALPHA, SCALE)), (ALPHA, SCALE)
    )
    np.testing.assert_array_equal(dx, np.full(2, SCALE))


@pytest.mark.parametrize(("name", "x"), [("sigmoid", -80.0), ("softplus", -80.0), ("elu", -1e-6), ("gelu", -10.0)])
def test_small_values_keep_their_digits(name, x):
    _, scalars, f, _, _ = next(row for row in FUNCTIONS if row[0] == name)
    y = forward(name, np.array([x], "float32"), scalars)
    np.testing.assert_allclose(y, f(float(np.float32(x))), rtol=1e-4)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
@every_function
def test_huge_numbers_and_nan(name, scalars, f, slope, reads_y):
    y = forward(name, np.array([3e38, -3e38, np.nan], "float32"), scalars)
    assert np.isnan(y[2])
    assert not np.isnan(y[:2]).any()
    x = np.array([1e4, -1e4], "float32")
    dx = backward(name, np.ones(2, "float32"), forward(name, x, scalars) if reads_y else x, scalars)
    np.testing.assert_allclose(dx, [slope(1e4), slope(-500)], atol=1e-5)


@every_function
def test_empty_arrays(name, scalars, f, slope, reads_y):
    nothing = np.empty(0, "float32")
    assert forward(name, nothing, scalars).size == backward(name, nothing, nothing, scalars).size == 0


@every_function
def test_same_bits_for_any_number_of_threads(rng, same_bits, name, scalars, f, slope, reads_y):
    x = rng.standard_normal(70_001).astype("float32")
    y = forward(name, x, scalars)
    same_bits(lambda: (forward(name, x, scalars), backward(name, x, y if reads_y else x, scalars)))
