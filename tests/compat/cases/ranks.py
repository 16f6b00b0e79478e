"""Placeholders without a shape: what is built on them, and what is known of its shape."""

import numpy as np

from tests.compat.describe import run


def product_with_a_matrix(tf):
    x = tf.placeholder(tf.float32)
    y = tf.matmul(x, tf.ones([3, 2]))
    return y, run(tf, y, {x: np.ones([4, 3])}), run(tf, y, {x: np.zeros([1, 3])})


def convolution_and_pooling(tf):
    x = tf.placeholder(tf.float32)
    y = tf.nn.conv2d(x, tf.ones([3, 3, 1, 2]), [1, 1, 1, 1], "SAME")
    z = tf.nn.max_pool(tf.nn.relu(y), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    return y, z, run(tf, z, {x: np.arange(16.0).reshape(1, 4, 4, 1)})


def shapes_that_are_known(tf):
    def x():
        return tf.placeholder(tf.float32)

    return [
        str(y.get_shape())
        for y in (
            tf.reduce_mean(x()), tf.nn.softmax(x()), tf.reshape(x(), [-1, 4]), x() * 2.0, tf.transpose(x()),
            tf.concat([x(), x()], 0), tf.stack([x(), x()]), tf.nn.bias_add(x(), tf.ones([2])), tf.shape(x()),
            tf.nn.softmax_cross_entropy_with_logits_v2(labels=x(), logits=tf.placeholder(tf.float32, [None, 10])),
            tf.nn.max_pool(x(), [1, 2, 2, 1], [1, 2, 2, 1], "SAME"), tf.map_fn(lambda row: row * 2.0, x()),
            tf.matmul(x(), tf.ones([5, 3]), transpose_b=True), tf.nn.relu(tf.matmul(x(), tf.ones([3, 4]))),
        )
    ]  # fmt: skip


def training(tf):
    x, labels = tf.placeholder("float"), tf.placeholder("float")
    w1, w2 = tf.Variable([[0.1, -0.2], [0.3, 0.4], [0.5, 0.1]]), tf.Variable([[0.2, 0.1], [-0.3, 0.4]])
    logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1)), w2) + tf.Variable([0.1, -0.1])
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=labels))
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1)), "float"))
    feeds = {x: np.arange(12.0).reshape(4, 3) / 6.0, labels: np.eye(2)[[0, 1, 1, 0]]}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = [session.run([train, loss, right], feeds)[1:] for _ in range(3)]
    return found, logits, loss, [g.shape for g in tf.gradients(loss, [w1, w2])]


def squared_errors(tf):
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    w = tf.Variable([[2.0], [1.0]])
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) - y))
    return run(tf, [loss, *tf.gradients(loss, [w])], {x: [[1.0, 2.0], [3.0, 4.0]], y: [[1.0], [2.0]]}), loss
