"""Two convolutions from single operations, on weights drawn by tf.random, trained by Adam."""

import numpy as np
import tensorflow as tf

tf.random.set_seed(4)
num_classes = 10
learning_rate, training_steps, batch_size = 0.0005, 50, 32

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train, x_test = np.array(x_train[:1600], np.float32), np.array(x_test[:200], np.float32)
x_train, x_test = x_train / 255.0, x_test / 255.0
y_train, y_test = y_train[:1600], y_test[:200]

train_data = tf.data.Dataset.from_tensor_slices((x_train, y_train))
train_data = train_data.repeat().shuffle(1000).batch(batch_size).prefetch(1)


def conv2d(x, W, b, strides=1):
    x = tf.nn.conv2d(x, W, strides=[1, strides, strides, 1], padding="SAME")
    x = tf.nn.bias_add(x, b)
    return tf.nn.relu(x)


def maxpool2d(x, k=2):
    return tf.nn.max_pool(x, ksize=[1, k, k, 1], strides=[1, k, k, 1], padding="SAME")


weights = {
    "wc1": tf.Variable(tf.random.truncated_normal([5, 5, 1, 8], stddev=0.1)),
    "wc2": tf.Variable(tf.random.truncated_normal([5, 5, 8, 16], stddev=0.1)),
    "wd1": tf.Variable(tf.random.normal([7 * 7 * 16, 64], stddev=0.1)),
    "out": tf.Variable(tf.random.uniform([64, num_classes], -0.1, 0.1)),
}
biases = {
    "bc1": tf.Variable(tf.constant(0.1, shape=[8])),
    "bc2": tf.Variable(tf.constant(0.1, shape=[16])),
    "bd1": tf.Variable(tf.constant(0.1, shape=[64])),
    "out": tf.Variable(tf.zeros([num_classes])),
}


def conv_net(x):
    x = tf.reshape(x, [-1, 28, 28, 1])
    conv1 = maxpool2d(conv2d(x, weights["wc1"], biases["bc1"]), k=2)
    conv2 = maxpool2d(conv2d(conv1, weights["wc2"], biases["bc2"]), k=2)
    fc1 = tf.reshape(conv2, [-1, weights["wd1"].get_shape().as_list()[0]])
    fc1 = tf.add(tf.matmul(fc1, weights["wd1"]), biases["bd1"])
    fc1 = tf.nn.relu(fc1)
    return tf.add(tf.matmul(fc1, weights["out"]), biases["out"])


def cross_entropy(logits, y_true):
    y_true = tf.cast(y_true, tf.int64)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y_true, logits=logits))


def accuracy(y_pred, y_true):
    correct_prediction = tf.equal(tf.argmax(y_pred, 1), tf.cast(y_true, tf.int64))
    return tf.reduce_mean(tf.cast(correct_prediction, tf.float32), axis=-1)


optimizer = tf.optimizers.Adam(learning_rate)


def run_optimization(x, y):
    with tf.GradientTape() as g:
        loss = cross_entropy(conv_net(x), y)
    trainable_variables = list(weights.values()) + list(biases.values())
    gradients = g.gradient(loss, trainable_variables)
    optimizer.apply_gradients(zip(gradients, trainable_variables))
    return loss


losses = [run_optimization(batch_x, batch_y).numpy() for batch_x, batch_y in train_data.take(training_steps)]
results = {"test": accuracy(conv_net(x_test), y_test)}
