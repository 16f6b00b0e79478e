"""The table's rows of what surrounds products: bias, pooling, softmax, normalization."""

from .case import Array, case, peers
from .table_products import BATCHES

IMAGES = ((28, 28, 16), (14, 14, 36))  # what the MNIST CNN's convolutions give
POOLED = ((64, 28, 28, 1, 5, 16), (64, 14, 14, 16, 5, 36), (64, 26, 26, 32, 3, 64))  # images, filter's side, outputs
CLASSES = ((64, 10), (1024, 10), (1024, 1000), (65_536, 256))  # rows, classes; the last is larger than the caches
NORMALIZED = ((16_384, 64), (262_144, 64))  # rows, channels; likewise

# Kernel: arguments, operations per element, PyTorch, TensorFlow.
OTHERS = {
    "log_softmax": (("x", "y"), 13, "torch.log_softmax(x, 1, out=y)", "tf.nn.log_softmax(x)"),
    "softmax_grad": (
        ("dx", "x", "y"),
        4,
        "aten._softmax_backward_data(dx, x, 1, torch.float32, grad_input=y)",
        "",
    ),
    "log_softmax_grad": (
        ("dx", "x", "y"),
        13,
        "aten._log_softmax_backward_data(dx, x, 1, torch.float32, out=y)",
        "",
    ),
    "softmax_cross_entropy": (
        ("x", "labels", "loss", "y"),
        18,
        "",
        "tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=x, labels=labels)",
    ),
    "sigmoid_cross_entropy": (
        ("x", "labels", "y"),
        25,
        "F.binary_cross_entropy_with_logits(x, labels, reduction='none')",
        "tf.nn.sigmoid_cross_entropy_with_logits(labels, x)",
    ),
}


def _times(*sizes):
    return "x".join(map(str, sizes))


def _zeros(*sizes, dtype=""):
    return Array(sizes, "zeros", dtype)


def bias():
    shapes = [(batch * h * w, c) for batch in BATCHES for h, w, c in IMAGES] + [(64, 128), (262_144, 64)]
    for rows, channels in shapes:
        label, matrix, vector = _times(rows, channels), Array((rows, channels)), Array((channels,))
        call = "bias.bias_add", ("x", "b", "y")
        same = peers("torch.add(x, b, out=y)", "np.add(x, b, out=y)", "tf.nn.bias_add(x, b)")
        arrays = {"x": matrix, "b": vector, "y": _zeros(rows, channels)}
        yield case(f"bias_add {label}", [call], arrays, ["y"], rows * channels, same)
        call = "bias.bias_add_grad", ("dy", "db")
        same = peers("torch.sum(dy, 0, out=db)", "np.sum(dy, 0, out=db)", "tf.raw_ops.BiasAddGrad(out_backprop=dy)")
        arrays = {"dy": matrix, "db": _zeros(channels)}
        yield case(f"bias_add_grad {label}", [call], arrays, ["db"], rows * channels, same)


def pooling():
    for shape in [(batch, *image) for batch in BATCHES for image in IMAGES] + [(16, 112, 112, 64)]:
        yield from (_pool(kernel, *shape) for kernel in ("max_pool2d", "max_pool2d_grad"))
    for kernel in ("max_pool2d_grad_grad", "avg_pool2d", "avg_pool2d_grad"):
        yield _pool(kernel, 64, *IMAGES[0])


def _pool(kernel, n, h, w, c):
    """2x2 windows, 2 apart."""
    image, pooled, windows = (n, h, w, c), (n, h // 2, w // 2, c), ((2, 2), (2, 2), (0, 0))
    arguments, shapes = {
        "max_pool2d": (("x", *windows, "y", "winner"), {"x": image, "y": pooled}),
        "max_pool2d_grad": (("dy", "winner", *windows, "dx"), {"dy": pooled, "dx": image}),
        "max_pool2d_grad_grad": (("ddx", "winner", *windows, "ddy"), {"ddx": image, "ddy": pooled}),
        "avg_pool2d": (("x", *windows, "y"), {"x": image, "y": pooled}),
        "avg_pool2d_grad": (("dy", *windows, "dx"), {"dy": pooled, "dx": image}),
    }[kernel]
    *inputs, output = shapes
    arrays = {name: Array(shapes[name]) for name in inputs} | {output: _zeros(*shapes[output])}
    if "winner" in arguments:
        arrays["winner"] = Array(pooled, "zeros" if kernel == "max_pool2d" else "quarter", "uint8")
    same = peers(
        torch=kernel if kernel != "max_pool2d_grad_grad" else "",
        tensorflow=kernel if "max_pool2d_grad" not in kernel else "",  # it would look for the maxima again
    )
    call = f"pooling.{kernel}", arguments
    return case(f"{kernel} {_times(*image)}", [call], arrays, [output], n * h * w * c, same)


def fused():
    for n, h, w, c in ((64, *IMAGES[0]), (64, *IMAGES[1]), (1024, *IMAGES[0])):
        pooled = (n, h // 2, w // 2, c)
        arrays = {"dy": Array(pooled), "winner": Array(pooled, "quarter", "uint8")}
        arrays |= {"dz": _zeros(n, h, w, c), "dbias": _zeros(c)}
        call, same = ("fused.bias_relu_pool_grad", ("dy", "winner", "dz", "dbias")), peers("bias_relu_pool_grad")
        name = f"bias_relu_pool_grad {_times(n, h, w, c)}"
        yield case(name, [call], arrays, ["dz", "dbias"], n * h * w * c, same)


def pooled():
    """Both gradients of a convolution under bias, relu and pool: from the winners, and by way of the dense one.

    All windows live, where the winners gain least. Peers do the same for both rows.
    """
    for n, h, w, c, taps, o in POOLED:
        pad, shape = taps // 2, (n, h // 2, w // 2, o)
        arrays = {"x": Array((n, h, w, c)), "w": Array((taps, taps, c, o))}
        arrays |= {"dy": Array(shape), "winner": Array(shape, "quarter", "uint8")}
        arrays |= {"dw": _zeros(taps, taps, c, o), "dbias": _zeros(o)} | ({"dx": _zeros(n, h, w, c)} if c > 1 else {})
        geometry = (1, 1), (1, 1), (pad, pad)
        winners = [
            ("pooled.conv2d_pool_grad_filter", ("x", "dy", "winner", (pad, pad), "dw", "dbias")),
            ("pooled.conv2d_pool_grad_input", ("dy", "winner", "w", (pad, pad), "dx")),
        ]
        dense = [
            ("convolution.conv2d_grad_filter", ("x", "dz", *geometry, "dw")),
            ("convolution.conv2d_grad_input", ("dz", "w", *geometry, "dx")),
        ]
        unpool = "fused.bias_relu_pool_grad", ("dy", "winner", "dz", "dbias")
        outputs = ["dw", "dbias", "dx"] if c > 1 else ["dw", "dbias"]
        flops = 2 * n * h * w * o * taps**2 * c * (len(outputs) - 1)
        label, same = f"{_times(n, h, w, c)} {taps}x{taps} {o}", peers("pooled_gradients")
        calls = winners[: len(outputs) - 1]
        yield case(f"conv2d_pool_grad {label}", calls, arrays, outputs, flops, same, {"pad": pad})
        arrays, calls = {**arrays, "dz": _zeros(n, h, w, o)}, [unpool, *dense[: len(outputs) - 1]]
        yield case(f"conv2d_pool_grad dense {label}", calls, arrays, outputs, flops, same, {"pad": pad})


def softmax():
    for rows, classes in CLASSES:
        label, x, y = _times(rows, classes), Array((rows, classes)), _zeros(rows, classes)
        loss = _zeros(rows)
        yield case(
            f"softmax {label}",
            [("softmax.softmax", ("x", "y"))],
            {"x": x, "y": y},
            ["y"],
            13 * rows * classes,
            peers("torch.softmax(x, 1, out=y)", "", "tf.nn.softmax(x)"),
        )
        yield case(
            f"sparse_softmax_cross_entropy {label}",
            [("softmax.sparse_softmax_cross_entropy", ("x", "labels", "loss", "dx"))],
            {"x": x, "labels": Array((rows,), "digit", "int64"), "loss": loss, "dx": y},
            ["loss", "dx"],
            14 * rows * classes,
            peers("sparse_softmax_cross_entropy", "", "sparse_softmax_cross_entropy"),
        )
        yield case(
            f"scale_rows {label}",
            [("softmax.scale_rows", ("loss", "x", "y"))],
            {"loss": Array((rows,)), "x": x, "y": y},
            ["y"],
            rows * classes,
            peers("torch.mul(x, loss[:, None], out=y)", "np.multiply(x, loss[:, None], out=y)", "x * loss[:, None]"),
        )
    rows, classes = CLASSES[2]
    label, x, y, loss = _times(rows, classes), Array((rows, classes)), _zeros(rows, classes), _zeros(rows)
    arrays = {"x": x, "y": y, "dx": x, "labels": Array((rows, classes), "probabilities"), "loss": loss}
    for kernel, (arguments, operations, torch, tensorflow) in OTHERS.items():
        outputs = ["loss", "y"] if "loss" in arguments else ["y"]
        used = {name: arrays[name] for name in arguments}
        if kernel == "sigmoid_cross_entropy":
            used = {name: Array((rows * classes,), array.values) for name, array in used.items()}
            used["labels"] = Array((rows * classes,), "positive")
        call, same = (f"softmax.{kernel}", arguments), peers(torch, "", tensorflow)
        yield case(f"{kernel} {label}", [call], used, outputs, operations * rows * classes, same)


def normalization():
    for rows, channels in NORMALIZED:
        x, vector, label = Array((rows, channels)), Array((channels,), "positive"), _times(rows, channels)
        y, zeros = _zeros(rows, channels), _zeros(channels)
        parameters = {"gamma": vector, "beta": vector}
        forward = "normalization.batch_norm", ("x", "gamma", "beta", "mean", "variance", 1e-3, "y")
        yield case(
            f"batch_norm statistics+forward {label}",
            [("normalization.batch_statistics", ("x", "mean", "variance")), forward],
            {"x": x, **parameters, "mean": zeros, "variance": zeros, "y": y},
            ["y"],
            7 * rows * channels,
            peers("batch_norm", "", "batch_norm"),
        )
        yield case(
            f"batch_norm {label}",
            [forward],
            {"x": x, **parameters, "mean": vector, "variance": vector, "y": y},
            ["y"],
            2 * rows * channels,
            peers("F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, 1e-3)"),
        )
        yield case(
            f"batch_norm_grad {label}",
            [("normalization.batch_norm_grad", ("dy", "x", "gamma", "m", "v", 1e-3, "dx", "dgamma", "dbeta"))],
            {"dy": x, "x": x, "gamma": vector, "m": vector, "v": vector, "dx": y, "dgamma": zeros, "dbeta": zeros},
            ["dx", "dgamma", "dbeta"],
            10 * rows * channels,
            peers("batch_norm_grad"),
        )
