"""The table's matrix products and convolutions."""

from .case import Array, case, peers

BATCHES = (1, 64, 256, 1024)
SQUARES = (128, 256, 512, 1024, 2048)
LAYERS = ((28, 28, 1, 5, 16), (14, 14, 16, 5, 36))  # the MNIST CNN's: height, width, channels, filter, outputs
DENSE = ((1764, 128), (128, 10))  # the MNIST CNN's: inputs, outputs
VGG = ((64, 28, 28, 32, 3, 64), (64, 14, 14, 64, 3, 128), (64, 7, 7, 128, 3, 128), (16, 56, 56, 64, 3, 64))
STRIDED = ((64, 28, 28, 32, 3, 64), (64, 14, 14, 64, 3, 128))
POINTWISE = ((64, 28, 28, 64, 1, 64), (64, 14, 14, 256, 1, 64))
EVERY = ("forward", "input", "filter")
STEP = "forward+input+filter"


def matmul(m, k, n, transposed="nn", **settings):
    """c = op(a) op(b); ``transposed`` says n or t for a and for b."""
    ta, tb = (letter == "t" for letter in transposed)
    return case(
        f"matmul {m}x{k}x{n}{'' if transposed == 'nn' else f' {transposed}'}",
        [("matmul.matmul", ("a", "b", ta, tb, "c"))],
        {
            "a": Array((1, k, m) if ta else (1, m, k)),
            "b": Array((1, n, k) if tb else (1, k, n)),
            "c": Array((1, m, n), "zeros"),
        },
        ["c"],
        2 * m * k * n,
        peers("matmul", "matmul", "matmul"),
        {"transpose_a": ta, "transpose_b": tb},
        **settings,
    )


def matmul_bias(m, k, n, activation):
    """A dense layer in one pass."""
    return case(
        f"matmul_bias {m}x{k}x{n}{f' {activation}' if activation else ''}",
        [("matmul.matmul_bias", ("a", "b", False, False, "bias", int(activation == "relu"), "c"))],
        {"a": Array((1, m, k)), "b": Array((1, k, n)), "bias": Array((n,)), "c": Array((1, m, n), "zeros")},
        ["c"],
        2 * m * k * n,
        peers("matmul_bias", "", "matmul_bias"),
        {"relu": activation == "relu"},
    )


def conv2d(n, h, w, c, filter_size, o, stride=1, what="forward", **settings):
    """A convolution ("forward"), a gradient ("input", "filter"), or some of them in a row, joined by "+"."""
    parts = what.split("+")
    pad = (filter_size - 1) // 2
    h_out, w_out = ((side + 2 * pad - filter_size) // stride + 1 for side in (h, w))
    x, weights, y = (n, h, w, c), (filter_size, filter_size, c, o), (n, h_out, w_out, o)
    geometry = (stride, stride), (1, 1), (pad, pad)
    calls = {
        "forward": ("convolution.conv2d", ("x", "w", *geometry, "y")),
        "input": ("convolution.conv2d_grad_input", ("dy", "w", *geometry, "dx")),
        "filter": ("convolution.conv2d_grad_filter", ("x", "dy", *geometry, "dw")),
    }
    results = {"forward": ("y", y), "input": ("dx", x), "filter": ("dw", weights)}
    return case(
        f"conv2d {what} {n}x{h}x{w}x{c} {filter_size}x{filter_size} {o}{f' stride {stride}' if stride > 1 else ''}",
        [calls[part] for part in parts],
        {
            **{"x": Array(x), "w": Array(weights), "dy": Array(y)},
            **{name: Array(shape, "zeros") for name, shape in (results[part] for part in parts)},
        },
        [results[part][0] for part in parts],
        2 * n * h_out * w_out * o * filter_size**2 * c * len(parts),
        peers("conv2d", "", "conv2d"),
        {"parts": parts, "stride": stride, "pad": pad},
        **settings,
    )


def conv2d_fused(kernel, n, h, w, c, filter_size, o):
    """A convolution with what follows it in the MNIST CNN, in one pass; peers run one op after the other."""
    pad = (filter_size - 1) // 2
    pooled = kernel == "conv2d_bias_relu_pool"
    result = (n, h // 2, w // 2, o) if pooled else (n, h, w, o)
    geometry = (1, 1), (1, 1), (pad, pad)
    arguments = ("x", "w", "bias", *geometry, "y", "winner") if pooled else ("x", "w", "bias", True, *geometry, "y")
    arrays = {"winner": Array(result, "zeros", "uint8")} if pooled else {}
    arrays |= {"x": Array((n, h, w, c)), "w": Array((filter_size, filter_size, c, o)), "bias": Array((o,))}
    return case(
        f"{kernel} {n}x{h}x{w}x{c} {filter_size}x{filter_size} {o}",
        [(f"convolution.{kernel}", arguments)],
        {**arrays, "y": Array(result, "zeros")},
        ["y"],
        2 * n * h * w * o * filter_size**2 * c,
        peers("conv2d_fused", "", "conv2d_fused"),
        {"pad": pad, "pooled": pooled},
    )


def fused_step(n, h, w, c, filter_size, o):
    """Forward and backward of convolution, bias, relu and pool; the first layer needs no gradient by its input."""
    pad = (filter_size - 1) // 2
    x, z, pooled, weights = (n, h, w, c), (n, h, w, o), (n, h // 2, w // 2, o), (filter_size, filter_size, c, o)
    geometry = (1, 1), (1, 1), (pad, pad)
    calls = [
        ("convolution.conv2d_bias_relu_pool", ("x", "w", "bias", *geometry, "y", "winner")),
        ("fused.bias_relu_pool_grad", ("dy", "winner", "dz", "dbias")),
        ("convolution.conv2d_grad_filter", ("x", "dz", *geometry, "dw")),
        ("convolution.conv2d_grad_input", ("dz", "w", *geometry, "dx")),
    ]
    written = {"y": pooled, "dz": z, "dbias": (o,), "dw": weights, "dx": x}
    wanted = ["dbias", "dw", "dx"] if c > 1 else ["dbias", "dw"]
    return case(
        f"conv2d_bias_relu_pool step {n}x{h}x{w}x{c} {filter_size}x{filter_size} {o}",
        calls if c > 1 else calls[:-1],
        {
            **{name: Array(shape) for name, shape in {"x": x, "w": weights, "bias": (o,), "dy": pooled}.items()},
            **{name: Array(shape, "zeros") for name, shape in written.items()},
            "winner": Array(pooled, "zeros", "uint8"),
        },
        ["y", *wanted],
        2 * n * h * w * o * filter_size**2 * c * len(wanted),
        peers("fused_step"),
        {"pad": pad, "wanted": wanted},
    )


def depthwise(n, h, w, c, filter_size, what):
    """Every channel by itself."""
    pad = (filter_size - 1) // 2
    x, geometry = Array((n, h, w, c)), ((1, 1), (1, 1), (pad, pad))
    calls = {
        "forward": ("depthwise.depthwise_conv2d", ("x", "w", *geometry, "y"), "y"),
        "input": ("depthwise.depthwise_conv2d_grad_input", ("dy", "w", *geometry, "dx"), "dx"),
        "filter": ("depthwise.depthwise_conv2d_grad_filter", ("x", "dy", *geometry, "dw"), "dw"),
    }
    kernel, arguments, output = calls[what]
    weights = Array((filter_size, filter_size, c, 1))
    arrays = {"x": x, "w": weights, "dy": x, "y": x, "dx": x, "dw": weights}
    return case(
        f"depthwise_conv2d {what} {n}x{h}x{w}x{c} {filter_size}x{filter_size}",
        [(kernel, arguments)],
        {name: Array(array.shape, "zeros" if name == output else "normal") for name, array in arrays.items()},
        [output],
        2 * n * h * w * c * filter_size**2,
        peers("depthwise"),
        {"what": what, "pad": pad},
    )


def products():
    yield from (matmul(n, n, n) for n in SQUARES)
    yield from (matmul(1024, 1024, 1024, transposed) for transposed in ("nt", "tn", "tt"))
    for batch in BATCHES:
        for inputs, outputs in DENSE:
            yield matmul(batch, inputs, outputs)
            yield matmul(batch, outputs, inputs, "nt")  # its gradient by the input
            yield matmul(inputs, batch, outputs, "tn")  # and by the weights
    yield matmul(12544, 400, 36)
    yield matmul(128, 64, 1764)
    yield matmul(64, 1764, 128, cold=True)
    yield matmul(512, 512, 512, dtype="float64")
    yield matmul(256, 1764, 128, dtype="float64")
    yield from (matmul_bias(batch, 1764, 128, "relu") for batch in BATCHES)
    square, call = (1, 128, 128), ("integer.matmul", ("a", "b", False, False, "c"))
    integers = {"a": Array(square, "digit"), "b": Array(square, "digit"), "c": Array(square, "zeros")}
    same = peers(numpy="np.matmul(a[0], b[0], out=c[0])")
    yield case("matmul 128x128x128", [call], integers, ["c"], 2 * 128**3, same, dtype="int32")


def convolutions():
    for batch in BATCHES:
        for layer in LAYERS:
            yield from (conv2d(batch, *layer, what=what) for what in EVERY)
    for layer in LAYERS:
        yield from (conv2d(64, *layer, what=what) for what in (STEP, "forward+filter"))
    for layer in LAYERS:
        yield from (conv2d_fused("conv2d_bias_relu_pool", batch, *layer) for batch in BATCHES)
        yield conv2d_fused("conv2d_bias", 64, *layer)
        yield fused_step(64, *layer)
    for shape in VGG + POINTWISE:
        yield from (conv2d(*shape, what=what) for what in (*EVERY, STEP))
    for shape in STRIDED:
        yield from (conv2d(*shape, stride=2, what=what) for what in (*EVERY, STEP))
    yield conv2d(64, 28, 28, 32, 1, 64, stride=2)
    yield conv2d(1, 224, 224, 3, 7, 64, stride=2)
    yield from (conv2d(64, *LAYERS[1], what=what, dtype="float64") for what in EVERY)
    yield from (depthwise(64, 28, 28, 32, 3, what) for what in EVERY)
