"""What moves data on the emulated GPU does what its twin on the CPU does, to the last bit."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)


def numbers(rng, shape, dtype=np.float32):
    if np.dtype(dtype).kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    return np.asarray(100 * rng.normal(size=shape)).astype(dtype)


@pytest.fixture
def same(gpu, cuda):
    """Calls a function of both families, and compares what they write into outputs of these shapes."""

    def check(name, shapes, dtype, call):
        for family in (cuda, cpu):
            outputs = [gpu.empty(shape, dtype) for shape in shapes]
            call(getattr(family.array, name), outputs)
            if family is cuda:
                found = outputs
        for y, expected in zip(found, outputs, strict=True):
            np.testing.assert_array_equal(y, expected)

    return check


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize(
    ("shape", "perm"),
    [
        ((37, 41), (1, 0)), ((3, 33, 5, 2), (0, 2, 1, 3)), ((2, 3, 40, 36), (0, 3, 1, 2)), ((8, 4, 12), (1, 0, 2)),
        ((2, 3, 2, 3, 2, 2, 3, 2), (7, 1, 6, 3, 0, 2, 5, 4)), ((5, 1, 0, 3), (2, 3, 1, 0)), ((), ()),
    ],
)  # fmt: skip
def test_transpose(shape, perm, dtype, same, rng):
    x = numbers(rng, shape, dtype)
    same("transpose", [tuple(shape[i] for i in perm)], dtype, lambda f, ys: f(x, perm, *ys))


@pytest.mark.parametrize("order", [0, 3])
def test_transposes_wait_for_their_tiles(order, gpu, cuda, rng):
    gpu.seed, x, y = order, numbers(rng, (2, 70, 45)), gpu.empty((2, 45, 70), np.float32)
    cuda.array.transpose(x, (0, 2, 1), y)
    np.testing.assert_array_equal(y, x.transpose(0, 2, 1))


@pytest.mark.parametrize("dtype", [np.float32, bool])
def test_copies_with_steps(dtype, same, rng):
    x = numbers(rng, (6, 5, 8), dtype)
    index = (slice(None, None, -2), None, Ellipsis, slice(1, 7, 3))
    same("strided_slice", [(3, 1, 5, 2)], dtype, lambda f, ys: f(x, index, *ys))
    dy = numbers(rng, (3, 1, 5, 2), dtype)
    same("strided_slice_grad", [(6, 5, 8)], dtype, lambda f, ys: f(dy, index, *ys))
    same("strided_slice", [(8,)], dtype, lambda f, ys: f(x, (-1, 2), *ys))
    same("strided_slice", [(6, 0, 8)], dtype, lambda f, ys: f(x, (slice(None), slice(4, 1)), *ys))
    same("reverse", [x.shape], dtype, lambda f, ys: f(x, (0, 2), *ys))
    same("roll", [x.shape], dtype, lambda f, ys: f(x, (2, -3, 1), (0, 2, 0), *ys))
    same("tile", [(12, 5, 24)], dtype, lambda f, ys: f(x, (2, 1, 3), *ys))
    same("broadcast_to", [(2, 6, 5, 8)], dtype, lambda f, ys: f(x[:, :1].copy(), *ys))
    same("pad", [(6, 8, 11)], dtype, lambda f, ys: f(x, ((0, 0), (1, 2), (3, 0)), 1, *ys))
    same("concat", [(6, 10, 8)], dtype, lambda f, ys: f([x, x[:, :2].copy(), x[:, 2:].copy()], 1, *ys))
    same("stack", [(6, 5, 3, 8)], dtype, lambda f, ys: f([x, x, x], 2, *ys))
    same("split", [(6, 2, 8), (6, 0, 8), (6, 3, 8)], dtype, lambda f, ys: f(x, 1, ys))


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
@pytest.mark.parametrize("paddings", [((2, 1), (0, 0), (3, 3)), ((0, 0), (0, 0), (0, 0))])
def test_mirrored_margins(mode, paddings, same, rng):
    x = numbers(rng, (5, 2, 4))
    padded = tuple(n + sum(pair) for n, pair in zip(x.shape, paddings, strict=True))
    same("mirror_pad", [padded], np.float32, lambda f, ys: f(x, paddings, mode, *ys))
    dy = numbers(rng, padded)
    same("mirror_pad_grad", [x.shape], np.float32, lambda f, ys: f(dy, paddings, mode, *ys))


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("float32", "int32"), ("int64", "float32"), ("uint8", "float32"), ("float32", "bool"), ("bool", "int64"),
        ("int32", "int32"), ("int64", "int32"),
    ],
)  # fmt: skip
def test_casts(kind, other, same, rng):
    x = numbers(rng, 1030, kind)
    same("cast", [x.shape], other, lambda f, ys: f(x, *ys))


def test_what_no_kernel_is_for_is_named(cuda, gpu):
    with pytest.raises(NotImplementedError, match=r"array\.arange of float16"):
        cuda.array.arange(0, 1, gpu.empty(3, np.float16))


def test_arrays_out_of_nothing(same):
    for dtype in (np.float32, np.int64):
        same("arange", [(1030,)], dtype, lambda f, ys: f(3, -2, *ys))
        same("eye", [(2, 5, 7)], dtype, lambda f, ys: f(*ys))
        same("fill", [(1030,)], dtype, lambda f, ys: f(-7, *ys))
    same("arange", [(1030,)], np.float32, lambda f, ys: f(0.1, 0.3, *ys))
    same("linspace", [(37,)], np.float32, lambda f, ys: f(-1, 0.7, *ys))
    same("linspace", [(1,)], np.float32, lambda f, ys: f(-1, 0.7, *ys))
    same("fill", [(33,)], bool, lambda f, ys: f(True, *ys))


@pytest.mark.parametrize("dtype", [np.float32, bool])
def test_one_hot(dtype, same):
    indices = np.array([[0, 3, -1], [5, 4, 2]], np.int32)
    on, off = np.dtype(dtype).type(1), np.dtype(dtype).type(0)
    same("one_hot", [(2, 5, 3)], dtype, lambda f, ys: f(indices, on, off, *ys))


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("inner", [1, 6, 8])
def test_gather_and_its_gradient(index, inner, same, any_order, rng):
    params, indices = numbers(rng, (2, 9, inner)), rng.integers(0, 9, 40).astype(index)
    same("gather", [(2, 40, inner)], np.float32, lambda f, ys: f(params, indices, *ys))
    dy = numbers(rng, (2, 40, inner))
    same("gather_grad", [params.shape], np.float32, lambda f, ys: f(dy, indices, *ys))


def test_what_goes_to_one_place_is_added_in_order(same, rng):
    indices, dy = rng.integers(0, 300, 3000), numbers(rng, (1, 3000, 2))
    same("gather_grad", [(1, 300, 2)], np.float32, lambda f, ys: f(dy, indices, *ys))
    same("gather_grad", [(1, 4, 2)], np.float32, lambda f, ys: f(dy[:, :0], indices[:0], *ys))


def test_indices_outside_give_zeros_and_take_no_gradient(cuda, gpu, rng):
    params, indices = numbers(rng, (1, 3, 2)), np.array([2, -1, 3])
    y, dparams = gpu.empty((1, 3, 2), np.float32), gpu.empty((1, 3, 2), np.float32)
    cuda.array.gather(params, indices, y)
    np.testing.assert_array_equal(y[0], [params[0, 2], [0, 0], [0, 0]])
    cuda.array.gather_grad(np.ones_like(y), indices, dparams)
    np.testing.assert_array_equal(dparams[0], [[0, 0], [0, 0], [1, 1]])
