"""Trains, saves, restores in another session and goes on. Arguments: tensorflow or microdl, and a folder."""

import itertools
import os
import sys

import numpy as np

from microdl.compat.v1.examples.tutorials.mnist import input_data

if "tensorflow" in sys.argv:
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
else:
    import microdl.compat.v1 as tf

folder = sys.argv[-1]
mnist = input_data.read_data_sets("MNIST_data/", one_hot=True, seed=4)
draw = np.random.RandomState(0)
tf.reset_default_graph()

x = tf.placeholder("float", [None, 784])
y = tf.placeholder("float", [None, 10])
sizes, layer = [784, 64, 32, 10], x
for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
    weights = tf.Variable((draw.standard_normal([inputs, outputs]) / inputs**0.5).astype(np.float32), name=f"h{i}")
    biases = tf.Variable(tf.zeros([outputs]), name=f"b{i}")
    layer = tf.add(tf.matmul(layer, weights), biases)
    layer = tf.nn.relu(layer) if outputs != 10 else layer
cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=layer, labels=y))
optimizer = tf.train.AdamOptimizer(learning_rate=0.001).minimize(cost)
init = tf.global_variables_initializer()
saver = tf.train.Saver()

losses = []


def train(sess, steps):
    for _ in range(steps):
        batch_x, batch_y = mnist.train.next_batch(100)
        _, c = sess.run([optimizer, cost], feed_dict={x: batch_x, y: batch_y})
        losses.append(c)


with tf.Session() as sess:
    sess.run(init)
    train(sess, 25)
    save_path = saver.save(sess, os.path.join(folder, "model.ckpt"), global_step=25)

with tf.Session() as sess:
    sess.run(init)
    saver.restore(sess, tf.train.latest_checkpoint(folder))
    train(sess, 25)
    correct_prediction = tf.equal(tf.argmax(layer, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))
    losses.append(accuracy.eval({x: mnist.test.images, y: mnist.test.labels}))
