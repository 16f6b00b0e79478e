"""Philox streams against numbers frozen from TensorFlow (``tests/reference/make_random.py``)."""

import hashlib
import platform
from pathlib import Path

import numba
import numpy as np
import pytest

from microdl.core.kernels import cpu

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "random.npz")
KERNELS = cpu.random
JIT = not numba.config.DISABLE_JIT

# Uniform numbers, integers and shuffles are TensorFlow's bits everywhere. Normals go through log, sin and cos of the C
# library, as TensorFlow's do: with glibc the bits agree, another library may round some results differently.
NORMAL_ULPS = 0 if JIT and platform.libc_ver()[0] == "glibc" else 4


def stream(seed, seed2, block=0):
    return np.uint64(seed), np.uint64(block), np.uint64(seed2)


def drawn(kind, dtype, seed, seed2, n):
    """n numbers of the stream from its beginning."""
    y = np.empty(n, dtype)
    if kind == "uniform_int":
        low, high = (-1000, 2**31 - 1) if dtype == "int32" else (-1000, 2**62 + 5)
        KERNELS.uniform_int(*stream(seed, seed2), np.int64(low), np.uint64(high - low), y)
    else:
        getattr(KERNELS, kind)(*stream(seed, seed2), y.dtype.type(1), y.dtype.type(0), y)
    return y


def ulps(a, b):
    """Largest distance in units in the last place."""
    integer = f"int{8 * a.itemsize}"
    return int(np.abs(a.view(integer).astype(object) - b.view(integer).astype(object)).max(initial=0))


def cases(*kinds):
    """(kind, dtype, seed, seed2, n) of the frozen arrays; without the JIT only the small ones."""
    found = []
    for name in REFERENCE.files:
        kind, *rest = name.split("/")
        if kind in kinds and rest[-1] != "sha256" and (JIT or int(rest[-1]) < 2000):
            dtype, seed, seed2, n = rest if len(rest) == 4 else ["int64", *rest]
            found.append((kind, dtype, int(seed), int(seed2), int(n)))
    return found


@pytest.mark.parametrize(("kind", "dtype", "seed", "seed2", "n"), cases("uniform", "uniform_int"))
def test_uniform_numbers_have_tensorflows_bits(kind, dtype, seed, seed2, n):
    name = f"{kind}/{dtype}/{seed}/{seed2}/{n}"
    y = drawn(kind, dtype, seed, seed2, n)
    if n > 2000:
        assert hashlib.sha256(y.tobytes()).hexdigest() == str(REFERENCE[f"{name}/sha256"])
        y = y[::97]
    np.testing.assert_array_equal(y, REFERENCE[name])


@pytest.mark.parametrize(("kind", "dtype", "seed", "seed2", "n"), cases("normal", "truncated_normal"))
def test_normals_agree_to_the_last_bit_where_the_c_library_is_the_same(kind, dtype, seed, seed2, n):
    y = drawn(kind, dtype, seed, seed2, n)
    expected = REFERENCE[f"{kind}/{dtype}/{seed}/{seed2}/{n}"]
    assert ulps(y[::97] if n > 2000 else y, expected) <= NORMAL_ULPS


@pytest.mark.parametrize(("seed", "seed2", "n"), [case[2:] for case in cases("shuffle")])
def test_shuffle_is_tensorflows_permutation(seed, seed2, n):
    permutation = np.empty(n, np.int64)
    KERNELS.shuffle(*stream(seed, seed2), permutation)
    assert sorted(permutation) == list(range(n))
    np.testing.assert_array_equal(
        permutation[::97] if n > 2000 else permutation, REFERENCE[f"shuffle/{seed}/{seed2}/{n}"]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_an_element_depends_on_its_place_alone(kind, dtype):
    whole = drawn(kind, dtype, 3, 4, 9001 if JIT else 101)
    for n in (1, 2, 3, 7, 98):
        np.testing.assert_array_equal(drawn(kind, dtype, 3, 4, n), whole[:n])


@pytest.mark.parametrize("kind", ["uniform", "normal", "truncated_normal", "uniform_int"])
def test_same_bits_for_any_number_of_threads(kind, same_bits):
    scalars = (np.int64(0), np.uint64(1000)) if kind == "uniform_int" else (np.float32(1.3), np.float32(0.7))

    def run():
        y = np.empty(30001, np.int32 if kind == "uniform_int" else np.float32)
        getattr(KERNELS, kind)(*stream(5, 6), *scalars, y)
        return [y]

    same_bits(run)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_rounds_product_and_sum_separately(dtype):
    n = 5000 if JIT else 100
    unit, real = drawn("uniform", dtype, 1, 2, n), np.dtype(dtype).type
    y = np.empty(n, dtype)
    KERNELS.uniform(*stream(1, 2), real(2.28), real(-0.37), y)
    np.testing.assert_array_equal(y, unit * real(2.28) + real(-0.37))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dropout_keeps_where_the_uniform_stream_reaches_the_rate(dtype):
    n, real = 4099 if JIT else 99, np.dtype(dtype).type
    x = np.linspace(-3, 5, n).astype(dtype)
    y, mask, dx = np.empty_like(x), np.empty(n, np.uint8), np.empty_like(x)
    KERNELS.dropout(x, *stream(1, 2), real(0.3), real(1 / 0.7), mask, y)
    keep = drawn("uniform", dtype, 1, 2, n) >= real(0.3)
    np.testing.assert_array_equal(mask, keep)
    np.testing.assert_array_equal(y, np.where(keep, x * real(1 / 0.7), real(0)))
    KERNELS.dropout_grad(x, mask, real(1 / 0.7), dx)
    np.testing.assert_array_equal(dx, y)


def test_dropout_lets_no_dropped_nan_through():
    x = np.full(64, np.nan, np.float32)
    y, mask = np.empty_like(x), np.empty(64, np.uint8)
    KERNELS.dropout(x, *stream(1, 2), np.float32(0.5), np.float32(2), mask, y)
    np.testing.assert_array_equal(np.isnan(y), mask == 1)


def test_empty_outputs_are_fine():
    for kind in ("uniform", "normal", "truncated_normal"):
        assert drawn(kind, "float32", 1, 2, 0).size == 0
    KERNELS.shuffle(*stream(1, 2), np.empty(0, np.int64))


def test_dropout_gives_the_same_bits_for_any_number_of_threads(same_bits):
    x = np.linspace(-1, 1, 40_001 if JIT else 101).astype(np.float32)

    def run():
        y, mask = np.empty_like(x), np.empty(x.size, np.uint8)
        KERNELS.dropout(x, *stream(1, 2), np.float32(0.25), np.float32(4 / 3), mask, y)
        dx = np.empty_like(x)
        KERNELS.dropout_grad(x, mask, np.float32(4 / 3), dx)
        return [y, mask, dx]

    same_bits(run)


@pytest.mark.parametrize("capacity", [1, 3, 9, 20])
@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_numbers_pass_a_shuffle_buffer_as_the_definition_says(capacity, at_once):
    words = np.empty(12, np.uint32)
    KERNELS.stream_words(*stream(5, 8), words)
    buffer, expected, incoming = [], [], list(range(12))
    for word in words.tolist():
        while len(buffer) < capacity and incoming:
            buffer.append(incoming.pop(0))
        chosen = word % len(buffer)
        expected.append(buffer[chosen])
        buffer[chosen] = buffer[0]
        buffer.pop(0)
    ring, places, shuffled, left = np.empty(capacity, np.int64), np.zeros(3, np.int64), [], np.arange(12)
    while len(shuffled) < 12:
        room = capacity - int(places[1] - places[0]) + at_once - 1
        given, left = left[:room].copy(), left[room:]
        outgoing = np.empty(min(at_once, int(places[1] - places[0]) + len(given)), np.int64)
        KERNELS.shuffle_through(np.uint64(5), np.uint64(8), given, ring, places, outgoing)
        shuffled += outgoing.tolist()
    assert shuffled == expected
    assert places.tolist() == [12, 12, 12]
