"""Elementwise ops of a traced function as one generated kernel on a GPU: the bits of the CPU's."""

import numpy as np
import pytest

import microdl as tf

pytestmark = pytest.mark.gpu


def test_a_group_of_ops_becomes_one_kernel_with_the_bits_of_the_cpu(gpu0, rng):
    x, b = rng.normal(size=(300, 300)).astype(np.float32), rng.normal(size=300).astype(np.float32)

    @tf.function
    def function(x, b):
        return tf.tanh(x * 0.3 + b) / (1.0 + tf.abs(x))

    results = []
    for name in ("/gpu:0", "/cpu:0"):
        with tf.device(name):
            inputs = tf.constant(x), tf.constant(b)
            results += [function(*inputs).numpy() for _ in range(3)]  # the last ones as a graph
            nodes = function.get_concrete_function(*inputs).plan.program.nodes
            assert [node.op.name for node in nodes] == ["_FusedElementwise"]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])
