"""The table's matrix products and convolutions."""

from .case import Array, Case, size

BATCHES = (1, 64, 256, 1024)
SQUARES = (128, 256, 512, 1024, 2048)
LAYERS = {"layer 1": (28, 28, 1, 5, 16), "layer 2": (14, 14, 16, 5, 36)}  # of the MNIST CNN: h, w, c, filter, outputs


def matmul(m, k, n, transposed="nn", dtype="float32", cold=False):
    """c = op(a) op(b); ``transposed`` says n or t for a and for b."""
    ta, tb = (letter == "t" for letter in transposed)
    a, b = (1, k, m) if ta else (1, m, k), (1, n, k) if tb else (1, k, n)
    label = "".join(f" {word}" for word in ("" if transposed == "nn" else transposed, _other(dtype), cold and "cold") if word)
    return Case(
        name=f"matmul {m}x{k}x{n}{label}",
        calls=(("matmul.matmul", ("a", "b", ta, tb, "c")),),
        arrays={"a": Array(a), "b": Array(b), "c": Array((1, m, n), "zeros")},
        outputs=("c",),
        flops=2 * m * k * n,
        read=size(a, b, dtype=dtype),
        written=size((m, n), dtype=dtype),
        peer="matmul",
        options={"transpose_a": ta, "transpose_b": tb},
        dtype=dtype,
        cold=cold,
    )


def _other(dtype):
    return "" if dtype == "float32" else dtype


def conv2d(n, h, w, c, filter_size, o, stride=1, what="forward", dtype="float32"):
    """A convolution, one of its gradients, or some of them in a row: "forward", "input", "filter", ... ("+" joins)."""
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
    outputs = {"forward": ("y",), "input": ("dx",), "filter": ("dw",)}
    reads = {"forward": (x, weights), "input": (y, weights), "filter": (x, y)}
    writes = {"forward": y, "input": x, "filter": weights}
    shape = f"{n}x{h}x{w}x{c} {filter_size}x{filter_size} {o}{f' stride {stride}' if stride > 1 else ''}"
    return Case(
        name=f"conv2d {what} {shape}{' ' * bool(_other(dtype))}{_other(dtype)}",
        calls=tuple(calls[part] for part in parts),
        arrays={
            "x": Array(x), "w": Array(weights), "dy": Array(y),
            "y": Array(y, "zeros"), "dx": Array(x, "zeros"), "dw": Array(weights, "zeros"),
        },
        outputs=sum((outputs[part] for part in parts), ()),
        flops=2 * n * h_out * w_out * o * filter_size**2 * c * len(parts),
        read=sum(size(*reads[part], dtype=dtype) for part in parts),
        written=sum(size(writes[part], dtype=dtype) for part in parts),
        peer="conv2d",
        options={"parts": parts, "stride": stride, "pad": pad},
        dtype=dtype,
    )  # fmt: skip


def products():
    yield from (matmul(n, n, n) for n in SQUARES)
    yield from (matmul(1024, 1024, 1024, transposed) for transposed in ("nt", "tn", "tt"))
    for batch in BATCHES:  # the dense layers, forward and backward
        for inputs, outputs in ((1764, 128), (128, 10)):
            yield matmul(batch, inputs, outputs)
            yield matmul(batch, outputs, inputs, "nt")
            yield matmul(inputs, batch, outputs, "tn")
    yield matmul(12544, 400, 36)
    yield matmul(128, 64, 1764)
    yield matmul(64, 1764, 128, cold=True)
    yield matmul(512, 512, 512, dtype="float64")
    yield matmul(256, 1764, 128, dtype="float64")


def convolutions():
    for batch in BATCHES:
        for h, w, c, filter_size, o in LAYERS.values():
            yield from (conv2d(batch, h, w, c, filter_size, o, what=what) for what in ("forward", "input", "filter"))
    for what in ("forward+input+filter", "forward+filter"):
        yield from (conv2d(64, *layer, what=what) for layer in LAYERS.values())
    for shape in ((28, 28, 32, 3, 64), (14, 14, 64, 3, 128), (7, 7, 128, 3, 128), (56, 56, 64, 3, 64)):
        for what in ("forward", "input", "filter", "forward+input+filter"):
            yield conv2d(16 if shape[0] == 56 else 64, *shape, what=what)
    for shape, stride in (((28, 28, 32, 3, 64), 2), ((14, 14, 64, 3, 128), 2), ((28, 28, 64, 1, 64), 1), ((14, 14, 256, 1, 64), 1), ((28, 28, 32, 1, 64), 2)):
        for what in ("forward", "input", "filter", "forward+input+filter"):
            yield conv2d(64, *shape, stride=stride, what=what)
    yield conv2d(1, 224, 224, 3, 7, 64, stride=2)
    yield conv2d(64, 14, 14, 16, 5, 36, dtype="float64")
