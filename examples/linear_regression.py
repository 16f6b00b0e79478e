"""Fits a line in five dimensions by gradient descent: tensors, a variable, the tape, and nothing else.

The data and the start are TensorFlow's own random numbers, so the losses are those that TensorFlow prints.
"""

import argparse

import microdl as tf

LEARNING_RATE = 0.05

argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()  # for --help
tf.random.set_seed(42)
# Each random op takes the next op seed. The tutorial that this follows drew twice before it came here:
tf.random.uniform((3, 2))
tf.random.uniform((3, 2))

# The truth: y = 0 x0 + 1 x1 + 2 x2 + 3 x3 + 4 x4
true_weights = tf.constant(list(range(5)), dtype=tf.float32)[:, tf.newaxis]
x = tf.random.uniform((32, 5))
y = x @ true_weights

weights = tf.Variable(tf.random.uniform((5, 1)))
for iteration in range(1001):
    with tf.GradientTape() as tape:
        y_hat = tf.linalg.matmul(x, weights)
        loss = tf.reduce_mean(tf.square(y - y_hat))
    if iteration % 100 == 0:
        print(f"mean squared loss at iteration {iteration:4d} is {loss:5.4f}")
    gradients = tape.gradient(loss, weights)
    weights.assign_add(-LEARNING_RATE * gradients)
print(weights)
