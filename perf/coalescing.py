"""How well the main kernels use a GPU's memory: sectors and wavefronts, counted on the emulated GPU.

    python perf/coalescing.py [--filter matmul] [--lines 3]

A row is an op at sizes of the MNIST CNN or near them: how many percent of the sectors of global memory, and of the
wavefronts of shared memory, that its kernels take could not be saved (``kernels/cuda/emulator/accesses.py`` says what
is counted, and what is not). ``--lines`` adds the worst lines of each. It takes some minutes.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))  # where microdl is, if it is not installed

import microdl as tf
from microdl.core.kernels import support

BATCH = 64
_GENERATOR = np.random.default_rng(0)


def normal(*shape):
    return tf.constant(_GENERATOR.normal(size=shape).astype("float32"))


def integers(limit, *shape):
    return tf.constant(_GENERATOR.integers(0, limit, shape))


def forward(function, *inputs):
    """``function`` of the inputs."""
    return lambda: function(*inputs)


def backward(function, *inputs):
    """The gradients of ``function`` by all of its inputs, without the forward pass."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        result = function(*inputs)
    return lambda: tape.gradient(result, inputs)


def updates(optimizer):
    """A second step of an optimizer, over variables of the MNIST CNN's dense layers."""
    shapes = (1764, 128), (128,), (128, 10), (10,)
    variables, gradients = [tf.Variable(normal(*shape)) for shape in shapes], [normal(*shape) for shape in shapes]
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return lambda: optimizer.apply_gradients(zip(gradients, variables, strict=True))


def product(rows, depth, columns, transpose_a=False, transpose_b=False):
    a = normal(depth, rows) if transpose_a else normal(rows, depth)
    b = normal(columns, depth) if transpose_b else normal(depth, columns)
    return forward(lambda a, b: tf.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b), a, b)


def by_tensor_cores(run):
    """``run`` with tensor cores allowed."""
    cores = support("cuda.tensor_cores")

    def allowed():
        before = cores.allowed()
        cores.allow(True)
        try:
            run()
        finally:
            cores.allow(before)

    return allowed


def products(rows, depth, columns, kind="", how=lambda run: run):
    """The product, with neither, either and both of the matrices transposed."""
    for left in (False, True):
        for right in (False, True):
            name = f"matmul {rows} x {depth} x {columns} {'nt'[left]}{'nt'[right]}{kind}"
            yield name, lambda left=left, right=right: how(product(rows, depth, columns, left, right))


def same(x, w, strides=1):
    return tf.nn.conv2d(x, w, strides, "SAME")


def pool(x):
    return tf.nn.max_pool2d(x, 2, 2, "SAME")


def average(x):
    return tf.nn.avg_pool2d(x, 2, 2, "SAME")


def batch_norm(x, scale, offset):
    return tf.keras.layers.BatchNormalization()(x, training=True) * scale + offset


def layer_norm(x):
    return tf.keras.layers.LayerNormalization()(x)


def loss(logits, labels):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def chosen(rows):
    return lambda x: tf.gather(x, rows)


def total(axis):
    return lambda x: tf.reduce_sum(x, axis)


IMAGES, PLANES = (BATCH, 28, 28, 1), (BATCH, 14, 14, 16)
FIRST, SECOND = (5, 5, 1, 16), (5, 5, 16, 36)
keras = tf.keras

CASES = {
    "relu": lambda: forward(tf.nn.relu, normal(*PLANES)),
    "relu backward": lambda: backward(tf.nn.relu, normal(*PLANES)),
    "add": lambda: forward(tf.add, normal(*PLANES), normal(*PLANES)),
    "add a scalar": lambda: forward(tf.add, normal(*PLANES), normal()),
    "add a row": lambda: forward(tf.add, normal(512, 100), normal(100)),
    "add a column": lambda: forward(tf.add, normal(512, 100), normal(512, 1)),
    "add both ways": lambda: forward(tf.add, normal(512, 1), normal(1, 100)),
    "multiply backward": lambda: backward(tf.multiply, normal(512, 100), normal(100)),
    "where": lambda: forward(tf.where, tf.cast(integers(2, 512, 100), tf.bool), normal(512, 100), normal(512, 100)),
    "cast uint8 to float32": lambda: forward(lambda x: tf.cast(x, tf.float32), tf.cast(integers(99, 4096), tf.uint8)),
    "cast float32 to int64": lambda: forward(lambda x: tf.cast(x, tf.int64), normal(4096)),
    "equal int64": lambda: forward(tf.equal, integers(9, 4096), integers(9, 4096)),
    "bias_add": lambda: forward(tf.nn.bias_add, normal(*PLANES), normal(16)),
    "bias_add backward": lambda: backward(tf.nn.bias_add, normal(*PLANES), normal(16)),
    "bias_add 128": lambda: forward(tf.nn.bias_add, normal(BATCH, 128), normal(128)),
    "bias_add 128 backward": lambda: backward(tf.nn.bias_add, normal(BATCH, 128), normal(128)),
    "reduce_sum of all": lambda: forward(tf.reduce_sum, normal(*PLANES)),
    "reduce_sum of rows": lambda: forward(total(1), normal(512, 100)),
    "reduce_sum of long rows": lambda: forward(total(1), normal(16, 20000)),
    "reduce_sum of columns": lambda: forward(total(0), normal(512, 100)),
    "reduce_sum in the middle": lambda: forward(total(1), normal(32, 64, 36)),
    "reduce_max of rows": lambda: forward(lambda x: tf.reduce_max(x, 1), normal(512, 10)),
    "argmax of rows": lambda: forward(lambda x: tf.argmax(x, 1), normal(512, 10)),
    "argmax of columns": lambda: forward(lambda x: tf.argmax(x, 0), normal(512, 100)),
    "cumsum of rows": lambda: forward(lambda x: tf.cumsum(x, 1), normal(64, 1000)),
    "cumsum of columns": lambda: forward(lambda x: tf.cumsum(x, 0), normal(1000, 64)),
    "transpose": lambda: forward(tf.transpose, normal(300, 500)),
    "transpose to NCHW": lambda: forward(lambda x: tf.transpose(x, (0, 3, 1, 2)), normal(*PLANES)),
    "transpose outer axes": lambda: forward(lambda x: tf.transpose(x, (1, 0, 2)), normal(64, 50, 36)),
    "concat of columns": lambda: forward(lambda x, y: tf.concat([x, y], 1), normal(512, 30), normal(512, 34)),
    "split of columns": lambda: forward(lambda x: tf.split(x, 4, 1), normal(512, 64)),
    "slice": lambda: forward(lambda x: x[:, 3:60], normal(512, 64)),
    "slice by steps": lambda: forward(lambda x: x[:, ::2], normal(512, 64)),
    "pad": lambda: forward(lambda x: tf.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0))), normal(*PLANES)),
    "tile": lambda: forward(lambda x: tf.tile(x, (4, 3)), normal(64, 50)),
    "reverse": lambda: forward(lambda x: tf.reverse(x, (1,)), normal(64, 500)),
    "one_hot": lambda: forward(lambda i: tf.one_hot(i, 10), integers(10, 512)),
    "gather": lambda: forward(tf.gather, normal(1000, 64), integers(1000, 512)),
    "gather 10": lambda: forward(tf.gather, normal(1000, 10), integers(1000, 512)),
    "gather backward": lambda: backward(chosen(integers(100, 512)), normal(100, 64)),
    "scatter_nd": lambda: forward(
        lambda i, u: tf.scatter_nd(i, u, (100, 64)), tf.reshape(integers(100, 512), (512, 1)), normal(512, 64)
    ),
    "top_k": lambda: forward(lambda x: tf.math.top_k(x, 5), normal(64, 100)),
    "softmax 10": lambda: forward(tf.nn.softmax, normal(BATCH, 10)),
    "softmax 1000": lambda: forward(tf.nn.softmax, normal(BATCH, 1000)),
    "softmax 1000 backward": lambda: backward(tf.nn.softmax, normal(BATCH, 1000)),
    "cross entropy": lambda: forward(loss, normal(BATCH, 10), integers(10, BATCH)),
    **dict(products(64, 1764, 128)),
    **dict(products(64, 128, 10)),
    **dict(products(512, 256, 512)),
    **dict(products(300, 301, 302)),
    **dict(products(512, 256, 512, " tf32", by_tensor_cores)),
    "matrix times vector": lambda: product(512, 500, 1),
    "vector times matrix": lambda: product(1, 500, 512),
    "conv2d 1": lambda: forward(same, normal(*IMAGES), normal(*FIRST)),
    "conv2d 1 backward": lambda: backward(same, normal(*IMAGES), normal(*FIRST)),
    "conv2d 2": lambda: forward(same, normal(*PLANES), normal(*SECOND)),
    "conv2d 2 backward": lambda: backward(same, normal(*PLANES), normal(*SECOND)),
    "depthwise_conv2d": lambda: forward(
        lambda x, w: tf.nn.depthwise_conv2d(x, w, (1, 1, 1, 1), "SAME"), normal(*PLANES), normal(3, 3, 16, 1)
    ),
    "max_pool2d": lambda: forward(pool, normal(*PLANES)),
    "max_pool2d backward": lambda: backward(pool, normal(*PLANES)),
    "avg_pool2d": lambda: forward(average, normal(*PLANES)),
    "avg_pool2d backward": lambda: backward(average, normal(*PLANES)),
    "batch norm": lambda: forward(batch_norm, normal(*PLANES), normal(16), normal(16)),
    "batch norm backward": lambda: backward(batch_norm, normal(*PLANES), normal(16), normal(16)),
    "layer norm": lambda: forward(layer_norm, normal(BATCH, 128)),
    "layer norm backward": lambda: backward(layer_norm, normal(BATCH, 128)),
    "SGD": lambda: updates(keras.optimizers.SGD(0.1)),
    "momentum": lambda: updates(keras.optimizers.SGD(0.1, momentum=0.9)),
    "Adam": lambda: updates(keras.optimizers.Adam(0.1)),
    "random normal": lambda: forward(lambda: tf.random.normal((BATCH, 1000))),
    "dropout": lambda: forward(lambda x: tf.nn.dropout(x, 0.5), normal(BATCH, 1000)),
}


def seen_of(case, blocks=2):
    """The ``Accesses`` of a case, ``(lambda: function)``, whose inputs are made before."""
    with tf.device("/gpu:0"):
        run = case()
        with support("cuda.emulator").accesses(blocks) as seen:
            run()
    return seen


def main():
    parser = argparse.ArgumentParser(description="How well the main kernels use a GPU's memory.")
    parser.add_argument("--filter", default="", help="only cases whose name contains this")
    parser.add_argument("--lines", type=int, default=0, help="of each case, the worst")
    options = parser.parse_args()
    os.environ["MICRODL_GPU"] = "emulate"  # read when the first tensor is made there
    width = max(map(len, CASES))
    print(f"{'case':{width}} {'global':>7} {'shared':>7}  kernels")
    for name, case in CASES.items():
        if options.filter in name:
            seen = seen_of(case)
            kernels = ", ".join(sorted({row.kernel for row in seen.rows()}))
            shared = f"{seen.efficiency('shared'):5.0f} %" if seen.rows("shared") else ""
            print(f"{name:{width}} {seen.efficiency('global'):5.0f} % {shared:>7}  {kernels}", flush=True)
            for line in list(seen.table(options.lines))[1:] if options.lines else ():
                print(f"    {line}")


if __name__ == "__main__":
    main()
