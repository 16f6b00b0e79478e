"""Freezes ops of TensorFlow, forward and gradient, in ``ops.npz``. Run with a Python that has TensorFlow on a CPU.

For each case: output = call(**inputs, **options), and for a given output_gradient the gradients to the float inputs,
each named d_ and the name of the input.
"""

from functools import reduce

import numpy as np
import tensorflow as tf
from frozen import Case, normal, save

cases = []


def run(call, inputs, options, dy=None):
    """The output, the gradient that it is given and those of the inputs, as a dict of arrays."""
    function = reduce(getattr, call.split("."), tf)
    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    sources = {name: x for name, x in tensors.items() if x.dtype.is_floating}
    with tf.GradientTape() as tape:
        tape.watch(list(sources.values()))
        y = function(**tensors, **options)
    outputs = {"output": y.numpy()}
    if y.dtype.is_floating and sources:
        dy = normal(call + repr(y.shape), y.shape) if dy is None else dy
        gradients = tape.gradient(y, sources, output_gradients=tf.constant(dy))
        outputs["output_gradient"] = dy
        outputs |= {f"d_{name}": g.numpy() for name, g in gradients.items() if g is not None}
    return outputs


def freeze(name, call, inputs, terms=8, linear=False, **options):
    """Adds a case. terms: roundings per element; or a dict of them, by output. linear: in each of the inputs."""
    inputs = {key: np.asarray(value) for key, value in inputs.items()}
    outputs = run(call, inputs, options)
    results = [key for key in outputs if key != "output_gradient"]
    scale = {}
    if linear:
        absolute = run(
            call, {key: np.abs(value) for key, value in inputs.items()}, options, dy=np.abs(outputs["output_gradient"])
        )
        scale = {key: float(absolute[key].max()) for key in results}
    terms = {key: terms[key] if isinstance(terms, dict) else terms for key in results}
    cases.append(Case(name, call, options, {**inputs, **outputs}, terms, scale))


def convolutions():
    explicit = [[0, 0], [1, 2], [0, 1], [0, 0]]
    shapes = {
        "3x3": ((2, 7, 6, 3), (3, 3, 3, 4)),
        "1x1": ((2, 5, 4, 6), (1, 1, 6, 3)),
        "5x5": ((1, 9, 8, 8), (5, 5, 8, 9)),
        "2x3 one channel": ((3, 6, 7, 1), (2, 3, 1, 5)),
        "16 to 36 channels": ((1, 4, 4, 16), (3, 3, 16, 36)),
    }
    for label, (x, w) in shapes.items():
        for padding in ("SAME", "VALID", explicit):
            for strides in (1, 2, 3):
                if (w[3] == 36 and (padding == explicit or strides > 1)) or (w[0] == 5 and strides > 2):
                    continue  # large or out of the ordinary is enough for one case
                name = f"conv2d {label} {padding} strides {strides}"
                inputs = {"input": normal(name, x), "filters": normal(name + "w", w)}
                count = {"output": w[0] * w[1] * w[2], "d_input": w[0] * w[1] * w[3], "d_filters": x[0] * x[1] * x[2]}
                freeze(name, "nn.conv2d", inputs, count, True, strides=strides, padding=padding)
    name = "conv2d filter larger than the image"
    inputs = {"input": normal(name, (2, 3, 2, 2)), "filters": normal(name + "w", (5, 4, 2, 3))}
    freeze(name, "nn.conv2d", inputs, {"output": 40, "d_input": 60, "d_filters": 12}, True, strides=1, padding="SAME")


def depthwise_convolutions():
    for multiplier in (1, 2):
        for padding in ("SAME", "VALID"):
            for stride, dilation in ((1, 1), (2, 1), (1, 2)):
                name = f"depthwise_conv2d x{multiplier} {padding} stride {stride} dilation {dilation}"
                inputs = {"input": normal(name, (2, 7, 6, 3)), "filter": normal(name + "w", (3, 3, 3, multiplier))}
                options = {"strides": [1, stride, stride, 1], "padding": padding, "dilations": [dilation, dilation]}
                count = {"output": 9, "d_input": 9 * multiplier, "d_filter": 2 * 7 * 6}
                freeze(name, "nn.depthwise_conv2d", inputs, count, True, **options)


def pooling():
    for kind in ("max", "avg"):
        for window, strides in ((2, 2), (3, 2), (3, 1), (2, 3), ([3, 2], [1, 2])):
            for padding in ("SAME", "VALID"):
                name = f"{kind}_pool2d {window} strides {strides} {padding}"
                options = {"ksize": window, "strides": strides, "padding": padding}
                freeze(name, f"nn.{kind}_pool2d", {"input": normal(name, (2, 7, 8, 3))}, 9, kind == "avg", **options)
                if kind == "max":
                    ties = np.round(normal(name, (2, 7, 8, 3))).clip(-1, 1)
                    freeze(name + " ties", "nn.max_pool2d", {"input": ties}, 9, **options)


def activations():
    x = np.concatenate([normal("activations", 40) * 3, [0, -0.0, 1e-3, -1e-3, 10, -10, 30, -30, 88, -88]])
    x = x.astype(np.float32)
    for call in ("relu", "elu", "sigmoid", "tanh", "softplus", "swish"):
        freeze(call, f"nn.{call}", {("x" if call in ("sigmoid", "tanh") else "features"): x})
    for alpha in (0.0, 0.2, 0.5):
        freeze(f"leaky_relu {alpha}", "nn.leaky_relu", {"features": x}, alpha=alpha)
    for approximate in (False, True):
        freeze(f"gelu approximate={approximate}", "nn.gelu", {"features": x}, 16, approximate=approximate)
    for call in ("softmax", "log_softmax"):
        for axis in (-1, 0, 1):
            logits = normal(call, (3, 4, 5)) * 4
            freeze(f"{call} axis {axis}", f"nn.{call}", {"logits": logits}, 16, axis=axis)
        freeze(f"{call} large", f"nn.{call}", {"logits": np.float32([[1e4, 0, -1e4], [88, 89, 90]])}, 16, axis=-1)


def cross_entropies():
    logits = normal("logits", (6, 5)) * 4
    one_hot = np.eye(5, dtype=np.float32)[[0, 4, 2, 2, 1, 3]]
    soft = np.exp(normal("soft", (6, 5)))
    soft /= soft.sum(axis=1, keepdims=True)
    sparse, dense = "nn.sparse_softmax_cross_entropy_with_logits", "nn.softmax_cross_entropy_with_logits"
    binary = "nn.sigmoid_cross_entropy_with_logits"
    for dtype in (np.int32, np.int64):
        labels = np.array([0, 4, 2, 2, 1, 3], dtype)
        freeze(f"sparse xent {labels.dtype}", sparse, {"labels": labels, "logits": logits}, 16)
    freeze(
        "sparse xent 3-D", sparse, {"labels": np.int32([[0, 4, 2], [2, 1, 3]]), "logits": logits.reshape(2, 3, 5)}, 16
    )
    large = np.float32([[1e4, 0, -1e4], [0, 0, 0]])
    freeze("sparse xent large logits", sparse, {"labels": np.int32([2, 1]), "logits": large}, 16)
    freeze("xent one-hot", dense, {"labels": one_hot, "logits": logits}, 16)
    freeze("xent soft labels", dense, {"labels": soft, "logits": logits}, 16)
    freeze("sigmoid xent", binary, {"labels": one_hot, "logits": logits}, 16)
    freeze("sigmoid xent soft labels", binary, {"labels": soft, "logits": logits * 8}, 16)


def reductions():
    x = normal("reductions", (3, 4, 5))
    ties = np.round(x).clip(-1, 1)
    axes = (None, 0, 2, [0, 2], [-1, 1])
    for call in ("sum", "mean", "max", "min", "prod", "logsumexp"):
        for axis in axes:
            for keepdims in (False, True):
                name = f"reduce_{call} axis {axis} keepdims={keepdims}"
                options = {"axis": axis, "keepdims": keepdims}
                freeze(name, f"math.reduce_{call}", {"input_tensor": x}, 60, call in ("sum", "mean"), **options)
    for call in ("max", "min"):
        for axis in axes:
            freeze(f"reduce_{call} ties axis {axis}", f"math.reduce_{call}", {"input_tensor": ties}, 60, axis=axis)
    zeros = np.float32([[2, 0, 3, 4], [0, 5, 0, 1], [1, 2, 3, 4]])  # one zero in a row, two, none
    for axis in (None, 0, 1):
        freeze(f"reduce_prod zeros axis {axis}", "math.reduce_prod", {"input_tensor": zeros}, 12, axis=axis)
    for axis in (0, 1, 2, -1):
        freeze(f"argmax axis {axis}", "math.argmax", {"input": ties}, axis=axis)
        freeze(f"argmin axis {axis}", "math.argmin", {"input": ties}, axis=axis)


def products():
    a, b = normal("a", (3, 4)), normal("b", (4, 5))
    for transpose_a in (False, True):
        for transpose_b in (False, True):
            inputs = {"a": a.T.copy() if transpose_a else a, "b": b.T.copy() if transpose_b else b}
            options = {"transpose_a": transpose_a, "transpose_b": transpose_b}
            freeze(f"matmul {transpose_a} {transpose_b}", "linalg.matmul", inputs, 5, True, **options)
    freeze("matmul batched", "linalg.matmul", {"a": normal("c", (2, 3, 4)), "b": normal("d", (2, 4, 5))}, 5, True)
    freeze("matmul broadcast", "linalg.matmul", {"a": normal("c", (2, 3, 4)), "b": b}, 6, True)
    freeze("multiply broadcast", "math.multiply", {"x": normal("e", (3, 1, 4)), "y": normal("f", (5, 1))}, 12, True)
    freeze("divide broadcast", "math.divide", {"x": normal("e", (3, 4)), "y": np.abs(normal("f", (4,))) + 1}, 12)


for family in (
    convolutions,
    depthwise_convolutions,
    pooling,
    activations,
    cross_entropies,
    reductions,
    products,
):
    family()
save("ops.npz", cases, tensorflow=tf.__version__)
