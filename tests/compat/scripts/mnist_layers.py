"""The same kind of network with tf.layers, tf.losses and tf.metrics. Arguments: tensorflow or microdl, and a folder."""

import sys

import numpy as np

from microdl.compat.v1.examples.tutorials.mnist import input_data

if "tensorflow" in sys.argv:
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
else:
    import microdl.compat.v1 as tf

mnist = input_data.read_data_sets("MNIST_data/", seed=3)
draw = np.random.RandomState(0)
tf.reset_default_graph()


def network(features, training):
    input_layer = tf.reshape(features, [-1, 28, 28, 1])
    # Where images are empty, biases of 0 would ask relu for its slope at 0.
    start = tf.constant_initializer(0.1)
    size = {"kernel_size": [5, 5], "padding": "same", "activation": tf.nn.relu, "bias_initializer": start}
    conv1 = tf.layers.conv2d(inputs=input_layer, filters=8, **size)
    pool1 = tf.layers.max_pooling2d(inputs=conv1, pool_size=[2, 2], strides=2)
    conv2 = tf.layers.conv2d(inputs=pool1, filters=16, **size)
    pool2 = tf.layers.max_pooling2d(inputs=conv2, pool_size=[2, 2], strides=2)
    dense = tf.layers.dense(inputs=tf.layers.flatten(pool2), units=64, activation=tf.nn.relu)
    dropout = tf.layers.dropout(inputs=dense, rate=0.4, training=training)
    return tf.layers.dense(inputs=dropout, units=10, name="logits")


images, labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int32, [None])
training = tf.placeholder_with_default(False, [])
logits = network(images, training)
loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
optimizer = tf.train.GradientDescentOptimizer(learning_rate=0.001)
train_op = optimizer.minimize(loss=loss, global_step=tf.train.get_or_create_global_step())
accuracy, update = tf.metrics.accuracy(labels=labels, predictions=tf.argmax(logits, axis=1))

losses = []
with tf.Session() as sess:
    sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    for variable in tf.trainable_variables():
        if "kernel" in variable.name:
            shape = variable.get_shape().as_list()
            variable.load(draw.standard_normal(shape) * (2 / np.prod(shape[:-1])) ** 0.5, sess)
    for _ in range(50):
        batch_images, batch_labels = mnist.train.next_batch(50)
        found, _ = sess.run([loss, train_op], {images: batch_images, labels: batch_labels})
        losses.append(found)
    for start in range(0, 1000, 250):
        part = slice(start, start + 250)
        sess.run(update, {images: mnist.test.images[part], labels: mnist.test.labels[part]})
    losses.append(sess.run(accuracy))
    assert tf.train.global_step(sess, tf.train.get_global_step()) == 50
