"""Convolution kernels, plain and depthwise, against loops over the taps of the filter in NumPy float64."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from microdl.core.kernels import cpu, support

# shape of x, filter (height, width, outputs or multiplier), stride, dilation, padding above and left, output size
GEOMETRIES = [
    ((2, 14, 14, 16), (5, 5, 36), (1, 1), (1, 1), (2, 2), (14, 14)),
    ((2, 28, 28, 1), (5, 5, 16), (1, 1), (1, 1), (2, 2), (28, 28)),
    ((1, 7, 9, 3), (3, 2, 5), (2, 3), (1, 1), (1, 0), (4, 3)),
    ((3, 10, 11, 2), (3, 3, 17), (1, 1), (2, 3), (2, 3), (10, 11)),
    ((2, 9, 9, 1), (1, 1, 9), (2, 2), (1, 1), (0, 0), (5, 5)),
    ((1, 5, 5, 2), (3, 3, 3), (4, 4), (2, 1), (3, 1), (3, 2)),
    ((1, 6, 6, 2), (2, 2, 3), (3, 4), (1, 1), (0, 0), (2, 2)),  # gaps between the windows
    ((2, 6, 6, 8), (3, 3, 16), (1, 1), (1, 1), (0, 0), (4, 4)),  # read where it lies: no padding
    ((1, 4, 4, 2), (3, 3, 2), (1, 1), (1, 1), (4, 5), (9, 10)),  # windows that see nothing of the image
    ((1, 40, 50, 2), (3, 3, 3), (1, 1), (1, 1), (1, 1), (40, 50)),  # several bands
    ((1, 3, 1300, 1), (3, 3, 2), (1, 1), (1, 1), (1, 1), (3, 1300)),  # a line longer than a band
    ((0, 4, 4, 3), (3, 3, 2), (1, 1), (1, 1), (1, 1), (4, 4)),
    ((2, 4, 4, 0), (3, 3, 2), (1, 1), (1, 1), (1, 1), (4, 4)),
    ((2, 4, 4, 3), (3, 3, 0), (1, 1), (1, 1), (1, 1), (4, 4)),
    ((2, 0, 4, 3), (3, 3, 2), (1, 1), (1, 1), (1, 1), (0, 4)),
]
DTYPES = ["float32", "float64"]
KINDS = ["conv2d", "depthwise_conv2d"]


def taps(x, kernel_shape, strides, dilations, padding, size):
    """((kh, kw), rows and columns of y, rows and columns of x) wherever a tap lies inside of the image."""
    for kh, kw in np.ndindex(*kernel_shape):
        y_index, x_index = [], []
        for axis, k in enumerate((kh, kw)):
            place = np.arange(size[axis]) * strides[axis] + k * dilations[axis] - padding[axis]
            inside = (place >= 0) & (place < x.shape[1 + axis])
            y_index.append(np.flatnonzero(inside))
            x_index.append(place[inside])
        yield (kh, kw), np.ix_(*y_index), np.ix_(*x_index)


def oracle(kind, x, w, dy, strides, dilations, padding, size):
    """y, dx and dw by their definitions, tap by tap."""
    product, to_x, to_w = {
        "conv2d": ("nhwc,co->nhwo", "nhwo,co->nhwc", "nhwc,nhwo->co"),
        "depthwise_conv2d": ("nhwc,cm->nhwcm", "nhwcm,cm->nhwc", "nhwc,nhwcm->cm"),
    }[kind]
    x, w, dy = (array.astype("float64") for array in (x, w, dy))
    if kind == "depthwise_conv2d":
        dy = dy.reshape(*dy.shape[:3], *w.shape[2:])
    y, dx, dw = np.zeros(dy.shape), np.zeros(x.shape), np.zeros(w.shape)
    for k, (h, v), (row, column) in taps(x, w.shape[:2], strides, dilations, padding, size):
        y[:, h, v] += np.einsum(product, x[:, row, column], w[k])
        dx[:, row, column] += np.einsum(to_x, dy[:, h, v], w[k])
        dw[k] += np.einsum(to_w, x[:, row, column], dy[:, h, v])
    return y.reshape(*y.shape[:3], np.prod(y.shape[3:], dtype=int)), dx, dw


def arrays(kind, geometry, dtype, rng):
    shape, (height, width, outputs), *rest, size = geometry
    depth = outputs if kind == "conv2d" else outputs * shape[3]
    x, w, dy = (
        rng.normal(size=s).astype(dtype) for s in (shape, (height, width, shape[3], outputs), (shape[0], *size, depth))
    )
    return x, w, dy, rest


def run(kind, x, w, dy, rest):
    """y, dx and dw by the kernels."""
    family = getattr(cpu, "convolution" if kind == "conv2d" else "depthwise")
    y, dx, dw = (np.full_like(array, np.nan) for array in (dy, x, w))
    getattr(family, kind)(x, w, *rest, y)
    getattr(family, f"{kind}_grad_input")(dy, w, *rest, dx)
    getattr(family, f"{kind}_grad_filter")(x, dy, *rest, dw)
    return y, dx, dw


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_kernels_equal_their_definitions(kind, geometry, dtype, rng):
    x, w, dy, rest = arrays(kind, geometry, dtype, rng)
    for found, expected in zip(run(kind, x, w, dy, rest), oracle(kind, x, w, dy, *rest, geometry[-1]), strict=True):
        scale = np.abs(expected).max(initial=1)
        np.testing.assert_allclose(found, expected, rtol=0, atol=40 * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("images", [1, 20])
def test_same_bits_for_any_number_of_threads(kind, images, same_bits, rng):
    geometry = ((images, 12, 13, 4), (3, 3, 5), (1, 1), (1, 1), (1, 1), (12, 13))
    x, w, dy, rest = arrays(kind, geometry, "float32", rng)
    same_bits(lambda: run(kind, x, w, dy, rest))


FUSED = [
    ((2, 14, 14, 16), (5, 5, 36), (1, 1), (1, 1), (2, 2), (14, 14)),
    ((3, 28, 28, 1), (5, 5, 16), (1, 1), (1, 1), (2, 2), (28, 28)),
    ((1, 7, 9, 3), (3, 2, 5), (2, 1), (1, 1), (1, 0), (4, 9)),  # an odd column is left over
    ((2, 9, 7, 2), (3, 3, 17), (1, 1), (1, 2), (1, 1), (9, 5)),  # an odd row too
    ((1, 3, 2, 2), (1, 1, 3), (1, 1), (1, 1), (0, 0), (3, 2)),
    ((1, 4, 4, 2), (3, 3, 2), (1, 1), (1, 1), (0, 0), (2, 2)),
    ((1, 3, 3, 2), (3, 3, 2), (1, 1), (1, 1), (0, 0), (1, 1)),  # no window at all
    ((0, 4, 4, 3), (3, 3, 2), (1, 1), (1, 1), (1, 1), (4, 4)),
]


@pytest.fixture
def direct(monkeypatch):
    """All convolutions go the direct way."""
    monkeypatch.setattr(cpu.convolution, "FORCED", "direct")


def pooled(z):
    """(maximum of 0 and each window of 2x2, the tap of the first maximum or 4), by NumPy."""
    n, h, w, o = z.shape
    windows = z[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, o).transpose(0, 1, 3, 5, 2, 4)
    windows = windows.reshape(n, h // 2, w // 2, o, 4)
    highest = windows.max(-1)
    return np.maximum(highest, 0), np.where(highest > 0, windows.argmax(-1), 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", FUSED, ids=str)
def test_fused_kernels_give_the_bits_of_the_sequence(geometry, dtype, direct, rng):
    x, w, dy, rest = arrays("conv2d", geometry, dtype, rng)
    bias = rng.normal(size=w.shape[3]).astype(dtype)
    z, biased, rectified = (np.full_like(dy, np.nan) for _ in range(3))
    cpu.convolution.conv2d(x, w, *rest, z)
    cpu.convolution.conv2d_bias(x, w, bias, False, *rest, biased)
    cpu.convolution.conv2d_bias(x, w, bias, True, *rest, rectified)
    np.testing.assert_array_equal(biased, z + bias)
    np.testing.assert_array_equal(rectified, np.maximum(z + bias, 0))
    expected, places = pooled(z + bias)
    y, winner = np.full_like(expected, np.nan), np.full(expected.shape, 9, np.uint8)
    cpu.convolution.conv2d_bias_relu_pool(x, w, bias, *rest, y, winner)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(winner, places)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("geometry", FUSED, ids=str)
def test_gradient_of_bias_relu_and_pool(geometry, dtype, rng):
    z = rng.normal(size=(geometry[0][0], *geometry[-1], geometry[1][-1])).astype(dtype)
    y, winner = pooled(z)
    winner, dy = winner.astype(np.uint8), rng.normal(size=y.shape).astype(dtype)
    expected = np.zeros(z.shape, dtype)
    for tap in range(4):
        rows, columns = (slice(k, size // 2 * 2, 2) for k, size in zip(divmod(tap, 2), z.shape[1:3], strict=True))
        expected[:, rows, columns] = np.where(winner == tap, dy, 0)
    dz, dbias = np.full_like(z, np.nan), np.full(z.shape[3], np.nan, dtype)
    cpu.fused.bias_relu_pool_grad(dy, winner, dz, dbias)
    np.testing.assert_array_equal(dz, expected)
    np.testing.assert_allclose(dbias, expected.sum((0, 1, 2), "float64"), atol=100 * np.finfo(dtype).eps)


def test_fused_pool_passes_over_nan(direct):
    x = np.array([[np.nan, 2, np.nan, np.nan], [1, np.nan, np.nan, np.nan]], np.float32).reshape(1, 2, 4, 1)
    y, winner = np.empty((1, 1, 2, 1), np.float32), np.empty((1, 1, 2, 1), np.uint8)
    ones, zeros = np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32)
    cpu.convolution.conv2d_bias_relu_pool(x, ones, zeros, (1, 1), (1, 1), (0, 0), y, winner)
    np.testing.assert_array_equal(y.ravel(), [2, np.nan])
    np.testing.assert_array_equal(winner.ravel(), [1, 4])


def test_same_bits_of_fused_kernels_for_any_number_of_threads(same_bits, rng):
    x, w, dy, rest = arrays("conv2d", ((5, 12, 14, 4), (3, 3, 5), (1, 1), (1, 1), (1, 1), (12, 14)), "float32", rng)

    def fused():
        y, winner = np.empty((5, 6, 7, 5), np.float32), np.empty((5, 6, 7, 5), np.uint8)
        cpu.convolution.conv2d_bias_relu_pool(x, w, w[0, 0, 0], *rest, y, winner)
        dz, dbias = np.empty_like(dy), np.empty(5, np.float32)
        cpu.fused.bias_relu_pool_grad(y, winner, dz, dbias)
        return y, winner, dz, dbias

    same_bits(fused)


@pytest.mark.parametrize("way", ["direct", "winograd", None])
@pytest.mark.parametrize(
    "geometry", [*GEOMETRIES[:4], ((20, 12, 12, 16), (3, 3, 40), (1, 1), (1, 1), (1, 1), (12, 12))]
)
def test_every_way_gives_the_same(way, geometry, monkeypatch, rng):
    x, w, dy, rest = arrays("conv2d", geometry, "float32", rng)
    expected = oracle("conv2d", x, w, dy, *rest, geometry[-1])
    monkeypatch.setattr(cpu.convolution, "FORCED", way)
    for found, exact in zip(run("conv2d", x, w, dy, rest), expected, strict=True):
        np.testing.assert_allclose(found, exact, rtol=0, atol=5e-5 * np.sqrt(np.mean(exact**2)))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_bias_and_relu_on_every_way(size, relu, rng):
    x, w, dy, rest = arrays(
        "conv2d", ((20, 12, 12, 16), (size, size, 40), (1, 1), (1, 1), (size // 2,) * 2, (12, 12)), "float32", rng
    )
    bias, y = rng.normal(size=40).astype("float32"), np.empty_like(dy)
    cpu.convolution.conv2d_bias(x, w, bias, relu, *rest, y)
    exact = oracle("conv2d", x, w, dy, *rest, (12, 12))[0] + bias
    np.testing.assert_allclose(y, np.maximum(exact, 0) if relu else exact, rtol=0, atol=1e-3)


def test_winograd_where_it_cannot_be_says_so_once(monkeypatch, capsys, rng):
    x, w, dy, rest = arrays("conv2d", GEOMETRIES[2], "float32", rng)
    monkeypatch.setattr(cpu.convolution, "FORCED", "winograd")
    monkeypatch.setattr(cpu.convolution, "_said", False)
    monkeypatch.delenv("MICRODL_QUIET", raising=False)
    run("conv2d", x, w, dy, rest)
    lines = [line for line in capsys.readouterr().err.splitlines() if "MICRODL_CONV" in line]
    assert lines == [
        "microdl: MICRODL_CONV=winograd does not apply to a filter of 3x2, strides (2, 3), dilations (1, 1): "
        "computed directly"
    ]


@pytest.mark.parametrize(("rows", "columns"), [(784, 16), (196, 36), (49, 64), (25, 16), (1, 1), (1000, 3)])
@pytest.mark.parametrize("multiple", [1, 4])
def test_tiles_fit_the_registers(rows, columns, multiple):
    geometry = support("cpu.geometry")
    height, width = map(len, geometry.tile_shape(rows, columns, 4, multiple))
    assert height % multiple == 0
    assert height <= geometry.MOST_ROWS
    assert height * width + width < geometry.VECTOR_REGISTERS


def test_nan_in_one_image_reaches_no_other(rng):
    geometry = ((2, 5, 5, 3), (3, 3, 4), (1, 1), (1, 1), (1, 1), (5, 5))
    x, w, dy, rest = arrays("conv2d", geometry, "float32", rng)
    x[0, 2, 2, 1] = np.nan
    y, _, dw = run("conv2d", x, w, dy, rest)
    assert np.isnan(y[0, 1:4, 1:4]).all()
    assert np.isfinite(y[0, 0]).all()
    assert np.isfinite(y[1]).all()
    assert np.isnan(dw[:, :, 1]).all()


def test_an_unknown_way_is_refused():
    command = [sys.executable, "-c", "from microdl.core.kernels import cpu; cpu.convolution"]
    environment = os.environ | {"MICRODL_CONV": "winogard"}
    process = subprocess.run(
        command, cwd=Path(__file__).parents[2], env=environment, capture_output=True, text=True, check=False
    )
    assert "MICRODL_CONV must be direct or winograd (how convolutions are computed), got 'winogard'" in process.stderr
