"""Kernels that move data, and the gradients of those that copy an element to several places."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

array = cpu.array


def filled(kernel, *arguments, shape, dtype=float):
    """The output of a kernel, which must write every element of it."""
    y = np.full(shape, 77, dtype)
    getattr(array, kernel)(*arguments, y)
    return y


def test_cast_cuts_fractions_and_wraps_integers():
    y = filled("cast", np.array([1.7, -1.7, 0.2]), shape=3, dtype=np.int32)
    np.testing.assert_array_equal(y, [1, -1, 0])
    np.testing.assert_array_equal(filled("cast", np.array([300, -1]), shape=2, dtype=np.uint8), [44, 255])
    np.testing.assert_array_equal(filled("cast", np.array([0.5, 0, np.nan]), shape=3, dtype=bool), [True, False, True])
    assert filled("cast", np.array(True), shape=(), dtype=np.float32) == 1


def test_cast_of_nan_to_an_integer_does_not_warn():
    filled("cast", np.array([np.nan, np.inf]), shape=2, dtype=np.int32)


def test_fill_broadcast_transpose_and_reverse(rng):
    x = rng.normal(size=(2, 1, 4))
    np.testing.assert_array_equal(filled("fill", 3, shape=(2, 0, 3)), np.full((2, 0, 3), 3))
    np.testing.assert_array_equal(filled("broadcast_to", x, shape=(5, 2, 3, 4)), np.broadcast_to(x, (5, 2, 3, 4)))
    np.testing.assert_array_equal(filled("transpose", x, (2, 0, 1), shape=(4, 2, 1)), x.transpose(2, 0, 1))
    np.testing.assert_array_equal(filled("reverse", x, (0, 2), shape=x.shape), x[::-1, :, ::-1])


def test_concat_and_split_are_inverse(rng):
    for axis in range(3):
        sizes = [3, 0, 2]
        parts = [np.moveaxis(rng.normal(size=(n, 2, 4)), 0, axis) for n in sizes]
        whole = np.concatenate(parts, axis)
        np.testing.assert_array_equal(filled("concat", parts, axis, shape=whole.shape), whole)
        back = [np.full(part.shape, 77.0) for part in parts]
        array.split(whole, axis, back)
        for part, copy in zip(parts, back, strict=True):
            np.testing.assert_array_equal(copy, part)


def test_stack_adds_an_axis(rng):
    parts = [rng.normal(size=(2, 3)) for _ in range(4)]
    for axis in range(3):
        expected = np.stack(parts, axis)
        np.testing.assert_array_equal(filled("stack", parts, axis, shape=expected.shape), expected)


def test_pad_surrounds_with_a_value(rng):
    x, paddings = rng.normal(size=(2, 3)), ((1, 0), (0, 2))
    expected = np.pad(x, paddings, constant_values=5)
    np.testing.assert_array_equal(filled("pad", x, paddings, 5, shape=expected.shape), expected)


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_mirror_pad_and_its_gradient(mode, rng):
    x, paddings = rng.normal(size=(3, 4)), ((2, 1), (0, 3))
    expected = np.pad(x, paddings, mode=mode)
    np.testing.assert_array_equal(filled("mirror_pad", x, paddings, mode, shape=expected.shape), expected)
    dy, dx = rng.normal(size=expected.shape), np.zeros(x.size)
    np.add.at(dx, np.pad(np.arange(12).reshape(3, 4), paddings, mode=mode), dy)
    np.testing.assert_allclose(filled("mirror_pad_grad", dy, paddings, mode, shape=x.shape).ravel(), dx, rtol=1e-14)


def test_tile_repeats_each_axis(rng):
    for shape, multiples in [((), ()), ((2, 3), (3, 1)), ((2, 3), (2, 0)), ((1, 3, 2), (2, 2, 2))]:
        x = rng.normal(size=shape)
        expected = np.tile(x, multiples)
        np.testing.assert_array_equal(filled("tile", x, multiples, shape=expected.shape), expected)


def test_strided_slice_and_its_gradient(rng):
    x = rng.normal(size=(5, 6))
    for index in [(2,), (slice(None, None, -2), slice(1, 5)), (Ellipsis, None, 0), (slice(4, 1), slice(None))]:
        y = filled("strided_slice", x, index, shape=x[index].shape)
        np.testing.assert_array_equal(y, x[index])
        expected = np.zeros_like(x)
        expected[index] = y
        np.testing.assert_array_equal(filled("strided_slice_grad", y, index, shape=x.shape), expected)


def test_gather_and_its_gradient(rng):
    for outer, rows, inner, count in [(1, 5, 1, 4), (2, 7, 130, 300), (3, 4, 2, 0), (2, 3, 0, 4)]:
        params, indices = rng.normal(size=(outer, rows, inner)), rng.integers(0, rows, count)
        y = filled("gather", params, indices, shape=(outer, count, inner))
        np.testing.assert_array_equal(y, params[:, indices])
        expected = np.zeros_like(params)
        np.add.at(expected, (slice(None), indices), y)
        dparams = filled("gather_grad", y, indices, shape=params.shape)
        np.testing.assert_allclose(dparams, expected, rtol=1e-12, atol=1e-12)


def test_gather_gradient_does_not_depend_on_the_number_of_threads(rng, same_bits):
    dy, indices = rng.normal(size=(1, 900, 300)).astype(np.float32), rng.integers(0, 9, 900)
    same_bits(lambda: [filled("gather_grad", dy, indices, shape=(1, 9, 300), dtype=np.float32)])


def test_one_hot_leaves_out_what_is_outside():
    indices = np.array([[0, -1], [2, 3]])  # (outer, inner)
    y = filled("one_hot", indices, 5, -5, shape=(2, 3, 2))
    np.testing.assert_array_equal(y[:, :, 0], [[5, -5, -5], [-5, -5, 5]])
    np.testing.assert_array_equal(y[:, :, 1], np.full((2, 3), -5))


def test_sequences():
    steps = np.float32(0.1) * np.arange(100, dtype=np.float32)
    np.testing.assert_array_equal(filled("arange", 0, 0.1, shape=100, dtype=np.float32), steps)
    np.testing.assert_array_equal(filled("arange", 5, -2, shape=3, dtype=np.int32), [5, 3, 1])
    np.testing.assert_allclose(filled("linspace", 1, 4, shape=7, dtype=np.float32), np.linspace(1, 4, 7), rtol=1e-6)
    assert filled("linspace", 0.1, 0.7, shape=11, dtype=np.float32)[-1] == np.float32(0.7)
    assert filled("linspace", 3, 5, shape=1) == 3
    np.testing.assert_array_equal(filled("eye", shape=(2, 3, 4)), np.broadcast_to(np.eye(3, 4), (2, 3, 4)))
