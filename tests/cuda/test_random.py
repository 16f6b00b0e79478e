"""Random numbers on the emulated GPU: the CPU's bits, and streams that lie in the GPU's memory."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single = np.float32
STREAM = np.uint64(0x123456789ABCDEF0), np.uint64(2**64 - 100), np.uint64(77)  # low goes beyond 2^64 and begins anew


def drawn(random, name, stream, *args, n, dtype=single, offset=0):
    y = np.zeros(n + offset, dtype)[offset:]
    getattr(random, name)(*stream, *args, y)
    return y


@pytest.mark.parametrize("n", [0, 1, 6, 3001])
@pytest.mark.parametrize("offset", [0, 1], ids=["aligned", "a view"])
def test_uniform_numbers_have_the_bits_of_the_cpu(n, offset, cuda):
    got = drawn(cuda.random, "uniform", STREAM, single(3), single(0.3), n=n, offset=offset)
    np.testing.assert_array_equal(got, drawn(cpu.random, "uniform", STREAM, single(3), single(0.3), n=n))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("span", [1, 7, 2**31 - 1, 2**32])
def test_whole_numbers_are_those_of_the_cpu(dtype, span, cuda):
    least = -(2**31) if span == 2**32 else -3
    args = np.int64(least), np.uint64(span)
    for n in (3, 1500):
        got = drawn(cuda.random, "uniform_int", STREAM, *args, n=n, dtype=dtype)
        np.testing.assert_array_equal(got, drawn(cpu.random, "uniform_int", STREAM, *args, n=n, dtype=dtype))


@pytest.mark.parametrize("name", ["normal", "truncated_normal"])
def test_normal_numbers_differ_from_the_cpus_in_the_last_bits_at_most(name, cuda):
    for n in (1, 2, 20001):
        got = drawn(cuda.random, name, STREAM, single(1), single(0), n=n)
        expected = drawn(cpu.random, name, STREAM, single(1), single(0), n=n)
        np.testing.assert_array_max_ulp(got, expected, 3)


def test_a_stream_is_read_where_it_lies_whenever_a_kernel_runs(gpu, cuda, rng):
    place = gpu.array(np.array(STREAM, np.uint64))
    for _ in range(2):
        stream = tuple(place)
        for name, args in (("uniform", (single(1), single(0))), ("normal", (single(2), single(1)))):
            got = drawn(cuda.random, name, (place, None, None), *args, n=37)
            np.testing.assert_array_equal(got, drawn(cuda.random, name, stream, *args, n=37))
        words = drawn(cuda.random, "stream_words", (place, None, None), n=9, dtype=np.uint32)
        np.testing.assert_array_equal(words, drawn(cpu.random, "stream_words", stream, n=9, dtype=np.uint32))
        place += np.array([0, 50, 0], np.uint64)


def test_a_generators_state_moves_on_as_the_cpus_does(gpu, cuda):
    start = np.array([-300, 2**62, 12345], np.int64)  # its low half goes beyond 2^64
    state, expected = gpu.array(start), start.copy()
    y, numbers = gpu.empty((7,), single), gpu.empty((7,), single)
    for count in (7 * 256, 7 * 256, 2**64 + 5, 3):
        cuda.random.uniform(*cuda.random.taken(state, count, y), single(1), single(0), y)
        cpu.random.uniform(*cpu.random.taken(expected, count, numbers), single(1), single(0), numbers)
        np.testing.assert_array_equal(y, numbers)
        np.testing.assert_array_equal(state, expected)
    for kernels, words in ((cuda, state), (cpu, expected)):
        kernels.random.skip(words, -(2**70) - 1)
    np.testing.assert_array_equal(state, expected)
    with pytest.raises(NotImplementedError):
        cuda.random.taken(state, 4, np.zeros(1))
    np.testing.assert_array_equal(state, expected)


@pytest.mark.parametrize("n", [0, 5, 2050])
@pytest.mark.parametrize("offset", [0, 1], ids=["aligned", "a view"])
def test_dropout_and_its_gradient_have_the_bits_of_the_cpu(n, offset, cuda, rng):
    x = rng.normal(size=n + 1).astype(single)[offset : n + offset]
    results = []
    for random in (cuda.random, cpu.random):
        mask, y, dx = np.zeros(n, np.uint8), np.zeros(n, single), np.zeros(n, single)
        random.dropout(x, *STREAM, single(0.3), single(1 / 0.7), mask, y)
        random.dropout_grad(x, mask, single(1 / 0.7), dx)
        results.append((mask, y, dx))
    for got, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_where_a_stateless_stream_begins_is_known_on_the_host(cuda):
    stream, expected = np.zeros((2, 3), np.uint64)
    for random, y in ((cuda.random, stream), (cpu.random, expected)):
        random.stateless_stream(np.uint64(3), np.uint64(5), y)
    np.testing.assert_array_equal(stream, expected)
