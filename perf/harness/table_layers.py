"""The table's rows of what surrounds products: bias, pooling, softmax, normalization."""

from .case import Array, case
from .table_products import BATCHES

IMAGES = ((28, 28, 16), (14, 14, 36))  # what the MNIST CNN's convolutions give
CLASSES = ((64, 10), (1024, 10), (1024, 1000), (65_536, 256))  # rows, classes; the last is larger than the caches
NORMALIZED = ((16_384, 64), (262_144, 64))  # rows, channels; likewise


def _times(*sizes):
    return "x".join(map(str, sizes))


def _zeros(*sizes, dtype=""):
    return Array(sizes, "zeros", dtype)


def bias():
    shapes = [(batch * h * w, c) for batch in BATCHES for h, w, c in IMAGES] + [(64, 128), (262_144, 64)]
    for rows, channels in shapes:
        label, matrix, vector = _times(rows, channels), Array((rows, channels)), Array((channels,))
        call = "bias.bias_add", ("x", "b", "y")
        peers = {"torch": "torch.add(x, b, out=y)", "numpy": "np.add(x, b, out=y)", "tensorflow": "tf.nn.bias_add(x, b)"}
        arrays = {"x": matrix, "b": vector, "y": _zeros(rows, channels)}
        yield case(f"bias_add {label}", [call], arrays, ["y"], rows * channels, peers)
        call = "bias.bias_add_grad", ("dy", "db")
        peers = {
            "torch": "torch.sum(dy, 0, out=db)",
            "numpy": "np.sum(dy, 0, out=db)",
            "tensorflow": "tf.raw_ops.BiasAddGrad(out_backprop=dy)",
        }
        yield case(
            f"bias_add_grad {label}", [call], {"dy": matrix, "db": _zeros(channels)}, ["db"], rows * channels, peers
        )


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
    peers = {"torch": kernel, "tensorflow": kernel}
    if kernel.startswith("max_pool2d_grad"):
        del peers["tensorflow"]  # which looks for the maxima again
    if kernel == "max_pool2d_grad_grad":
        del peers["torch"]
    return case(f"{kernel} {_times(*image)}", [(f"pooling.{kernel}", arguments)], arrays, [output], n * h * w * c, peers)


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
            {"torch": "torch.softmax(x, 1, out=y)", "tensorflow": "tf.nn.softmax(x)"},
        )
        yield case(
            f"sparse_softmax_cross_entropy {label}",
            [("softmax.sparse_softmax_cross_entropy", ("x", "labels", "loss", "dx"))],
            {"x": x, "labels": Array((rows,), "digit", "int64"), "loss": loss, "dx": y},
            ["loss", "dx"],
            14 * rows * classes,
            dict.fromkeys(("torch", "tensorflow"), "sparse_softmax_cross_entropy"),
        )
    rows, classes = CLASSES[2]
    label, x, y, loss = _times(rows, classes), Array((rows, classes)), _zeros(rows, classes), _zeros(rows)
    others = {
        "log_softmax": (("x", "y"), 13, "torch.log_softmax(x, 1, out=y)", "tf.nn.log_softmax(x)"),
        "softmax_grad": (("dx", "x", "y"), 4, "aten._softmax_backward_data(dx, x, 1, torch.float32, grad_input=y)", ""),
        "log_softmax_grad": (("dx", "x", "y"), 13, "aten._log_softmax_backward_data(dx, x, 1, torch.float32, out=y)", ""),
        "softmax_cross_entropy": (("x", "labels", "loss", "y"), 18, "", "tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=x, labels=labels)"),
        "sigmoid_cross_entropy": (("x", "labels", "y"), 25, "F.binary_cross_entropy_with_logits(x, labels, reduction='none')", "tf.nn.sigmoid_cross_entropy_with_logits(labels, x)"),
    }  # fmt: skip
    arrays = {"x": x, "y": y, "dx": x, "labels": Array((rows, classes), "probabilities"), "loss": loss}
    flat = {name: Array((rows * classes,)) for name in ("x", "labels")} | {"y": _zeros(rows * classes)}
    for kernel, (arguments, operations, torch, tensorflow) in others.items():
        used = flat if kernel.startswith("sigmoid") else {name: arrays[name] for name in arguments}
        outputs = ["loss", "y"] if "loss" in arguments else ["y"]
        peers = {"torch": torch, "tensorflow": tensorflow}
        peers = {side: text for side, text in peers.items() if text}
        call = f"softmax.{kernel}", arguments
        yield case(f"{kernel} {label}", [call], used, outputs, operations * rows * classes, peers)


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
            dict.fromkeys(("torch", "tensorflow"), "batch_norm"),
        )
        yield case(
            f"batch_norm {label}",
            [forward],
            {"x": x, **parameters, "mean": vector, "variance": vector, "y": y},
            ["y"],
            2 * rows * channels,
            {"torch": "F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, 1e-3)"},
        )
        yield case(
            f"batch_norm_grad {label}",
            [("normalization.batch_norm_grad", ("dy", "x", "gamma", "m", "v", 1e-3, "dx", "dgamma", "dbeta"))],
            {"dy": x, "x": x, "gamma": vector, "m": vector, "v": vector, "dx": y, "dgamma": zeros, "dbeta": zeros},
            ["dx", "dgamma", "dbeta"],
            10 * rows * channels,
            {"torch": "batch_norm_grad"},
        )
