"""TensorFlow's side (oneDNN, Eigen), eager. As ``torch_side``; TensorFlow always allocates what it returns."""

import sys

import tensorflow as tf  # pyright: ignore[reportMissingImports, reportMissingModuleSource]

from .expression import ways

raw = tf.raw_ops


def start(threads):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return {"TensorFlow": tf.__version__}


def variants(case, arrays):
    with tf.device("CPU"):
        tensors = {
            name: tf.Variable(array) if case.arrays[name].updated else tf.constant(array)
            for name, array in arrays.items()
        }
        return ways(sys.modules[__name__], case, tensors, {"tf": tf}, lambda tensor: tensor.numpy())


def _returns(call, *outputs):
    """A way whose call returns the outputs."""

    def results():
        value = call()
        values = value if isinstance(value, (tuple, list)) else (value,)
        return {name: part.numpy() for name, part in zip(outputs, values, strict=True)}

    return {"": (call, results)}


def matmul(t, transpose_a, transpose_b):
    a, b = t["a"][0], t["b"][0]
    return _returns(lambda: raw.MatMul(a=a, b=b, transpose_a=transpose_a, transpose_b=transpose_b), "c")


def matmul_bias(t, relu):
    a, b, bias = t["a"][0], t["b"][0], t["bias"]

    def call():
        y = raw.BiasAdd(value=raw.MatMul(a=a, b=b), bias=bias)
        return raw.Relu(features=y) if relu else y

    return _returns(call, "c")


def conv2d(t, parts, stride, pad):
    x, w, dy = t["x"], t["w"], t["dy"]
    edges = [0, 0, pad, pad, pad, pad, 0, 0]
    geometry = {"strides": [1, stride, stride, 1], "padding": "EXPLICIT", "explicit_paddings": edges}
    calls = {
        "forward": lambda: raw.Conv2D(input=x, filter=w, **geometry),
        "input": lambda: raw.Conv2DBackpropInput(input_sizes=x.shape, filter=w, out_backprop=dy, **geometry),
        "filter": lambda: raw.Conv2DBackpropFilter(input=x, filter_sizes=w.shape, out_backprop=dy, **geometry),
    }
    chosen = [calls[part] for part in parts]
    names = {"forward": "y", "input": "dx", "filter": "dw"}
    return _returns(lambda: [call() for call in chosen], *(names[part] for part in parts))


def conv2d_fused(t, pad, pooled):
    x, w, bias = t["x"], t["w"], t["bias"]

    def call():
        y = raw.BiasAdd(value=raw.Conv2D(input=x, filter=w, strides=[1, 1, 1, 1], padding="SAME"), bias=bias)
        y = raw.Relu(features=y)
        return raw.MaxPool(input=y, **WINDOWS) if pooled else y

    return _returns(call, "y")


WINDOWS = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}


def max_pool2d(t):
    x = t["x"]
    return _returns(lambda: raw.MaxPool(input=x, **WINDOWS), "y")


def avg_pool2d(t):
    x = t["x"]
    return _returns(lambda: raw.AvgPool(value=x, **WINDOWS), "y")


def avg_pool2d_grad(t):
    dy, shape = t["dy"], t["dx"].shape
    return _returns(lambda: raw.AvgPoolGrad(orig_input_shape=shape, grad=dy, **WINDOWS), "dx")


def sparse_softmax_cross_entropy(t):
    x, labels = t["x"], t["labels"]
    return _returns(lambda: raw.SparseSoftmaxCrossEntropyWithLogits(features=x, labels=labels), "loss", "dx")


def batch_norm(t):
    rows, channels = t["x"].shape
    x, scale, offset = tf.reshape(t["x"], (1, rows, 1, channels)), t["gamma"], t["beta"]
    empty = tf.zeros((0,))

    def call():
        normalized = raw.FusedBatchNormV3(x=x, scale=scale, offset=offset, mean=empty, variance=empty, epsilon=1e-3)
        return normalized.y

    return _returns(call, "y")
