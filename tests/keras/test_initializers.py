"""Initializers against numbers frozen from TensorFlow (``tests/reference/make_random.py``)."""

import platform
from pathlib import Path

import numba
import numpy as np
import pytest

from microdl.core import dtypes
from microdl.keras import initializers
from microdl.ops import random

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "random.npz")
SAME_LIBRARY = not numba.config.DISABLE_JIT and platform.libc_ver()[0] == "glibc"
DRAWN = {
    "random_uniform": initializers.RandomUniform,
    "random_normal": initializers.RandomNormal,
    "truncated_normal": initializers.TruncatedNormal,
    "glorot_uniform": initializers.GlorotUniform,
    "glorot_normal": initializers.GlorotNormal,
    "he_uniform": initializers.HeUniform,
    "he_normal": initializers.HeNormal,
    "lecun_uniform": initializers.LecunUniform,
    "lecun_normal": initializers.LecunNormal,
    "untruncated": lambda seed: initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=seed),
    "orthogonal": lambda seed: initializers.Orthogonal(1.5, seed=seed),
}


@pytest.fixture(autouse=True)
def _unseeded_afterwards():
    yield
    random.set_seed(None)


@pytest.mark.parametrize("seed", [None, 4])
def test_values_are_tensorflows_in_the_order_of_the_calls(seed):
    random.set_seed(21)
    for name, make in DRAWN.items():
        for shape in ((2, 3), (5, 5, 3, 4)):
            value, expected = np.asarray(make(seed=seed)(shape)), REFERENCE[f"initializer/{name}/{seed}/{len(shape)}"]
            if name == "orthogonal":  # through LAPACK, which rounds in an order of its own
                np.testing.assert_allclose(value, expected, rtol=0, atol=2e-6)
            elif "uniform" in name or SAME_LIBRARY:
                np.testing.assert_array_equal(value, expected, err_msg=name)
            else:
                np.testing.assert_allclose(value, expected, rtol=1e-6, err_msg=name)


def test_dense_layer_after_set_seed_1_gives_the_known_outputs():
    random.set_seed(1)
    glorot = initializers.get("glorot_uniform")
    weight, bias = np.asarray(glorot((2, 3))), np.asarray(glorot((1, 3)))
    np.testing.assert_array_equal(np.concatenate([weight, bias]), REFERENCE["dense/weights"])
    output = 1 / (1 + np.exp(-(np.array([[1.0, 2.0]]) @ weight + bias)))
    np.testing.assert_allclose(output, [[0.2697859, 0.45750418, 0.66536945]], rtol=2e-7)


def test_a_seeded_initializer_gives_the_same_values_at_every_call():
    initializer = initializers.HeNormal(seed=3)
    np.testing.assert_array_equal(initializer((3, 4)), initializer((3, 4)))


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (2, 3, 5)])
def test_orthogonal_matrices_are_orthogonal(shape):
    matrix = np.asarray(initializers.Orthogonal(seed=1)(shape, "float64")).reshape(-1, shape[-1])
    rows, columns = matrix.shape
    product = matrix @ matrix.T if rows < columns else matrix.T @ matrix
    np.testing.assert_allclose(product, np.eye(min(rows, columns)), atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "expected"), [((), (1, 1)), ((7,), (7, 7)), ((7, 3), (7, 3)), ((5, 5, 16, 36), (400, 900))]
)
def test_fans_count_filter_positions(shape, expected):
    assert initializers.fans(shape) == expected


@pytest.mark.parametrize(("name", "value"), [("zeros", 0), ("ones", 1)])
@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64, dtypes.int64])
def test_zeros_and_ones_have_shape_and_dtype(name, value, dtype):
    result = initializers.get(name)((2, 3), dtype)
    assert result.dtype is dtype
    np.testing.assert_array_equal(result, np.full((2, 3), value))


def test_constant_fills_or_takes_the_array_s_elements():
    np.testing.assert_array_equal(initializers.Constant(2.5)((2, 2)), np.full((2, 2), 2.5))
    np.testing.assert_array_equal(initializers.Constant([1.0, 2.0])((2,), "float64"), [1.0, 2.0])


@pytest.mark.parametrize("identifier", ["glorot_uniform", "GlorotUniform", initializers.GlorotUniform])
def test_get_finds_by_name_and_class(identifier):
    assert isinstance(initializers.get(identifier), initializers.GlorotUniform)


def test_get_leaves_none_and_functions_alone():
    def ones(shape, dtype):
        return np.ones(shape)

    assert initializers.get(None) is None
    assert initializers.get(ones) is ones


@pytest.mark.parametrize(
    "make", [*DRAWN.values(), lambda seed: initializers.Constant(3), lambda seed: initializers.Zeros()]
)
def test_configuration_survives_serializing(make):
    original = make(seed=5)
    copy = initializers.get(initializers.serialize(original))
    assert type(copy) is type(original)
    assert copy.get_config() == original.get_config()
    np.testing.assert_array_equal(copy((3, 4)), original((3, 4)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: initializers.get("glorot"), "unknown initializer 'glorot'; there are: zeros, ones, constant"),
        (lambda: initializers.get(3), "an initializer is expected .*, got 3"),
        (lambda: initializers.VarianceScaling(scale=0), "VarianceScaling: scale must be > 0, got 0"),
        (lambda: initializers.VarianceScaling(mode="fan"), "mode must be fan_in, fan_out or fan_avg, got 'fan'"),
        (lambda: initializers.VarianceScaling(distribution="x"), "distribution must be .*, got 'x'"),
        (lambda: initializers.GlorotUniform(seed="a"), "GlorotUniform: seed must be an integer or None, got 'a'"),
        (
            lambda: initializers.GlorotUniform()((2, 3), "int32"),
            "GlorotUniform: random weights are floating, got dtype int32",
        ),
        (lambda: initializers.Orthogonal()((3,)), r"Orthogonal: a shape of two or more axes is needed, got \(3,\)"),
    ],
)
def test_errors_say_what_was_expected_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()
