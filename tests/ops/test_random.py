"""Seeding, streams and dropout as TensorFlow has them; numbers from ``tests/reference/make_random.py``."""

import platform
from pathlib import Path

import numba
import numpy as np
import pytest

from microdl.core.constant import constant
from microdl.core.random_state import random_state
from microdl.core.tape import GradientTape
from microdl.ops import random

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "random.npz")
SAME_LIBRARY = not numba.config.DISABLE_JIT and platform.libc_ver()[0] == "glibc"
SIZES = (1, 5, 6, 9, 13, 2)


@pytest.fixture(autouse=True)
def _unseeded_afterwards():
    yield
    random.set_seed(None)


def assert_same(tensor, name, exact=True):
    actual, expected = np.asarray(tensor), REFERENCE[name]
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    if exact or SAME_LIBRARY:
        np.testing.assert_array_equal(actual, expected)
    else:  # normals through another C library's log, sin and cos
        np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_set_seed_42_gives_the_numbers_everyone_has_seen():
    random.set_seed(42)
    expected = [[0.6645621, 0.44100678], [0.3528825, 0.46448255], [0.03366041, 0.68467236]]
    np.testing.assert_array_equal(random.uniform((3, 2)), np.float32(expected))


@pytest.mark.parametrize(
    ("kind", "draw", "exact"),
    [
        ("uniform", lambda n: random.uniform([n], seed=3), True),
        ("uniform64", lambda n: random.uniform([n], seed=3, dtype="float64"), True),
        ("normal", lambda n: random.normal([n], seed=3), False),
        ("truncated", lambda n: random.truncated_normal([n], seed=3), False),
        ("integers", lambda n: random.uniform([n], 0, 1000, "int64", seed=3), True),
        (
            "shuffle",
            lambda n: random.shuffle(np.repeat(np.arange(n, dtype=np.int32)[:, None], 2, axis=1), seed=3),
            True,
        ),
        ("dropout", lambda n: random.dropout(np.arange(1, n + 1, dtype=np.float32), 0.3, seed=3), True),
    ],
)
def test_calls_with_one_seed_read_on_in_one_stream(kind, draw, exact):
    random.set_seed(5)
    assert_same(np.concatenate([np.ravel(draw(n)) for n in SIZES]), f"sequence/{kind}", exact)


def test_global_seed_alone_gives_every_op_a_seed_of_its_own():
    random.set_seed(11)
    drawn = [random.uniform([3]), random.uniform([3]), random.normal([3])]
    assert_same(np.array(drawn), "seeding/global", exact=False)
    assert_same(
        np.array([random.uniform([3], seed=8), random.uniform([3], seed=8), random.uniform([3])]), "seeding/both"
    )


def test_negative_and_zero_seeds_are_those_of_tensorflow():
    random.set_seed(-3)
    assert_same(np.array([random.uniform([3]), random.uniform([3], seed=-8)]), "seeding/negative")
    random.set_seed(0)
    assert_same(random.uniform([3], seed=0), "seeding/zeros")


def test_op_seed_alone_is_deterministic():
    for _ in range(2):
        random.set_seed(None)
        assert_same(np.array([random.uniform([3], seed=8), random.uniform([3], seed=8)]), "seeding/op")


def test_no_seed_at_all_differs_from_run_to_run():
    drawn = []
    for _ in range(2):
        random.set_seed(None)
        drawn += [random.uniform([4]).numpy(), random.uniform([4]).numpy()]
    assert len({d.tobytes() for d in drawn}) == 4


def test_set_seed_starts_streams_anew():
    random.set_seed(9)
    first = [
        random.uniform([5]).numpy(),
        random.normal([3], seed=1).numpy(),
        random.shuffle(np.arange(9), seed=2).numpy(),
    ]
    random.set_seed(9)
    again = [
        random.uniform([5]).numpy(),
        random.normal([3], seed=1).numpy(),
        random.shuffle(np.arange(9), seed=2).numpy(),
    ]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_ranges_and_dropout_follow_tensorflow_step_by_step():
    random.set_seed(12)
    x = np.arange(1, 85, dtype=np.float32).reshape(3, 4, 7)
    assert_same(random.dropout(x, 0.4), "dropout/plain")
    assert_same(random.dropout(x, 0.4, noise_shape=[3, 1, 7]), "dropout/noise_shape")
    assert_same(random.dropout(x, 0.0), "dropout/rate_zero")
    assert_same(random.dropout(x, constant(0.4)), "dropout/tensor_rate")
    assert_same(random.uniform([101], -0.37, 1.91), "scaled/uniform")
    assert_same(random.normal([101], 0.3, 1.7), "scaled/normal", exact=False)
    assert_same(random.truncated_normal([101], 0.3, 1.7), "scaled/truncated", exact=False)
    assert_same(random.uniform([2, 3], constant([0.0, 1.0, 2.0]), constant(3.3)), "scaled/tensors")


@pytest.mark.parametrize("pair", [(1, 2), (-5, 2**40)])
def test_stateless_numbers_follow_from_their_seed_alone(pair):
    name = f"stateless/{pair[0]}/{pair[1]}"
    for _ in range(2):
        assert_same(random.stateless_uniform([11], pair, -1.0, 2.0), f"{name}/uniform")
        assert_same(random.stateless_uniform([11], pair, 5, 500, "int32"), f"{name}/integers")
        assert_same(random.stateless_normal([11], pair, 0.5, 2.0, "float64"), f"{name}/normal", exact=False)
        assert_same(random.stateless_truncated_normal([11], pair), f"{name}/truncated", exact=False)


def test_position_survives_the_end_of_the_low_counter():
    random.set_seed(3)
    seeds = random_state.op_seeds(4)
    random_state.reserve("test", "float32", seeds, 2**64 - 1)
    assert [int(n) for n in random_state.reserve("test", "float32", seeds, 2)] == [3, 2**64 - 1, 4]
    assert [int(n) for n in random_state.reserve("test", "float32", seeds, 1)] == [3, 1, 5]


def test_ops_without_a_seed_of_their_own_leave_nothing_behind():
    random.set_seed(3)
    for _ in range(5):
        random.uniform([2])
    assert random_state._positions == {}


def test_dropout_gradient_is_the_mask_scaled():
    x = constant(np.ones((50, 7), np.float32))
    with GradientTape() as tape:
        tape.watch(x)
        y = random.dropout(x, 0.25)
    np.testing.assert_array_equal(tape.gradient(y, x), y)


def test_dropout_gradient_has_a_gradient():
    x = constant(np.ones(40, np.float32))
    with GradientTape() as outer:
        outer.watch(x)
        with GradientTape() as tape:
            tape.watch(x)
            y = random.dropout(x, 0.5) * x
        dx = tape.gradient(y, x)  # 2 x mask / 0.5
    np.testing.assert_array_equal(outer.gradient(dx, x), 4.0 * (np.asarray(y) > 0))


def test_gradient_flows_to_a_mean_given_as_a_tensor():
    mean = constant([1.0, 2.0])
    with GradientTape() as tape:
        tape.watch(mean)
        y = random.normal([3, 2], mean, 0.5)
    np.testing.assert_array_equal(tape.gradient(y, mean), [3.0, 3.0])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1, 1)])
def test_shapes_without_or_with_one_element_work(shape):
    for y in (
        random.uniform(shape),
        random.normal(shape),
        random.truncated_normal(shape),
        random.uniform(shape, 0, 9, "int32"),
    ):
        assert y.shape == shape
    assert random.dropout(np.ones(shape, np.float32), 0.5).shape == shape
    if shape:
        assert random.shuffle(np.ones(shape)).shape == shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random.uniform([2], dtype="int32"), "random.uniform: maxval must be given for dtype int32"),
        (lambda: random.uniform([2], 5, 5, "int32"), r"random.uniform: need minval < maxval, got 5 >= 5"),
        (
            lambda: random.uniform([2], 0, 2**31, "int32"),
            r"random.uniform: \[0, 2147483648\) does not fit into dtype int32",
        ),
        (lambda: random.uniform([2], dtype="bool"), "random numbers are float32 or float64 .*, got dtype bool"),
        (lambda: random.normal([2], dtype="int32"), "random numbers are float32 or float64 .*, got dtype int32"),
        (lambda: random.normal([2, -1]), r"a random tensor needs a shape of sizes >= 0, got \(2, -1\)"),
        (lambda: random.shuffle(3.0), r"random.shuffle: value must have at least one axis, got a scalar of shape \(\)"),
        (lambda: random.dropout(np.ones(3, np.float32), 1.0), r"dropout: rate is the fraction .* in \[0, 1\), got 1.0"),
        (lambda: random.dropout([1, 2], 0.5), r"dropout: x must be floating .*, got int32, shape \(2,\)"),
        (
            lambda: random.dropout(np.ones((2, 3), np.float32), 0.5, [2]),
            r"dropout: noise_shape \(2,\) has 1 axes, x of shape",
        ),
        (lambda: random.stateless_uniform([2], [1, 2, 3]), r"takes a seed of two integers, got \[1, 2, 3\]"),
    ],
)
def test_errors_say_what_was_expected_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integer_limits_must_be_integers():
    with pytest.raises(TypeError, match=r"random.uniform: maxval must be an integer for an integer dtype, got 2.5"):
        random.uniform([2], 0, 2.5, "int32")


def test_a_seed_that_is_no_integer_is_refused():
    with pytest.raises(TypeError, match=r"^set_seed: an int is expected \(or None\), got 1.9$"):
        random.set_seed(1.9)
