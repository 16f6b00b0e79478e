"""Softmax regression from single operations: matmul, softmax, clip_by_value, log, and the gradients of a tape."""

import numpy as np
import tensorflow as tf

num_classes, num_features = 10, 784
learning_rate, training_steps, batch_size, display_step = 0.01, 50, 64, 10

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train, x_test = np.array(x_train[:3200], np.float32), np.array(x_test[:500], np.float32)
x_train, x_test = x_train.reshape([-1, num_features]), x_test.reshape([-1, num_features])
x_train, x_test = x_train / 255.0, x_test / 255.0
y_train, y_test = y_train[:3200], y_test[:500]

train_data = tf.data.Dataset.from_tensor_slices((x_train, y_train))
train_data = train_data.repeat().shuffle(5000, seed=3).batch(batch_size).prefetch(1)

W = tf.Variable(tf.ones([num_features, num_classes]), name="weight")
b = tf.Variable(tf.zeros([num_classes]), name="bias")


def logistic_regression(x):
    return tf.nn.softmax(tf.matmul(x, W) + b)


def cross_entropy(y_pred, y_true):
    y_true = tf.one_hot(y_true, depth=num_classes)
    y_pred = tf.clip_by_value(y_pred, 1e-9, 1.0)
    return tf.reduce_mean(-tf.reduce_sum(y_true * tf.math.log(y_pred), 1))


def accuracy(y_pred, y_true):
    correct_prediction = tf.equal(tf.argmax(y_pred, 1), tf.cast(y_true, tf.int64))
    return tf.reduce_mean(tf.cast(correct_prediction, tf.float32))


optimizer = tf.optimizers.SGD(learning_rate)


def run_optimization(x, y):
    with tf.GradientTape() as g:
        pred = logistic_regression(x)
        loss = cross_entropy(pred, y)
    gradients = g.gradient(loss, [W, b])
    optimizer.apply_gradients(zip(gradients, [W, b]))
    return loss


losses, accuracies = [], []
for step, (batch_x, batch_y) in enumerate(train_data.take(training_steps), 1):
    losses.append(run_optimization(batch_x, batch_y).numpy())
    if step % display_step == 0:
        pred = logistic_regression(batch_x)
        loss = cross_entropy(pred, batch_y)
        acc = accuracy(pred, batch_y)
        print("step: %i, loss: %f, accuracy: %f" % (step, loss, acc))
        accuracies.append(acc)

pred = logistic_regression(x_test)
print("Test Accuracy: %f" % accuracy(pred, y_test))
results = {"accuracies": accuracies, "test": accuracy(pred, y_test), "W": tf.reduce_sum(W, 0), "b": b}
