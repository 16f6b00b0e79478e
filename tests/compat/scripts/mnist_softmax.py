"""Softmax regression: one matrix, one bias, gradient descent. Arguments: tensorflow or microdl, and a folder."""

import sys

from microdl.compat.v1.examples.tutorials.mnist import input_data

if "tensorflow" in sys.argv:
    import tensorflow.compat.v1 as tf

    tf.disable_v2_behavior()
else:
    import microdl.compat.v1 as tf

mnist = input_data.read_data_sets("MNIST_data/", one_hot=True, seed=1)
tf.reset_default_graph()

x = tf.placeholder(tf.float32, [None, 784])
W = tf.Variable(tf.zeros([784, 10]))
b = tf.Variable(tf.zeros([10]))
y = tf.matmul(x, W) + b
y_ = tf.placeholder(tf.float32, [None, 10])
cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y))
train_step = tf.train.GradientDescentOptimizer(0.5).minimize(cross_entropy)
correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))

losses = []
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(50):
        batch_xs, batch_ys = mnist.train.next_batch(100)
        loss, _ = sess.run([cross_entropy, train_step], feed_dict={x: batch_xs, y_: batch_ys})
        losses.append(loss)
    losses.append(sess.run(accuracy, feed_dict={x: mnist.test.images, y_: mnist.test.labels}))
assert losses[-1] > 0.8, losses
