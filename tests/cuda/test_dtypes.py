"""Kernels for every type of number on the emulated GPU, beside the CPU's: casts, movement, arithmetic, what walks."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

launch = pytest.importorskip("microdl.kernels.cuda.launch", exc_type=ImportError)


def numbers(rng, shape, dtype, least=None):
    """Numbers of a dtype's whole range, and its ends among them; floats of moderate size."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, shape).astype(bool)
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min if least is None else least, limits.max, shape, dtype, endpoint=True)
    x.flat[:2] = limits.max, limits.min if least is None else least
    return x


@pytest.fixture
def same(gpu, cuda):
    """Calls a function of both families, and compares what they write into outputs of (shape, dtype)."""

    def check(family, name, outputs, *args, tolerance=0.0):
        written = []
        for kernels in (cuda, cpu):
            arrays = [gpu.empty(*output) for output in outputs]
            getattr(getattr(kernels, family), name)(*args, *arrays)
            written.append(arrays)
        for found, expected in zip(*written, strict=True):
            np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)

    return check


@pytest.mark.parametrize(
    ("kind", "other"),
    [("float64", "float32"), ("int8", "float32"), ("uint64", "int16"), ("bool", "float16")],
)
def test_casts(kind, other, same, rng):
    x = numbers(rng, 1030, kind)
    same("array", "cast", [(x.shape, other)], x)


def test_floats_that_do_not_fit_lose_bits_as_on_the_cpu(same):
    x = np.array([-1, 255.9, 256, -300.5, 3.7, np.nan], np.float32)
    for other in ("uint8", "int16"):
        same("array", "cast", [(x.shape, other)], x)


def test_every_float16_goes_to_float32_and_back(same, gpu, cuda):
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    same("array", "cast", [(x.shape, "float32")], x)
    found = gpu.empty(x.shape, np.float16)
    cuda.array.cast(x.astype(np.float32), found)
    assert np.array_equal(found[~np.isnan(x)].view(np.uint16), x[~np.isnan(x)].view(np.uint16))
    assert np.isnan(found[np.isnan(x)]).all()


def test_float16_is_the_nearest_one(same, rng):
    halves = np.arange(0, 0x7BFF, 37, dtype=np.uint16).view(np.float16).astype(np.float32)
    middle = (halves[1:] + halves[:-1]) / 2
    random = (rng.normal(size=900) * 10.0 ** rng.integers(-9, 6, 900)).astype(np.float32)
    ends = np.array([65519, 65520, 1e9, -np.inf, 2**-25, 3 * 2**-26], np.float32)
    x = np.concatenate([middle, -middle, random, ends])
    with np.errstate(over="ignore"):
        same("array", "cast", [(x.shape, "float16")], x)


FEW = {
    "uint8": ["add", "floormod"], "int8": ["floordiv"], "uint32": ["maximum"], "uint64": ["floordiv"],
    "float64": ["multiply", "floordiv_real", "floormod"],
}  # fmt: skip


@pytest.mark.parametrize("dtype", FEW)
def test_arithmetic(dtype, same, rng):
    a, b = numbers(rng, 300, dtype), numbers(rng, 300, dtype, least=1)[::-1].copy()
    with np.errstate(over="ignore"):
        for name in FEW[dtype]:
            same("elementwise", name, [((300,), dtype)], a, b, None)


def test_a_division_by_zero_that_nobody_looked_for_does_not_stop_the_gpu(cuda, gpu):
    y = gpu.empty(3, np.int32)
    for name in ("floordiv", "floormod"):
        getattr(cuda.elementwise, name)(np.array([7, -7, 0], np.int32), np.array([0, 2, 0], np.int32), None, y)
        assert y.tolist() == [0, -4 if name == "floordiv" else 1, 0]


@pytest.mark.parametrize(
    ("dtype", "shape"), [("int8", (2, 1100, 1)), ("float64", (2, 1100, 1)), ("float64", (2, 70, 3))]
)
def test_walks(dtype, shape, same, rng):
    x, out = numbers(rng, shape, dtype), (shape[0], shape[2])
    same("reduction", "reduce_sum", [(out, dtype)], x, tolerance=1e-14 if dtype == "float64" else 0)
    same("reduction", "reduce_max", [(out, dtype)], x)
    same("scan", "argmin", [(out, "int64")], x)
    same("scan", "cumsum", [(shape, dtype)], x, True, True, tolerance=1e-13 if dtype == "float64" else 0)


@pytest.mark.parametrize("dtype", ["uint32", "uint64"])
def test_sums_of_unsigned_numbers_wrap_around(dtype, same, rng):
    x = numbers(rng, (2, 90, 1), dtype)
    same("reduction", "reduce_sum", [((2, 1), dtype)], x)
    same("scan", "cumsum", [(x.shape, dtype)], x, False, False)


def test_matrix_products_of_float64(same, rng):
    a, b = numbers(rng, (2, 5, 9), "float64"), numbers(rng, (1, 7, 9), "float64")
    same("matmul", "matmul", [((2, 5, 7), "float64")], a, b, False, True, tolerance=1e-14)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
def test_tiles_are_transposed_whatever_their_numbers_are(dtype, same, any_order, rng):
    x = rng.integers(0, 255, (3, 37, 70)).astype(dtype)
    same("array", "transpose", [((3, 70, 37), dtype)], x, (0, 2, 1))
    same("array", "transpose", [((70, 3, 37), dtype)], x, (2, 0, 1))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_place_that_most_rows_name(dtype, same, any_order, rng):
    """Whole runs of it are put together by other threads."""
    places = np.where(rng.random(700) < 0.8, 4, rng.integers(0, 9, 700))
    x = rng.integers(-9 if dtype != "uint8" else 0, 9, (2, 700, 3)).astype(dtype)
    same("array", "gather_grad", [((2, 9, 3), dtype)], x, places)
    x[0, 300, 1] = 99
    same("scatter", "segment_max", [((10, 3), dtype)], x[0].copy(), places, x.dtype.type(0))
    if dtype == "float32":
        x[0, 300, 1] = np.nan
        same("scatter", "segment_sum", [((10, 3), dtype)], x[0].copy(), places)


@pytest.mark.parametrize("dtype", ["float64", "uint32"])
def test_order_of_long_numbers(dtype, same, rng):
    x = numbers(rng, (2, 40), dtype).round(1 if dtype == "float64" else 0)
    if dtype == "float64":
        x[0, :6] = [np.nan, -0.0, 0.0, np.inf, -np.inf, -1e-310]
    same("scatter", "top_k", [((2, 40), dtype), ((2, 40), "int32")], x)
    same("scan", "argmax", [((2, 1), "int64")], x[:, :, None])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_the_few_greatest_of_long_rows(dtype, same, any_order, rng):
    x = rng.integers(-120, 120, (2, 5000)).astype(dtype)  # with ties
    for k in (1, 300):
        same("scatter", "top_k", [((2, k), dtype), ((2, k), "int32")], x)


def test_what_32_bits_cannot_count_is_refused(cuda, gpu):
    large = np.broadcast_to(np.float32(0), (1, 2**31 + 8, 2))
    y = gpu.empty((1, 3, 2), np.float32)
    with pytest.raises(NotImplementedError, match="more than 2147483647 elements"):
        cuda.array.gather(large, np.zeros(3, np.int32), y)
    with pytest.raises(NotImplementedError, match="more than 2147483647 elements"):
        cuda.array.strided_slice(large, (0, slice(0, 3)), y)
    with pytest.raises(NotImplementedError, match=r"unary\._negative.* of more than 2147483647 elements"):
        cuda.unary._negative.of(y)(1, y, y, 2**31, 0)
