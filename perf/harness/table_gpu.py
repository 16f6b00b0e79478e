"""The table's rows on a GPU: those of the CPU's table that fill one, larger products, and products with tf32."""

import re

from .table_products import DENSE, EVERY, LAYERS, conv2d, matmul

SQUARES = (128, 256, 512, 1024, 2048, 4096)
BATCHES = (64, 1024)
ALSO = re.compile(
    r"matmul (64|1024)x(1764|128|10)x\d+( nt)?$|matmul (1764|128)x(64|1024)x\d+ tn$|"  # dense layers, gradients too
    r"conv2d_bias_relu_pool (64|1024)x|conv2d_bias_relu_pool step 64x|"
    r"bias_add(_grad)? (12544|802816|64|262144)x|max_pool2d(_grad)? (64|1024|16)x|avg_pool2d(_grad)? |"
    r"bias_relu_pool_grad |conv2d_pool_grad (dense )?64x|"
    r"(sparse_)?softmax(_cross_entropy)? \d+x\d+$|batch_norm(_grad)? (statistics\+forward )?\d+x\d+$|"
    r"(relu|relu_grad|sigmoid|tanh|gelu_tanh|exp|log|add|multiply) (64Ki|16Mi)$|"
    r"reduce_(sum|mean|max) |argmax |(uniform|normal|dropout) 16Mi$|"
    r"(sgd|sgd_momentum|adam) (16Mi|MNIST CNN)$"
)


def rows(table):
    """The Cases. ``table``: those of the CPU by name."""
    yield from (matmul(n, n, n) for n in SQUARES)
    yield from (matmul(2048, 2048, 2048, transposed) for transposed in ("nt", "tn", "tt"))
    yield from (conv2d(batch, *layer, what=what) for batch in BATCHES for layer in LAYERS for what in EVERY)
    yield from (conv2d(64, 28, 28, 32, 3, 64, what=what) for what in EVERY)
    yield from (case for name, case in table.items() if ALSO.match(name) and case.dtype == "float32")
    yield from (matmul(n, n, n, tf32=True) for n in (1024, 2048, 4096))
    yield from (matmul(1024, *sizes, tf32=True) for sizes in DENSE[:1])
    yield from (conv2d(1024, *LAYERS[1], what=what, tf32=True) for what in EVERY)
