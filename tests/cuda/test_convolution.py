"""Convolutions on the emulated GPU: NumPy's float64 within rounding, the CPU's winners, the same bits in any order."""

import itertools

import numpy as np
import pytest

from microdl.core.kernels import Kernels, support

pytest.importorskip("microdl.kernels.cuda.target", exc_type=ImportError)

single, cpu = np.float32, Kernels("cpu")
# batch, rows, columns, channels; filter rows, columns, outputs; strides; dilations; padding
CASES = {
    "1 channel to 32": (2, 9, 10, 1, 5, 5, 32, (1, 1), (1, 1), (2, 2)),
    "3 channels, strides": (2, 5, 5, 3, 2, 2, 5, (3, 3), (1, 1), (0, 0)),
    "2 channels, everything": (3, 6, 6, 2, 3, 3, 70, (2, 2), (2, 3), (2, 3)),
    "4 channels to 36": (2, 7, 8, 4, 3, 3, 36, (1, 1), (1, 1), (1, 1)),
    "130 outputs": (2, 6, 7, 16, 3, 2, 130, (2, 1), (1, 1), (1, 0)),
    "strides, dilations": (1, 9, 9, 20, 3, 3, 64, (2, 3), (2, 1), (1, 2)),
    "a depth in parts": (1, 5, 6, 64, 3, 3, 8, (1, 1), (1, 1), (1, 1)),
    "100 channels to 128": (1, 4, 5, 100, 2, 2, 128, (1, 1), (1, 1), (0, 1)),
    "parts of 36 channels": (1, 5, 4, 36, 4, 4, 132, (1, 1), (1, 1), (2, 1)),
    "one pixel, strides": (2, 4, 4, 8, 1, 1, 16, (2, 2), (1, 1), (0, 0)),
    "a product": (2, 4, 3, 8, 1, 1, 20, (1, 1), (1, 1), (0, 0)),
    "one line, many pixels": (2, 1, 300, 4, 1, 3, 3, (1, 1), (1, 2), (0, 2)),
    "no images": (0, 4, 4, 2, 3, 3, 2, (1, 1), (1, 1), (1, 1)),
    "no channels": (1, 4, 4, 0, 3, 3, 2, (1, 1), (1, 1), (1, 1)),
}


def normal(rng, *shape):
    return rng.normal(size=shape).astype(single)


def size_of(case):
    _, *image, _, height, width, _, strides, dilations, padding = case
    window = [(k - 1) * d + 1 for k, d in zip((height, width), dilations, strict=True)]
    return [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(image, padding, window, strides, strict=True)]


def taps(case):
    """Lines and columns of the outputs and of the padded image that meet, for each tap of the filter."""
    height, width, _, strides, dilations, _ = case[4:]
    for kh, kw in itertools.product(range(height), range(width)):
        rows, columns = (
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, n, s in zip((kh, kw), dilations, size_of(case), strides, strict=True)
        )
        yield kh, kw, rows, columns


def padded(x, padding):
    (top, left) = padding
    return np.pad(x.astype(np.float64), ((0, 0), (top, top), (left, left), (0, 0)))


def exact(case, x, w):
    """The convolution in float64."""
    image = padded(x, case[9])
    y = np.zeros((x.shape[0], *size_of(case), w.shape[3]))
    for kh, kw, rows, columns in taps(case):
        y += image[:, rows, columns] @ w[kh, kw].astype(np.float64)
    return y


def exact_gradients(case, x, w, dy):
    """Those to input and filter in float64."""
    image, dy = padded(x, case[9]), dy.astype(np.float64)
    dx, dw, (top, left) = np.zeros_like(image), np.zeros(w.shape), case[9]
    for kh, kw, rows, columns in taps(case):
        dx[:, rows, columns] += dy @ w[kh, kw].T.astype(np.float64)
        dw[kh, kw] = np.einsum("nhwc,nhwo->co", image[:, rows, columns], dy)
    return dx[:, top : top + x.shape[1], left : left + x.shape[2]], dw


def arguments(rng, case):
    n, h, w, c, kh, kw, o, *geometry = case
    return normal(rng, n, h, w, c), normal(rng, kh, kw, c, o), normal(rng, o), geometry


def close(a, b, depth):
    np.testing.assert_allclose(a, b, atol=3e-6 * max(1, depth) ** 0.5, rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_convolution_with_bias_and_relu(name, any_order, cuda, rng):
    case = CASES[name]
    x, w, bias, geometry = arguments(rng, case)
    expected, depth = exact(case, x, w), w[..., 0].size
    y = any_order.empty(expected.shape, single)
    cuda.convolution.conv2d(x, w, *geometry, y)
    close(y, expected, depth)
    cuda.convolution.conv2d_bias(x, w, bias, True, *geometry, y)
    close(y, np.maximum(expected + bias, 0), depth)
    cuda.convolution.conv2d_bias(x, w, np.empty(0, single), False, *geometry, y)
    close(y, expected, depth)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_convolutions(name, any_order, cuda, rng):
    case = CASES[name]
    x, w, _, geometry = arguments(rng, case)
    dy = normal(rng, x.shape[0], *size_of(case), w.shape[3])
    expected_dx, expected_dw = exact_gradients(case, x, w, dy)
    dx, dw = any_order.empty(x.shape, single), any_order.empty(w.shape, single)
    cuda.convolution.conv2d_grad_input(dy, w, *geometry, dx)
    close(dx, expected_dx, w.shape[0] * w.shape[1] * w.shape[3])
    cuda.convolution.conv2d_grad_filter(x, dy, *geometry, dw)
    close(dw, expected_dw, dy[..., :1].size)


@pytest.mark.parametrize("shape", [(3, 24, 20, 8, 3, 3, 36), (9, 10, 16, 1, 5, 5, 12), (2, 20, 20, 4, 5, 5, 80)])
def test_long_sums_of_filters_come_in_parts(shape, any_order, cuda, rng):
    case = (*shape, (1, 1), (1, 1), (0, 0))
    x, w, _, geometry = arguments(rng, case)
    dy = normal(rng, x.shape[0], *size_of(case), w.shape[3])
    dw, before = any_order.empty(w.shape, single), any_order.launches
    cuda.convolution.conv2d_grad_filter(x, dy, *geometry, dw)
    assert any_order.launches == before + 2
    close(dw, exact_gradients(case, x, w, dy)[1], dy[..., :1].size)


@pytest.mark.parametrize("name", ["1 channel to 32", "4 channels to 36", "130 outputs", "parts of 36 channels"])
def test_pools_behind_convolutions_have_the_winners_of_the_cpu(name, any_order, cuda, rng):
    case = CASES[name]
    *arrays, geometry = arguments(rng, case)
    x, w, bias = (np.round(2 * array) for array in arrays)  # whole numbers: exact sums, and many equal ones
    x[0, 2, 3, 0] = np.nan
    height, width = size_of(case)
    shape = case[0], height // 2, width // 2, case[6]
    y, winner = any_order.empty(shape, single), any_order.empty(shape, np.uint8)
    expected, wanted = np.empty(shape, single), np.empty(shape, np.uint8)
    cuda.convolution.conv2d_bias_relu_pool(x, w, bias, *geometry, y, winner)
    cpu.direct.conv2d_bias_relu_pool(x, w, bias, *geometry, expected, wanted)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(winner, wanted)


@pytest.mark.parametrize("odd", [0, 1])
def test_the_way_back_through_pool_relu_and_bias(odd, any_order, cuda, rng):
    dy, winner = normal(rng, 3, 5, 4, 7), rng.integers(0, 5, (3, 5, 4, 7)).astype(np.uint8)
    dz, dbias = any_order.empty((3, 10 + odd, 8 + odd, 7), single), any_order.empty(7, single)
    expected, wanted = np.empty(dz.shape, single), np.empty(7, single)
    cuda.fused.bias_relu_pool_grad(dy, winner, dz, dbias)
    cpu.fused.bias_relu_pool_grad(dy, winner, expected, wanted)
    np.testing.assert_array_equal(dz, expected)
    np.testing.assert_allclose(dbias, wanted, atol=1e-5)


def test_the_bias_of_many_pixels_is_summed_in_parts(any_order, cuda, rng):
    dy, winner = normal(rng, 2, 20, 20, 300), rng.integers(0, 5, (2, 20, 20, 300)).astype(np.uint8)
    dz, dbias = any_order.empty((2, 40, 40, 300), single), any_order.empty(300, single)
    cuda.fused.bias_relu_pool_grad(dy, winner, dz, dbias)
    close(dbias, np.where(winner < 4, dy, 0).sum((0, 1, 2), np.float64), 800)


def test_gradients_from_winners(any_order, cuda, rng):
    x, w = normal(rng, 2, 9, 8, 3), normal(rng, 3, 3, 3, 5)
    dy, winner = normal(rng, 2, 4, 4, 5), rng.integers(0, 5, (2, 4, 4, 5)).astype(np.uint8)
    outputs = [any_order.empty(shape, single) for shape in (w.shape, (5,), x.shape)]
    expected = [np.empty(array.shape, single) for array in outputs]
    for family, (dw, dbias, dx) in ((cuda, outputs), (cpu, expected)):
        family.pooled.conv2d_pool_grad_filter(x, dy, winner, (1, 1), dw, dbias)
        family.pooled.conv2d_pool_grad_input(dy, winner, w, (1, 1), dx)
    for got, wanted in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=2e-5)


def test_arrays_that_begin_anywhere(any_order, cuda, rng):
    """Views: nothing begins where 16 bytes may be read at once."""
    case = CASES["4 channels to 36"]
    x, w, _, geometry = arguments(rng, case)
    x_view, w_view = (any_order.empty(a.size + 1, single)[1:].reshape(a.shape) for a in (x, w))
    x_view[...], w_view[...] = x, w
    expected = exact(case, x, w)
    y = any_order.empty(expected.size + 1, single)[1:].reshape(expected.shape)
    cuda.convolution.conv2d(x_view, w_view, *geometry, y)
    close(y, expected, 36)
    dy, dx, dw = y, any_order.empty(x.shape, single), any_order.empty(w.shape, single)
    expected_dx, expected_dw = exact_gradients(case, x, w, dy)
    cuda.convolution.conv2d_grad_input(dy, w_view, *geometry, dx)
    close(dx, expected_dx, 36 * 36 * 9)
    cuda.convolution.conv2d_grad_filter(x_view, dy, *geometry, dw)
    close(dw, expected_dw, 36 * 112)


def test_convolutions_do_not_depend_on_the_order_of_threads(gpu, cuda, rng):
    case = CASES["parts of 36 channels"]
    x, w, _, geometry = arguments(rng, case)
    dy, results = normal(rng, 1, *size_of(case), 132), []
    for gpu.seed in (0, 1, 2):
        y, dx, dw = (gpu.empty(array.shape, single) for array in (dy, x, w))
        cuda.convolution.conv2d(x, w, *geometry, y)
        cuda.convolution.conv2d_grad_input(dy, w, *geometry, dx)
        cuda.convolution.conv2d_grad_filter(x, dy, *geometry, dw)
        results.append(y.tobytes() + dx.tobytes() + dw.tobytes())
    assert results[0] == results[1] == results[2]


def test_more_pixels_than_kernels_count_are_refused(gpu, cuda):
    x = np.broadcast_to(single(0), (2**11, 2**10, 2**10, 1))  # not in memory
    w, geometry, twos = gpu.empty((2, 2, 1, 1), single), ((2, 2), (1, 1), (0, 0)), ((2, 2), (2, 2), (0, 0))
    y = gpu.empty((1, 2, 2, 1), single)
    calls = [
        (cuda.convolution.conv2d, x, w, *geometry, y),
        (cuda.convolution.conv2d_grad_input, y, w, *geometry, x),
        (cuda.convolution.conv2d_grad_filter, x, y, *geometry, w),
        (cuda.depthwise.depthwise_conv2d, x, w, *geometry, y),
        (cuda.depthwise.depthwise_conv2d_grad_filter, x, y, *geometry, w),
        (cuda.fused.bias_relu_pool_grad, y, y, x, w.reshape(4)),
        (cuda.pooling.max_pool2d, x, *twos, y, y),
        (cuda.pooling.avg_pool2d_grad, y, *twos, x),
    ]
    for function, *arguments in calls:
        with pytest.raises(ValueError, match="up to 2147483647 elements, got 2147483648"):
            function(*arguments)


@pytest.mark.parametrize("channels", [1, 3, 48, 64, 65, 96, 257, 320, 1000])
def test_channels_are_shared_out_evenly(channels, cuda):
    (across, deep, tiles, *_), _ = cuda.columns.cut(1000, channels)
    assert across * tiles >= channels
    assert across * deep * channels > 0.75 * 256 * across * tiles  # threads that have a channel


DEPTHWISE = {
    "plain": (2, 6, 7, 8, 3, 3, 1, (1, 1), (1, 1), (1, 1)),
    "strides, dilations": (2, 8, 9, 4, 3, 2, 1, (2, 3), (2, 1), (2, 1)),
    "a multiplier": (1, 7, 6, 3, 2, 5, 4, (2, 1), (1, 1), (1, 2)),
    "one channel": (2, 9, 5, 1, 3, 3, 1, (1, 1), (1, 2), (0, 2)),
    "300 channels": (1, 3, 3, 300, 2, 2, 1, (1, 1), (1, 1), (1, 1)),
    "parts": (3, 12, 12, 6, 3, 3, 1, (1, 1), (1, 1), (1, 1)),
    "no images": (0, 4, 4, 2, 3, 3, 2, (1, 1), (1, 1), (1, 1)),
}


@pytest.mark.parametrize("name", DEPTHWISE)
def test_depthwise_convolution_and_gradients(name, any_order, cuda, rng):
    n, h, w, c, kh, kw, m, *geometry = case = DEPTHWISE[name]
    x, filters = normal(rng, n, h, w, c), normal(rng, kh, kw, c, m)
    dy = normal(rng, n, *size_of(case), c * m)
    dense = np.zeros((kh, kw, c, c * m))  # as a filter of all channels, most of it zero
    for channel in range(c):
        dense[:, :, channel, channel * m : (channel + 1) * m] = filters[:, :, channel]
    y, dx, dw = (any_order.empty(array.shape, single) for array in (dy, x, filters))
    cuda.depthwise.depthwise_conv2d(x, filters, *geometry, y)
    close(y, exact(case, x, dense), kh * kw)
    expected_dx, expected_dw = exact_gradients(case, x, dense, dy)
    cuda.depthwise.depthwise_conv2d_grad_input(dy, filters, *geometry, dx)
    close(dx, expected_dx, kh * kw * m)
    cuda.depthwise.depthwise_conv2d_grad_filter(x, dy, *geometry, dw)
    own = [expected_dw[:, :, channel, channel * m : (channel + 1) * m] for channel in range(c)]
    close(dw, np.stack(own, axis=2), n * dy[0, ..., 0].size if n else 1)


@pytest.mark.parametrize("d", [1, 2, 3, 7, 28, 36, 100, 65535, 2**30, 2**31 - 1])
def test_divisions_by_known_numbers(d):
    multiplier, shift = support("cuda.pixels").divider(d)
    assert -(2**31) <= multiplier < 0
    for n in {0, 1, d - 1, d, d + 1, 7 * d - 1, 7 * d, 2**31 - 1, 2**31 - 1 - (2**31 - 1) % d, 123456789}:
        if 0 <= n < 2**31:
            assert n * (multiplier + 2**32) >> shift == n // d
