"""Convolution kernels, plain and depthwise, against loops over the taps of the filter in NumPy float64."""

import numpy as np
import pytest

from microdl.core.kernels import cpu

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


def test_nan_in_one_image_reaches_no_other(rng):
    geometry = ((2, 5, 5, 3), (3, 3, 4), (1, 1), (1, 1), (1, 1), (5, 5))
    x, w, dy, rest = arrays("conv2d", geometry, "float32", rng)
    x[0, 2, 2, 1] = np.nan
    y, _, dw = run("conv2d", x, w, dy, rest)
    assert np.isnan(y[0, 1:4, 1:4]).all()
    assert np.isfinite(y[0, 0]).all()
    assert np.isfinite(y[1]).all()
    assert np.isnan(dw[:, :, 1]).all()
