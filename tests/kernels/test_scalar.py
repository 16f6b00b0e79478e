"""Functions of one float against float64: the largest error over a sweep of all float32 numbers, and special values."""

import math

import numba
import numpy as np
import pytest

from microdl.core import kernels

scalar = kernels.cpu.scalar
kernel = kernels.support("jit").kernel
exp_of, expm1_of, tanh_of, sigmoid_of = scalar.exp_of, scalar.expm1_of, scalar.tanh_of, scalar.sigmoid_of
exp_below_zero_of = scalar.exp_below_zero_of
log_of, log1p_of, erf_of = scalar.log_of, scalar.log1p_of, scalar.erf_of
normal_below_of, gauss_of = scalar.normal_below_of, scalar.gauss_of
NAN, INF = math.nan, math.inf


@kernel
def exp(x, y):
    for i in range(x.size):
        y[i] = exp_of(x[i])


@kernel
def exp_below_zero(x, y):
    for i in range(x.size):
        y[i] = exp_below_zero_of(-np.abs(x[i]))


@kernel
def expm1(x, y):
    for i in range(x.size):
        y[i] = expm1_of(x[i])


@kernel
def tanh(x, y):
    for i in range(x.size):
        y[i] = tanh_of(x[i])


@kernel
def sigmoid(x, y):
    for i in range(x.size):
        y[i] = sigmoid_of(x[i])


@kernel
def log(x, y):
    for i in range(x.size):
        y[i] = log_of(x[i])


@kernel
def log1p(x, y):
    for i in range(x.size):
        y[i] = log1p_of(x[i])


@kernel
def erf(x, y):
    for i in range(x.size):
        y[i] = erf_of(x[i])


@kernel
def normal_below(x, y):
    for i in range(x.size):
        y[i] = normal_below_of(x[i])


@kernel
def gauss(x, y):
    for i in range(x.size):
        y[i] = gauss_of(x[i])


def python(function):
    return np.vectorize(function, otypes=[float])


# kernel, the same in float64, largest error in ulp (as scalar.py states it), values at SPECIAL
FUNCTIONS = [
    (exp, np.exp, 1.1, [1, INF, 0, NAN, 1, INF, 0]),
    (exp_below_zero, lambda x: np.exp(-np.abs(x)), 1, [1, 0, 0, NAN, 1, 0, 0]),
    (expm1, np.expm1, 1.5, [0, INF, -1, NAN, 2.0**-148, INF, -1]),
    (tanh, np.tanh, 2.6, [0, 1, -1, NAN, 2.0**-148, 1, -1]),
    (sigmoid, lambda x: np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))), 3, [0.5, 1, 0, NAN, 0.5, 1, 0]),
    (log, np.log, 0.9, [-INF, INF, NAN, NAN, -148 * math.log(2), math.log(3e38), NAN]),
    (log1p, np.log1p, 1.5, [0, INF, NAN, NAN, 2.0**-148, math.log(3e38), NAN]),
    (erf, python(math.erf), 1.1, [0, 1, -1, NAN, 2.0**-148, 1, -1]),
    (normal_below, python(lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5))), 5.5, [0.5, 1, 0, NAN, 0.5, 1, 0]),
    (gauss, lambda x: np.exp(-0.5 * x * x), 1.5, [1, 0, 0, NAN, 1, 0, 0]),
]
SPECIAL = [0, INF, -INF, NAN, 2.0**-148, 3e38, -3e38]
# Smaller results may be 0.
ZERO_BELOW = {exp_below_zero: 2.0**-126, sigmoid: 2.0**-126, gauss: 1.3e-38, normal_below: 4e-40}
every_function = pytest.mark.parametrize(
    ("run", "exact", "ulps", "special"), FUNCTIONS, ids=[row[0].__name__ for row in FUNCTIONS]
)
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off


def computed(run, x):
    y = np.empty_like(x)
    run(x, y)
    return y


@quiet
@every_function
def test_error_is_what_the_docstring_says(run, exact, ulps, special):
    step = 1_000_003 if numba.config.DISABLE_JIT else 9_973 if exact.__class__ is np.vectorize else 1_009
    x = np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32).view(np.float32)
    y, expected = computed(run, x).astype("float64"), exact(x.astype("float64"))
    np.testing.assert_array_equal(np.isnan(y), np.isnan(expected))
    nearest = expected.astype(np.float32)
    ulp = np.spacing(np.abs(nearest)).astype("float64")
    finite = np.isfinite(ulp)
    tiny = np.abs(nearest) < ZERO_BELOW.get(run, 0)
    assert np.all(np.abs(y[tiny]) <= ZERO_BELOW.get(run, 0))
    finite &= ~tiny
    np.testing.assert_array_equal(y[np.isinf(nearest)], nearest[np.isinf(nearest)])
    error = np.abs(y[finite] - expected[finite]) / ulp[finite]
    worst = error.argmax()
    assert error[worst] <= ulps, f"{error[worst]:.2f} ulp at {x[finite][worst]!r}"


@quiet
@every_function
def test_special_values(run, exact, ulps, special):
    y = computed(run, np.array(SPECIAL, np.float32))
    np.testing.assert_allclose(y, np.array(special, np.float32), rtol=2e-7)


@quiet
@every_function
def test_float64_is_the_librarys(run, exact, ulps, special, rng):
    x = rng.uniform(-0.9, 5, 100)
    np.testing.assert_allclose(computed(run, x), exact(x), rtol=1e-14)
