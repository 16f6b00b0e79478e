"""Winograd's convolutions against loops over the taps in NumPy float64, and within their budget of error."""

import itertools
from fractions import Fraction

import numba
import numpy as np
import pytest

from microdl.core.kernels import cpu, support

kernel, transform = support("jit").kernel, cpu.winograd_transforms.transform

SCHEMES = [(2, 5), (4, 5), (2, 3), (4, 3)]  # outputs, taps
# shape of x, output channels, padding above and left, and below and right
GEOMETRIES = [
    ((2, 14, 14, 3), 5, (2, 2), (2, 2)),
    ((1, 7, 9, 1), 2, (1, 0), (0, 3)),
    ((3, 5, 5, 2), 9, (0, 0), (0, 0)),
    ((1, 3, 40, 2), 17, (2, 1), (2, 2)),  # tiles of one row in several blocks
    ((0, 6, 6, 2), 3, (1, 1), (1, 1)),
]
BUDGET = 5e-5  # largest error, in units of the result's root mean square


@kernel
def _data(outputs, taps, source, target):
    transform("data", outputs, taps, source, 0, 16, target, 0, 16)


@kernel
def _output(outputs, taps, source, target):
    transform("output", outputs, taps, source, 0, 16, target, 0, 16)


@kernel
def _spread(outputs, taps, source, target):
    transform("spread", outputs, taps, source, 0, 16, target, 0, 16)


def oracle(x, w, dy, padding):
    """y, dx and dw by their definitions, tap by tap, in float64."""
    x, w, dy = (array.astype("float64") for array in (x, w, dy))
    (_, height, width, _), taps, lines, places = x.shape, w.shape[0], dy.shape[1], dy.shape[2]
    edge = [
        (p, max(0, n + taps - 1 - size - p)) for p, n, size in zip(padding, dy.shape[1:3], x.shape[1:3], strict=True)
    ]
    padded = np.pad(x, [(0, 0), *edge, (0, 0)])
    y, dx, dw = np.zeros(dy.shape), np.zeros(padded.shape), np.zeros(w.shape)
    for kh, kw in itertools.product(range(taps), repeat=2):
        seen = np.s_[:, kh : kh + lines, kw : kw + places]
        y += padded[seen] @ w[kh, kw]
        dx[seen] += dy @ w[kh, kw].T
        dw[kh, kw] = np.tensordot(padded[seen], dy, ((0, 1, 2), (0, 1, 2)))
    return y, dx[:, padding[0] : padding[0] + height, padding[1] : padding[1] + width], dw


def run(x, w, dy, padding, outputs):
    """y, dx and dw by the kernels."""
    y, dx, dw = (np.full_like(array, np.nan) for array in (dy, x, w))
    cpu.winograd.conv2d(x, w, padding, y, outputs)
    cpu.winograd.conv2d_grad_input(dy, w, padding, dx, outputs)
    cpu.winograd.conv2d_grad_filter(x, dy, padding, dw, outputs)
    return y, dx, dw


def arrays(geometry, taps, dtype, rng):
    shape, features, before, after = geometry
    size = [n + a + b - taps + 1 for n, a, b in zip(shape[1:3], before, after, strict=True)]
    shapes = shape, (taps, taps, shape[3], features), (shape[0], *size, features)
    return *(rng.normal(size=s).astype(dtype) for s in shapes), before


def errors(found, expected):
    """Largest error of each result, in units of its root mean square."""
    return [abs(a - b).max() / np.sqrt((b**2).mean()) for a, b in zip(found, expected, strict=True)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_kernels_equal_their_definitions(scheme, geometry, dtype, rng):
    outputs, taps = scheme
    if geometry[0][1] + sum(edge[0] for edge in geometry[2:]) < taps:
        pytest.skip("no pixel of y")
    x, w, dy, padding = arrays(geometry, taps, dtype, rng)
    bound = BUDGET if dtype == "float32" else 1e-12
    for found, expected in zip(run(x, w, dy, padding, outputs), oracle(x, w, dy, padding), strict=True):
        scale = np.sqrt((expected**2).mean()) if expected.size else 0
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound * scale)


@pytest.mark.parametrize("images", [1, 30])
@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_same_bits_for_any_number_of_threads(scheme, images, same_bits, rng):
    outputs, taps = scheme
    x, w, dy, padding = arrays(((images, 13, 12, 4), 5, (1, 1), (1, 1)), taps, "float32", rng)
    same_bits(lambda: run(x, w, dy, padding, outputs))


@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_matrices_are_exact(scheme):
    outputs, taps = scheme
    data, weights, output = (cpu.winograd_transforms.matrix(k, outputs, taps) for k in ("data", "filter", "output"))
    for i, k, j in itertools.product(range(outputs), range(taps), range(outputs + taps - 1)):
        total = sum((output[i][p] * weights[p][k] * data[p][j] for p in range(len(data))), Fraction(0))
        assert total == (j == i + k)  # y[i] = sum over k of g[k] * d[i + k]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="without the JIT, matrices are multiplied as they are")
@pytest.mark.parametrize(("kind", "code"), [("data", _data), ("output", _output), ("spread", _spread)])
@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_code_computes_the_matrices(scheme, kind, code):
    """Every column of a matrix, from a one in its place: exact, as all entries are short binary fractions."""
    outputs, taps = scheme
    rows = cpu.winograd_transforms.as_array(kind, outputs, taps)
    found = np.empty((rows.shape[0], 16))  # room for a vector of any width
    for k in range(rows.shape[1]):
        source = np.zeros((rows.shape[1], 16))
        source[k] = 1
        code(tuple(range(outputs)), tuple(range(taps)), source.ravel(), found.reshape(-1))
        np.testing.assert_array_equal(found[:, 0], rows[:, k])


class TestBudget:
    """The largest error of y, dx and dw, for data that are random or meant to hurt.

    Where results differ widely in size, the root mean square says little about the largest, to which the error of
    F(4, 5) belongs: there, it is held to the largest. The other schemes keep within the budget all the same.
    """

    UNEVEN = ("mixed channels", "mixed pixels", "sparse")
    OF_LARGEST = 2.5e-5

    SHAPE = (6, 15, 14, 16)

    IMAGES = {  # noqa: RUF012
        "normal": lambda rng, shape: rng.normal(size=shape),
        "positive": lambda rng, shape: rng.random(shape),
        "digits": lambda rng, shape: np.clip(2 * rng.normal(size=shape) - 0.5, 0, 1),
        "rectified": lambda rng, shape: np.maximum(rng.normal(size=shape), 0),
        "constant": lambda rng, shape: np.full(shape, 0.7),
        "large mean": lambda rng, shape: 100 + rng.normal(size=shape),
        "chequered": lambda rng, shape: (-1.0) ** np.indices(shape)[1:3].sum(0) * (1 + 0.1 * rng.normal(size=shape)),
        "mixed channels": lambda rng, shape: rng.normal(size=shape) * 10 ** rng.uniform(-3, 3, shape[3]),
        "mixed pixels": lambda rng, shape: rng.normal(size=shape) * 10 ** rng.uniform(-4, 4, shape),
        "sparse": lambda rng, shape: rng.normal(size=shape) * (rng.random(shape) < 0.02),
    }
    FILTERS = {  # noqa: RUF012
        "normal": lambda rng, shape: rng.normal(size=shape),
        "positive": lambda rng, shape: rng.random(shape),
        "one-hot": lambda rng, shape: np.eye(np.prod(shape[:3]))[rng.integers(np.prod(shape[:3]), size=shape[3])].T,
        "mixed channels": lambda rng, shape: rng.normal(size=shape) * 10 ** rng.uniform(-3, 3, shape[3]),
    }

    @pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the JIT")
    @pytest.mark.parametrize("weights", FILTERS)
    @pytest.mark.parametrize("images", IMAGES)
    @pytest.mark.parametrize("scheme", SCHEMES, ids=str)
    def test_error_is_within_budget(self, scheme, images, weights, rng):
        outputs, taps = scheme
        shape, filter_shape = self.SHAPE, (taps, taps, self.SHAPE[3], 24)
        x = self.IMAGES[images](rng, shape).astype("float32")
        w = self.FILTERS[weights](rng, filter_shape).reshape(filter_shape).astype("float32")
        dy = self.IMAGES[images](rng, (*shape[:3], 24)).astype("float32")
        padding = (taps // 2, taps // 2)
        found, expected = run(x, w, dy, padding, outputs), oracle(x, w, dy, padding)
        for a, b in zip(found, expected, strict=True):
            assert abs(a - b).max() <= self.OF_LARGEST * abs(b).max()
        if scheme != (4, 5) or not {images, weights} & set(self.UNEVEN):
            assert max(errors(found, expected)) <= BUDGET, errors(found, expected)

    @pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the JIT")
    @pytest.mark.parametrize("scheme", SCHEMES, ids=str)
    def test_where_the_result_cancels_error_keeps_to_the_direct_bound(self, scheme, rng):
        """Filters of sum 0 on images that are nearly constant: the result is small beside its terms."""
        outputs, taps = scheme
        x = (100 + rng.normal(size=self.SHAPE)).astype("float32")
        w = rng.normal(size=(taps, taps, 16, 24))
        w = (w - w.mean((0, 1), keepdims=True)).astype("float32")
        dy = np.zeros((*self.SHAPE[:3], 24), "float32")
        y, expected = np.empty_like(dy), oracle(x, w, dy, (0, 0))[0]
        cpu.winograd.conv2d(x, w, (0, 0), y, outputs)
        terms = oracle(abs(x), abs(w), dy, (0, 0))[0]
        epsilon = np.finfo("float32").eps
        assert (abs(y - expected) <= 8 * epsilon * terms.max()).all()


def pooled(z):
    """Maxima of windows of 2 x 2 of relu(z), and which pixel is the first of them, 4 for none."""
    n, height, width, features = z.shape[0], z.shape[1] // 2, z.shape[2] // 2, z.shape[3]
    windows = z[:, : 2 * height, : 2 * width].reshape(n, height, 2, width, 2, features).transpose(0, 1, 3, 5, 2, 4)
    windows = windows.reshape(n, height, width, features, 4)
    highest = windows.max(-1)
    return np.maximum(highest, 0), np.where(highest > 0, windows.argmax(-1), 4)


@pytest.mark.parametrize("size", [(14, 14), (7, 9), (5, 5)], ids=str)
@pytest.mark.parametrize("scheme", SCHEMES, ids=str)
def test_bias_relu_and_pooling_of_the_result(scheme, size, rng):
    outputs, taps = scheme
    x, w, dy, padding = arrays(((2, *size, 3), 5, (1, 2), (2, 1)), taps, "float32", rng)
    bias = rng.normal(size=5).astype("float32")
    conv = np.empty_like(dy)
    cpu.winograd.conv2d(x, w, padding, conv, outputs)
    expected, places = pooled(conv + bias)
    y, winner = np.full(expected.shape, np.nan, "float32"), np.full(expected.shape, 9, "uint8")
    cpu.winograd.conv2d_bias_relu_pool(x, w, bias, padding, y, winner, outputs)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(winner, places)


def sparse_images(geometry, taps, dtype, rng):
    """Images with empty regions, as arrays of ``arrays``, and whether the result of a place reads zeros alone."""
    x, w, dy, padding = arrays(geometry, taps, dtype, rng)
    for image in x:
        rows, columns = rng.integers(0, x.shape[1], 2), rng.integers(0, x.shape[2], 2)
        image[: rows.max()] = 0
        image[:, columns.min() :] = 0
    x[:, :, :, 1:][rng.random(x[:, :, :, 1:].shape) < 0.8] = 0
    there, _, _ = oracle(np.abs(x), np.ones_like(w[..., :1]), dy[..., :1], padding)
    return x, w, dy, padding, there[..., 0] == 0


@pytest.mark.parametrize("geometry", [*GEOMETRIES, ((2, 9, 13, 18), 20, (1, 1), (1, 1))], ids=str)
@pytest.mark.parametrize(("outputs", "taps"), SCHEMES)
def test_results_that_read_zeros_alone_are_zero(outputs, taps, geometry):
    x, w, dy, padding, empty = sparse_images(geometry, taps, "float32", np.random.default_rng(5))
    y = np.full_like(dy, np.nan)
    cpu.winograd.conv2d(x, w, padding, y, outputs)
    assert not y[empty].any()
    expected, _, _ = oracle(x, w, dy, padding)
    np.testing.assert_allclose(y, expected, rtol=0, atol=BUDGET * max(1e-6, np.abs(expected).max(initial=0)))
    pooled = np.full((len(y), y.shape[1] // 2, y.shape[2] // 2, y.shape[3]), np.nan, "float32")
    winner = np.full(pooled.shape, 9, np.uint8)
    cpu.winograd.conv2d_bias_relu_pool(x, w, np.zeros(w.shape[3], "float32"), padding, pooled, winner, outputs)
    inside = empty[:, : 2 * pooled.shape[1], : 2 * pooled.shape[2]]
    windows = inside.reshape(len(y), pooled.shape[1], 2, pooled.shape[2], 2).all((2, 4))
    assert not pooled[windows].any()
    assert (winner[windows] == 4).all()


def test_nan_stays_out_of_results_that_read_zeros_alone():
    x, w = np.zeros((1, 12, 12, 16), "float32"), np.ones((3, 3, 16, 16), "float32")
    x[0, 0, 0, 3] = np.nan
    y = np.empty((1, 12, 12, 16), "float32")
    cpu.winograd.conv2d(x, w, (1, 1), y, 4)
    assert np.isnan(y[0, :2, :2]).all()
    assert not y[0, 2:].any()
    assert not y[0, :, 2:].any()
